/* How good questions are, by classical test theory: pure functions of the answers. */
#pragma once

#include <json-glib/json-glib.h>

typedef struct _ItemAnalysis ItemAnalysis;

ItemAnalysis *item_analysis_new (void);
void item_analysis_free (ItemAnalysis *analysis);
/* One answer; @credit 0 to 1, NAN: a poll has none. */
void item_analysis_add (ItemAnalysis *analysis, const char *session_id, const char *quiz_id, const char *student_id, double credit,
                        double response_ms);
/* The figures of one question, {answered, correct_share, mean_credit, difficulty, discrimination, mean_response_ms}; null where
 * there are none. Discrimination is the point-biserial correlation of the credit with the mean credit of the same students for the
 * other questions of that session (for partial credit Pearson's); null with fewer than five such students, or when all are alike.
 * (transfer full) */
JsonNode *item_analysis_describe (ItemAnalysis *analysis, const char *quiz_id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ItemAnalysis, item_analysis_free)
