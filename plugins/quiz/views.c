/* What each role sees of a question. What is right, and how many chose what, leaves here for students and monitors only
 * when the question is revealed; what somebody wrote or scored only for that student and the teacher. */
#include "quizzes.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "scoring.h"

#define SHUFFLE_KEY_BYTES 32

#define LEADERS 5

static bool
is_teacher (AirRole role)
{
  return role >= AIR_ROLE_TEACHER;
}

/* ---- Who is there */

typedef struct
{
  QuizRun *run;
  QuizPresence *presence;
} Counting;

static void
count_member (const AirClassMember *member, void *data)
{
  Counting *counting = data;
  QuizPresence *presence = counting->presence;
  if (member->role != AIR_ROLE_STUDENT || !member->present
      || quiz_run_get_answer (counting->run, member->user_id) != NULL)
    return;
  presence->present++;
  if (presence->not_answered != NULL)
    json_array_add_element (json_node_get_array (presence->not_answered),
                            air_json_new ("{user_id:%s,name:%s}", member->user_id, member->name));
}

QuizPresence
quiz_presence (QuizClass *class, QuizRun *run, bool with_names)
{
  QuizPresence presence = { .answered = g_hash_table_size (run->answers) };
  if (with_names)
    presence.not_answered = air_json_new ("[]");
  if (class == NULL || !quiz_run_is_open (run))
    {
      presence.present = MAX (run->present, presence.answered);
      if (with_names)
        {
          json_node_unref (presence.not_answered);
          presence.not_answered = json_node_copy (run->not_answered);
        }
      return presence;
    }
  QuizPresence nobody = { 0 };
  if (run->quiz->is_anonymous) /* counted, not named */
    nobody.not_answered = g_steal_pointer (&presence.not_answered);
  Counting counting = { .run = run, .presence = &presence };
  presence.present = presence.answered;
  air_classroom_visit_members (class->quizzes->classroom, class->class_id, count_member, &counting);
  const AirClassInfo *info = air_classroom_get_class (class->quizzes->classroom, class->class_id);
  run->is_counted = info != NULL;
  run->answered_absent = info != NULL && presence.present > info->students_present ? presence.present - info->students_present : 0;
  if (run->quiz->is_anonymous)
    presence.not_answered = nobody.not_answered;
  return presence;
}

/* For one page among many: without looking at everybody each time that somebody comes in. Who had answered and came or went since the last
 * progress, at most 250 ms ago, is counted right with the next. */
static QuizPresence
quiz_presence_of_page (QuizClass *class, QuizRun *run)
{
  const AirClassInfo *info = class != NULL ? air_classroom_get_class (class->quizzes->classroom, class->class_id) : NULL;
  if (info == NULL || !quiz_run_is_open (run) || !run->is_counted)
    return quiz_presence (class, run, false);
  QuizPresence presence = { .answered = g_hash_table_size (run->answers) };
  presence.present = MAX (info->students_present + run->answered_absent, presence.answered);
  return presence;
}

void
quiz_presence_clear (QuizPresence *presence)
{
  g_clear_pointer (&presence->not_answered, json_node_unref);
}

/* ---- A question */

static void
set (JsonNode *view, const char *name, JsonNode *value)
{
  json_object_set_member (json_node_get_object (view), name, value);
}

static void
copy_member (const Quiz *quiz, JsonNode *view, const char *name)
{
  JsonNode *value = air_json_get (quiz->document, name);
  if (value != NULL)
    set (view, name, json_node_copy (value));
}

static bool
is_right_order (const Quiz *quiz, const unsigned *places)
{
  for (unsigned i = 0; i < quiz_count_options (quiz); i++)
    if (!g_str_equal (quiz_option_id (quiz, places[i]), json_array_get_string_element (quiz->correct, i)))
      return false;
  return true;
}

/* Nobody else can reckon the order with it. */
static const uint8_t *
get_shuffle_key (void)
{
  static gsize once;
  static uint8_t key[SHUFFLE_KEY_BYTES];
  if (g_once_init_enter (&once))
    {
      if (getrandom (key, sizeof key, 0) != sizeof key)
        g_error ("the kernel gives no random bytes: %s", g_strerror (errno));
      g_once_init_leave (&once, 1);
    }
  return key;
}

static char *
make_rank (const Quiz *quiz, unsigned place)
{
  g_autofree char *name = g_strconcat (quiz->quiz_id, " ", quiz_option_id (quiz, place), NULL);
  return g_compute_hmac_for_string (G_CHECKSUM_SHA256, get_shuffle_key (), SHUFFLE_KEY_BYTES, name, -1);
}

