/* Slows down guessing: counts failures by address, by path, and by both, and answers how long to wait. Thread-safe. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _AirFailureLimiter AirFailureLimiter;

AirFailureLimiter *air_failure_limiter_new (void);
void air_failure_limiter_free (AirFailureLimiter *limiter);

/* Whether @address may try a credential for @path (may be NULL) now. IPv6 addresses count by their /64.
 * @ret_retry_after_s: how long to wait, at least 1, when it may not. */
bool air_failure_limiter_may_try (AirFailureLimiter *limiter, GInetAddress *address, const char *path, int64_t now_us,
                                  unsigned *ret_retry_after_s);
void air_failure_limiter_failed (AirFailureLimiter *limiter, GInetAddress *address, const char *path, int64_t now_us);
/* Forgets the failures of @address for @path; its failures for other paths stay. */
void air_failure_limiter_succeeded (AirFailureLimiter *limiter, GInetAddress *address, const char *path,
                                    int64_t now_us);

G_END_DECLS
