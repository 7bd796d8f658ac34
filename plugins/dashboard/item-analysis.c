/* See item-analysis.h. */
#include "item-analysis.h"

#include <airclass/json.h>
#include <math.h>

#define MINIMUM_STUDENTS 5u
/* Credit that is full but for the arithmetic. */
#define FULL (1 - 1e-9)

typedef struct
{
  double sum;
  unsigned count;
} Student;

typedef struct
{
  Student *student; /* borrowed */
  double credit;
} Answer;

typedef struct
{
  GArray *answers; /* (element-type Answer) those with credit */
  unsigned answered;
  double response_ms;
} Quiz;

struct _ItemAnalysis
{
  GHashTable *students; /* "session\nstudent" → Student */
  GHashTable *quizzes;  /* id → Quiz */
};

static void
free_quiz (void *data)
{
  g_array_unref (((Quiz *)data)->answers);
  g_free (data);
}

ItemAnalysis *
item_analysis_new (void)
{
  ItemAnalysis *analysis = g_new0 (ItemAnalysis, 1);
  analysis->students = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  analysis->quizzes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_quiz);
  return analysis;
}

void
item_analysis_free (ItemAnalysis *analysis)
{
  if (analysis == NULL)
    return;
  g_hash_table_unref (analysis->quizzes);
  g_hash_table_unref (analysis->students);
  g_free (analysis);
}

static Student *
student_of (ItemAnalysis *analysis, const char *session_id, const char *student_id)
{
  char *key = g_strconcat (session_id, "\n", student_id, NULL);
  Student *student = g_hash_table_lookup (analysis->students, key);
  if (student != NULL)
    {
      g_free (key);
      return student;
    }
  student = g_new0 (Student, 1);
  g_hash_table_insert (analysis->students, key, student);
  return student;
}

void
item_analysis_add (ItemAnalysis *analysis, const char *session_id, const char *quiz_id, const char *student_id, double credit,
                   double response_ms)
{
  Quiz *quiz = g_hash_table_lookup (analysis->quizzes, quiz_id);
  if (quiz == NULL)
    {
      quiz = g_new0 (Quiz, 1);
      quiz->answers = g_array_new (FALSE, FALSE, sizeof (Answer));
      g_hash_table_insert (analysis->quizzes, g_strdup (quiz_id), quiz);
    }
  quiz->answered++;
  quiz->response_ms += response_ms;
  if (isnan (credit))
    return;
  Answer answer = { .student = student_of (analysis, session_id, student_id), .credit = credit };
  answer.student->sum += credit;
  answer.student->count++;
  g_array_append_val (quiz->answers, answer);
}

static double
discrimination (const Quiz *quiz)
{
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  for (unsigned i = 0; i < quiz->answers->len; i++)
    {
      const Answer *answer = &g_array_index (quiz->answers, Answer, i);
      if (answer->student->count < 2)
        continue;
      double rest = (answer->student->sum - answer->credit) / (answer->student->count - 1);
      n++;
      x += answer->credit;
      y += rest;
      xx += answer->credit * answer->credit;
      yy += rest * rest;
      xy += answer->credit * rest;
    }
  double spread = (n * xx - x * x) * (n * yy - y * y);
  return n >= MINIMUM_STUDENTS && spread > 1e-9 ? (n * xy - x * y) / sqrt (spread) : NAN;
}

JsonNode *
item_analysis_describe (ItemAnalysis *analysis, const char *quiz_id)
{
  const Quiz *quiz = g_hash_table_lookup (analysis->quizzes, quiz_id);
  double credit = 0, full = 0;
  unsigned graded = quiz != NULL ? quiz->answers->len : 0;
  for (unsigned i = 0; i < graded; i++)
    {
      const Answer *answer = &g_array_index (quiz->answers, Answer, i);
      credit += answer->credit;
      full += answer->credit >= FULL;
    }
  double mean = graded > 0 ? credit / graded : NAN;
  return air_json_new ("{answered: %i, correct_share: %f, mean_credit: %f, difficulty: %f, discrimination: %f, mean_response_ms: %f}",
                       quiz != NULL ? (int)quiz->answered : 0, graded > 0 ? full / graded : NAN, mean, 1 - mean,
                       quiz != NULL ? discrimination (quiz) : NAN,
                       quiz != NULL && quiz->answered > 0 ? quiz->response_ms / quiz->answered : NAN);
}
