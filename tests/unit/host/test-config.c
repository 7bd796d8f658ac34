/* The configuration: INI form, option types, where a value comes from, faults with line and nearest name, reload. */
#include <glib/gstdio.h>
#include <string.h>

#include "host/ini.h"
#include "host/settings.h"
#include "util/nearest.h"

static const AirOption options[] = {
  { .key = "title", .type = AIR_OPTION_STRING, .default_value = "none", .help = "", .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "open", .type = AIR_OPTION_BOOL, .default_value = "false", .help = "" },
  { .key = "viewers", .type = AIR_OPTION_INT, .default_value = "10", .minimum = 1, .maximum = 100, .unit = "viewers", .help = "" },
  { .key = "wait", .type = AIR_OPTION_DURATION, .default_value = "2 s", .minimum = 0, .maximum = 3600000, .help = "" },
  { .key = "cache", .type = AIR_OPTION_SIZE, .default_value = "64 KiB", .help = "" },
  { .key = "policy", .type = AIR_OPTION_ENUM, .default_value = "refuse", .choices = "refuse|takeover", .help = "" },
  { .key = "names", .type = AIR_OPTION_LIST, .default_value = "", .help = "" },
  { .key = "listen", .type = AIR_OPTION_ADDRESSES, .default_value = "127.0.0.1:0", .help = "" },
  { .key = "trusted", .type = AIR_OPTION_NETWORKS, .default_value = "", .help = "", .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "web", .type = AIR_OPTION_FILE, .default_value = "", .help = "" },
  { .key = "key", .type = AIR_OPTION_SECRET, .default_value = "", .help = "" },
  { .key = NULL },
};

typedef struct
{
  char *folder;
  GPtrArray *problems;
  AirIni *ini;
  AirSettings *settings;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("host-config-XXXXXX", NULL);
  fixture->problems = g_ptr_array_new_with_free_func (g_free);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *secret = g_build_filename (fixture->folder, "secret", NULL);

  air_settings_free (fixture->settings);
  air_ini_free (fixture->ini);
  g_ptr_array_unref (fixture->problems);
  g_unlink (secret);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->folder);
}

static void
load (Fixture *fixture, const char *text)
{
  g_autofree char *path = g_build_filename (fixture->folder, "a.conf", NULL);

  fixture->ini = air_ini_parse (path, text, strlen (text), fixture->problems);
  fixture->settings = air_settings_new ("my-plugin", options, fixture->ini, fixture->problems);
}

/* Problem number @index contains @text. */
static void
assert_problem (Fixture *fixture, unsigned index, const char *text)
{
  g_assert_cmpuint (index, <, fixture->problems->len);
  g_assert_nonnull (strstr (g_ptr_array_index (fixture->problems, index), text));
}

static void
test_defaults (Fixture *fixture, gconstpointer data)
{
  GInetSocketAddress *address;

  fixture->settings = air_settings_new ("my-plugin", options, NULL, fixture->problems);
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "title"), ==, "none");
  g_assert_false (air_settings_get_bool (fixture->settings, "open"));
  g_assert_cmpint (air_settings_get_int (fixture->settings, "viewers"), ==, 10);
  g_assert_cmpint (air_settings_get_int (fixture->settings, "wait"), ==, 2000);
  g_assert_cmpint (air_settings_get_int (fixture->settings, "cache"), ==, 65536);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "policy"), ==, "refuse");
  g_assert_null (air_settings_get_list (fixture->settings, "names")[0]);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "web"), ==, "");
  g_assert_cmpuint (air_settings_get_addresses (fixture->settings, "listen")->len, ==, 1);
  address = g_ptr_array_index (air_settings_get_addresses (fixture->settings, "listen"), 0);
  g_assert_cmpuint (g_inet_socket_address_get_port (address), ==, 0);
}

static void
test_values (Fixture *fixture, gconstpointer data)
{
  g_autofree char *web = g_build_filename (fixture->folder, "pages", NULL);
  const char *const *names;

  load (fixture, "\xEF\xBB\xBF# a comment\r\n; another\n\n[my-plugin]\n title = a = b # c\nopen=YES\nviewers=100\n wait = 5 min\n"
                 "cache=1GiB\npolicy=takeover\nnames= a, ,b ,c\nlisten=[::1]:8000,localhost:1\n"
                 "trusted=10.0.0.0/8, ::1\nweb=pages");
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "title"), ==, "a = b # c");
  g_assert_true (air_settings_get_bool (fixture->settings, "open"));
  g_assert_cmpint (air_settings_get_int (fixture->settings, "viewers"), ==, 100);
  g_assert_cmpint (air_settings_get_int (fixture->settings, "wait"), ==, 300000);
  g_assert_cmpint (air_settings_get_int (fixture->settings, "cache"), ==, 1 << 30);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "policy"), ==, "takeover");
  names = air_settings_get_list (fixture->settings, "names");
  g_assert_cmpstr (names[0], ==, "a");
  g_assert_cmpstr (names[2], ==, "c");
  g_assert_null (names[3]);
  g_assert_cmpuint (air_settings_get_addresses (fixture->settings, "listen")->len, ==, 2);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "web"), ==, web);
}

