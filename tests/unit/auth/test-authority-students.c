/* Who is let into a class, and who is shut out again: by name, by family of tokens, with the whole class. */
#include "authority-fixture.h"

static bool
admit (const AirAdmissionRequest *request, AirAdmitted *ret_admitted, void *self, GError **error)
{
  ++*(unsigned *)self;
  if (air_secret_equal (request->join, "the-join-secret") || air_secret_equal (request->pin, "123456"))
    {
      ret_admitted->user_id = g_strdup (request->user_id);
      return true;
    }
  g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "no");
  return false;
}

static void
test_admission (Fixture *fixture, const void *data)
{
  unsigned asked = 0;
  AirTokenRequest request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
  air_authority_set_admission (fixture->authority, NULL, admit, NULL, &asked);
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_UNAUTHORIZED);
  request.pin = "123456";
  request.name = " a  b ";
  g_auto (AirIssuedToken) issued = { 0 };
  g_assert_true (air_authority_issue (fixture->authority, &request, &issued, NULL));
  g_assert_cmpstr (air_identity_get_name (issued.identity), ==, "a b");
  /* Wrong PINs: soon none is looked at, a right one neither; the link and the teacher's key are. */
  for (unsigned i = 0; i < 20; i++)
    {
      request.pin = "000000";
      issue (fixture, &request);
    }
  unsigned before = asked;
  request.pin = "123456";
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_RATE_LIMITED);
  g_assert_cmpuint (asked, ==, before);
  /* A wrong link beside it opens no way round. */
  request.join = "";
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_RATE_LIMITED);
  request.join = "the-join-secret";
  g_assert_cmpint (issue (fixture, &request), ==, -1);
  AirTokenRequest teacher = want (fixture, AIR_ROLE_TEACHER, AIR_ACTION_READ, TEACHER_KEY);
  g_assert_cmpint (issue (fixture, &teacher), ==, -1);
  air_authority_remove_owner (fixture->authority, NULL);
  request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
  g_assert_cmpint (issue (fixture, &request), ==, -1);
  request.name = "\u202e";
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_INVALID);
}

static void
test_revoking (Fixture *fixture, const void *data)
{
  AirTokenRequest request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
  g_auto (AirIssuedToken) issued = { 0 };
  g_assert_true (air_authority_issue (fixture->authority, &request, &issued, NULL));
  g_autoptr (AirIdentity) running = air_authority_authenticate (fixture->authority, issued.token, fixture->address, NULL);
  const char *family = air_identity_get_family (running);
  int64_t end_s = air_identity_get_expires_at (running);
  air_authority_revoke (fixture->authority, family, true);
  /* What runs has expired; the token is worth nothing, and that is no guess. */
  g_assert_cmpint (air_identity_get_expires_at (running), ==, 1);
  g_assert_null (air_authority_authenticate (fixture->authority, issued.token, fixture->address, NULL));
  air_authority_revoke (fixture->authority, family, false);
  g_assert_cmpint (air_identity_get_expires_at (running), ==, end_s);
  g_autoptr (AirIdentity) again = air_authority_authenticate (fixture->authority, issued.token, fixture->address, NULL);
  g_assert_nonnull (again);
}

static bool
admit_all (const AirAdmissionRequest *request, AirAdmitted *ret_admitted, void *self, GError **error)
{
  bool *open = self;
  ret_admitted->user_id = g_strdup (request->user_id);
  if (!*open)
    g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "banned from this class");
  return *open;
}

