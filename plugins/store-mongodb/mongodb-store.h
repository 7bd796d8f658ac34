/* AirStore over MongoDB's protocol. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

#define MONGODB_TYPE_STORE (mongodb_store_get_type ())
G_DECLARE_FINAL_TYPE (MongodbStore, mongodb_store, MONGODB, STORE, GObject)

/* @context must outlive it. Main thread. */
MongodbStore *mongodb_store_new (AirContext *context);
/* Opens spool and pool with the context's options. With `required` the database must answer. May wait: a worker thread.
 * Returns false with AIR_ERROR_UNAVAILABLE or AIR_ERROR_INVALID. */
bool mongodb_store_open (MongodbStore *self, const char *folder, GError **error);
/* No operations are taken any more. Ends its threads after what waits; may wait: a worker thread. */
void mongodb_store_close (MongodbStore *self);

G_END_DECLS
