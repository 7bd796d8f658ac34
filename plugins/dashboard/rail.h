/* The alerts of one session in one rail: what is new, what goes on, what the teacher has seen or put off. No clock, no store, no
 * socket: times are arguments, microseconds of the wall clock. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct
{
  char *id, *type, *subject, *text;
  JsonNode *details;
  int64_t at_us, stream_ms;
  int64_t ended_us, acked_us, snoozed_until_us; /* 0: not */
  char *acked_by;
  bool put_off; /* snoozed, and not shown again yet */
} Alert;

typedef struct
{
  char *session_id, *class_id;
  char *class_created_at; /* NULL: not known */
  GPtrArray *alerts; /* (element-type Alert), the oldest first */
  int64_t repeat_us; /* what comes back sooner than this is the same alert */
  unsigned maximum;  /* so many are kept in memory */
} AlertRail;

AlertRail *alert_rail_new (const char *session_id, const char *class_id, int64_t repeat_us, unsigned maximum);
void alert_rail_free (AlertRail *rail);

/* Something is wrong. @id: (nullable) the alert's, if it is new; @details: (transfer full).
 * Returns: (transfer none) the alert when it is new or has come back, to be written and shown; NULL: it is known. */
Alert *alert_rail_raise (AlertRail *rail, const char *type, const char *subject, const char *id, const char *text, JsonNode *details,
                         int64_t stream_ms, int64_t now_us);
/* It is well again. Returns: (transfer none) the alert that ended; NULL: there was none. */
Alert *alert_rail_end (AlertRail *rail, const char *type, const char *subject, int64_t now_us);
/* The alert that goes on; NULL: none. */
Alert *alert_rail_find_open (AlertRail *rail, const char *type, const char *subject);
Alert *alert_rail_find (AlertRail *rail, const char *id);
/* Calls @visit for each alert that was put off until now and still goes on. */
void alert_rail_look (AlertRail *rail, int64_t now_us, void (*visit) (AlertRail *rail, Alert *alert, void *data), void *data);
unsigned alert_rail_count_open (AlertRail *rail, const char *type);
/* Neither seen nor put off: what the teacher sees. */
bool alert_is_shown (const Alert *alert, int64_t now_us);
/* Those that are shown, the newest first, at most @limit. (transfer full) */
JsonNode *alert_rail_to_json (const AlertRail *rail, unsigned limit, int64_t now_us);
/* The document of `alerts`, without created_at. (transfer full) */
JsonNode *alert_to_json (const AlertRail *rail, const Alert *alert);
/* Puts a document back; what is none is left out. Documents come in the order of their times. */
void alert_rail_restore (AlertRail *rail, JsonNode *document);
/* Takes what @changes has: the members that were set in the store. The others stay, since the alert goes on meanwhile. */
void alert_take_changes (Alert *alert, JsonNode *changes, int64_t now_us);
