/* One key a path, for encoders that cannot carry a token. Immutable once made; thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _AirStreamKeys AirStreamKeys;

/* @default_key is the key of @default_path. Other paths have the key that @file names (lines `path = key`, # begins a
 * comment; NULL: no file), else one that is derived from @seed.
 * Returns: (transfer full) NULL with AIR_ERROR_INVALID and the line when @file is malformed or may be read by
 * everybody. */
AirStreamKeys *air_stream_keys_new (const char *default_path, const char *default_key, const char *seed,
                                    const char *file, GError **error);
void air_stream_keys_free (AirStreamKeys *keys);
/* @since_us: another time gives another derived key; 0: the first one. Returns: (transfer full) */
char *air_stream_keys_get (const AirStreamKeys *keys, const char *path, int64_t since_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirStreamKeys, air_stream_keys_free)

G_END_DECLS
