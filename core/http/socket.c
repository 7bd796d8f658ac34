/* The WebSocket that handlers see.
 *
 * closed() is called from the main loop, never from within a call that the handler makes itself, so that a handler may
 * send to all its sockets in a loop without any of them vanishing under it. The server owns a reference until then. */
#include "http/socket.h"

#include <string.h>

#include "http/websocket.h"
#include "ops/watchdog.h"

#define DEFAULT_MAX_MESSAGE_BYTES (16 * 1024)
#define DEFAULT_MAX_QUEUE_BYTES (256 * 1024)
#define AUTH_DEADLINE_US (5 * G_USEC_PER_SEC)
#define CLOSE_UNAUTHORIZED 4401
#define CLOSE_FORBIDDEN 4403

struct _AirSocket
{
  grefcount references;
  AirRequest *request;
  AirRouteEntry *entry;
  const AirSocketOwner *owner;
  void *owner_data;
  char *accept;
  AirFrameReader reader;
  size_t max_queue_bytes;
  int64_t ping_interval_us, heard_us, pinged_us, auth_deadline_us;
  bool is_open, is_announced, is_finished;
  unsigned close_source;
  void *data;
  GDestroyNotify destroy_data;
};

static void
set_identity (AirSocket *socket, AirIdentity *identity)
{
  g_clear_pointer (&socket->request->identity, air_identity_unref);
  socket->request->identity = identity;
}

AirSocket *
air_socket_new (AirRequest *request, const char *accept, int64_t ping_interval_us, const AirSocketOwner *owner,
                void *user_data)
{
  const AirSocketRoute *route = &request->entry->socket;
  AirSocket *socket = g_new0 (AirSocket, 1);
  g_ref_count_init (&socket->references);
  socket->request = air_request_ref (request);
  socket->entry = air_route_entry_ref (request->entry);
  socket->owner = owner;
  socket->owner_data = user_data;
  socket->accept = g_strdup (accept);
  socket->max_queue_bytes = route->max_queue_bytes > 0 ? route->max_queue_bytes : DEFAULT_MAX_QUEUE_BYTES;
  socket->ping_interval_us = ping_interval_us;
  air_frame_reader_init (&socket->reader,
                         route->max_message_bytes > 0 ? route->max_message_bytes : DEFAULT_MAX_MESSAGE_BYTES);
  return socket;
}

AirSocket *
air_socket_ref (AirSocket *socket)
{
  g_ref_count_inc (&socket->references);
  return socket;
}

void
air_socket_unref (AirSocket *socket)
{
  if (socket == NULL || !g_ref_count_dec (&socket->references))
    return;
  air_socket_set_data (socket, NULL, NULL);
  air_frame_reader_clear (&socket->reader);
  air_request_unref (socket->request);
  air_route_entry_unref (socket->entry);
  g_free (socket->accept);
  g_free (socket);
}

AirRequest *
air_socket_get_request (AirSocket *socket)
{
  return socket->request;
}

AirRouteEntry *
air_socket_get_entry (AirSocket *socket)
{
  return socket->entry;
}

void
air_socket_set_data (AirSocket *socket, void *data, GDestroyNotify destroy)
{
  void *old = socket->data;
  GDestroyNotify destroy_old = socket->destroy_data;
  socket->data = data;
  socket->destroy_data = destroy;
  if (destroy_old != NULL)
    destroy_old (old);
}

void *
air_socket_get_data (AirSocket *socket)
{
  return socket->data;
}

static void
announce (AirSocket *socket)
{
  socket->is_announced = true;
  socket->auth_deadline_us = 0;
  if (socket->entry->socket.opened == NULL)
    return;
  const char *previous = air_watchdog_enter (socket->entry->owner_name);
  socket->entry->socket.opened (socket, socket->entry->self);
  air_watchdog_leave (previous);
}

void
air_socket_finish (AirSocket *socket)
{
  if (socket->is_finished)
    return;
  g_autoptr (AirSocket) guard = air_socket_ref (socket);
  socket->is_finished = true;
  if (socket->close_source != 0)
    g_source_remove (socket->close_source);
  socket->close_source = 0;
  if (socket->is_announced && socket->entry->socket.closed != NULL)
    {
      const char *previous = air_watchdog_enter (socket->entry->owner_name);
      socket->entry->socket.closed (socket, socket->entry->self);
      air_watchdog_leave (previous);
    }
  socket->owner->closed (socket, socket->owner_data);
}

