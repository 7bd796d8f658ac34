/* Routes are tried one by one: there are some hundred, and a comparison stops at the first segment that differs. */
#include "http/router.h"

#include <string.h>

#define MAX_SEGMENTS 32

struct _AirRouter
{
  GPtrArray *entries;
};

AirRouter *
air_router_new (void)
{
  AirRouter *router = g_new0 (AirRouter, 1);
  router->entries = g_ptr_array_new_with_free_func ((GDestroyNotify)air_route_entry_unref);
  return router;
}

void
air_router_free (AirRouter *router)
{
  if (router == NULL)
    return;
  g_ptr_array_unref (router->entries);
  g_free (router);
}

AirRouteEntry *
air_route_entry_ref (AirRouteEntry *entry)
{
  g_ref_count_inc (&entry->references);
  return entry;
}

void
air_route_entry_unref (AirRouteEntry *entry)
{
  if (entry == NULL || !g_ref_count_dec (&entry->references))
    return;
  g_clear_pointer (&entry->inline_schemas, air_schemas_free);
  g_clear_pointer (&entry->inline_schema, json_node_unref);
  g_strfreev (entry->segments);
  g_free (entry);
}

static bool
is_variable (const char *segment)
{
  return segment[0] == '{';
}

static bool
is_greedy (const char *segment)
{
  return g_str_equal (segment, "{path}");
}

static bool
template_is_good (char **segments)
{
  for (unsigned i = 0; segments[i] != NULL; i++)
    {
      size_t length = strlen (segments[i]);
      bool is_whole = is_variable (segments[i]) ? length > 2 && segments[i][length - 1] == '}'
                                                : strpbrk (segments[i], "{}?#") == NULL;
      if (!is_whole || i >= MAX_SEGMENTS)
        return false;
    }
  return true;
}

AirRouteEntry *
air_router_add (AirRouter *router, AirContext *owner, const char *owner_name, const AirRoute *route,
                const AirSocketRoute *socket, void *self)
{
  g_return_val_if_fail (route->method != NULL && route->template != NULL && route->template[0] == '/', NULL);

  for (unsigned i = 0; i < router->entries->len; i++)
    {
      AirRouteEntry *other = router->entries->pdata[i];
      if (g_str_equal (other->route.method, route->method) && g_str_equal (other->route.template, route->template))
        return NULL;
    }
  g_auto (GStrv) segments = g_strsplit (route->template + 1, "/", -1);
  if (!template_is_good (segments))
    return NULL;

  AirRouteEntry *entry = g_new0 (AirRouteEntry, 1);
  g_ref_count_init (&entry->references);
  entry->owner = owner;
  entry->owner_name = g_intern_string (owner_name);
  entry->self = self;
  entry->route = *route;
  if (socket != NULL)
    {
      entry->is_socket = true;
      entry->socket = *socket;
    }
  for (unsigned i = 0; segments[i] != NULL; i++)
    entry->literals += !is_variable (segments[i]);
  entry->segments = g_steal_pointer (&segments);
  g_ptr_array_add (router->entries, entry);
  return entry;
}

unsigned
air_router_remove_owner (AirRouter *router, AirContext *owner)
{
  unsigned removed = 0;
  for (unsigned i = router->entries->len; i-- > 0;)
    if (((AirRouteEntry *)router->entries->pdata[i])->owner == owner)
      {
        g_ptr_array_remove_index (router->entries, i);
        removed++;
      }
  return removed;
}

unsigned
air_router_count_owner (AirRouter *router, AirContext *owner)
{
  unsigned count = 0;
  for (unsigned i = 0; i < router->entries->len; i++)
    count += ((AirRouteEntry *)router->entries->pdata[i])->owner == owner;
  return count;
}

GPtrArray *
air_router_get_entries (AirRouter *router)
{
  return router->entries;
}

/* @ret_counts gets the number of path segments that each template segment takes. A greedy variable takes as many as it
 * can; with at most one per template the first guess that leaves enough for the rest is the right one. */
