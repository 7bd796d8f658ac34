/* What is told of a class, and when: made-up looks, one a second. */
#include <string.h>

#include "class-health.h"

typedef struct
{
  AirClassHealth *health;
  AirStreamIngest ingest;
  AirServerLoad load;
  GArray *viewers;
  GPtrArray *texts; /* ids and addresses */
} Class;

static void
set_up (Class *class, const void *data)
{
  class->health = air_class_health_new ();
  class->ingest = (AirStreamIngest){ .age_us = 60 * G_USEC_PER_SEC, .fps = 30, .declared_fps = 30, .bitrate_bps = 2000000 };
  class->load = (AirServerLoad){ .cpu_share = 0.3 };
  class->viewers = g_array_new (FALSE, FALSE, sizeof (AirClassViewer));
  class->texts = g_ptr_array_new_with_free_func (g_free);
}

static void
tear_down (Class *class, const void *data)
{
  air_class_health_free (class->health);
  g_array_unref (class->viewers);
  g_ptr_array_unref (class->texts);
}

/* @format has one %u, from 1 on. */
static void
add_viewers (Class *class, unsigned count, const char *format, double trouble)
{
  for (unsigned i = 1; i <= count; i++)
    {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      char *address = g_strdup_printf (format, i);
#pragma GCC diagnostic pop
      char *id = g_strdup_printf ("v%u", class->viewers->len);
      AirClassViewer viewer = { id, address, trouble, 60 * G_USEC_PER_SEC };
      g_ptr_array_add (class->texts, address);
      g_ptr_array_add (class->texts, id);
      g_array_append_val (class->viewers, viewer);
    }
}

static AirClassViewer *
viewer (Class *class, unsigned i)
{
  return &g_array_index (class->viewers, AirClassViewer, i);
}

/* Looks @seconds times; returns in how many the verdict changed. */
static unsigned
look (Class *class, unsigned seconds)
{
  unsigned changes = 0;
  for (unsigned i = 0; i < seconds; i++)
    changes += air_class_health_look (class->health, &class->ingest, &class->load, class->viewers);
  return changes;
}

static void
assert_verdict (Class *class, AirClassCause cause, const char *detail, unsigned affected, unsigned watching)
{
  const AirClassVerdict *verdict = air_class_health_get_verdict (class->health);
  g_autofree char *text = air_class_verdict_to_text (verdict);
  g_assert_cmpstr (air_class_cause_to_string (verdict->cause), ==, air_class_cause_to_string (cause));
  g_assert_cmpstr (verdict->detail, ==, detail);
  g_assert_cmpuint (verdict->affected, ==, affected);
  g_assert_cmpuint (verdict->watching, ==, watching);
  g_assert_true ((text == NULL) == (cause == AIR_CLASS_HEALTHY));
}

static void
test_healthy (Class *class, const void *data)
{
  g_assert_cmpuint (look (class, 10), ==, 0);
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 0);
  add_viewers (class, 30, "192.0.2.%u:5000", 0.2);
  class->load.cpu_share = 1; /* a machine may be busy as long as nobody notices */
  g_assert_cmpuint (look (class, 10), ==, 0);
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 30);
}

static void
test_uplink (Class *class, const void *data)
{
  add_viewers (class, 5, "192.0.2.%u:5000", 0);
  look (class, 5);
  class->ingest.late_us = 1200 * 1000;
  g_assert_cmpuint (look (class, 2), ==, 0);
  class->ingest.late_us = 0; /* an outage of a second or two is over before anybody can do anything */
  g_assert_cmpuint (look (class, 10), ==, 0);
  class->ingest.late_us = 1200 * 1000;
  g_assert_cmpuint (look (class, 3), ==, 1);
  assert_verdict (class, AIR_CLASS_UPLINK, "late", 0, 5);
  class->ingest.silence_us = 4 * G_USEC_PER_SEC;
  g_assert_cmpuint (look (class, 1), ==, 0); /* the same cause, put more precisely */
  assert_verdict (class, AIR_CLASS_UPLINK, "silent", 0, 5);
  class->ingest.late_us = class->ingest.silence_us = 0;
  g_assert_cmpuint (look (class, 4), ==, 0); /* not yet */
  assert_verdict (class, AIR_CLASS_UPLINK, "silent", 0, 5);
  g_assert_cmpuint (look (class, 10), ==, 1);
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 5);
}

