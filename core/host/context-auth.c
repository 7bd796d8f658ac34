/* Who somebody is: forwarded to the authority. */
#include "host/context-private.h"

AirIdentity *
air_context_authorize (AirContext *context, const AirAccess *access, GError **error)
{
  return air_authority_authorize (context->host->authority, access, error);
}

/* The state is known once create() has returned. */
typedef struct
{
  AirAdmission admission;
  AirAdmittedHandler issued;
} AdmissionRegistration;

static void
register_admission (AirContext *context, const void *what)
{
  const AdmissionRegistration *registration = what;
  air_authority_set_admission (context->host->authority, context, registration->admission, registration->issued, context->self);
}

void
air_context_set_admission (AirContext *context, AirAdmission admission, AirAdmittedHandler issued)
{
  AdmissionRegistration registration = { admission, issued };
  air_context_register (context, register_admission, &registration, sizeof registration);
}

void
air_context_revoke_tokens (AirContext *context, const char *family, bool revoked)
{
  air_authority_revoke (context->host->authority, family, revoked);
}

bool
air_context_revoke_student (AirContext *context, const char *class_id, const char *user_id, bool revoked)
{
  return air_authority_revoke_student (context->host->authority, class_id, user_id, revoked);
}

bool
air_context_revoke_class (AirContext *context, const char *class_id, bool students, int64_t until_us)
{
  return air_authority_revoke_class (context->host->authority, class_id, students, until_us);
}

AirIdentity *
air_context_authenticate (AirContext *context, const char *token, GInetAddress *address, GError **error)
{
  return air_authority_authenticate (context->host->authority, token, address, error);
}
