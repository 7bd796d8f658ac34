/* The session's figures as JSON: what the API, the sockets and the store have. No clock, no store. Times as in session.h. */
#pragma once

#include "session.h"

/* As GET /api/engagement/students has it. (transfer full) */
JsonNode *engagement_student_to_json (const EngagementSession *session, const EngagementStudent *student);
/* A hash of what a page shows of a student, so that only what changed is sent. Never 0. */
unsigned engagement_student_signature (const EngagementSession *session, const EngagementStudent *student);
/* The figures of the whole: GET /api/engagement/session-stats. (transfer full) */
JsonNode *engagement_session_stats (EngagementSession *session, int64_t now_us);
/* {level, threshold, active, present}. (transfer full) */
JsonNode *engagement_confusion_to_json (const EngagementConfusion *confusion);
/* [{alert_id, at, ended_at, stream_ms, level, threshold, present}]. (transfer full) */
JsonNode *engagement_alerts_to_json (const EngagementSession *session);
/* [{at, mean, on_page, confusion, present}]. (transfer full) */
JsonNode *engagement_points_to_json (const EngagementSession *session);
int64_t engagement_stream_ms (const EngagementSession *session, int64_t at_us);

/* The documents of engagement_data and session_summaries, and back. (transfer full) @ended_us: monotonic; 0: it runs. */
JsonNode *engagement_student_to_document (const EngagementSession *session, const EngagementStudent *student);
JsonNode *engagement_session_to_document (EngagementSession *session, int64_t ended_us, int64_t now_us);
/* What is no such document is left out. */
void engagement_session_restore_student (EngagementSession *session, JsonNode *document, int64_t now_us);
void engagement_session_restore (EngagementSession *session, JsonNode *summary, int64_t now_us);

/* @array: (transfer full). (transfer full) */
JsonNode *engagement_take_array (JsonArray *array);
/* A copy of the members @names (NULL-terminated) of @document; an absent one is null. (transfer full) */
JsonNode *engagement_pick (JsonNode *document, const char *const *names);
/* The members of a student's row and of the session's stats. */
extern const char *const engagement_row_members[], *const engagement_stats_members[];
