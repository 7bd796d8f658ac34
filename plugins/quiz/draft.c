/* What a teacher gave, completed and checked beyond what a schema can say. Pure but for the letters of an order's
 * options, which are dealt at random; any thread. */
#include <airclass/json.h>
#include <airclass/error.h>
#include <math.h>

#include "model.h"
#include "text.h"

#define DEFAULT_POINTS 100

static bool
fault (GError **error, const char *what)
{
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, what);
  return false;
}

static bool
has_options (QuizType type)
{
  return type != QUIZ_TEXT && type != QUIZ_NUMBER;
}

/* ---- Options ---- */

/* Letters for options that have no id. Those of an order are dealt at random: what a teacher types in the right order
 * must not be given away by A, B, C. */
static void
deal_letters (QuizType type, unsigned count, unsigned *ret_letters)
{
  for (unsigned i = 0; i < count; i++)
    ret_letters[i] = i;
  for (unsigned i = count; type == QUIZ_ORDER && i > 1; i--)
    {
      unsigned other = (unsigned)g_random_int_range (0, (int)i), letter = ret_letters[i - 1];
      ret_letters[i - 1] = ret_letters[other];
      ret_letters[other] = letter;
    }
}

static JsonNode *
complete_options (QuizType type, JsonArray *given, GError **error)
{
  if (type == QUIZ_TRUE_FALSE && given == NULL)
    return air_json_new ("[{id:'true',text:'True'},{id:'false',text:'False'}]");
  unsigned count = given != NULL ? json_array_get_length (given) : 0, letters[QUIZ_MAX_OPTIONS] = { 0 };
  if (count < 2 || count > QUIZ_MAX_OPTIONS || (type == QUIZ_TRUE_FALSE && count != 2))
    {
      fault (error, type == QUIZ_TRUE_FALSE ? "A question of this type has two options."
                                            : "A question of this type has 2 to 20 options.");
      return NULL;
    }
  deal_letters (type, count, letters);
  g_autoptr (JsonNode) options = air_json_new ("[]");
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (unsigned i = 0; i < count; i++)
    {
      JsonNode *option = json_array_get_element (given, i);
      const char *text = air_json_get_string (option, "text"), *id = air_json_get_string (option, "id");
      char letter[] = { (char)('A' + letters[i]), '\0' };
      if (id == NULL)
        id = letter;
      if (quiz_text_is_blank (text) || !g_hash_table_add (ids, g_strdup (id)))
        {
          fault (error, "Each option has a text, and an id of its own.");
          return NULL;
        }
      json_array_add_element (json_node_get_array (options), air_json_new ("{id:%s,text:%s}", id, text));
    }
  return g_steal_pointer (&options);
}

/* ---- The right answer ---- */

static bool
is_number (JsonNode *node)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;
  return (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE) && isfinite (json_node_get_double (node));
}

/* One accepted answer, as it is stored; NULL when it is none. */
static JsonNode *
complete_accepted (const Quiz *quiz, JsonNode *given)
{
  GType type = json_node_get_value_type (given);
  if (quiz->type == QUIZ_NUMBER)
    return is_number (given) ? json_node_init_double (json_node_alloc (), json_node_get_double (given)) : NULL;
  if (quiz->type == QUIZ_TRUE_FALSE && type == G_TYPE_BOOLEAN)
    return json_node_init_string (json_node_alloc (), json_node_get_boolean (given) ? "true" : "false");
  if (type != G_TYPE_STRING)
    return NULL;
  const char *text = json_node_get_string (given);
  bool is_good = quiz->type == QUIZ_TEXT ? !quiz_text_is_blank (text) : quiz_find_option (quiz, text) >= 0;
  return is_good ? json_node_copy (given) : NULL;
}

/* An order that names no ids means: as the options are given. */
static JsonNode *
order_of_options (const Quiz *quiz)
{
  JsonNode *order = air_json_new ("[]");
  for (unsigned i = 0; i < quiz_count_options (quiz); i++)
    json_array_add_string_element (json_node_get_array (order), quiz_option_id (quiz, i));
  return order;
}

