/* See model.h: a document as a Quiz. How a draft is made of what a teacher gave stands in draft.c, answers in answer.c. */
#include "model.h"

#include <airclass/error.h>

static const char *const type_names[] = { "single", "multiple", "true_false", "text", "number", "order", "poll" };
static const char *const state_names[] = { "draft", "open", "closed", "revealed" };

static int
find_name (const char *const *names, size_t count, const char *text)
{
  for (size_t i = 0; text != NULL && i < count; i++)
    if (g_str_equal (names[i], text))
      return (int)i;
  return -1;
}

bool
quiz_type_from_string (const char *text, QuizType *ret_type)
{
  int found = find_name (type_names, G_N_ELEMENTS (type_names), text);
  if (found >= 0)
    *ret_type = (QuizType)found;
  return found >= 0;
}

const char *
quiz_type_to_string (QuizType type)
{
  return type_names[type];
}

const char *
quiz_state_to_string (QuizState state)
{
  return state_names[state];
}

Quiz *
quiz_new (JsonNode *document, GError **error)
{
  g_autoptr (Quiz) quiz = g_new0 (Quiz, 1);
  quiz->document = document;
  int state = find_name (state_names, G_N_ELEMENTS (state_names), air_json_get_string (document, "state"));
  quiz->quiz_id = air_json_get_string (document, "quiz_id");
  quiz->class_id = air_json_get_string (document, "class_id");
  quiz->question = air_json_get_string (document, "question");
  quiz->options = air_json_get_array (document, "options");
  quiz->correct = air_json_get_array (document, "correct");
  if (!quiz_type_from_string (air_json_get_string (document, "type"), &quiz->type) || state < 0 || quiz->quiz_id == NULL
      || quiz->class_id == NULL || quiz->question == NULL || (quiz->correct == NULL && quiz->type != QUIZ_POLL))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "the question '%s' in the store is damaged",
                   quiz->quiz_id != NULL ? quiz->quiz_id : "?");
      return NULL;
    }
  quiz->state = (QuizState)state;
  quiz->session_id = air_json_get_string (document, "session_id");
  quiz->anonymous_key = air_json_get_string (document, "anonymous_key");
  quiz->tolerance = air_json_get_double (document, "tolerance", 0);
  quiz->is_exact = g_strcmp0 (air_json_get_string (document, "credit"), "exact") == 0;
  quiz->is_speed = g_strcmp0 (air_json_get_string (document, "mode"), "speed") == 0;
  quiz->is_anonymous = air_json_get_bool (document, "anonymous", false);
  quiz->points = (int)air_json_get_int (document, "points", 0);
  quiz->time_limit_ms = air_json_get_int (document, "time_limit_s", 0) * 1000;
  quiz->published_us = air_time_from_string (air_json_get_string (document, "published_at"));
  quiz->closes_us = air_time_from_string (air_json_get_string (document, "closes_at"));
  return g_steal_pointer (&quiz);
}

static void
apply_member (JsonObject *object, const char *name, JsonNode *value, void *data)
{
  JsonObject *target = data;
  if (JSON_NODE_HOLDS_NULL (value))
    json_object_remove_member (target, name);
  else
    json_object_set_member (target, name, json_node_copy (value));
}

Quiz *
quiz_with (const Quiz *quiz, JsonNode *changes)
{
  JsonObject *object = json_object_new ();
  JsonNode *document = json_node_new (JSON_NODE_OBJECT);
  json_object_foreach_member (json_node_get_object (quiz->document), apply_member, object);
  json_object_foreach_member (json_node_get_object (changes), apply_member, object);
  json_node_take_object (document, object);
  json_node_unref (changes);
  g_autoptr (GError) error = NULL;
  Quiz *changed = quiz_new (document, &error);
  g_assert_no_error (error);
  return changed;
}

void
quiz_free (Quiz *quiz)
{
  if (quiz == NULL)
    return;
  g_clear_pointer (&quiz->document, json_node_unref);
  g_free (quiz);
}

unsigned
quiz_count_options (const Quiz *quiz)
{
  return quiz->options != NULL ? json_array_get_length (quiz->options) : 0;
}

const char *
quiz_option_id (const Quiz *quiz, unsigned index)
{
  return air_json_get_string (json_array_get_element (quiz->options, index), "id");
}

int
quiz_find_option (const Quiz *quiz, const char *id)
{
  for (unsigned i = 0; i < quiz_count_options (quiz); i++)
    if (g_strcmp0 (quiz_option_id (quiz, i), id) == 0)
      return (int)i;
  return -1;
}

int64_t
quiz_extra_ms (const Quiz *quiz, const char *user_id)
{
  JsonArray *extra = air_json_get_array (quiz->document, "extra_time");
  for (unsigned i = 0; extra != NULL && i < json_array_get_length (extra); i++)
    {
      JsonNode *entry = json_array_get_element (extra, i);
      if (g_strcmp0 (air_json_get_string (entry, "student_id"), user_id) == 0)
        return quiz->time_limit_ms * air_json_get_int (entry, "percent", 0) / 100;
    }
  return 0;
}
