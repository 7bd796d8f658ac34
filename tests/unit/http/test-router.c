/* Routes: specificity, variables, methods, owners. */
#include "http/router.h"

static AirContext *const first = (AirContext *)1, *const second = (AirContext *)2;

static AirRouteEntry *
add (AirRouter *router, AirContext *owner, const char *method, const char *template)
{
  AirRoute route = { .method = method, .template = template };
  return air_router_add (router, owner, "test", &route, NULL, NULL);
}

static AirRouter *
make_router (void)
{
  AirRouter *router = air_router_new ();
  g_assert_nonnull (add (router, first, "GET", "/"));
  g_assert_nonnull (add (router, first, "GET", "/api/streams"));
  g_assert_nonnull (add (router, first, "GET", "/api/streams/{path}"));
  g_assert_nonnull (add (router, first, "GET", "/api/streams/{path}/viewers"));
  g_assert_nonnull (add (router, first, "GET", "/api/{name}"));
  g_assert_nonnull (add (router, second, "POST", "/{path}/whep"));
  g_assert_nonnull (add (router, second, "OPTIONS", "/{path}/whep"));
  g_assert_nonnull (add (router, second, "DELETE", "/{path}/whep/{session_id}"));
  return router;
}

static AirRouteEntry *
find (AirRouter *router, const char *method, const char *path, char ***ret_variables, char **ret_allow)
{
  g_auto (GStrv) segments = g_strsplit (path + (path[0] == '/'), "/", -1);
  return air_router_find (router, method, segments, ret_variables, ret_allow);
}

static void
assert_found (AirRouter *router, const char *method, const char *path, const char *template, const char *variables)
{
  g_auto (GStrv) found = NULL;
  AirRouteEntry *entry = find (router, method, path, &found, NULL);
  g_assert_nonnull (entry);
  g_assert_cmpstr (entry->route.template, ==, template);
  g_autofree char *joined = g_strjoinv (" ", found);
  g_assert_cmpstr (joined, ==, variables);
}

static void
test_specificity (void)
{
  AirRouter *router = make_router ();
  assert_found (router, "GET", "/", "/", "");
  assert_found (router, "GET", "/api/streams", "/api/streams", "");
  assert_found (router, "HEAD", "/api/other", "/api/{name}", "name other");
  assert_found (router, "GET", "/api/streams/live/a", "/api/streams/{path}", "path live/a");
  assert_found (router, "GET", "/api/streams/live/a/viewers", "/api/streams/{path}/viewers", "path live/a");
  assert_found (router, "GET", "/api/streams/viewers/viewers", "/api/streams/{path}/viewers", "path viewers");
  assert_found (router, "POST", "/live/a/whep", "/{path}/whep", "path live/a");
  assert_found (router, "DELETE", "/live/whep/x", "/{path}/whep/{session_id}", "path live session_id x");
  assert_found (router, "DELETE", "/a/b/c/whep/x", "/{path}/whep/{session_id}", "path a/b/c session_id x");
  air_router_free (router);
}

static void
test_not_found (void)
{
  static const char *const paths[] = { "/nothing", "//", "/api/streams/", "/api//x", "/whep/whep/", "*" };
  AirRouter *router = make_router ();
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autofree char *allow = NULL;
      g_assert_null (find (router, "GET", paths[i], NULL, &allow));
    }
  air_router_free (router);
}

static void
test_allow (void)
{
  AirRouter *router = make_router ();
  g_autofree char *allow = NULL, *nothing = NULL;
  g_assert_null (find (router, "PUT", "/live/a/whep", NULL, &allow));
  g_assert_cmpstr (allow, ==, "POST, OPTIONS");
  g_assert_null (find (router, "PUT", "/nowhere", NULL, &nothing));
  g_assert_null (nothing);
  air_router_free (router);
}

static void
test_registration (void)
{
  AirRouter *router = make_router ();
  g_assert_null (add (router, second, "GET", "/api/streams"));
  g_assert_null (add (router, second, "GET", "/a{b}"));
  g_assert_null (add (router, second, "GET", "/{}"));
  g_assert_null (add (router, second, "GET", "/{a"));
  g_assert_cmpuint (air_router_count_owner (router, second), ==, 3);
  g_assert_cmpuint (air_router_remove_owner (router, second), ==, 3);
  g_assert_cmpuint (air_router_count_owner (router, second), ==, 0);
  g_assert_null (find (router, "POST", "/live/a/whep", NULL, NULL));
  air_router_free (router);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/router/specificity", test_specificity);
  g_test_add_func ("/router/not-found", test_not_found);
  g_test_add_func ("/router/allow", test_allow);
  g_test_add_func ("/router/registration", test_registration);
  return g_test_run ();
}