static JsonNode *
complete_correct (const Quiz *quiz, JsonArray *given, GError **error)
{
  unsigned count = given != NULL ? json_array_get_length (given) : 0;
  if (quiz->type == QUIZ_ORDER && count == 0)
    return order_of_options (quiz);
  if (quiz->type == QUIZ_POLL)
    {
      if (count > 0)
        fault (error, "A poll has no right answer.");
      return count > 0 ? NULL : air_json_new ("[]");
    }
  g_autoptr (JsonNode) correct = air_json_new ("[]");
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (unsigned i = 0; i < count; i++)
    {
      JsonNode *accepted = complete_accepted (quiz, json_array_get_element (given, i));
      if (accepted == NULL || !g_hash_table_add (seen, air_json_to_string (accepted)))
        {
          g_clear_pointer (&accepted, json_node_unref);
          fault (error, has_options (quiz->type)  ? "`correct` must be a list of ids of the options, each once."
                        : quiz->type == QUIZ_TEXT ? "`correct` must be a list of texts, each once."
                                                  : "`correct` must be a list of numbers, each once.");
          return NULL;
        }
      json_array_add_element (json_node_get_array (correct), accepted);
    }
  bool is_whole = count > 0 && count <= QUIZ_MAX_ACCEPTED && (quiz->type != QUIZ_TRUE_FALSE || count == 1)
                  && (quiz->type != QUIZ_ORDER || count == quiz_count_options (quiz));
  if (!is_whole)
    fault (error, quiz->type == QUIZ_ORDER ? "`correct` must name all options, in their order."
                                           : "`correct` must have the right answer.");
  return is_whole ? g_steal_pointer (&correct) : NULL;
}

/* ---- The whole ---- */

static bool
check_members (QuizType type, JsonNode *input, GError **error)
{
  bool is_speed = g_strcmp0 (air_json_get_string (input, "mode"), "speed") == 0;
  if (quiz_text_is_blank (air_json_get_string (input, "question")))
    return fault (error, "The question has no text.");
  if (is_speed && (type == QUIZ_POLL || air_json_get_int (input, "time_limit_s", 0) == 0))
    return fault (error, "Mode `speed` needs a `time_limit_s`, and a question that has a right answer.");
  if (air_json_get (input, "tolerance") != NULL && type != QUIZ_NUMBER)
    return fault (error, "Only a number has a `tolerance`.");
  if (air_json_get (input, "credit") != NULL && type != QUIZ_ORDER)
    return fault (error, "Only an order has a `credit`.");
  if (!has_options (type) && air_json_get_array (input, "options") != NULL)
    return fault (error, "A question of this type has no options.");
  return true;
}

static void
copy_members (JsonNode *input, JsonObject *object)
{
  static const char *const names[]
      = { "question", "type", "time_limit_s", "extra_time", "tolerance", "credit", "position" };
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    {
      JsonNode *value = air_json_get (input, names[i]);
      if (value != NULL && !JSON_NODE_HOLDS_NULL (value))
        json_object_set_member (object, names[i], json_node_copy (value));
    }
}

JsonNode *
quiz_complete (JsonNode *input, GError **error)
{
  QuizType type;
  if (!quiz_type_from_string (air_json_get_string (input, "type"), &type))
    {
      fault (error, "There is no such type of question.");
      return NULL;
    }
  if (!check_members (type, input, error))
    return NULL;
  int points = type == QUIZ_POLL ? 0 : (int)air_json_get_int (input, "points", DEFAULT_POINTS);
  const char *mode = air_json_get_string (input, "mode");
  g_autoptr (JsonNode) draft
      = air_json_new ("{points:%i,mode:%s,anonymous:%b}", points, mode != NULL ? mode : "accuracy",
                      air_json_get_bool (input, "anonymous", false));
  JsonObject *object = json_node_get_object (draft);
  copy_members (input, object);

  Quiz quiz = { .type = type };
  JsonNode *options = has_options (type) ? complete_options (type, air_json_get_array (input, "options"), error)
                                         : air_json_new ("[]");
  if (options == NULL)
    return NULL;
  json_object_set_member (object, "options", options);
  quiz.options = json_node_get_array (options);
  JsonNode *correct = complete_correct (&quiz, air_json_get_array (input, "correct"), error);
  if (correct == NULL)
    return NULL;
  json_object_set_member (object, "correct", correct);
  return g_steal_pointer (&draft);
}
