/* What a teacher may give, and what becomes of it. */
#include <airclass/error.h>

#include "questions.h"

#define OPTIONS "\"options\":[{\"text\":\"x\"},{\"text\":\"y\"}]"

static void
test_faults (void)
{
  static const char *const faults[] = {
    "{\"type\":\"riddle\",\"question\":\"?\"}",
    "{\"type\":\"poll\",\"question\":\" \"," OPTIONS "}",
    "{\"type\":\"single\",\"question\":\"?\"}",
    "{\"type\":\"single\",\"question\":\"?\",\"options\":[{\"text\":\"x\"}],\"correct\":[\"A\"]}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS "}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[]}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"C\"]}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[1]}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"A\",\"A\"]}",
    "{\"type\":\"single\",\"question\":\"?\",\"options\":[{\"text\":\"x\"},{\"text\":\" \"}],\"correct\":[\"A\"]}",
    "{\"type\":\"single\",\"question\":\"?\",\"options\":[{\"id\":\"A\",\"text\":\"x\"},{\"id\":\"A\",\"text\":\"y\"}],\"correct\":[\"A\"]}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"A\"],\"mode\":\"speed\"}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"A\"],\"tolerance\":1}",
    "{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"A\"],\"credit\":\"exact\"}",
    "{\"type\":\"true_false\",\"question\":\"?\",\"correct\":[true,false]}",
    "{\"type\":\"text\",\"question\":\"?\",\"correct\":[\" \"]}",
    "{\"type\":\"text\",\"question\":\"?\",\"correct\":[\"a\"]," OPTIONS "}",
    "{\"type\":\"number\",\"question\":\"?\",\"correct\":[\"1\"]}",
    "{\"type\":\"order\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"A\"]}",
    "{\"type\":\"poll\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"A\"]}",
    "{\"type\":\"poll\",\"question\":\"?\"," OPTIONS ",\"mode\":\"speed\",\"time_limit_s\":5}",
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) input = air_json_parse (faults[i], -1, NULL);
      g_test_message ("%s", faults[i]);
      g_assert_null (quiz_complete (input, &error));
      g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
    }
}

static void
test_defaults (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"B\"]}");
  g_assert_cmpint (quiz->points, ==, 100);
  g_assert_false (quiz->is_speed);
  g_assert_false (quiz->is_anonymous);
  g_assert_cmpint (quiz->time_limit_ms, ==, 0);
  g_assert_cmpstr (quiz_option_id (quiz, 1), ==, "B");
}

/* Of 20 runs with 20 options at least one is dealt in another order than it was typed. */
static void
test_letters_of_an_order (void)
{
  g_autoptr (GString) text = g_string_new ("{\"type\":\"order\",\"question\":\"?\",\"options\":[");
  for (unsigned i = 0; i < QUIZ_MAX_OPTIONS; i++)
    g_string_append_printf (text, "%s{\"text\":\"%u\"}", i > 0 ? "," : "", i);
  g_string_append (text, "]}");
  bool is_dealt = false;
  for (unsigned run = 0; run < 20; run++)
    {
      g_autoptr (Quiz) quiz = make_question (text->str);
      for (unsigned i = 0; i < QUIZ_MAX_OPTIONS; i++)
        {
          g_assert_cmpstr (json_array_get_string_element (quiz->correct, i), ==, quiz_option_id (quiz, i));
          is_dealt = is_dealt || quiz_option_id (quiz, i)[0] != (char)('A' + i);
        }
    }
  g_assert_true (is_dealt);
}

static void
test_changes (void)
{
  g_autoptr (Quiz) draft = make_question ("{\"type\":\"single\",\"question\":\"?\"," OPTIONS ",\"correct\":[\"B\"],\"time_limit_s\":10}");
  g_autoptr (Quiz) quiz = quiz_with (draft, air_json_new ("{state:'closed',session_id:'s',time_limit_s:null}"));
  g_assert_cmpint (quiz->state, ==, QUIZ_CLOSED);
  g_assert_cmpstr (quiz->session_id, ==, "s");
  g_assert_cmpint (quiz->time_limit_ms, ==, 0);
  g_assert_cmpint (draft->time_limit_ms, ==, 10000);
}

static void
test_extra_time (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"single\",\"question\":\"?\"," OPTIONS
                                         ",\"correct\":[\"B\"],\"time_limit_s\":10,\"extra_time\":[{\"student_id\":\"min\",\"percent\":50}]}");
  g_assert_cmpint (quiz_extra_ms (quiz, "min"), ==, 5000);
  g_assert_cmpint (quiz_extra_ms (quiz, "ann"), ==, 0);
}

static void
test_damaged (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (quiz_new (air_json_new ("{quiz_id:'q',class_id:'c',question:'?',type:'single',state:'open'}"), &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quiz/model/faults", test_faults);
  g_test_add_func ("/quiz/model/defaults", test_defaults);
  g_test_add_func ("/quiz/model/letters-of-an-order", test_letters_of_an_order);
  g_test_add_func ("/quiz/model/changes", test_changes);
  g_test_add_func ("/quiz/model/extra-time", test_extra_time);
  g_test_add_func ("/quiz/model/damaged", test_damaged);
  return g_test_run ();
}