static void
test_frames (Class *class, const void *data)
{
  class->ingest.declared_fps = 0;
  look (class, 60);
  class->ingest.bitrate_bps = 300000; /* a still slide */
  g_assert_cmpuint (look (class, 20), ==, 0);
  class->ingest.bitrate_bps = 2000000;
  class->ingest.fps = 24; /* chosen so */
  g_assert_cmpuint (look (class, 20), ==, 0);
  class->ingest.fps = 10;
  look (class, 3);
  assert_verdict (class, AIR_CLASS_UPLINK, "frames", 0, 0);
  look (class, 120); /* what lasts becomes the usual */
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 0);
  class->ingest.declared_fps = 30;
  look (class, 10); /* unless more is promised */
  assert_verdict (class, AIR_CLASS_UPLINK, "frames", 0, 0);
}

static void
test_start (Class *class, const void *data)
{
  class->ingest.age_us = 2 * G_USEC_PER_SEC;
  class->ingest.late_us = 3 * G_USEC_PER_SEC;
  add_viewers (class, 9, "192.0.2.%u:5000", 5);
  for (unsigned i = 0; i < 9; i++)
    viewer (class, i)->age_us = G_USEC_PER_SEC;
  g_assert_cmpuint (look (class, 10), ==, 0);
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 0);
}

static void
test_server (Class *class, const void *data)
{
  add_viewers (class, 20, "198.51.%u.7:5000", 0);
  class->load.dropped_share = 0.02;
  look (class, 3);
  assert_verdict (class, AIR_CLASS_SERVER, "drops", 0, 20);
  class->load.dropped_share = 0;
  class->load.send_late_us = G_USEC_PER_SEC / 4;
  look (class, 1);
  assert_verdict (class, AIR_CLASS_SERVER, "delay", 0, 20);
  class->load.send_late_us = 0;
  look (class, 12);
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 20);
  for (unsigned i = 0; i < 14; i++)
    viewer (class, i)->trouble = 3;
  look (class, 6);
  assert_verdict (class, AIR_CLASS_SERVER, "network", 14, 20);
  class->load.cpu_share = 0.99;
  look (class, 1);
  assert_verdict (class, AIR_CLASS_SERVER, "cpu", 14, 20);
}

/* What arrives late at a server without a moment to spare is not the teacher's fault. */
static void
test_busy_server_is_late (Class *class, const void *data)
{
  class->ingest.late_us = 2 * G_USEC_PER_SEC;
  class->load.cpu_share = 1;
  look (class, 5);
  assert_verdict (class, AIR_CLASS_SERVER, "cpu", 0, 0);
  class->load.cpu_share = 0.5;
  look (class, 5);
  assert_verdict (class, AIR_CLASS_UPLINK, "late", 0, 0);
}

/* Held up, with processors to spare: they are not what is blamed. */
static void
test_held_up_server (Class *class, const void *data)
{
  class->load.main_late_us = 2 * G_USEC_PER_SEC;
  class->load.cpu_share = 0.12;
  look (class, 5);
  assert_verdict (class, AIR_CLASS_SERVER, "stalls", 0, 0);
  g_autofree char *text = air_class_verdict_to_text (air_class_health_get_verdict (class->health));
  g_assert_nonnull (strstr (text, "2.0 seconds"));
  class->load.cpu_share = 1;
  look (class, 1);
  assert_verdict (class, AIR_CLASS_SERVER, "cpu", 0, 0);
}

static void
test_place (Class *class, const void *data)
{
  add_viewers (class, 10, "203.0.113.%u:5000", 2);
  add_viewers (class, 10, "198.51.%u.7:5000", 0.1);
  look (class, 6);
  assert_verdict (class, AIR_CLASS_PLACE, "", 10, 20);
  g_assert_cmpstr (air_class_health_get_verdict (class->health)->place, ==, "203.0.113.*");
}

static void
test_place_behind_one_address (Class *class, const void *data)
{
  add_viewers (class, 6, "203.0.113.9:50%02u", 2);
  add_viewers (class, 2, "203.0.113.%u:5000", 0);
  add_viewers (class, 6, "[2001:db8:1:2::%u]:5000", 0);
  look (class, 6);
  assert_verdict (class, AIR_CLASS_PLACE, "", 6, 14);
  g_assert_cmpstr (air_class_health_get_verdict (class->health)->place, ==, "203.0.113.9");
}

