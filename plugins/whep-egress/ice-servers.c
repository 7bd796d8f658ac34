/* URIs of RFC 7064 and RFC 7065, with credentials before the host. */
#include "ice-servers.h"

#include <gio/gio.h>
#include <string.h>

#include <airclass/error.h>

typedef struct
{
  char *scheme; /* "stun", "stuns", "turn", "turns" */
  char *user;   /* NULL: none, or made of the shared secret */
  char *secret;
  char *host; /* IPv6 without brackets */
  unsigned port; /* 0: the scheme's own */
  char *transport; /* "udp", "tcp"; NULL: not said */
} Server;

struct _AirIceServers
{
  Server servers[AIR_ICE_MAX_SERVERS];
  unsigned count;
  char *turn_secret; /* NULL: none */
  int64_t lifetime_s;
};

static void
clear_server (Server *server)
{
  g_free (server->scheme);
  g_free (server->user);
  g_free (server->secret);
  g_free (server->host);
  g_free (server->transport);
}

void
air_ice_servers_free (AirIceServers *servers)
{
  if (!servers)
    return;
  for (unsigned i = 0; i < servers->count; i++)
    clear_server (&servers->servers[i]);
  g_free (servers->turn_secret);
  g_free (servers);
}

static bool
is_turn (const Server *server)
{
  return g_str_has_prefix (server->scheme, "turn");
}

/* ---- Reading */

/* @uri is shown without what stands before its "@". */
static bool
fail (GError **error, const char *uri, const char *what)
{
  const char *at = strrchr (uri, '@'), *colon = strchr (uri, ':');
  g_autofree char *shown = at && colon ? g_strdup_printf ("%.*s***%s", (int)(colon + 1 - uri), uri, at) : g_strdup (uri);
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "ice_servers: \"%s\": %s", at ? shown : uri, what);
  return false;
}

static bool
parse_scheme (Server *server, const char *uri, const char **ret_rest, GError **error)
{
  static const char *const schemes[] = { "stun", "stuns", "turn", "turns", NULL };
  const char *colon = strchr (uri, ':');
  server->scheme = g_ascii_strdown (uri, colon ? colon - uri : -1);
  if (!colon || !g_strv_contains (schemes, server->scheme))
    return fail (error, uri, "it must begin with stun:, stuns:, turn: or turns:");
  if (g_str_has_prefix (colon, "://"))
    return fail (error, uri, "such addresses are written without //");
  *ret_rest = colon + 1;
  return true;
}

/* They go into a header. */
static bool
is_credential (const char *text)
{
  if (!text || *text == '\0')
    return false;
  for (const char *at = text; *at; at++)
    if (!g_ascii_isprint (*at))
      return false;
  return true;
}

/* USER:SECRET@; the last "@" counts, the first ":". */
static bool
parse_credentials (Server *server, const char *uri, const char **rest, bool shared_secret, GError **error)
{
  const char *at = strrchr (*rest, '@');
  if (!is_turn (server))
    return !at || fail (error, uri, "a STUN server takes no credentials");
  if (shared_secret)
    return !at || fail (error, uri, "turn_secret= is set, so that no USER:SECRET@ may stand here");
  if (!at)
    return fail (error, uri, "a TURN server needs USER:SECRET@ before its name, or turn_secret= for all");
  const char *colon = memchr (*rest, ':', (size_t)(at - *rest));
  server->user = colon ? g_uri_unescape_segment (*rest, colon, NULL) : NULL;
  server->secret = colon ? g_uri_unescape_segment (colon + 1, at, NULL) : NULL;
  if (!is_credential (server->user) || !is_credential (server->secret))
    return fail (error, uri, "before \"@\" stands USER:SECRET, with %XX for what is special");
  *rest = at + 1;
  return true;
}

static bool
parse_transport (Server *server, const char *uri, const char *query, GError **error)
{
  if (*query == '\0')
    return true;
  if (!is_turn (server) || !g_str_has_prefix (query, "?transport="))
    return fail (error, uri, "only ?transport=udp or ?transport=tcp may follow, and only with TURN");
  server->transport = g_ascii_strdown (query + strlen ("?transport="), -1);
  if (!g_str_equal (server->transport, "udp") && !g_str_equal (server->transport, "tcp"))
    return fail (error, uri, "transport= is udp or tcp");
  return true;
}

static bool
parse_port (Server *server, const char *text)
{
  guint64 port;
  if (*text == '\0')
    return true;
  if (*text != ':' || !g_ascii_string_to_unsigned (text + 1, 10, 1, 65535, &port, NULL))
    return false;
  server->port = (unsigned)port;
  return true;
}

static bool
is_host (const char *text)
{
  if (g_hostname_is_ip_address (text))
    return true;
  return *text != '\0' && strlen (text) <= 253
         && strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == strlen (text);
}

static bool
parse_server (Server *server, const char *uri, bool shared_secret, GError **error)
{
  const char *rest = uri;
  if (!parse_scheme (server, uri, &rest, error) || !parse_credentials (server, uri, &rest, shared_secret, error))
    return false;
  size_t host_bytes = strcspn (rest, "?");
  if (!parse_transport (server, uri, rest + host_bytes, error))
    return false;
  g_autofree char *address = g_strndup (rest, host_bytes);
  const char *behind;
  if (*address == '[')
    {
      behind = strchr (address, ']');
      server->host = g_strndup (address + 1, behind ? (size_t)(behind - address - 1) : 0);
      behind = behind ? behind + 1 : "?";
    }
  else
    {
      behind = address + strcspn (address, ":");
      server->host = g_strndup (address, (size_t)(behind - address));
    }
  if (!is_host (server->host))
    return fail (error, uri, "that is no name or address of a server");
  if (!parse_port (server, behind))
    return fail (error, uri, "the port is not a number from 1 to 65535");
  return true;
}

