/* Cutting: every segment begins with the tables and a picture, counters go on, nothing is lost or doubled. */
#include "../ts-cutter.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define PMT_PID 0x20u
#define VIDEO_PID 0x41u
#define AUDIO_PID 0x42u

typedef struct
{
  GBytes *media;
  int64_t duration_ns;
} Segment;

static void
segment_clear (void *data)
{
  g_bytes_unref (((Segment *)data)->media);
}

static void
on_segment (GBytes *media, int64_t duration_ns, void *data)
{
  Segment segment = { media, duration_ns };
  g_array_append_val (data, segment);
}

static GArray *
segments_new (void)
{
  GArray *segments = g_array_new (FALSE, FALSE, sizeof (Segment));
  g_array_set_clear_func (segments, segment_clear);
  return segments;
}

static TsCutter *
cutter_new (GArray *segments, bool pictures)
{
  TsCutterConfig config = { pictures, 2000 * MS, 4000 * MS, 1 << 20, on_segment, segments };
  return ts_cutter_new (&config);
}

static void
take (TsCutter *cutter, unsigned pid, bool begins, bool key, unsigned number, int64_t time_ms)
{
  uint8_t packet[TS_PACKET_BYTES];
  memset (packet, 0xff, sizeof packet);
  packet[0] = 0x47;
  packet[1] = (uint8_t)((begins ? 0x40 : 0) | pid >> 8);
  packet[2] = (uint8_t)pid;
  packet[3] = 0x30;
  packet[4] = 7;
  packet[5] = key ? 0x40 : 0;
  packet[12] = (uint8_t)(number >> 8);
  packet[13] = (uint8_t)number;
  ts_cutter_take (cutter, packet, time_ms * MS);
}

static void
take_tables (TsCutter *cutter)
{
  /* A PAT with the network's PID as program 0, and then ours (ISO/IEC 13818-1 §2.4.4.3). */
  static const uint8_t pat[] = { 0x47, 0x40, 0, 0x1b, 0, 0, 0xb0, 17, 0, 1, 0xc1, 0, 0, 0, 0, 0xe0, 0x10, 0, 1, 0xe0, PMT_PID, 1, 2, 3, 4 };
  uint8_t packet[TS_PACKET_BYTES];
  memset (packet, 0xff, sizeof packet);
  memcpy (packet, pat, sizeof pat);
  ts_cutter_take (cutter, packet, 0);
  take (cutter, PMT_PID, true, false, 0, 0);
}

static unsigned
get_pid (const uint8_t *packet)
{
  return (packet[1] & 0x1fu) << 8 | packet[2];
}

/* Appends the numbers of the media packets of @segments, and checks the tables. */
static void
read_all (GArray *segments, GArray *numbers)
{
  unsigned next[2] = { 0, 0 };
  for (unsigned i = 0; i < segments->len; i++)
    {
      size_t size;
      const uint8_t *media = g_bytes_get_data (g_array_index (segments, Segment, i).media, &size);
      g_assert_cmpuint (size % TS_PACKET_BYTES, ==, 0);
      g_assert_cmpuint (get_pid (media), ==, 0);
      g_assert_cmpuint (get_pid (media + TS_PACKET_BYTES), ==, PMT_PID);
      for (const uint8_t *packet = media; packet < media + size; packet += TS_PACKET_BYTES)
        {
          unsigned number = (unsigned)packet[12] << 8 | packet[13], pid = get_pid (packet);
          if (pid == 0 || pid == PMT_PID)
            g_assert_cmpuint (packet[3] & 0x0f, ==, next[pid == PMT_PID]++ & 0x0f);
          else
            g_array_append_val (numbers, number);
        }
    }
}

static void
check_order (GArray *segments, unsigned first, unsigned count)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (unsigned));
  read_all (segments, numbers);
  g_assert_cmpuint (numbers->len, ==, count);
  for (unsigned i = 0; i < count; i++)
    g_assert_cmpuint (g_array_index (numbers, unsigned, i), ==, first + i);
}

static const uint8_t *
first_unit (const Segment *segment)
{
  return (const uint8_t *)g_bytes_get_data (segment->media, NULL) + 2 * TS_PACKET_BYTES;
}

/* 10 pictures a second of two packets, sound between them; a keyframe each @interval pictures. Returns how many packets. */
static unsigned
feed (TsCutter *cutter, unsigned pictures, unsigned interval)
{
  unsigned number = 0;
  for (unsigned i = 0; i < pictures; i++)
    {
      if (i % 5 == 0)
        take_tables (cutter);
      take (cutter, VIDEO_PID, true, i % interval == 0, number++, i * 100);
      take (cutter, VIDEO_PID, false, false, number++, i * 100);
      take (cutter, AUDIO_PID, true, false, number++, i * 100 + 10);
    }
  return number;
}

