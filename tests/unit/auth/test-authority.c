/* Who may do what. */
#include "authority-fixture.h"

static void
test_roles (Fixture *fixture, const void *data)
{
  static const struct
  {
    AirRole role;
    AirAction action;
    int own_read, own_publish, other_read;
  } cases[] = {
    { AIR_ROLE_STUDENT, AIR_ACTION_READ, ALLOWED, AIR_ERROR_FORBIDDEN, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_MONITOR, AIR_ACTION_READ, ALLOWED, AIR_ERROR_FORBIDDEN, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_TEACHER, AIR_ACTION_READ, ALLOWED, AIR_ERROR_FORBIDDEN, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, ALLOWED, ALLOWED, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_ADMIN, AIR_ACTION_PUBLISH, ALLOWED, ALLOWED, ALLOWED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *token = get_token (fixture, cases[i].role, cases[i].action, "algebra");
      g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/algebra", token, NULL), ==, cases[i].own_read);
      g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/algebra", token, NULL), ==, cases[i].own_publish);
      g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", token, NULL), ==, cases[i].other_read);
    }
}

static void
test_who_gets_what (Fixture *fixture, const void *data)
{
  static const struct
  {
    AirRole role;
    AirAction action;
    const char *key;
    int expected;
  } cases[] = {
    { AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL, ALLOWED },
    { AIR_ROLE_STUDENT, AIR_ACTION_PUBLISH, NULL, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_STUDENT, AIR_ACTION_PUBLISH, TEACHER_KEY, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_MONITOR, AIR_ACTION_READ, NULL, AIR_ERROR_UNAUTHORIZED },
    { AIR_ROLE_MONITOR, AIR_ACTION_PUBLISH, TEACHER_KEY, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_TEACHER, AIR_ACTION_READ, NULL, AIR_ERROR_UNAUTHORIZED },
    { AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, "wrong", AIR_ERROR_UNAUTHORIZED },
    { AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, STREAM_KEY, AIR_ERROR_FORBIDDEN },
    { AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, TEACHER_KEY, ALLOWED },
    { AIR_ROLE_ADMIN, AIR_ACTION_READ, NULL, AIR_ERROR_UNAUTHORIZED },
    { AIR_ROLE_ADMIN, AIR_ACTION_READ, TEACHER_KEY, ALLOWED },
    { AIR_ROLE_NODE, AIR_ACTION_READ, TEACHER_KEY, AIR_ERROR_INVALID },
    { AIR_ROLE_NONE, AIR_ACTION_READ, TEACHER_KEY, AIR_ERROR_INVALID },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      AirTokenRequest request = want (fixture, cases[i].role, cases[i].action, cases[i].key);
      g_test_message ("case %zu", i);
      g_assert_cmpint (issue (fixture, &request), ==, cases[i].expected);
    }
}

static void
test_admin_key (Fixture *fixture, const void *admin_key)
{
  AirTokenRequest request = want (fixture, AIR_ROLE_ADMIN, AIR_ACTION_PUBLISH, TEACHER_KEY);
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_FORBIDDEN);
  request.key = admin_key;
  g_assert_cmpint (issue (fixture, &request), ==, ALLOWED);
  g_autoptr (AirIdentity) identity = air_authority_authenticate (fixture->authority, admin_key, fixture->address, NULL);
  g_assert_cmpint (air_identity_get_role (identity), ==, AIR_ROLE_ADMIN);
}

static void
test_bad_requests (Fixture *fixture, const void *data)
{
  static const char *const classes[]
      = { "",    "a/b",   "..", ".",
          "a b", "a\r\n", "한", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
  for (size_t i = 0; i < G_N_ELEMENTS (classes); i++)
    {
      AirTokenRequest request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
      request.class_id = classes[i];
      g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_INVALID);
    }
  static const char *const users[] = { "", "a\nb", "\xff", "\xc2\x85" };
  for (size_t i = 0; i < G_N_ELEMENTS (users); i++)
    {
      AirTokenRequest request = want (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, NULL);
      request.user_id = users[i];
      g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_INVALID);
    }
}

