/* What a class answered: counts, distribution, and what a question is worth as a question. Pure; any thread. */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* One student's answer. */
typedef struct
{
  char *response_id;
  char *student; /* the user id; of an anonymous question a name that leads to nobody */
  char *name;    /* NULL: not known, or anonymous */
  JsonNode *answer;
  int64_t at_us; /* wall clock */
  int64_t response_ms;
  double credit; /* NAN: a poll */
  int points;
  unsigned changes;
} QuizAnswer;

void quiz_answer_free (QuizAnswer *answer);

typedef struct
{
  unsigned answered, right;
  double credit_sum, response_ms_sum;
} QuizTally;

/* @answers: student → QuizAnswer, in all functions. */
QuizTally quiz_tally (GHashTable *answers);

/* How many chose what: an object of counts. Each option has its member, also with 0. What students wrote themselves (texts, numbers,
 * orders) is for the teacher, the 20 most frequent, the rest as "…"; others see the number of right answers under the first accepted
 * one, and the rest as "…". (transfer full) */
JsonNode *quiz_distribution (const Quiz *quiz, GHashTable *answers, bool is_for_teacher);

/* Pearson's correlation of the credit in this question with the mean credit in the others, for @count students; NAN with fewer than
 * 5 students, or where all are alike. */
double quiz_discrimination (const double *item, const double *rest, unsigned count);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (QuizAnswer, quiz_answer_free)

G_END_DECLS
