/* The plugin's state, and how its parts call one another. Main thread.
 *
 * A class has at most one question on its pages: the one that is open, or the last one until the next. What changes a
 * class's question (publishing, closing, revealing) is an action; the actions of a class are done one after the other,
 * each waiting for the store. Answers do not wait in that line: whether one counts is decided when it arrives.
 *
 * quizzes.c: the state, classes · action.c: the line · publish.c close.c reveal.c: the actions · respond.c: answers ·
 * records.c: the store · restore.c: after a start · views.c: what each role sees · tell.c: what the pages are told ·
 * routes-….c socket.c: HTTP, WebSockets. */
#pragma once

#include <airclass/airclass.h>

#include "run.h"

G_BEGIN_DECLS

#define QUIZ_COLLECTION "quizzes"
#define QUIZ_RESPONSE_COLLECTION "quiz_responses"

#define QUIZ_ERROR (quiz_error_quark ())
GQuark quiz_error_quark (void);
typedef enum
{
  QUIZ_ERROR_CLOSED,        /* quiz-closed: takes no answers any more */
  QUIZ_ERROR_NOT_PUBLISHED, /* quiz-not-published: still a draft */
  QUIZ_ERROR_PUBLISHED,     /* quiz-published: no draft any more */
  QUIZ_ERROR_OPEN,          /* quiz-open: first it must be closed */
  QUIZ_ERROR_CHANGES,       /* quiz-changes: this student has changed the answer too often */
  QUIZ_ERROR_NONE_LEFT,     /* quiz-none-left: no draft is left in the bank */
} QuizError;
const char *quiz_error_slug (const GError *error);
void quiz_reply_error (AirRequest *request, const GError *error);

typedef struct _Quizzes Quizzes;
typedef struct _QuizClass QuizClass;
typedef struct _QuizAction QuizAction;

/* Sends at most once in an interval, and the last state always. */
typedef struct
{
  unsigned source_id;
  int64_t sent_us; /* monotonic */
} QuizThrottle;

struct _QuizClass
{
  Quizzes *quizzes;
  char *class_id;
  QuizRun *run;         /* owned; NULL: nothing to show */
  GQueue actions;       /* of QuizAction, owned; the first is being done */
  char *session_id;     /* the session that the scores are of; NULL: none */
  GHashTable *scores;   /* user id → QuizScore */
  JsonNode *extra_time; /* as the last published question had it; NULL: nobody */
  unsigned timer_id;    /* closes the question */
  bool is_ending;       /* the session has ended, but the store does not know yet that its question is closed */
  QuizThrottle for_teachers, for_all;
};

typedef struct
{
  char *name;
  int64_t points;
} QuizScore;

struct _Quizzes
{
  AirContext *context;
  AirStore *store;
  AirClassroom *classroom;
  GHashTable *classes; /* class_id → QuizClass, owned */
  GHashTable *runs;    /* quiz_id → QuizClass, whose run it is; the id is the run's */
  GPtrArray *sockets;  /* (element-type AirSocket), owned: of the live statistics */
  unsigned in_flight;  /* calls to the store that have not answered */
  GTask *stopping;     /* owned; waits for in_flight */
  AirMetric *answers, *published;
};

/* ---- quizzes.c */
QuizClass *quizzes_get_class (Quizzes *quizzes, const char *class_id); /* made where there is none */
/* The class on whose pages the question is; NULL: on none. */
QuizClass *quizzes_find_run (Quizzes *quizzes, const char *quiz_id);
void quizzes_begin (Quizzes *quizzes);                     /* a call to the store begins … */
void quizzes_end (Quizzes *quizzes);                       /* … and has answered; the last thing its callback does */
const char *quiz_class_session (QuizClass *class);         /* NULL: none runs */
void quiz_class_take_run (QuizClass *class, QuizRun *run); /* (transfer full) NULL: none; replaces the one before */
void quiz_class_take_extra_time (QuizClass *class);        /* from its question, for those to come */
void quiz_class_arm (QuizClass *class);                    /* the timer that closes the question */
void quiz_class_follow_session (QuizClass *class);         /* another session: another game */
void quiz_score_add (QuizClass *class, const char *user_id, const char *name, int64_t points);
unsigned quizzes_after (Quizzes *quizzes, int64_t delay_us, GSourceFunc callback,
                        void *data); /* once; returns the source's id */

/* ---- action.c */
struct _QuizAction
{
  QuizClass *class;
  void (*begin) (QuizAction *action);
  AirRequest *request; /* owned; who waits for it; NULL: nobody */
  Quiz *quiz;          /* owned; the question as it was looked up */
  QuizRun *run;        /* owned; of a question that is on no page */
  QuizRun *target;     /* borrowed: class->run or run */
  AirEventQuizClosedReason reason;
  char *closed_id;                          /* which question was closed to make room */
  unsigned status;                          /* of the reply */
  bool counts_as_end;                       /* session or class have ended: afterwards nothing is shown */
  void (*after_close) (QuizAction *action); /* NULL: that was all */
  void (*then) (QuizAction *action);
  JsonNode *changes;   /* owned; of the document, on their way to the store */
  GPtrArray *students; /* who is asked */
  int64_t begun_us;    /* wall clock */
};
/* @quiz: (transfer full). The reply is @status with the question as the teacher sees it. */
QuizAction *quiz_action_new (QuizClass *class, void (*begin) (QuizAction *), AirRequest *request, Quiz *quiz);
void quiz_action_enqueue (QuizAction *action);                     /* (transfer full) */
void quiz_action_finish (QuizAction *action, const GError *error); /* replies, and begins the next one */

void quiz_action_drop (QuizAction *action); /* nobody is told */

