/* Addresses: text, sockaddr and comparison. */
#include "address.h"

#include <arpa/inet.h>
#include <string.h>

static void
test_parse (void)
{
  static const struct
  {
    const char *text, *shown;
  } good[] = {
    { "0.0.0.0:8189", "0.0.0.0:8189" }, { "[::]:8189", "[::]:8189" },           { ":1", "[::]:1" },
    { "192.0.2.1:0", "192.0.2.1:0" },   { "[2001:DB8::1]:5", "[2001:db8::1]:5" },
  };
  static const char *const bad[] = { "", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "::1:80", "[1.2.3.4]:80", "[::1:80",
                                     "host:80", "1.2.3.4:-1", "[::1]80" };
  AirAddress address;
  char buffer[AIR_ADDRESS_STRING_BYTES];

  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_assert_true (air_address_parse_with_port (good[i].text, &address));
      g_assert_cmpstr (air_address_string (&address, buffer), ==, good[i].shown);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (air_address_parse_with_port (bad[i], &address));
}

static void
test_kinds (void)
{
  static const struct
  {
    const char *text;
    bool ipv4, unspecified, loopback, link_local;
  } cases[] = {
    { "127.0.0.1", true, false, true, false },  { "::1", false, false, true, false },
    { "0.0.0.0", true, true, false, false },    { "::", false, true, false, false },
    { "fe80::1", false, false, false, true },   { "169.254.1.1", true, false, false, true },
    { "192.0.2.9", true, false, false, false }, { "::ffff:127.0.0.2", true, false, true, false },
  };
  AirAddress address;

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_true (air_address_parse (cases[i].text, 1, &address));
      g_assert_cmpint (air_address_is_ipv4 (&address), ==, cases[i].ipv4);
      g_assert_cmpint (air_address_is_unspecified (&address), ==, cases[i].unspecified);
      g_assert_cmpint (air_address_is_loopback (&address), ==, cases[i].loopback);
      g_assert_cmpint (air_address_is_link_local (&address), ==, cases[i].link_local);
    }
}

static void
test_sockaddr (void)
{
  AirAddress v4, mapped, v6, back;
  struct sockaddr_storage sa;

  g_assert_true (air_address_parse ("192.0.2.7", 7, &v4));
  g_assert_true (air_address_parse ("::ffff:192.0.2.7", 7, &mapped));
  g_assert_true (air_address_parse ("2001:db8::7", 7, &v6));
  g_assert_true (air_address_equal (&v4, &mapped));
  g_assert_false (air_address_equal (&v4, &v6));

  g_assert_cmpuint (air_address_to_sockaddr (&v4, AF_INET, &sa), ==, sizeof (struct sockaddr_in));
  g_assert_true (air_address_from_sockaddr ((struct sockaddr *)&sa, &back));
  g_assert_true (air_address_equal (&v4, &back));
  g_assert_cmpuint (air_address_to_sockaddr (&v4, AF_INET6, &sa), ==, sizeof (struct sockaddr_in6));
  g_assert_true (air_address_from_sockaddr ((struct sockaddr *)&sa, &back));
  g_assert_true (air_address_equal (&v4, &back));
  g_assert_cmpuint (air_address_to_sockaddr (&v6, AF_INET, &sa), ==, 0);
  sa.ss_family = AF_UNIX;
  g_assert_false (air_address_from_sockaddr ((struct sockaddr *)&sa, &back));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/address/parse", test_parse);
  g_test_add_func ("/address/kinds", test_kinds);
  g_test_add_func ("/address/sockaddr", test_sockaddr);
  return g_test_run ();
}
