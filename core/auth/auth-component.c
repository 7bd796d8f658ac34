/* The built-in component [auth]: options, secrets, routes. Main thread. */
#define G_LOG_DOMAIN "air-auth"

#include <airclass/error.h>
#include <airclass/metrics.h>

#include "auth/authority-private.h"
#include "auth/secret-file.h"
#include "auth/token.h"
#include "ops/log.h"

#define READABLE_KEY_CHARACTERS 24 /* 120 bits */

static const AirOption options[] = {
  { .key = "jwt_algorithm",
    .type = AIR_OPTION_ENUM,
    .default_value = "HS256",
    .choices = "HS256|RS256|ES256",
    .help = "How tokens are signed. HS256: with a secret of this server. RS256 and ES256: with the key pair of another "
            "issuer; this server checks its tokens, and makes tokens itself only if jwt_private_key= is given." },
  { .key = "jwt_secret",
    .type = AIR_OPTION_SECRET,
    .default_value = "",
    .help
    = "The secret for HS256, at least 32 characters. Empty: made at the first start and kept in the state folder, "
      "in auth/jwt-secret." },
  { .key = "jwt_public_key",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help = "PEM file with the public key that checks tokens, for RS256 (RSA, at least 2048 bits) and ES256 (P-256)." },
  { .key = "jwt_private_key",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help
    = "PEM file, without a passphrase, with the private key that signs tokens, for RS256 and ES256. Empty: tokens are "
      "made elsewhere." },
  { .key = "jwt_key_id",
    .type = AIR_OPTION_STRING,
    .default_value = "",
    .help
    = "The key id (kid) that tokens for RS256 and ES256 carry; tokens with another one are refused. Empty: derived "
      "from the public key." },
  { .key = "issuer",
    .type = AIR_OPTION_STRING,
    .default_value = "airclass",
    .help = "Who makes the tokens: tokens whose claim iss differs are refused." },
  { .key = "audience",
    .type = AIR_OPTION_STRING,
    .default_value = "airclass",
    .help = "For whom tokens are made: tokens whose claim aud does not name it are refused." },
  { .key = "token_lifetime",
    .type = AIR_OPTION_DURATION,
    .default_value = "1h",
    .minimum = 10 * 1000,
    .maximum = 24 * 3600 * 1000,
    .help = "How long a token is valid. Clients refresh theirs before." },
  { .key = "session_lifetime",
    .type = AIR_OPTION_DURATION,
    .default_value = "12h",
    .minimum = 60 * 1000,
    .maximum = 30LL * 24 * 3600 * 1000,
    .help = "How long a token can be refreshed, counted from the first one." },
  { .key = "trusted",
    .type = AIR_OPTION_NETWORKS,
    .default_value = "",
    .help
    = "Networks whose people may watch without a token. Behind a reverse proxy on this machine everybody seems to "
      "come from 127.0.0.1, unless [http] trusted_proxies= names the proxy.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "trust_loopback",
    .type = AIR_OPTION_BOOL,
    .default_value = "false",
    .help
    = "Whether whoever asks from this machine itself gets every token without a key. Not for use behind a reverse "
      "proxy.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "teacher_key",
    .type = AIR_OPTION_SECRET,
    .default_value = "",
    .help
    = "The key with which teachers log in, and which is good for every stream, at least 8 characters. Empty: made at "
      "the first start and kept in the state folder, in auth/teacher-key." },
  { .key = "admin_key",
    .type = AIR_OPTION_SECRET,
    .default_value = "",
    .help = "The key with which admins log in, at least 8 characters. Empty: the teacher's key serves." },
  { .key = "stream_keys_file",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help
    = "File with lines PATH = KEY: stream keys chosen by the operator. Other streams have a key made by the server.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "hook_clients",
    .type = AIR_OPTION_NETWORKS,
    .default_value = "127.0.0.0/8,::1",
    .help = "Networks from which POST /api/auth/mediamtx may be asked.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = NULL },
};

/* ---- Secrets ---- */

static char *
make_readable_key (void)
{
  return air_secret_make_readable (READABLE_KEY_CHARACTERS);
}

static char *
ensure_state_secret (AirAuthority *authority, const char *name, char *(*make) (void), GError **error)
{
  g_autofree char *path = g_build_filename (air_context_get_state_dir (authority->context), name, NULL);
  char *secret = air_secret_file_ensure (path, make, error);
  if (secret != NULL)
    air_log_add_secret (secret);
  return secret;
}

/* The option's text, else NULL. Returns false when it is too short for a key that strangers may try. */
static bool
get_key_option (AirAuthority *authority, const char *name, char **ret_key, GError **error)
{
  const char *text = air_context_get_string (authority->context, name);
  *ret_key = NULL;
  if (text[0] == '\0')
    return true;
  if (g_utf8_strlen (text, -1) < 8)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "[auth] %s= needs at least 8 characters", name);
      return false;
    }
  air_log_add_secret (text);
  *ret_key = g_strdup (text);
  return true;
}

static AirJwtKey *
open_secret_key (AirAuthority *authority, GError **error)
{
  const char *chosen = air_context_get_string (authority->context, "jwt_secret");
  air_log_add_secret (chosen);
  if (chosen[0] != '\0')
    return air_jwt_key_new_secret (chosen, error);
  g_autofree char *made = ensure_state_secret (authority, "jwt-secret", air_secret_make_key, error);
  return made != NULL ? air_jwt_key_new_secret (made, error) : NULL;
}

