/* Tables over the same sessions: by secret, by public name, and by user. */
#include "whep-sessions.h"

#include <openssl/rand.h>

struct _AirWhepSessions
{
  GHashTable *by_session; /* owns */
  GHashTable *by_viewer;
  GHashTable *users; /* owns; those who have sessions, by user_key() */
  unsigned fair_share; /* of one user; 0: any number */
};

struct _AirWhepUser
{
  GHashTable *users; /* where it stands */
  char *key;
  GQueue unfinished, playing; /* the oldest first */
};

/* ---- Users */

static void
free_user (void *data)
{
  AirWhepUser *user = data;
  g_free (user->key);
  g_free (user);
}

static unsigned
count_sessions (const AirWhepUser *user)
{
  return user->unfinished.length + user->playing.length;
}

/* Returns: (transfer full) NULL: nobody in particular */
static char *
user_key (const char *path, AirIdentity *identity)
{
  const char *user_id = air_identity_get_user_id (identity);
  return user_id ? g_strconcat (path, "\n", user_id, NULL) : NULL; /* neither has control characters */
}

static void
join_user (AirWhepSessions *sessions, AirWhepSession *session)
{
  g_autofree char *key = user_key (session->path, session->identity);
  if (!key)
    return;
  AirWhepUser *user = g_hash_table_lookup (sessions->users, key);
  if (!user)
    {
      user = g_new0 (AirWhepUser, 1);
      user->users = sessions->users;
      user->key = g_steal_pointer (&key);
      g_hash_table_insert (sessions->users, user->key, user);
    }
  session->user = user;
  session->place.data = session;
  g_queue_push_tail_link (&user->unfinished, &session->place);
}

static void
leave_user (AirWhepSession *session)
{
  AirWhepUser *user = g_steal_pointer (&session->user);
  if (!user)
    return;
  g_queue_unlink (session->state == AIR_WHEP_PLAYING ? &user->playing : &user->unfinished, &session->place);
  if (count_sessions (user) == 0)
    g_hash_table_remove (user->users, user->key);
}

/* Returns: (nullable) of those who have most, one. */
static AirWhepUser *
find_greediest (AirWhepSessions *sessions)
{
  AirWhepUser *greediest = NULL, *user;
  GHashTableIter iter;
  g_hash_table_iter_init (&iter, sessions->users);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&user))
    if (!greediest || count_sessions (user) > count_sessions (greediest))
      greediest = user;
  return greediest;
}

/* Returns: (nullable) the oldest whose handshake is not done. One that the engine still works at costs as much as before when it is
 * given up: they would pile up. */
static AirWhepSession *
find_unfinished (AirWhepUser *user)
{
  AirWhepSession *oldest = g_queue_peek_head (&user->unfinished);
  return oldest && oldest->state == AIR_WHEP_ANSWERED ? oldest : NULL;
}

/* ---- Sessions */

static char *
random_name (const char *prefix, size_t bytes)
{
  uint8_t random[16];
  g_assert (bytes <= sizeof random);
  if (RAND_bytes (random, (int)bytes) != 1)
    g_error ("no random bytes to be had");
  GString *name = g_string_new (prefix);
  for (size_t i = 0; i < bytes; i++)
    g_string_append_printf (name, "%02x", random[i]);
  return g_string_free (name, FALSE);
}

static void
free_session (void *data)
{
  AirWhepSession *session = data;
  leave_user (session);
  g_free (session->session_id);
  g_free (session->viewer_id);
  g_free (session->path);
  g_free (session->user_id);
  g_free (session->etag);
  g_free (session->peer_ufrag);
  air_identity_unref (session->identity);
  g_free (session);
}

AirWhepSessions *
air_whep_sessions_new (unsigned fair_share)
{
  AirWhepSessions *sessions = g_new0 (AirWhepSessions, 1);
  sessions->by_session = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_session);
  sessions->by_viewer = g_hash_table_new (g_str_hash, g_str_equal);
  sessions->users = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_user);
  sessions->fair_share = fair_share;
  return sessions;
}

