/* The sessions of all viewers as HTTP knows them: secret address, ETag, credential's end. Main thread. */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

typedef enum
{
  AIR_WHEP_OFFERED,  /* the engine has not answered yet */
  AIR_WHEP_ANSWERED, /* its handshake is not done */
  AIR_WHEP_PLAYING,
} AirWhepState;

typedef struct _AirWhepUser AirWhepUser;

typedef struct
{
  char *session_id; /* in the URL: 128 random bits, the only credential of PATCH and DELETE */
  char *viewer_id;  /* in documents and events: says nothing about the URL */
  char *path;
  char *user_id;         /* (nullable) */
  char *etag;            /* with its quotes; changes with each ICE restart */
  char *peer_ufrag;      /* of the offer or the last ICE restart: tells a restart from candidates that trickle in */
  AirIdentity *identity; /* tells when the session ends, which a refreshed token of its family moves */
  AirWhepState state;    /* set by air_whep_session_set_state() */
  AirWhepUser *user;     /* whose sessions of this path are counted together; NULL: nobody's in particular */
  GList unfinished;      /* among the user's, until it plays */
} AirWhepSession;

typedef struct _AirWhepSessions AirWhepSessions;

/* @max_per_user: sessions of one user at one path, of which half may be unfinished; 0: any number. */
AirWhepSessions *air_whep_sessions_new (unsigned max_per_user);
void air_whep_sessions_free (AirWhepSessions *sessions);
unsigned air_whep_sessions_count (AirWhepSessions *sessions);
/* Whether the user of @identity may have one more at @path. User ids are good for one class: the same one at another path is
 * somebody else. Identities without a user id always may.
 * @ret_replaced: (transfer none) (nullable) the session that must be removed for it: the oldest of the user's whose handshake is
 * not done, such as a page leaves behind that is loaded again and again. */
bool air_whep_sessions_admit (AirWhepSessions *sessions, const char *path, AirIdentity *identity,
                              AirWhepSession **ret_replaced);
/* Returns: (transfer none) */
AirWhepSession *air_whep_sessions_add (AirWhepSessions *sessions, const char *path, AirIdentity *identity,
                                       const char *peer_ufrag);
/* Return: (transfer none) (nullable) */
AirWhepSession *air_whep_sessions_find (AirWhepSessions *sessions, const char *session_id, const char *path);
AirWhepSession *air_whep_sessions_find_viewer (AirWhepSessions *sessions, const char *viewer_id);
void air_whep_sessions_remove (AirWhepSessions *sessions, AirWhepSession *session);
/* Forwards only. */
void air_whep_session_set_state (AirWhepSession *session, AirWhepState state);
/* After an ICE restart to @peer_ufrag. */
void air_whep_session_renew (AirWhepSession *session, const char *peer_ufrag);
/* Returns: (transfer container) (element-type AirWhepSession) those whose credential ended before @now_s. */
GPtrArray *air_whep_sessions_list_expired (AirWhepSessions *sessions, int64_t now_s);

G_END_DECLS
