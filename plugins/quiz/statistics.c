/* See statistics.h. */
#include "statistics.h"

#include <math.h>

#include "scoring.h"
#include "text.h"

#define MAX_WRITTEN 20
#define MAX_KEY_CHARS 80
#define REST "…"
#define MIN_STUDENTS 5

void
quiz_answer_free (QuizAnswer *answer)
{
  if (answer == NULL)
    return;
  g_free (answer->response_id);
  g_free (answer->student);
  g_free (answer->name);
  g_clear_pointer (&answer->answer, json_node_unref);
  g_free (answer);
}

QuizTally
quiz_tally (GHashTable *answers)
{
  QuizTally tally = { 0 };
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, answers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const QuizAnswer *answer = value;
      tally.answered++;
      tally.response_ms_sum += (double)answer->response_ms;
      if (isnan (answer->credit))
        continue;
      tally.right += quiz_is_right (answer->credit);
      tally.credit_sum += answer->credit;
    }
  return tally;
}

/* ---- Options ---- */

static void
count_option (JsonObject *counts, const char *id)
{
  json_object_set_int_member (counts, id, json_object_get_int_member_with_default (counts, id, 0) + 1);
}

static void
count_options (const Quiz *quiz, GHashTable *answers, JsonObject *counts)
{
  GHashTableIter iter;
  void *value;
  for (unsigned i = 0; i < quiz_count_options (quiz); i++)
    json_object_set_int_member (counts, quiz_option_id (quiz, i), 0);
  g_hash_table_iter_init (&iter, answers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      JsonNode *answer = ((const QuizAnswer *)value)->answer;
      if (!JSON_NODE_HOLDS_ARRAY (answer))
        {
          count_option (counts, json_node_get_string (answer));
          continue;
        }
      JsonArray *ticked = json_node_get_array (answer);
      for (unsigned i = 0; i < json_array_get_length (ticked); i++)
        count_option (counts, json_array_get_string_element (ticked, i));
    }
}

/* ---- What students wrote ---- */

typedef struct
{
  char *key;   /* what is equal in the count */
  char *shown; /* as the first one wrote it */
  unsigned count;
} Written;

static void
written_free (void *data)
{
  Written *written = data;
  g_free (written->key);
  g_free (written->shown);
  g_free (written);
}

static char *
show (JsonNode *answer)
{
  if (JSON_NODE_HOLDS_ARRAY (answer))
    {
      JsonArray *order = json_node_get_array (answer);
      g_autoptr (GString) text = g_string_new (NULL);
      for (unsigned i = 0; i < json_array_get_length (order); i++)
        g_string_append_printf (text, "%s%s", i > 0 ? "," : "", json_array_get_string_element (order, i));
      return g_strdup (text->str);
    }
  if (json_node_get_value_type (answer) == G_TYPE_STRING)
    {
      const char *text = json_node_get_string (answer);
      return g_utf8_strlen (text, -1) > MAX_KEY_CHARS ? g_utf8_substring (text, 0, MAX_KEY_CHARS) : g_strdup (text);
    }
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup (g_ascii_formatd (buffer, sizeof buffer, "%.15g", json_node_get_double (answer)));
}

static int
compare_written (const void *a, const void *b)
{
  const Written *first = *(Written *const *)a, *second = *(Written *const *)b;
  if (first->count != second->count)
    return first->count > second->count ? -1 : 1;
  return g_strcmp0 (first->key, second->key);
}

static void
count_written (GHashTable *answers, JsonObject *counts)
{
  g_autoptr (GHashTable) by_key = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (written_free);
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, answers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      JsonNode *answer = ((const QuizAnswer *)value)->answer;
      g_autofree char *shown = show (answer);
      /* The ids of an order may differ in nothing but their case. */
      g_autofree char *key = JSON_NODE_HOLDS_ARRAY (answer) ? g_strdup (shown) : quiz_text_fold (shown);
      Written *written = g_hash_table_lookup (by_key, key);
      if (written == NULL)
        {
          written = g_new0 (Written, 1);
          written->key = g_steal_pointer (&key);
          written->shown = g_steal_pointer (&shown);
          g_hash_table_insert (by_key, written->key, written);
          g_ptr_array_add (all, written);
        }
      written->count++;
    }
  g_ptr_array_sort (all, compare_written);
  unsigned rest = 0;
  for (unsigned i = 0; i < all->len; i++)
    {
      const Written *written = g_ptr_array_index (all, i);
      if (i < MAX_WRITTEN && !json_object_has_member (counts, written->shown))
        json_object_set_int_member (counts, written->shown, written->count);
      else
        rest += written->count;
    }
  if (rest > 0)
    json_object_set_int_member (counts, REST, json_object_get_int_member_with_default (counts, REST, 0) + rest);
}

static void
count_right (const Quiz *quiz, GHashTable *answers, JsonObject *counts)
{
  QuizTally tally = quiz_tally (answers);
  g_autoptr (JsonNode) order = NULL;
  JsonNode *right = json_array_get_element (quiz->correct, 0);
  if (quiz->type == QUIZ_ORDER)
    {
      order = json_node_new (JSON_NODE_ARRAY);
      json_node_set_array (order, quiz->correct);
      right = order;
    }
  g_autofree char *shown = show (right);
  json_object_set_int_member (counts, shown, tally.right);
  if (tally.answered > tally.right)
    json_object_set_int_member (counts, REST, tally.answered - tally.right);
}

JsonNode *
quiz_distribution (const Quiz *quiz, GHashTable *answers, bool is_for_teacher)
{
  bool is_written = quiz->type == QUIZ_TEXT || quiz->type == QUIZ_NUMBER || quiz->type == QUIZ_ORDER;
  JsonObject *counts = json_object_new ();
  if (!is_written)
    count_options (quiz, answers, counts);
  else if (is_for_teacher)
    count_written (answers, counts);
  else
    count_right (quiz, answers, counts);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, counts);
  return node;
}

double
quiz_discrimination (const double *item, const double *rest, unsigned count)
{
  if (count < MIN_STUDENTS)
    return NAN;
  double item_mean = 0, rest_mean = 0, both = 0, item_square = 0, rest_square = 0;
  for (unsigned i = 0; i < count; i++)
    {
      item_mean += item[i] / count;
      rest_mean += rest[i] / count;
    }
  for (unsigned i = 0; i < count; i++)
    {
      double x = item[i] - item_mean, y = rest[i] - rest_mean;
      both += x * y;
      item_square += x * x;
      rest_square += y * y;
    }
  /* What differs by rounding alone does not differ. */
  if (item_square < 1e-12 || rest_square < 1e-12)
    return NAN;
  return both / sqrt (item_square * rest_square);
}
