/* Finds the route of a request. Main thread. */
#pragma once

#include <airclass/context.h>
#include <airclass/http.h>
#include <airclass/json.h>

G_BEGIN_DECLS

/* One registered route or socket; lives as long as a request uses it. */
typedef struct
{
  grefcount references;
  AirContext *owner;
  const char *owner_name; /* interned */
  void *self;
  bool is_socket;
  AirRoute route;          /* for a socket: method "GET", template, summary, role */
  AirSocketRoute socket;   /* is_socket */
  JsonNode *inline_schema; /* of route.request_schema when it is a text */
  AirSchemas *inline_schemas;
  const AirSchema *schema; /* NULL: any JSON */
  char **segments;         /* of the template */
  unsigned literals;
} AirRouteEntry;

typedef struct _AirRouter AirRouter;

AirRouter *air_router_new (void);
void air_router_free (AirRouter *router);
/* Returns: (transfer none) the entry; NULL when the same method and template are there already or the template is no
 * good. */
AirRouteEntry *air_router_add (AirRouter *router, AirContext *owner, const char *owner_name, const AirRoute *route,
                               const AirSocketRoute *socket, void *self);
unsigned air_router_remove_owner (AirRouter *router, AirContext *owner);
unsigned air_router_count_owner (AirRouter *router, AirContext *owner);
/* (element-type AirRouteEntry) (transfer none) all entries, in the order of registration. */
GPtrArray *air_router_get_entries (AirRouter *router);

/* @segments: of the path, decoded. HEAD finds GET. @ret_variables (may be NULL): (transfer full) name, value, name, value, …, NULL.
 * @ret_allow (may be NULL): (transfer full) when NULL is returned but other methods fit: "GET, HEAD, POST"; else NULL.
 * Returns: (transfer none) (nullable) */
AirRouteEntry *air_router_find (AirRouter *router, const char *method, char **segments, char ***ret_variables,
                                char **ret_allow);
AirRouteEntry *air_route_entry_ref (AirRouteEntry *entry);
void air_route_entry_unref (AirRouteEntry *entry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRouteEntry, air_route_entry_unref)

G_END_DECLS