/* Whoever is shut out by user id: tokens that nobody has seen yet, and those of another issuer, which have no family. */
static void
test_revoking_a_student (Fixture *fixture, const void *data)
{
  AirAuthority *authority = fixture->authority;
  AirTokenRequest request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
  request.user_id = "minji";
  g_auto (AirIssuedToken) issued = { 0 }, teacher = { 0 };
  g_assert_true (air_authority_issue (authority, &request, &issued, NULL));
  request = want (fixture, AIR_ROLE_TEACHER, AIR_ACTION_READ, TEACHER_KEY);
  request.user_id = "minji";
  g_assert_true (air_authority_issue (authority, &request, &teacher, NULL));
  const AirIdentitySpec foreign = { .role = AIR_ROLE_STUDENT, .user_id = "minji", .class_id = "stream", .expires_at = 1800000000 + HOUR_S };
  g_autoptr (AirIdentity) running = air_identity_new (authority->families, &foreign);
  g_assert_cmpint (air_identity_get_expires_at (running), ==, 1800000000 + HOUR_S);

  g_assert_true (air_authority_revoke_student (authority, "algebra", "minji", true));
  g_assert_cmpint (air_identity_get_expires_at (running), ==, 1800000000 + HOUR_S);
  g_assert_true (air_authority_revoke_student (authority, "stream", "minji", true));
  g_assert_cmpint (air_identity_get_expires_at (running), ==, 1);
  g_assert_null (air_authority_authenticate (authority, issued.token, fixture->address, NULL));
  g_autoptr (AirIdentity) found = air_authority_find_revoked (authority, issued.token);
  g_assert_cmpstr (air_identity_get_user_id (found), ==, "minji");
  g_assert_null (air_authority_find_revoked (authority, teacher.token));
  g_assert_null (air_authority_find_revoked (authority, "a.b.c"));
  g_autoptr (AirIdentity) still = air_authority_authenticate (authority, teacher.token, fixture->address, NULL);
  g_assert_nonnull (still);

  air_authority_revoke_student (authority, "stream", "minji", false);
  g_assert_cmpint (air_identity_get_expires_at (running), ==, 1800000000 + HOUR_S);
  g_assert_null (air_authority_find_revoked (authority, issued.token));
}

static char *
refresh (Fixture *fixture, const char *token)
{
  g_autoptr (AirIdentity) identity = air_authority_authenticate (fixture->authority, token, fixture->address, NULL);
  g_auto (AirIssuedToken) issued = { 0 };
  g_assert_true (air_authority_refresh (fixture->authority, identity, fixture->address, &issued, NULL));
  return g_steal_pointer (&issued.token);
}

static char *
get_token_with (Fixture *fixture, AirRole role, const char *first)
{
  g_autoptr (AirIdentity) identity = air_authority_authenticate (fixture->authority, first, fixture->address, NULL);
  AirTokenRequest request = want (fixture, role, AIR_ACTION_READ, NULL);
  request.class_id = "algebra";
  request.identity = identity;
  g_auto (AirIssuedToken) issued = { 0 };
  g_assert_true (air_authority_issue (fixture->authority, &request, &issued, NULL));
  return g_steal_pointer (&issued.token);
}

/* A class was deleted and is made again: what was granted until then ends, with all that refreshing and other tokens made of it. */
static void
test_revoking_a_class (Fixture *fixture, const void *data)
{
  AirAuthority *authority = fixture->authority;
  g_autofree char *student = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "algebra");
  g_autofree char *teacher = get_token (fixture, AIR_ROLE_TEACHER, AIR_ACTION_READ, "algebra");
  g_autofree char *admin = get_token (fixture, AIR_ROLE_ADMIN, AIR_ACTION_READ, "algebra");
  g_autofree char *other = get_token (fixture, AIR_ROLE_TEACHER, AIR_ACTION_READ, "stream");
  g_autoptr (AirIdentity) running = air_authority_authenticate (authority, student, fixture->address, NULL);
  int64_t deleted_us = fixture_clock_us;
  fixture_clock_us += 60 * (int64_t)G_USEC_PER_SEC;
  g_autofree char *refreshed = refresh (fixture, student), *teacher_again = refresh (fixture, teacher);
  g_autofree char *kin = get_token_with (fixture, AIR_ROLE_STUDENT, student), *monitor = get_token_with (fixture, AIR_ROLE_MONITOR, teacher);
  g_autofree char *by_admin = get_token_with (fixture, AIR_ROLE_TEACHER, admin);

  g_assert_true (air_authority_revoke_class (authority, "algebra", false, deleted_us));
  g_assert_true (air_identity_is_revoked (running));
  g_assert_false (air_identity_is_shut_out (running));
  g_assert_null (air_authority_find_revoked (authority, student)); /* nobody is banned */
  const char *gone[] = { student, teacher, refreshed, teacher_again, kin, monitor };
  for (unsigned i = 0; i < G_N_ELEMENTS (gone); i++)
    g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", gone[i], NULL), ==, AIR_ERROR_UNAUTHORIZED);
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", admin, NULL), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", by_admin, NULL), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", other, NULL), ==, ALLOWED);

  /* What is granted now is good, also when the clock was set back. */
  for (unsigned i = 0; i < 2; i++)
    {
      g_autofree char *now = get_token (fixture, AIR_ROLE_TEACHER, AIR_ACTION_READ, "algebra");
      g_autofree char *by_now = get_token_with (fixture, AIR_ROLE_STUDENT, now);
      g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", now, NULL), ==, ALLOWED);
      g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", by_now, NULL), ==, ALLOWED);
      fixture_clock_us = deleted_us - G_USEC_PER_SEC;
    }
}

