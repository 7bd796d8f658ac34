/* ICE-lite: authentication, roles, nomination, restart, consent, candidates. */
#include "ice-candidates.h"
#include "ice-lite.h"

#include <string.h>

#define SECOND G_USEC_PER_SEC

typedef struct
{
  const char *ufrag, *pwd, *remote; /* NULL: right ones */
  bool nominate, no_integrity;
  AirStunRole role;
  uint32_t priority;
} Check;

static AirPath
path_to (const char *remote)
{
  AirPath path = { 0 };

  g_assert_true (air_address_parse_with_port (remote, &path.remote));
  g_assert_true (air_address_parse ("192.0.2.1", 8189, &path.local));
  return path;
}

static void
build (const AirIce *ice, Check check, AirStunBuilder *ret_builder)
{
  g_autofree char *username
      = g_strconcat (check.ufrag ? check.ufrag : air_ice_get_ufrag (ice), ":", check.remote ? check.remote : "peer", NULL);

  air_stun_begin (ret_builder, AIR_STUN_REQUEST, AIR_STUN_BINDING, (const uint8_t *)"transaction!");
  air_stun_add_username (ret_builder, username);
  air_stun_add_priority (ret_builder, check.priority);
  if (check.nominate)
    air_stun_add_use_candidate (ret_builder);
  air_stun_add_role (ret_builder, check.role ? check.role : AIR_STUN_ROLE_CONTROLLING, 5);
  if (!check.no_integrity)
    air_stun_add_integrity (ret_builder, check.pwd ? check.pwd : air_ice_get_pwd (ice));
  g_assert_cmpuint (air_stun_finish (ret_builder), >, 0);
}

/* Returns: the flags; *ret_code is the error of the reply, 0: success, -1: no reply. */
static unsigned
give (AirIce *ice, Check check, const char *remote, int64_t now_us, int *ret_code)
{
  AirStunBuilder request, reply;
  AirStunMessage message, answer;
  AirPath path = path_to (remote);
  unsigned result;

  build (ice, check, &request);
  g_assert_true (air_stun_parse (request.data, request.size, &message));
  result = air_ice_handle (ice, &message, &path, now_us, &reply);
  *ret_code = -1;
  if (result & AIR_ICE_REPLY)
    {
      g_assert_true (air_stun_parse (reply.data, reply.size, &answer));
      g_assert_cmpmem (answer.transaction, 12, "transaction!", 12);
      *ret_code = answer.error_code;
      if (answer.error_code == 0)
        {
          g_assert_cmpint (answer.message_class, ==, AIR_STUN_SUCCESS);
          g_assert_true (air_address_equal (&answer.mapped_address, &path.remote));
          g_assert_true (air_stun_check_integrity (&answer, check.pwd ? check.pwd : air_ice_get_pwd (ice)));
          g_assert_true (answer.has_fingerprint);
        }
    }
  return result;
}

static void
assert_selected (const AirIce *ice, const char *remote)
{
  char text[AIR_ADDRESS_STRING_BYTES];

  g_assert_nonnull (air_ice_get_selected (ice));
  g_assert_cmpstr (air_address_string (&air_ice_get_selected (ice)->remote, text), ==, remote);
}

static void
test_credentials (void)
{
  g_autoptr (AirIce) a = air_ice_new ("peer");
  g_autoptr (AirIce) b = air_ice_new ("peer");
  static const char *const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  g_assert_cmpuint (strlen (air_ice_get_ufrag (a)), ==, 8);
  g_assert_cmpuint (strlen (air_ice_get_pwd (a)), ==, 24);
  g_assert_cmpuint (strspn (air_ice_get_ufrag (a), alphabet), ==, 8);
  g_assert_cmpuint (strspn (air_ice_get_pwd (a), alphabet), ==, 24);
  g_assert_cmpstr (air_ice_get_ufrag (a), !=, air_ice_get_ufrag (b));
  g_assert_cmpstr (air_ice_get_pwd (a), !=, air_ice_get_pwd (b));
}

