/* Keeps one kind of log line from filling the disk. Not thread-safe: the log writer calls it under its lock. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _AirLogLimiter AirLogLimiter;

AirLogLimiter *air_log_limiter_new (void);
void air_log_limiter_free (AirLogLimiter *limiter);

/* Whether a line may be written now. Lines are of one kind when they differ only in numbers, addresses and quoted text.
 * Of each kind 20 may come at once and then one a second; of each domain 500 at once and then 50 a second.
 * @ret_left_out: how many of this kind were left out since the last one that was written. */
bool air_log_limiter_pass (AirLogLimiter *limiter, const char *domain, const char *message, int64_t now_us,
                           uint64_t *ret_left_out);

/* Returns: (transfer full) one kind of which lines were left out and none came for 10 s, with their count; it is
 * forgotten then. NULL when there is none. */
char *air_log_limiter_take_quiet (AirLogLimiter *limiter, int64_t now_us, char **ret_domain, uint64_t *ret_left_out);

G_END_DECLS