static void
test_ipv6_place (Class *class, const void *data)
{
  add_viewers (class, 5, "[2001:db8:0:a::%u]:5000", 2);
  add_viewers (class, 5, "[2001:db8:0:b::%u]:5000", 0);
  look (class, 6);
  assert_verdict (class, AIR_CLASS_PLACE, "", 5, 10);
  g_assert_cmpstr (air_class_health_get_verdict (class->health)->place, ==, "2001:db8:0:a::*");
}

static void
test_students (Class *class, const void *data)
{
  add_viewers (class, 20, "192.0.2.%u:5000", 0.1);
  viewer (class, 3)->trouble = viewer (class, 11)->trouble = 4;
  look (class, 6);
  assert_verdict (class, AIR_CLASS_STUDENTS, "", 2, 20);
  viewer (class, 3)->trouble = viewer (class, 11)->trouble = 0;
  look (class, 20);
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 20);
  for (unsigned i = 0; i < 40; i++) /* a bad report now and then */
    {
      viewer (class, 5)->trouble = i % 8 == 0 ? 2.5 : 0;
      g_assert_cmpuint (look (class, 1), ==, 0);
    }
}

/* Everybody at different places: what they share is the server's network. One who is well shows that it is not. */
static void
test_small_class (Class *class, const void *data)
{
  add_viewers (class, 3, "198.51.%u.7:5000", 2);
  look (class, 6);
  assert_verdict (class, AIR_CLASS_SERVER, "network", 3, 3);
  add_viewers (class, 1, "203.0.%u.7:5000", 0);
  look (class, 12);
  assert_verdict (class, AIR_CLASS_STUDENTS, "", 3, 4);
}

/* The cause that hides the others is told, and the others when it is over. */
static void
test_order (Class *class, const void *data)
{
  add_viewers (class, 20, "192.0.2.%u:5000", 0);
  viewer (class, 3)->trouble = 4;
  look (class, 6);
  assert_verdict (class, AIR_CLASS_STUDENTS, "", 1, 20);
  class->ingest.silence_us = 3 * G_USEC_PER_SEC;
  look (class, 3);
  assert_verdict (class, AIR_CLASS_UPLINK, "silent", 1, 20);
  class->ingest.silence_us = 0;
  look (class, 12);
  assert_verdict (class, AIR_CLASS_STUDENTS, "", 1, 20);
}

/* While nobody publishes there is nothing to judge; who leaves is forgotten. */
static void
test_not_live (Class *class, const void *data)
{
  add_viewers (class, 3, "192.0.2.%u:5000", 4);
  look (class, 8);
  assert_verdict (class, AIR_CLASS_PLACE, "", 3, 3);
  g_assert_true (air_class_health_look (class->health, NULL, &class->load, class->viewers));
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 0);
  look (class, 8);
  assert_verdict (class, AIR_CLASS_PLACE, "", 3, 3);
  g_array_set_size (class->viewers, 0);
  look (class, 12);
  assert_verdict (class, AIR_CLASS_HEALTHY, "", 0, 0);
}

/* Not asserted: --verbose prints what a look at a large class costs on the main loop. */
static void
test_cost (Class *class, const void *data)
{
  add_viewers (class, 2000, "10.1.%u.7:5000", 0.1);
  look (class, 1);
  int64_t begin_us = g_get_monotonic_time ();
  look (class, 10);
  g_test_message ("2000 viewers: %.2f ms a look", (double)(g_get_monotonic_time () - begin_us) / 10000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/class-health/" name, Class, NULL, set_up, function, tear_down)
  ADD ("healthy", test_healthy);
  ADD ("uplink", test_uplink);
  ADD ("frames", test_frames);
  ADD ("start", test_start);
  ADD ("server", test_server);
  ADD ("busy-server-is-late", test_busy_server_is_late);
  ADD ("held-up-server", test_held_up_server);
  ADD ("place", test_place);
  ADD ("place-behind-one-address", test_place_behind_one_address);
  ADD ("ipv6-place", test_ipv6_place);
  ADD ("students", test_students);
  ADD ("small-class", test_small_class);
  ADD ("order", test_order);
  ADD ("not-live", test_not_live);
  ADD ("cost", test_cost);
  return g_test_run ();
}