void
air_whep_sessions_free (AirWhepSessions *sessions)
{
  if (!sessions)
    return;
  g_hash_table_unref (sessions->by_viewer);
  g_hash_table_unref (sessions->by_session);
  g_hash_table_unref (sessions->users);
  g_free (sessions);
}

unsigned
air_whep_sessions_count (AirWhepSessions *sessions)
{
  return g_hash_table_size (sessions->by_session);
}

AirWhepSession *
air_whep_sessions_find_replaceable (AirWhepSessions *sessions, const char *path, AirIdentity *identity)
{
  g_autofree char *key = user_key (path, identity);
  AirWhepUser *own = key ? g_hash_table_lookup (sessions->users, key) : NULL;
  AirWhepUser *greediest = sessions->fair_share > 0 ? find_greediest (sessions) : NULL;
  unsigned has = own ? count_sessions (own) : 0;
  if (!greediest || count_sessions (greediest) <= MAX (sessions->fair_share, has))
    return NULL;
  AirWhepSession *unfinished = find_unfinished (greediest);
  return unfinished ? unfinished : g_queue_peek_head (&greediest->playing);
}

AirWhepSession *
air_whep_sessions_add (AirWhepSessions *sessions, const char *path, AirIdentity *identity, const char *peer_ufrag)
{
  AirWhepSession *session = g_new0 (AirWhepSession, 1);
  session->session_id = random_name ("", 16);
  session->viewer_id = random_name ("v", 8);
  session->path = g_strdup (path);
  session->user_id = g_strdup (air_identity_get_user_id (identity));
  session->identity = air_identity_ref (identity);
  join_user (sessions, session);
  air_whep_session_renew (session, peer_ufrag);
  g_hash_table_insert (sessions->by_session, session->session_id, session);
  g_hash_table_insert (sessions->by_viewer, session->viewer_id, session);
  return session;
}

AirWhepSession *
air_whep_sessions_find (AirWhepSessions *sessions, const char *session_id, const char *path)
{
  AirWhepSession *session = session_id ? g_hash_table_lookup (sessions->by_session, session_id) : NULL;
  return session && g_strcmp0 (session->path, path) == 0 ? session : NULL;
}

AirWhepSession *
air_whep_sessions_find_viewer (AirWhepSessions *sessions, const char *viewer_id)
{
  return g_hash_table_lookup (sessions->by_viewer, viewer_id);
}

void
air_whep_sessions_remove (AirWhepSessions *sessions, AirWhepSession *session)
{
  g_hash_table_remove (sessions->by_viewer, session->viewer_id);
  g_hash_table_remove (sessions->by_session, session->session_id);
}

void
air_whep_session_set_state (AirWhepSession *session, AirWhepState state)
{
  if (state <= session->state)
    return;
  session->state = state;
  if (!session->user || state != AIR_WHEP_PLAYING)
    return;
  g_queue_unlink (&session->user->unfinished, &session->place);
  g_queue_push_tail_link (&session->user->playing, &session->place);
}

void
air_whep_session_renew (AirWhepSession *session, const char *peer_ufrag)
{
  g_autofree char *name = random_name ("", 8);
  g_free (session->etag);
  g_free (session->peer_ufrag);
  session->peer_ufrag = g_strdup (peer_ufrag);
  session->etag = g_strdup_printf ("\"%s\"", name);
}

GPtrArray *
air_whep_sessions_list_expired (AirWhepSessions *sessions, int64_t now_s)
{
  GPtrArray *expired = g_ptr_array_new ();
  GHashTableIter iter;
  AirWhepSession *session;
  g_hash_table_iter_init (&iter, sessions->by_session);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&session))
    {
      int64_t expires_at = air_identity_get_expires_at (session->identity);
      if (expires_at != 0 && expires_at <= now_s)
        g_ptr_array_add (expired, session);
    }
  return expired;
}
