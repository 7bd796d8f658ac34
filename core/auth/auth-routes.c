/* POST /api/token and POST /api/token/refresh. Main thread. */
#include <airclass/error.h>
#include <airclass/http.h>
#include <string.h>

#include "auth/authority-private.h"
#include "auth/token.h"

/* The value of @name in the JSON body, else in the query; NULL when neither has it. */
static const char *
get_field (AirRequest *request, const char *name)
{
  JsonNode *body = air_request_get_json (request);
  if (body != NULL && JSON_NODE_HOLDS_OBJECT (body))
    {
      JsonNode *member = json_object_get_member (json_node_get_object (body), name);
      if (member != NULL && json_node_get_value_type (member) == G_TYPE_STRING)
        return json_node_get_string (member);
    }
  return air_request_get_query (request, name);
}

static void
reply_error (AirRequest *request, const GError *error)
{
  /* Here it is not about a codec: whoever wants a token must ask elsewhere. */
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED))
    air_request_reply_problem (request, 501, "tokens-made-elsewhere", error->message);
  else
    air_request_reply_error (request, error);
}

static void
reply_issued (AirRequest *request, const AirIssuedToken *issued)
{
  AirRole role = air_identity_get_role (issued->identity);
  const AirIdentitySpec *spec = air_identity_get_spec (issued->identity);
  /* Tokens that are good for every path name none; their holder watches the class's stream. */
  const char *class_id = spec->class_id != NULL ? spec->class_id : AIR_DEFAULT_CLASS;
  g_autofree char *path = spec->path != NULL ? g_strdup (spec->path) : air_class_get_path (class_id);
  const char *base = air_request_get_base_url (request);
  /* http → ws, https → wss */
  g_autofree char *socket_base = g_strconcat ("ws", base + strlen ("http"), NULL);
  const char *socket = role == AIR_ROLE_STUDENT || role == AIR_ROLE_MONITOR ? air_role_to_string (role) : "teacher";
  g_autofree char *webrtc_url = g_strdup_printf ("%s/%s/whep?jwt=%s", base, path, issued->token);
  g_autofree char *hls_url = g_strdup_printf ("%s/%s/index.m3u8?jwt=%s", base, path, issued->token);
  g_autofree char *ws_url
      = g_strdup_printf ("%s/ws/%s?class_id=%s&jwt=%s", socket_base, socket, class_id, issued->token);

  JsonObject *body = json_object_new ();
  json_object_set_string_member (body, "token", issued->token);
  json_object_set_string_member (body, "token_type", "Bearer");
  json_object_set_int_member (body, "expires_in", issued->expires_in_s);
  json_object_set_string_member (body, "user_id", air_identity_get_user_id (issued->identity));
  if (air_identity_get_name (issued->identity) != NULL)
    json_object_set_string_member (body, "name", air_identity_get_name (issued->identity));
  json_object_set_string_member (body, "role", air_role_to_string (role));
  json_object_set_string_member (body, "class_id", class_id);
  json_object_set_string_member (body, "path", path);
  json_object_set_string_member (body, "action", spec->may_publish ? "publish" : "read");
  json_object_set_string_member (body, "webrtc_url", webrtc_url);
  json_object_set_string_member (body, "ws_url", ws_url);
  json_object_set_string_member (body, "hls_url", hls_url);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, body);
  air_request_set_header (request, "Cache-Control", "no-store");
  air_request_reply_json (request, 200, node);
}

/* Where nothing is said, a teacher publishes and everybody else watches. */
static bool
read_action (const char *text, AirRole role, AirAction *ret_action)
{
  if (text == NULL)
    *ret_action = role == AIR_ROLE_TEACHER || role == AIR_ROLE_ADMIN ? AIR_ACTION_PUBLISH : AIR_ACTION_READ;
  else if (g_str_equal (text, "read"))
    *ret_action = AIR_ACTION_READ;
  else if (g_str_equal (text, "publish"))
    *ret_action = AIR_ACTION_PUBLISH;
  else
    return false;
  return true;
}

/* Whoever has been shut out does not come in again as somebody new by the same token, which by itself is worth no more than none. */
static bool
is_shut_out (AirAuthority *authority, AirRequest *request, const AirTokenRequest *wanted, const char *bearer)
{
  if (wanted->role != AIR_ROLE_STUDENT || wanted->identity != NULL || wanted->key != NULL || bearer == NULL)
    return false;
  g_autoptr (AirIdentity) revoked = air_authority_find_revoked (authority, bearer);
  if (revoked == NULL || g_strcmp0 (air_identity_get_class_id (revoked), wanted->class_id) != 0)
    return false;
  air_request_reply_problem (request, 403, "forbidden", "this token has been revoked");
  return true;
}

static void
issue_token (AirRequest *request, void *self)
{
  AirTokenRequest wanted = { .role = AIR_ROLE_STUDENT, .address = air_request_get_address (request) };
  const char *role = get_field (request, "user_type");
  if (role != NULL && !air_role_from_string (role, &wanted.role))
    wanted.role = AIR_ROLE_NONE;
  if (!read_action (get_field (request, "action"), wanted.role, &wanted.action))
    {
      air_request_reply_problem (request, 400, "invalid-request", "action must be read or publish");
      return;
    }
  wanted.user_id = get_field (request, "user_id");
  wanted.name = get_field (request, "name");
  wanted.class_id = get_field (request, "class_id");
  if (wanted.class_id == NULL)
    wanted.class_id = AIR_DEFAULT_CLASS;

  /* A key is not taken from the query: addresses end up in logs and histories. */
  JsonNode *body = air_request_get_json (request);
  wanted.key = air_json_get_string (body, "key");
  wanted.pin = air_json_get_string (body, "pin");
  wanted.join = air_json_get_string (body, "join");
  const char *bearer = air_request_get_token (request);
  if (wanted.key == NULL && bearer != NULL && !air_jwt_looks_like_token (bearer))
    wanted.key = bearer;
  else
    wanted.identity = air_request_get_identity (request);
  if (is_shut_out (self, request, &wanted, bearer))
    return;

  g_auto (AirIssuedToken) issued = { 0 };
  g_autoptr (GError) error = NULL;
  if (air_authority_issue (self, &wanted, &issued, &error))
    reply_issued (request, &issued);
  else
    reply_error (request, error);
}

static void
refresh_token (AirRequest *request, void *self)
{
  g_auto (AirIssuedToken) issued = { 0 };
  g_autoptr (GError) error = NULL;
  if (air_authority_refresh (self, air_request_get_identity (request), air_request_get_address (request), &issued, &error))
    reply_issued (request, &issued);
  else
    reply_error (request, error);
}

void
air_auth_add_token_routes (AirContext *context)
{
  static const AirRoute issue = { .method = "POST",
                                  .template = "/api/token",
                                  .summary = "Makes a token",
                                  .role = AIR_ROLE_NONE,
                                  .body = AIR_BODY_JSON,
                                  .max_body_bytes = 4096,
                                  .request_schema = "TokenRequest",
                                  .handler = issue_token };
  static const AirRoute refresh = { .method = "POST",
                                    .template = "/api/token/refresh",
                                    .summary = "Makes a token of the same family with a later end",
                                    .role = AIR_ROLE_STUDENT,
                                    .body = AIR_BODY_NONE,
                                    .handler = refresh_token };
  air_context_add_route (context, &issue);
  air_context_add_route (context, &refresh);
}
