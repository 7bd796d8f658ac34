/* One request from its head to its reply. Main thread. */
#pragma once

#include <airclass/http.h>
#include <libsoup/soup.h>

#include "http/connection.h"
#include "http/router.h"

G_BEGIN_DECLS

/* Called by the request just before a reply goes out (headers that every reply gets) and once it is decided. */
typedef struct
{
  void (*decorate) (AirRequest *request, void *user_data);
  void (*replied) (AirRequest *request, unsigned status, void *user_data);
  /* The handler wants to know who it is, on a route that does not require it: sets request->identity if the token is
   * good. At most once. */
  void (*identify) (AirRequest *request, void *user_data);
  /* No reference is left. */
  void (*gone) (AirRequest *request, void *user_data);
} AirRequestObserver;

struct _AirRequest
{
  grefcount references;
  const AirRequestObserver *observer; /* NULL once the server is gone */
  void *observer_data;
  AirRouteEntry *entry; /* NULL: no route */
  AirConnection *connection;
  AirHead *head;
  GBytes *body;
  JsonNode *json;
  AirIdentity *identity;
  char *token;
  char *content_type;
  GHashTable *query;
  char **variables; /* name, value, … */
  GInetAddress *address;
  GSocketAddress *local;
  char *base_url;
  SoupServerMessage *message; /* NULL before libsoup has it, for a WebSocket, and when the client is gone */
  int64_t started_us;
  unsigned status; /* of the reply; 0: none yet */
  bool is_paused;
  bool is_identified; /* the token has been checked */
  bool is_cancelled;  /* answered by the host in the plugin's place; its own answer comes to nothing */
};

/* @head and @body: (transfer full). Returns NULL, with both freed, when the query is malformed. */
AirRequest *air_request_new (AirConnection *connection, AirHead *head, GBytes *body);
/* The value of a header that is set on the reply so far; NULL when none. */
const char *air_request_get_reply_header (AirRequest *request, const char *name);
/* Answers in the place of the handler, which may still try. */
void air_request_cancel (AirRequest *request);
/* How much @what is wanted by the list of an Accept-like header, 0 (also: not named) to 1. */
double air_request_get_quality (AirRequest *request, const char *header, const char *what);
/* For a route that takes a body: what about the form of this one, as its header fields tell it, is not taken (415); NULL
 * when nothing is. */
const char *air_request_find_foreign_form (AirRequest *request);

G_END_DECLS
