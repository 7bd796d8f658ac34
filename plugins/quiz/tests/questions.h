/* Questions for the unit tests. */
#pragma once

#include "../model.h"

/* As a teacher gives it → as it runs. */
static inline Quiz *
make_question (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) input = air_json_parse (text, -1, &error);
  g_assert_no_error (error);
  JsonNode *document = quiz_complete (input, &error);
  g_assert_no_error (error);
  JsonObject *object = json_node_get_object (document);
  json_object_set_string_member (object, "quiz_id", "q1");
  json_object_set_string_member (object, "class_id", "algebra");
  json_object_set_string_member (object, "state", "open");
  Quiz *quiz = quiz_new (document, &error);
  g_assert_no_error (error);
  return quiz;
}

static inline JsonNode *
take (const Quiz *quiz, const char *text)
{
  g_autofree char *wrapped = g_strdup_printf ("{\"answer\":%s}", text);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = air_json_parse (wrapped, -1, &error);
  g_assert_no_error (error);
  return quiz_take_answer (quiz, air_json_get (node, "answer"), NULL);
}