static void
test_handing_on (Fixture *fixture, const void *data)
{
  /* A teacher's token makes one for the projector, of its own class and no more. */
  g_autofree char *token = get_token (fixture, AIR_ROLE_TEACHER, AIR_ACTION_READ, "stream");
  g_autoptr (AirIdentity) teacher = air_authority_authenticate (fixture->authority, token, fixture->address, NULL);
  AirTokenRequest request = want (fixture, AIR_ROLE_MONITOR, AIR_ACTION_READ, NULL);
  request.identity = teacher;
  g_assert_cmpint (issue (fixture, &request), ==, ALLOWED);
  request.class_id = "algebra";
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_FORBIDDEN);
  request = want (fixture, AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, NULL);
  request.identity = teacher;
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_FORBIDDEN);
  request.role = AIR_ROLE_ADMIN;
  request.action = AIR_ACTION_READ;
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_FORBIDDEN);

  g_autofree char *student_token = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "stream");
  g_autoptr (AirIdentity) student
      = air_authority_authenticate (fixture->authority, student_token, fixture->address, NULL);
  request = want (fixture, AIR_ROLE_MONITOR, AIR_ACTION_READ, NULL);
  request.identity = student;
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_FORBIDDEN);
}

static void
test_stream_keys (Fixture *fixture, const void *data)
{
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", NULL, STREAM_KEY), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", NULL, STREAM_KEY), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/algebra", NULL, STREAM_KEY), ==, AIR_ERROR_UNAUTHORIZED);
  g_autofree char *algebra = air_authority_get_key_of_path (fixture->authority, "live/algebra");
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/algebra", NULL, algebra), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", NULL, algebra), ==, AIR_ERROR_UNAUTHORIZED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/anything", NULL, TEACHER_KEY), ==, ALLOWED);
  /* A key where a token stands: WHIP clients send it as Bearer. */
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", STREAM_KEY, NULL), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", NULL, NULL), ==, AIR_ERROR_UNAUTHORIZED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", "", ""), ==, AIR_ERROR_UNAUTHORIZED);

  /* A stream key publishes, and makes nobody a teacher. */
  AirAccess access
      = { .action = AIR_ACTION_PUBLISH, .path = "live/stream", .address = fixture->address, .key = STREAM_KEY };
  g_autoptr (AirIdentity) identity = air_authority_authorize (fixture->authority, &access, NULL);
  g_assert_cmpint (air_identity_get_role (identity), ==, AIR_ROLE_NONE);
  g_assert_false (air_identity_may (identity, AIR_ACTION_PUBLISH, "live/algebra"));
  g_assert_null (air_authority_authenticate (fixture->authority, STREAM_KEY, fixture->address, NULL));
}

static void
test_as_obs_sends_them (Fixture *fixture, const void *data)
{
  AirAccess access = { .action = AIR_ACTION_PUBLISH,
                       .path = "live/stream",
                       .protocol = "rtmp",
                       .address = fixture->address,
                       .user = "teacher",
                       .password = STREAM_KEY };
  g_assert_cmpint (authorize (fixture, &access), ==, ALLOWED);
  g_autofree char *token = get_token (fixture, AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, "stream");
  access.password = token;
  g_assert_cmpint (authorize (fixture, &access), ==, ALLOWED);
  access.password = "wrong";
  g_assert_cmpint (authorize (fixture, &access), ==, AIR_ERROR_UNAUTHORIZED);
  access.key = STREAM_KEY;
  g_assert_cmpint (authorize (fixture, &access), ==, ALLOWED);
}

typedef struct
{
  const char *known;
  unsigned asked;
} Proof;

static bool
knows_secret (const char *secret, void *data)
{
  Proof *proof = data;
  g_assert_nonnull (secret);
  proof->asked++;
  return strcmp (secret, proof->known) == 0;
}

static void
test_proof (Fixture *fixture, const void *data)
{
  Proof proof = { .known = STREAM_KEY };
  AirAccess access = { .action = AIR_ACTION_PUBLISH,
                       .path = "live/stream",
                       .address = fixture->address,
                       .user = "teacher",
                       .knows_secret = knows_secret,
                       .knows_secret_data = &proof };
  g_assert_cmpint (authorize (fixture, &access), ==, ALLOWED);
  /* The teacher's and the stream's, whichever fits; there is no admin's. */
  g_assert_cmpuint (proof.asked, ==, 2);
  access.path = "live/algebra";
  g_assert_cmpint (authorize (fixture, &access), ==, AIR_ERROR_UNAUTHORIZED);
  proof.known = TEACHER_KEY;
  g_assert_cmpint (authorize (fixture, &access), ==, ALLOWED);
  /* A key that is shown is looked at first, and the proof then not any more. */
  proof.asked = 0;
  access.key = TEACHER_KEY;
  g_assert_cmpint (authorize (fixture, &access), ==, ALLOWED);
  g_assert_cmpuint (proof.asked, ==, 0);
  /* Wrong ones are guesses; held back, they are not looked at. */
  access.key = NULL;
  proof.known = "";
  access.path = "live/stream";
  unsigned limited = 0;
  for (unsigned i = 0; i < 20; i++)
    limited += authorize (fixture, &access) == AIR_ERROR_RATE_LIMITED;
  g_assert_cmpuint (limited, >, 10);
  proof.asked = 0;
  g_assert_cmpint (authorize (fixture, &access), ==, AIR_ERROR_RATE_LIMITED);
  g_assert_cmpuint (proof.asked, ==, 0);
}

