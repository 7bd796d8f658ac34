/* What our tokens say. Stateless; any thread. */
#include "auth/token.h"

#include <airclass/stream.h>
#include <airclass/text.h>
#include <string.h>

#define MAX_CLASS_BYTES 64
#define MAX_USER_BYTES 128

bool
air_class_id_is_valid (const char *class_id)
{
  return class_id != NULL && strlen (class_id) <= MAX_CLASS_BYTES && strchr (class_id, '/') == NULL
         && air_stream_path_is_valid (class_id);
}

char *
air_class_get_path (const char *class_id)
{
  return g_strconcat (AIR_CLASS_FOLDER, class_id, NULL);
}

bool
air_user_id_is_valid (const char *user_id)
{
  if (user_id == NULL || user_id[0] == '\0' || strlen (user_id) > MAX_USER_BYTES || !g_utf8_validate (user_id, -1, NULL))
    return false;
  /* It stands in paths (RFC 3986 §5.2.4). */
  g_autofree char *path = g_strconcat ("/", user_id, "/", NULL);
  if (strstr (path, "/./") != NULL || strstr (path, "/../") != NULL)
    return false;
  for (const char *at = user_id; *at != '\0'; at = g_utf8_next_char (at))
    if (g_unichar_iscntrl (g_utf8_get_char (at)))
      return false;
  return true;
}

void
air_token_grant (AirIdentitySpec *spec, AirAction action)
{
  bool reads_only = spec->role == AIR_ROLE_STUDENT || spec->role == AIR_ROLE_MONITOR;
  spec->may_read = spec->role != AIR_ROLE_NONE;
  spec->may_publish = action == AIR_ACTION_PUBLISH && spec->may_read && !reads_only;
}

/* Returns false when @name is there and no text. */
static bool
get_text (JsonObject *claims, const char *name, const char **ret_text)
{
  JsonNode *node = json_object_get_member (claims, name);
  *ret_text = NULL;
  if (node == NULL)
    return true;
  if (json_node_get_value_type (node) != G_TYPE_STRING)
    return false;
  *ret_text = json_node_get_string (node);
  return true;
}

static bool
read_action (const char *text, AirAction *ret_action)
{
  *ret_action = AIR_ACTION_READ;
  if (text == NULL || g_str_equal (text, "read"))
    return true;
  *ret_action = AIR_ACTION_PUBLISH;
  return g_str_equal (text, "publish");
}

static int64_t
get_number (JsonObject *claims, const char *name)
{
  JsonNode *node = json_object_get_member (claims, name);
  GType type = node != NULL ? json_node_get_value_type (node) : G_TYPE_INVALID;
  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE ? (int64_t)CLAMP (json_node_get_double (node), 0, 9e15) : 0;
}

/* Other issuers tell whole seconds, counted as their first moment. */
static void
read_granted (JsonObject *claims, AirIdentitySpec *spec)
{
  spec->granted_us = get_number (claims, "granted_us");
  spec->is_foreign = spec->granted_us == 0;
  if (spec->is_foreign)
    spec->granted_us = MIN (get_number (claims, "iat"), INT64_MAX / G_USEC_PER_SEC) * G_USEC_PER_SEC;
}

bool
air_token_read (JsonObject *claims, AirIdentitySpec *ret_spec, char **ret_path)
{
  const char *role, *action_text, *path;
  AirAction action;
  AirIdentitySpec spec = { 0 };
  *ret_path = NULL;
  if (!get_text (claims, "sub", &spec.user_id) || !air_user_id_is_valid (spec.user_id)
      || !get_text (claims, "role", &role) || !air_role_from_string (role, &spec.role) || spec.role == AIR_ROLE_NONE
      || !get_text (claims, "class", &spec.class_id)
      || (spec.class_id != NULL && !air_class_id_is_valid (spec.class_id)) || !get_text (claims, "path", &path)
      || (path != NULL && !air_stream_path_is_valid (path)) || !get_text (claims, "action", &action_text)
      || !read_action (action_text, &action) || !get_text (claims, "jti", &spec.token_id)
      || !get_text (claims, "fam", &spec.family) || !get_text (claims, "name", &spec.name))
    return false;
  /* Names of tokens and families are kept while a session runs. */
  if ((spec.token_id != NULL && strlen (spec.token_id) > 128) || (spec.family != NULL && strlen (spec.family) > 128))
    return false;
  /* Another issuer's names are what that one lets people choose. */
  if (spec.name != NULL)
    {
      g_autofree char *clean = air_text_clean (spec.name, AIR_TEXT_LINE, AIR_NAME_MAX_CHARACTERS);
      if (g_strcmp0 (clean, spec.name) != 0)
        spec.name = NULL;
    }

  air_token_grant (&spec, action);
  if (spec.role >= AIR_ROLE_ADMIN)
    *ret_path = NULL;
  else if (path != NULL)
    *ret_path = g_strdup (path);
  else if (spec.class_id != NULL)
    *ret_path = air_class_get_path (spec.class_id);
  else if (spec.role < AIR_ROLE_TEACHER)
    spec.may_read = spec.may_publish = false;
  spec.path = *ret_path;
  spec.expires_at = get_number (claims, "exp");
  spec.authorized_at = get_number (claims, "auth_time");
  read_granted (claims, &spec);
  *ret_spec = spec;
  return true;
}

static void
set_text (JsonObject *claims, const char *name, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (claims, name, text);
}

JsonObject *
air_token_write (const AirIdentitySpec *spec, const char *issuer, const char *audience, int64_t now_s)
{
  JsonObject *claims = json_object_new ();
  set_text (claims, "iss", issuer);
  set_text (claims, "aud", audience);
  set_text (claims, "sub", spec->user_id);
  set_text (claims, "role", air_role_to_string (spec->role));
  set_text (claims, "class", spec->class_id);
  set_text (claims, "path", spec->path);
  set_text (claims, "action", spec->may_publish ? "publish" : "read");
  set_text (claims, "jti", spec->token_id);
  set_text (claims, "fam", spec->family);
  set_text (claims, "name", spec->name);
  json_object_set_int_member (claims, "iat", now_s);
  json_object_set_int_member (claims, "nbf", now_s);
  json_object_set_int_member (claims, "exp", spec->expires_at);
  json_object_set_int_member (claims, "auth_time", spec->authorized_at);
  json_object_set_int_member (claims, "granted_us", spec->granted_us);
  return claims;
}