static gboolean
finish_from_loop (gpointer data)
{
  AirSocket *socket = data;
  socket->close_source = 0;
  air_socket_finish (socket);
  return G_SOURCE_REMOVE;
}

/* ---- What the connection tells */

static void
on_closed (void *user_data)
{
  AirSocket *socket = user_data;
  socket->is_open = false;
  if (!socket->is_finished && socket->close_source == 0)
    socket->close_source = g_idle_add_full (G_PRIORITY_DEFAULT, finish_from_loop, socket, NULL);
}

static void
send_frame (AirSocket *socket, AirFrameType type, const void *payload, size_t length)
{
  if (!socket->is_open)
    return;
  g_autoptr (GByteArray) frame = air_frame_build (type, payload, length);
  size_t waiting = air_connection_send (socket->request->connection, frame->data, frame->len);
  if (waiting > socket->max_queue_bytes)
    air_socket_close (socket, 1008, "this client does not read");
}

void
air_socket_close (AirSocket *socket, unsigned short code, const char *reason)
{
  if (!socket->is_open)
    return;
  guint8 payload[125] = { (guint8)(code >> 8), (guint8)code };
  size_t length = 2;
  if (reason != NULL)
    {
      /* Cut between characters: a close frame holds 125 bytes, its reason is UTF-8. */
      g_autofree char *valid = g_utf8_make_valid (reason, -1);
      size_t size = strlen (valid);
      if (size > sizeof payload - 2)
        size = (size_t)(g_utf8_find_prev_char (valid, valid + sizeof payload - 2) - valid);
      memcpy (payload + 2, valid, size);
      length += size;
    }
  socket->is_open = false;
  g_autoptr (GByteArray) frame = air_frame_build (AIR_FRAME_CLOSE, payload, length);
  air_connection_send (socket->request->connection, frame->data, frame->len);
  air_connection_end (socket->request->connection);
}

/* {"type":"auth","token":…}: the first frame, or later a fresh token in time.
 * Returns: (transfer full) the token; NULL when the message is another one. */
