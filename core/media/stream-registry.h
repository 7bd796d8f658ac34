/* All streams of this host, by path. Thread-safe. It is the built-in component [streams]. */
#pragma once

#include <airclass/context.h>
#include <airclass/plugin.h>
#include <airclass/stream.h>

G_BEGIN_DECLS

typedef struct _AirStreamRegistry AirStreamRegistry;

/* Section [streams] (paths=, hold=, gop_cache_bytes=, gop_cache_ms=, max_streams=, default_path=, …); create() returns
 * an AirStreamRegistry, registers GET /api/streams and GET /api/streams/{path}; stop() ends all streams. */
extern const AirPlugin air_streams_component;

/* @owner is the key for removal; may be any context. */
AirPublisher *air_stream_registry_publish (AirStreamRegistry *registry, AirContext *owner, const char *path,
                                           const AirPublisherInfo *info, GError **error);
AirStream *air_stream_registry_find (AirStreamRegistry *registry, const char *path);
GPtrArray *air_stream_registry_list (AirStreamRegistry *registry);
AirReader *air_stream_registry_add_reader (AirStreamRegistry *registry, AirContext *owner, AirStream *stream,
                                           const AirReaderConfig *config, GError **error);
/* Takes back the warnings of @owner. */
void air_stream_registry_remove_owner (AirStreamRegistry *registry, AirContext *owner);
/* Publishers and readers that @owner has not closed: asserted to be 0 after its stop(); logs each one by name. */
unsigned air_stream_registry_count_owner (AirStreamRegistry *registry, AirContext *owner);

/* stream-warnings.c: what the context forwards. */
void air_stream_set_warning (AirStream *stream, AirContext *owner, const char *type, const char *text,
                             JsonObject *parameters);
void air_stream_clear_warning (AirStream *stream, AirContext *owner, const char *type);

/* Asks the publisher of @path to go. Returns false when there is none. */
bool air_stream_registry_end_publisher (AirStreamRegistry *registry, const char *path);

G_END_DECLS
