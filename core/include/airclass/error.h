/* The error domain of the plugin API. */
#pragma once

#include <airclass/types.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_ERROR_FAILED,       /* none of the others */
  AIR_ERROR_INVALID,      /* the caller's or a stranger's input is malformed */
  AIR_ERROR_UNAUTHORIZED, /* no or a wrong credential */
  AIR_ERROR_FORBIDDEN,    /* a good credential that does not grant this */
  AIR_ERROR_NOT_FOUND,    /* no such stream, service, document */
  AIR_ERROR_CONFLICT,     /* a stream that already has a publisher, a duplicate registration */
  AIR_ERROR_LIMIT,        /* a limit was reached */
  AIR_ERROR_RATE_LIMITED, /* too many failed tries; retry later */
  AIR_ERROR_UNSUPPORTED,  /* a codec or feature that is not taken */
  AIR_ERROR_UNAVAILABLE,  /* a dependency is down */
} AirErrorCode;

#define AIR_ERROR (air_error_quark ())
AIR_PUBLIC GQuark air_error_quark (void);
/* With AIR_ERROR_RATE_LIMITED: after how many seconds another try makes sense; 0: not known, or another error. */
AIR_PUBLIC unsigned air_error_get_retry_after_s (const GError *error);
/* @error must be of the domain AIR_ERROR. */
AIR_PUBLIC void air_error_set_retry_after_s (GError *error, unsigned seconds);

G_END_DECLS