static void
test_refusals (void)
{
  g_autoptr (AirIce) ice = air_ice_new ("peer");
  int code;

  g_assert_cmpuint (give (ice, (Check){ .pwd = "wrong" }, "198.51.100.1:1", SECOND, &code), ==, AIR_ICE_REPLY);
  g_assert_cmpint (code, ==, 401);
  g_assert_cmpuint (give (ice, (Check){ .ufrag = "nobody" }, "198.51.100.1:1", SECOND, &code), ==, AIR_ICE_REPLY);
  g_assert_cmpint (code, ==, 401);
  g_assert_cmpuint (give (ice, (Check){ .remote = "other" }, "198.51.100.1:1", SECOND, &code), ==, AIR_ICE_REPLY);
  g_assert_cmpint (code, ==, 401);
  g_assert_cmpuint (give (ice, (Check){ .no_integrity = true }, "198.51.100.1:1", SECOND, &code), ==, AIR_ICE_REPLY);
  g_assert_cmpint (code, ==, 400);
  g_assert_cmpuint (give (ice, (Check){ .role = AIR_STUN_ROLE_CONTROLLED }, "198.51.100.1:1", SECOND, &code), ==,
                    AIR_ICE_REPLY);
  g_assert_cmpint (code, ==, 487);
  g_assert_null (air_ice_get_selected (ice));
  g_assert_cmpint (air_ice_get_last_heard_us (ice), ==, 0);
  g_assert_false (air_ice_has_consent (ice, SECOND));
}

static void
test_unknown_attribute (void)
{
  g_autoptr (AirIce) ice = air_ice_new (NULL);
  g_autofree char *username = g_strconcat (air_ice_get_ufrag (ice), ":any", NULL);
  AirStunBuilder request, reply;
  AirStunMessage message;
  AirPath path = path_to ("198.51.100.1:1");

  air_stun_begin (&request, AIR_STUN_REQUEST, AIR_STUN_BINDING, (const uint8_t *)"transaction!");
  air_stun_add_username (&request, username);
  memcpy (request.data + request.size, "\x00\x77\x00\x00", 4);
  request.size += 4;
  air_stun_add_integrity (&request, air_ice_get_pwd (ice));
  air_stun_finish (&request);
  g_assert_true (air_stun_parse (request.data, request.size, &message));
  g_assert_cmpuint (air_ice_handle (ice, &message, &path, 1, &reply), ==, AIR_ICE_REPLY);
  g_assert_true (air_stun_parse (reply.data, reply.size, &message));
  g_assert_cmpuint (message.error_code, ==, 420);
  g_assert_true (air_stun_check_integrity (&message, air_ice_get_pwd (ice)));
}

static void
test_indication (void)
{
  g_autoptr (AirIce) ice = air_ice_new (NULL);
  AirStunBuilder builder, reply;
  AirStunMessage message;
  AirPath path = path_to ("198.51.100.1:1");
  const char *ufrag;
  size_t size;

  air_stun_begin (&builder, AIR_STUN_INDICATION, AIR_STUN_BINDING, (const uint8_t *)"transaction!");
  air_stun_finish (&builder);
  g_assert_true (air_stun_parse (builder.data, builder.size, &message));
  g_assert_false (air_ice_check_ufrag (&message, &ufrag, &size));
  g_assert_cmpuint (air_ice_handle (ice, &message, &path, 1, &reply), ==, 0);
}

static void
test_nomination (void)
{
  g_autoptr (AirIce) ice = air_ice_new ("peer");
  int code;

  g_assert_cmpuint (give (ice, (Check){ .priority = 5 }, "198.51.100.1:1", 10 * SECOND, &code), ==,
                    AIR_ICE_REPLY | AIR_ICE_VALIDATED | AIR_ICE_SELECTED);
  g_assert_false (air_ice_is_nominated (ice));
  /* A second path without nomination is validated only. */
  g_assert_cmpuint (give (ice, (Check){ .priority = 9 }, "198.51.100.1:2", 10 * SECOND, &code), ==,
                    AIR_ICE_REPLY | AIR_ICE_VALIDATED);
  assert_selected (ice, "198.51.100.1:1");
  g_assert_cmpuint (give (ice, (Check){ .priority = 9, .nominate = true }, "198.51.100.1:2", 10 * SECOND, &code), ==,
                    AIR_ICE_REPLY | AIR_ICE_VALIDATED | AIR_ICE_SELECTED);
  g_assert_true (air_ice_is_nominated (ice));
  assert_selected (ice, "198.51.100.1:2");
  /* All at once: the pair with the higher priority stays … */
  give (ice, (Check){ .priority = 5, .nominate = true }, "198.51.100.1:1", 10 * SECOND + 1, &code);
  assert_selected (ice, "198.51.100.1:2");
  /* … until its peer nominates another one only: Wi-Fi to 4G. */
  g_assert_cmpuint (give (ice, (Check){ .priority = 5, .nominate = true }, "203.0.113.9:3", 13 * SECOND, &code), ==,
                    AIR_ICE_REPLY | AIR_ICE_VALIDATED | AIR_ICE_SELECTED);
  assert_selected (ice, "203.0.113.9:3");
  /* Consent checks change nothing. */
  g_assert_cmpuint (give (ice, (Check){ .priority = 5 }, "203.0.113.9:3", 20 * SECOND, &code), ==,
                    AIR_ICE_REPLY | AIR_ICE_VALIDATED);
  g_assert_true (air_ice_is_nominated (ice));
}

