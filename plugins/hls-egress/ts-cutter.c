/* Segments of MPEG-TS. */
#include "ts-cutter.h"

#include <string.h>

#define PAT_PID 0u
#define NO_PID 0x2000u
#define SYNC_BYTE 0x47

/* A table of one packet, to be repeated at the beginning of each segment. */
typedef struct
{
  uint8_t packet[TS_PACKET_BYTES];
  bool known;
  uint8_t continuity; /* of the next one that is written */
} Table;

struct _TsCutter
{
  TsCutterConfig config;
  Table pat, pmt;
  unsigned pmt_pid;
  unsigned main_pid; /* whose units begin segments */
  GByteArray *open;  /* the segment that grows */
  bool has_units;    /* it has more than tables */
  int64_t begin_ns;
  int64_t newest_ns;
};

TsCutter *
ts_cutter_new (const TsCutterConfig *config)
{
  TsCutter *cutter = g_new0 (TsCutter, 1);
  cutter->config = *config;
  cutter->pmt_pid = cutter->main_pid = NO_PID;
  cutter->open = g_byte_array_new ();
  return cutter;
}

void
ts_cutter_free (TsCutter *cutter)
{
  if (!cutter)
    return;
  g_byte_array_unref (cutter->open);
  g_free (cutter);
}

static unsigned
get_pid (const uint8_t *packet)
{
  return (packet[1] & 0x1fu) << 8 | packet[2];
}

static bool
begins_unit (const uint8_t *packet)
{
  return packet[1] & 0x40;
}

/* random_access_indicator (§2.4.3.5) */
static bool
is_key (const uint8_t *packet)
{
  return (packet[3] & 0x20) && packet[4] > 0 && (packet[5] & 0x40);
}

/* The program map's PID in a PAT (§2.4.4.3); NO_PID when there is none. */
static unsigned
find_pmt_pid (const uint8_t *packet)
{
  size_t at = 4 + (packet[3] & 0x20 ? 1u + packet[4] : 0);
  if (at >= TS_PACKET_BYTES)
    return NO_PID;
  at += 1u + packet[at];
  if (at + 12 > TS_PACKET_BYTES)
    return NO_PID;
  size_t end = MIN (at + 3 + ((packet[at + 1] & 0x0fu) << 8 | packet[at + 2]), TS_PACKET_BYTES) - 4; /* before the CRC */
  for (size_t program = at + 8; program + 4 <= end; program += 4)
    if (packet[program] || packet[program + 1])
      return (packet[program + 2] & 0x1fu) << 8 | packet[program + 3];
  return NO_PID;
}

/* Repeated tables would break the row of continuity counters (§2.4.3.3), so all are counted here. */
static void
write_table (TsCutter *cutter, Table *table)
{
  table->packet[3] = (table->packet[3] & 0xf0) | table->continuity;
  table->continuity = (table->continuity + 1) & 0x0f;
  g_byte_array_append (cutter->open, table->packet, TS_PACKET_BYTES);
}

static void
take_table (TsCutter *cutter, Table *table, const uint8_t *packet)
{
  memcpy (table->packet, packet, TS_PACKET_BYTES);
  table->known = true;
  if (cutter->has_units)
    write_table (cutter, table);
}

static void
close_segment (TsCutter *cutter, int64_t until_ns)
{
  int64_t duration_ns = MAX (until_ns - cutter->begin_ns, 1);
  cutter->config.segment (g_byte_array_free_to_bytes (cutter->open), duration_ns, cutter->config.data);
  cutter->open = g_byte_array_new ();
  cutter->has_units = false;
}

static bool
ends_segment (const TsCutter *cutter, const uint8_t *packet, int64_t time_ns)
{
  int64_t length_ns = time_ns - cutter->begin_ns;
  bool opportune = !cutter->config.pictures || is_key (packet);
  /* An interval of 2 s is one of 1,999 ms now and then, by clocks of milliseconds. */
  return (opportune && length_ns >= cutter->config.segment_ns - cutter->config.segment_ns / 10) || length_ns >= cutter->config.longest_ns
         || cutter->open->len >= cutter->config.max_bytes;
}

void
ts_cutter_take (TsCutter *cutter, const uint8_t *packet, int64_t time_ns)
{
  unsigned pid = get_pid (packet);
  if (packet[0] != SYNC_BYTE)
    return;
  if (pid == PAT_PID)
    {
      cutter->pmt_pid = find_pmt_pid (packet);
      take_table (cutter, &cutter->pat, packet);
      return;
    }
  if (pid == cutter->pmt_pid)
    {
      take_table (cutter, &cutter->pmt, packet);
      return;
    }
  if (cutter->main_pid == NO_PID && begins_unit (packet) && (is_key (packet) || !cutter->config.pictures))
    cutter->main_pid = pid;
  if (!cutter->pat.known || !cutter->pmt.known || cutter->main_pid == NO_PID)
    return;
  bool begins = pid == cutter->main_pid && begins_unit (packet);
  if (cutter->has_units && begins && ends_segment (cutter, packet, time_ns))
    close_segment (cutter, time_ns);
  if (!cutter->has_units)
    {
      cutter->begin_ns = time_ns;
      cutter->has_units = true;
      write_table (cutter, &cutter->pat);
      write_table (cutter, &cutter->pmt);
    }
  if (begins)
    cutter->newest_ns = time_ns;
  g_byte_array_append (cutter->open, packet, TS_PACKET_BYTES);
}

void
ts_cutter_finish (TsCutter *cutter)
{
  if (cutter->has_units)
    close_segment (cutter, cutter->newest_ns);
}
