/* See class-health.h. */
#include "class-health.h"

#include <math.h>
#include <string.h>

/* Seen in a look a cause gains, unseen it loses; told from RAISE on until it is at 0. */
#define GAIN 2
#define RAISE 6
#define MOST 10

/* A viewer's trouble is smoothed over some reports; it suffers from the first bound on until it is below the second. */
#define SMOOTHING 0.35
#define SUFFERS 1.0
#define RECOVERED 0.6
#define SETTLED_US (5 * G_USEC_PER_SEC) /* the start says nothing yet */

#define SILENT_US (G_USEC_PER_SEC * 3 / 2)
#define LATE_US (G_USEC_PER_SEC * 8 / 10)
#define USUAL_SECONDS 60.0 /* over which the usual rate is taken */
#define MIN_FPS 5.0        /* a slide show has no frame rate to keep */
#define FEW_OF_USUAL 0.6
#define FEW_OF_DECLARED 0.45 /* cameras halve their rate in the dark, which is nobody's network */
#define FEW_BITS 0.4
#define FEWER_OF_USUAL 0.85

#define DROPPED_SHARE 0.005
#define SEND_LATE_US (G_USEC_PER_SEC / 10)
#define MAIN_LATE_US (G_USEC_PER_SEC / 2)
#define CPU_SHARE 0.95

#define MANY 3u            /* at one place, or all that there are */
#define MOST_OF_PLACE 0.6
#define FEW_ELSEWHERE 0.25
#define WIDESPREAD 4u
#define HALF 0.5

typedef struct
{
  double trouble;
  bool suffers;
  unsigned look; /* in which it was seen last */
} Patient;

typedef struct
{
  unsigned watching, affected;
  const char *address; /* of the affected, borrowed for the look; NULL when there are several */
  bool several;
} Place;

struct _AirClassHealth
{
  GHashTable *patients; /* id → Patient */
  unsigned look;
  double usual_fps, usual_bps;
  int scores[AIR_CLASS_CAUSES];
  AirClassVerdict verdict;
};

const char *
air_class_cause_to_string (AirClassCause cause)
{
  static const char *const names[] = { "healthy", "uplink", "server", "place", "students" };
  return names[cause];
}

AirClassHealth *
air_class_health_new (void)
{
  AirClassHealth *health = g_new0 (AirClassHealth, 1);
  health->patients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  health->verdict.detail = "";
  return health;
}

void
air_class_health_free (AirClassHealth *health)
{
  if (!health)
    return;
  g_hash_table_unref (health->patients);
  g_free (health);
}

const AirClassVerdict *
air_class_health_get_verdict (const AirClassHealth *health)
{
  return &health->verdict;
}

/* ---- The teacher's uplink */

static void
learn_usual (AirClassHealth *health, const AirStreamIngest *ingest)
{
  if (health->usual_fps == 0)
    health->usual_fps = ingest->fps;
  if (health->usual_bps == 0)
    health->usual_bps = ingest->bitrate_bps;
  health->usual_fps += (ingest->fps - health->usual_fps) / USUAL_SECONDS;
  health->usual_bps += (ingest->bitrate_bps - health->usual_bps) / USUAL_SECONDS;
}

/* A still picture needs few bits, a slow one few pictures: both together are what a choked uplink looks like. */
static bool
lacks_frames (const AirClassHealth *health, const AirStreamIngest *ingest)
{
  if (ingest->fps <= 0 || health->usual_fps < MIN_FPS)
    return false;
  return ingest->fps < health->usual_fps * FEW_OF_USUAL || ingest->fps < ingest->declared_fps * FEW_OF_DECLARED
         || (ingest->bitrate_bps < health->usual_bps * FEW_BITS && ingest->fps < health->usual_fps * FEWER_OF_USUAL);
}

static bool
blame_uplink (const AirClassHealth *health, const AirStreamIngest *ingest, AirClassVerdict *ret)
{
  if (ingest->age_us < SETTLED_US)
    return false;
  if (ingest->silence_us >= SILENT_US)
    {
      ret->detail = "silent";
      ret->value = (double)ingest->silence_us / G_USEC_PER_SEC;
    }
  else if (ingest->late_us >= LATE_US)
    {
      ret->detail = "late";
      ret->value = (double)ingest->late_us / G_USEC_PER_SEC;
    }
  else if (lacks_frames (health, ingest))
    {
      ret->detail = "frames";
      ret->value = ingest->fps;
    }
  else
    return false;
  ret->cause = AIR_CLASS_UPLINK;
  return true;
}

/* ---- The viewers */

static bool
take_patient (AirClassHealth *health, const AirClassViewer *viewer)
{
  Patient *patient = g_hash_table_lookup (health->patients, viewer->viewer_id);
  if (!patient)
    {
      patient = g_new0 (Patient, 1);
      g_hash_table_insert (health->patients, g_strdup (viewer->viewer_id), patient);
    }
  patient->look = health->look;
  patient->trouble += (viewer->trouble - patient->trouble) * SMOOTHING;
  patient->suffers = patient->trouble >= (patient->suffers ? RECOVERED : SUFFERS);
  return patient->suffers;
}

