/* The figures of one running session, computed from what happens: no clock, no store, no socket. Every function takes the time
 * as an argument, in microseconds of a monotonic clock. That clock begins anew when the machine does: what was before is negative.
 * Main thread (or any one thread). */
#pragma once

#include <airclass/classroom.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "formulas.h"

/* What a school may set; times in microseconds, shares 0 to 1. */
typedef struct
{
  EngagementSignalRule signals[ENGAGEMENT_SIGNALS];
  int64_t first_score_us;      /* of presence, before there is a score */
  int64_t playback_timeout_us; /* silence of a page that was being watched for longer than this is a lost network */
  int64_t trend_short_us, trend_long_us;
  double trend_limit; /* points */
  int64_t half_life_us, hold_us; /* of the button; of a message and a wrong answer */
  double chat_share, wrong_share;
  double alert_minimum, alert_share, clear_share;
  int64_t cool_down_us;
  unsigned max_students;
} EngagementSettings;

#define ENGAGEMENT_NEVER INT64_MIN

/* One student of the session. Times are monotonic, or ENGAGEMENT_NEVER. */
typedef struct
{
  char *id, *name;
  bool present, unsaved;
  unsigned sent; /* what the pages know of it: a hash of the shown figures */
  int64_t settled_us;  /* the sums below are of the time until then */
  int64_t sampled_us;  /* the trend is of the time until then */
  int64_t present_us, watched_us, network_lost_us, on_page_us;
  bool reported, visible, playing;
  int64_t reported_at_us;
  double counts[ENGAGEMENT_SIGNALS];
  unsigned polls_asked, asked, answered, graded, right;
  unsigned recent_asked, recent_answered, recent_graded, recent_right; /* of the last three: a bit each, the newest is bit 0 */
  int64_t lost_at_us, chat_at_us, wrong_at_us;
  double short_mean, long_mean;                    /* NAN before the first sample */
  int64_t sampled_on_page_us, sampled_known_us;    /* the sums at the last sample */
  int64_t updated_us;
} EngagementStudent;

typedef struct
{
  char *id;
  bool poll, anonymous, external, revealed;
  GHashTable *answered; /* set of student ids; NULL once it is closed */
} EngagementQuiz;

typedef struct
{
  char *alert_id;
  int64_t at_us, ended_us; /* monotonic; ended ENGAGEMENT_NEVER: it is on */
  double level, threshold;
  unsigned present;
} EngagementAlert;

/* Once a minute. */
typedef struct
{
  int64_t at_us;
  double mean, on_page, confusion;
  unsigned present;
} EngagementPoint;

typedef struct
{
  char *session_id, *class_id;
  char *class_created_at; /* NULL: not known */
  EngagementSettings settings;
  double weights[ENGAGEMENT_COMPONENTS];
  bool analysis;       /* the class wants it */
  bool stream_live, chat_offered;
  int64_t wall_offset_us; /* wall clock − monotonic clock */
  int64_t started_us;
  int64_t pointed_us;
  GHashTable *students; /* id → EngagementStudent, owned */
  GHashTable *quizzes;  /* id → EngagementQuiz, owned */
  GArray *alerts;       /* (element-type EngagementAlert), the last one may be on */
  GArray *points;       /* (element-type EngagementPoint) */
  unsigned graded, right; /* of all students */
} EngagementSession;

typedef struct
{
  double level, threshold;
  unsigned present, confused; /* students; of them with a share above 0 */
  bool active;
} EngagementConfusion;

typedef enum
{
  ENGAGEMENT_ALERT_SAME,
  ENGAGEMENT_ALERT_BEGAN,
  ENGAGEMENT_ALERT_ENDED,
} EngagementAlertChange;

/* @wall_us: the wall clock at @now_us. @started_wall_us: when the session began. */
EngagementSession *engagement_session_new (const char *session_id, const char *class_id, const EngagementSettings *settings,
                                           int64_t started_wall_us, int64_t wall_us, int64_t now_us);