static char *
get_auth_token (const char *text, size_t length)
{
  if (length > 8192 || strstr (text, "\"auth\"") == NULL)
    return NULL;
  g_autoptr (JsonNode) node = air_json_parse (text, (gssize)length, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  JsonNode *type = json_object_get_member (json_node_get_object (node), "type");
  JsonNode *token = json_object_get_member (json_node_get_object (node), "token");
  bool is_auth = type != NULL && token != NULL && json_node_get_value_type (type) == G_TYPE_STRING
                 && json_node_get_value_type (token) == G_TYPE_STRING
                 && g_str_equal (json_node_get_string (type), "auth");
  return is_auth ? g_strdup (json_node_get_string (token)) : NULL;
}

static bool
is_same_user (const AirIdentity *a, const AirIdentity *b)
{
  return g_strcmp0 (air_identity_get_user_id (a), air_identity_get_user_id (b)) == 0
         && g_strcmp0 (air_identity_get_class_id (a), air_identity_get_class_id (b)) == 0
         && air_identity_get_role (a) == air_identity_get_role (b);
}

static void
take_token (AirSocket *socket, const char *token)
{
  AirRequest *request = socket->request;
  g_autoptr (AirIdentity) identity = socket->owner->authenticate (token, request->address, socket->owner_data);
  if (identity == NULL)
    air_socket_close (socket, CLOSE_UNAUTHORIZED, "this token is not valid");
  else if (air_identity_get_role (identity) < socket->entry->socket.role
           || (request->identity != NULL && !is_same_user (request->identity, identity)))
    air_socket_close (socket, CLOSE_FORBIDDEN, "this token does not open this socket");
  else
    {
      set_identity (socket, g_steal_pointer (&identity));
      if (!socket->is_announced)
        announce (socket);
    }
}

static void
take_text (AirSocket *socket, GBytes *payload)
{
  size_t length = 0;
  const char *bytes = g_bytes_get_data (payload, &length);
  if (length > 0 && !g_utf8_validate_len (bytes, length, NULL))
    {
      air_socket_close (socket, 1007, "not UTF-8");
      return;
    }
  g_autofree char *text = g_strndup (length > 0 ? bytes : "", length);
  bool may_be_auth = !socket->is_announced || socket->request->identity != NULL;
  g_autofree char *token = may_be_auth ? get_auth_token (text, length) : NULL;
  if (token != NULL)
    take_token (socket, token);
  else if (!socket->is_announced)
    air_socket_close (socket, CLOSE_UNAUTHORIZED, "the first frame must be {\"type\":\"auth\",\"token\":…}");
  else
    {
      const char *previous = air_watchdog_enter (socket->entry->owner_name);
      if (socket->entry->socket.message != NULL)
        socket->entry->socket.message (socket, text, length, socket->entry->self);
      air_watchdog_leave (previous);
    }
}

static void
take_frame (AirSocket *socket, const AirFrame *frame)
{
  size_t length = 0;
  const void *bytes = g_bytes_get_data (frame->payload, &length);
  switch (frame->type)
    {
    case AIR_FRAME_TEXT:
      take_text (socket, frame->payload);
      break;
    case AIR_FRAME_PING:
      send_frame (socket, AIR_FRAME_PONG, bytes, length);
      break;
    case AIR_FRAME_PONG:
      break;
    case AIR_FRAME_CLOSE:
      air_socket_close (socket, air_frame_parse_close (frame->payload), NULL);
      break;
    default:
      air_socket_close (socket, 1003, "only text is taken");
    }
}

static const char *
describe_close (unsigned short code)
{
  return code == 1009 ? "the message is too long" : code == 1008 ? "too many fragments" : "not RFC 6455";
}

static void
on_input (void *user_data, const guint8 *bytes, size_t length)
{
  g_autoptr (AirSocket) socket = air_socket_ref (user_data);
  AirFrame frame;
  unsigned short code = 0;
  socket->heard_us = g_get_monotonic_time ();
  socket->pinged_us = 0;
  air_frame_reader_push (&socket->reader, bytes, length);
  while (socket->is_open && air_frame_reader_next (&socket->reader, &frame, &code))
    {
      take_frame (socket, &frame);
      g_bytes_unref (frame.payload);
    }
  if (code != 0)
    air_socket_close (socket, code, describe_close (code));
}

/* Asked each time: refreshing the token moves its end. */
static bool
has_expired (AirSocket *socket)
{
  AirIdentity *identity = socket->request->identity;
  int64_t expires_at = identity != NULL ? air_identity_get_expires_at (identity) : 0;
  return expires_at != 0 && g_get_real_time () / G_USEC_PER_SEC >= expires_at;
}

static void
on_tick (void *user_data, int64_t now_us)
{
  g_autoptr (AirSocket) socket = air_socket_ref (user_data);
  if (socket->auth_deadline_us != 0 && now_us > socket->auth_deadline_us)
    air_socket_close (socket, CLOSE_UNAUTHORIZED, "no token came");
  else if (has_expired (socket))
    air_socket_close (socket, CLOSE_UNAUTHORIZED, "the token has expired");
  else if (socket->pinged_us != 0 && now_us - socket->pinged_us > socket->ping_interval_us)
    air_connection_kill (socket->request->connection);
  else if (socket->pinged_us == 0 && now_us - socket->heard_us > socket->ping_interval_us)
    {
      socket->pinged_us = now_us;
      send_frame (socket, AIR_FRAME_PING, "", 0);
    }
}

static const AirConnectionUpgrade upgrade = {
  .input = on_input,
  .tick = on_tick,
  .closed = on_closed,
};

void
air_socket_start (AirSocket *socket)
{
  g_autofree char *answer = g_strdup_printf ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                             "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                                             socket->accept);
  socket->is_open = true;
  socket->heard_us = g_get_monotonic_time ();
  air_connection_upgrade (socket->request->connection, &upgrade, socket);
  air_connection_send (socket->request->connection, answer, strlen (answer));
  if (socket->entry->socket.role != AIR_ROLE_NONE && socket->request->identity == NULL)
    socket->auth_deadline_us = g_get_monotonic_time () + AUTH_DEADLINE_US;
  else
    announce (socket);
}

void
air_socket_send_text (AirSocket *socket, const char *text)
{
  g_return_if_fail (text != NULL);
  send_frame (socket, AIR_FRAME_TEXT, text, strlen (text));
}

void
air_socket_send_json (AirSocket *socket, JsonNode *message)
{
  g_autoptr (JsonNode) node = message;
  g_autofree char *text = air_json_to_string (node);
  air_socket_send_text (socket, text);
}
