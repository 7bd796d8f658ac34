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
  GList place;           /* among the user's */
} AirWhepSession;

typedef struct _AirWhepSessions AirWhepSessions;

/* @fair_share: so many sessions of one user at one path give way to nobody; 0: no sessions do. */
AirWhepSessions *air_whep_sessions_new (unsigned fair_share);
void air_whep_sessions_free (AirWhepSessions *sessions);
unsigned air_whep_sessions_count (AirWhepSessions *sessions);
/* When there are as many as may be: the one that gives its place to a further one of @identity at @path, of the user who has most, and
 * more than the fair share and than @identity has; the oldest whose handshake is not done, else the oldest. User ids are good for one
 * class: the same one at another path is somebody else. Returns: (transfer none) (nullable) */
AirWhepSession *air_whep_sessions_find_replaceable (AirWhepSessions *sessions, const char *path, AirIdentity *identity);
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
