/* Playlists. */
#include "hls-playlist.h"

#include <string.h>

#define NS_PER_S 1e9

typedef struct
{
  GBytes *media;
  int64_t duration_ns;
  bool discontinuity;
} Segment;

struct _HlsPlaylist
{
  char *name;
  unsigned target_s;
  unsigned window;
  GArray *segments;             /* (element-type Segment) those listed, and before them those that were */
  uint64_t first;               /* number of the oldest one that is kept */
  uint64_t listed;              /* EXT-X-MEDIA-SEQUENCE */
  uint64_t past_discontinuities; /* EXT-X-DISCONTINUITY-SEQUENCE: of the segments no longer listed */
  bool ended;
};

static void
segment_clear (void *data)
{
  Segment *segment = data;
  g_bytes_unref (segment->media);
}

HlsPlaylist *
hls_playlist_new (const char *name, unsigned target_s, unsigned window)
{
  HlsPlaylist *playlist = g_new0 (HlsPlaylist, 1);
  playlist->name = g_strdup (name);
  playlist->target_s = target_s;
  playlist->window = window;
  playlist->segments = g_array_new (FALSE, FALSE, sizeof (Segment));
  g_array_set_clear_func (playlist->segments, segment_clear);
  return playlist;
}

void
hls_playlist_free (HlsPlaylist *playlist)
{
  if (!playlist)
    return;
  g_array_unref (playlist->segments);
  g_free (playlist->name);
  g_free (playlist);
}

static const Segment *
get (const HlsPlaylist *playlist, uint64_t number)
{
  return &g_array_index (playlist->segments, Segment, number - playlist->first);
}

static uint64_t
get_end (const HlsPlaylist *playlist)
{
  return playlist->first + playlist->segments->len;
}

void
hls_playlist_add (HlsPlaylist *playlist, GBytes *media, int64_t duration_ns, bool discontinuity)
{
  Segment segment = { media, duration_ns, discontinuity };
  g_array_append_val (playlist->segments, segment);
  for (; get_end (playlist) - playlist->listed > playlist->window; playlist->listed++)
    playlist->past_discontinuities += get (playlist, playlist->listed)->discontinuity;
  if (playlist->listed - playlist->first > playlist->window)
    {
      g_array_remove_range (playlist->segments, 0, 1);
      playlist->first++;
    }
}

void
hls_playlist_end (HlsPlaylist *playlist)
{
  playlist->ended = true;
}

bool
hls_playlist_is_empty (const HlsPlaylist *playlist)
{
  return playlist->segments->len == 0;
}

static void
append_segment (const HlsPlaylist *playlist, GString *text, uint64_t number, const char *token)
{
  const Segment *segment = get (playlist, number);
  char seconds[G_ASCII_DTOSTR_BUF_SIZE];
  if (segment->discontinuity)
    g_string_append (text, "#EXT-X-DISCONTINUITY\n");
  g_ascii_formatd (seconds, sizeof seconds, "%.5f", (double)segment->duration_ns / NS_PER_S);
  g_string_append_printf (text, "#EXTINF:%s,\nhls/%s-%" G_GUINT64_FORMAT ".ts", seconds, playlist->name, number);
  if (token)
    {
      g_string_append (text, "?jwt=");
      g_string_append_uri_escaped (text, token, NULL, FALSE);
    }
  g_string_append_c (text, '\n');
}

char *
hls_playlist_to_text (const HlsPlaylist *playlist, const char *token)
{
  GString *text = g_string_new ("#EXTM3U\n#EXT-X-VERSION:3\n");
  g_string_append_printf (text, "#EXT-X-TARGETDURATION:%u\n#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n", playlist->target_s,
                          playlist->listed);
  g_string_append_printf (text, "#EXT-X-DISCONTINUITY-SEQUENCE:%" G_GUINT64_FORMAT "\n", playlist->past_discontinuities);
  for (uint64_t number = playlist->listed; number < get_end (playlist); number++)
    append_segment (playlist, text, number, token);
  if (playlist->ended)
    g_string_append (text, "#EXT-X-ENDLIST\n");
  return g_string_free (text, FALSE);
}

GBytes *
hls_playlist_find (const HlsPlaylist *playlist, const char *name)
{
  size_t length = strlen (playlist->name);
  if (strncmp (name, playlist->name, length) != 0 || name[length] != '-')
    return NULL;
  for (uint64_t number = playlist->first; number < get_end (playlist); number++)
    {
      g_autofree char *own = g_strdup_printf ("%s-%" G_GUINT64_FORMAT ".ts", playlist->name, number);
      if (g_str_equal (own, name))
        return get (playlist, number)->media;
    }
  return NULL;
}
