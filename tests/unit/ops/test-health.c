/* What /readyz says. */
#include "ops/health.h"

#define OWNER_A ((AirContext *) 0x10)
#define OWNER_B ((AirContext *) 0x20)

static bool
is_ready (AirHealth *health)
{
  bool ready = false;
  g_autoptr (JsonNode) node = air_health_describe (health, &ready);
  g_assert_cmpint (json_object_get_boolean_member (json_node_get_object (node), "ready"), ==, ready);
  return ready;
}

static void
test_required (void)
{
  AirHealth *health = air_health_new ();
  g_assert_true (is_ready (health));
  air_health_set (health, OWNER_A, "redis", false, false, "refused");
  g_assert_true (is_ready (health));
  air_health_set (health, OWNER_A, "mongodb", false, true, "refused");
  g_assert_false (is_ready (health));
  air_health_set (health, OWNER_A, "mongodb", true, true, NULL);
  g_assert_true (is_ready (health));
  air_health_free (health);
}

static void
test_describe (void)
{
  AirHealth *health = air_health_new ();
  air_health_set (health, OWNER_B, "redis", true, false, NULL);
  air_health_set (health, OWNER_A, "mongodb", false, true, "no answer");
  g_autoptr (JsonNode) node = air_health_describe (health, NULL);
  g_autofree char *text = json_to_string (node, FALSE);
  g_assert_cmpstr (text, ==,
                   "{\"ready\":false,\"dependencies\":["
                   "{\"name\":\"mongodb\",\"ok\":false,\"required\":true,\"detail\":\"no answer\"},"
                   "{\"name\":\"redis\",\"ok\":true,\"required\":false,\"detail\":\"\"}]}");
  air_health_free (health);
}

static void
test_remove_owner (void)
{
  AirHealth *health = air_health_new ();
  air_health_set (health, OWNER_A, "store", false, true, NULL);
  air_health_set (health, OWNER_B, "store", true, true, NULL);
  g_assert_false (is_ready (health));
  air_health_remove_owner (health, OWNER_A);
  g_assert_true (is_ready (health));
  air_health_free (health);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/health/required", test_required);
  g_test_add_func ("/health/describe", test_describe);
  g_test_add_func ("/health/remove-owner", test_remove_owner);
  return g_test_run ();
}
