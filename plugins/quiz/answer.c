/* Answers as students send them, brought into the form in which they are stored and compared: one text for a choice, the ticked
 * options in the order of the question, a number as a double. Pure; any thread. */
#include <airclass/error.h>
#include <math.h>

#include "model.h"
#include "text.h"

static JsonNode *
refuse (GError **error, const char *what)
{
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, what);
  return NULL;
}

static const char *
text_of (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static JsonNode *
new_text (const char *text)
{
  return json_node_init_string (json_node_alloc (), text);
}

static JsonNode *
take_choice (const Quiz *quiz, JsonNode *answer, GError **error)
{
  const char *id = text_of (answer);
  if (quiz->type == QUIZ_TRUE_FALSE && JSON_NODE_HOLDS_VALUE (answer) && json_node_get_value_type (answer) == G_TYPE_BOOLEAN)
    id = json_node_get_boolean (answer) ? "true" : "false";
  if (id == NULL || quiz_find_option (quiz, id) < 0)
    return refuse (error, "The answer must be the id of one of the options.");
  return new_text (id);
}

/* The options that @answer names, each at most once; false where it names another, or one twice. */
static bool
read_options (const Quiz *quiz, JsonNode *answer, unsigned *ret_places, unsigned *ret_count)
{
  if (!JSON_NODE_HOLDS_ARRAY (answer))
    return false;
  JsonArray *ids = json_node_get_array (answer);
  bool seen[QUIZ_MAX_OPTIONS] = { false };
  *ret_count = json_array_get_length (ids);
  if (*ret_count == 0 || *ret_count > quiz_count_options (quiz))
    return false;
  for (unsigned i = 0; i < *ret_count; i++)
    {
      const char *id = text_of (json_array_get_element (ids, i));
      int place = id != NULL ? quiz_find_option (quiz, id) : -1;
      if (place < 0 || seen[place])
        return false;
      seen[place] = true;
      ret_places[i] = (unsigned)place;
    }
  return true;
}

static int
compare_places (const void *a, const void *b)
{
  return (int)*(const unsigned *)a - (int)*(const unsigned *)b;
}

static JsonNode *
take_options (const Quiz *quiz, JsonNode *answer, GError **error)
{
  unsigned places[QUIZ_MAX_OPTIONS] = { 0 }, count = 0;
  bool is_order = quiz->type == QUIZ_ORDER;
  if (!read_options (quiz, answer, places, &count))
    return refuse (error, "The answer must be a list of ids of the options, each at most once.");
  if (is_order && count != quiz_count_options (quiz))
    return refuse (error, "The answer must name all options, in their order.");
  if (!is_order)
    qsort (places, count, sizeof places[0], compare_places);
  JsonArray *array = json_array_sized_new (count);
  for (unsigned i = 0; i < count; i++)
    json_array_add_string_element (array, quiz_option_id (quiz, places[i]));
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static JsonNode *
take_text (JsonNode *answer, GError **error)
{
  const char *text = text_of (answer);
  if (text == NULL || quiz_text_is_blank (text))
    return refuse (error, "The answer must be a text.");
  if (g_utf8_strlen (text, -1) > QUIZ_MAX_ANSWER_CHARS)
    return refuse (error, "The answer is too long: a text may have 500 characters.");
  g_autofree char *trimmed = g_strstrip (g_strdup (text));
  return new_text (trimmed);
}

static JsonNode *
take_number (JsonNode *answer, GError **error)
{
  GType type = JSON_NODE_HOLDS_VALUE (answer) ? json_node_get_value_type (answer) : G_TYPE_INVALID;
  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
    return refuse (error, "The answer must be a number.");
  double number = json_node_get_double (answer);
  if (!isfinite (number))
    return refuse (error, "The answer must be a number that is not too large.");
  return json_node_init_double (json_node_alloc (), number);
}

JsonNode *
quiz_take_answer (const Quiz *quiz, JsonNode *answer, GError **error)
{
  if (answer == NULL)
    return refuse (error, "There is no answer.");
  switch (quiz->type)
    {
    case QUIZ_SINGLE:
    case QUIZ_TRUE_FALSE:
    case QUIZ_POLL:
      return take_choice (quiz, answer, error);
    case QUIZ_MULTIPLE:
    case QUIZ_ORDER:
      return take_options (quiz, answer, error);
    case QUIZ_TEXT:
      return take_text (answer, error);
    case QUIZ_NUMBER:
      return take_number (answer, error);
    }
  g_assert_not_reached ();
}