/* ---- publish.c close.c reveal.c */
void quiz_publish (QuizAction *action);
void quiz_close (QuizAction *action);
void quiz_reveal (QuizAction *action);
/* Finds the run of @action->quiz, on a page or in the store, and calls @then with it as target. */
void quiz_action_find_target (QuizAction *action, void (*then) (QuizAction *));
/* Closes @action->target (open), then calls after_close; called again by the last answer that was on its way. */
void quiz_close_target (QuizAction *action);
void quiz_close_by_time (QuizClass *class);
/* The session has ended (NULL: the class). */
void quiz_close_by_end (QuizClass *class, const char *session_id);

/* ---- respond.c */
/* @answer: (transfer none) durably stored, or NULL with @error. */
typedef void (*QuizResponded) (const QuizAnswer *answer, const GError *error, void *data);
void quiz_respond (QuizClass *class, const char *user_id, const char *name, JsonNode *answer, QuizResponded callback,
                   void *data);

/* ---- records.c */
typedef void (*QuizFound) (Quizzes *quizzes, Quiz *quiz, const GError *error,
                           void *data); /* @quiz: (transfer full) or NULL */
typedef void (*QuizLoaded) (Quizzes *quizzes, QuizRun *run, const GError *error,
                            void *data); /* @run: (transfer full) or NULL */
typedef void (*QuizStored) (Quizzes *quizzes, unsigned matched, const GError *error, void *data);
/* Also one that is on a page, as it is there; then @callback is called at once. */
void quiz_records_get (Quizzes *quizzes, const char *quiz_id, QuizFound callback, void *data);
/* @quiz: (transfer full), published. Its answers from the store. */
void quiz_records_load (Quizzes *quizzes, Quiz *quiz, QuizLoaded callback, void *data);
/* Sets @set, and takes @unset (may be NULL) away, where the question is in @state. Both (transfer full), objects. */
void quiz_records_change (Quizzes *quizzes, const char *quiz_id, QuizState state, JsonNode *set, JsonNode *unset,
                          QuizStored callback, void *data);
void quiz_records_store_answer (QuizRun *run, const QuizAnswer *answer, Quizzes *quizzes, QuizStored callback,
                                void *data);
QuizAnswer *quiz_answer_from_document (JsonNode *document);

/* ---- views.c */
/* Who of the class is there and has not answered. */
typedef struct
{
  unsigned present; /* distinct students: there now, or answered */
  unsigned answered;
  JsonNode *not_answered; /* owned: [{user_id, name}]; empty when anonymous */
} QuizPresence;
QuizPresence quiz_presence (QuizClass *class, QuizRun *run, bool with_names);
void quiz_presence_clear (QuizPresence *presence);
/* A question as @role sees it; @user_id: whose answer and time (NULL: nobody's). @run NULL: without what belongs to a
 * run.
 * @class: (nullable) the class that it runs in now. (transfer full) */
JsonNode *quiz_view (const Quiz *quiz, QuizClass *class, QuizRun *run, AirRole role, const char *user_id);
/* my_answer, and after the reveal my_result. */
void quiz_add_own_answer (QuizRun *run, JsonNode *view, const char *user_id);
JsonNode *quiz_statistics_view (QuizClass *class, QuizRun *run, AirRole role);
/* NULL: not wanted by the teacher. */
JsonNode *quiz_leaderboard (QuizClass *class, AirRole role);
void quiz_write_snapshot (const AirClassMember *member, JsonObject *snapshot, void *self);

/* ---- tell.c */
void quiz_tell_published (QuizClass *class);
void quiz_tell_extra_time (QuizClass *class); /* those who have some */
void quiz_tell_closed (QuizClass *class, QuizRun *run, AirEventQuizClosedReason reason);
void quiz_tell_revealed (QuizClass *class, QuizRun *run);
void quiz_tell_progress (QuizClass *class);
void quiz_tell_sockets (QuizClass *class, QuizRun *run);

/* ---- restore.c */
void quiz_restore (Quizzes *quizzes, GTask *task); /* borrowed; returns when all is read */

/* ---- routes-bank.c routes-quiz.c routes-run.c routes-statistics.c socket.c */
void quiz_add_bank_routes (AirContext *context);
void quiz_add_quiz_routes (AirContext *context);
void quiz_add_run_routes (AirContext *context);
void quiz_add_statistics_routes (AirContext *context);
void quiz_add_sockets (AirContext *context);
extern const AirClassMessage quiz_answer_message;

/* ---- routes.c */
typedef struct _QuizJob QuizJob;
typedef void (*QuizJobHandler) (QuizJob *job);
/* A request that is about one question, which has been found, and whose sender may see it. */
struct _QuizJob
{
  Quizzes *quizzes;
  AirRequest *request; /* owned */
  AirRole least;
  QuizJobHandler handler; /* frees the job, or hands it on */
  Quiz *quiz;             /* owned; may be taken */
  QuizRun *run;           /* owned; loaded from the store */
  JsonNode *extra;        /* owned; whatever the handler keeps */
};
void quiz_job_start (AirRequest *request, void *self, const char *quiz_id, AirRole least, QuizJobHandler handler);
void quiz_job_free (QuizJob *job);
bool quiz_job_is_teacher (QuizJob *job);
/* The class that a request is about: what it names, else that of its token, else "stream". */
const char *quiz_request_class (AirRequest *request, const char *named);
/* The questions of the class as it is now, not those of an earlier one with the same id. (transfer full) */
JsonNode *quiz_class_filter (Quizzes *quizzes, const char *class_id);
bool quiz_request_check (Quizzes *quizzes, AirRequest *request, const char *class_id,
                         AirRole least);                            /* false: replied */
bool quiz_request_limit (AirRequest *request, unsigned *ret_limit); /* false: replied */

G_END_DECLS
