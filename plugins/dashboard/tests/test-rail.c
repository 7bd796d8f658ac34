/* The rail of alerts in virtual time. */
#include "../rail.h"

#include <airclass/json.h>

#define SECOND G_USEC_PER_SEC
#define MINUTE (60 * G_GINT64_CONSTANT (1000000))
#define T G_GINT64_CONSTANT (1800000000000000)

static Alert *
raise_alert (AlertRail *rail, const char *type, const char *subject, const char *text, int64_t now_us)
{
  return alert_rail_raise (rail, type, subject, NULL, text, air_json_new ("{}"), (now_us - T) / 1000, now_us);
}

static unsigned
shown (AlertRail *rail, int64_t now_us)
{
  g_autoptr (JsonNode) node = alert_rail_to_json (rail, 50, now_us);
  return json_array_get_length (json_node_get_array (node));
}

static void
test_life (void)
{
  AlertRail *rail = alert_rail_new ("s", "algebra", 3 * MINUTE, 100);
  Alert *alert = alert_rail_raise (rail, "confusion", "", "a1", "lost", air_json_new ("{level: %f}", 3.5), 90000, T);
  g_assert_cmpstr (alert->id, ==, "a1");
  g_assert_null (raise_alert (rail, "confusion", "", "lost", T + SECOND));
  g_assert_cmpuint (shown (rail, T), ==, 1);
  g_assert_true (alert_rail_end (rail, "confusion", "", T + MINUTE) == alert);
  g_assert_null (alert_rail_end (rail, "confusion", "", T + MINUTE));
  /* Over, but nobody has seen it. */
  g_assert_cmpuint (shown (rail, T + MINUTE), ==, 1);
  /* Back within three minutes: the same one. Later: another. */
  g_assert_true (raise_alert (rail, "confusion", "", "again", T + 2 * MINUTE) == alert);
  g_assert_cmpstr (alert->text, ==, "again");
  alert_rail_end (rail, "confusion", "", T + 2 * MINUTE);
  g_assert_true (raise_alert (rail, "confusion", "", "again", T + 6 * MINUTE) != alert);
  g_assert_cmpuint (rail->alerts->len, ==, 2);
  g_assert_cmpuint (alert_rail_count_open (rail, "confusion"), ==, 1);
  alert_rail_free (rail);
}

static void
test_acknowledged (void)
{
  AlertRail *rail = alert_rail_new ("s", "algebra", 3 * MINUTE, 100);
  Alert *alert = raise_alert (rail, "stream_held", "", "held", T);
  alert->acked_us = T + SECOND;
  g_assert_cmpuint (shown (rail, T + SECOND), ==, 0);
  /* It goes on, and the teacher knows. Once it was over, it is news again. */
  g_assert_null (raise_alert (rail, "stream_held", "", "held", T + 2 * SECOND));
  alert_rail_end (rail, "stream_held", "", T + 3 * SECOND);
  g_assert_true (raise_alert (rail, "stream_held", "", "held", T + 4 * SECOND) != alert);
  g_assert_cmpuint (shown (rail, T + 4 * SECOND), ==, 1);
  alert_rail_free (rail);
}

/* It ends while its acknowledgement is written: that stays. */
static void
test_changes (void)
{
  AlertRail *rail = alert_rail_new ("s", "algebra", 3 * MINUTE, 100);
  Alert *alert = raise_alert (rail, "confusion", "", "lost", T);
  g_autoptr (JsonNode) acked = air_json_new ("{acked_at: %t, acked_by: 'kim', updated_at: %t}", T + SECOND, T + SECOND);
  g_autoptr (JsonNode) snoozed = air_json_new ("{snoozed_until: %t, updated_at: %t}", T + MINUTE, T + 2 * SECOND);
  alert_rail_end (rail, "confusion", "", T + SECOND);
  alert_take_changes (alert, acked, T + 2 * SECOND);
  g_assert_cmpint (alert->ended_us, ==, T + SECOND);
  g_assert_null (alert_rail_find_open (rail, "confusion", ""));
  alert_take_changes (alert, snoozed, T + 2 * SECOND);
  g_assert_cmpint (alert->acked_us, ==, T + SECOND);
  g_assert_cmpstr (alert->acked_by, ==, "kim");
  g_assert_true (alert->put_off);
  alert_rail_free (rail);
}

static void
count_visit (AlertRail *rail, Alert *alert, void *data)
{
  ++*(unsigned *)data;
}

static void
test_snoozed (void)
{
  AlertRail *rail = alert_rail_new ("s", "algebra", 0, 100);
  unsigned visits = 0;
  Alert *alert = raise_alert (rail, "student_flagged", "ann", "falls", T);
  raise_alert (rail, "student_flagged", "ben", "falls", T);
  alert->snoozed_until_us = T + 10 * MINUTE;
  alert->put_off = true;
  g_assert_cmpuint (shown (rail, T + MINUTE), ==, 1);
  /* Ends and comes back: put off all the same. */
  alert_rail_end (rail, "student_flagged", "ann", T + MINUTE);
  alert = raise_alert (rail, "student_flagged", "ann", "falls", T + 2 * MINUTE);
  g_assert_cmpuint (shown (rail, T + 2 * MINUTE), ==, 1);
  alert_rail_look (rail, T + 9 * MINUTE, count_visit, &visits);
  g_assert_cmpuint (visits, ==, 0);
  alert_rail_look (rail, T + 10 * MINUTE, count_visit, &visits);
  alert_rail_look (rail, T + 11 * MINUTE, count_visit, &visits);
  g_assert_cmpuint (visits, ==, 1);
  g_assert_cmpuint (shown (rail, T + 10 * MINUTE), ==, 3);
  alert_rail_free (rail);
}

static void
test_restart_and_limit (void)
{
  AlertRail *rail = alert_rail_new ("s", "algebra", 3 * MINUTE, 3), *restored = alert_rail_new ("s", "algebra", 3 * MINUTE, 3);
  for (unsigned i = 0; i < 5; i++)
    {
      g_autofree char *id = g_strdup_printf ("student%u", i);
      raise_alert (rail, "student_flagged", id, "falls", T + i);
      if (i == 1)
        alert_rail_end (rail, "student_flagged", id, T + i);
    }
  g_assert_cmpuint (rail->alerts->len, ==, 3);
  Alert *kept = g_ptr_array_index (rail->alerts, 2);
  kept->acked_us = T + MINUTE;
  kept->acked_by = g_strdup ("kim");
  for (unsigned i = 0; i < rail->alerts->len; i++)
    {
      g_autoptr (JsonNode) document = alert_to_json (rail, g_ptr_array_index (rail->alerts, i));
      alert_rail_restore (restored, document);
      alert_rail_restore (restored, document);
    }
  g_autoptr (JsonNode) nonsense = air_json_new ("{alert_id: 5}");
  alert_rail_restore (restored, nonsense);
  g_assert_cmpuint (restored->alerts->len, ==, 3);
  g_assert_cmpstr (alert_rail_find (restored, kept->id)->acked_by, ==, "kim");
  g_assert_cmpuint (shown (restored, T + MINUTE), ==, 2);
  alert_rail_free (rail);
  alert_rail_free (restored);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dashboard/rail/life", test_life);
  g_test_add_func ("/dashboard/rail/acknowledged", test_acknowledged);
  g_test_add_func ("/dashboard/rail/changes", test_changes);
  g_test_add_func ("/dashboard/rail/snoozed", test_snoozed);
  g_test_add_func ("/dashboard/rail/restart-and-limit", test_restart_and_limit);
  return g_test_run ();
}