static void
test_keyframes (void)
{
  g_autoptr (GArray) segments = segments_new ();
  g_autoptr (TsCutter) cutter = cutter_new (segments, true);
  unsigned count = feed (cutter, 100, 15);
  ts_cutter_finish (cutter);
  g_assert_cmpuint (segments->len, ==, 4);
  for (unsigned i = 0; i < segments->len; i++)
    {
      const Segment *segment = &g_array_index (segments, Segment, i);
      const uint8_t *unit = first_unit (segment);
      g_assert_cmpuint (get_pid (unit), ==, VIDEO_PID);
      g_assert_true (unit[5] & 0x40);
      if (i < 3)
        g_assert_cmpint (segment->duration_ns, ==, 3000 * MS);
    }
  check_order (segments, 0, count);
}

/* Without keyframes a segment ends all the same, with a picture. */
static void
test_long_interval (void)
{
  g_autoptr (GArray) segments = segments_new ();
  g_autoptr (TsCutter) cutter = cutter_new (segments, true);
  unsigned count = feed (cutter, 100, 1000);
  ts_cutter_finish (cutter);
  g_assert_cmpuint (segments->len, ==, 3);
  g_assert_cmpint (g_array_index (segments, Segment, 0).duration_ns, ==, 4000 * MS);
  g_assert_cmpuint (get_pid (first_unit (&g_array_index (segments, Segment, 1))), ==, VIDEO_PID);
  check_order (segments, 0, count);
}

static void
test_sound_alone (void)
{
  g_autoptr (GArray) segments = segments_new ();
  g_autoptr (TsCutter) cutter = cutter_new (segments, false);
  take_tables (cutter);
  for (unsigned i = 0; i < 200; i++)
    take (cutter, AUDIO_PID, true, false, i, i * 23);
  ts_cutter_finish (cutter);
  g_assert_cmpuint (segments->len, ==, 3);
  g_assert_cmpint (g_array_index (segments, Segment, 0).duration_ns, ==, 79 * 23 * MS);
  check_order (segments, 0, 200);
}

/* Bytes are bounded where time does not go on. */
static void
test_bytes (void)
{
  g_autoptr (GArray) segments = segments_new ();
  g_autoptr (TsCutter) cutter = cutter_new (segments, true);
  take_tables (cutter);
  for (unsigned i = 0; i < 8000; i++)
    take (cutter, VIDEO_PID, i % 4 == 0, i == 0, i, 0);
  ts_cutter_finish (cutter);
  g_assert_cmpuint (segments->len, ==, 2);
  g_assert_cmpuint (g_bytes_get_size (g_array_index (segments, Segment, 0).media), <, (1 << 20) + 5 * TS_PACKET_BYTES);
  check_order (segments, 0, 8000);
}

/* What comes before the tables or the first keyframe cannot be played; broken packets are nothing. */
static void
test_beginning (void)
{
  g_autoptr (GArray) segments = segments_new ();
  g_autoptr (TsCutter) cutter = cutter_new (segments, true);
  static const uint8_t broken[][TS_PACKET_BYTES] = {
    { 0 }, { 0x47, 0x40, 0, 0x30, 0xff }, { 0x47, 0x40, 0, 0x10, 0xff }, { 0x47, 0x40, 0, 0x10, 0, 0, 0xbf, 0xff }
  };
  take (cutter, VIDEO_PID, true, true, 0, 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (broken); i++)
    ts_cutter_take (cutter, broken[i], 0);
  take_tables (cutter);
  take (cutter, AUDIO_PID, true, false, 1, 0);
  ts_cutter_finish (cutter);
  g_autoptr (GArray) other_segments = segments_new ();
  g_autoptr (TsCutter) other = cutter_new (other_segments, true);
  take_tables (other);
  take (other, AUDIO_PID, true, false, 0, 0);
  take (other, VIDEO_PID, true, false, 1, 0);
  take (other, VIDEO_PID, true, true, 2, 100);
  take (other, AUDIO_PID, true, false, 3, 110);
  ts_cutter_finish (other);
  g_assert_cmpuint (other_segments->len, ==, 1);
  check_order (other_segments, 2, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ts-cutter/keyframes", test_keyframes);
  g_test_add_func ("/ts-cutter/long-interval", test_long_interval);
  g_test_add_func ("/ts-cutter/sound-alone", test_sound_alone);
  g_test_add_func ("/ts-cutter/bytes", test_bytes);
  g_test_add_func ("/ts-cutter/beginning", test_beginning);
  return g_test_run ();
}