static gboolean
is_gone (void *id, void *patient, void *health)
{
  return ((Patient *)patient)->look != ((AirClassHealth *)health)->look;
}

/* "192.0.2.*" or "2001:db8:0:1::*": a network of IPv4 has 24 bits here, one of IPv6 has 64 (RFC 4291 §2.5.4). */
static char *
place_of (const char *address)
{
  bool bracketed = address[0] == '[';
  const char *colon = strrchr (address, ':');
  g_autofree char *host = g_strndup (address + bracketed, colon ? (size_t)(colon - address) - 2 * bracketed : strlen (address));
  g_autoptr (GInetAddress) ip = g_inet_address_new_from_string (host);
  if (!ip || g_inet_address_get_family (ip) == G_SOCKET_FAMILY_IPV4)
    {
      char *dot = strrchr (host, '.');
      return ip && dot ? g_strdup_printf ("%.*s.*", (int)(dot - host), host) : g_strdup (host);
    }
  const uint8_t *bytes = g_inet_address_to_bytes (ip);
  return g_strdup_printf ("%x:%x:%x:%x::*", bytes[0] << 8 | bytes[1], bytes[2] << 8 | bytes[3], bytes[4] << 8 | bytes[5],
                          bytes[6] << 8 | bytes[7]);
}

static bool
same_host (const char *a, const char *b)
{
  const char *end_a = strrchr (a, ':'), *end_b = strrchr (b, ':');
  return end_a && end_b && end_a - a == end_b - b && memcmp (a, b, (size_t)(end_a - a)) == 0;
}

static void
count_at_place (GHashTable *places, const AirClassViewer *viewer, bool suffers)
{
  g_autofree char *name = place_of (viewer->address);
  Place *place = g_hash_table_lookup (places, name);
  if (!place)
    {
      place = g_new0 (Place, 1);
      g_hash_table_insert (places, g_steal_pointer (&name), place);
    }
  place->watching++;
  if (!suffers)
    return;
  place->affected++;
  place->several = place->several || (place->address && !same_host (place->address, viewer->address));
  place->address = viewer->address;
}

static bool
blame_place (GHashTable *places, AirClassVerdict *ret)
{
  GHashTableIter iter;
  const char *name, *worst_name = NULL;
  Place *place, *worst = NULL;
  g_hash_table_iter_init (&iter, places);
  while (g_hash_table_iter_next (&iter, (void **)&name, (void **)&place))
    if (!worst || place->affected > worst->affected)
      {
        worst = place;
        worst_name = name;
      }
  if (!worst || worst->affected < MANY || worst->affected < worst->watching * MOST_OF_PLACE)
    return false;
  unsigned elsewhere = ret->watching - worst->watching;
  if (ret->affected - worst->affected > elsewhere * FEW_ELSEWHERE)
    return false;
  ret->cause = AIR_CLASS_PLACE;
  ret->affected = worst->affected;
  g_strlcpy (ret->place, worst_name, sizeof ret->place);
  if (!worst->several)
    {
      g_strlcpy (ret->place, worst->address, sizeof ret->place);
      *strrchr (ret->place, ':') = '\0';
    }
  return true;
}

/* ---- The server */

static bool
blame_server (const AirServerLoad *load, bool somebody_suffers, AirClassVerdict *ret)
{
  if (load->dropped_share >= DROPPED_SHARE)
    {
      ret->detail = "drops";
      ret->value = load->dropped_share * 100;
    }
  else if (load->send_late_us >= SEND_LATE_US)
    {
      ret->detail = "delay";
      ret->value = (double)load->send_late_us / G_USEC_PER_SEC;
    }
  else if (load->cpu_share >= CPU_SHARE && (somebody_suffers || load->main_late_us >= MAIN_LATE_US))
    {
      ret->detail = "cpu";
      ret->value = load->cpu_share * 100;
    }
  else if (load->main_late_us >= MAIN_LATE_US)
    {
      ret->detail = "stalls";
      ret->value = (double)load->main_late_us / G_USEC_PER_SEC;
    }
  else
    return false;
  ret->cause = AIR_CLASS_SERVER;
  return true;
}

/* ---- The verdict of a look */

static void
judge (AirClassHealth *health, const AirStreamIngest *ingest, const AirServerLoad *load, const GArray *viewers,
       AirClassVerdict *ret)
{
  g_autoptr (GHashTable) places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  *ret = (AirClassVerdict){ .detail = "" };
  for (unsigned i = 0; i < viewers->len; i++)
    {
      const AirClassViewer *viewer = &g_array_index (viewers, AirClassViewer, i);
      if (viewer->age_us < SETTLED_US)
        continue;
      bool suffers = take_patient (health, viewer);
      ret->watching++;
      ret->affected += suffers;
      count_at_place (places, viewer, suffers);
    }
  bool all = ret->affected >= MANY && ret->affected == ret->watching;
  bool widespread = all || (ret->affected >= WIDESPREAD && ret->affected >= ret->watching * HALF);
  bool uplink = blame_uplink (health, ingest, ret);
  /* A server without a moment to spare takes in late, too. */
  bool busy = uplink && g_str_equal (ret->detail, "late") && load->cpu_share >= CPU_SHARE;
  if (uplink && !busy)
    return;
  if (blame_server (load, widespread || busy, ret) || blame_place (places, ret) || ret->affected == 0)
    return;
  ret->cause = widespread ? AIR_CLASS_SERVER : AIR_CLASS_STUDENTS;
  ret->detail = widespread ? "network" : "";
}

