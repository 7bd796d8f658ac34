/* A bad network on this machine: two network namespaces joined by a line that loses, delays, limits and blocks.
 *
 *   lossy-link [--seed=N] SERVER_ADDRESS CLIENT_ADDRESS
 *
 * It needs root and /dev/net/tun, nothing of the kernel's traffic control. Both namespaces and devices are gone when it
 * ends; it ends with its standard input. It first writes one line, "ready SERVER CLIENT": the paths by which others
 * enter the namespaces (setns(2), nsenter --net=). Then each line that it reads is answered by one line, "ok",
 * "error: WHY" or, after "counts", a JSON object:
 *
 *   down|up|both KEY=VALUE…   what happens from the server to the client (down), or back; the keys are those of LaneRules
 *   address IP                the client's side gets another address
 *   counts                    what was done so far
 *
 * One thread; the packets of both directions and the lines are served in turns.
 */
#include "link-lane.h"
#include "link-side.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#define BATCH 64u
#define EXIT_CANNOT 77 /* this machine does not allow it */

typedef enum
{
  DOWN,
  UP,
  LANE_COUNT,
} Direction;

typedef struct
{
  LinkSide server, client;
  Lane *lanes[LANE_COUNT];
  GString *input;
  bool ended;
} Link;

static int64_t
now_ns (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A full device drops, as a network card does. */
static void
deliver (const uint8_t *packet, size_t size, void *data)
{
  const LinkSide *side = data;
  if (write (side->tun, packet, size) < 0 && errno != EAGAIN && errno != EINVAL && errno != EIO)
    fprintf (stderr, "lossy-link: writing a packet: %s\n", g_strerror (errno));
}

/* What IPv6 says by itself when a device comes up would be counted among what a test sends: there are no other addresses. */
static void
read_packets (const LinkSide *from, Lane *lane)
{
  uint8_t packet[LINK_MTU];
  for (unsigned i = 0; i < BATCH; i++)
    {
      ssize_t size = read (from->tun, packet, sizeof packet);
      if (size <= 0)
        return;
      if (size >= 20 && packet[0] >> 4 == 4)
        lane_push (lane, packet, (size_t)size, now_ns ());
    }
}

/* ---- Lines */

static bool
set_number (LaneRules *rules, const char *key, double value)
{
  const struct
  {
    const char *key;
    double *target;
  } numbers[] = {
    { "loss", &rules->loss },     { "burst", &rules->burst },         { "delay_ms", &rules->delay_ms },
    { "jitter_ms", &rules->jitter_ms }, { "rate_kbps", &rules->rate_kbps }, { "queue_ms", &rules->queue_ms },
    { "stall_ms", &rules->stall_ms },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (g_str_equal (key, numbers[i].key))
      {
        *numbers[i].target = value;
        return true;
      }
  if (g_str_equal (key, "reorder"))
    rules->reorder = value != 0;
  else if (g_str_equal (key, "port"))
    rules->port = (unsigned)value;
  else
    return false;
  return true;
}

static bool
set_rule (LaneRules *rules, const char *word)
{
  static const char *const blocks[] = { "none", "udp", "tcp", "all", NULL };
  g_auto (GStrv) parts = g_strsplit (word, "=", 2);
  if (g_strv_length (parts) != 2)
    return false;
  if (g_str_equal (parts[0], "block"))
    {
      for (unsigned i = 0; blocks[i]; i++)
        if (g_str_equal (parts[1], blocks[i]))
          {
            rules->block = (LaneBlock)i;
            return true;
          }
      return false;
    }
  char *end;
  double value = g_ascii_strtod (parts[1], &end);
  return end != parts[1] && *end == '\0' && value >= 0 && value < 1e9 && set_number (rules, parts[0], value);
}

static void
print_counts (const Link *link)
{
  static const char *const names[] = { "down", "up" };
  for (unsigned i = 0; i < LANE_COUNT; i++)
    {
      const LaneCounts *counts = lane_get_counts (link->lanes[i]);
      printf ("%s\"%s\": {\"packets\": %" G_GUINT64_FORMAT ", \"bytes\": %" G_GUINT64_FORMAT
              ", \"lost\": %" G_GUINT64_FORMAT ", \"overflowed\": %" G_GUINT64_FORMAT ", \"blocked\": %" G_GUINT64_FORMAT
              ", \"delivered\": %" G_GUINT64_FORMAT "}",
              i == 0 ? "{" : ", ", names[i], counts->packets, counts->bytes, counts->lost, counts->overflowed,
              counts->blocked, counts->delivered);
    }
  printf ("}\n");
}

/* All words of a line hold, or none. */
static bool
set_rules (Link *link, char **words)
{
  bool down = g_str_equal (words[0], "down"), up = g_str_equal (words[0], "up"), both = g_str_equal (words[0], "both");
  LaneRules rules[LANE_COUNT];
  if (!down && !up && !both)
    return false;
  for (unsigned i = 0; i < LANE_COUNT; i++)
    {
      rules[i] = *lane_get_rules (link->lanes[i]);
      for (char **word = words + 1; *word; word++)
        if (!set_rule (&rules[i], *word))
          return false;
    }
  for (unsigned i = 0; i < LANE_COUNT; i++)
    if (both || (i == DOWN) == down)
      *lane_get_rules (link->lanes[i]) = rules[i];
  return true;
}

static void
take_line (Link *link, char *line)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = g_strsplit_set (g_strstrip (line), " ", -1);
  if (g_strv_length (words) == 1 && g_str_equal (words[0], "counts"))
    print_counts (link);
  else if (g_strv_length (words) == 2 && g_str_equal (words[0], "address"))
    {
      if (link_side_set_address (&link->client, words[1], &error))
        printf ("ok\n");
      else
        printf ("error: %s\n", error->message);
    }
  else
    printf (words[0] && set_rules (link, words) ? "ok\n" : "error: not understood\n");
  fflush (stdout);
}

static void
read_lines (Link *link)
{
  char bytes[1024], *end;
  ssize_t count = read (STDIN_FILENO, bytes, sizeof bytes);
  link->ended = count <= 0 || link->input->len > sizeof bytes;
  if (link->ended)
    return;
  g_string_append_len (link->input, bytes, count);
  while ((end = strchr (link->input->str, '\n')))
    {
      *end = '\0';
      take_line (link, link->input->str);
      g_string_erase (link->input, 0, end - link->input->str + 1);
    }
}

/* ---- Turns */

static bool
watch (int epoll, int fd, uint32_t number)
{
  struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };
  return epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int
wait_for_something (Link *link, int epoll, struct epoll_event *ret_events, int max)
{
  int64_t next_ns = MIN (lane_next_ns (link->lanes[DOWN]), lane_next_ns (link->lanes[UP]));
  int64_t wait_ns = next_ns == INT64_MAX ? 0 : MAX (0, next_ns - now_ns ());
  struct timespec wait = { wait_ns / 1000000000, wait_ns % 1000000000 };
  return epoll_pwait2 (epoll, ret_events, max, next_ns == INT64_MAX ? NULL : &wait, NULL);
}

static void
serve (Link *link)
{
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (!watch (epoll, link->server.tun, DOWN) || !watch (epoll, link->client.tun, UP)
      || !watch (epoll, STDIN_FILENO, LANE_COUNT))
    g_error ("epoll: %s", g_strerror (errno));
  while (!link->ended)
    {
      struct epoll_event events[LANE_COUNT + 1];
      int count = wait_for_something (link, epoll, events, G_N_ELEMENTS (events));
      for (int i = 0; i < count; i++)
        if (events[i].data.u32 == LANE_COUNT)
          read_lines (link);
        else
          read_packets (events[i].data.u32 == DOWN ? &link->server : &link->client, link->lanes[events[i].data.u32]);
      for (unsigned i = 0; i < LANE_COUNT; i++)
        lane_run (link->lanes[i], now_ns ());
    }
  close (epoll);
}

int
main (int argc, char **argv)
{
  int seed = 1;
  GOptionEntry entries[]
      = { { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "of chance: the same packets are lost again", "N" }, { 0 } };
  g_autoptr (GError) error = NULL;
  g_autoptr (GOptionContext) options = g_option_context_new ("SERVER_ADDRESS CLIENT_ADDRESS");
  g_option_context_add_main_entries (options, entries, NULL);
  if (!g_option_context_parse (options, &argc, &argv, &error) || argc != 3)
    {
      fprintf (stderr, "lossy-link: %s\n", error ? error->message : "give two addresses");
      return EXIT_FAILURE;
    }
  /* Timers of the system are 50 µs late by default. */
  prctl (PR_SET_TIMERSLACK, 1000);
  Link link = { .input = g_string_new (NULL), .client = { -1, -1, -1, { 0 } } };
  if (!link_side_open (&link.server, argv[1], &error) || !link_side_open (&link.client, argv[2], &error))
    {
      fprintf (stderr, "lossy-link: %s\n", error->message);
      return EXIT_CANNOT;
    }
  link.lanes[DOWN] = lane_new ((uint32_t)seed, deliver, &link.client);
  link.lanes[UP] = lane_new ((uint32_t)seed + 1, deliver, &link.server);
  printf ("ready /proc/%d/fd/%d /proc/%d/fd/%d\n", (int)getpid (), link.server.namespace, (int)getpid (),
          link.client.namespace);
  fflush (stdout);
  serve (&link);
  lane_free (link.lanes[DOWN]);
  lane_free (link.lanes[UP]);
  link_side_close (&link.server);
  link_side_close (&link.client);
  g_string_free (link.input, TRUE);
  return EXIT_SUCCESS;
}
