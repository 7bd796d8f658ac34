/* POST /api/auth/mediamtx: the external authentication hook as MediaMTX calls it. Main thread.
 *
 * It is asked by a server and speaks for a stranger: the stranger's address comes in the body and counts for trusted
 * networks and limits. So only the networks of hook_clients= may ask.
 */
#include <airclass/error.h>
#include <airclass/http.h>
#include <airclass/stream.h>
#include <string.h>

#include "auth/authority-private.h"

static const char *
get_text (JsonObject *body, const char *name)
{
  JsonNode *member = json_object_get_member (body, name);
  const char *text
      = member != NULL && json_node_get_value_type (member) == G_TYPE_STRING ? json_node_get_string (member) : NULL;
  return text != NULL && text[0] != '\0' ? text : NULL;
}

/* api, metrics and pprof are the operator's; they need the teacher's or admin's key, or such a token. */
static bool
may_operate (AirAuthority *authority, const AirAccess *access)
{
  const char *credentials[] = { access->token, access->key, access->password };
  for (size_t i = 0; i < G_N_ELEMENTS (credentials); i++)
    {
      if (credentials[i] == NULL)
        continue;
      g_autoptr (AirIdentity) identity = air_authority_authenticate (authority, credentials[i], access->address, NULL);
      if (identity != NULL && air_identity_get_role (identity) >= AIR_ROLE_TEACHER)
        return true;
    }
  return false;
}

static bool
may_use_stream (AirAuthority *authority, const AirAccess *access)
{
  if (!air_stream_path_is_valid (access->path))
    return false;
  g_autoptr (AirIdentity) identity = air_authority_authorize (authority, access, NULL);
  return identity != NULL;
}

static bool
is_allowed (AirAuthority *authority, JsonObject *body, GInetAddress *asker)
{
  const char *action = get_text (body, "action"), *ip = get_text (body, "ip"), *path = get_text (body, "path");
  const char *query = get_text (body, "query");
  g_autoptr (GInetAddress) address = ip != NULL ? g_inet_address_new_from_string (ip) : g_object_ref (asker);
  if (action == NULL || address == NULL)
    return false;

  g_autoptr (GHashTable) parameters
      = query != NULL ? g_uri_parse_params (query, -1, "&", G_URI_PARAMS_WWW_FORM, NULL) : NULL;
  AirAccess access = { .path = path != NULL ? path : "",
                       .protocol = "mediamtx",
                       .address = address,
                       .token = get_text (body, "token"),
                       .user = get_text (body, "user"),
                       .password = get_text (body, "password") };
  if (parameters != NULL)
    {
      access.key = g_hash_table_lookup (parameters, "key");
      if (access.token == NULL)
        access.token = g_hash_table_lookup (parameters, "jwt");
    }
  if (g_str_equal (action, "publish") || g_str_equal (action, "read") || g_str_equal (action, "playback"))
    {
      access.action = g_str_equal (action, "publish") ? AIR_ACTION_PUBLISH : AIR_ACTION_READ;
      return may_use_stream (authority, &access);
    }
  return may_operate (authority, &access);
}

static void
answer_hook (AirRequest *request, void *self)
{
  AirAuthority *authority = self;
  GInetAddress *asker = air_request_get_address (request);
  if (!air_context_network_contains (authority->context, "hook_clients", asker))
    {
      air_request_reply_problem (request, 403, "forbidden", "[auth] hook_clients= does not name your network");
      return;
    }
  JsonNode *body = air_request_get_json (request);
  if (body != NULL && is_allowed (authority, json_node_get_object (body), asker))
    air_request_reply_empty (request, 200);
  else
    air_request_reply_problem (request, 401, "unauthorized", NULL);
}

void
air_auth_add_mediamtx_route (AirContext *context)
{
  static const AirRoute route = { .method = "POST",
                                  .template = "/api/auth/mediamtx",
                                  .summary = "Answers for a MediaMTX whether somebody may read or publish",
                                  .role = AIR_ROLE_NONE,
                                  .body = AIR_BODY_JSON,
                                  .max_body_bytes = 32 * 1024,
                                  .request_schema = "MediamtxAuth",
                                  .handler = answer_hook };
  air_context_add_route (context, &route);
}