static bool
matches (char **template, char **path, unsigned *ret_counts)
{
  unsigned template_length = g_strv_length (template), path_length = g_strv_length (path);
  if (path_length < template_length)
    return false;
  unsigned at = 0, spare = path_length - template_length;
  for (unsigned i = 0; i < template_length; i++)
    {
      ret_counts[i] = 1;
      if (is_greedy (template[i]))
        {
          ret_counts[i] += spare;
          spare = 0;
        }
      else if (!is_variable (template[i]) && !g_str_equal (template[i], path[at]))
        return false;
      for (unsigned j = 0; j < ret_counts[i]; j++)
        if (*path[at + j] == '\0' && is_variable (template[i]))
          return false;
      at += ret_counts[i];
    }
  return at == path_length;
}

/* Literals before variables, a variable of one segment before {path}; earlier segments decide first. */
static bool
is_more_specific (const AirRouteEntry *a, const AirRouteEntry *b)
{
  if (a->literals != b->literals)
    return a->literals > b->literals;
  for (unsigned i = 0; a->segments[i] != NULL && b->segments[i] != NULL; i++)
    {
      int rank_a = is_variable (a->segments[i]) + is_greedy (a->segments[i]);
      int rank_b = is_variable (b->segments[i]) + is_greedy (b->segments[i]);
      if (rank_a != rank_b)
        return rank_a < rank_b;
    }
  return g_strv_length (a->segments) > g_strv_length (b->segments);
}

static char **
collect_variables (const AirRouteEntry *entry, char **path)
{
  unsigned counts[MAX_SEGMENTS] = { 0 }, at = 0;
  matches (entry->segments, path, counts);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  for (unsigned i = 0; entry->segments[i] != NULL; i++)
    {
      if (is_variable (entry->segments[i]))
        {
          g_autofree char *name = g_strndup (entry->segments[i] + 1, strlen (entry->segments[i]) - 2);
          g_autoptr (GString) value = g_string_new (path[at]);
          for (unsigned j = 1; j < counts[i]; j++)
            g_string_append_printf (value, "/%s", path[at + j]);
          g_strv_builder_add (builder, name);
          g_strv_builder_add (builder, value->str);
        }
      at += counts[i];
    }
  return g_strv_builder_end (builder);
}

static void
allow (GPtrArray *allowed, const char *method)
{
  if (!g_ptr_array_find_with_equal_func (allowed, method, g_str_equal, NULL))
    g_ptr_array_add (allowed, (char *)method);
}

static char *
describe_allowed (GPtrArray *allowed)
{
  if (allowed->len == 0)
    return NULL;
  allow (allowed, "OPTIONS");
  g_ptr_array_add (allowed, NULL);
  return g_strjoinv (", ", (char **)allowed->pdata);
}

AirRouteEntry *
air_router_find (AirRouter *router, const char *method, char **segments, char ***ret_variables, char **ret_allow)
{
  AirRouteEntry *best = NULL;
  unsigned counts[MAX_SEGMENTS];
  const char *wanted = g_str_equal (method, "HEAD") ? "GET" : method;
  g_autoptr (GPtrArray) allowed = g_ptr_array_new ();

  for (unsigned i = 0; i < router->entries->len; i++)
    {
      AirRouteEntry *entry = router->entries->pdata[i];
      if (!matches (entry->segments, segments, counts))
        continue;
      allow (allowed, entry->route.method);
      if (g_str_equal (entry->route.method, "GET"))
        allow (allowed, "HEAD");
      if (g_str_equal (entry->route.method, wanted) && (best == NULL || is_more_specific (entry, best)))
        best = entry;
    }
  if (ret_variables != NULL)
    *ret_variables = best != NULL ? collect_variables (best, segments) : NULL;
  if (ret_allow != NULL)
    *ret_allow = best == NULL ? describe_allowed (allowed) : NULL;
  return best;
}
