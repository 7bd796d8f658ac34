/* Playlists as RFC 8216 wants them. */
#include "../hls-playlist.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)

static void
add (HlsPlaylist *playlist, const char *media, int64_t duration_ms, bool discontinuity)
{
  hls_playlist_add (playlist, g_bytes_new (media, strlen (media)), duration_ms * MS, discontinuity);
}

static void
test_text (void)
{
  g_autoptr (HlsPlaylist) playlist = hls_playlist_new ("run", 4, 3);
  g_assert_true (hls_playlist_is_empty (playlist));
  add (playlist, "0", 2000, false);
  add (playlist, "1", 2033, true);
  g_assert_false (hls_playlist_is_empty (playlist));
  g_autofree char *text = hls_playlist_to_text (playlist, NULL);
  g_assert_cmpstr (text, ==,
                   "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                   "#EXTINF:2.00000,\nhls/run-0.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.03300,\nhls/run-1.ts\n");
}

/* The window moves, the target does not, and discontinuities that went by are counted (RFC 8216 §4.3.3.3, §6.2.2). */
static void
test_window (void)
{
  g_autoptr (HlsPlaylist) playlist = hls_playlist_new ("run", 4, 2);
  for (unsigned i = 0; i < 6; i++)
    add (playlist, i == 5 ? "five" : "x", 1000, i == 1 || i == 4);
  g_autofree char *text = hls_playlist_to_text (playlist, "a.b-c_d&e");
  g_assert_cmpstr (text, ==,
                   "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"
                   "#EXT-X-DISCONTINUITY\n#EXTINF:1.00000,\nhls/run-4.ts?jwt=a.b-c_d%26e\n"
                   "#EXTINF:1.00000,\nhls/run-5.ts?jwt=a.b-c_d%26e\n");
}

/* Those that went by are there for as long again. */
static void
test_find (void)
{
  g_autoptr (HlsPlaylist) playlist = hls_playlist_new ("run", 4, 2);
  for (unsigned i = 0; i < 6; i++)
    add (playlist, i == 5 ? "five" : "x", 1000, false);
  g_assert_cmpint (g_bytes_get_size (hls_playlist_find (playlist, "run-5.ts")), ==, 4);
  g_assert_nonnull (hls_playlist_find (playlist, "run-2.ts"));
  static const char *const others[] = { "run-1.ts", "run-6.ts", "run-05.ts", "run-5.ts2", "run-5", "other-5.ts", "run", "", "run--1.ts" };
  for (unsigned i = 0; i < G_N_ELEMENTS (others); i++)
    g_assert_null (hls_playlist_find (playlist, others[i]));
}

static void
test_end (void)
{
  g_autoptr (HlsPlaylist) playlist = hls_playlist_new ("run", 4, 2);
  add (playlist, "x", 1000, false);
  hls_playlist_end (playlist);
  g_autofree char *text = hls_playlist_to_text (playlist, NULL);
  g_assert_true (g_str_has_suffix (text, "hls/run-0.ts\n#EXT-X-ENDLIST\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hls-playlist/text", test_text);
  g_test_add_func ("/hls-playlist/window", test_window);
  g_test_add_func ("/hls-playlist/find", test_find);
  g_test_add_func ("/hls-playlist/end", test_end);
  return g_test_run ();
}
