/* Where a client wants to publish or play, and with what credential: from app, tcUrl and the stream's name.
 * Any thread; no state. */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

typedef struct
{
  char *path;  /* "live/stream"; not yet checked by air_stream_path_is_valid() */
  char *key, *token, *user, *password; /* percent-decoded; NULL if absent */
  char *authmod, *challenge, *response, *opaque; /* of adobe-auth.h */
  char *raw_user;                                /* the user as it stands in the query */
} StreamName;

/* rtmp://host/APP/NAME is APP/NAME; a single segment S, in the app (OBS with an empty key) or in the name, is
 * @default_app/S. Credentials: ?key=, ?jwt= or ?token=, ?user= and ?pass= in the name, in the app or in tcUrl, the first
 * that is there; or rtmp://USER:PASSWORD@host in tcUrl. @tc_url and @name may be NULL.
 * Returns: (transfer full) NULL when the parts make no path at all. */
StreamName *stream_name_parse (const char *app, const char *tc_url, const char *name, const char *default_app);
/* What connect alone tells: the credentials of @app and @tc_url; the path is NULL. Returns: (transfer full) */
StreamName *stream_name_parse_connect (const char *app, const char *tc_url);
void stream_name_free (StreamName *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (StreamName, stream_name_free)

G_END_DECLS
