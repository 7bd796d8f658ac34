#include "authority-fixture.h"

int64_t fixture_clock_us;
const char *fixture_trusted_address;

static int64_t
read_clock (void)
{
  return fixture_clock_us;
}

static bool
trusts (AirContext *context, GInetAddress *address)
{
  g_autofree char *text = g_inet_address_to_string (address);
  return g_strcmp0 (text, fixture_trusted_address) == 0;
}

void
set_up (Fixture *fixture, const void *admin_key)
{
  static const AirAuthoritySurroundings surroundings = { read_clock, read_clock, trusts };
  fixture_clock_us = 1800000000 * (int64_t)G_USEC_PER_SEC;
  fixture_trusted_address = NULL;
  AirAuthoritySecrets secrets = { .jwt_key = air_jwt_key_new_secret (SECRET, NULL),
                                  .issuer = g_strdup ("airclass"),
                                  .audience = g_strdup ("airclass"),
                                  .teacher_key = g_strdup (TEACHER_KEY),
                                  .admin_key = g_strdup (admin_key),
                                  .stream_key = g_strdup (STREAM_KEY),
                                  .stream_key_seed = g_strdup ("seed"),
                                  .token_lifetime_s = HOUR_S,
                                  .session_lifetime_s = 3 * HOUR_S };
  fixture->authority = air_authority_new (NULL, &surroundings);
  AirStreamKeys *keys = air_stream_keys_new ("live/stream", STREAM_KEY, "seed", NULL, NULL);
  air_authority_open (fixture->authority, &secrets, keys);
  fixture->address = g_inet_address_new_from_string ("192.0.2.1");
}

void
tear_down (Fixture *fixture, const void *data)
{
  g_assert_cmpuint (air_families_count (fixture->authority->families), ==, 0);
  air_authority_free (fixture->authority);
  g_object_unref (fixture->address);
}

AirTokenRequest
want (Fixture *fixture, AirRole role, AirAction action, const char *key)
{
  return (AirTokenRequest){
    .role = role, .action = action, .user_id = "kim", .class_id = "stream", .key = key, .address = fixture->address
  };
}

char *
get_token (Fixture *fixture, AirRole role, AirAction action, const char *class_id)
{
  AirTokenRequest request = want (fixture, role, action, TEACHER_KEY);
  request.class_id = class_id;
  g_auto (AirIssuedToken) issued = { 0 };
  g_autoptr (GError) error = NULL;
  air_authority_issue (fixture->authority, &request, &issued, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&issued.token);
}

int
issue (Fixture *fixture, const AirTokenRequest *request)
{
  g_auto (AirIssuedToken) issued = { 0 };
  g_autoptr (GError) error = NULL;
  bool done = air_authority_issue (fixture->authority, request, &issued, &error);
  g_assert_true (done == (error == NULL));
  return done ? ALLOWED : error->code;
}

int
authorize (Fixture *fixture, const AirAccess *access)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirIdentity) identity = air_authority_authorize (fixture->authority, access, &error);
  g_assert_true ((identity != NULL) == (error == NULL));
  return identity != NULL ? ALLOWED : error->code;
}

int
use (Fixture *fixture, AirAction action, const char *path, const char *token, const char *key)
{
  AirAccess access
      = { .action = action, .path = path, .protocol = "test", .address = fixture->address, .token = token, .key = key };
  return authorize (fixture, &access);
}
