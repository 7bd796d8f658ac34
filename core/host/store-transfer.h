/* --export-store and --import-store: everything that the store has, as lines of JSON, from one provider to another. */
#pragma once

#include <airclass/store-provider.h>

#include "host/host.h"

G_BEGIN_DECLS

/* Starts the provider of the store alone, which needs the state folder for itself, and writes @path or reads it. Faults go to standard
 * error. Returns the exit status. Main thread, instead of air_host_run(). */
int air_host_transfer_store (AirHost *host, const char *path, bool import);

/* store-export.c, store-import.c: run the main loop until it is done. Returns false with the error. */
bool air_store_export (AirStore *store, const char *path, uint64_t *ret_documents, GError **error);
bool air_store_import (AirStore *store, const char *path, uint64_t *ret_documents, GError **error);

G_END_DECLS
