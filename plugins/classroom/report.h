/* A session by student: gathered from documents, told as JSON or CSV. Students are told apart by their user id: two may have one name. */
#pragma once

#include "classroom.h"

typedef struct _Report Report;

Report *report_new (JsonNode *session); /* (transfer full) as answers have it */
void report_free (Report *report);
/* @documents: (element-type JsonNode). @room: of the run, where it is still on; NULL: it has ended. */
void report_add_stays (Report *report, GPtrArray *documents, Room *room);
void report_add_messages (Report *report, GPtrArray *documents);
void report_add_questions (Report *report, GPtrArray *documents);
void report_add_answers (Report *report, GPtrArray *documents);
void report_add_engagement (Report *report, GPtrArray *documents);
/* (transfer full) */
JsonNode *report_attendance (Report *report);
JsonNode *report_json (Report *report);
GString *report_csv (Report *report);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Report, report_free)