/* A class with a PIN is made around a stream: students whom this server let in without one are asked again, those of another issuer not. */
static void
test_revoking_students_of_a_class (Fixture *fixture, const void *data)
{
  AirAuthority *authority = fixture->authority;
  g_autofree char *student = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "algebra");
  g_autofree char *teacher = get_token (fixture, AIR_ROLE_TEACHER, AIR_ACTION_READ, "algebra");
  g_autofree char *key = air_authority_get_key_of_path (authority, "live/algebra");
  const AirIdentitySpec foreign = { .role = AIR_ROLE_STUDENT, .user_id = "minji", .class_id = "algebra", .is_foreign = true,
                                    .granted_us = fixture_clock_us, .expires_at = 1800000000 + HOUR_S };
  g_autoptr (AirIdentity) elsewhere = air_identity_new (authority->families, &foreign);
  g_assert_true (air_authority_revoke_class (authority, "algebra", true, fixture_clock_us));
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", student, NULL), ==, AIR_ERROR_UNAUTHORIZED);
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", teacher, NULL), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/algebra", NULL, key), ==, ALLOWED);
  g_assert_false (air_identity_is_revoked (elsewhere));
  g_autofree char *again = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "algebra");
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", again, NULL), ==, ALLOWED);

  g_assert_true (air_authority_revoke_class (authority, "algebra", false, fixture_clock_us));
  g_assert_true (air_identity_is_revoked (elsewhere));
  g_autofree char *stream_key = air_authority_get_key_of_path (authority, "live/stream");
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/algebra", NULL, key), ==, AIR_ERROR_UNAUTHORIZED);
  g_autofree char *new_key = air_authority_get_key_of_path (authority, "live/algebra");
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/algebra", NULL, new_key), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", NULL, stream_key), ==, ALLOWED);
}

/* A student's token made with another one shares its family, whatever the user id; those of other classes and roles have their own. */
static void
test_kin (Fixture *fixture, const void *data)
{
  AirTokenRequest request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
  g_auto (AirIssuedToken) first = { 0 }, second = { 0 }, other = { 0 };
  g_assert_true (air_authority_issue (fixture->authority, &request, &first, NULL));
  request.identity = first.identity;
  request.user_id = "somebody-else";
  g_assert_true (air_authority_issue (fixture->authority, &request, &second, NULL));
  g_assert_cmpstr (air_identity_get_family (second.identity), ==, air_identity_get_family (first.identity));
  request.class_id = "algebra";
  g_assert_true (air_authority_issue (fixture->authority, &request, &other, NULL));
  g_assert_cmpstr (air_identity_get_family (other.identity), !=, air_identity_get_family (first.identity));
  air_authority_revoke (fixture->authority, air_identity_get_family (first.identity), true);
  g_assert_null (air_authority_authenticate (fixture->authority, second.token, fixture->address, NULL));
}

static void
test_refreshing_asks_the_admission (Fixture *fixture, const void *data)
{
  AirAuthority *authority = fixture->authority;
  bool open = true;
  air_authority_set_admission (authority, NULL, admit_all, NULL, &open);
  AirTokenRequest request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
  g_auto (AirIssuedToken) first = { 0 }, again = { 0 }, refused = { 0 };
  g_assert_true (air_authority_issue (authority, &request, &first, NULL));
  g_assert_true (air_authority_refresh (authority, first.identity, fixture->address, &again, NULL));
  open = false;
  g_autoptr (GError) error = NULL;
  g_assert_false (air_authority_refresh (authority, first.identity, fixture->address, &refused, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN);
  air_authority_remove_owner (authority, NULL);
}

#define ADD(name, function) g_test_add ("/authority/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("admission", test_admission);
  ADD ("revoking", test_revoking);
  ADD ("revoking-a-student", test_revoking_a_student);
  ADD ("revoking-a-class", test_revoking_a_class);
  ADD ("revoking-students-of-a-class", test_revoking_students_of_a_class);
  ADD ("kin", test_kin);
  ADD ("refreshing-asks-the-admission", test_refreshing_asks_the_admission);
  return g_test_run ();
}
