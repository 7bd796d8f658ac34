/* One write, as it waits in the queue or in the spool, and how it is done. Each has an operation's id, which is kept with what it wrote:
 * doing it again finds that it was done. */
#pragma once

#include "database.h"

G_BEGIN_DECLS

/* How many of the last operations' ids a document keeps; so no more writes than that may be done again after a crash. */
#define WRITE_KEPT_OPERATIONS 32

typedef struct
{
  AirStoreWrite base; /* without a task: from the spool */
  char *line;         /* as in the spool */
  bool spoolable;     /* needs not know what is in the database */
} Write;

/* Main thread. Returns: (transfer full) */
Write *write_new_insert (const AirStoreCollection *collection, JsonNode *document, GTask *task);
Write *write_new_update (const AirStoreCollection *collection, JsonNode *filter, JsonNode *changes, unsigned flags, GTask *task);
Write *write_new_remove (const AirStoreCollection *collection, JsonNode *filter, GTask *task);
/* From the spool. Returns NULL with AIR_ERROR_INVALID when @line is none, or its collection is no more. Any thread. */
Write *write_from_line (AirStore *store, const char *line, GError **error);
void write_free (Write *write);

/* Does it; it is durable after database_sync(). Sets the result, or the error. */
void write_apply (Write *write, const Database *database, mongoc_client_t *client);

G_END_DECLS
