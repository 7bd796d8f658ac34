/* From what a client names to a stream's path and the credentials beside it. */
#include "stream-name.h"

#include <string.h>

void
stream_name_free (StreamName *name)
{
  if (!name)
    return;
  g_free (name->path);
  g_free (name->key);
  g_free (name->token);
  g_free (name->user);
  g_free (name->password);
  g_free (name->authmod);
  g_free (name->challenge);
  g_free (name->response);
  g_free (name->opaque);
  g_free (name->raw_user);
  g_free (name);
}

/* Percent-decodes what is valid UTF-8 afterwards; otherwise keeps it as it is. */
static char *
decode (const char *text, size_t length)
{
  g_autofree char *decoded = g_uri_unescape_segment (text, text + length, NULL);
  return decoded && g_utf8_validate (decoded, -1, NULL) ? g_steal_pointer (&decoded) : g_strndup (text, length);
}

static void
take_parameter (StreamName *name, const char *parameter, size_t length)
{
  const char *equals = memchr (parameter, '=', length);
  if (!equals)
    return;
  size_t key_length = equals - parameter;
  const struct
  {
    const char *key;
    char **field;
  } known[] = {
    { "key", &name->key },     { "jwt", &name->token },     { "token", &name->token },
    { "user", &name->user },   { "pass", &name->password }, { "password", &name->password },
    { "authmod", &name->authmod },   { "challenge", &name->challenge },
    { "response", &name->response }, { "opaque", &name->opaque },
  };
  if (key_length == 4 && memcmp (parameter, "user", 4) == 0 && !name->user)
    name->raw_user = g_strndup (equals + 1, length - key_length - 1);
  for (size_t i = 0; i < G_N_ELEMENTS (known); i++)
    if (strlen (known[i].key) == key_length && memcmp (known[i].key, parameter, key_length) == 0 && !*known[i].field)
      *known[i].field = decode (equals + 1, length - key_length - 1);
}

/* Reads the credentials of @text's query. Returns: how long @text is without it. */
static size_t
take_query (StreamName *name, const char *text)
{
  size_t length = strcspn (text, "?");
  const char *at = text + length;
  while (*at)
    {
      at++; /* '?' or '&'; some clients join two queries with a second '?' */
      size_t part = strcspn (at, "&?");
      take_parameter (name, at, part);
      at += part;
    }
  return length;
}

static void
take_user_info (StreamName *name, const char *tc_url)
{
  const char *host = strstr (tc_url, "://");
  if (!host || name->user)
    return;
  host += 3;
  size_t length = strcspn (host, "/?");
  const char *at = memrchr (host, '@', length);
  const char *colon = at ? memchr (host, ':', at - host) : NULL;
  if (!colon)
    return;
  name->user = decode (host, colon - host);
  g_free (name->password);
  name->password = decode (colon + 1, at - colon - 1);
}

/* Appends the segments of @text, without empty ones. */
static void
append_segments (GString *path, unsigned *segments, const char *text, size_t length)
{
  const char *end = text + length;
  while (text < end)
    {
      const char *slash = memchr (text, '/', end - text);
      const char *stop = slash ? slash : end;
      if (stop > text)
        {
          if (path->len > 0)
            g_string_append_c (path, '/');
          g_string_append_len (path, text, stop - text);
          (*segments)++;
        }
      text = slash ? slash + 1 : end;
    }
}

static void
take_tc_url (StreamName *name, const char *tc_url)
{
  if (!tc_url)
    return;
  take_query (name, tc_url);
  take_user_info (name, tc_url);
}

StreamName *
stream_name_parse_connect (const char *app, const char *tc_url)
{
  StreamName *result = g_new0 (StreamName, 1);
  take_query (result, app);
  take_tc_url (result, tc_url);
  return result;
}

StreamName *
stream_name_parse (const char *app, const char *tc_url, const char *name, const char *default_app)
{
  /* Flash's names of file formats, which players still put before the name. */
  static const char *const prefixes[] = { "mp4:", "flv:", "live:" };
  g_autoptr (StreamName) result = g_new0 (StreamName, 1);
  g_autoptr (GString) path = g_string_new (NULL);
  unsigned segments = 0;
  name = name ? name : "";
  for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_str_has_prefix (name, prefixes[i]))
      {
        name += strlen (prefixes[i]);
        break;
      }
  size_t name_length = take_query (result, name);
  append_segments (path, &segments, app, take_query (result, app));
  append_segments (path, &segments, name, name_length);
  take_tc_url (result, tc_url);
  if (segments == 0)
    return NULL;
  if (segments == 1 && *default_app)
    {
      g_string_prepend_c (path, '/');
      g_string_prepend (path, default_app);
    }
  result->path = g_string_free (g_steal_pointer (&path), FALSE);
  return g_steal_pointer (&result);
}
