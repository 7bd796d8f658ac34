/* One HTTP/1.1 request and its answer on a connection of its own, or several one after the other, without waiting for either.
 *
 * A LoadHttp belongs to one thread at a time. Nothing here follows redirects or speaks TLS: load is made on this machine or in
 * its network, at the server's plain port.
 */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* An http:// address, resolved once. */
typedef struct
{
  char *host;   /* as for the Host header */
  char *target; /* path and query */
  struct sockaddr_storage address;
  socklen_t address_bytes;
} LoadUrl;

bool load_url_parse (const char *text, LoadUrl *ret_url, GError **error);
void load_url_clear (LoadUrl *url);
/* Begins to connect, without waiting. Returns: a descriptor, -1 when none could be had. */
int load_url_connect (const LoadUrl *url);

typedef enum
{
  LOAD_HTTP_BUSY,
  LOAD_HTTP_DONE,
  LOAD_HTTP_FAILED,
} LoadHttpState;

typedef struct
{
  int fd; /* -1: none */
  GString *request;
  GString *answer;
  size_t sent;
  size_t body; /* where the answer's body begins; 0: not there yet */
  size_t body_bytes;
  unsigned status;
} LoadHttp;

typedef struct
{
  const char *method;
  const char *target;
  const char *content_type; /* NULL: no body */
  const char *token;        /* NULL: no Authorization */
  const char *body;
  bool keep_alive; /* another request will follow on this connection */
} LoadRequest;

/* Begins to connect; poll http->fd for reading and writing (edge-triggered will do) and call step. Returns: false when no socket could be had. */
bool load_http_start (LoadHttp *http, const LoadUrl *url, const LoadRequest *request);
LoadHttpState load_http_step (LoadHttp *http);
/* The next request on the connection of one that is done and was to be kept alive; then call step. */
void load_http_continue (LoadHttp *http, const LoadUrl *url, const LoadRequest *request);
/* The answer's header, or NULL. (transfer full) */
char *load_http_header (const LoadHttp *http, const char *name);
const char *load_http_body (const LoadHttp *http);
void load_http_clear (LoadHttp *http);

/* Waits at most @timeout_ms. Returns: the status, 0 when there was no answer; *ret_body: (transfer full). */
unsigned load_http_run (const LoadUrl *url, const LoadRequest *request, unsigned timeout_ms, char **ret_body);
