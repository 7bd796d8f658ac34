/* What an answer is worth. Pure; any thread. */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* @answer as quiz_take_answer() gives it. From 0 (wrong) to 1 (right); NAN for a poll, which has no right answer.
 *   single, true_false, text, number: 1 where it is one of the accepted ones, else 0
 *   multiple: max (1 - 2 * wrong / n, 0), wrong: of n options those ticked wrongly, or wrongly not
 *   order: the share of pairs that stand in the right order; with credit "exact" all or nothing */
double quiz_credit (const Quiz *quiz, JsonNode *answer);

/* round (points * credit); in speed mode round (points * credit * (1 - t / 2T)), all of it within the first 0.5 s, never less than the half.
 * @response_ms: t, from the publishing to the answer. @time_limit_ms: T, that this student has. */
int quiz_points (const Quiz *quiz, double credit, int64_t response_ms, int64_t time_limit_ms);

/* Wholly right: a share of the credit is not enough. */
bool quiz_is_right (double credit);

G_END_DECLS
