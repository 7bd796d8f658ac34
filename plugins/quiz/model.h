/* A question: its document, read once and checked. Immutable, no state beside it, any thread. */
#pragma once

#include <airclass/json.h>

G_BEGIN_DECLS

#define QUIZ_MAX_OPTIONS 20
#define QUIZ_MAX_ACCEPTED 20     /* right answers of one question */
#define QUIZ_MAX_ANSWER_CHARS 500
#define QUIZ_MAX_EXTRA 500       /* students with extra time */

typedef enum
{
  QUIZ_SINGLE,
  QUIZ_MULTIPLE,
  QUIZ_TRUE_FALSE,
  QUIZ_TEXT,
  QUIZ_NUMBER,
  QUIZ_ORDER,
  QUIZ_POLL,
} QuizType;

typedef enum
{
  QUIZ_DRAFT,
  QUIZ_OPEN,
  QUIZ_CLOSED,
  QUIZ_REVEALED,
} QuizState;

typedef struct
{
  JsonNode *document; /* owned, as in the collection `quizzes`; the texts below are borrowed from it */
  const char *quiz_id, *class_id;
  const char *session_id; /* NULL: outside of a session, or a draft */
  const char *question;
  const char *anonymous_key; /* makes the names of an anonymous question's answers; NULL once it is closed */
  QuizType type;
  QuizState state;
  JsonArray *options; /* of {id, text}; NULL for text and number */
  JsonArray *correct; /* texts, or numbers; NULL for a poll */
  double tolerance;
  bool is_exact; /* order: all or nothing */
  bool is_speed, is_anonymous;
  int points;
  int64_t time_limit_ms; /* 0: open until it is closed */
  int64_t published_us, closes_us; /* wall clock; 0: not yet, or without a limit */
} Quiz;

/* Completes what a teacher gave (@input, of the schema QuizCreate) to a draft: ids of options, the two options of true_false, defaults.
 * Returns: (transfer full) the members of the document that describe the question, or NULL with AIR_ERROR_INVALID. */
JsonNode *quiz_complete (JsonNode *input, GError **error);

/* @document: (transfer full). Returns: NULL with AIR_ERROR_INVALID where it is none of ours. */
Quiz *quiz_new (JsonNode *document, GError **error);
/* The same question with the members of @changes (transfer full, an object); a null takes a member away. */
Quiz *quiz_with (const Quiz *quiz, JsonNode *changes);
void quiz_free (Quiz *quiz);

bool quiz_type_from_string (const char *text, QuizType *ret_type);
const char *quiz_type_to_string (QuizType type);
const char *quiz_state_to_string (QuizState state);

unsigned quiz_count_options (const Quiz *quiz);
const char *quiz_option_id (const Quiz *quiz, unsigned index);
/* Returns: its index, or -1. */
int quiz_find_option (const Quiz *quiz, const char *id);

/* How much longer than others @user_id may answer, in ms; 0: not at all, or there is no limit. */
int64_t quiz_extra_ms (const Quiz *quiz, const char *user_id);

/* What a student sent, in the form in which it is stored and compared. (transfer full) or NULL with AIR_ERROR_INVALID. */
JsonNode *quiz_take_answer (const Quiz *quiz, JsonNode *answer, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Quiz, quiz_free)

G_END_DECLS