static void
test_trusted_networks (Fixture *fixture, const void *data)
{
  fixture_trusted_address = "192.0.2.1";
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", NULL, NULL), ==, ALLOWED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", NULL, NULL), ==, AIR_ERROR_UNAUTHORIZED);
  fixture_trusted_address = NULL;
  AirAccess access = { .action = AIR_ACTION_PUBLISH,
                       .path = "live/stream",
                       .address = fixture->address,
                       .trusted = true,
                       .key = "an old key" };
  g_autoptr (AirIdentity) nobody = air_authority_authorize (fixture->authority, &access, NULL);
  g_assert_nonnull (nobody);
  g_assert_cmpint (air_identity_get_role (nobody), ==, AIR_ROLE_NONE);
  g_assert_null (air_identity_get_user_id (nobody));
  g_assert_cmpint (air_identity_get_expires_at (nobody), ==, 0);
  g_assert_true (air_identity_may (nobody, AIR_ACTION_PUBLISH, "live/stream"));
  g_assert_false (air_identity_may (nobody, AIR_ACTION_PUBLISH, "live/other"));
}

static void
test_trusted_loopback (Fixture *fixture, const void *data)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  AirTokenRequest request = want (fixture, AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, NULL);
  request.address = loopback;
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_UNAUTHORIZED);
  g_atomic_int_set (&fixture->authority->trust_loopback, 1);
  g_assert_cmpint (issue (fixture, &request), ==, ALLOWED);
  request.address = fixture->address;
  g_assert_cmpint (issue (fixture, &request), ==, AIR_ERROR_UNAUTHORIZED);
}

static void
test_identity (Fixture *fixture, const void *data)
{
  g_autofree char *token = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "algebra");
  g_autoptr (AirIdentity) identity = air_authority_authenticate (fixture->authority, token, fixture->address, NULL);
  g_assert_cmpint (air_identity_get_role (identity), ==, AIR_ROLE_STUDENT);
  g_assert_cmpstr (air_identity_get_user_id (identity), ==, "kim");
  g_assert_cmpstr (air_identity_get_class_id (identity), ==, "algebra");
  g_assert_nonnull (air_identity_get_token_id (identity));
  g_assert_cmpint (air_identity_get_expires_at (identity), ==, 1800000000 + HOUR_S);
}

static void
test_expiry (Fixture *fixture, const void *data)
{
  g_autofree char *token = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "stream");
  fixture_clock_us += (HOUR_S + 59) * (int64_t)G_USEC_PER_SEC;
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", token, NULL), ==, ALLOWED);
  fixture_clock_us += G_USEC_PER_SEC;
  /* Old tokens are no guesses: they do not hold their owner back. */
  for (unsigned i = 0; i < 50; i++)
    g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", token, NULL), ==, AIR_ERROR_UNAUTHORIZED);
  fixture_clock_us -= 3 * HOUR_S * (int64_t)G_USEC_PER_SEC;
  g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", token, NULL), ==, AIR_ERROR_UNAUTHORIZED);
}

/* A running session goes on when its token was refreshed, without being told. */
static void
test_families (Fixture *fixture, const void *data)
{
  AirAuthority *authority = fixture->authority;
  g_autofree char *token = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "stream");
  g_autofree char *unrelated = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "stream");
  g_autoptr (AirIdentity) session = air_authority_authenticate (authority, token, fixture->address, NULL);
  g_autoptr (AirIdentity) stranger = air_authority_authenticate (authority, unrelated, fixture->address, NULL);
  const int64_t first_s = air_identity_get_expires_at (session);
  fixture_clock_us += HOUR_S / 2 * (int64_t)G_USEC_PER_SEC;
  g_assert_cmpint (air_identity_get_expires_at (session), ==, first_s);

  g_auto (AirIssuedToken) refreshed = { 0 };
  {
    g_autoptr (AirIdentity) asker = air_authority_authenticate (authority, token, fixture->address, NULL);
    g_assert_true (air_authority_refresh (authority, asker, fixture->address, &refreshed, NULL));
  }
  g_assert_cmpstr (refreshed.token, !=, token);
  g_assert_cmpint (air_identity_get_expires_at (session), ==, first_s + HOUR_S / 2);
  g_assert_cmpint (air_identity_get_expires_at (stranger), ==, first_s);
  air_issued_token_clear (&refreshed);
  g_assert_cmpint (air_identity_get_expires_at (session), ==, first_s + HOUR_S / 2);
  /* The older token opens another session: its family's end counts. */
  g_autoptr (AirIdentity) again = air_authority_authenticate (authority, token, fixture->address, NULL);
  g_assert_cmpint (air_identity_get_expires_at (again), ==, first_s + HOUR_S / 2);
  g_assert_cmpuint (air_families_count (authority->families), ==, 2);
}

