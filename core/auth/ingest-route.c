/* GET /api/streams/{path}/ingest: what a teacher types into the publishing program. Main thread. */
#include <airclass/http.h>
#include <airclass/stream.h>

#include "auth/authority-private.h"
#include "auth/ingest.h"

static void
take_port (const char *protocol, const char *host, unsigned port, void *data)
{
  AirIngest *ingest = data;
  GArray *ports = g_str_equal (protocol, "rtmp")    ? ingest->rtmp_ports
                  : g_str_equal (protocol, "rtmps") ? ingest->rtmps_ports
                                                    : NULL;
  for (unsigned i = 0; ports != NULL && i < ports->len; i++)
    if (g_array_index (ports, unsigned, i) == port)
      return;
  if (ports != NULL)
    g_array_append_val (ports, port);
}

static void
describe_ingest (AirRequest *request, void *self)
{
  AirAuthority *authority = self;
  const char *path = air_request_get_variable (request, "path");
  if (!air_stream_path_is_valid (path))
    {
      air_request_reply_problem (request, 400, "invalid-path", "the path of the stream is malformed");
      return;
    }
  /* The key that is shown lets its reader publish. */
  if (!air_identity_may (air_request_get_identity (request), AIR_ACTION_PUBLISH, path))
    {
      air_request_reply_problem (request, 403, "forbidden", "your token is not for publishing this stream");
      return;
    }
  g_autofree char *key = air_authority_get_key_of_path (authority, path);
  g_autoptr (GPtrArray) hosts
      = air_ingest_list_hosts (air_request_get_base_url (request), air_context_get_public_hosts (authority->context));
  g_autoptr (GArray) rtmp_ports = g_array_new (FALSE, FALSE, sizeof (unsigned));
  g_autoptr (GArray) rtmps_ports = g_array_new (FALSE, FALSE, sizeof (unsigned));
  AirIngest ingest = { path, key, hosts, rtmp_ports, rtmps_ports };
  air_context_visit_endpoints (authority->context, take_port, &ingest);
  air_request_set_header (request, "Cache-Control", "no-store");
  air_request_reply_json (request, 200, air_ingest_describe (&ingest));
}

void
air_auth_add_ingest_route (AirContext *context)
{
  static const AirRoute route = { .method = "GET",
                                  .template = "/api/streams/{path}/ingest",
                                  .summary = "Where and with which key a stream is published",
                                  .role = AIR_ROLE_TEACHER,
                                  .body = AIR_BODY_NONE,
                                  .handler = describe_ingest };
  air_context_add_route (context, &route);
}
