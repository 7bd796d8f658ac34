/* The loader, the order, and a whole host's life with plugins made for it. Argument: the folder with those plugins. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

#include "everything.h"
#include "host/host.h"
#include "host/loader.h"
#include "host/module.h"

static const char *plugin_folder;

typedef struct
{
  char *folder;
  GPtrArray *problems;
  AirHost *host;
  EverythingRecord *record;
} Fixture;

static void
remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR))
        remove_folder (child);
      else
        g_unlink (child);
    }
  g_rmdir (path);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("host-lifecycle-XXXXXX", NULL);
  fixture->problems = g_ptr_array_new_with_free_func (g_free);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  air_host_free (fixture->host);
  g_ptr_array_unref (fixture->problems);
  remove_folder (fixture->folder);
  g_free (fixture->folder);
}

/* A host with the named plugins, listening on @port; @more is appended to the file. */
static void
make_host_on_port (Fixture *fixture, const char *plugins, unsigned port, const char *more)
{
  g_autofree char *path = g_build_filename (fixture->folder, "a.conf", NULL);
  g_autofree char *text
      = g_strdup_printf ("[core]\nplugins=%s\nplugin_dir=%s\nstate_dir=state\n[http]\nlisten=127.0.0.1:%u\n%s", plugins,
                         plugin_folder, port, more);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  fixture->host = air_host_new (path, fixture->problems);
}

static void
make_host (Fixture *fixture, const char *plugins, const char *more)
{
  make_host_on_port (fixture, plugins, 0, more);
}

static void
assert_state (Fixture *fixture, const char *name, AirModuleState state, const char *reason)
{
  AirModule *module = air_host_find_module (fixture->host, name);

  g_assert_nonnull (module);
  g_assert_cmpstr (air_module_state_to_string (module->state), ==, air_module_state_to_string (state));
  if (reason == NULL)
    g_assert_null (module->reason);
  else if (strstr (module->reason, reason) == NULL)
    g_error ("'%s': the reason is '%s', not '%s'", name, module->reason, reason);
}

static unsigned
position (Fixture *fixture, const char *name)
{
  unsigned index;

  g_assert_true (
      g_ptr_array_find (fixture->host->modules, air_host_find_module (fixture->host, name), &index));
  return index;
}

/* ---- Loading */

static void
test_unloadable (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "wrong-version,small,other-name,no-symbol,not-elf,nowhere,provder", "");
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  assert_state (fixture, "wrong-version", AIR_MODULE_SKIPPED, "was built for version 999 of the plugin interface");
  assert_state (fixture, "small", AIR_MODULE_SKIPPED, "its description is 24 bytes");
  assert_state (fixture, "other-name", AIR_MODULE_SKIPPED, "it calls itself 'somebody-else'");
  assert_state (fixture, "no-symbol", AIR_MODULE_SKIPPED, "is not a plugin");
  assert_state (fixture, "not-elf", AIR_MODULE_SKIPPED, "cannot be loaded");
  assert_state (fixture, "nowhere", AIR_MODULE_SKIPPED, "there is no nowhere.so");
  assert_state (fixture, "provder", AIR_MODULE_SKIPPED, "did you mean 'provider'?");
}

static void
test_older_plugin (void)
{
  /* A plugin of an earlier release has fewer fields: those beyond its size must not be read. */
  AirPlugin exported = { .struct_size = G_STRUCT_OFFSET (AirPlugin, reload),
                         .api_version = AIR_API_VERSION,
                         .name = "old",
                         .version = "1",
                         .summary = "",
                         .create = (void *) 1,
                         .destroy = (void *) 1,
                         .reload = (void *) 1 };
  AirPlugin plugin;
  g_autoptr (GError) error = NULL;

  g_assert_true (air_loader_check (&exported, "old", &plugin, &error));
  g_assert_null (plugin.reload);
}

static void
test_bad_option_table (void)
{
  static const AirOption bad[] = { { .key = "Key", .default_value = "", .help = "" }, { .key = NULL } };
  AirPlugin exported = { .struct_size = sizeof (AirPlugin),
                         .api_version = AIR_API_VERSION,
                         .name = "bad",
                         .version = "1",
                         .summary = "",
                         .options = bad,
                         .create = (void *) 1,
                         .destroy = (void *) 1 };
  AirPlugin plugin;
  g_autoptr (GError) error = NULL;

  g_assert_false (air_loader_check (&exported, "bad", &plugin, &error));
  g_assert_nonnull (strstr (error->message, "option 'Key'"));
}

