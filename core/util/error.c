/* The error domain of the plugin API. */
#include <airclass/error.h>

GQuark
air_error_quark (void)
{
  return g_quark_from_static_string ("air-error-quark");
}
