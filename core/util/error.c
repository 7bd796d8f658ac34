/* The error domain of the plugin API; its errors carry when to try again. Stateless; any thread. */
#include <airclass/error.h>

typedef struct
{
  unsigned retry_after_s;
} AirErrorPrivate;

static void
air_error_private_init (AirErrorPrivate *private)
{
  private->retry_after_s = 0;
}

static void
air_error_private_copy (const AirErrorPrivate *source, AirErrorPrivate *copy)
{
  *copy = *source;
}

static void
air_error_private_clear (AirErrorPrivate *private)
{
}

G_DEFINE_EXTENDED_ERROR (AirError, air_error)

unsigned
air_error_get_retry_after_s (const GError *error)
{
  return error != NULL && error->domain == AIR_ERROR ? air_error_get_private (error)->retry_after_s : 0;
}

void
air_error_set_retry_after_s (GError *error, unsigned seconds)
{
  g_return_if_fail (error != NULL && error->domain == AIR_ERROR);
  air_error_get_private (error)->retry_after_s = seconds;
}