/* ---- Order */

static void
test_order (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "wants-provider,needs-provider,provider,wants-nobody", "");
  g_assert_cmpuint (position (fixture, "provider"), <, position (fixture, "needs-provider"));
  g_assert_cmpuint (position (fixture, "provider"), <, position (fixture, "wants-provider"));
  assert_state (fixture, "wants-nobody", AIR_MODULE_LOADED, NULL);
  assert_state (fixture, "needs-provider", AIR_MODULE_LOADED, NULL);
}

static void
test_unmet (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "needs-provider,circle-a,circle-b,needs-circle,provider-2,provider,wants-provider", "");
  assert_state (fixture, "provider-2", AIR_MODULE_LOADED, NULL);
  assert_state (fixture, "provider", AIR_MODULE_SKIPPED, "the service 'thing' is already provided by 'provider-2'");
  assert_state (fixture, "needs-provider", AIR_MODULE_LOADED, NULL);
  assert_state (fixture, "circle-a", AIR_MODULE_SKIPPED, "in a circle: circle-a → circle-b → circle-a");
  assert_state (fixture, "circle-b", AIR_MODULE_SKIPPED, "in a circle");
  assert_state (fixture, "needs-circle", AIR_MODULE_SKIPPED, "needs the service 'a' of 'circle-a', which is not running");
}

static void
test_missing_need (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "needs-provider", "");
  assert_state (fixture, "needs-provider", AIR_MODULE_SKIPPED, "needs the service 'thing', which no enabled plugin provides");
}

static void
test_sections (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "provider,provider,http", "[provider]\nx=1\n[needs-provider]\ny=2\n[nonsense]\n");
  g_assert_cmpuint (fixture->problems->len, ==, 5);
  g_assert_nonnull (strstr (g_ptr_array_index (fixture->problems, 0), "a.conf:8: unknown key 'x' in [provider]"));
  g_assert_nonnull (strstr (g_ptr_array_index (fixture->problems, 1), "a.conf:2: [core] plugins: 'provider' is named twice"));
  g_assert_nonnull (strstr (g_ptr_array_index (fixture->problems, 2), "a.conf:2: [core] plugins: 'http' is built in"));
  g_assert_nonnull (strstr (g_ptr_array_index (fixture->problems, 3), "a.conf:10: unknown key 'y' in [needs-provider]"));
  g_assert_nonnull (strstr (g_ptr_array_index (fixture->problems, 4), "a.conf:11: unknown section [nonsense]"));
}

/* ---- Life */

static gboolean
quit_when_ready (gpointer data)
{
  AirHost *host = data;

  if (!host->ready)
    return G_SOURCE_CONTINUE;
  air_host_quit (host);
  return G_SOURCE_REMOVE;
}

static void
test_failures (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "needs-fail-start,needs-fail-create,fail-start,fail-create,provider", "");
  g_timeout_add (1, quit_when_ready, fixture->host);
  g_assert_cmpint (air_host_run (fixture->host), ==, EXIT_SUCCESS);
  assert_state (fixture, "provider", AIR_MODULE_STOPPED, NULL);
  assert_state (fixture, "fail-create", AIR_MODULE_FAILED, "cannot be created: no wish to be");
  assert_state (fixture, "fail-start", AIR_MODULE_FAILED, "cannot start: the port is taken");
  assert_state (fixture, "needs-fail-create", AIR_MODULE_SKIPPED, "of 'fail-create', which is not running");
  assert_state (fixture, "needs-fail-start", AIR_MODULE_SKIPPED, "of 'fail-start', which is not running");
}

static gboolean
quit_when_late_one_ended (gpointer data)
{
  AirHost *host = data;
  AirModule *module = air_host_find_module (host, "late-start");

  if (!host->ready || module->given_up || module->self != NULL)
    return G_SOURCE_CONTINUE;
  air_host_quit (host);
  return G_SOURCE_REMOVE;
}

/* What a start began that succeeded after its time is ended again. */
static void
test_late_start (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "late-start,needs-late-start,provider", "");
  fixture->host->start_timeout_ms = 1000;
  g_timeout_add (1, quit_when_late_one_ended, fixture->host);
  g_assert_cmpint (air_host_run (fixture->host), ==, EXIT_SUCCESS);
  assert_state (fixture, "late-start", AIR_MODULE_FAILED, "cannot start: it did not answer within 1 s");
  assert_state (fixture, "needs-late-start", AIR_MODULE_SKIPPED, "of 'late-start', which is not running");
  assert_state (fixture, "provider", AIR_MODULE_STOPPED, NULL);
}

