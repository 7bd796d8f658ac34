/* Guessing gets slower, and only for those who guess. */
#include "auth/failure-limiter.h"

#define SECOND ((int64_t)G_USEC_PER_SEC)

typedef struct
{
  AirFailureLimiter *limiter;
  int64_t now_us;
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
  fixture->limiter = air_failure_limiter_new ();
  fixture->now_us = 1000 * SECOND;
}

static void
tear_down (Fixture *fixture, const void *data)
{
  air_failure_limiter_free (fixture->limiter);
}

/* 0: may try now. */
static unsigned
wait_s (Fixture *fixture, const char *address, const char *path)
{
  g_autoptr (GInetAddress) inet = g_inet_address_new_from_string (address);
  unsigned seconds = 0;
  bool may = air_failure_limiter_may_try (fixture->limiter, inet, path, fixture->now_us, &seconds);
  g_assert_true (may == (seconds == 0));
  return seconds;
}

static void
fail (Fixture *fixture, const char *address, const char *path, unsigned times)
{
  g_autoptr (GInetAddress) inet = g_inet_address_new_from_string (address);
  for (unsigned i = 0; i < times; i++)
    air_failure_limiter_failed (fixture->limiter, inet, path, fixture->now_us);
}

static void
succeed (Fixture *fixture, const char *address, const char *path)
{
  g_autoptr (GInetAddress) inet = g_inet_address_new_from_string (address);
  air_failure_limiter_succeeded (fixture->limiter, inet, path, fixture->now_us);
}

static void
test_growth (Fixture *fixture, const void *data)
{
  fail (fixture, "192.0.2.1", "live/a", 4);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), ==, 0);
  unsigned expected = 1, last = 0;
  for (unsigned i = 0; i < 12; i++)
    {
      fail (fixture, "192.0.2.1", "live/a", 1);
      last = wait_s (fixture, "192.0.2.1", "live/a");
      g_assert_cmpuint (last, ==, MIN (expected, 300u));
      expected *= 2;
      fixture->now_us += last * SECOND;
      g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), ==, 0);
      /* Waiting it out gives nothing back as long as failures go on. */
      if (last >= 30)
        break;
    }
  g_assert_cmpuint (last, >=, 30);
}

static void
test_others_go_on (Fixture *fixture, const void *data)
{
  fail (fixture, "192.0.2.1", "live/a", 8);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), >, 0);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.2", "live/a"), ==, 0);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/b"), ==, 0);
}

static void
test_through_many_paths (Fixture *fixture, const void *data)
{
  for (unsigned i = 0; i < 25; i++)
    {
      g_autofree char *path = g_strdup_printf ("live/%u", i);
      fail (fixture, "192.0.2.1", path, 1);
    }
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/new"), >, 0);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", NULL), >, 0);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.2", "live/new"), ==, 0);
}

static void
test_from_many_addresses (Fixture *fixture, const void *data)
{
  succeed (fixture, "192.0.2.1", "live/a");
  for (unsigned i = 0; i < 80; i++)
    {
      g_autofree char *address = g_strdup_printf ("198.51.100.%u", i);
      fail (fixture, address, "live/a", 1);
    }
  g_assert_cmpuint (wait_s (fixture, "203.0.113.1", "live/a"), >, 0);
  g_assert_cmpuint (wait_s (fixture, "203.0.113.1", "live/a"), <=, 10);
  /* The teacher, who was let in before, is not shut out. */
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), ==, 0);
  g_assert_cmpuint (wait_s (fixture, "203.0.113.1", "live/b"), ==, 0);
}

static void
test_ipv6_counts_by_64 (Fixture *fixture, const void *data)
{
  for (unsigned i = 1; i <= 8; i++)
    {
      g_autofree char *address = g_strdup_printf ("2001:db8:0:1::%x", i);
      fail (fixture, address, "live/a", 1);
    }
  g_assert_cmpuint (wait_s (fixture, "2001:db8:0:1:ffff::1", "live/a"), >, 0);
  g_assert_cmpuint (wait_s (fixture, "2001:db8:0:2::1", "live/a"), ==, 0);
}

static void
test_mapped_is_ipv4 (Fixture *fixture, const void *data)
{
  fail (fixture, "::ffff:192.0.2.1", "live/a", 8);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), >, 0);
  g_assert_cmpuint (wait_s (fixture, "::ffff:192.0.2.2", "live/a"), ==, 0);
}

static void
test_success_resets (Fixture *fixture, const void *data)
{
  fail (fixture, "192.0.2.1", "live/a", 8);
  succeed (fixture, "192.0.2.1", "live/a");
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), ==, 0);
  /* A right key for one's own stream does not buy tries at another's. */
  fail (fixture, "192.0.2.1", "live/b", 8);
  succeed (fixture, "192.0.2.1", "live/a");
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/b"), >, 0);
}

static void
test_time_heals (Fixture *fixture, const void *data)
{
  fail (fixture, "192.0.2.1", "live/a", 10);
  fixture->now_us += 3600 * SECOND;
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), ==, 0);
  fail (fixture, "192.0.2.1", "live/a", 5);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), ==, 1);
}

static void
test_bounded (Fixture *fixture, const void *data)
{
  fail (fixture, "192.0.2.1", "live/a", 8);
  for (unsigned i = 0; i < 40000; i++)
    {
      g_autofree char *address = g_strdup_printf ("10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
      fail (fixture, address, NULL, 1);
    }
  /* The oldest went first; the table did not grow past its bound, and still works. */
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), ==, 0);
  fail (fixture, "192.0.2.1", "live/a", 8);
  g_assert_cmpuint (wait_s (fixture, "192.0.2.1", "live/a"), >, 0);
}

#define ADD(name, function) g_test_add ("/failure-limiter/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("growth", test_growth);
  ADD ("others-go-on", test_others_go_on);
  ADD ("through-many-paths", test_through_many_paths);
  ADD ("from-many-addresses", test_from_many_addresses);
  ADD ("ipv6-counts-by-64", test_ipv6_counts_by_64);
  ADD ("mapped-is-ipv4", test_mapped_is_ipv4);
  ADD ("success-resets", test_success_resets);
  ADD ("time-heals", test_time_heals);
  ADD ("bounded", test_bounded);
  return g_test_run ();
}
