/* What has been revoked: forgotten in order, bounded. */
#include "auth/revoked.h"

#define FAMILIES 100
#define PEOPLE 3
#define CLASSES 2

static char *
name_of (unsigned number)
{
  return g_strdup_printf ("family-%u", number);
}

static void
add (AirRevoked *revoked, unsigned number, int64_t now_us, int64_t until_us)
{
  g_autofree char *name = name_of (number);
  air_revoked_add_family (revoked, name, now_us, until_us);
}

static bool
has (AirRevoked *revoked, unsigned number)
{
  g_autofree char *name = name_of (number);
  return air_revoked_has_family (revoked, name);
}

static void
test_families_end (void)
{
  g_autoptr (AirRevoked) revoked = air_revoked_new (FAMILIES, PEOPLE, CLASSES);
  for (unsigned i = 0; i < 10; i++)
    add (revoked, i, i, i + 100);
  g_assert_cmpuint (air_revoked_count_families (revoked), ==, 10);
  add (revoked, 3, 10, 110); /* once more: it ends later */
  add (revoked, 10, 105, 205);
  for (unsigned i = 0; i < 10; i++)
    g_assert_cmpint (has (revoked, i), ==, i == 3 || i > 5);
  air_revoked_remove_family (revoked, "family-3");
  air_revoked_remove_family (revoked, "unknown");
  g_assert_false (has (revoked, 3));
  g_assert_cmpuint (air_revoked_count_families (revoked), ==, 5);
}

static void
test_families_are_bounded (void)
{
  g_autoptr (AirRevoked) revoked = air_revoked_new (FAMILIES, PEOPLE, CLASSES);
  for (unsigned i = 0; i < 10 * FAMILIES; i++)
    add (revoked, i, 0, 1000 + i);
  g_assert_cmpuint (air_revoked_count_families (revoked), ==, FAMILIES);
  g_assert_false (has (revoked, 9 * FAMILIES - 1));
  g_assert_true (has (revoked, 9 * FAMILIES));
  g_assert_true (has (revoked, 10 * FAMILIES - 1));
}

static void
test_people (void)
{
  g_autoptr (AirRevoked) revoked = air_revoked_new (FAMILIES, PEOPLE, CLASSES);
  g_assert_true (air_revoked_add_person (revoked, "a", "b c"));
  g_assert_true (air_revoked_add_person (revoked, "a", "b c"));
  g_assert_true (air_revoked_has_person (revoked, "a", "b c"));
  g_assert_false (air_revoked_has_person (revoked, "b", "b c"));
  g_assert_false (air_revoked_has_person (revoked, NULL, "b c"));
  g_assert_false (air_revoked_has_person (revoked, "a", NULL));
  g_assert_true (air_revoked_add_person (revoked, "a", "2"));
  g_assert_true (air_revoked_add_person (revoked, "a", "3"));
  g_assert_false (air_revoked_add_person (revoked, "a", "4"));
  air_revoked_remove_person (revoked, "a", "2");
  g_assert_true (air_revoked_add_person (revoked, "a", "4"));
}

static void
test_classes (void)
{
  g_autoptr (AirRevoked) revoked = air_revoked_new (FAMILIES, PEOPLE, CLASSES);
  g_assert_cmpint (air_revoked_get_class (revoked, NULL, false), ==, 0);
  g_assert_cmpint (air_revoked_get_class (revoked, "a", true), ==, 0);
  g_assert_true (air_revoked_add_class (revoked, "a", false, 100));
  g_assert_true (air_revoked_add_class (revoked, "a", false, 50));
  g_assert_cmpint (air_revoked_get_class (revoked, "a", false), ==, 100);
  g_assert_cmpint (air_revoked_get_class (revoked, "a", true), ==, 100);
  g_assert_true (air_revoked_add_class (revoked, "a", true, 150));
  g_assert_cmpint (air_revoked_get_class (revoked, "a", false), ==, 100);
  g_assert_cmpint (air_revoked_get_class (revoked, "a", true), ==, 150);
  g_assert_true (air_revoked_add_class (revoked, "b", true, 1));
  g_assert_cmpint (air_revoked_get_class (revoked, "b", false), ==, 0);
  g_assert_false (air_revoked_add_class (revoked, "c", false, 1));
  g_assert_true (air_revoked_add_class (revoked, "a", false, 200)); /* it is known */
  g_assert_cmpint (air_revoked_get_class (revoked, "a", true), ==, 200);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/revoked/families-end", test_families_end);
  g_test_add_func ("/revoked/families-are-bounded", test_families_are_bounded);
  g_test_add_func ("/revoked/people", test_people);
  g_test_add_func ("/revoked/classes", test_classes);
  return g_test_run ();
}
