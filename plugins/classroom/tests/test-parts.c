/* What of the classroom needs neither host nor store: stays, CSV, the ring of messages, limits. */
#include "bans.h"
#include "csv.h"
#include "intervals.h"
#include "rate.h"
#include "ring.h"

#include <string.h>

/* ---- Intervals */

static int64_t
unite (GArray *intervals, const Interval *given, unsigned count)
{
  g_array_set_size (intervals, 0);
  g_array_append_vals (intervals, given, count);
  return intervals_unite (intervals);
}

static void
test_union (void)
{
  g_autoptr (GArray) intervals = g_array_new (FALSE, FALSE, sizeof (Interval));
  g_assert_cmpint (unite (intervals, NULL, 0), ==, 0);
  /* Two tabs, one within the other, and a third that touches. */
  const Interval tabs[] = { { 100, 200 }, { 120, 150 }, { 200, 230 }, { 50, 60 } };
  g_assert_cmpint (unite (intervals, tabs, G_N_ELEMENTS (tabs)), ==, 140);
  g_assert_cmpuint (intervals->len, ==, 2);
  g_assert_cmpint (g_array_index (intervals, Interval, 1).end_us, ==, 230);
  /* One that ends before it begins, as a clock that was set back would make it, takes nothing away. */
  const Interval odd[] = { { 100, 200 }, { 300, 250 } };
  g_assert_cmpint (unite (intervals, odd, G_N_ELEMENTS (odd)), ==, 100);
  g_assert_cmpuint (intervals->len, ==, 1);
  /* A long one that ends after later ones have begun. */
  const Interval nested[] = { { 0, 1000 }, { 10, 20 }, { 30, 40 }, { 990, 1010 } };
  g_assert_cmpint (unite (intervals, nested, G_N_ELEMENTS (nested)), ==, 1010);
}

/* ---- CSV */

static void
test_csv (void)
{
  g_autoptr (GString) csv = csv_new ();
  csv_add (csv, "김민지");
  csv_add (csv, "she said \"no\", twice\nand left");
  csv_add (csv, NULL);
  csv_add_number (csv, 12.5);
  csv_add_number (csv, -3);
  csv_end_row (csv);
  csv_add (csv, "=HYPERLINK(\"x\")");
  csv_end_row (csv);
  g_assert_cmpstr (csv->str, ==,
                   "\xef\xbb\xbf\"김민지\",\"she said \"\"no\"\", twice\nand left\",\"\",\"12.5\",\"-3\"\r\n"
                   "\"'=HYPERLINK(\"\"x\"\")\"\r\n");
}

static void
test_formulas (void)
{
  static const char *const formulas[] = { "=1", "+1", "-1", "@x", "\t=1", "\r=1" };
  for (unsigned i = 0; i < G_N_ELEMENTS (formulas); i++)
    {
      g_autoptr (GString) csv = csv_new ();
      csv_add (csv, formulas[i]);
      g_assert_true (g_str_has_prefix (csv->str, "\xef\xbb\xbf\"'"));
    }
  g_autoptr (GString) plain = csv_new ();
  csv_add (plain, "1=1");
  g_assert_cmpstr (plain->str, ==, "\xef\xbb\xbf\"1=1\"");
}

/* ---- The ring */

static void
add (Ring *ring, const char *text, int64_t now_us)
{
  char *shared = g_ref_string_new (text);
  ring_add (ring, ring_next_id (ring), 1, NULL, shared, now_us);
  g_ref_string_release (shared);
}

static unsigned
count_from (GList *at)
{
  unsigned count = 0;
  for (; at != NULL; at = at->next)
    count++;
  return count;
}

static void
test_resume (void)
{
  Ring ring;
  GList *first = NULL;
  ring_init (&ring, 1000);
  g_assert_true (ring_resume (&ring, 1000, 1, &first));
  g_assert_null (first);
  g_assert_false (ring_resume (&ring, 999, 1, &first)); /* of an earlier run of the server */
  g_assert_false (ring_resume (&ring, 1001, 1, &first)); /* never given */
  for (unsigned i = 0; i < RING_MESSAGES; i++)
    add (&ring, "text", 1);
  g_assert_true (ring_resume (&ring, 1000, 1, &first));
  g_assert_cmpuint (count_from (first), ==, RING_MESSAGES);
  g_assert_true (ring_resume (&ring, 1000 + RING_MESSAGES - 2, 1, &first));
  g_assert_cmpuint (count_from (first), ==, 2);
  add (&ring, "one more", 1);
  g_assert_false (ring_resume (&ring, 1000, 1, &first));
  g_assert_true (ring_resume (&ring, 1001, 1, &first));
  g_assert_cmpuint (count_from (first), ==, RING_MESSAGES);
  /* An id that was given to an answer for one socket is no gap. */
  int64_t answer = ring_next_id (&ring);
  g_assert_true (ring_resume (&ring, answer, 1, &first));
  g_assert_null (first);
  ring_clear (&ring);
}

