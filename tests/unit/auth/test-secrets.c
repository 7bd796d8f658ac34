/* Secrets on disk and the keys of streams. */
#include <airclass/auth.h>
#include <airclass/error.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/base64url.h"
#include "auth/secret-file.h"
#include "auth/stream-keys.h"

typedef struct
{
  char *folder, *path;
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
  fixture->folder = g_dir_make_tmp ("airclass-secrets-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "key", NULL);
}

static void
tear_down (Fixture *fixture, const void *data)
{
  g_autoptr (GDir) folder = g_dir_open (fixture->folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (folder)) != NULL;)
    {
      g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
      g_unlink (path);
    }
  g_rmdir (fixture->folder);
  g_free (fixture->folder);
  g_free (fixture->path);
}

static void
test_made_once (Fixture *fixture, const void *data)
{
  mode_t before = umask (0);
  g_autoptr (GError) error = NULL;
  g_autofree char *made = air_secret_file_ensure (fixture->path, air_secret_make_key, &error);
  umask (before);
  g_assert_no_error (error);
  g_assert_cmpuint (strlen (made), ==, 43);
  struct stat status;
  g_assert_cmpint (stat (fixture->path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_cmpint (status.st_nlink, ==, 1);
  g_autofree char *content = NULL;
  g_assert_true (g_file_get_contents (fixture->path, &content, NULL, NULL));
  g_assert_true (g_str_has_prefix (content, made));
  g_assert_cmpstr (content + strlen (made), ==, "\n");
  g_autofree char *again = air_secret_file_ensure (fixture->path, air_secret_make_key, &error);
  g_assert_cmpstr (again, ==, made);
}

static void
assert_refused (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (air_secret_file_ensure (fixture->path, air_secret_make_key, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_FAILED);
}

static void
test_refused_files (Fixture *fixture, const void *data)
{
  g_assert_true (g_file_set_contents_full (fixture->path, "a secret\n", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  g_autofree char *fine = air_secret_file_ensure (fixture->path, air_secret_make_key, NULL);
  g_assert_cmpstr (fine, ==, "a secret");
  g_chmod (fixture->path, 0640);
  assert_refused (fixture);
  g_chmod (fixture->path, 0604);
  assert_refused (fixture);
  g_assert_true (g_file_set_contents_full (fixture->path, "\n", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  g_chmod (fixture->path, 0600);
  assert_refused (fixture);
  g_assert_true (g_file_set_contents_full (fixture->path, "two\nlines\n", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  assert_refused (fixture);
  g_unlink (fixture->path);
  g_assert_cmpint (symlink ("/etc/hostname", fixture->path), ==, 0);
  assert_refused (fixture);
  g_unlink (fixture->path);
  g_assert_cmpint (mkfifo (fixture->path, 0600), ==, 0);
  assert_refused (fixture);
  g_unlink (fixture->path);
  g_assert_cmpint (g_mkdir (fixture->path, 0700), ==, 0);
  assert_refused (fixture);
  g_rmdir (fixture->path);
}

static void *
ensure_in_thread (void *path)
{
  return air_secret_file_ensure (path, air_secret_make_key, NULL);
}

static void
test_made_at_once (Fixture *fixture, const void *data)
{
  GThread *threads[8];
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("ensure", ensure_in_thread, fixture->path);
  g_autofree char *first = g_thread_join (threads[0]);
  g_assert_nonnull (first);
  for (size_t i = 1; i < G_N_ELEMENTS (threads); i++)
    {
      g_autofree char *other = g_thread_join (threads[i]);
      g_assert_cmpstr (other, ==, first);
    }
}

static void
test_readable (Fixture *fixture, const void *data)
{
  g_autofree char *a = air_secret_make_readable (24), *b = air_secret_make_readable (24);
  g_assert_cmpuint (strlen (a), ==, 24);
  g_assert_cmpstr (a, !=, b);
  g_assert_cmpuint (strspn (a, "abcdefghijkmnpqrstuvwxyz23456789"), ==, 24);
}

static void
test_equal (Fixture *fixture, const void *data)
{
  g_assert_true (air_secret_equal ("abc", "abc"));
  g_assert_false (air_secret_equal ("abc", "abcd"));
  g_assert_false (air_secret_equal ("", ""));
  g_assert_false (air_secret_equal (NULL, NULL));
  g_assert_false (air_secret_equal ("abc", NULL));
  g_assert_false (air_secret_equal (NULL, "abc"));
}

static void
test_base64url (Fixture *fixture, const void *data)
{
  static const uint8_t bytes[] = { 0xfb, 0xff, 0xfe, 0x00 };
  g_autofree char *text = air_base64url_encode (bytes, sizeof bytes);
  g_assert_cmpstr (text, ==, "-__-AA");
  size_t length = 0;
  g_autofree uint8_t *decoded = air_base64url_decode (text, strlen (text), &length);
  g_assert_cmpmem (decoded, length, bytes, sizeof bytes);
  static const char *const malformed[] = { "A", "AAAAA", "AA==", "+/+A", "AB", "A A", "-__-AB" };
  for (size_t i = 0; i < G_N_ELEMENTS (malformed); i++)
    g_assert_null (air_base64url_decode (malformed[i], strlen (malformed[i]), &length));
}

/* ---- Stream keys ---- */

static AirStreamKeys *
read_keys (Fixture *fixture, const char *content, GError **error)
{
  g_assert_true (g_file_set_contents_full (fixture->path, content, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  return air_stream_keys_new ("live/stream", "default-key", "a seed", fixture->path, error);
}

static void
assert_key (const AirStreamKeys *keys, const char *path, const char *expected)
{
  g_autofree char *key = air_stream_keys_get (keys, path, 0);
  g_assert_cmpstr (key, ==, expected);
}

static void
test_stream_keys (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStreamKeys) keys
      = read_keys (fixture, "# for OBS\n\n live/algebra = chosen=key \r\nlive/b=12345678", &error);
  g_assert_no_error (error);
  assert_key (keys, "live/algebra", "chosen=key");
  assert_key (keys, "live/b", "12345678");
  assert_key (keys, "live/stream", "default-key");

  g_autofree char *one = air_stream_keys_get (keys, "live/c", 0), *two = air_stream_keys_get (keys, "live/d", 0);
  g_assert_cmpuint (strlen (one), ==, 24);
  g_assert_cmpstr (one, !=, two);
  assert_key (keys, "live/c", one);
  g_autoptr (AirStreamKeys) elsewhere
      = air_stream_keys_new ("live/stream", "default-key", "another seed", NULL, &error);
  g_autofree char *other = air_stream_keys_get (elsewhere, "live/c", 0);
  g_assert_cmpstr (other, !=, one);
}

static void
assert_line_refused (Fixture *fixture, const char *content, const char *line)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (read_keys (fixture, content, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, line));
}

static void
test_stream_key_faults (Fixture *fixture, const void *data)
{
  assert_line_refused (fixture, "live/a = 12345678\nlive/b\n", "line 2");
  assert_line_refused (fixture, "live/a = short\n", "line 1");
  assert_line_refused (fixture, "\n../etc = 12345678\n", "line 2");
  g_autoptr (GError) error = NULL;
  g_assert_null (air_stream_keys_new ("live/stream", "k", "s", "/nonexistent", &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
  g_clear_error (&error);
  g_chmod (fixture->path, 0644);
  g_assert_null (air_stream_keys_new ("live/stream", "k", "s", fixture->path, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
}

#define ADD(name, function) g_test_add ("/secrets/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("made-once", test_made_once);
  ADD ("refused-files", test_refused_files);
  ADD ("made-at-once", test_made_at_once);
  ADD ("readable", test_readable);
  ADD ("equal", test_equal);
  ADD ("base64url", test_base64url);
  ADD ("stream-keys", test_stream_keys);
  ADD ("stream-key-faults", test_stream_key_faults);
  return g_test_run ();
}
