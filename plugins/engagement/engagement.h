/* The plugin's parts among themselves. Main thread.
 *
 * An Engagement owns a run for each session that goes on. Writes to the store may outlive the plugin, so it is counted. */
#pragma once

#include <airclass/airclass.h>

#include "documents.h"

typedef struct _Engagement Engagement;

typedef struct
{
  Engagement *engagement;
  EngagementSession *session; /* owned */
  GPtrArray *to_save;         /* (element-type utf8) owned: students of the present round */
  int64_t ticked_us, saved_us;
  int64_t ended_us; /* when that was heard, monotonic; 0: it runs. A run stays a moment, for the question that the end closes. */
  int64_t until_us; /* when it ended, monotonic: earlier if no server was there then */
  double sent_level;
  bool sent_active;
} EngagementRun;

struct _Engagement
{
  AirContext *context;
  AirStore *store;         /* NULL before start and after stop */
  AirClassroom *classroom; /* likewise */
  EngagementSettings settings;
  GHashTable *runs; /* session id → EngagementRun, owned */
  unsigned pending; /* reads and writes of the store that are on their way */
  GTask *starting, *stopping;
  GError *failure; /* of the start */
  AirMetric *sessions, *alerts, *store_errors;
};

#define engagement_ref(engagement) ((Engagement *)g_rc_box_acquire (engagement))
void engagement_unref (Engagement *engagement);

/* ---- runs.c: which sessions there are */
/* The run of the class's running session, made when there is none yet; NULL: no session. */
EngagementRun *engagement_run_of_class (Engagement *engagement, const char *class_id);
EngagementRun *engagement_run_of_session (Engagement *engagement, const char *session_id);
/* Takes weights, analysis and chat from the class's settings, and whether its stream is live. */
void engagement_run_refresh (EngagementRun *run);
/* What is present in the class now; also takes new names. */
void engagement_run_take_members (EngagementRun *run);
void engagement_run_end (EngagementRun *run, int64_t until_us);
/* Once a second. */
void engagement_runs_look (void *engagement);
void engagement_run_free (void *run);
EngagementRun *engagement_run_new (Engagement *engagement, const AirClassInfo *class);

/* ---- events.c: what happens in the class */
void engagement_register_events (Engagement *engagement);

/* ---- keep.c: the store */
/* Reads the sessions that run; answers engagement->starting. */
void engagement_load (Engagement *engagement);
/* Writes some of what has changed; @all: everything, now. */
void engagement_keep (EngagementRun *run, bool all);
/* Answers engagement->stopping once nothing is on its way. */
void engagement_settled (Engagement *engagement);

/* ---- live.c: the sockets */
void engagement_live_register (Engagement *engagement);
/* To teachers what has changed, to monitors the confusion. @figures: the students' too. */
void engagement_live_send (EngagementRun *run, bool figures);
void engagement_live_alert (EngagementRun *run, EngagementAlertChange change);

/* ---- access.c: who may see which session */
typedef struct _EngagementQuestion EngagementQuestion;
typedef void (*EngagementAnswer) (EngagementQuestion *question);
/* A request about a session, while it is looked for. */
struct _EngagementQuestion
{
  Engagement *engagement;
  AirRequest *request;
  char *session_id;
  AirRole least;
  EngagementRun *run; /* NULL: it has ended; what is known is in the store */
  EngagementAnswer answer;
};

/* Calls @answer when the session @session_id exists and the request's identity has the role @least in its class; else replies. */
void engagement_ask (Engagement *engagement, AirRequest *request, const char *session_id, AirRole least, EngagementAnswer answer);
/* For an answer that needs the store: it is kept until engagement_question_free(). */
EngagementQuestion *engagement_question_keep (EngagementQuestion *question);
void engagement_question_free (EngagementQuestion *question);

/* ---- routes.c, track.c */
void engagement_add_routes (AirContext *context);
void engagement_add_track_routes (AirContext *context);
