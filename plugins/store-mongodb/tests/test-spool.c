/* The spool: order, what a crash leaves, the bound. */
#include "../spool.h"

#include <glib/gstdio.h>

typedef struct
{
  char *folder;
  Spool *spool;
} Fixture;

static void
reopen (Fixture *fixture, uint64_t max_bytes)
{
  g_autoptr (GError) error = NULL;
  spool_free (fixture->spool);
  fixture->spool = spool_new (fixture->folder, max_bytes, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("airclass-spool-XXXXXX", NULL);
  reopen (fixture, 1000);
}

static char *
path_of (const Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->folder, name, NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *spool = path_of (fixture, "spool"), *position = path_of (fixture, "spool.position");
  spool_free (fixture->spool);
  g_unlink (spool);
  g_unlink (position);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->folder);
}

static bool
append (Fixture *fixture, const char *text, GError **error)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  g_ptr_array_add (lines, (gpointer)text);
  return spool_append (fixture->spool, lines, error);
}

static uint64_t
expect (Fixture *fixture, unsigned count, const char *expected)
{
  uint64_t next = 0;
  g_autoptr (GPtrArray) lines = spool_peek (fixture->spool, count, &next, NULL);
  g_ptr_array_add (lines, NULL);
  g_autofree char *joined = g_strjoinv (" ", (char **)lines->pdata);
  g_assert_cmpstr (joined, ==, expected);
  return next;
}

static void
test_order_and_restart (Fixture *fixture, gconstpointer data)
{
  g_assert_true (spool_is_empty (fixture->spool));
  g_assert_true (append (fixture, "a", NULL) && append (fixture, "b", NULL) && append (fixture, "c", NULL));
  reopen (fixture, 1000);
  uint64_t next = expect (fixture, 2, "a b");
  g_assert_true (spool_done (fixture->spool, next, NULL));
  reopen (fixture, 1000);
  g_assert_true (append (fixture, "d", NULL));
  next = expect (fixture, 10, "c d");
  g_assert_true (spool_done (fixture->spool, next, NULL));
  g_assert_true (spool_is_empty (fixture->spool));
  reopen (fixture, 1000);
  g_assert_true (spool_is_empty (fixture->spool));
  g_assert_true (append (fixture, "e", NULL));
  expect (fixture, 10, "e");
}

/* A line without its end was not acknowledged; the next must not be glued to it. */
static void
test_unfinished_line (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = path_of (fixture, "spool");
  g_assert_true (append (fixture, "whole", NULL));
  FILE *file = fopen (path, "a");
  fputs ("half", file);
  fclose (file);
  reopen (fixture, 1000);
  g_assert_true (append (fixture, "next", NULL));
  expect (fixture, 10, "whole next");
}

/* Emptied, but the position not yet removed: it must not skip what comes next. */
static void
test_crash_while_emptying (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = path_of (fixture, "spool.position");
  g_assert_true (g_file_set_contents (path, "500\n", -1, NULL));
  reopen (fixture, 1000);
  g_assert_true (spool_is_empty (fixture->spool));
  g_assert_true (append (fixture, "next", NULL));
  reopen (fixture, 1000);
  expect (fixture, 10, "next");
}

static void
test_bound (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  reopen (fixture, 10);
  g_assert_true (append (fixture, "12345678", NULL));
  g_assert_false (append (fixture, "1", &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_LIMIT);
  expect (fixture, 10, "12345678");
}

static void
test_long_lines (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = g_strnfill (50000, 'x');
  reopen (fixture, 1000000);
  g_assert_true (append (fixture, text, NULL));
  uint64_t next = expect (fixture, 1, text);
  g_assert_cmpuint (next, ==, 50001);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/store-mongodb/spool/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("order-and-restart", test_order_and_restart);
  ADD ("unfinished-line", test_unfinished_line);
  ADD ("crash-while-emptying", test_crash_while_emptying);
  ADD ("bound", test_bound);
  ADD ("long-lines", test_long_lines);
  return g_test_run ();
}
