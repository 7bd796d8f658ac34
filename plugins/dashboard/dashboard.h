/* The plugin's parts among themselves. Main thread.
 *
 * A Dashboard owns a rail for each session that runs. Reads and writes of the store may outlive the plugin, so it is counted. */
#pragma once

#include <airclass/airclass.h>

#include "rail.h"

typedef struct
{
  AirContext *context;
  AirStore *store;         /* NULL before start and after stop */
  AirClassroom *classroom; /* likewise */
  GHashTable *rails;       /* session id → AlertRail, owned */
  GHashTable *live;        /* session id → LiveFigures, owned: what engagement-changed told last */
  GHashTable *sockets;     /* AirSocket (a reference) → session id, "" while it is checked */
  unsigned pending;        /* reads and writes on their way */
  GTask *starting, *stopping;
  GError *failure; /* of the start */
  AirMetric *raised, *store_errors;
} Dashboard;

#define dashboard_ref(dashboard) ((Dashboard *)g_rc_box_acquire (dashboard))
void dashboard_unref (Dashboard *dashboard);
/* Answers start and stop once nothing is on its way. */
void dashboard_settled (Dashboard *dashboard);

/* ---- report.c: an answer that needs several documents */

#define REPORT_SLOTS 8

typedef struct _Report Report;
typedef void (*ReportStep) (Report *report);

/* A request, while what it asks for is gathered. Freed after its answer. */
struct _Report
{
  Dashboard *dashboard; /* a reference */
  AirRequest *request;  /* a reference */
  AirSocket *socket;    /* a reference; NULL: HTTP */
  char *session_id, *class_id;
  JsonNode *session;               /* its document */
  GPtrArray *class_ids;            /* (element-type utf8) of a report over classes */
  JsonNode *slots[REPORT_SLOTS];   /* object, array; NULL: there is none */
  char *cursor;                    /* of the list that was asked for with one */
  unsigned waiting;
  GError *error;
  ReportStep plan, answer;
};

/* About one session: looks for it, checks the teacher's right in its class, then @plan asks for documents, and @answer replies. */
void report_on_session (Dashboard *dashboard, AirRequest *request, AirSocket *socket, const char *session_id, ReportStep plan,
                        ReportStep answer);
/* About a class (?class_id=, the token's) or all that the caller may see: `class_ids`. */
void report_on_classes (Dashboard *dashboard, AirRequest *request, ReportStep plan, ReportStep answer);
/* Within plan: what is read into a slot. @filter: (transfer full). find follows the pages up to @maximum documents. */
void report_get (Report *report, unsigned slot, const char *collection, const char *key);
void report_find (Report *report, unsigned slot, const char *collection, JsonNode *filter, const char *sort, unsigned maximum);
void report_find_page (Report *report, unsigned slot, const char *collection, JsonNode *filter, const char *sort, unsigned limit,
                       const char *cursor);
void report_count (Report *report, unsigned slot, const char *collection, JsonNode *filter);
void report_aggregate (Report *report, unsigned slot, const char *collection, JsonNode *filter, JsonNode *group);
/* @body: (transfer full) */
void report_reply (Report *report, JsonNode *body);
/* ?limit= within 1 to @maximum; false: replied with 400. */
bool dashboard_take_limit (AirRequest *request, unsigned maximum, unsigned *ret_limit);
/* The array of a slot; never NULL. (transfer full) */
JsonNode *report_array (Report *report, unsigned slot);
/* {"class_id": {"$in": @class_ids}}. (transfer full) */
JsonNode *report_of_classes (Report *report);
/* The same for a collection with class_created_at: without what an earlier class left under one of those ids. (transfer full) */
JsonNode *report_of_present_classes (Report *report);

/* ---- session-routes.c */
void dashboard_plan_overview (Report *report);
/* (transfer full) */
JsonNode *dashboard_overview (Report *report);
void dashboard_add_session_routes (AirContext *context);

/* ---- class-routes.c */
void dashboard_add_class_routes (AirContext *context);
/* The figures of questions from the arrays of `quizzes` and `quiz_responses`. (transfer full) */
JsonNode *dashboard_analyse_quizzes (JsonNode *quizzes, JsonNode *responses);

/* ---- alerts.c: what becomes an alert, and the rails */
void dashboard_register_events (Dashboard *dashboard);
void dashboard_load_rails (Dashboard *dashboard);
AlertRail *dashboard_rail (Dashboard *dashboard, const char *session_id);
/* Shows it to the teachers and writes it. */
void dashboard_alert_changed (AlertRail *rail, Alert *alert, void *dashboard);
/* Only shows it. */
void dashboard_alert_show (Dashboard *dashboard, AlertRail *rail, Alert *alert);
void dashboard_rails_look (Dashboard *dashboard, int64_t now_us);

/* ---- alert-routes.c */
void dashboard_add_alert_routes (AirContext *context);

/* ---- live.c: the WebSocket */
typedef struct
{
  double mean, confusion;
  GStrv flagged;
} LiveFigures;
void dashboard_add_socket (AirContext *context);
void dashboard_register_live (Dashboard *dashboard);
void dashboard_register_live_events (Dashboard *dashboard);
/* @message: (transfer full), {"type": …}; `at` is added. */
void dashboard_send (Dashboard *dashboard, const char *session_id, JsonNode *message);