static gboolean
quit_when_everything_ran (gpointer data)
{
  Fixture *fixture = data;
  AirService *service = g_hash_table_lookup (fixture->host->services, "everything");
  EverythingRecord *record;

  if (!fixture->host->ready)
    return G_SOURCE_CONTINUE;
  g_assert_nonnull (service);
  record = fixture->record = service->service;
  if (record->timer < 3 || record->calls < 100 || record->events < 2)
    return G_SOURCE_CONTINUE;
  g_assert_cmpuint (fixture->host->endpoints->len, ==, 2);
  air_host_quit (fixture->host);
  return G_SOURCE_REMOVE;
}

static void
assert_undone (Fixture *fixture)
{
  EverythingRecord *record = fixture->record;
  g_autoptr (JsonNode) health = air_health_describe (fixture->host->health, NULL);
  g_autofree char *metrics = air_metrics_registry_expose (fixture->host->metrics);

  g_assert_cmpuint (record->created, ==, 1);
  g_assert_cmpuint (record->started, ==, 1);
  g_assert_cmpuint (record->stopped, ==, 1);
  g_assert_cmpuint (record->destroyed, ==, 1);
  g_assert_true (record->ended_after_stop);
  g_assert_cmpuint (record->calls, ==, 100);
  g_assert_cmpuint (record->dropped, ==, 101);
  g_assert_cmpuint (g_hash_table_size (fixture->host->services), ==, 0);
  g_assert_cmpuint (fixture->host->endpoints->len, ==, 0);
  g_assert_cmpuint (
      json_array_get_length (json_object_get_array_member (json_node_get_object (health), "dependencies")), ==, 0);
  g_assert_null (strstr (metrics, "airclass_everything"));
}

static void
test_everything_is_undone (Fixture *fixture, gconstpointer data)
{
  make_host (fixture, "everything", "");
  g_timeout_add (1, quit_when_everything_ran, fixture);
  g_assert_cmpint (air_host_run (fixture->host), ==, EXIT_SUCCESS);
  assert_undone (fixture);
}

static void
collect_critical (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
  if (level & G_LOG_LEVEL_CRITICAL)
    g_ptr_array_add (data, g_strdup (message));
}

static void
test_left_publisher_is_named (Fixture *fixture, gconstpointer data)
{
  GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_LEVEL_ERROR);
  g_autoptr (GPtrArray) criticals = g_ptr_array_new_with_free_func (g_free);
  GLogFunc handler = g_log_set_default_handler (collect_critical, criticals);

  make_host (fixture, "leaver", "");
  g_timeout_add (1, quit_when_everything_ran, fixture);
  g_assert_cmpint (air_host_run (fixture->host), ==, EXIT_SUCCESS);
  g_log_set_default_handler (handler, NULL);
  g_log_set_always_fatal (fatal);
  g_assert_cmpuint (criticals->len, >=, 1);
  g_assert_nonnull (strstr (g_ptr_array_index (criticals, criticals->len - 1),
                            "plugin 'leaver' has stopped, but left 1 publishers or stream readers"));
  assert_undone (fixture);
}

static void
test_component_fails (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSocketListener) taken = g_socket_listener_new ();

  make_host_on_port (fixture, "provider", g_socket_listener_add_any_inet_port (taken, NULL, NULL), "");
  g_assert_cmpint (air_host_run (fixture->host), ==, EXIT_FAILURE);
  g_assert_nonnull (strstr (fixture->host->failure->message, "[http] cannot start"));
  assert_state (fixture, "provider", AIR_MODULE_STOPPED, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* A plugin that is left out is told with a warning. */
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  gst_init (NULL, NULL);
  g_assert_cmpint (argc, ==, 2);
  plugin_folder = argv[1];
#define ADD(name, function) g_test_add ("/host/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("unloadable", test_unloadable);
  g_test_add_func ("/host/older-plugin", test_older_plugin);
  g_test_add_func ("/host/bad-option-table", test_bad_option_table);
  ADD ("order", test_order);
  ADD ("unmet", test_unmet);
  ADD ("missing-need", test_missing_need);
  ADD ("sections", test_sections);
  ADD ("failures", test_failures);
  ADD ("late-start", test_late_start);
  ADD ("everything-is-undone", test_everything_is_undone);
  ADD ("left-publisher-is-named", test_left_publisher_is_named);
  ADD ("component-fails", test_component_fails);
  return g_test_run ();
}
