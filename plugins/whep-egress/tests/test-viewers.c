/* The viewers' documents: order, pages, summary. */
#include <string.h>

#include "viewer-list.h"

static AirViewerRow *
make_row (unsigned number)
{
  AirViewerInfo *info = g_new0 (AirViewerInfo, 1);
  info->viewer_id = g_strdup_printf ("v%04u", number);
  info->path = g_strdup ("live/stream");
  info->address = g_strdup_printf ("192.0.2.%u:5000", number % 250);
  info->engine = "fanout";
  info->profile = "SRTP_AEAD_AES_128_GCM";
  info->connected = true;
  info->since_us = info->level_since_us = (int64_t)number * G_USEC_PER_SEC;
  info->rtt_us = number * 1000;
  info->queue_us = -1;
  AirViewerRow *row = g_new0 (AirViewerRow, 1);
  row->info = info;
  row->role = AIR_ROLE_STUDENT;
  return row;
}

static GPtrArray *
make_rows (unsigned count)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func ((GDestroyNotify)air_viewer_row_free);
  for (unsigned i = 0; i < count; i++)
    g_ptr_array_add (rows, make_row (i));
  return rows;
}

static AirViewerInfo *
info_of (GPtrArray *rows, unsigned i)
{
  return ((AirViewerRow *)rows->pdata[i])->info;
}

static JsonNode *
write_and_read (GPtrArray *rows, const char *sort_text, unsigned first, unsigned limit)
{
  AirViewerSort sort;
  g_assert_true (air_viewer_sort_parse (sort_text, &sort));
  g_autofree char *text = air_viewer_list_write (rows, &sort, first, limit);
  return json_from_string (text, NULL);
}

/* The ids of the viewers in @node, by a space. */
static char *
ids (JsonNode *node)
{
  GString *text = g_string_new (NULL);
  JsonArray *viewers = json_object_get_array_member (json_node_get_object (node), "viewers");
  for (unsigned i = 0; i < json_array_get_length (viewers); i++)
    g_string_append_printf (
        text, "%s%s", i > 0 ? " " : "",
        json_object_get_string_member (json_array_get_object_element (viewers, i), "viewer_id"));
  return g_string_free (text, FALSE);
}

