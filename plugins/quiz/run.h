/* A question that was published, with its answers. Main thread. */
#pragma once

#include "statistics.h"

G_BEGIN_DECLS

typedef struct
{
  Quiz *quiz;                      /* owned; replaced when its state changes */
  GHashTable *answers;             /* student → QuizAnswer, owned: what the store has acknowledged */
  GHashTable *arrived;             /* student → QuizAnswer, borrowed: the last that is on its way to the store */
  GHashTable *asked;               /* (set of) user ids: who has been present while it was open */
  int64_t published_us, closes_us; /* monotonic; closes_us 0: no limit */
  unsigned pending;                /* answers on their way to the store */
  bool is_closing;                 /* takes no answers any more, though the store does not know yet */
  void *closing;                   /* borrowed: the action that waits for those on their way */
  bool is_counted;                 /* while it is open: answered_absent is known */
  unsigned answered_absent;        /* who had answered and was not there, when all were looked at last */
  unsigned present;                /* since it was closed: those present then, and those who had answered */
  JsonNode *not_answered;          /* since it was closed: [{user_id, name}] */
} QuizRun;

/* @quiz: (transfer full), published. Its times by the wall clock become those of the monotonic clock now. */
QuizRun *quiz_run_new (Quiz *quiz);
void quiz_run_free (QuizRun *run);
void quiz_run_set (QuizRun *run, JsonNode *changes); /* (transfer full) of the question's document */
/* After a change of the time limit, or of the times. */
void quiz_run_read_times (QuizRun *run);
bool quiz_run_is_open (const QuizRun *run);

/* Under which name @user_id answers: the user id, or of an anonymous question one that leads to nobody. (transfer full)
 * NULL: it cannot be told any more. */
char *quiz_run_student (const QuizRun *run, const char *user_id);
/* (transfer none) NULL: none yet. */
const QuizAnswer *quiz_run_get_answer (const QuizRun *run, const char *user_id);

/* Until when @user_id may answer, monotonic; 0: until it is closed. NULL: one without extra time. */
int64_t quiz_run_deadline_us (const QuizRun *run, const char *user_id);
/* The user's whole time in ms; 0: no limit. */
int64_t quiz_run_limit_ms (const QuizRun *run, const char *user_id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (QuizRun, quiz_run_free)

G_END_DECLS
