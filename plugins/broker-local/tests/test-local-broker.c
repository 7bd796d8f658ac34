/* The memory that providers keep: lifetimes, limits, lists, rooms. */
#include <airclass/airclass.h>

#include <string.h>

#define HOUR_MS (3600 * 1000)

static void
assert_code (GError **error, int code)
{
  g_assert_error (*error, AIR_ERROR, code);
  g_clear_error (error);
}

static void
test_keys (void)
{
  g_autoptr (AirBrokerMemory) memory = air_broker_memory_new (100, 100000);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (air_broker_memory_set (memory, "a", "1", HOUR_MS, true, &error));
  g_assert_null (air_broker_memory_set (memory, "a", "2", HOUR_MS, true, &error));
  assert_code (&error, AIR_ERROR_CONFLICT);
  g_assert_cmpstr (air_broker_memory_find (memory, "a")->value, ==, "1");
  g_assert_nonnull (air_broker_memory_set (memory, "a", "2", HOUR_MS, false, &error));
  g_assert_false (air_broker_memory_remove (memory, "a", "1", &error));
  assert_code (&error, AIR_ERROR_CONFLICT);
  g_assert_true (air_broker_memory_remove (memory, "a", "2", &error));
  g_assert_false (air_broker_memory_remove (memory, "a", NULL, &error));
  assert_code (&error, AIR_ERROR_NOT_FOUND);
  g_assert_null (air_broker_memory_find (memory, "a"));
}

static void
test_own_value_again (void)
{
  g_autoptr (AirBrokerMemory) memory = air_broker_memory_new (100, 100000);
  AirBrokerEntry *entry = air_broker_memory_set (memory, "a", "\"text\"", HOUR_MS, false, NULL);

  entry = air_broker_memory_set (memory, entry->key, entry->value, HOUR_MS, false, NULL);
  g_assert_cmpstr (entry->key, ==, "a");
  g_assert_cmpstr (entry->value, ==, "\"text\"");
}

static void
test_lifetime (void)
{
  g_autoptr (AirBrokerMemory) memory = air_broker_memory_new (3, 100000);
  int64_t end_us = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;

  air_broker_memory_set (memory, "long", "1", HOUR_MS, false, NULL);
  air_broker_memory_set (memory, "short", "1", 1, false, NULL);
  air_broker_memory_set (memory, "short-2", "1", 2, false, NULL);
  while (air_broker_memory_find (memory, "short") != NULL || air_broker_memory_find (memory, "short-2") != NULL)
    g_assert_cmpint (g_get_monotonic_time (), <, end_us);
  /* What has ended counts no longer, and is new again. */
  g_assert_nonnull (air_broker_memory_set (memory, "short", "2", HOUR_MS, true, NULL));
  g_assert_nonnull (air_broker_memory_set (memory, "third", "2", HOUR_MS, true, NULL));
  g_assert_nonnull (air_broker_memory_find (memory, "long"));
}

static void
test_limits (void)
{
  g_autoptr (AirBrokerMemory) memory = air_broker_memory_new (2, 2000);
  g_autofree char *large = g_strnfill (1700, '1');
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (air_broker_memory_set (memory, "a", "1", HOUR_MS, false, &error));
  g_assert_nonnull (air_broker_memory_set (memory, "b", "1", HOUR_MS, false, &error));
  g_assert_null (air_broker_memory_set (memory, "c", "1", HOUR_MS, false, &error));
  assert_code (&error, AIR_ERROR_LIMIT);
  g_assert_null (air_broker_memory_set (memory, "b", large, HOUR_MS, false, &error));
  assert_code (&error, AIR_ERROR_LIMIT);
  g_assert_cmpstr (air_broker_memory_find (memory, "b")->value, ==, "1");
  g_assert_true (air_broker_memory_remove (memory, "a", NULL, &error));
  g_assert_nonnull (air_broker_memory_set (memory, "b", large, HOUR_MS, false, &error));
  /* Replacing the large one by a small one gives its bytes back. */
  g_assert_nonnull (air_broker_memory_set (memory, "b", "1", HOUR_MS, false, &error));
  g_assert_nonnull (air_broker_memory_set (memory, "a", "1", HOUR_MS, false, &error));
}

static void
test_list (void)
{
  g_autoptr (AirBrokerMemory) memory = air_broker_memory_new (20000, 64 * 1024 * 1024);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) some = NULL;
  g_autoptr (JsonNode) all = NULL;

  air_broker_memory_set (memory, "b/1", "1", HOUR_MS, false, NULL);
  air_broker_memory_set (memory, "b/2", "{\"x\":2}", HOUR_MS, false, NULL);
  air_broker_memory_set (memory, "b", "0", HOUR_MS, false, NULL);
  air_broker_memory_set (memory, "c", "3", HOUR_MS, false, NULL);
  some = air_broker_memory_list (memory, "b/", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (json_object_get_size (json_node_get_object (some)), ==, 2);
  g_assert_cmpint (air_json_get_int (air_json_get (some, "b/2"), "x", 0), ==, 2);
  all = air_broker_memory_list (memory, "", &error);
  g_assert_cmpuint (json_object_get_size (json_node_get_object (all)), ==, 4);
  for (unsigned i = 0; i <= AIR_BROKER_MAX_LISTED; i++)
    {
      g_autofree char *key = g_strdup_printf ("many/%u", i);

      g_assert_nonnull (air_broker_memory_set (memory, key, "1", HOUR_MS, false, NULL));
    }
  g_assert_null (air_broker_memory_list (memory, "many/", &error));
  assert_code (&error, AIR_ERROR_LIMIT);
}

static void
test_rooms (void)
{
  g_autoptr (AirBrokerRooms) rooms = air_broker_rooms_new (2);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) members = NULL;

  g_assert_true (air_broker_rooms_enter (rooms, "r", "a", "1", &error));
  g_assert_false (air_broker_rooms_enter (rooms, "r", "a", "1", &error));
  g_assert_no_error (error);
  g_assert_true (air_broker_rooms_enter (rooms, "r", "a", "2", &error));
  g_assert_true (air_broker_rooms_enter (rooms, "q", "b", "3", &error));
  g_assert_false (air_broker_rooms_enter (rooms, "r", "c", "4", &error));
  assert_code (&error, AIR_ERROR_LIMIT);
  members = air_broker_rooms_list (rooms, "r");
  g_assert_cmpuint (json_object_get_size (json_node_get_object (members)), ==, 1);
  g_assert_cmpint (air_json_get_int (members, "a", 0), ==, 2);
  g_assert_true (air_broker_rooms_leave (rooms, "q", "b"));
  g_assert_false (air_broker_rooms_leave (rooms, "q", "b"));
  g_assert_true (air_broker_rooms_enter (rooms, "r", "c", "4", &error));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/broker-memory/keys", test_keys);
  g_test_add_func ("/broker-memory/own-value-again", test_own_value_again);
  g_test_add_func ("/broker-memory/lifetime", test_lifetime);
  g_test_add_func ("/broker-memory/limits", test_limits);
  g_test_add_func ("/broker-memory/list", test_list);
  g_test_add_func ("/broker-memory/rooms", test_rooms);
  return g_test_run ();
}
