/* Filters as SQL: an index is used where the schema allows one type, and values are bound, never written. The meaning is tested by the suite
 * that every store passes. */
#include "../statement.h"

#include <airclass/json.h>
#include <airclass/store-provider.h>

static GPtrArray *
load_things (void)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *collections = air_store_collections_load (TEST_SCHEMAS, &error);
  g_assert_no_error (error);
  return collections;
}

static const AirStoreCollection *
find (GPtrArray *collections, const char *name)
{
  for (unsigned i = 0; i < collections->len; i++)
    if (g_str_equal (air_store_collection_get_name (g_ptr_array_index (collections, i)), name))
      return g_ptr_array_index (collections, i);
  g_assert_not_reached ();
}

/* (transfer full) how SQLite goes about it. */
static char *
explain (sqlite3 *database, const AirStoreCollection *things, JsonNode *filter)
{
  g_autoptr (Statement) statement = statement_new ("EXPLAIN QUERY PLAN SELECT document FROM \"c_things\" WHERE ");
  g_autoptr (GError) error = NULL;
  statement_append_filter (statement, things, filter);
  sqlite3_stmt *prepared = statement_prepare (statement, database, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sqlite3_step (prepared), ==, SQLITE_ROW);
  char *plan = g_strdup ((const char *)sqlite3_column_text (prepared, 3));
  sqlite3_finalize (prepared);
  return plan;
}

static void
test_indexes_are_used (void)
{
  g_autoptr (GPtrArray) collections = load_things ();
  g_autoptr (GError) error = NULL;
  sqlite3 *database = database_open (":memory:", true, &error);
  g_assert_no_error (error);
  g_assert_true (database_make_tables (database, collections, &error));
  /* Again: everything is there already. */
  g_assert_true (database_make_tables (database, collections, &error));
  const AirStoreCollection *things = find (collections, "things");

  g_autoptr (JsonNode) unique = air_json_new ("{class_id:'a', student_id:'b'}");
  g_autofree char *unique_plan = explain (database, things, unique);
  g_assert_nonnull (strstr (unique_plan, "USING INDEX i_things/class_id,student_id/unique"));
  g_autoptr (JsonNode) key = air_json_new ("{thing_id:'a'}");
  g_autofree char *key_plan = explain (database, things, key);
  g_assert_nonnull (strstr (key_plan, "(key=?)"));
  g_autoptr (JsonNode) range = air_json_new ("{class_id:'a', at:{$gte:'2026'}}");
  g_autofree char *range_plan = explain (database, things, range);
  g_assert_nonnull (strstr (range_plan, "USING INDEX"));
  sqlite3_close (database);
}

static void
test_values_are_bound (void)
{
  g_autoptr (GPtrArray) collections = load_things ();
  g_autoptr (Statement) statement = statement_new ("");
  g_autoptr (JsonNode) filter = air_json_new ("{text:'DROP', tags:{$in:['DROP', 7]}, points:{$gt:7777}, $or:[{done:true}]}");
  statement_append_filter (statement, find (collections, "things"), filter);
  g_assert_null (strstr (statement->sql->str, "DROP"));
  g_assert_null (strstr (statement->sql->str, "7"));
  unsigned marks = 0;
  for (const char *at = statement->sql->str; *at != '\0'; at++)
    marks += *at == '?';
  g_assert_cmpuint (marks, ==, statement->values->len);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/store-sqlite/indexes-are-used", test_indexes_are_used);
  g_test_add_func ("/store-sqlite/values-are-bound", test_values_are_bound);
  return g_test_run ();
}