static bool
is_trusted (Fixture *fixture, const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  return air_settings_network_contains (fixture->settings, "trusted", address);
}

static void
test_networks (Fixture *fixture, gconstpointer data)
{
  load (fixture, "[my-plugin]\ntrusted=10.0.0.0/8, ::1\n");
  g_assert_true (is_trusted (fixture, "10.1.2.3"));
  g_assert_true (is_trusted (fixture, "::1"));
  g_assert_true (is_trusted (fixture, "::ffff:10.1.2.3"));
  g_assert_false (is_trusted (fixture, "11.1.2.3"));
  g_assert_false (is_trusted (fixture, "::2"));
}

static void
test_all_faults_are_told (Fixture *fixture, gconstpointer data)
{
  load (fixture, "lost=1\n[my-plugin]\nviewrs=3\nviewers=0\nopen=maybe\nwait=soon\ncache=-1 XB\npolicy=refus\n"
                 "listen=::1:8000\ntrusted=10.0.0.1/8\nopen=true\nnonsense\n[my-plugin]\n[broken\nunder=broken\n\xff\n");
  assert_problem (fixture, 0, "a.conf:1: 'lost' stands before the first [section]");
  assert_problem (fixture, 1, "a.conf:11: 'open' is already set on line 5");
  assert_problem (fixture, 2, "a.conf:12: expected [section] or key=value");
  assert_problem (fixture, 3, "a.conf:13: section [my-plugin] already begins on line 2");
  assert_problem (fixture, 4, "a.conf:14: a section is written [name]");
  assert_problem (fixture, 5, "a.conf:16: this line is not UTF-8");
  assert_problem (fixture, 6, "a.conf:5: [my-plugin] open: 'maybe' is neither true nor false");
  assert_problem (fixture, 7, "a.conf:4: [my-plugin] viewers: 0 is out of range; allowed: 1 to 100 viewers");
  assert_problem (fixture, 8, "a.conf:6: [my-plugin] wait: 'soon' is not a duration");
  assert_problem (fixture, 9, "a.conf:7: [my-plugin] cache: '-1 XB' is not a size");
  assert_problem (fixture, 10, "a.conf:8: [my-plugin] policy: 'refus' is none of: refuse, takeover");
  assert_problem (fixture, 11, "a.conf:9: [my-plugin] listen: '::1:8000' is not ADDRESS:PORT");
  assert_problem (fixture, 12, "a.conf:10: [my-plugin] trusted: '10.0.0.1/8' is not an address or a network");
  assert_problem (fixture, 13, "a.conf:3: unknown key 'viewrs' in [my-plugin]; did you mean 'viewers'?");
  g_assert_cmpuint (fixture->problems->len, ==, 14);
  g_assert_cmpint (air_settings_get_int (fixture->settings, "viewers"), ==, 10);
}

static void
test_overflow (Fixture *fixture, gconstpointer data)
{
  load (fixture, "[my-plugin]\nwait=9223372036854775807 h\ncache=99999999999999999999\nviewers=\n");
  g_assert_cmpuint (fixture->problems->len, ==, 3);
}

static void
test_environment (Fixture *fixture, gconstpointer data)
{
  g_setenv ("AIRCLASS_MY_PLUGIN_VIEWERS", "7", TRUE);
  g_setenv ("AIRCLASS_MY_PLUGIN_OPEN", "perhaps", TRUE);
  load (fixture, "[my-plugin]\nviewers=8\nopen=true\n");
  g_unsetenv ("AIRCLASS_MY_PLUGIN_VIEWERS");
  g_unsetenv ("AIRCLASS_MY_PLUGIN_OPEN");
  g_assert_cmpint (air_settings_get_int (fixture->settings, "viewers"), ==, 7);
  g_assert_cmpstr (air_settings_get_where (fixture->settings, "viewers"), ==, "environment AIRCLASS_MY_PLUGIN_VIEWERS");
  g_assert_cmpuint (fixture->problems->len, ==, 1);
  assert_problem (fixture, 0, "environment AIRCLASS_MY_PLUGIN_OPEN: [my-plugin] open");
}