static AirClassCause
choose_cause (const AirClassHealth *health)
{
  AirClassCause present = health->verdict.cause;
  for (AirClassCause cause = AIR_CLASS_UPLINK; cause < AIR_CLASS_CAUSES; cause++)
    if (health->scores[cause] >= RAISE || (cause == present && health->scores[cause] > 0))
      return cause;
  return AIR_CLASS_HEALTHY;
}

bool
air_class_health_look (AirClassHealth *health, const AirStreamIngest *ingest, const AirServerLoad *load,
                       const GArray *viewers)
{
  AirClassCause before = health->verdict.cause;
  AirClassVerdict seen = { .detail = "" };
  health->look++;
  if (ingest)
    judge (health, ingest, load, viewers, &seen);
  else
    {
      memset (health->scores, 0, sizeof health->scores);
      health->usual_fps = health->usual_bps = 0;
    }
  g_hash_table_foreach_remove (health->patients, is_gone, health);
  if (ingest && ingest->age_us >= SETTLED_US)
    learn_usual (health, ingest);
  for (AirClassCause cause = AIR_CLASS_UPLINK; cause < AIR_CLASS_CAUSES; cause++)
    health->scores[cause] = CLAMP (health->scores[cause] + (cause == seen.cause ? GAIN : -1), 0, MOST);
  AirClassCause cause = choose_cause (health);
  if (cause == seen.cause || cause == AIR_CLASS_HEALTHY)
    health->verdict = seen;
  health->verdict.cause = cause;
  if (cause == AIR_CLASS_HEALTHY)
    health->verdict.detail = "";
  return cause != before;
}

/* ---- Words */

static char *
uplink_text (const AirClassVerdict *verdict)
{
  if (g_str_equal (verdict->detail, "silent"))
    return g_strdup_printf ("Nothing has come from you for %.0f seconds, so everybody sees a picture that stands still. Check the "
                            "network of the phone or computer that sends.",
                            verdict->value);
  if (g_str_equal (verdict->detail, "late"))
    return g_strdup_printf ("Your picture reaches the server %.1f seconds late, so it falters for everybody. The network that you send "
                            "over is too slow: choose a lower bitrate, or go nearer to the Wi-Fi.",
                            verdict->value);
  return g_strdup_printf ("Only %.0f pictures a second reach the server, so movement is jerky for everybody. Your device or its network "
                          "cannot keep up: choose a lower resolution or bitrate.",
                          verdict->value);
}

static char *
server_text (const AirClassVerdict *verdict)
{
  if (g_str_equal (verdict->detail, "drops"))
    return g_strdup_printf ("The server cannot send all it should: %.1f%% of the packets do not leave it. Its network or its limits are too "
                            "small for this class; tell whoever runs it.",
                            verdict->value);
  if (g_str_equal (verdict->detail, "delay"))
    return g_strdup_printf ("The server sends %.1f seconds late: it has too much to do. Tell whoever runs it.", verdict->value);
  if (g_str_equal (verdict->detail, "cpu"))
    return g_strdup_printf ("The server is busy to its limit (%.0f%% of its processors), so it falters for many. Tell whoever runs it.",
                            verdict->value);
  if (g_str_equal (verdict->detail, "stalls"))
    return g_strdup_printf ("The server answers %.1f seconds late: something holds it up. Tell whoever runs it.", verdict->value);
  return g_strdup_printf ("%u of %u students have a bad connection, at different places. What they share is the server's own network; tell "
                          "whoever runs it.",
                          verdict->affected, verdict->watching);
}

char *
air_class_verdict_to_text (const AirClassVerdict *verdict)
{
  switch (verdict->cause)
    {
    case AIR_CLASS_UPLINK:
      return uplink_text (verdict);
    case AIR_CLASS_SERVER:
      return server_text (verdict);
    case AIR_CLASS_PLACE:
      return g_strdup_printf ("%u students at one place (%s) have a bad connection: most likely the Wi-Fi or the line there is too "
                              "slow for so many.",
                              verdict->affected, verdict->place);
    case AIR_CLASS_STUDENTS:
      return g_strdup_printf ("%u of %u students have a bad connection, most likely of their own. You need not do anything: they get a "
                              "smaller picture, or the sound alone.",
                              verdict->affected, verdict->watching);
    case AIR_CLASS_HEALTHY:
    case AIR_CLASS_CAUSES:
      break;
    }
  return NULL;
}
