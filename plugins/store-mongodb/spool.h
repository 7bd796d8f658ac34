/* Writes that wait on the disk while the database is away: one JSON text a line, in order. One thread at a time. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

typedef struct _Spool Spool;

/* @folder: of the plugin's state. What an earlier run left is there again; a last line that was not finished was not acknowledged and
 * is cut off. Returns NULL with AIR_ERROR_UNAVAILABLE. */
Spool *spool_new (const char *folder, uint64_t max_bytes, GError **error);
void spool_free (Spool *spool);
bool spool_is_empty (const Spool *spool);
/* Bytes that wait. */
uint64_t spool_get_size (const Spool *spool);
/* Appends @lines (element-type utf8, without newlines) durably: all or none. AIR_ERROR_LIMIT: there is no room. */
bool spool_append (Spool *spool, GPtrArray *lines, GError **error);
/* Returns: (transfer full) (element-type utf8) the first lines, at most @count; *@ret_next: for spool_done(). NULL with the error. */
GPtrArray *spool_peek (Spool *spool, unsigned count, uint64_t *ret_next, GError **error);
/* All before @next is done and does not come again, also after a crash. */
bool spool_done (Spool *spool, uint64_t next, GError **error);

G_END_DECLS