static void
test_order (void)
{
  g_autoptr (GPtrArray) rows = make_rows (4);
  info_of (rows, 2)->loss = 0.2;
  info_of (rows, 1)->level = "audio";
  info_of (rows, 1)->level_reason = "choice"; /* no trouble */
  info_of (rows, 3)->level = "low";
  info_of (rows, 3)->level_reason = "congestion";
  static const struct
  {
    const char *sort, *expected;
  } cases[] = {
    { "since", "v0000 v0001 v0002 v0003" },  { "-since", "v0003 v0002 v0001 v0000" },
    { "worst", "v0002 v0003 v0000 v0001" },  { "-loss", "v0002 v0000 v0001 v0003" },
    { "-level", "v0001 v0003 v0000 v0002" }, { "address", "v0000 v0001 v0002 v0003" },
    { "-rtt", "v0003 v0002 v0001 v0000" },   { "nacks", "v0000 v0001 v0002 v0003" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (JsonNode) node = write_and_read (rows, cases[i].sort, 0, 10);
      g_autofree char *got = ids (node);
      g_assert_cmpstr (got, ==, cases[i].expected);
    }
  AirViewerSort sort;
  for (const char *const *bad = (const char *const[]){ "", "-", "--loss", "losses", "Loss", NULL }; *bad; bad++)
    g_assert_false (air_viewer_sort_parse (*bad, &sort));
}

static void
test_pages (void)
{
  g_autoptr (GPtrArray) rows = make_rows (5);
  g_autoptr (JsonNode) one = write_and_read (rows, "since", 0, 2), three = write_and_read (rows, "since", 4, 2),
                       past = write_and_read (rows, "since", 9, 2);
  g_autofree char *first = ids (one), *last = ids (three), *none = ids (past);
  g_assert_cmpstr (first, ==, "v0000 v0001");
  g_assert_cmpstr (json_object_get_string_member (json_node_get_object (one), "next_cursor"), ==, "2");
  g_assert_cmpstr (last, ==, "v0004");
  g_assert_true (json_object_get_null_member (json_node_get_object (three), "next_cursor"));
  g_assert_cmpstr (none, ==, "");
  JsonObject *summary = json_object_get_object_member (json_node_get_object (past), "summary");
  g_assert_cmpint (json_object_get_int_member (summary, "viewers"), ==, 5);
}

static void
test_summary (void)
{
  g_autoptr (GPtrArray) rows = make_rows (100);
  info_of (rows, 99)->connected = false;
  info_of (rows, 98)->rtt_us = -1;
  info_of (rows, 7)->loss = 0.5;
  info_of (rows, 8)->level = "low";
  info_of (rows, 8)->level_reason = "congestion";
  g_autoptr (JsonNode) node = write_and_read (rows, "worst", 0, 1);
  JsonObject *summary = json_object_get_object_member (json_node_get_object (node), "summary");
  JsonObject *levels = json_object_get_object_member (summary, "levels");
  JsonObject *rtt = json_object_get_object_member (summary, "rtt_ms");
  g_assert_cmpint (json_object_get_int_member (summary, "viewers"), ==, 100);
  g_assert_cmpint (json_object_get_int_member (summary, "playing"), ==, 99);
  g_assert_cmpint (json_object_get_int_member (summary, "suffering"), ==, 2);
  g_assert_cmpint (json_object_get_int_member (levels, "full"), ==, 98);
  g_assert_cmpint (json_object_get_int_member (levels, "low"), ==, 1);
  g_assert_cmpfloat (json_object_get_double_member (rtt, "median"), ==, 49);
  g_assert_cmpfloat (json_object_get_double_member (rtt, "p95"), ==, 93);
  g_autoptr (GPtrArray) nobody = make_rows (0);
  g_autoptr (JsonNode) empty = write_and_read (nobody, "since", 0, 10);
  summary = json_object_get_object_member (json_node_get_object (empty), "summary");
  g_assert_true (json_object_get_null_member (json_object_get_object_member (summary, "loss"), "median"));
}

static void
test_trouble (void)
{
  g_autoptr (GPtrArray) rows = make_rows (1);
  AirViewerInfo *info = info_of (rows, 0);
  info->rtt_us = 150 * 1000;
  info->jitter_us = 30 * 1000;
  info->loss = 0.03;
  g_assert_cmpfloat (air_viewer_trouble (info), <, 1);
  info->jitter_us = 100 * 1000; /* each alone would do */
  g_assert_cmpfloat (air_viewer_trouble (info), >, 1);
  info->connected = false;
  g_assert_cmpfloat (air_viewer_trouble (info), ==, 0);
}

static void
test_status (void)
{
  g_autoptr (GPtrArray) rows = make_rows (1);
  AirViewerInfo *info = info_of (rows, 0);
  info->rtt_us = -1;
  info->level = "reduced";
  info->level_reason = "congestion";
  g_autoptr (JsonNode) node = air_viewer_status (info);
  g_autofree char *text = air_json_to_string (node);
  JsonObject *status = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (status, "level"), ==, "reduced");
  g_assert_cmpstr (json_object_get_string_member (status, "level_reason"), ==, "congestion");
  g_assert_cmpstr (json_object_get_string_member (status, "level_since"), ==, "1970-01-01T00:00:00.000Z");
  g_assert_true (json_object_get_null_member (status, "rtt_ms"));
  g_assert_null (strstr (text, info->viewer_id));
}

/* Not asserted: --verbose prints what the largest list costs in the pool. */
static void
test_cost (void)
{
  g_autoptr (GPtrArray) rows = make_rows (AIR_VIEWER_LIST_MAX_LIMIT);
  AirViewerSort sort = { AIR_VIEWER_SORT_WORST, false };
  int64_t begin_us = g_get_monotonic_time ();
  g_autofree char *text = air_viewer_list_write (rows, &sort, 0, AIR_VIEWER_LIST_MAX_LIMIT);
  g_test_message ("%u viewers: %zu bytes in %.1f ms", rows->len, strlen (text),
                  (double)(g_get_monotonic_time () - begin_us) / 1000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/viewers/order", test_order);
  g_test_add_func ("/viewers/pages", test_pages);
  g_test_add_func ("/viewers/summary", test_summary);
  g_test_add_func ("/viewers/trouble", test_trouble);
  g_test_add_func ("/viewers/status", test_status);
  g_test_add_func ("/viewers/cost", test_cost);
  return g_test_run ();
}
