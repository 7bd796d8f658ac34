/* The list of STUN and TURN servers: what is taken, what is told, and that errors keep secrets. */
#include <airclass/error.h>
#include <string.h>

#include "ice-servers.h"

#define NOW 1700000000

static void
test_link (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirIceServers) servers
      = air_ice_servers_new ("stun:stun.example.org, turn:user:se%22cret%5C@[2001:db8::1]:443?transport=tcp\n"
                             "turns:u:s@turn.example.org",
                             NULL, 60, &error);
  g_assert_no_error (error);
  g_autofree char *told = air_ice_servers_link (servers, "v1", NOW);
  g_assert_cmpstr (told, ==,
                   "<stun:stun.example.org>; rel=\"ice-server\", "
                   "<turn:[2001:db8::1]:443?transport=tcp>; rel=\"ice-server\"; username=\"user\"; "
                   "credential=\"se\\\"cret\\\\\"; credential-type=\"password\", "
                   "<turns:turn.example.org>; rel=\"ice-server\"; username=\"u\"; credential=\"s\"; "
                   "credential-type=\"password\"");
  g_autofree char *stranger = air_ice_servers_link (servers, NULL, NOW);
  g_assert_cmpstr (stranger, ==, "<stun:stun.example.org>; rel=\"ice-server\"");
  g_autofree char *stun = air_ice_servers_get_stun (servers);
  g_assert_cmpstr (stun, ==, "stun://stun.example.org:3478");
  g_auto (GStrv) turn = air_ice_servers_list_turn (servers, "v1", NOW);
  g_assert_cmpuint (g_strv_length (turn), ==, 1); /* libnice has no TLS */
  g_assert_cmpstr (turn[0], ==, "turn://user:se%22cret%5C@[2001:db8::1]:443?transport=tcp");
}

/* As coturn computes it: base64 (HMAC-SHA1 (secret, "time:name")); the value is openssl's. */
static void
test_shared_secret (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirIceServers) servers = air_ice_servers_new ("turn:t.example.org", "north", 3600, &error);
  g_assert_no_error (error);
  g_autofree char *told = air_ice_servers_link (servers, "v1", NOW);
  g_assert_cmpstr (told, ==,
                   "<turn:t.example.org>; rel=\"ice-server\"; username=\"1700003600:v1\"; "
                   "credential=\"PLwztLKW9LPYmqDMFM4Cc42Ksro=\"; credential-type=\"password\"");
  g_auto (GStrv) turn = air_ice_servers_list_turn (servers, "v1", NOW);
  g_assert_true (g_str_has_prefix (turn[0], "turn://1700003600%3Av1:"));
}

static void
test_none (void)
{
  g_autoptr (AirIceServers) servers = air_ice_servers_new (" ", "", 60, NULL);
  g_assert_nonnull (servers);
  g_assert_null (air_ice_servers_link (servers, "v1", NOW));
  g_assert_null (air_ice_servers_get_stun (servers));
  g_auto (GStrv) turn = air_ice_servers_list_turn (servers, "v1", NOW);
  g_assert_cmpuint (g_strv_length (turn), ==, 0);
}

static void
test_refusals (void)
{
  static const struct
  {
    const char *list, *secret;
  } cases[] = {
    { "http:hidden", NULL },
    { "stun", NULL },
    { "stun:", NULL },
    { "stun://a.example.org", NULL },
    { "stun:a.example.org?transport=udp", NULL },
    { "stun:u:hidden@a.example.org", NULL },
    { "stun:a.example.org:65536", NULL },
    { "stun:a.example.org:", NULL },
    { "stun:[2001:db8::1", NULL },
    { "stun:a<b>.example.org", NULL },
    { "turn:a.example.org", NULL },
    { "turn:hidden@a.example.org", NULL },
    { "turn:u:@a.example.org", NULL },
    { "turn:u:hidden%0A@a.example.org", NULL },
    { "turn:u:hidden%zz@a.example.org", NULL },
    { "turn:u:hidden@a.example.org?transport=sctp", NULL },
    { "turn:u:hidden@a.example.org", "shared" },
    { "stun:1 stun:2 stun:3 stun:4 stun:5 stun:6 stun:7 stun:8 stun:9", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      AirIceServers *servers = air_ice_servers_new (cases[i].list, cases[i].secret, 60, &error);
      g_assert_null (servers);
      g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
      g_assert_true (strchr (cases[i].list, '@') == NULL || strstr (error->message, "hidden") == NULL);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/whep/ice-servers/link", test_link);
  g_test_add_func ("/whep/ice-servers/shared-secret", test_shared_secret);
  g_test_add_func ("/whep/ice-servers/none", test_none);
  g_test_add_func ("/whep/ice-servers/refusals", test_refusals);
  return g_test_run ();
}
