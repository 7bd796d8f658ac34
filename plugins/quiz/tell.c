/* What the pages are told, through the class's sockets, and the sockets of the live statistics. */
#include "quizzes.h"

#define TEACHER_INTERVAL_US (G_USEC_PER_SEC / 4)
#define ALL_INTERVAL_US G_USEC_PER_SEC

static void
send_to_audience (QuizClass *class, AirAudience audience, JsonNode *message)
{
  air_classroom_send (class->quizzes->classroom, class->class_id, audience, message);
}

static JsonNode *
published_message (QuizClass *class, AirRole role, const char *user_id)
{
  return air_json_new ("{type:'quiz_published',quiz:%n}", quiz_view (class->run->quiz, class, class->run, role, user_id));
}

static void
tell_own_time (const AirClassMember *member, void *data)
{
  QuizClass *class = data;
  if (member->role == AIR_ROLE_STUDENT && quiz_extra_ms (class->run->quiz, member->user_id) > 0)
    air_classroom_send_to (class->quizzes->classroom, class->class_id, member->user_id,
                           published_message (class, AIR_ROLE_STUDENT, member->user_id));
}

void
quiz_tell_extra_time (QuizClass *class)
{
  air_classroom_visit_members (class->quizzes->classroom, class->class_id, tell_own_time, class);
}

void
quiz_tell_published (QuizClass *class)
{
  send_to_audience (class, AIR_AUDIENCE_TEACHERS, published_message (class, AIR_ROLE_TEACHER, NULL));
  send_to_audience (class, AIR_AUDIENCE_MONITORS, published_message (class, AIR_ROLE_MONITOR, NULL));
  send_to_audience (class, AIR_AUDIENCE_STUDENTS, published_message (class, AIR_ROLE_STUDENT, NULL));
  quiz_tell_extra_time (class);
  quiz_tell_sockets (class, class->run);
}

/* ---- Progress */

static void
send_progress (QuizClass *class, AirAudience audience)
{
  QuizRun *run = class->run;
  bool is_for_teacher = audience == AIR_AUDIENCE_TEACHERS;
  QuizPresence presence = quiz_presence (class, run, is_for_teacher);
  JsonNode *message = air_json_new ("{type:'quiz_progress',quiz_id:%s,present:%i,answered:%i,not_answered?:%n,distribution?:%n}",
                                    run->quiz->quiz_id, (int)presence.present, (int)presence.answered,
                                    g_steal_pointer (&presence.not_answered),
                                    is_for_teacher ? quiz_distribution (run->quiz, run->answers, true) : NULL);
  send_to_audience (class, audience, message);
}

static void
send_to_teachers (QuizClass *class)
{
  class->for_teachers.sent_us = g_get_monotonic_time ();
  send_progress (class, AIR_AUDIENCE_TEACHERS);
  quiz_tell_sockets (class, class->run);
}

static void
send_to_all (QuizClass *class)
{
  class->for_all.sent_us = g_get_monotonic_time ();
  send_progress (class, AIR_AUDIENCE_STUDENTS | AIR_AUDIENCE_MONITORS);
}

static gboolean
teachers_due (gpointer data)
{
  QuizClass *class = data;
  class->for_teachers.source_id = 0;
  if (class->run != NULL)
    send_to_teachers (class);
  return G_SOURCE_REMOVE;
}

static gboolean
all_due (gpointer data)
{
  QuizClass *class = data;
  class->for_all.source_id = 0;
  if (class->run != NULL)
    send_to_all (class);
  return G_SOURCE_REMOVE;
}

static void
schedule (QuizClass *class, QuizThrottle *throttle, int64_t interval_us, GSourceFunc due)
{
  if (throttle->source_id == 0)
    throttle->source_id
        = quizzes_after (class->quizzes, MAX (throttle->sent_us + interval_us - g_get_monotonic_time (), 0), due, class);
}

void
quiz_tell_progress (QuizClass *class)
{
  schedule (class, &class->for_teachers, TEACHER_INTERVAL_US, teachers_due);
  schedule (class, &class->for_all, ALL_INTERVAL_US, all_due);
}

static void
cancel_progress (QuizClass *class, QuizThrottle *throttle)
{
  if (throttle->source_id != 0)
    air_context_remove_source (class->quizzes->context, throttle->source_id);
  throttle->source_id = 0;
}

/* ---- Closed, revealed */

void
quiz_tell_closed (QuizClass *class, QuizRun *run, AirEventQuizClosedReason reason)
{
  if (run == class->run)
    {
      cancel_progress (class, &class->for_teachers);
      cancel_progress (class, &class->for_all);
      send_to_teachers (class);
      send_to_all (class);
    }
  send_to_audience (class, AIR_AUDIENCE_ALL,
                    air_json_new ("{type:'quiz_closed',quiz_id:%s,reason:%s}", run->quiz->quiz_id,
                                  air_event_quiz_closed_reason_to_string (reason)));
}

static JsonNode *
revealed_message (QuizClass *class, QuizRun *run, AirRole role)
{
  return air_json_new ("{type:'quiz_revealed',quiz_id:%s,correct:%N,distribution:%n,leaderboard?:%n}", run->quiz->quiz_id,
                       air_json_get (run->quiz->document, "correct"),
                       quiz_distribution (run->quiz, run->answers, role >= AIR_ROLE_TEACHER), quiz_leaderboard (class, role));
}

typedef struct
{
  QuizClass *class;
  QuizRun *run;
  JsonNode *message; /* what is the same for all students */
} Revealing;

static void
copy_member (JsonObject *object, const char *name, JsonNode *value, void *data)
{
  json_object_set_member (data, name, json_node_copy (value));
}

static void
tell_result (const AirClassMember *member, void *data)
{
  Revealing *revealing = data;
  QuizClass *class = revealing->class;
  if (member->role != AIR_ROLE_STUDENT)
    return;
  JsonNode *message = air_json_new ("{}");
  json_object_foreach_member (json_node_get_object (revealing->message), copy_member, json_node_get_object (message));
  quiz_add_own_answer (revealing->run, message, member->user_id);
  air_classroom_send_to (class->quizzes->classroom, class->class_id, member->user_id, message);
  const QuizAnswer *answer = quiz_run_get_answer (revealing->run, member->user_id);
  const QuizScore *score = g_hash_table_lookup (class->scores, member->user_id);
  if (answer != NULL && answer->points > 0 && score != NULL && !revealing->run->quiz->is_anonymous)
    air_classroom_send_to (class->quizzes->classroom, class->class_id, member->user_id,
                           air_json_new ("{type:'score',score:%l}", score->points));
}

void
quiz_tell_revealed (QuizClass *class, QuizRun *run)
{
  g_autoptr (JsonNode) message = revealed_message (class, run, AIR_ROLE_STUDENT);
  Revealing revealing = { .class = class, .run = run, .message = message };
  send_to_audience (class, AIR_AUDIENCE_TEACHERS, revealed_message (class, run, AIR_ROLE_TEACHER));
  send_to_audience (class, AIR_AUDIENCE_MONITORS, revealed_message (class, run, AIR_ROLE_MONITOR));
  air_classroom_visit_members (class->quizzes->classroom, class->class_id, tell_result, &revealing);
  quiz_tell_sockets (class, run);
}
