/* The pool of connections, indexes, errors. Nothing here is called on the main thread, but for opening and closing the pool. */
#pragma once

#include <airclass/airclass.h>

#include "bson-json.h"

G_BEGIN_DECLS

/* Of a read without a limit: as much as an answer holds, instead of 101 at first. */
#define DATABASE_BATCH_DOCUMENTS 100000

typedef struct
{
  mongoc_client_pool_t *pool; /* thread-safe */
  char *name;                 /* of the database */
} Database;

/* @uri: mongodb://… with time-outs of its own cut to 2 s. Returns NULL with AIR_ERROR_INVALID, which does not repeat @uri. */
Database *database_new (const char *uri, const char *name, GError **error);
void database_free (Database *database);

/* The error in our terms: AIR_ERROR_UNAVAILABLE when the database is away, or what became of the operation is not known. Returns false. */
bool database_fail (const bson_error_t *fault, GError **error);
/* (transfer full) to be destroyed. */
mongoc_collection_t *database_get_collection (const Database *database, mongoc_client_t *client, const AirStoreCollection *collection);
/* Whether it answers. */
bool database_ping (const Database *database, mongoc_client_t *client, GError **error);
/* Makes the indexes of @collections. */
bool database_make_indexes (const Database *database, mongoc_client_t *client, GPtrArray *collections, GError **error);
/* Which primary takes the writes, in which term: two equal answers mean that no other did in between. (transfer full) */
char *database_get_term (const Database *database, mongoc_client_t *client, GError **error);
/* Returns when all that @client wrote before is durable (w:majority, j:true): the journal and the oplog keep the order. */
bool database_sync (const Database *database, mongoc_client_t *client, const char *node, GError **error);

G_END_DECLS
