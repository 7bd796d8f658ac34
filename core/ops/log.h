/* The log writer: text, JSON or journald; one line an entry; control characters escaped; secrets blotted out. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_LOG_TEXT,
  AIR_LOG_JSON,
  AIR_LOG_JOURNALD,
} AirLogFormat;

/* Installs the writer for the whole process. May be called again to change format and level. Any thread afterwards. */
void air_log_setup (AirLogFormat format, GLogLevelFlags lowest);
/* A text that must never appear in the log (a key, a token's secret); it is replaced by "***". Any thread. */
void air_log_add_secret (const char *secret);

G_END_DECLS
