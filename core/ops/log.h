/* The log writer: text, JSON or journald; one line an entry; control characters escaped; secrets blotted out; lines of
 * one kind limited, so that a stranger cannot fill the disk. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/metrics.h>
#include <airclass/plugin.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_LOG_TEXT,
  AIR_LOG_JSON,
  AIR_LOG_JOURNALD,
} AirLogFormat;

/* Section [log]: format= and level=, both live. */
extern const AirPlugin air_log_component;

/* Installs the writer for the whole process. May be called again to change format and level. Any thread afterwards.
 * Without a journal, AIR_LOG_JOURNALD falls back to text. */
void air_log_setup (AirLogFormat format, GLogLevelFlags lowest);
/* A text that must never appear in the log (a key, a token's secret); it is replaced by "***". Any thread. */
void air_log_add_secret (const char *secret);

/* Writes how many lines were left out of the kinds that have gone quiet. Any thread. */
void air_log_report_left_out (void);
/* Counters by level and of the lines left out; both NULL takes them back. Any thread. */
void air_log_set_metrics (AirMetric *lines, AirMetric *left_out);

/* Returns: (transfer full) one line as it is written, ended by LF. @at_us: since the epoch. For AIR_LOG_TEXT and _JSON.
 */
char *air_log_format_line (AirLogFormat format, GLogLevelFlags level, const char *domain, const char *message,
                           int64_t at_us);

G_END_DECLS