static void
test_secret (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "secret", NULL);
  g_autoptr (GString) printed = g_string_new (NULL);

  g_assert_true (g_file_set_contents (path, "from-a-file\n", -1, NULL));
  g_assert_no_errno (g_chmod (path, 0600));
  load (fixture, "[my-plugin]\nkey_file=secret\n");
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "key"), ==, "from-a-file");
  air_settings_print (fixture->settings, printed);
  g_assert_null (strstr (printed->str, "from-a-file"));
  g_assert_nonnull (strstr (printed->str, "\nkey=***\n"));
}

static void
test_secret_missing (Fixture *fixture, gconstpointer data)
{
  load (fixture, "[my-plugin]\nkey_file=nowhere\n");
  g_assert_cmpuint (fixture->problems->len, ==, 1);
  assert_problem (fixture, 0, "a.conf:2: [my-plugin] key: ");
}

static void
test_reload (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) changed = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) need_restart = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (AirSettings) newer = NULL;
  g_autoptr (AirIni) ini = NULL;
  const char *text = "[my-plugin]\ntitle=new\nviewers=20\ntrusted=192.0.2.0/24\n";
  const char *before;

  load (fixture, "[my-plugin]\ntitle=old\n");
  before = air_settings_get_string (fixture->settings, "title");
  ini = air_ini_parse ("b.conf", text, strlen (text), fixture->problems);
  newer = air_settings_new ("my-plugin", options, ini, fixture->problems);
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  g_assert_true (air_settings_adopt (fixture->settings, newer, changed, need_restart));
  g_assert_cmpstr (before, ==, "old");
  air_settings_forget_old (fixture->settings);
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "title"), ==, "new");
  g_assert_true (is_trusted (fixture, "192.0.2.1"));
  g_assert_cmpint (air_settings_get_int (fixture->settings, "viewers"), ==, 10);
  g_assert_cmpuint (changed->len, ==, 2);
  g_assert_cmpstr (g_ptr_array_index (changed, 0), ==, "my-plugin.title");
  g_assert_cmpuint (need_restart->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (need_restart, 0), ==, "my-plugin.viewers");
}

static void
test_bad_table (Fixture *fixture, gconstpointer data)
{
  static const AirOption bad[] = { { .key = "a", .type = AIR_OPTION_INT, .default_value = "x", .help = "" }, { .key = NULL } };

  fixture->settings = air_settings_new ("my-plugin", bad, NULL, fixture->problems);
  g_assert_cmpuint (fixture->problems->len, ==, 1);
  assert_problem (fixture, 0, "[my-plugin] a: the default in the option table is wrong");
}

static void
test_unknown_key_asked (Fixture *fixture, gconstpointer data)
{
  load (fixture, "");
  g_test_expect_message ("air-core", G_LOG_LEVEL_CRITICAL, "*no option 'nothing'*");
  g_assert_cmpstr (air_settings_get_string (fixture->settings, "nothing"), ==, "");
  g_test_assert_expected_messages ();
}

static void
test_not_a_file (Fixture *fixture, gconstpointer data)
{
  g_assert_null (air_ini_load (fixture->folder, fixture->problems));
  g_assert_null (air_ini_load ("/nowhere/a.conf", fixture->problems));
  g_assert_cmpuint (fixture->problems->len, ==, 2);
}

static void
test_nearest (void)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  g_ptr_array_add (words, (char *) "listen");
  g_ptr_array_add (words, (char *) "max_viewers");
  g_ptr_array_add (words, (char *) "a");
  g_assert_cmpstr (air_nearest ("lisetn", words), ==, "listen");
  g_assert_cmpstr (air_nearest ("maxviewer", words), ==, "max_viewers");
  g_assert_null (air_nearest ("colour", words));
  g_assert_null (air_nearest ("b", words));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/config/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("defaults", test_defaults);
  ADD ("values", test_values);
  ADD ("networks", test_networks);
  ADD ("all-faults-are-told", test_all_faults_are_told);
  ADD ("overflow", test_overflow);
  ADD ("environment", test_environment);
  ADD ("secret", test_secret);
  ADD ("secret-missing", test_secret_missing);
  ADD ("reload", test_reload);
  ADD ("bad-table", test_bad_table);
  ADD ("unknown-key-asked", test_unknown_key_asked);
  ADD ("not-a-file", test_not_a_file);
  g_test_add_func ("/config/nearest", test_nearest);
  return g_test_run ();
}
