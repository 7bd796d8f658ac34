/* RFC 9457 problem documents. No state. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The reason phrase of a status. */
const char *air_status_title (unsigned status);
/* Returns: (transfer full) the document as JSON; @detail may be NULL. */
char *air_problem_to_json (unsigned status, const char *slug, const char *detail);
/* The slug for a status where nothing more exact is known: "not-found". */
const char *air_status_slug (unsigned status);

G_END_DECLS