/* The options of an order must not stand in the right one, nor in one from which that can be reckoned: while the server runs always the same
 * other order for one question. */
static JsonNode *
shuffled_options (const Quiz *quiz)
{
  unsigned count = quiz_count_options (quiz), places[QUIZ_MAX_OPTIONS];
  g_auto (GStrv) ranks = g_new0 (char *, count + 1);
  for (unsigned i = 0; i < count; i++)
    {
      unsigned at = i;
      ranks[i] = make_rank (quiz, i);
      for (; at > 0 && strcmp (ranks[places[at - 1]], ranks[i]) > 0; at--)
        places[at] = places[at - 1];
      places[at] = i;
    }
  if (is_right_order (quiz, places))
    {
      unsigned first = places[0];
      places[0] = places[count - 1];
      places[count - 1] = first;
    }
  JsonNode *options = air_json_new ("[]");
  for (unsigned i = 0; i < count; i++)
    json_array_add_element (json_node_get_array (options),
                            json_node_copy (json_array_get_element (quiz->options, places[i])));
  return options;
}

static void
add_details (const Quiz *quiz, JsonNode *view)
{
  static const char *const names[] = { "correct",   "tolerance",     "credit",      "position",   "extra_time",
                                       "closed_at", "closed_reason", "revealed_at", "created_at", "updated_at" };
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    copy_member (quiz, view, names[i]);
}

void
quiz_add_own_answer (QuizRun *run, JsonNode *view, const char *user_id)
{
  const QuizAnswer *answer = quiz_run_get_answer (run, user_id);
  set (view, "my_answer", answer != NULL ? json_node_copy (answer->answer) : json_node_new (JSON_NODE_NULL));
  bool has_result = answer != NULL && run->quiz->state == QUIZ_REVEALED && !isnan (answer->credit);
  set (view, "my_result",
       has_result ? air_json_new ("{correct:%b,credit:%f,points:%i}", quiz_is_right (answer->credit), answer->credit,
                                  answer->points)
                  : json_node_new (JSON_NODE_NULL));
}

static void
add_time (QuizRun *run, JsonNode *view, const char *user_id)
{
  if (!quiz_run_is_open (run) || run->closes_us == 0)
    return;
  int64_t left_us = quiz_run_deadline_us (run, user_id) - g_get_monotonic_time ();
  int64_t closes_us = run->quiz->closes_us + (user_id != NULL ? quiz_extra_ms (run->quiz, user_id) * 1000 : 0);
  set (view, "closes_at", air_json_new ("%t", closes_us));
  set (view, "remaining_ms", air_json_new ("%l", MAX (left_us, 0) / 1000));
  if (left_us <= 0 && user_id != NULL) /* others may have extra time */
    set (view, "state", air_json_new ("'closed'"));
}

static void
add_run (JsonNode *view, QuizClass *class, QuizRun *run, AirRole role, const char *user_id)
{
  bool sees_all = is_teacher (role);
  QuizPresence presence = sees_all ? quiz_presence (class, run, true) : quiz_presence_of_page (class, run);
  set (view, "present", air_json_new ("%i", (int)presence.present));
  set (view, "answered", air_json_new ("%i", (int)presence.answered));
  if (presence.not_answered != NULL)
    set (view, "not_answered", g_steal_pointer (&presence.not_answered));
  if (sees_all || run->quiz->state == QUIZ_REVEALED)
    set (view, "distribution", quiz_distribution (run->quiz, run->answers, sees_all));
  add_time (run, view, role == AIR_ROLE_STUDENT ? user_id : NULL);
  if (role == AIR_ROLE_STUDENT)
    quiz_add_own_answer (run, view, user_id);
}

JsonNode *
quiz_view (const Quiz *quiz, QuizClass *class, QuizRun *run, AirRole role, const char *user_id)
{
  static const char *const names[]
      = { "session_id", "points", "time_limit_s", "mode", "anonymous", "published_at", "closes_at" };
  JsonNode *view = air_json_new ("{quiz_id:%s,class_id:%s,type:%s,question:%s,state:%s}", quiz->quiz_id, quiz->class_id,
                                 quiz_type_to_string (quiz->type), quiz->question, quiz_state_to_string (quiz->state));
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    copy_member (quiz, view, names[i]);
  if (quiz->type == QUIZ_ORDER && !is_teacher (role))
    set (view, "options", shuffled_options (quiz));
  else
    copy_member (quiz, view, "options");
  if (is_teacher (role))
    add_details (quiz, view);
  else if (quiz->state == QUIZ_REVEALED)
    copy_member (quiz, view, "correct");
  if (run != NULL && quiz->state != QUIZ_DRAFT)
    add_run (view, class, run, role, user_id);
  return view;
}

