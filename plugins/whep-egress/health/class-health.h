/* Whether a class suffers as a whole, and the likely cause, from what is seen of one stream once a second: how it arrives,
 * how the server is off, how its viewers are. Pure: no clock, no stream, no socket. One thread.
 *
 * A cause is told when it was seen in three looks, and is over when it was not seen for some more: what flickers is not
 * told at all.
 */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

/* In the order in which one hides the next: what does not arrive cannot be sent on. */
typedef enum
{
  AIR_CLASS_HEALTHY,
  AIR_CLASS_UPLINK,   /* what the teacher sends does not arrive as it should */
  AIR_CLASS_SERVER,   /* the server, or its network, cannot keep up */
  AIR_CLASS_PLACE,    /* many viewers at one place: its Wi-Fi, or its line */
  AIR_CLASS_STUDENTS, /* some viewers, here and there */
  AIR_CLASS_CAUSES,
} AirClassCause;

/* "healthy", "uplink", … */
const char *air_class_cause_to_string (AirClassCause cause);

typedef struct
{
  const char *viewer_id;
  const char *address; /* "192.0.2.1:50000", "[2001:db8::1]:50000" */
  double trouble;      /* air_viewer_trouble() */
  int64_t age_us;      /* since it began to play */
} AirClassViewer;

/* Of the last second. */
typedef struct
{
  double cpu_share;     /* how busy the machine is, 0 to 1, whoever keeps it busy */
  double dropped_share; /* of the datagrams that should have been sent */
  int64_t send_late_us; /* from a frame's arrival to its being sent, for nearly all */
  int64_t main_late_us; /* how late the main loop was */
} AirServerLoad;

#define AIR_CLASS_PLACE_BYTES 64

typedef struct
{
  AirClassCause cause;
  /* What of it, in one word: uplink: "silent", "late", "frames"; server: "drops", "delay", "cpu", "network"; else "". */
  const char *detail;
  unsigned affected;                /* viewers that suffer */
  unsigned watching;                /* of so many that have watched for some seconds */
  char place[AIR_CLASS_PLACE_BYTES]; /* "192.0.2.*", or an address behind which many are */
  double value;                     /* seconds late or silent; pictures a second; percent of CPU or of packets */
} AirClassVerdict;

typedef struct _AirClassHealth AirClassHealth;

AirClassHealth *air_class_health_new (void);
void air_class_health_free (AirClassHealth *health);
/* To be called once a second. @ingest: NULL while nothing is live, which is then all there is to say. @viewers
 * (element-type AirClassViewer), without the teacher's own. Returns: whether the verdict's cause is another. */
bool air_class_health_look (AirClassHealth *health, const AirStreamIngest *ingest, const AirServerLoad *load,
                            const GArray *viewers);
const AirClassVerdict *air_class_health_get_verdict (const AirClassHealth *health);
/* For the teacher, in English. Returns: (transfer full) NULL when healthy */
char *air_class_verdict_to_text (const AirClassVerdict *verdict);

G_END_DECLS
