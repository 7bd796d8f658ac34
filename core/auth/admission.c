/* Whether a student may come in: asks whoever knows the class, and slows down guessing. Main thread. */
#define G_LOG_DOMAIN "air-auth"

#include <airclass/error.h>
#include <string.h>

#include "auth/authority-private.h"
#include "auth/secret-file.h"

void
air_admitted_clear (AirAdmitted *admitted)
{
  g_clear_pointer (&admitted->user_id, g_free);
  g_clear_pointer (&admitted->name, g_free);
}

void
air_authority_set_admission (AirAuthority *authority, AirContext *owner, AirAdmission admission, AirAdmittedHandler issued,
                             void *self)
{
  g_return_if_fail (authority->admission == NULL);
  authority->admission_owner = owner;
  authority->admission = admission;
  authority->admitted = issued;
  authority->admission_self = self;
}

void
air_authority_remove_owner (AirAuthority *authority, AirContext *owner)
{
  if (authority->admission_owner != owner)
    return;
  authority->admission_owner = NULL;
  authority->admission = NULL;
  authority->admitted = NULL;
  authority->admission_self = NULL;
}

/* A family ends with its session's lifetime; refreshing is refused before. */
void
air_authority_revoke (AirAuthority *authority, const char *family, bool revoked)
{
  int64_t now_us = authority->surroundings.get_monotonic_us ();
  int64_t lifetime_us = (authority->secrets.session_lifetime_s + authority->secrets.token_lifetime_s) * G_USEC_PER_SEC;
  air_families_revoke (authority->families, family, now_us, revoked ? now_us + lifetime_us : 0);
}

bool
air_authority_revoke_student (AirAuthority *authority, const char *class_id, const char *user_id, bool revoked)
{
  return air_families_revoke_person (authority->families, class_id, user_id, revoked);
}

bool
air_authority_revoke_class (AirAuthority *authority, const char *class_id, bool students, int64_t until_us)
{
  return air_families_revoke_class (authority->families, class_id, students, until_us);
}

static void
set_rate_limited (unsigned retry_after_s, GError **error)
{
  g_autoptr (GError) limited
      = g_error_new (AIR_ERROR, AIR_ERROR_RATE_LIMITED, "too many wrong PINs; try again in %u s", retry_after_s);
  air_error_set_retry_after_s (limited, retry_after_s);
  g_propagate_error (error, g_steal_pointer (&limited));
}

bool
air_authority_admit (AirAuthority *authority, const AirTokenRequest *request, AirAdmitted *ret_admitted, GError **error)
{
  if (authority->admission == NULL)
    {
      ret_admitted->user_id = g_strdup (request->user_id);
      return true;
    }
  int64_t now_us = authority->surroundings.get_monotonic_us ();
  unsigned retry_after_s = 0;
  bool tries = request->pin != NULL || request->join != NULL;
  /* Whoever has guessed too often: a PIN is not looked at, and what is wrong with the rest does not count against the class any more. */
  bool held = tries
              && !air_failure_limiter_may_try (authority->pin_limiter, request->address, request->class_id, now_us, &retry_after_s);
  const AirAdmissionRequest asked = { .class_id = request->class_id,
                                      .user_id = request->user_id,
                                      .name = request->name,
                                      .pin = held ? NULL : request->pin,
                                      .join = request->join,
                                      .identity = request->identity,
                                      .address = request->address };
  if (held && request->join == NULL)
    {
      air_authority_note_refusal (authority, request->address, "a student", "rate-limited");
      set_rate_limited (retry_after_s, error);
      return false;
    }
  g_autoptr (GError) refused = NULL;
  if (authority->admission (&asked, ret_admitted, authority->admission_self, &refused))
    {
      if (asked.pin != NULL)
        air_failure_limiter_succeeded (authority->pin_limiter, request->address, request->class_id, now_us);
      return true;
    }
  bool guessed = g_error_matches (refused, AIR_ERROR, AIR_ERROR_UNAUTHORIZED) && tries;
  if (guessed && held)
    {
      air_authority_note_refusal (authority, request->address, "a student", "rate-limited");
      set_rate_limited (retry_after_s, error);
      return false;
    }
  if (guessed)
    {
      air_failure_limiter_failed (authority->pin_limiter, request->address, request->class_id, now_us);
      air_authority_note_refusal (authority, request->address, "a student", "wrong-pin");
    }
  g_propagate_error (error, g_steal_pointer (&refused));
  return false;
}