/* ---- Statistics */

static void
add_absent (JsonNode *view, QuizPresence *presence)
{
  JsonArray *members = json_node_get_array (presence->not_answered);
  JsonNode *ids = air_json_new ("[]");
  for (unsigned i = 0; i < json_array_get_length (members); i++)
    json_array_add_string_element (json_node_get_array (ids),
                                   air_json_get_string (json_array_get_element (members, i), "user_id"));
  set (view, "not_answered", ids);
  set (view, "not_answered_members", json_node_copy (presence->not_answered));
}

JsonNode *
quiz_statistics_view (QuizClass *class, QuizRun *run, AirRole role)
{
  QuizTally tally = quiz_tally (run->answers);
  QuizPresence presence = quiz_presence (class, run, is_teacher (role));
  bool is_graded = run->quiz->type != QUIZ_POLL;
  double share = is_graded && tally.answered > 0 ? (double)tally.right / tally.answered : NAN;
  double credit = is_graded && tally.answered > 0 ? tally.credit_sum / tally.answered : NAN;
  double mean_ms = tally.answered > 0 ? tally.response_ms_sum / tally.answered : NAN;
  JsonNode *view = air_json_new (
      "{quiz_id:%s,class_id:%s,type:%s,state:%s,anonymous:%b,present:%i,answered:%i,distribution:%n,correct_share:%f,"
      "mean_credit:%f,mean_response_ms:%f}",
      run->quiz->quiz_id, run->quiz->class_id, quiz_type_to_string (run->quiz->type),
      quiz_state_to_string (run->quiz->state), run->quiz->is_anonymous, (int)presence.present, (int)presence.answered,
      quiz_distribution (run->quiz, run->answers, is_teacher (role)), share, credit, mean_ms);
  set (view, "correct", is_graded ? air_json_new ("%i", (int)tally.right) : json_node_new (JSON_NODE_NULL));
  if (presence.not_answered != NULL)
    add_absent (view, &presence);
  quiz_presence_clear (&presence);
  return view;
}

/* ---- Scores */

static int
compare_scores (const void *a, const void *b)
{
  const QuizScore *first = *(QuizScore *const *)a, *second = *(QuizScore *const *)b;
  if (first->points != second->points)
    return first->points > second->points ? -1 : 1;
  return g_strcmp0 (first->name, second->name);
}

JsonNode *
quiz_leaderboard (QuizClass *class, AirRole role)
{
  const AirClassInfo *info = air_classroom_get_class (class->quizzes->classroom, class->class_id);
  if (info == NULL || !air_json_get_bool (info->settings, "leaderboard", false))
    return NULL;
  g_autoptr (GPtrArray) scores = g_ptr_array_new ();
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, class->scores);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((QuizScore *)value)->points > 0)
      g_ptr_array_add (scores, value);
  g_ptr_array_sort (scores, compare_scores);
  JsonNode *leaders = air_json_new ("[]");
  int rank = 1;
  for (unsigned i = 0; i < MIN (scores->len, LEADERS); i++)
    {
      const QuizScore *score = g_ptr_array_index (scores, i);
      if (i > 0 && score->points < ((QuizScore *)g_ptr_array_index (scores, i - 1))->points)
        rank = (int)i + 1;
      JsonNode *entry = air_json_new ("{name:%s,rank:%i}", score->name != NULL ? score->name : "", rank);
      if (is_teacher (role))
        set (entry, "score", air_json_new ("%l", score->points));
      json_array_add_element (json_node_get_array (leaders), entry);
    }
  return leaders;
}

void
quiz_write_snapshot (const AirClassMember *member, JsonObject *snapshot, void *self)
{
  Quizzes *quizzes = self;
  QuizClass *class = quizzes_get_class (quizzes, member->class_id);
  QuizRun *run = class->run;
  quiz_class_follow_session (class);
  json_object_set_member (snapshot, "quiz",
                          run != NULL ? quiz_view (run->quiz, class, run, member->role, member->user_id)
                                      : json_node_new (JSON_NODE_NULL));
  JsonNode *leaders = quiz_leaderboard (class, member->role);
  if (leaders != NULL)
    json_object_set_member (snapshot, "leaderboard", leaders);
  JsonNode *me = json_object_get_member (snapshot, "me");
  const QuizScore *score = g_hash_table_lookup (class->scores, member->user_id);
  if (me != NULL && JSON_NODE_HOLDS_OBJECT (me) && member->role == AIR_ROLE_STUDENT)
    set (me, "score", air_json_new ("%l", score != NULL ? score->points : (int64_t)0));
}