AirIceServers *
air_ice_servers_new (const char *list, const char *turn_secret, int64_t lifetime_s, GError **error)
{
  g_autoptr (AirIceServers) servers = g_new0 (AirIceServers, 1);
  g_auto (GStrv) uris = g_strsplit_set (list, ", \t\r\n", -1);
  servers->turn_secret = turn_secret && *turn_secret ? g_strdup (turn_secret) : NULL;
  servers->lifetime_s = lifetime_s;
  for (char **uri = uris; *uri; uri++)
    {
      if (**uri == '\0')
        continue;
      if (servers->count == AIR_ICE_MAX_SERVERS)
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "ice_servers: at most %d servers", AIR_ICE_MAX_SERVERS);
          return NULL;
        }
      if (!parse_server (&servers->servers[servers->count++], *uri, servers->turn_secret != NULL, error))
        return NULL;
    }
  return g_steal_pointer (&servers);
}

/* ---- Telling */

/* Time-limited credentials, as coturn's use-auth-secret has them (draft-uberti-behave-turn-rest-00 §2.2). */
static void
make_credentials (const AirIceServers *servers, const Server *server, const char *viewer, int64_t now_s,
                  char **ret_user, char **ret_secret)
{
  if (!servers->turn_secret)
    {
      *ret_user = g_strdup (server->user);
      *ret_secret = g_strdup (server->secret);
      return;
    }
  uint8_t digest[20];
  gsize size = sizeof digest;
  const char *key = servers->turn_secret;
  *ret_user = g_strdup_printf ("%" G_GINT64_FORMAT ":%s", now_s + servers->lifetime_s, viewer);
  g_autoptr (GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA1, (const guchar *)key, strlen (key));
  g_hmac_update (hmac, (const guchar *)*ret_user, -1);
  g_hmac_get_digest (hmac, digest, &size);
  *ret_secret = g_base64_encode (digest, size);
}

/* A host with its port, as it stands in a URI. */
static char *
format_host (const Server *server, unsigned default_port)
{
  const char *form = strchr (server->host, ':') ? "[%s]" : "%s";
  g_autofree char *host = g_strdup_printf (form, server->host);
  unsigned port = server->port ? server->port : default_port;
  return port ? g_strdup_printf ("%s:%u", host, port) : g_steal_pointer (&host);
}

/* RFC 9110 §5.6.4 */
static void
append_quoted (GString *text, const char *name, const char *value)
{
  g_string_append_printf (text, "; %s=\"", name);
  for (const char *at = value; *at; at++)
    {
      if (*at == '"' || *at == '\\')
        g_string_append_c (text, '\\');
      g_string_append_c (text, *at);
    }
  g_string_append_c (text, '"');
}

char *
air_ice_servers_link (const AirIceServers *servers, const char *viewer, int64_t now_s)
{
  GString *link = g_string_new (NULL);
  for (unsigned i = 0; i < servers->count; i++)
    {
      const Server *server = &servers->servers[i];
      if (is_turn (server) && !viewer)
        continue;
      g_autofree char *host = format_host (server, 0);
      g_string_append_printf (link, "%s<%s:%s%s%s>; rel=\"ice-server\"", link->len > 0 ? ", " : "", server->scheme, host,
                              server->transport ? "?transport=" : "", server->transport ? server->transport : "");
      if (!is_turn (server))
        continue;
      g_autofree char *user = NULL, *secret = NULL;
      make_credentials (servers, server, viewer, now_s, &user, &secret);
      append_quoted (link, "username", user);
      append_quoted (link, "credential", secret);
      g_string_append (link, "; credential-type=\"password\"");
    }
  return g_string_free (link, link->len == 0);
}

char *
air_ice_servers_get_stun (const AirIceServers *servers)
{
  for (unsigned i = 0; i < servers->count; i++)
    if (g_str_equal (servers->servers[i].scheme, "stun"))
      {
        g_autofree char *host = format_host (&servers->servers[i], 3478);
        return g_strconcat ("stun://", host, NULL);
      }
  return NULL;
}

GStrv
air_ice_servers_list_turn (const AirIceServers *servers, const char *viewer, int64_t now_s)
{
  g_autoptr (GStrvBuilder) uris = g_strv_builder_new ();
  for (unsigned i = 0; i < servers->count; i++)
    {
      const Server *server = &servers->servers[i];
      if (!g_str_equal (server->scheme, "turn"))
        continue;
      g_autofree char *host = format_host (server, 3478);
      g_autofree char *user = NULL, *secret = NULL;
      make_credentials (servers, server, viewer, now_s, &user, &secret);
      g_autofree char *user_escaped = g_uri_escape_string (user, NULL, FALSE);
      g_autofree char *secret_escaped = g_uri_escape_string (secret, NULL, FALSE);
      g_autofree char *uri = g_strdup_printf ("turn://%s:%s@%s?transport=%s", user_escaped, secret_escaped, host,
                                              server->transport ? server->transport : "udp");
      g_strv_builder_add (uris, uri);
    }
  return g_strv_builder_end (uris);
}
