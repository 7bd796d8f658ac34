/* One connection to the database, used by one thread at a time. */
#pragma once

#include <airclass/store-provider.h>
#include <sqlite3.h>

G_BEGIN_DECLS

#define SQLITE_STORE_FILE "store.db"

/* @writes: makes the file, and writes durably; else it only reads. Returns NULL with AIR_ERROR_UNAVAILABLE. */
sqlite3 *database_open (const char *path, bool writes, GError **error);
/* Runs @sql, which answers nothing. */
bool database_run (sqlite3 *database, const char *sql, GError **error);
/* Returns: (transfer full) to be finalized with g_clear_pointer (…, sqlite3_finalize); NULL with the error. */
sqlite3_stmt *database_prepare (sqlite3 *database, const char *sql, GError **error);
/* Runs @statement, which answers nothing. */
bool database_step (sqlite3 *database, sqlite3_stmt *statement, GError **error);
/* The error of the last call in our terms. Returns false. */
bool database_fail (sqlite3 *database, GError **error);
/* Tables and indexes for @collections (element-type AirStoreCollection); indexes that no collection wants any more go. */
bool database_make_tables (sqlite3 *database, GPtrArray *collections, GError **error);
/* "c_NAME", quoted. (transfer full) */
char *database_table (const AirStoreCollection *collection);
/* Appends what reads @field of a document; the indexes are made with the same words. */
void database_append_field (GString *sql, const AirStoreCollection *collection, const char *field);

G_END_DECLS
