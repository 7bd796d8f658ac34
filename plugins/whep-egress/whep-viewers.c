/* What is told of viewers: the teacher's list. Main thread. */
#include "viewer-document.h"
#include "whep-private.h"

static void
handle_viewers (AirRequest *request, void *self)
{
  AirWhep *whep = self;
  const char *path = air_request_get_variable (request, "path");
  if (!air_stream_path_is_valid (path))
    {
      air_request_reply_problem (request, 400, "path-invalid", "That is no path of a stream.");
      return;
    }
  AirIdentity *identity = air_request_get_identity (request);
  if (!identity || !air_identity_may (identity, AIR_ACTION_READ, path))
    {
      air_request_reply_problem (request, 403, "forbidden", "That is another class.");
      return;
    }
  g_autoptr (GPtrArray) infos = whep->engine->class->list_viewers (whep->engine, path);
  JsonArray *viewers = json_array_sized_new (infos->len);
  for (guint i = 0; i < infos->len; i++)
    {
      const AirViewerInfo *info = infos->pdata[i];
      const AirWhepSession *session = air_whep_sessions_find_viewer (whep->sessions, info->viewer_id);
      json_array_add_object_element (viewers, air_viewer_to_json (info, session ? session->user_id : NULL));
    }
  JsonObject *document = json_object_new ();
  json_object_set_array_member (document, "viewers", viewers);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, document);
  air_request_reply_json (request, 200, node);
}

void
air_whep_add_viewers (AirContext *context)
{
  static const AirRoute viewers = {
    .method = "GET",
    .template = "/api/streams/{path}/viewers",
    .summary = "Who watches by WHEP, and how well",
    .role = AIR_ROLE_TEACHER,
    .handler = handle_viewers,
  };
  air_context_add_route (context, &viewers);
}
