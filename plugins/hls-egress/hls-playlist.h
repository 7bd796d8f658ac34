/* The media playlist of one live stream, with its segments in memory (RFC 8216). One thread at a time. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _HlsPlaylist HlsPlaylist;

/* @name: begins the names of the segments, so that those of another run of the server or the stream are never taken for
 * these. @target_s: EXT-X-TARGETDURATION, which no segment may exceed (§4.3.3.1). @window: how many segments are listed. */
HlsPlaylist *hls_playlist_new (const char *name, unsigned target_s, unsigned window);
void hls_playlist_free (HlsPlaylist *playlist);
/* @media: (transfer full) MPEG-TS that begins with PAT and PMT. @duration_ns: at least 1. @discontinuity: its timestamps or
 * codecs do not follow from the segment before (§4.3.2.3). */
void hls_playlist_add (HlsPlaylist *playlist, GBytes *media, int64_t duration_ns, bool discontinuity);
/* No segment follows (EXT-X-ENDLIST). */
void hls_playlist_end (HlsPlaylist *playlist);
bool hls_playlist_is_empty (const HlsPlaylist *playlist);
/* Returns: (transfer full) the text. @token: (nullable) is put into the segments' addresses as ?jwt=, for players that send no
 * headers. */
char *hls_playlist_to_text (const HlsPlaylist *playlist, const char *token);
/* A segment stays for as long as a playlist that lists it may be used (§6.2.2).
 * Returns: (transfer none) the segment called @name, NULL when it is not, or no longer, there. */
GBytes *hls_playlist_find (const HlsPlaylist *playlist, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HlsPlaylist, hls_playlist_free)

G_END_DECLS