static void
test_session_lifetime (Fixture *fixture, const void *data)
{
  AirAuthority *authority = fixture->authority;
  g_autofree char *token = get_token (fixture, AIR_ROLE_STUDENT, AIR_ACTION_READ, "stream");
  for (unsigned half_hours = 1;; half_hours++)
    {
      fixture_clock_us += HOUR_S / 2 * (int64_t)G_USEC_PER_SEC;
      g_autoptr (GError) error = NULL;
      g_autoptr (AirIdentity) identity = air_authority_authenticate (authority, token, fixture->address, &error);
      g_assert_no_error (error);
      g_auto (AirIssuedToken) issued = { 0 };
      if (!air_authority_refresh (authority, identity, fixture->address, &issued, &error))
        {
          g_assert_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN);
          g_assert_cmpuint (half_hours, ==, 6);
          break;
        }
      g_assert_cmpint (air_identity_get_expires_at (issued.identity), <=, 1800000000 + 3 * HOUR_S);
      g_free (token);
      token = g_steal_pointer (&issued.token);
    }
}

static void
test_refresh_needs_a_token (Fixture *fixture, const void *data)
{
  g_auto (AirIssuedToken) issued = { 0 };
  g_autoptr (GError) error = NULL;
  g_assert_false (air_authority_refresh (fixture->authority, NULL, fixture->address, &issued, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED);
  g_clear_error (&error);
  g_autoptr (AirIdentity) key = air_authority_authenticate (fixture->authority, TEACHER_KEY, fixture->address, NULL);
  g_assert_cmpint (air_identity_get_role (key), ==, AIR_ROLE_TEACHER);
  g_assert_false (air_authority_refresh (fixture->authority, key, fixture->address, &issued, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED);
}

static void
test_guessing (Fixture *fixture, const void *data)
{
  g_autofree char *token = get_token (fixture, AIR_ROLE_TEACHER, AIR_ACTION_PUBLISH, "stream");
  unsigned limited = 0, longest_s = 0;
  for (unsigned i = 0; i < 200; i++)
    {
      g_autofree char *guess = g_strdup_printf ("guess %u", i);
      AirAccess access
          = { .action = AIR_ACTION_PUBLISH, .path = "live/stream", .address = fixture->address, .key = guess };
      g_autoptr (GError) error = NULL;
      g_assert_null (air_authority_authorize (fixture->authority, &access, &error));
      if (error->code == AIR_ERROR_RATE_LIMITED)
        {
          limited++;
          g_assert_cmpuint (air_error_get_retry_after_s (error), >, 0);
          longest_s = MAX (longest_s, air_error_get_retry_after_s (error));
          fixture_clock_us += G_USEC_PER_SEC;
        }
      else
        g_assert_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED);
    }
  g_assert_cmpuint (limited, >, 180);
  g_assert_cmpuint (longest_s, >=, 60);
  /* While it has to wait, not even the right key is looked at; a token always is. */
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", NULL, STREAM_KEY), ==, AIR_ERROR_RATE_LIMITED);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", token, NULL), ==, ALLOWED);
  fixture_clock_us += 600 * (int64_t)G_USEC_PER_SEC;
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", NULL, STREAM_KEY), ==, ALLOWED);
}

static void
test_forged_tokens_are_limited (Fixture *fixture, const void *data)
{
  g_autoptr (AirJwtKey) key = air_jwt_key_new_secret ("fedcba9876543210fedcba9876543210", NULL);
  const AirIdentitySpec admin = {
    .role = AIR_ROLE_ADMIN, .user_id = "eve", .may_publish = true, .expires_at = 1800003600, .authorized_at = 1800000000
  };
  g_autoptr (JsonObject) claims = air_token_write (&admin, "airclass", "airclass", 1800000000);
  g_autofree char *forged = air_jwt_sign (key, claims, NULL);
  unsigned limited = 0;
  for (unsigned i = 0; i < 30; i++)
    limited += use (fixture, AIR_ACTION_READ, "live/stream", forged, NULL) == AIR_ERROR_RATE_LIMITED;
  g_assert_cmpuint (limited, >, 20);
}