static void
test_consent (void)
{
  g_autoptr (AirIce) ice = air_ice_new ("peer");
  int code;

  give (ice, (Check){ 0 }, "198.51.100.1:1", 100 * SECOND, &code);
  g_assert_true (air_ice_has_consent (ice, 100 * SECOND + AIR_ICE_CONSENT_US));
  g_assert_false (air_ice_has_consent (ice, 100 * SECOND + AIR_ICE_CONSENT_US + 1));
  give (ice, (Check){ .pwd = "wrong" }, "198.51.100.1:1", 111 * SECOND, &code);
  g_assert_false (air_ice_has_consent (ice, 113 * SECOND));
  AirPath anywhere = path_to ("203.0.113.1:9");
  air_ice_heard (ice, &anywhere, 112 * SECOND);
  g_assert_true (air_ice_has_consent (ice, 113 * SECOND));
}

static void
test_restart (void)
{
  g_autoptr (AirIce) ice = air_ice_new ("peer");
  g_autofree char *old_ufrag = g_strdup (air_ice_get_ufrag (ice));
  g_autofree char *old_pwd = g_strdup (air_ice_get_pwd (ice));
  int code;

  give (ice, (Check){ .nominate = true }, "198.51.100.1:1", SECOND, &code);
  g_assert_null (air_ice_get_previous_ufrag (ice));
  air_ice_restart (ice, "lost");
  air_ice_restart (ice, "fresh");
  g_assert_true (air_ice_is_restarting (ice));
  g_assert_cmpstr (air_ice_get_previous_ufrag (ice), ==, old_ufrag);
  g_assert_cmpstr (air_ice_get_ufrag (ice), !=, old_ufrag);

  /* Until the new ones are used, the old ones keep the session alive. */
  g_assert_cmpuint (give (ice, (Check){ .ufrag = old_ufrag, .pwd = old_pwd, .nominate = true }, "198.51.100.1:1",
                          2 * SECOND, &code),
                    ==, AIR_ICE_REPLY | AIR_ICE_VALIDATED);
  give (ice, (Check){ .remote = "lost" }, "198.51.100.1:1", 2 * SECOND, &code);
  g_assert_cmpint (code, ==, 401);
  g_assert_true (give (ice, (Check){ .remote = "fresh", .nominate = true }, "203.0.113.9:3", 3 * SECOND, &code)
                 == (AIR_ICE_REPLY | AIR_ICE_VALIDATED | AIR_ICE_RESTARTED | AIR_ICE_SELECTED));
  assert_selected (ice, "203.0.113.9:3");
  g_assert_false (air_ice_is_restarting (ice));
  g_assert_cmpstr (air_ice_get_previous_ufrag (ice), ==, old_ufrag);
  give (ice, (Check){ .ufrag = old_ufrag, .pwd = old_pwd }, "198.51.100.1:1", 4 * SECOND, &code);
  g_assert_cmpint (code, ==, 401);
}

static bool
has_address (GArray *addresses, const char *text)
{
  AirAddress wanted;

  g_assert_true (air_address_parse_with_port (text, &wanted));
  for (guint i = 0; i < addresses->len; i++)
    if (air_address_equal (&g_array_index (addresses, AirAddress, i), &wanted))
      return true;
  return false;
}

/* A path that leads nowhere any more is not sent to; the next check, on whichever path, selects anew. */
static void
test_lost_path (void)
{
  g_autoptr (AirIce) ice = air_ice_new ("peer");
  AirPath other = path_to ("203.0.113.1:6000"), selected = path_to ("203.0.113.1:5000");
  int code;

  g_assert_cmpuint (give (ice, (Check){ .nominate = true, .priority = 9 }, "203.0.113.1:5000", SECOND, &code)
                        & AIR_ICE_SELECTED, !=, 0);
  air_ice_lose (ice, &other);
  assert_selected (ice, "203.0.113.1:5000");
  other = selected;
  other.remote.tcp = 1;
  air_ice_lose (ice, &other);
  assert_selected (ice, "203.0.113.1:5000");
  air_ice_lose (ice, &selected);
  g_assert_null (air_ice_get_selected (ice));
  g_assert_true (air_ice_has_consent (ice, 2 * SECOND));
  g_assert_cmpuint (give (ice, (Check){ .priority = 1 }, "203.0.113.1:6000", SECOND + 1, &code) & AIR_ICE_SELECTED, !=, 0);
  assert_selected (ice, "203.0.113.1:6000");
}

