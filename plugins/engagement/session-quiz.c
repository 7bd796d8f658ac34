/* What was asked and answered: see session.h. A question counts for a student when it is answered, or when it is closed without
 * an answer; so a running question counts against nobody. Whether an answer was right counts from the reveal on, or a student's own
 * figures would tell it before. Polls are a signal of participation, the others make response and
 * accuracy. An anonymous question counts for nobody: a figure beside a name would tell what it hides. */
#include "session.h"

#include <string.h>

/* So many questions in one session; more are not counted. */
#define MAX_QUIZZES 500u
/* Of those asked elsewhere, which are never closed and so keep who answered. */
#define MAX_EXTERNAL 50u
/* How many questions the momentary figures of the trend look back. */
#define RECENT_MASK 7u

static unsigned
count_external (EngagementSession *session)
{
  unsigned count = 0;
  GHashTableIter iter;
  void *quiz = NULL;
  g_hash_table_iter_init (&iter, session->quizzes);
  while (g_hash_table_iter_next (&iter, NULL, &quiz))
    count += ((EngagementQuiz *)quiz)->external;
  return count;
}

EngagementQuiz *
engagement_session_quiz (EngagementSession *session, const char *quiz_id, bool create)
{
  EngagementQuiz *quiz = g_hash_table_lookup (session->quizzes, quiz_id);
  if (quiz != NULL || !create || g_hash_table_size (session->quizzes) >= MAX_QUIZZES)
    return quiz;
  quiz = g_new0 (EngagementQuiz, 1);
  quiz->id = g_strdup (quiz_id);
  quiz->answered = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert (session->quizzes, quiz->id, quiz);
  return quiz;
}

void
engagement_session_quiz_published (EngagementSession *session, const char *quiz_id, bool poll, bool anonymous)
{
  EngagementQuiz *quiz = engagement_session_quiz (session, quiz_id, session->analysis);
  if (quiz == NULL)
    return;
  quiz->poll = poll;
  quiz->anonymous = anonymous;
}

static void
count (EngagementQuiz *quiz, EngagementStudent *student, bool answered, int64_t now_us)
{
  student->unsaved = true;
  student->updated_us = now_us;
  if (quiz->poll)
    {
      student->polls_asked++;
      student->counts[ENGAGEMENT_POLL] += answered;
      return;
    }
  student->asked++;
  student->answered += answered;
  student->recent_asked = (student->recent_asked << 1 | 1u) & RECENT_MASK;
  student->recent_answered = (student->recent_answered << 1 | answered) & RECENT_MASK;
}

static void
grade (EngagementSession *session, EngagementStudent *student, bool right, int64_t now_us)
{
  student->graded++;
  student->right += right;
  student->recent_graded = (student->recent_graded << 1 | 1u) & RECENT_MASK;
  student->recent_right = (student->recent_right << 1 | right) & RECENT_MASK;
  student->wrong_at_us = right ? ENGAGEMENT_NEVER : now_us;
  student->unsaved = true;
  session->graded++;
  session->right += right;
}

void
engagement_session_quiz_answered (EngagementSession *session, const char *quiz_id, const char *id, int64_t now_us)
{
  EngagementQuiz *quiz = session->analysis ? engagement_session_quiz (session, quiz_id, false) : NULL;
  EngagementStudent *student = g_hash_table_lookup (session->students, id);
  if (quiz == NULL || quiz->anonymous || quiz->answered == NULL || student == NULL)
    return;
  if (g_hash_table_add (quiz->answered, g_strdup (id)))
    count (quiz, student, true, now_us);
}

static void
grade_all (EngagementSession *session, const char *const *ids, bool right, int64_t now_us)
{
  for (; *ids != NULL; ids++)
    {
      EngagementStudent *student = g_hash_table_lookup (session->students, *ids);
      if (student != NULL)
        grade (session, student, right, now_us);
    }
}

void
engagement_session_quiz_closed (EngagementSession *session, const char *quiz_id, const char *const *asked,
                                const char *const *answered, int64_t now_us)
{
  EngagementQuiz *quiz = engagement_session_quiz (session, quiz_id, false);
  if (quiz == NULL || quiz->answered == NULL)
    return;
  if (session->analysis && !quiz->anonymous)
    {
      for (; *answered != NULL; answered++)
        engagement_session_quiz_answered (session, quiz_id, *answered, now_us);
      for (; *asked != NULL; asked++)
        {
          EngagementStudent *student = g_hash_table_lookup (session->students, *asked);
          if (student != NULL && g_hash_table_add (quiz->answered, g_strdup (*asked)))
            count (quiz, student, false, now_us);
        }
    }
  g_clear_pointer (&quiz->answered, g_hash_table_unref);
}

void
engagement_session_quiz_revealed (EngagementSession *session, const char *quiz_id, const char *const *right,
                                  const char *const *wrong, int64_t now_us)
{
  EngagementQuiz *quiz = engagement_session_quiz (session, quiz_id, false);
  if (quiz == NULL || quiz->revealed)
    return;
  quiz->revealed = true;
  if (!session->analysis || quiz->anonymous)
    return;
  grade_all (session, right, true, now_us);
  grade_all (session, wrong, false, now_us);
}

bool
engagement_session_track_answer (EngagementSession *session, const char *quiz_id, const char *id, int correct, int64_t now_us)
{
  EngagementStudent *student = session->analysis ? g_hash_table_lookup (session->students, id) : NULL;
  if (student == NULL)
    return false;
  EngagementQuiz *quiz = engagement_session_quiz (session, quiz_id, false);
  if (quiz == NULL)
    {
      if (count_external (session) >= MAX_EXTERNAL)
        return false;
      quiz = engagement_session_quiz (session, quiz_id, true);
      if (quiz == NULL)
        return false;
      quiz->external = true;
    }
  /* The answers to a question of this server are counted as they arrive. */
  if (!quiz->external || !g_hash_table_add (quiz->answered, g_strdup (id)))
    return false;
  count (quiz, student, true, now_us);
  if (correct >= 0)
    grade (session, student, correct > 0, now_us);
  return true;
}
