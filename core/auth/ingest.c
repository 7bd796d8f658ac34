/* Where and with which key a stream is published. Stateless; any thread. */
#include "auth/ingest.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>

#define MAX_HOSTS 4

static bool
is_own_name (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);
  return g_ascii_strcasecmp (host, "localhost") == 0
         || (address != NULL && (g_inet_address_get_is_loopback (address) || g_inet_address_get_is_any (address)));
}

static void
add_host (GPtrArray *hosts, const char *host)
{
  if (hosts->len < MAX_HOSTS && host[0] != '\0' && !g_ptr_array_find_with_equal_func (hosts, host, g_str_equal, NULL))
    g_ptr_array_add (hosts, g_strdup (host));
}

GPtrArray *
air_ingest_list_hosts (const char *base_url, const char *const *public_hosts)
{
  GPtrArray *hosts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GUri) uri = g_uri_parse (base_url, G_URI_FLAGS_NONE, NULL);
  const char *used = uri != NULL && g_uri_get_host (uri) != NULL ? g_uri_get_host (uri) : "";
  if (!is_own_name (used))
    add_host (hosts, used);
  for (size_t i = 0; public_hosts != NULL && public_hosts[i] != NULL; i++)
    if (!is_own_name (public_hosts[i]))
      add_host (hosts, public_hosts[i]);
  add_host (hosts, used);
  return hosts;
}

static void
add_urls (JsonArray *servers, JsonArray *full, const AirIngest *ingest, const char *scheme, GArray *ports,
          const char *app, const char *stream_key)
{
  for (unsigned i = 0; i < ingest->hosts->len; i++)
    for (unsigned j = 0; j < ports->len; j++)
      {
        const char *host = g_ptr_array_index (ingest->hosts, i);
        bool brackets = strchr (host, ':') != NULL; /* RFC 3986 §3.2.2 */
        g_autofree char *server = g_strdup_printf ("%s://%s%s%s:%u/%s", scheme, brackets ? "[" : "", host,
                                                   brackets ? "]" : "", g_array_index (ports, unsigned, j), app);
        g_autofree char *whole = g_strconcat (server, app[0] != '\0' ? "/" : "", stream_key, NULL);
        json_array_add_string_element (servers, server);
        json_array_add_string_element (full, whole);
      }
}

JsonNode *
air_ingest_describe (const AirIngest *ingest)
{
  /* RTMP calls the first part of the path the application and the rest the stream (OBS: server and stream key). */
  const char *slash = strrchr (ingest->path, '/');
  g_autofree char *app = slash != NULL ? g_strndup (ingest->path, (size_t)(slash - ingest->path)) : g_strdup ("");
  g_autofree char *key = g_uri_escape_string (ingest->key, NULL, FALSE);
  g_autofree char *stream_key = g_strconcat (slash != NULL ? slash + 1 : ingest->path, "?key=", key, NULL);

  JsonArray *rtmp = json_array_new (), *rtmps = json_array_new (), *full = json_array_new ();
  add_urls (rtmp, full, ingest, "rtmp", ingest->rtmp_ports, app, stream_key);
  add_urls (rtmps, full, ingest, "rtmps", ingest->rtmps_ports, app, stream_key);
  JsonObject *body = json_object_new ();
  json_object_set_string_member (body, "path", ingest->path);
  json_object_set_array_member (body, "rtmp_urls", rtmp);
  json_object_set_array_member (body, "rtmps_urls", rtmps);
  json_object_set_string_member (body, "stream_key", stream_key);
  json_object_set_array_member (body, "full_urls", full);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, body);
  return node;
}
