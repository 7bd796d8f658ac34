/* The agent side of ICE-lite: answers checks, keeps the selected path and the time of the last proof of life.
 *
 * One thread at a time; owns its credentials only. */
#include "ice-lite.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "prefetch.h"

#define UFRAG_BYTES 6 /* 8 characters, 48 bits */
#define PWD_BYTES 18  /* 24 characters, 144 bits; RFC 8445 §5.3 asks for 128 */

/* Within this time after a nomination a pair of lower priority does not take over. */
#define NOMINATION_US G_USEC_PER_SEC

typedef struct
{
  char ufrag[12];
  char pwd[28];
  char *remote_ufrag; /* NULL: any */
} Credentials;

struct _AirIce
{
  Credentials current;
  Credentials previous; /* valid while restarting */
  bool has_previous, restarting;

  AirPath selected;
  bool has_selected, nominated;
  uint32_t selected_priority;
  int64_t selected_heard_us;    /* authentic check on the selected path */
  int64_t selected_nominated_us; /* … with USE-CANDIDATE */
  int64_t selected_alive_us;     /* authentic packet of any kind there */
  int64_t last_heard_us;
};

/* ice-char (RFC 8839 §5.4) is the alphabet of Base64, and these sizes need no padding. */
static void
make_token (char *ret_text, size_t n_bytes)
{
  uint8_t random[PWD_BYTES];

  if (RAND_bytes (random, (int)n_bytes) != 1)
    g_error ("no randomness for ICE credentials");
  g_autofree char *text = g_base64_encode (random, n_bytes);
  strcpy (ret_text, text);
}

static void
make_credentials (Credentials *credentials, const char *remote_ufrag)
{
  make_token (credentials->ufrag, UFRAG_BYTES);
  make_token (credentials->pwd, PWD_BYTES);
  credentials->remote_ufrag = g_strdup (remote_ufrag);
}

AirIce *
air_ice_new (const char *remote_ufrag)
{
  AirIce *ice = g_new0 (AirIce, 1);

  make_credentials (&ice->current, remote_ufrag);
  return ice;
}

void
air_ice_free (AirIce *ice)
{
  if (ice == NULL)
    return;
  g_free (ice->current.remote_ufrag);
  g_free (ice->previous.remote_ufrag);
  OPENSSL_cleanse (ice, sizeof *ice);
  g_free (ice);
}

const char *
air_ice_get_ufrag (const AirIce *ice)
{
  return ice->current.ufrag;
}

const char *
air_ice_get_pwd (const AirIce *ice)
{
  return ice->current.pwd;
}

void
air_ice_restart (AirIce *ice, const char *remote_ufrag)
{
  if (ice->restarting)
    g_free (ice->current.remote_ufrag);
  else
    {
      g_free (ice->previous.remote_ufrag);
      ice->previous = ice->current;
      ice->has_previous = true;
    }
  ice->restarting = true;
  make_credentials (&ice->current, remote_ufrag);
}

bool
air_ice_is_restarting (const AirIce *ice)
{
  return ice->restarting;
}

const char *
air_ice_get_previous_ufrag (const AirIce *ice)
{
  return ice->has_previous ? ice->previous.ufrag : NULL;
}

bool
air_ice_check_ufrag (const AirStunMessage *message, const char **ret_ufrag, size_t *ret_size)
{
  const char *colon;

  if (message->method != AIR_STUN_BINDING || message->message_class != AIR_STUN_REQUEST || message->username == NULL)
    return false;
  colon = memchr (message->username, ':', message->username_size);
  if (colon == NULL || colon == message->username)
    return false;
  *ret_ufrag = message->username;
  *ret_size = (size_t)(colon - message->username);
  return true;
}

static bool
same_text (const char *known, const char *given, size_t size)
{
  return strlen (known) == size && CRYPTO_memcmp (known, given, size) == 0;
}

static bool
are_meant (const Credentials *credentials, const AirStunMessage *message, const char *ufrag, size_t ufrag_size)
{
  const char *remote = ufrag + ufrag_size + 1;

  return same_text (credentials->ufrag, ufrag, ufrag_size)
         && (credentials->remote_ufrag == NULL
             || same_text (credentials->remote_ufrag, remote, message->username_size - ufrag_size - 1));
}

/* Returns: NULL when the check is not authentic. */
static const Credentials *
authenticate (const AirIce *ice, const AirStunMessage *message, const char *ufrag, size_t ufrag_size)
{
  const Credentials *credentials = NULL;

  if (are_meant (&ice->current, message, ufrag, ufrag_size))
    credentials = &ice->current;
  else if (ice->restarting && are_meant (&ice->previous, message, ufrag, ufrag_size))
    credentials = &ice->previous;
  if (credentials == NULL || !air_stun_check_integrity (message, credentials->pwd))
    return NULL;
  return credentials;
}

/* @pwd: NULL when the peer cannot be expected to check it (RFC 8489 §9.1.3.1: 400 and 401 carry no integrity). */
static unsigned
refuse (AirStunBuilder *reply, const AirStunMessage *message, unsigned code, const char *reason, const char *pwd)
{
  air_stun_begin (reply, AIR_STUN_ERROR, message->method, message->transaction);
  air_stun_add_error (reply, code, reason);
  if (code == 420)
    air_stun_add_unknown_attributes (reply, message->unknown, message->n_unknown);
  if (pwd != NULL)
    air_stun_add_integrity (reply, pwd);
  return air_stun_finish (reply) > 0 ? AIR_ICE_REPLY : 0;
}

