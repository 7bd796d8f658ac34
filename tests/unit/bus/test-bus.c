/* The bus: order, no re-entrancy, threads, owners. */
#include <airclass/events.h>

#include "bus/bus.h"
#include "bus/event.h"

#define THREADS 4
#define EVENTS_PER_THREAD 500

/* Owners are only compared. */
#define OWNER(n) ((AirContext *) GUINT_TO_POINTER (n))

typedef struct
{
  AirBus *bus;
  GString *seen;
  unsigned depth, deepest, count, republish;
  int64_t last[THREADS];
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->bus = air_bus_new ();
  fixture->seen = g_string_new (NULL);
  for (unsigned i = 0; i < THREADS; i++)
    fixture->last[i] = -1;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_finalize_object (fixture->bus);
  g_string_free (fixture->seen, TRUE);
}

static void
run_until_idle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static AirEvent *
make (const char *path)
{
  return air_event_reader_count_new (path, "test", 1);
}

static void
on_event (AirEvent *event, void *self)
{
  Fixture *fixture = self;

  fixture->depth++;
  fixture->deepest = MAX (fixture->deepest, fixture->depth);
  g_string_append (fixture->seen, air_event_reader_count_get_path (event));
  if (fixture->republish > 0)
    {
      g_autofree char *path = g_strdup_printf ("%u", fixture->republish--);

      air_bus_publish (fixture->bus, make (path));
      run_until_idle ();
    }
  fixture->depth--;
}

static void
test_order (Fixture *fixture, gconstpointer data)
{
  air_bus_subscribe (fixture->bus, OWNER (1), "one", "reader-count", on_event, fixture);
  air_bus_publish (fixture->bus, make ("a"));
  air_bus_publish (fixture->bus, make ("b"));
  air_bus_publish (fixture->bus, make ("c"));
  g_assert_cmpstr (fixture->seen->str, ==, "");
  run_until_idle ();
  g_assert_cmpstr (fixture->seen->str, ==, "abc");
}

static void
test_not_reentrant (Fixture *fixture, gconstpointer data)
{
  fixture->republish = 3;
  air_bus_subscribe (fixture->bus, OWNER (1), "one", NULL, on_event, fixture);
  air_bus_publish (fixture->bus, make ("a"));
  air_bus_publish (fixture->bus, make ("b"));
  run_until_idle ();
  g_assert_cmpstr (fixture->seen->str, ==, "ab321");
  g_assert_cmpuint (fixture->deepest, ==, 1);
}

static void
on_named (AirEvent *event, void *self)
{
  g_string_append_printf (((Fixture *) self)->seen, "<%s>", air_event_get_name (event));
}

static void
test_names (Fixture *fixture, gconstpointer data)
{
  air_bus_subscribe (fixture->bus, OWNER (1), "one", "plugin-state", on_named, fixture);
  air_bus_publish (fixture->bus, make ("a"));
  air_bus_publish (fixture->bus, air_event_plugin_state_new ("x", AIR_EVENT_PLUGIN_STATE_STATE_RUNNING, NULL));
  run_until_idle ();
  g_assert_cmpstr (fixture->seen->str, ==, "<plugin-state>");
}

static void
on_event_leave (AirEvent *event, void *self)
{
  Fixture *fixture = self;

  fixture->count++;
  air_bus_remove_owner (fixture->bus, OWNER (1));
  air_bus_remove_owner (fixture->bus, OWNER (2));
}

static void
test_owner_leaves_in_delivery (Fixture *fixture, gconstpointer data)
{
  air_bus_subscribe (fixture->bus, OWNER (1), "one", NULL, on_event_leave, fixture);
  air_bus_subscribe (fixture->bus, OWNER (2), "two", NULL, on_event_leave, fixture);
  g_assert_cmpuint (air_bus_count_owner (fixture->bus, OWNER (1)), ==, 1);
  air_bus_publish (fixture->bus, make ("a"));
  air_bus_publish (fixture->bus, make ("b"));
  run_until_idle ();
  g_assert_cmpuint (fixture->count, ==, 1);
  g_assert_cmpuint (air_bus_count_owner (fixture->bus, OWNER (1)), ==, 0);
}

static void
on_numbered (AirEvent *event, void *self)
{
  Fixture *fixture = self;
  unsigned thread = g_ascii_strtoull (air_event_reader_count_get_path (event), NULL, 10);
  int64_t number = air_event_reader_count_get_readers (event);

  g_assert_cmpint (number, ==, fixture->last[thread] + 1);
  fixture->last[thread] = number;
  fixture->count++;
}

static void
test_for_other_nodes (Fixture *fixture, gconstpointer data)
{
  AirEvent *remote = air_event_class_changed_new ("b", AIR_EVENT_CLASS_CHANGED_CHANGE_CREATED);

  air_event_set_remote (remote);
  air_bus_subscribe (fixture->bus, OWNER (1), "one", "", on_named, fixture);
  air_bus_publish (fixture->bus, make ("a"));
  air_bus_publish (fixture->bus, remote);
  run_until_idle ();
  g_assert_cmpstr (fixture->seen->str, ==, "");
  air_bus_publish (fixture->bus, air_event_class_changed_new ("a", AIR_EVENT_CLASS_CHANGED_CHANGE_CREATED));
  run_until_idle ();
  g_assert_cmpstr (fixture->seen->str, ==, "<class-changed>");
  /* Everybody else gets what came from another node. */
  remote = air_event_class_changed_new ("b", AIR_EVENT_CLASS_CHANGED_CHANGE_CREATED);
  air_event_set_remote (remote);
  air_bus_subscribe (fixture->bus, OWNER (2), "two", "class-changed", on_named, fixture);
  air_bus_publish (fixture->bus, remote);
  run_until_idle ();
  g_assert_cmpstr (fixture->seen->str, ==, "<class-changed><class-changed>");
}

typedef struct
{
  Fixture *fixture;
  unsigned index;
} Worker;

static gpointer
publish_many (gpointer data)
{
  Worker *worker = data;
  g_autofree char *path = g_strdup_printf ("%u", worker->index);

  for (int i = 0; i < EVENTS_PER_THREAD; i++)
    air_bus_publish (worker->fixture->bus, air_event_reader_count_new (path, "test", i));
  return NULL;
}

static void
test_threads (Fixture *fixture, gconstpointer data)
{
  GThread *threads[THREADS];
  Worker workers[THREADS];

  air_bus_subscribe (fixture->bus, OWNER (1), "one", NULL, on_numbered, fixture);
  for (unsigned i = 0; i < THREADS; i++)
    {
      workers[i] = (Worker){ fixture, i };
      threads[i] = g_thread_new ("publisher", publish_many, &workers[i]);
    }
  while (fixture->count < THREADS * EVENTS_PER_THREAD)
    g_main_context_iteration (NULL, TRUE);
  for (unsigned i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
}

static void
test_undelivered_are_freed (Fixture *fixture, gconstpointer data)
{
  AirEvent *event = make ("a");

  g_object_add_weak_pointer (G_OBJECT (event), (gpointer *) &event);
  air_bus_publish (fixture->bus, event);
  g_clear_object (&fixture->bus);
  g_assert_null (event);
  fixture->bus = air_bus_new ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/bus/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("order", test_order);
  ADD ("not-reentrant", test_not_reentrant);
  ADD ("names", test_names);
  ADD ("owner-leaves-in-delivery", test_owner_leaves_in_delivery);
  ADD ("for-other-nodes", test_for_other_nodes);
  ADD ("threads", test_threads);
  ADD ("undelivered-are-freed", test_undelivered_are_freed);
  return g_test_run ();
}
