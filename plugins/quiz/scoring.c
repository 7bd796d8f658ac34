/* See scoring.h. */
#include "scoring.h"

#include <math.h>

#include "text.h"

#define FULL_POINTS_MS 500
/* 0.4 - 0.3 is a little more than 0.1: decimal fractions are not held exactly. */
#define ROUNDING 1e-9

static const char *
element_text (JsonArray *array, unsigned index)
{
  return json_array_get_string_element (array, index);
}

static bool
contains (JsonArray *array, const char *text)
{
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    if (g_str_equal (element_text (array, i), text))
      return true;
  return false;
}

static double
credit_of_multiple (const Quiz *quiz, JsonArray *ticked)
{
  unsigned count = quiz_count_options (quiz), wrong = 0;
  for (unsigned i = 0; i < count; i++)
    {
      const char *id = quiz_option_id (quiz, i);
      wrong += contains (ticked, id) != contains (quiz->correct, id);
    }
  return 2 * wrong < count ? (double)(count - 2 * wrong) / count : 0.0; /* one division: halves of a point stay halves */
}

static bool
is_accepted_text (const Quiz *quiz, const char *text)
{
  g_autofree char *folded = quiz_text_fold (text);
  for (unsigned i = 0; i < json_array_get_length (quiz->correct); i++)
    {
      g_autofree char *accepted = quiz_text_fold (element_text (quiz->correct, i));
      if (g_str_equal (folded, accepted))
        return true;
    }
  return false;
}

static bool
is_accepted_number (const Quiz *quiz, double number)
{
  for (unsigned i = 0; i < json_array_get_length (quiz->correct); i++)
    {
      double accepted = json_array_get_double_element (quiz->correct, i);
      double scale = MAX (MAX (fabs (accepted), fabs (number)), quiz->tolerance);
      if (fabs (number - accepted) <= quiz->tolerance + ROUNDING * scale)
        return true;
    }
  return false;
}

static unsigned
place_of (JsonArray *order, const char *id)
{
  unsigned place = 0;
  while (place < json_array_get_length (order) && !g_str_equal (element_text (order, place), id))
    place++;
  return place;
}

static double
credit_of_order (const Quiz *quiz, JsonArray *order)
{
  unsigned count = json_array_get_length (quiz->correct), right = 0, pairs = count * (count - 1) / 2;
  for (unsigned i = 0; i < count; i++)
    for (unsigned j = i + 1; j < count; j++)
      right += place_of (order, element_text (quiz->correct, i)) < place_of (order, element_text (quiz->correct, j));
  if (quiz->is_exact)
    return right == pairs;
  return (double)right / pairs;
}

double
quiz_credit (const Quiz *quiz, JsonNode *answer)
{
  switch (quiz->type)
    {
    case QUIZ_SINGLE:
    case QUIZ_TRUE_FALSE:
      return contains (quiz->correct, json_node_get_string (answer));
    case QUIZ_MULTIPLE:
      return credit_of_multiple (quiz, json_node_get_array (answer));
    case QUIZ_TEXT:
      return is_accepted_text (quiz, json_node_get_string (answer));
    case QUIZ_NUMBER:
      return is_accepted_number (quiz, json_node_get_double (answer));
    case QUIZ_ORDER:
      return credit_of_order (quiz, json_node_get_array (answer));
    case QUIZ_POLL:
      break;
    }
  return NAN;
}

bool
quiz_is_right (double credit)
{
  return credit >= 1.0;
}

int
quiz_points (const Quiz *quiz, double credit, int64_t response_ms, int64_t time_limit_ms)
{
  if (isnan (credit))
    return 0;
  double share = 1.0;
  if (quiz->is_speed && time_limit_ms > 0 && response_ms > FULL_POINTS_MS)
    share = MAX (1.0 - (double)response_ms / (2.0 * (double)time_limit_ms), 0.5);
  return (int)lround (quiz->points * credit * share);
}