static bool
same_path (const AirPath *a, const AirPath *b)
{
  return a->socket == b->socket && air_address_equal (&a->remote, &b->remote) && air_address_equal (&a->local, &b->local);
}

static bool
shall_move (const AirIce *ice, const AirStunMessage *message, int64_t now_us)
{
  if (!ice->has_selected)
    return true;
  if (!ice->nominated)
    return message->use_candidate || now_us - ice->selected_heard_us > NOMINATION_US;
  return message->use_candidate
         && (message->priority >= ice->selected_priority || now_us - ice->selected_nominated_us > NOMINATION_US);
}

static unsigned
select_path (AirIce *ice, const AirStunMessage *message, const AirPath *path, int64_t now_us)
{
  bool same = ice->has_selected && same_path (&ice->selected, path);

  if (!same && !shall_move (ice, message, now_us))
    return 0;
  ice->selected_heard_us = ice->selected_alive_us = now_us;
  ice->selected_priority = message->priority;
  if (message->use_candidate)
    {
      ice->nominated = true;
      ice->selected_nominated_us = now_us;
    }
  if (same)
    return 0;
  ice->selected = *path;
  ice->has_selected = true;
  return AIR_ICE_SELECTED;
}

static unsigned
accept_check (AirIce *ice, const AirStunMessage *message, const Credentials *credentials, const AirPath *path,
              int64_t now_us, AirStunBuilder *reply)
{
  unsigned result = AIR_ICE_VALIDATED;

  air_stun_begin (reply, AIR_STUN_SUCCESS, AIR_STUN_BINDING, message->transaction);
  air_stun_add_xor_mapped_address (reply, &path->remote);
  air_stun_add_integrity (reply, credentials->pwd);
  if (air_stun_finish (reply) > 0)
    result |= AIR_ICE_REPLY;

  ice->last_heard_us = now_us;
  if (ice->restarting && credentials == &ice->current)
    {
      ice->restarting = false;
      ice->nominated = false;
      result |= AIR_ICE_RESTARTED;
    }
  return result | select_path (ice, message, path, now_us);
}

bool
air_ice_is_authentic (const AirIce *ice, const AirStunMessage *message)
{
  const char *ufrag;
  size_t ufrag_size;

  return message->integrity_offset != 0 && air_ice_check_ufrag (message, &ufrag, &ufrag_size)
         && authenticate (ice, message, ufrag, ufrag_size) != NULL;
}

unsigned
air_ice_refuse_stranger (const AirStunMessage *message, AirStunBuilder *reply)
{
  const char *ufrag;
  size_t ufrag_size;

  if (message->integrity_offset == 0 || !air_ice_check_ufrag (message, &ufrag, &ufrag_size))
    return refuse (reply, message, 400, "Bad Request", NULL);
  return refuse (reply, message, 401, "Unauthorized", NULL);
}

unsigned
air_ice_handle (AirIce *ice, const AirStunMessage *message, const AirPath *path, int64_t now_us, AirStunBuilder *reply)
{
  const Credentials *credentials;
  const char *ufrag;
  size_t ufrag_size;

  if (message->method != AIR_STUN_BINDING || message->message_class != AIR_STUN_REQUEST)
    return 0; /* keep-alive indications (RFC 8445 §11) prove nothing; we asked nothing that could be answered */
  if (message->integrity_offset == 0 || !air_ice_check_ufrag (message, &ufrag, &ufrag_size))
    return air_ice_refuse_stranger (message, reply);
  credentials = authenticate (ice, message, ufrag, ufrag_size);
  if (credentials == NULL)
    return air_ice_refuse_stranger (message, reply);
  if (message->n_unknown > 0)
    return refuse (reply, message, 420, "Unknown Attribute", credentials->pwd);
  /* RFC 8445 §6.1.1: with a lite agent the full one controls, whatever the tie-breakers. */
  if (message->role == AIR_STUN_ROLE_CONTROLLED)
    return refuse (reply, message, 487, "Role Conflict", credentials->pwd);
  return accept_check (ice, message, credentials, path, now_us, reply);
}

const AirPath *
air_ice_get_selected (const AirIce *ice)
{
  return ice->has_selected ? &ice->selected : NULL;
}

void
air_ice_lose (AirIce *ice, const AirPath *path)
{
  if (!ice->has_selected || !same_path (&ice->selected, path))
    return;
  ice->has_selected = false;
  ice->nominated = false;
}

bool
air_ice_is_nominated (const AirIce *ice)
{
  return ice->nominated;
}

void
air_ice_prefetch (const AirIce *ice)
{
  air_prefetch (&ice->selected, sizeof ice->selected + sizeof ice->has_selected);
}

void
air_ice_heard (AirIce *ice, const AirPath *path, int64_t now_us)
{
  ice->last_heard_us = now_us;
  if (ice->has_selected && same_path (&ice->selected, path))
    ice->selected_alive_us = now_us;
}

bool
air_ice_holds (const AirIce *ice, const AirPath *path, int64_t now_us)
{
  return ice->has_selected && same_path (&ice->selected, path) && now_us - ice->selected_alive_us <= AIR_ICE_HOLD_US;
}

int64_t
air_ice_get_last_heard_us (const AirIce *ice)
{
  return ice->last_heard_us;
}

bool
air_ice_has_consent (const AirIce *ice, int64_t now_us)
{
  return ice->last_heard_us != 0 && now_us - ice->last_heard_us <= AIR_ICE_CONSENT_US;
}
