/* From bytes to requests: finds and checks heads, counts and collects bodies, hands whole requests on. */
#include "http/connection-private.h"

#include <string.h>

#include "http/problem.h"

#define MAX_CHUNK_LINE 256
#define MAX_TRAILER_BYTES 4096

static void
take_input (AirConnection *connection, size_t count)
{
  if (count == connection->input->len)
    g_clear_pointer (&connection->input, g_byte_array_unref);
  else
    g_byte_array_remove_range (connection->input, 0, (guint)count);
}

static void
hand_over (AirConnection *connection)
{
  AirHead *head = g_steal_pointer (&connection->head);
  GBytes *body = connection->body != NULL ? g_byte_array_free_to_bytes (g_steal_pointer (&connection->body))
                                          : g_bytes_new_static ("", 0);
  connection->state = STATE_REPLY;
  air_connection_set_deadline (connection, 0);
  air_connection_watch (connection);
  connection->owner->request (connection, head, body, connection->owner_data);
}

/* Counts before keeping. False: refused. */
static bool
append_body (AirConnection *connection, const guint8 *bytes, size_t length)
{
  size_t size = connection->body != NULL ? connection->body->len : 0;
  if (length > connection->body_limit - size)
    {
      air_connection_refuse (connection, 413, "content-too-large", "the body is larger than this resource takes");
      return false;
    }
  if (*connection->total_body_bytes + length > connection->limits->max_total_body_bytes)
    {
      air_connection_refuse (connection, 503, "overloaded", "too many uploads at the same time");
      return false;
    }
  *connection->total_body_bytes += length;
  connection->body_counted += length;
  if (connection->body == NULL)
    connection->body = g_byte_array_new ();
  g_byte_array_append (connection->body, bytes, (guint)length);
  return true;
}

static void
start_body (AirConnection *connection)
{
  AirHead *head = connection->head;
  if (!head->is_chunked && head->content_length <= 0)
    {
      hand_over (connection);
      return;
    }
  if (!head->is_chunked && (uint64_t)head->content_length > connection->body_limit)
    {
      air_connection_refuse (connection, 413, "content-too-large", "the body is larger than this resource takes");
      return;
    }
  connection->state = STATE_BODY;
  connection->chunk_state = CHUNK_SIZE;
  connection->left = head->is_chunked ? 0 : (uint64_t)head->content_length;
  connection->trailer_bytes = 0;
  air_connection_set_deadline (connection, connection->limits->body_timeout_us);
  if (head->expects_continue && connection->input == NULL)
    {
      static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
      air_connection_queue_output (connection, go_on, sizeof go_on - 1);
      air_connection_flush (connection);
    }
}

/* Returns whether to go on with what follows in the input. */
static bool
process_head (AirConnection *connection)
{
  GByteArray *input = connection->input;
  size_t blank = 0;
  while (connection->scanned == 0 && blank + 1 < input->len && blank < 4 && input->data[blank] == '\r'
         && input->data[blank + 1] == '\n')
    blank += 2;
  if (blank > 0)
    {
      take_input (connection, blank);
      return true;
    }
  if (connection->scanned == 0)
    air_connection_set_deadline (connection, connection->limits->head_timeout_us);

  gssize length = air_head_find_end ((const char *)input->data, input->len, &connection->scanned);
  if (length < 0)
    {
      air_connection_refuse (connection, 400, "bad-request", "malformed request head");
      return false;
    }
  if ((length == 0 ? input->len : (size_t)length) > connection->limits->max_head_bytes)
    {
      air_connection_refuse (connection, 431, "header-too-large", "the request head is too large");
      return false;
    }
  if (length == 0)
    return false;

  unsigned status = 0;
  const char *reason = NULL, *slug = NULL;
  connection->scanned = 0;
  connection->head = air_head_parse ((const char *)input->data, (size_t)length, &status, &reason);
  if (connection->head == NULL)
    {
      air_connection_refuse (connection, status, air_status_slug (status), reason);
      return false;
    }
  take_input (connection, (size_t)length);
  if (!connection->owner->head_received (connection, connection->head, &connection->body_limit, &status, &slug,
                                         connection->owner_data))
    {
      air_connection_refuse (connection, status, slug, NULL);
      return false;
    }
  start_body (connection);
  return true;
}

static bool
process_length_body (AirConnection *connection)
{
  size_t count = MIN (connection->left, connection->input->len);
  if (!append_body (connection, connection->input->data, count))
    return false;
  connection->left -= count;
  take_input (connection, count);
  if (connection->left == 0)
    hand_over (connection);
  return true;
}

/* Takes one CRLF-ended line from the input; false when it is not there yet (or refused). */
static bool
take_chunk_line (AirConnection *connection, char *line, size_t *ret_length)
{
  GByteArray *input = connection->input;
  guint8 *end = memchr (input->data, '\n', input->len);
  size_t length = end != NULL ? (size_t)(end - input->data) : input->len;
  if (length > MAX_CHUNK_LINE || (end != NULL && (length == 0 || end[-1] != '\r')))
    {
      air_connection_refuse (connection, 400, "bad-request", "malformed chunked body");
      return false;
    }
  if (end == NULL)
    return false;
  memcpy (line, input->data, length - 1);
  *ret_length = length - 1;
  take_input (connection, length + 1);
  return true;
}

static bool
process_chunk_data (AirConnection *connection)
{
  size_t count = MIN (connection->left, connection->input->len);
  if (!append_body (connection, connection->input->data, count))
    return false;
  connection->left -= count;
  take_input (connection, count);
  if (connection->left == 0)
    connection->chunk_state = CHUNK_END;
  return true;
}

/* RFC 9112 §7.1. Trailers are read and dropped. */
static bool
process_chunked_body (AirConnection *connection)
{
  if (connection->chunk_state == CHUNK_DATA)
    return process_chunk_data (connection);

  char line[MAX_CHUNK_LINE + 1];
  size_t length = 0;
  if (!take_chunk_line (connection, line, &length))
    return false;
  bool is_good = true;
  if (connection->chunk_state == CHUNK_SIZE)
    {
      is_good = air_chunk_parse_size (line, length, &connection->left);
      connection->chunk_state = connection->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    }
  else if (connection->chunk_state == CHUNK_END)
    {
      is_good = length == 0;
      connection->chunk_state = CHUNK_SIZE;
    }
  else if (length == 0)
    hand_over (connection);
  else
    is_good = (connection->trailer_bytes += length) <= MAX_TRAILER_BYTES;
  if (!is_good)
    air_connection_refuse (connection, 400, "bad-request", "malformed chunked body");
  return is_good;
}

/* Ends after one request: the next one in the buffer waits for its turn of the main loop. */
void
air_connection_process (AirConnection *connection)
{
  bool goes_on = true;
  while (goes_on && connection->input != NULL && connection->turn == 0)
    switch (connection->state)
      {
      case STATE_HEAD:
        goes_on = process_head (connection);
        break;
      case STATE_BODY:
        goes_on = connection->head->is_chunked ? process_chunked_body (connection) : process_length_body (connection);
        break;
      case STATE_UPGRADED:
        {
          g_autoptr (GByteArray) input = g_steal_pointer (&connection->input);
          connection->upgrade->input (connection->upgrade_data, input->data, input->len);
          break;
        }
      default:
        goes_on = false;
      }
}
