/* The known word nearest to a mistyped one, for messages. No state; any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* @candidates: (element-type utf8). Returns: (transfer none) NULL when none is near. */
const char *air_nearest (const char *word, const GPtrArray *candidates);

G_END_DECLS
