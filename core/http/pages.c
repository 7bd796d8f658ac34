/* Handlers of the server itself. */
#include "http/pages.h"

#include <string.h>

#define MAX_QR_BYTES 512

/* ---- The description of the interface: made when it is asked for, kept until the routes change */

void
air_http_forget_document (AirHttpServer *server)
{
  g_clear_pointer (&server->openapi, air_asset_unref);
  g_clear_pointer (&server->docs, air_asset_unref);
}

static AirAsset *
make_asset (AirHttpServer *server, const char *content_type, char *text)
{
  return air_asset_new (server->context, content_type, "no-cache", g_bytes_new_take (text, strlen (text)));
}

static void
make_document (AirHttpServer *server)
{
  if (server->openapi != NULL)
    return;
  g_autoptr (JsonNode) node = air_api_document_describe (server->document, air_router_get_entries (server->router));
  server->openapi = make_asset (server, "application/json", air_json_to_string (node));
  server->docs = make_asset (server, "text/html; charset=utf-8", air_api_page_build (node));
}

static void
reply_openapi (AirRequest *request, void *self)
{
  AirHttpServer *server = self;
  make_document (server);
  air_asset_reply (server->openapi, request);
}

static void
reply_docs (AirRequest *request, void *self)
{
  AirHttpServer *server = self;
  make_document (server);
  air_asset_reply (server->docs, request);
}

/* ---- The web app */

bool
air_http_is_in_web_app (AirHttpServer *server, AirRequest *request)
{
  return air_web_app_find (server->web_app, air_request_get_path (request)) != NULL;
}

bool
air_http_reply_from_web_app (AirHttpServer *server, AirRequest *request)
{
  const char *method = air_request_get_method (request);
  AirAsset *asset = NULL;
  if (g_str_equal (method, "GET") || g_str_equal (method, "HEAD"))
    asset = air_web_app_find (server->web_app, air_request_get_path (request));
  if (asset == NULL)
    return false;
  air_asset_reply (asset, request);
  return true;
}

static JsonNode *
describe_status (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "name");
  json_builder_add_string_value (builder, "AIRClass");
  json_builder_set_member_name (builder, "version");
  json_builder_add_string_value (builder, AIR_VERSION);
  json_builder_set_member_name (builder, "status");
  json_builder_add_string_value (builder, "ok");
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

static void
reply_root (AirRequest *request, void *self)
{
  bool wants_json = air_request_get_quality (request, "Accept", "application/json")
                    > air_request_get_quality (request, "Accept", "text/html");
  if (wants_json || !air_http_reply_from_web_app (self, request))
    air_request_reply_json (request, 200, describe_status ());
}

/* ---- QR codes */

static void
reply_qr (AirRequest *request, void *self)
{
  const char *text = air_request_get_query (request, "text");
  g_autofree char *svg = text != NULL && strlen (text) <= MAX_QR_BYTES ? air_qr_to_svg (text) : NULL;
  if (svg != NULL)
    air_request_reply_text (request, 200, "image/svg+xml", svg);
  else
    air_request_reply_problem (request, 400, "invalid", "'text' must have 1 to 512 bytes");
}

static const AirRoute routes[] = {
  { .method = "GET", .template = "/", .summary = "The web app", .handler = reply_root },
  { .method = "GET",
    .template = "/openapi.json",
    .summary = "The description of this interface",
    .handler = reply_openapi },
  { .method = "GET",
    .template = "/docs",
    .summary = "The description of this interface, for people",
    .handler = reply_docs },
  { .method = "GET",
    .template = "/api/qr.svg",
    .summary = "A QR code as SVG",
    .role = AIR_ROLE_TEACHER,
    .handler = reply_qr },
};

void
air_http_add_pages (AirContext *context)
{
  for (size_t i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
