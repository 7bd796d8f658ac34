/* SQL with the values that are bound to it: made on the main thread, run on another. */
#pragma once

#include "database.h"

G_BEGIN_DECLS

typedef struct
{
  GString *sql;
  GPtrArray *values; /* (element-type JsonNode) texts, numbers, booleans */
} Statement;

Statement *statement_new (const char *sql);
void statement_free (Statement *statement);
/* @value: (transfer none) */
void statement_bind (Statement *statement, JsonNode *value);
void statement_bind_text (Statement *statement, const char *text);
/* Appends the condition for @filter (NULL: all), which was checked. */
void statement_append_filter (Statement *statement, const AirStoreCollection *collection, JsonNode *filter);
/* Returns: (transfer full) the prepared statement with its values bound, NULL with the error. */
sqlite3_stmt *statement_prepare (const Statement *statement, sqlite3 *database, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Statement, statement_free)

G_END_DECLS
