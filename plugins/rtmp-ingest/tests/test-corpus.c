/* Runs every file of a folder, and variations of it, through the parser that its name begins with: chunks-, amf0-, amf3-,
 * video-, audio-, aggregate- or name-. What counts is that nothing crashes, leaks, or is read out of bounds; the
 * variations are the same in each run. A file that once broke something is kept in the folder. */
#include <stdio.h>
#include <string.h>

#include "access-unit.h"
#include "aggregate.h"
#include "amf.h"
#include "chunk-reader.h"
#include "media-message.h"
#include "stream-name.h"

#define VARIATIONS 300
#define MAX_MESSAGE (256 * 1024)
#define MAX_MEMORY (1024 * 1024)

static void
run_media_wanting (const uint8_t *data, size_t length, bool video, int track)
{
  MediaMessage message;
  bool ok = video ? media_message_parse_video (data, length, track, &message, NULL)
                  : media_message_parse_audio (data, length, track, &message, NULL);
  if (!ok)
    return;
  g_assert_cmpuint (message.offset, <=, length);
  g_assert_cmpuint (message.length, <=, length - message.offset);
  AccessUnitInfo info;
  for (unsigned bytes = 1; bytes <= 4; bytes++)
    access_unit_inspect_h264 (data + message.offset, message.length, bytes, &info);
}

static void
run_media (const uint8_t *data, size_t length, bool video)
{
  for (int track = -1; track < 2; track++)
    run_media_wanting (data, length, video, track);
}

static void
run_amf (const uint8_t *data, size_t length, bool amf3)
{
  g_autoptr (GPtrArray) values = amf_parse (data, length, amf3, NULL);
  for (unsigned i = 0; values && i < values->len; i++)
    amf_value_lookup (values->pdata[i], "app");
}

static void run_message (uint8_t type, const uint8_t *data, size_t length);

static void
run_aggregate (const uint8_t *data, size_t length)
{
  AggregatePart part;
  size_t position = 0;
  while (aggregate_next (data, length, 1000, &position, &part, NULL))
    if (part.type != RTMP_AGGREGATE)
      run_message (part.type, part.data, part.length);
}

static void
run_message (uint8_t type, const uint8_t *data, size_t length)
{
  if (type == RTMP_VIDEO || type == RTMP_AUDIO)
    run_media (data, length, type == RTMP_VIDEO);
  else if (type == RTMP_AGGREGATE)
    run_aggregate (data, length);
  else
    run_amf (data, length, type == RTMP_DATA_AMF3 || type == RTMP_COMMAND_AMF3);
}

static bool
on_message (RtmpMessage *message, void *data, GError **error)
{
  run_message (message->type, message->data, message->length);
  return true;
}

static void
run_chunks (const uint8_t *data, size_t length)
{
  g_autoptr (ChunkReader) reader = chunk_reader_new (MAX_MESSAGE, MAX_MEMORY, on_message, NULL);
  size_t half = length / 2;
  if (chunk_reader_feed (reader, data, half, NULL))
    chunk_reader_feed (reader, data + half, length - half, NULL);
  g_assert_cmpuint (chunk_reader_get_memory (reader), <=, MAX_MEMORY);
}

static void
run_name (const uint8_t *data, size_t length)
{
  g_autofree char *text = g_utf8_make_valid ((const char *) data, length);
  g_auto (GStrv) parts = g_strsplit (text, "\n", 3);
  if (g_strv_length (parts) == 3)
    stream_name_free (stream_name_parse (parts[0], parts[1], parts[2], "live"));
}

static void
run (const char *name, const uint8_t *data, size_t length)
{
  g_autofree uint8_t *exact = g_memdup2 (data, length);
  if (g_str_has_prefix (name, "chunks-"))
    run_chunks (exact, length);
  else if (g_str_has_prefix (name, "amf0-") || g_str_has_prefix (name, "amf3-"))
    run_amf (exact, length, name[3] == '3');
  else if (g_str_has_prefix (name, "video-") || g_str_has_prefix (name, "audio-"))
    run_media (exact, length, name[0] == 'v');
  else if (g_str_has_prefix (name, "aggregate-"))
    run_aggregate (exact, length);
  else if (g_str_has_prefix (name, "name-"))
    run_name (exact, length);
  else
    g_error ("%s: no parser has that name", name);
}

/* Changes up to 8 bytes, or cuts the end off, or doubles a part. */
static void
vary (GRand *rand, GByteArray *bytes)
{
  unsigned changes = g_rand_int_range (rand, 1, 9);
  for (unsigned i = 0; i < changes && bytes->len > 0; i++)
    {
      static const uint8_t edges[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF, 0x11, 0x0A, 0xC0 };
      unsigned at = g_rand_int_range (rand, 0, bytes->len);
      if (g_rand_boolean (rand))
        bytes->data[at] = edges[g_rand_int_range (rand, 0, G_N_ELEMENTS (edges))];
      else
        bytes->data[at] ^= 1 << g_rand_int_range (rand, 0, 8);
    }
  int kind = g_rand_int_range (rand, 0, 4);
  if (kind == 0 && bytes->len > 1)
    g_byte_array_set_size (bytes, g_rand_int_range (rand, 1, bytes->len));
  else if (kind == 1 && bytes->len > 1 && bytes->len < 65536)
    {
      unsigned from = g_rand_int_range (rand, 0, bytes->len);
      g_autofree uint8_t *part = g_memdup2 (bytes->data + from, bytes->len - from);
      g_byte_array_append (bytes, part, bytes->len - from);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = argc == 2 ? g_dir_open (argv[1], 0, &error) : NULL;
  if (!folder)
    {
      fprintf (stderr, "usage: %s FOLDER%s%s\n", argv[0], error ? ": " : "", error ? error->message : "");
      return 2;
    }
  unsigned files = 0;
  for (const char *name = g_dir_read_name (folder); name; name = g_dir_read_name (folder))
    {
      g_autofree char *path = g_build_filename (argv[1], name, NULL);
      g_autofree char *content = NULL;
      size_t length;
      if (!g_file_get_contents (path, &content, &length, &error))
        {
          fprintf (stderr, "%s\n", error->message);
          return 1;
        }
      files++;
      run (name, (const uint8_t *) content, length);
      g_autoptr (GRand) rand = g_rand_new_with_seed (g_str_hash (name));
      for (unsigned i = 0; i < VARIATIONS; i++)
        {
          g_autoptr (GByteArray) bytes = g_byte_array_new ();
          g_byte_array_append (bytes, (const uint8_t *) content, length);
          vary (rand, bytes);
          run (name, bytes->data, bytes->len);
        }
    }
  printf ("%u files, %u variations each\n", files, VARIATIONS);
  return files > 0 ? 0 : 1;
}
