/* Who somebody is: forwarded to the authority. */
#include "host/context-private.h"

AirIdentity *
air_context_authorize (AirContext *context, const AirAccess *access, GError **error)
{
  return air_authority_authorize (context->host->authority, access, error);
}

AirIdentity *
air_context_authenticate (AirContext *context, const char *token, GInetAddress *address, GError **error)
{
  return air_authority_authenticate (context->host->authority, token, address, error);
}
