/* HTTP routes and WebSockets. Everything here is called, and calls back, on the main thread. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#include <airclass/auth.h>
#include <airclass/json.h>
#include <airclass/types.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_BODY_NONE, /* a body is refused with 413 */
  AIR_BODY_JSON, /* application/json, parsed and checked before the handler; else 415 or 400 */
  AIR_BODY_RAW,  /* any type, given as bytes */
} AirBodyKind;

/* Answers now or later with exactly one air_request_reply_…; @request is borrowed, take a reference to answer later.
 * A request whose last reference goes without a reply is answered 500. */
typedef void (*AirRequestHandler) (AirRequest *request, void *self);

/* One route. The host copies what it needs; strings are static. */
struct _AirRoute
{
  const char *method;   /* "GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"; GET also serves HEAD */
  const char *template; /* "/api/streams/{path}/viewers". A variable takes one segment, the variable {path} one or more.
                         * The most specific route wins: literals before variables. */
  const char *summary;  /* one line, used where schemas/openapi.yaml does not describe the route */
  AirRole role;         /* least role required; AIR_ROLE_NONE: anybody (the handler may check more).
                         * Order: student < monitor < teacher < admin; a missing credential is 401, a lesser one 403 */
  AirBodyKind body;
  size_t max_body_bytes;      /* 0: 64 KiB. More is refused with 413 before it is buffered */
  const char *request_schema; /* for AIR_BODY_JSON: the name of a schema under components/schemas in
                               * schemas/openapi.yaml, or a JSON Schema text that begins with '{'; NULL: any JSON */
  AirRequestHandler handler;
};

AIR_PUBLIC AirRequest *air_request_ref (AirRequest *request);
AIR_PUBLIC void air_request_unref (AirRequest *request);
AIR_PUBLIC const char *air_request_get_method (AirRequest *request);
/* The path, decoded, without the query; no part of it is "." or "..". */
AIR_PUBLIC const char *air_request_get_path (AirRequest *request);
/* The decoded value of a variable of the route's template; NULL when there is no such variable. */
AIR_PUBLIC const char *air_request_get_variable (AirRequest *request, const char *name);
/* The decoded value of a query parameter; the first one when repeated; NULL when absent. */
AIR_PUBLIC const char *air_request_get_query (AirRequest *request, const char *name);
AIR_PUBLIC const char *air_request_get_header (AirRequest *request, const char *name);
/* The peer (or the client that a trusted proxy names, [http] trusted_proxies=). */
AIR_PUBLIC GInetAddress *air_request_get_address (AirRequest *request);
/* The address on which the request came in: host and port as the client reaches us. (transfer none) */
AIR_PUBLIC GSocketAddress *air_request_get_local_address (AirRequest *request);
/* "http://host:port", from the Host header or [http] public_url=. */
AIR_PUBLIC const char *air_request_get_base_url (AirRequest *request);
/* The caller's identity when a valid token came with the request (Bearer or ?jwt=), else NULL. */
AIR_PUBLIC AirIdentity *air_request_get_identity (AirRequest *request);
/* The raw token text as it came (Bearer or ?jwt=), checked or not; NULL when none came. */
AIR_PUBLIC const char *air_request_get_token (AirRequest *request);
/* The checked body of an AIR_BODY_JSON route; NULL when the body was empty and the schema lets it be. */
AIR_PUBLIC JsonNode *air_request_get_json (AirRequest *request);
/* The body as bytes; never NULL. (transfer none) */
AIR_PUBLIC GBytes *air_request_get_body (AirRequest *request);
/* The media type of the body, lower case, without parameters; "" when none. */
AIR_PUBLIC const char *air_request_get_content_type (AirRequest *request);

/* Sets a response header, before the reply. CR, LF and NUL in @value are an error of the caller: the header is dropped
 * and logged. */
AIR_PUBLIC void air_request_set_header (AirRequest *request, const char *name, const char *value);
AIR_PUBLIC void air_request_reply_empty (AirRequest *request, unsigned status);
/* @body: (transfer full) */
AIR_PUBLIC void air_request_reply_json (AirRequest *request, unsigned status, JsonNode *body);
AIR_PUBLIC void air_request_reply_text (AirRequest *request, unsigned status, const char *content_type, const char *text);
AIR_PUBLIC void air_request_reply_bytes (AirRequest *request, unsigned status, const char *content_type, GBytes *body);
/* An RFC 9457 problem: type "/problems/@slug", the status's title, @detail for people (may be NULL). */
AIR_PUBLIC void air_request_reply_problem (AirRequest *request, unsigned status, const char *slug, const char *detail);
/* Turns an AIR_ERROR into the fitting problem; anything else is a 500 whose detail stays in the log. */
AIR_PUBLIC void air_request_reply_error (AirRequest *request, const GError *error);

/* Returns: (transfer full) @text as a QR code, an SVG image, black on white with its quiet zone; NULL when it is empty or too long.
 * Any thread. */
AIR_PUBLIC char *air_qr_to_svg (const char *text);

/* @self is the plugin's state as given to the context. */
AIR_PUBLIC void air_context_add_route (AirContext *context, const AirRoute *route);

/* A WebSocket endpoint. Bounded: a message over max_message_bytes closes with 1009, a peer that does not read until
 * max_queue_bytes wait for it closes with 1008. The token's expiry closes with 4401. */
struct _AirSocketRoute
{
  const char *template;
  const char *summary;
  AirRole role;             /* least role; AIR_ROLE_NONE: anybody */
  size_t max_message_bytes; /* 0: 16 KiB */
  size_t max_queue_bytes;   /* 0: 256 KiB */
  /* Each may be NULL. @text is UTF-8, NUL-terminated, @length bytes long. */
  void (*opened) (AirSocket *socket, void *self);
  void (*message) (AirSocket *socket, const char *text, size_t length, void *self);
  void (*closed) (AirSocket *socket, void *self); /* exactly once after opened() */
};

AIR_PUBLIC void air_context_add_socket (AirContext *context, const AirSocketRoute *route);
AIR_PUBLIC AirSocket *air_socket_ref (AirSocket *socket);
AIR_PUBLIC void air_socket_unref (AirSocket *socket);
/* The request that opened the socket: variables, query, identity, address. */
AIR_PUBLIC AirRequest *air_socket_get_request (AirSocket *socket);
/* Queues a text frame; nothing happens when the socket is closed. */
AIR_PUBLIC void air_socket_send_text (AirSocket *socket, const char *text);
/* @message: (transfer full) */
AIR_PUBLIC void air_socket_send_json (AirSocket *socket, JsonNode *message);
AIR_PUBLIC void air_socket_close (AirSocket *socket, unsigned short code, const char *reason);
AIR_PUBLIC void air_socket_set_data (AirSocket *socket, void *data, GDestroyNotify destroy);
AIR_PUBLIC void *air_socket_get_data (AirSocket *socket);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRequest, air_request_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirSocket, air_socket_unref)

G_END_DECLS
