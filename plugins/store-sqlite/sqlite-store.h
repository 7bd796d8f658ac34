/* AirStore over SQLite. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

#define SQLITE_TYPE_STORE (sqlite_store_get_type ())
G_DECLARE_FINAL_TYPE (SqliteStore, sqlite_store, SQLITE, STORE, GObject)

/* @context must outlive it. Main thread. */
SqliteStore *sqlite_store_new (AirContext *context);
/* Opens the database at @path, which may wait: a worker thread. The collections have been loaded.
 * Returns false with AIR_ERROR_UNAVAILABLE or what a table cannot be made for. */
bool sqlite_store_open (SqliteStore *self, const char *path, unsigned readers, GError **error);
/* No operations are taken any more. Ends its threads after what waits; may wait: a worker thread. */
void sqlite_store_close (SqliteStore *self);

G_END_DECLS
