/* The head of one HTTP/1.1 request, checked strictly (RFC 9112) before anything else sees it. No state, any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct
{
  const char *name, *value; /* inside AirHead.bytes */
} AirHeadField;

typedef struct
{
  char *bytes; /* owned copy, cut into NUL-terminated pieces */
  const char *method;
  char *path;             /* decoded once, UTF-8, begins with '/' and has no "." or ".." segment; "*" for OPTIONS * */
  char **segments;        /* of the path, each decoded by itself: an encoded '/' is part of one */
  const char *query;      /* raw; NULL when there is none */
  const char *host;       /* "" when an HTTP/1.0 client sent none */
  GArray *fields;         /* AirHeadField */
  int64_t content_length; /* -1: none */
  bool is_chunked;
  bool is_http_1_0;
  bool wants_close; /* the connection ends after the answer */
  bool expects_continue;
  bool is_websocket; /* Upgrade: websocket and Connection: Upgrade */
} AirHead;

/* Looks for the end of a head from @from on (call again with what it returned when more has come).
 * Returns: the length of the head with its empty line; 0 when it is not complete yet; -1 when it can never be one (a
 * bare CR or LF, a NUL). */
gssize air_head_find_end (const char *bytes, size_t length, size_t *from);
/* @bytes: as measured by air_head_find_end(). Returns: (transfer full), or NULL with the status to answer and a
 * reason for people. */
AirHead *air_head_parse (const char *bytes, size_t length, unsigned *ret_status, const char **ret_reason);
void air_head_free (AirHead *head);
/* The value of the first field of that name; NULL when there is none. */
const char *air_head_get (const AirHead *head, const char *name);
/* (transfer full) The values of all fields of that name as one list, separated by commas; NULL when there is none. */
char *air_head_join (const AirHead *head, const char *name);
/* Whether a comma-separated field contains @token. */
bool air_head_has_token (const AirHead *head, const char *name, const char *token);

/* Decodes %XX once. Returns: (transfer full) NULL for a broken escape, a control character or what is not UTF-8. */
char *air_percent_decode (const char *text, gssize length, bool plus_is_space);

/* One chunk-size line of a chunked body (RFC 9112 §7.1), without its CRLF. Extensions are skipped.
 * Returns false when it is malformed or larger than 2^40. */
bool air_chunk_parse_size (const char *line, size_t length, uint64_t *ret_size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirHead, air_head_free)

G_END_DECLS
