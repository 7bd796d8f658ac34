/* A person of the class: a token by HTTP, a page by WebSocket. */
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>

#include "class-load.h"

static void on_http (LoadSeat *seat, unsigned events);
static void on_socket (LoadSeat *seat, unsigned events);

LoadSeat *
class_seat_new (LoadClass *class)
{
  LoadSeat *seat = g_new0 (LoadSeat, 1);

  seat->class = class;
  seat->http.fd = seat->socket.fd = -1;
  seat->http_watch = (LoadWatch){ seat, on_http };
  seat->socket_watch = (LoadWatch){ seat, on_socket };
  seat->heard = g_new0 (guint8, (gsize)MAX (class->options.messages, 1));
  g_ptr_array_add (class->seats, seat);
  return seat;
}

void
class_seat_free (LoadSeat *seat)
{
  class_seat_hang_up (seat);
  load_socket_clear (&seat->socket);
  g_free (seat->body);
  g_free (seat->token);
  g_free (seat->user_id);
  g_free (seat->heard);
  g_free (seat);
}

void
class_seat_fail (LoadSeat *seat, const char *format, ...)
{
  va_list arguments;

  if (seat->failure)
    return;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  seat->failure = g_intern_string (text);
  seat->class->failed++;
}

/* ---- HTTP */

void
class_seat_hang_up (LoadSeat *seat)
{
  load_http_clear (&seat->http);
}

static bool
connect_again (LoadSeat *seat)
{
  class_seat_hang_up (seat);
  seat->may_retry = false;
  return load_http_start (&seat->http, &seat->class->server, &seat->request)
         && class_loop_watch (seat->class, seat->http.fd, &seat->http_watch);
}

static void
end_request (LoadSeat *seat, unsigned status)
{
  void (*answered) (LoadSeat *, unsigned) = g_steal_pointer (&seat->answered);

  if (status == 0 || !seat->request.keep_alive)
    {
      answered (seat, status);
      /* A next request may already have begun. */
      if (!seat->answered)
        class_seat_hang_up (seat);
    }
  else
    answered (seat, status);
}

static void
step_http (LoadSeat *seat)
{
  LoadHttpState state = load_http_step (&seat->http);

  /* A browser, too, asks again when a kept connection turns out to be closed. */
  if (state == LOAD_HTTP_FAILED && seat->may_retry && seat->http.answer->len == 0)
    state = connect_again (seat) ? load_http_step (&seat->http) : LOAD_HTTP_FAILED;
  if (state != LOAD_HTTP_BUSY)
    end_request (seat, state == LOAD_HTTP_DONE ? seat->http.status : 0);
}

static void
on_http (LoadSeat *seat, unsigned events)
{
  if (seat->answered)
    step_http (seat);
  else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    class_seat_hang_up (seat);
}

void
class_seat_ask (LoadSeat *seat, const LoadRequest *request, void (*answered) (LoadSeat *seat, unsigned status))
{
  char *body = g_strdup (request->body);

  g_free (seat->body);
  seat->body = body;
  seat->request = *request;
  seat->request.body = body;
  seat->answered = answered;
  seat->may_retry = seat->http.fd >= 0;
  if (seat->may_retry)
    load_http_continue (&seat->http, &seat->class->server, &seat->request);
  else if (!connect_again (seat))
    {
      end_request (seat, 0);
      return;
    }
  step_http (seat);
}

/* ---- The page */

static void
on_socket (LoadSeat *seat, unsigned events)
{
  LoadSocket *socket = &seat->socket;

  if (socket->fd < 0)
    return;
  bool is_over = !load_socket_step (socket, class_hear, seat);
  if (!is_over && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
    return;
  if (!socket->is_open && socket->status > 0)
    class_seat_fail (seat, "the WebSocket was answered %u", socket->status);
  else if (socket->close_code > 0)
    class_seat_fail (seat, "the WebSocket was closed with %u", socket->close_code);
  else
    class_seat_fail (seat, socket->is_open ? "the WebSocket broke off" : "the WebSocket could not be opened");
  load_socket_clear (socket);
}

static void
open_page (LoadSeat *seat)
{
  const char *page = seat->is_teacher ? "teacher" : "student";
  g_autofree char *target = g_strdup_printf ("/ws/%s?class_id=%s", page, seat->class->class_id);

  if (!load_socket_start (&seat->socket, &seat->class->server, target, seat->token)
      || !class_loop_watch (seat->class, seat->socket.fd, &seat->socket_watch))
    class_seat_fail (seat, "no socket for the WebSocket");
}

static void
on_token (LoadSeat *seat, unsigned status)
{
  g_autoptr (JsonNode) root = status == 200 ? json_from_string (load_http_body (&seat->http), NULL) : NULL;

  if (root && JSON_NODE_HOLDS_OBJECT (root))
    {
      JsonObject *answer = json_node_get_object (root);

      seat->token = g_strdup (json_object_get_string_member_with_default (answer, "token", NULL));
      seat->user_id = g_strdup (json_object_get_string_member_with_default (answer, "user_id", NULL));
    }
  if (seat->token && seat->user_id)
    open_page (seat);
  else if (status == 0)
    class_seat_fail (seat, "no answer to POST /api/token");
  else
    class_seat_fail (seat, "POST /api/token was answered %u", status);
}

void
class_seat_join (const LoadDue *due)
{
  LoadSeat *seat = due->seat;
  LoadClass *class = seat->class;
  bool answers_by_http = due->number <= (unsigned)class->options.students && !class->options.answers_by_socket;
  const char *form = seat->is_teacher
                         ? "{\"user_type\":\"teacher\",\"action\":\"publish\",\"class_id\":\"%s\",\"name\":\"Teacher %u\"}"
                         : "{\"user_type\":\"student\",\"action\":\"read\",\"class_id\":\"%s\",\"name\":\"Student %u\"}";
  g_autofree char *body = g_strdup_printf (form, class->class_id, due->number);

  seat->sent_us = g_get_monotonic_time ();
  class_seat_ask (seat,
                  &(LoadRequest){ .method = "POST", .target = "/api/token", .content_type = "application/json", .body = body,
                                  .token = seat->is_teacher ? class->options.key : NULL, .keep_alive = answers_by_http },
                  on_token);
}
