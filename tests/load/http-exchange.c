/* HTTP for load tools: a connection per request, as a page's first one is. */
#include "http-exchange.h"

#include <errno.h>
#include <gio/gio.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ANSWER_BYTES (16u * 1024 * 1024)

static bool
resolve (const char *host, const char *port, LoadUrl *url, GError **error)
{
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
  int code = getaddrinfo (host, port, &hints, &found);

  if (code != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "cannot find the host '%s': %s", host, gai_strerror (code));
      return false;
    }
  memcpy (&url->address, found->ai_addr, found->ai_addrlen);
  url->address_bytes = found->ai_addrlen;
  freeaddrinfo (found);
  return true;
}

bool
load_url_parse (const char *text, LoadUrl *ret_url, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_ENCODED, error);

  if (!uri)
    return false;
  if (g_strcmp0 (g_uri_get_scheme (uri), "http") != 0 || !g_uri_get_host (uri))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' is not an http:// address", text);
      return false;
    }
  const char *host = g_uri_get_host (uri);
  const char *path = g_uri_get_path (uri);
  int number = g_uri_get_port (uri) > 0 ? g_uri_get_port (uri) : 80;
  g_autofree char *port = g_strdup_printf ("%d", number);
  *ret_url = (LoadUrl){ 0 };
  if (!resolve (host, port, ret_url, error))
    return false;
  ret_url->host = g_strdup_printf (strchr (host, ':') ? "[%s]:%d" : "%s:%d", host, number);
  ret_url->target = g_strconcat (*path ? path : "/", g_uri_get_query (uri) ? "?" : NULL, g_uri_get_query (uri), NULL);
  return true;
}

void
load_url_clear (LoadUrl *url)
{
  g_clear_pointer (&url->host, g_free);
  g_clear_pointer (&url->target, g_free);
}

int
load_url_connect (const LoadUrl *url)
{
  int one = 1, fd = socket (url->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -1;
  (void)setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect (fd, (const struct sockaddr *)&url->address, url->address_bytes) != 0 && errno != EINPROGRESS)
    {
      close (fd);
      return -1;
    }
  return fd;
}

static void
write_request (LoadHttp *http, const LoadUrl *url, const LoadRequest *request)
{
  size_t body_bytes = request->body ? strlen (request->body) : 0;

  g_string_printf (http->request, "%s %s HTTP/1.1\r\nHost: %s\r\n", request->method, request->target, url->host);
  if (!request->keep_alive)
    g_string_append (http->request, "Connection: close\r\n");
  if (request->token)
    g_string_append_printf (http->request, "Authorization: Bearer %s\r\n", request->token);
  if (request->content_type)
    g_string_append_printf (http->request, "Content-Type: %s\r\nContent-Length: %zu\r\n", request->content_type,
                            body_bytes);
  g_string_append (http->request, "\r\n");
  if (request->body)
    g_string_append (http->request, request->body);
}

bool
load_http_start (LoadHttp *http, const LoadUrl *url, const LoadRequest *request)
{
  *http = (LoadHttp){ .fd = load_url_connect (url) };
  if (http->fd < 0)
    return false;
  http->request = g_string_sized_new (512);
  http->answer = g_string_sized_new (4096);
  write_request (http, url, request);
  return true;
}

void
load_http_continue (LoadHttp *http, const LoadUrl *url, const LoadRequest *request)
{
  g_string_truncate (http->answer, 0);
  http->sent = http->body = http->body_bytes = 0;
  http->status = 0;
  write_request (http, url, request);
}

char *
load_http_header (const LoadHttp *http, const char *name)
{
  size_t length = strlen (name);

  for (const char *line = strstr (http->answer->str, "\r\n"); line; line = strstr (line, "\r\n"))
    {
      line += 2;
      if ((size_t)(line - http->answer->str) >= http->body)
        return NULL;
      if (g_ascii_strncasecmp (line, name, length) == 0 && line[length] == ':')
        return g_strstrip (g_strndup (line + length + 1, strcspn (line + length + 1, "\r")));
    }
  return NULL;
}

const char *
load_http_body (const LoadHttp *http)
{
  return http->answer->str + http->body;
}

/* Returns: false when what came is no HTTP. */
static bool
read_head (LoadHttp *http)
{
  const char *end = strstr (http->answer->str, "\r\n\r\n");
  g_autofree char *length = NULL;

  if (!end)
    return true;
  if (!g_str_has_prefix (http->answer->str, "HTTP/1."))
    return false;
  http->status = (unsigned)strtoul (http->answer->str + strcspn (http->answer->str, " "), NULL, 10);
  http->body = (size_t)(end + 4 - http->answer->str);
  length = load_http_header (http, "Content-Length");
  http->body_bytes = length ? (size_t)strtoul (length, NULL, 10) : http->status == 204 ? 0 : SIZE_MAX;
  return http->status > 0;
}

static bool
send_rest (LoadHttp *http)
{
  while (http->sent < http->request->len)
    {
      ssize_t bytes = send (http->fd, http->request->str + http->sent, http->request->len - http->sent, MSG_NOSIGNAL);

      if (bytes < 0)
        return errno == EAGAIN || errno == ENOTCONN;
      http->sent += (size_t)bytes;
    }
  return true;
}

LoadHttpState
load_http_step (LoadHttp *http)
{
  char data[8192];

  if (!send_rest (http))
    return LOAD_HTTP_FAILED;
  if (http->sent < http->request->len)
    return LOAD_HTTP_BUSY;
  for (;;)
    {
      ssize_t bytes = recv (http->fd, data, sizeof data, 0);

      if (bytes < 0)
        return errno == EAGAIN ? LOAD_HTTP_BUSY : LOAD_HTTP_FAILED;
      if (http->answer->len + (size_t)bytes > MAX_ANSWER_BYTES)
        return LOAD_HTTP_FAILED;
      g_string_append_len (http->answer, data, bytes);
      if (http->body == 0 && !read_head (http))
        return LOAD_HTTP_FAILED;
      if (http->body > 0 && http->answer->len - http->body >= http->body_bytes)
        return LOAD_HTTP_DONE;
      if (bytes == 0)
        return http->body > 0 && http->body_bytes == SIZE_MAX ? LOAD_HTTP_DONE : LOAD_HTTP_FAILED;
    }
}

void
load_http_clear (LoadHttp *http)
{
  if (http->fd >= 0)
    close (http->fd);
  http->fd = -1;
  if (http->request)
    g_string_free (http->request, TRUE);
  if (http->answer)
    g_string_free (http->answer, TRUE);
  http->request = http->answer = NULL;
}

unsigned
load_http_run (const LoadUrl *url, const LoadRequest *request, unsigned timeout_ms, char **ret_body)
{
  gint64 deadline_us = g_get_monotonic_time () + (gint64)timeout_ms * 1000;
  LoadHttpState state = LOAD_HTTP_BUSY;
  unsigned status = 0;
  LoadHttp http;

  *ret_body = NULL;
  if (!load_http_start (&http, url, request))
    return 0;
  while (state == LOAD_HTTP_BUSY && g_get_monotonic_time () < deadline_us)
    {
      struct pollfd poller = { .fd = http.fd, .events = http.sent < http.request->len ? POLLOUT : POLLIN };

      if (poll (&poller, 1, (int)MAX (1, (deadline_us - g_get_monotonic_time ()) / 1000)) > 0)
        state = load_http_step (&http);
    }
  if (state == LOAD_HTTP_DONE)
    {
      status = http.status;
      *ret_body = g_strdup (load_http_body (&http));
    }
  load_http_clear (&http);
  return status;
}
