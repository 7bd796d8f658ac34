/* A class under load: what was asked for, who takes part, what came of it.
 *
 * One thread. A LoadClass owns its seats; a seat owns its connections.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "http-exchange.h"
#include "server-usage.h"
#include "spread.h"
#include "web-socket.h"

typedef struct
{
  char *url, *state_dir, *key;
  int students, listeners, messages, pid;
  double join_s, answer_s, chat_interval_s, patience_s;
  gboolean json;
  bool answers_by_socket;
} ClassOptions;

typedef struct LoadClass LoadClass;
typedef struct LoadSeat LoadSeat;

/* What a descriptor's events are for. */
typedef struct
{
  LoadSeat *seat;
  void (*ready) (LoadSeat *seat, unsigned events);
} LoadWatch;

/* A person with a page: one WebSocket, and one HTTP connection that is kept. */
struct LoadSeat
{
  LoadClass *class;
  bool is_teacher, is_in; /* is_in: the snapshot has come */
  LoadWatch http_watch, socket_watch;
  LoadHttp http;
  LoadRequest request; /* that runs; its texts are the seat's */
  char *body;
  void (*answered) (LoadSeat *seat, unsigned status); /* NULL: no request runs; 0: there was no answer */
  bool may_retry;                                     /* the connection may have ended since the request before */
  LoadSocket socket;
  char *token, *user_id;
  const char *failure; /* interned; the first thing that went wrong */
  /* quiz */
  unsigned published, acknowledged; /* how often */
  unsigned option;
  int64_t published_us, sent_us;
  /* chat */
  guint8 *heard; /* per message: how often */
};

typedef struct
{
  int64_t due_us;
  LoadSeat *seat;
  unsigned number;
} LoadDue;

typedef struct
{
  LoadUsage before, after;
} LoadPhaseUsage;

struct LoadClass
{
  ClassOptions options;
  LoadUrl server;
  int epoll;
  GPtrArray *seats; /* the teacher, the students, the listeners */
  char *class_id, *quiz_id;
  GPtrArray *problems; /* texts: what was lost, doubled or wrong beside seats' failures */
  /* what is due, ascending */
  GArray *schedule; /* LoadDue */
  unsigned next;
  void (*act) (const LoadDue *due);
  /* counted while it runs, so that to look whether a phase is over costs nothing */
  unsigned in, failed, heard_published, acknowledged;
  uint64_t heard_chat;
  unsigned progress; /* the highest `answered` that the teacher was told */
  int64_t publish_sent_us, publish_answered_us;
  int64_t *chat_sent_us;
  GArray *join_ms, *published_ms, *acknowledged_ms, *chat_ms; /* double */
  LoadPhaseUsage joining, publishing, answering, joining_more, chatting;
  bool has_usage;
  double own_cpu_s, measured_s;
  int64_t max_lag_us, max_busy_us;
};

/* class-options.c. Returns: false with what is wrong. */
bool class_options_parse (ClassOptions *options, LoadUrl *ret_server, int *argc, char ***argv, GError **error);
void class_options_clear (ClassOptions *options);

/* class-loop.c */
bool class_loop_watch (LoadClass *class, int fd, LoadWatch *watch);
void class_loop_add_due (LoadClass *class, int64_t due_us, LoadSeat *seat, unsigned number);
/* Acts on what has been added to the schedule, and hears, until all is done and @is_over says so, or the patience after the last
 * act has run out. Returns: whether @is_over said so. */
bool class_loop_run (LoadClass *class, void (*act) (const LoadDue *due), bool (*is_over) (LoadClass *class));

/* class-seat.c */
LoadSeat *class_seat_new (LoadClass *class);
void class_seat_free (LoadSeat *seat);
void class_seat_fail (LoadSeat *seat, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* @request: its texts stay the caller's for as long as the request runs, but for the body, which is copied. */
void class_seat_ask (LoadSeat *seat, const LoadRequest *request, void (*answered) (LoadSeat *seat, unsigned status));
/* Asks for a token, then opens the page. */
void class_seat_join (const LoadDue *due);
void class_seat_hang_up (LoadSeat *seat); /* HTTP only */

/* class-hear.c: what a page is told. */
void class_hear (void *seat, const char *text, size_t bytes, int64_t at_us);

/* class-quiz.c, class-chat.c: the phases. */
void class_quiz_run (LoadClass *class);
void class_chat_run (LoadClass *class);
#define CLASS_CHAT_TEXT "class-load message "

/* class-load.c */
void class_add_problem (LoadClass *class, const char *format, ...) G_GNUC_PRINTF (2, 3);
void class_read_usage (LoadClass *class, LoadUsage *ret_usage);
/* The teacher's request, waited for. Returns: the answer, an object, or NULL with a problem when its status is not @expected.
 * (transfer full) */
JsonNode *class_ask (LoadClass *class, const char *method, const char *target, const char *body, unsigned expected);

/* class-report.c */
void class_report_print (LoadClass *class);
void class_report_print_json (LoadClass *class);
/* Whether nothing was lost, doubled or wrong. */
bool class_report_is_good (const LoadClass *class);