static void
test_age_and_bytes (void)
{
  Ring ring;
  GList *first = NULL;
  ring_init (&ring, 0);
  add (&ring, "old", 1);
  add (&ring, "new", RING_AGE_US);
  g_assert_true (ring_resume (&ring, 0, RING_AGE_US, &first));
  g_assert_false (ring_resume (&ring, 0, RING_AGE_US + 2, &first));
  g_assert_true (ring_resume (&ring, 1, RING_AGE_US + 2, &first));
  g_assert_cmpuint (count_from (first), ==, 1);
  g_autofree char *large = g_strnfill (RING_BYTES / 4, 'x');
  for (unsigned i = 0; i < 5; i++)
    add (&ring, large, RING_AGE_US);
  g_assert_cmpuint (ring.bytes, <=, RING_BYTES);
  g_assert_true (ring_resume (&ring, ring.last_id - 4, RING_AGE_US, &first));
  g_assert_false (ring_resume (&ring, ring.last_id - 5, RING_AGE_US, &first));
  ring_clear (&ring);
  g_assert_cmpuint (ring.bytes, ==, 0);
}

static void
test_forget (void)
{
  Ring ring;
  GList *first = NULL;
  ring_init (&ring, 0);
  add (&ring, "{\"message_id\":\"0123456789abcdef\",\"text\":\"rude\"}", 1);
  add (&ring, "{\"text\":\"fine\"}", 1);
  ring_forget_text (&ring, "0123456789abcdef");
  g_assert_true (ring_resume (&ring, 0, 1, &first));
  g_assert_cmpuint (count_from (first), ==, 1);
  g_assert_cmpint (((RingEntry *)first->data)->id, ==, 2);
  ring_clear (&ring);
}

/* ---- Limits */

static void
test_rate (void)
{
  Rate rate = { 0 };
  int64_t now_us = 5;
  for (unsigned i = 0; i < 4; i++)
    g_assert_true (rate_take (&rate, 4, now_us));
  g_assert_false (rate_take (&rate, 4, now_us));
  g_assert_false (rate_take (&rate, 4, now_us + 14 * G_USEC_PER_SEC));
  g_assert_true (rate_take (&rate, 4, now_us + 16 * G_USEC_PER_SEC));
  g_assert_false (rate_take (&rate, 4, now_us + 16 * G_USEC_PER_SEC));
  /* Rest does not save up more than a minute's. */
  now_us += 3600 * (int64_t)G_USEC_PER_SEC;
  for (unsigned i = 0; i < 4; i++)
    g_assert_true (rate_take (&rate, 4, now_us));
  g_assert_false (rate_take (&rate, 4, now_us));
}

/* ---- Bans */

static JsonArray *
read_bans (JsonNode **ret_node, const char *text)
{
  g_clear_pointer (ret_node, json_node_unref);
  *ret_node = json_from_string (text, NULL);
  return json_node_get_array (*ret_node);
}

static void
note_user (const char *text, bool added, void *data)
{
  g_string_append_printf (data, "%c%s ", added ? '+' : '-', text);
}

static void
test_bans (void)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GString) seen = g_string_new (NULL);
  Bans none, first, second;
  bans_init (&none, NULL);
  bans_init (&first, read_bans (&node, "[{\"user_id\":\"a\",\"families\":[\"f\"],\"session_id\":\"s\",\"address\":\"1.2.3.4\"}]"));
  g_assert_true (bans_have (&first, "a", NULL, NULL, NULL));
  g_assert_true (bans_have (&first, "b", "f", NULL, NULL));
  g_assert_true (bans_have (&first, "b", NULL, "s", "1.2.3.4"));
  g_assert_false (bans_have (&first, "b", "g", "t", "1.2.3.4"));
  g_assert_false (bans_have (&first, NULL, NULL, NULL, NULL));
  bans_compare (&none, &first, note_user, note_user, seen);
  g_assert_cmpstr (seen->str, ==, "+f +a ");
  g_string_truncate (seen, 0);
  /* Somebody else is banned with the same family: it stays. */
  bans_init (&second, read_bans (&node, "[{\"user_id\":\"b\",\"families\":[\"f\"]}]"));
  bans_compare (&first, &second, note_user, note_user, seen);
  g_assert_cmpstr (seen->str, ==, "+b -a ");
  bans_clear (&none);
  bans_clear (&first);
  bans_clear (&second);
}

/* However many a document has: the newest. */
static void
test_bans_are_bounded (void)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GString) text = g_string_new ("[{\"user_id\":\"a\",\"families\":[\"0\"");
  for (unsigned i = 1; i < 1000; i++)
    g_string_append_printf (text, ",\"%u\"", i);
  g_string_append (text, "]}]");
  Bans bans;
  bans_init (&bans, read_bans (&node, text->str));
  g_assert_cmpuint (g_hash_table_size (bans.families), ==, MAX_FAMILIES);
  g_assert_true (bans_have (&bans, NULL, "999", NULL, NULL));
  bans_clear (&bans);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/classroom/intervals/union", test_union);
  g_test_add_func ("/classroom/csv/cells", test_csv);
  g_test_add_func ("/classroom/csv/formulas", test_formulas);
  g_test_add_func ("/classroom/ring/resume", test_resume);
  g_test_add_func ("/classroom/ring/age-and-bytes", test_age_and_bytes);
  g_test_add_func ("/classroom/ring/forget", test_forget);
  g_test_add_func ("/classroom/rate", test_rate);
  g_test_add_func ("/classroom/bans", test_bans);
  g_test_add_func ("/classroom/bans-are-bounded", test_bans_are_bounded);
  return g_test_run ();
}