/* Tokens of another issuer that shares our key: what they leave out is not granted. */
static void
test_foreign_claims (Fixture *fixture, const void *data)
{
  g_autoptr (AirJwtKey) key = air_jwt_key_new_secret (SECRET, NULL);
  static const struct
  {
    const char *claims;
    int expected;
  } cases[] = {
    { "\"sub\":\"a\",\"role\":\"student\",\"class\":\"stream\"", ALLOWED },
    { "\"sub\":\"a\",\"role\":\"student\",\"path\":\"live/stream\"", ALLOWED },
    { "\"sub\":\"a\",\"role\":\"student\"", AIR_ERROR_FORBIDDEN },
    { "\"sub\":\"a\",\"role\":\"teacher\"", ALLOWED },
    { "\"sub\":\"a\",\"role\":\"student\",\"class\":\"algebra\"", AIR_ERROR_FORBIDDEN },
    { "\"sub\":\"a\",\"role\":\"none\",\"class\":\"stream\"", AIR_ERROR_UNAUTHORIZED },
    { "\"sub\":\"a\",\"role\":\"root\",\"class\":\"stream\"", AIR_ERROR_UNAUTHORIZED },
    { "\"sub\":\"a\",\"class\":\"stream\"", AIR_ERROR_UNAUTHORIZED },
    { "\"role\":\"student\",\"class\":\"stream\"", AIR_ERROR_UNAUTHORIZED },
    { "\"sub\":\"a\",\"role\":\"student\",\"class\":\"../stream\"", AIR_ERROR_UNAUTHORIZED },
    { "\"sub\":\"a\",\"role\":\"student\",\"class\":[\"stream\"]", AIR_ERROR_UNAUTHORIZED },
    { "\"sub\":\"a\",\"role\":\"student\",\"class\":\"stream\",\"action\":\"own\"", AIR_ERROR_UNAUTHORIZED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text
          = g_strdup_printf ("{\"iss\":\"airclass\",\"aud\":\"airclass\",\"exp\":1800003600,%s}", cases[i].claims);
      g_autoptr (JsonNode) node = json_from_string (text, NULL);
      g_autofree char *token = air_jwt_sign (key, json_node_get_object (node), NULL);
      g_test_message ("%s", cases[i].claims);
      fixture_clock_us += 60 * (int64_t)G_USEC_PER_SEC;
      g_assert_cmpint (use (fixture, AIR_ACTION_READ, "live/stream", token, NULL), ==, cases[i].expected);
    }
  /* A student never publishes, whatever the token says. */
  g_autoptr (JsonNode) node
      = json_from_string ("{\"iss\":\"airclass\",\"aud\":\"airclass\",\"exp\":1800003600,\"sub\":\"a\","
                          "\"role\":\"student\",\"class\":\"stream\",\"action\":\"publish\"}",
                          NULL);
  g_autofree char *token = air_jwt_sign (key, json_node_get_object (node), NULL);
  g_assert_cmpint (use (fixture, AIR_ACTION_PUBLISH, "live/stream", token, NULL), ==, AIR_ERROR_FORBIDDEN);
}

static void
test_before_start (void)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string ("192.0.2.1");
  AirAuthority *authority = air_authority_new (NULL, NULL);
  AirAccess access = { .path = "live/stream", .address = address, .key = "" };
  g_autoptr (GError) error = NULL;
  g_assert_null (air_authority_authorize (authority, &access, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE);
  air_authority_free (authority);
}

#define ADD(name, function) g_test_add ("/authority/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("roles", test_roles);
  ADD ("who-gets-what", test_who_gets_what);
  g_test_add ("/authority/admin-key", Fixture, "admin-key-of-the-test", set_up, test_admin_key, tear_down);
  ADD ("bad-requests", test_bad_requests);
  ADD ("handing-on", test_handing_on);
  ADD ("stream-keys", test_stream_keys);
  ADD ("as-obs-sends-them", test_as_obs_sends_them);
  ADD ("trusted-networks", test_trusted_networks);
  ADD ("trusted-loopback", test_trusted_loopback);
  ADD ("identity", test_identity);
  ADD ("expiry", test_expiry);
  ADD ("families", test_families);
  ADD ("session-lifetime", test_session_lifetime);
  ADD ("refresh-needs-a-token", test_refresh_needs_a_token);
  ADD ("guessing", test_guessing);
  ADD ("proof", test_proof);
  ADD ("forged-tokens-are-limited", test_forged_tokens_are_limited);
  ADD ("foreign-claims", test_foreign_claims);
  g_test_add_func ("/authority/before-start", test_before_start);
  return g_test_run ();
}