static AirJwtKey *
open_key_pair (AirAuthority *authority, const char *algorithm, GError **error)
{
  const char *public_path = air_context_get_string (authority->context, "jwt_public_key");
  const char *private_path = air_context_get_string (authority->context, "jwt_private_key");
  g_autofree char *public_pem = NULL, *private_pem = NULL;
  if (public_path[0] == '\0')
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "[auth] jwt_algorithm=%s needs jwt_public_key=", algorithm);
      return NULL;
    }
  if (!g_file_get_contents (public_path, &public_pem, NULL, error)
      || (private_path[0] != '\0' && !g_file_get_contents (private_path, &private_pem, NULL, error)))
    return NULL;
  return air_jwt_key_new_pair (algorithm, public_pem, private_pem,
                               air_context_get_string (authority->context, "jwt_key_id"), error);
}

static bool
load_secrets (AirAuthority *authority, AirAuthoritySecrets *secrets, GError **error)
{
  AirContext *context = authority->context;
  const char *algorithm = air_context_get_string (context, "jwt_algorithm");
  secrets->jwt_key = g_str_equal (algorithm, "HS256") ? open_secret_key (authority, error)
                                                      : open_key_pair (authority, algorithm, error);
  if (secrets->jwt_key == NULL || !get_key_option (authority, "teacher_key", &secrets->teacher_key, error)
      || !get_key_option (authority, "admin_key", &secrets->admin_key, error))
    return false;
  if (secrets->teacher_key == NULL)
    secrets->teacher_key = ensure_state_secret (authority, "teacher-key", make_readable_key, error);
  if (secrets->teacher_key == NULL)
    return false;
  secrets->stream_key = ensure_state_secret (authority, "stream-key", make_readable_key, error);
  if (secrets->stream_key == NULL)
    return false;
  secrets->stream_key_seed = ensure_state_secret (authority, "stream-key-seed", air_secret_make_key, error);
  secrets->issuer = g_strdup (air_context_get_string (context, "issuer"));
  secrets->audience = g_strdup (air_context_get_string (context, "audience"));
  secrets->token_lifetime_s = air_context_get_int (context, "token_lifetime") / 1000;
  secrets->session_lifetime_s = air_context_get_int (context, "session_lifetime") / 1000;
  return secrets->stream_key_seed != NULL;
}

static AirStreamKeys *
load_stream_keys (AirAuthority *authority, const AirAuthoritySecrets *secrets, GError **error)
{
  g_autofree char *default_path = air_class_get_path (AIR_DEFAULT_CLASS);
  const char *file = air_context_get_string (authority->context, "stream_keys_file");
  return air_stream_keys_new (default_path, secrets->stream_key, secrets->stream_key_seed,
                              file[0] != '\0' ? file : NULL, error);
}

/* ---- Life ---- */

static void *
create (AirContext *context, GError **error)
{
  static const char *const reason_label[] = { "reason", NULL }, *const role_label[] = { "role", NULL };
  AirAuthority *authority = air_authority_new (context, NULL);
  authority->refusals = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_auth_refusals_total",
                                                "Tokens and keys that were refused, by reason.", reason_label, NULL);
  authority->issued = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_auth_tokens_issued_total",
                                              "Tokens made, by role.", role_label, NULL);
  air_auth_add_token_routes (context);
  air_auth_add_mediamtx_route (context);
  air_auth_add_ingest_route (context);
  return authority;
}

static void
reload_stream_keys (AirAuthority *authority)
{
  g_autoptr (GError) error = NULL;
  AirStreamKeys *stream_keys = load_stream_keys (authority, &authority->secrets, &error);
  if (stream_keys != NULL)
    air_authority_set_stream_keys (authority, stream_keys);
  else
    g_warning ("the stream keys stay as they were: %s", error->message);
}

static void
on_stream_keys_changed (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, void *data)
{
  /* An editor writes in pieces, or renames a new file over the old one. */
  if (event == G_FILE_MONITOR_EVENT_CHANGES_DONE_HINT || event == G_FILE_MONITOR_EVENT_RENAMED
      || event == G_FILE_MONITOR_EVENT_MOVED_IN)
    reload_stream_keys (data);
}

static void
watch_stream_keys (AirAuthority *authority)
{
  const char *path = air_context_get_string (authority->context, "stream_keys_file");
  g_clear_object (&authority->stream_keys_file);
  if (path[0] == '\0')
    return;
  g_autoptr (GFile) file = g_file_new_for_path (path);
  authority->stream_keys_file = g_file_monitor_file (file, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
  if (authority->stream_keys_file != NULL)
    g_signal_connect (authority->stream_keys_file, "changed", G_CALLBACK (on_stream_keys_changed), authority);
}

static void
start (void *self, GTask *task)
{
  AirAuthority *authority = self;
  AirAuthoritySecrets secrets = { 0 };
  GError *error = NULL;
  AirStreamKeys *stream_keys = NULL;
  if (load_secrets (authority, &secrets, &error))
    stream_keys = load_stream_keys (authority, &secrets, &error);
  if (stream_keys == NULL)
    {
      air_authority_secrets_clear (&secrets);
      g_task_return_error (task, error);
      return;
    }
  g_atomic_int_set (&authority->trust_loopback, air_context_get_bool (authority->context, "trust_loopback"));
  air_authority_open (authority, &secrets, stream_keys);
  watch_stream_keys (authority);
  g_task_return_boolean (task, TRUE);
}

static void
reload (void *self)
{
  AirAuthority *authority = self;
  g_atomic_int_set (&authority->trust_loopback, air_context_get_bool (authority->context, "trust_loopback"));
  reload_stream_keys (authority);
  watch_stream_keys (authority);
}

static void
destroy (void *self)
{
  air_authority_free (self);
}

const AirPlugin air_auth_component = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "auth",
  .version = AIR_VERSION,
  .summary = "Tokens, keys, roles and the limits on guessing",
  .options = options,
  .create = create,
  .start = start,
  .destroy = destroy,
  .reload = reload,
};
