/* Compression of whole texts. No state; any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_CODING_IDENTITY,
  AIR_CODING_GZIP,
  AIR_CODING_BROTLI,
} AirCoding;

#define AIR_CODING_COUNT 3

/* "gzip", "br"; "identity". */
const char *air_coding_to_string (AirCoding coding);
/* Returns: (transfer full) NULL when that would save nothing. */
GBytes *air_compress (GBytes *bytes, AirCoding coding);

G_END_DECLS