void engagement_session_free (EngagementSession *session);
/* @weights: the class's, {"on_page": 0.25, …}; what is absent or NULL has .25; all 0 are as absent. */
void engagement_session_set_weights (EngagementSession *session, JsonNode *weights);
/* Off: time stops for everybody, and nothing is counted until it is on again. */
void engagement_session_set_analysis (EngagementSession *session, bool analysis, int64_t now_us);
void engagement_session_set_stream (EngagementSession *session, bool live, int64_t now_us);

/* Returns: NULL when there is no such student, nor room for another (@create). */
EngagementStudent *engagement_session_student (EngagementSession *session, const char *id, const char *name, bool create, int64_t now_us);
/* Returns: (transfer container) (element-type EngagementStudent) all of them, in no order. */
GPtrArray *engagement_session_list (const EngagementSession *session);
void engagement_session_joined (EngagementSession *session, const char *id, const char *name, int64_t now_us);
void engagement_session_left (EngagementSession *session, const char *id, int64_t now_us);
void engagement_session_playback (EngagementSession *session, const char *id, bool visible, bool playing, int64_t now_us);
/* Of what several pages of one student say: that it is on one of them, if it is. (transfer full) */
JsonNode *engagement_best_playback (const AirClassReport *reports, unsigned count, void *self);
/* @count times @signal; polls are counted by the quizzes. */
void engagement_session_signal (EngagementSession *session, const char *id, EngagementSignal signal, unsigned count, int64_t now_us);
/* A chat message with that much of "I do not follow", 0 to 1. */
void engagement_session_chat (EngagementSession *session, const char *id, double intent, int64_t now_us);
void engagement_session_lost (EngagementSession *session, const char *id, bool lost, int64_t now_us);

void engagement_session_quiz_published (EngagementSession *session, const char *quiz_id, bool poll, bool anonymous);
void engagement_session_quiz_answered (EngagementSession *session, const char *quiz_id, const char *id, int64_t now_us);
/* The lists are NULL-terminated. Whose answers were right changes the figures at the reveal, since students see their own. */
void engagement_session_quiz_closed (EngagementSession *session, const char *quiz_id, const char *const *asked,
                                     const char *const *answered, int64_t now_us);
void engagement_session_quiz_revealed (EngagementSession *session, const char *quiz_id, const char *const *right,
                                       const char *const *wrong, int64_t now_us);
/* An answer to a question that was asked elsewhere. @correct: −1: there is no right one. Returns false when that student's answer has been
 * counted already, or there is no room. */
bool engagement_session_track_answer (EngagementSession *session, const char *quiz_id, const char *id, int correct, int64_t now_us);

/* Brings all sums up to @now_us, and the trends and the minute's point when it is time. */
void engagement_session_tick (EngagementSession *session, int64_t now_us);
/* The class's confusion at @now_us. */
void engagement_session_confusion (EngagementSession *session, int64_t now_us, EngagementConfusion *ret_confusion);
double engagement_student_confusion (const EngagementSession *session, const EngagementStudent *student, int64_t now_us);
/* Looks whether the alert begins or ends; a new one is the last of `alerts`. */
EngagementAlertChange engagement_session_check_alert (EngagementSession *session, int64_t now_us);

/* As of the last tick. NAN: not offered. */
void engagement_student_components (const EngagementSession *session, const EngagementStudent *student,
                                    double ret_components[ENGAGEMENT_COMPONENTS]);
double engagement_student_overall (const EngagementSession *session, const EngagementStudent *student);
double engagement_student_trend (const EngagementSession *session, const EngagementStudent *student);
bool engagement_student_flagged (const EngagementSession *session, const EngagementStudent *student);
/* The mean overall score of those present; NAN when nobody has one. */
double engagement_session_mean (const EngagementSession *session);

/* ---- Between the files of the session */
EngagementQuiz *engagement_session_quiz (EngagementSession *session, const char *quiz_id, bool create);
void engagement_session_sample (EngagementSession *session, EngagementStudent *student, int64_t now_us);
void engagement_session_point (EngagementSession *session, int64_t now_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EngagementSession, engagement_session_free)