/* Nobody else gets a path on which its owner was just heard, by whatever proves that. */
static void
test_held_path (void)
{
  g_autoptr (AirIce) ice = air_ice_new ("peer");
  AirPath other = path_to ("203.0.113.1:6000"), selected = path_to ("203.0.113.1:5000");
  int code;

  g_assert_false (air_ice_holds (ice, &selected, 0));
  give (ice, (Check){ .nominate = true, .priority = 9 }, "203.0.113.1:5000", SECOND, &code);
  g_assert_true (air_ice_holds (ice, &selected, SECOND + AIR_ICE_HOLD_US));
  g_assert_false (air_ice_holds (ice, &selected, SECOND + AIR_ICE_HOLD_US + 1));
  g_assert_false (air_ice_holds (ice, &other, SECOND));
  /* Elsewhere the peer says nothing of this path. */
  give (ice, (Check){ .priority = 1 }, "203.0.113.1:6000", 3 * SECOND, &code);
  air_ice_heard (ice, &other, 3 * SECOND);
  g_assert_false (air_ice_holds (ice, &selected, SECOND + AIR_ICE_HOLD_US + 1));
  air_ice_heard (ice, &selected, 5 * SECOND);
  g_assert_true (air_ice_holds (ice, &selected, 5 * SECOND + AIR_ICE_HOLD_US));
  give (ice, (Check){ .nominate = true, .priority = 9 }, "203.0.113.1:6000", 6 * SECOND, &code);
  g_assert_false (air_ice_holds (ice, &selected, 6 * SECOND));
  g_assert_true (air_ice_holds (ice, &other, 6 * SECOND));
  air_ice_lose (ice, &other);
  g_assert_false (air_ice_holds (ice, &other, 6 * SECOND));
}

static void
test_candidates (void)
{
  static const char *const additional[] = { "203.0.113.5", "2001:db8::5", "203.0.113.5", "not an address", NULL };
  AirAddress listen[2];
  g_autoptr (GArray) addresses = NULL;
  g_autofree char *line = NULL, *line6 = NULL;

  g_assert_true (air_address_parse_with_port ("0.0.0.0:8189", &listen[0]));
  g_assert_true (air_address_parse_with_port ("[2001:db8::9]:8190", &listen[1]));
  addresses = air_ice_gather (listen, 2, additional);
  g_assert_true (has_address (addresses, "203.0.113.5:8189"));
  g_assert_true (has_address (addresses, "[2001:db8::5]:8189"));
  g_assert_true (has_address (addresses, "[2001:db8::9]:8190"));
  g_assert_true (has_address (addresses, "127.0.0.1:8189"));
  g_assert_true (air_address_is_loopback (&g_array_index (addresses, AirAddress, addresses->len - 1)));

  line = air_ice_candidate_line (&g_array_index (addresses, AirAddress, 0), 0);
  g_assert_cmpstr (line, ==, "candidate:1 1 udp 2130706431 203.0.113.5 8189 typ host");
  line6 = air_ice_candidate_line (&g_array_index (addresses, AirAddress, 1), 1);
  g_assert_cmpstr (line6, ==, "candidate:2 1 udp 2130706175 2001:db8::5 8189 typ host");

  g_autofree char *tcp = air_ice_tcp_candidate_line (&g_array_index (addresses, AirAddress, 1), 0);
  g_assert_cmpstr (tcp, ==, "candidate:17 1 tcp 1520435199 2001:db8::5 8189 typ host tcptype passive");
  g_assert_cmpuint (air_ice_tcp_candidate_priority (1), <, air_ice_tcp_candidate_priority (0));
  g_assert_cmpuint (air_ice_tcp_candidate_priority (0), <, air_ice_candidate_priority (AIR_ICE_MAX_CANDIDATES - 1));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ice/credentials", test_credentials);
  g_test_add_func ("/ice/refusals", test_refusals);
  g_test_add_func ("/ice/unknown-attribute", test_unknown_attribute);
  g_test_add_func ("/ice/indication", test_indication);
  g_test_add_func ("/ice/nomination", test_nomination);
  g_test_add_func ("/ice/consent", test_consent);
  g_test_add_func ("/ice/restart", test_restart);
  g_test_add_func ("/ice/lost-path", test_lost_path);
  g_test_add_func ("/ice/held-path", test_held_path);
  g_test_add_func ("/ice/candidates", test_candidates);
  return g_test_run ();
}
