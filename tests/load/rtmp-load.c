/* Many RTMP publishers in one process: each sends the same file, paced in real time, from the start again when it ends.
 *
 * One thread, one epoll, a tick of 5 ms. Publishers begin one after the other, so that their frames do not come at the same instant.
 */
#include <errno.h>
#include <json-glib/json-glib.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rtmp-publisher.h"
#include "server-usage.h"

#define TICK_US 5000
#define EVENTS 256
#define MEDIA_STREAM 6
#define JOIN_PATIENCE_US (15 * G_USEC_PER_SEC)
#define MAX_PUBLISHERS 5000
#define MAX_DURATION_S (4 * 3600) /* the timestamp stays below 0xffffff ms */

typedef struct
{
  char *url, *file, *state_dir;
  int publishers, pid, chunk_bytes;
  double rate, duration_s, settle_s;
  gboolean json;
} Options;

typedef struct
{
  Options options;
  LoadFlv flv;
  LoadPublisherPlan plan;
  struct sockaddr_storage address;
  char *app, *name, *tc_url;
  LoadPublisher *publishers;
  int epoll;
  LoadUsage idle, begin, end;
  bool has_usage;
  unsigned live, failed; /* when measuring ended */
  uint64_t bytes;        /* while measuring */
  double own_cpu_s;
} Run;

static bool
parse_options (Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "publishers", 'n', 0, G_OPTION_ARG_INT, &options->publishers, "How many (100)", "N" },
    { "file", 'f', 0, G_OPTION_ARG_FILENAME, &options->file, "What they send: FLV with H.264 and AAC", "FILE" },
    { "rate", 'r', 0, G_OPTION_ARG_DOUBLE, &options->rate, "Publishers that begin a second (50)", "R" },
    { "duration", 'd', 0, G_OPTION_ARG_DOUBLE, &options->duration_s,
      "How long to measure once all are there, seconds (10)", "S" },
    { "settle", 0, 0, G_OPTION_ARG_DOUBLE, &options->settle_s, "How long to wait before, seconds (2)", "S" },
    { "chunk", 0, 0, G_OPTION_ARG_INT, &options->chunk_bytes, "Size of chunks, bytes (4096)", "BYTES" },
    { "state-dir", 's', 0, G_OPTION_ARG_FILENAME, &options->state_dir,
      "The server's state folder: tells address and process", "DIR" },
    { "pid", 'p', 0, G_OPTION_ARG_INT, &options->pid, "The server's process", "PID" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print one JSON object", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[rtmp://HOST:PORT/APP/NAME] – many RTMP publishers");
  const char *problem = NULL;

  *options = (Options){ .publishers = 100, .rate = 50, .duration_s = 10, .settle_s = 2, .chunk_bytes = 4096 };
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context, "%d in the stream's name stands for the publisher's number; without an address it is "
                                         "live/load%d of the server\nwhose state folder is given. A key goes behind the name: NAME?key=KEY.");
  if (!g_option_context_parse (context, argc, argv, error))
    return false;
  options->url = g_strdup (*argc > 1 ? (*argv)[1] : NULL);
  if (options->publishers < 1 || options->publishers > MAX_PUBLISHERS)
    problem = "--publishers is 1 to 5000";
  else if (options->rate <= 0 || options->settle_s < 0 || options->duration_s <= 0
           || options->duration_s > MAX_DURATION_S)
    problem = "--rate is more than 0, --settle at least 0, --duration more than 0 and at most 14400";
  else if (options->chunk_bytes < 128 || options->chunk_bytes > 0xffffff)
    problem = "--chunk is 128 to 16777215";
  else if (!options->file)
    problem = "--file is needed, made for example by: ffmpeg -f lavfi -i testsrc2=size=1280x720:rate=30 -t 20 -b:v 2M x.flv";
  else if (!options->url && !options->state_dir)
    problem = "say where: rtmp://HOST:PORT/APP/NAME, or --state-dir=DIR";
  if (problem)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, problem);
  return !problem;
}

static bool
resolve (Run *run, GUri *uri, GError **error)
{
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
  g_autofree char *port = g_strdup_printf ("%d", g_uri_get_port (uri) > 0 ? g_uri_get_port (uri) : 1935);
  int code = getaddrinfo (g_uri_get_host (uri), port, &hints, &found);

  if (code != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "cannot find the host '%s': %s", g_uri_get_host (uri),
                   gai_strerror (code));
      return false;
    }
  memcpy (&run->address, found->ai_addr, found->ai_addrlen);
  run->plan.address = (const struct sockaddr *)&run->address;
  run->plan.address_bytes = found->ai_addrlen;
  freeaddrinfo (found);
  return true;
}

static bool
find_server (Run *run, GError **error)
{
  Options *options = &run->options;
  g_autofree char *http = NULL, *rtmp = NULL;
  pid_t pid = 0;

  if (options->state_dir && !load_run_file_read (options->state_dir, &pid, &http, &rtmp, error))
    return false;
  if (options->pid == 0)
    options->pid = pid;
  if (!options->url)
    options->url = g_strconcat (rtmp ? rtmp : "", "/live/load%d", NULL);
  g_auto (GStrv) parts = g_strsplit (options->url, "/", 5);
  g_autofree char *server = g_strv_length (parts) == 5 ? g_strdup_printf ("%s//%s/%s", parts[0], parts[2], parts[3]) : NULL;
  g_autoptr (GUri) uri = server ? g_uri_parse (server, G_URI_FLAGS_ENCODED, NULL) : NULL;
  if (!uri || g_strcmp0 (g_uri_get_scheme (uri), "rtmp") != 0 || !g_uri_get_host (uri))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' is not rtmp://HOST:PORT/APP/NAME", options->url);
      return false;
    }
  run->app = g_strdup (parts[3]);
  run->name = g_strdup (parts[4]);
  run->tc_url = g_strdup (server);
  return resolve (run, uri, error);
}

static unsigned
count_state (const Run *run, LoadPublisherState state)
{
  unsigned count = 0;

  for (int i = 0; i < run->options.publishers; i++)
    count += run->publishers[i].state == state;
  return count;
}

static void
begin_publisher (Run *run, int number)
{
  LoadPublisher *publisher = &run->publishers[number];
  struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = publisher };

  if (load_publisher_connect (publisher) && epoll_ctl (run->epoll, EPOLL_CTL_ADD, publisher->fd, &event) != 0)
    g_error ("epoll: %s", g_strerror (errno));
}

/* Serves all sockets until @until_us, or, when @all_decided, until each is live or failed. */
static void
serve (Run *run, int64_t from_us, int64_t until_us, bool all_decided)
{
  struct epoll_event events[EVENTS];
  int publishers = run->options.publishers;

  for (int64_t now_us = g_get_monotonic_time (), next_us = now_us; now_us < until_us; now_us = g_get_monotonic_time ())
    {
      if (now_us >= next_us)
        {
          for (int i = 0; i < publishers; i++)
            if (run->publishers[i].state != LOAD_PUBLISHER_IDLE)
              load_publisher_tick (&run->publishers[i], now_us);
            else if (now_us >= from_us + (int64_t)(i / run->options.rate * G_USEC_PER_SEC))
              begin_publisher (run, i);
          next_us = MAX (next_us + TICK_US, now_us);
          if (all_decided
              && count_state (run, LOAD_PUBLISHER_LIVE) + count_state (run, LOAD_PUBLISHER_FAILED)
                     == (unsigned)publishers)
            return;
        }
      int count = epoll_wait (run->epoll, events, EVENTS, (int)MAX (0, (next_us - now_us + 999) / 1000));
      for (int i = 0; i < count; i++)
        load_publisher_ready (events[i].data.ptr);
    }
}

static void
read_usage (Run *run, LoadUsage *ret_usage)
{
  g_autoptr (GError) error = NULL;

  if (!run->has_usage || load_usage_read (run->options.pid, ret_usage, &error))
    return;
  g_printerr ("rtmp-load: cannot read what process %d uses: %s\n", run->options.pid,
              error ? error->message : "unknown form");
  run->has_usage = false;
}

static uint64_t
sum_bytes (const Run *run)
{
  uint64_t bytes = 0;

  for (int i = 0; i < run->options.publishers; i++)
    bytes += run->publishers[i].bytes;
  return bytes;
}

static void
go (Run *run)
{
  const Options *options = &run->options;
  int64_t from_us = g_get_monotonic_time ();

  run->has_usage = options->pid != 0;
  read_usage (run, &run->idle);
  serve (run, from_us, from_us + (int64_t)(options->publishers / options->rate * G_USEC_PER_SEC) + JOIN_PATIENCE_US,
         true);
  serve (run, from_us, g_get_monotonic_time () + (int64_t)(options->settle_s * G_USEC_PER_SEC), false);
  uint64_t bytes = sum_bytes (run);
  double cpu_s = load_usage_own_cpu_s ();
  for (int i = 0; i < options->publishers; i++)
    run->publishers[i].late_us = 0;
  run->begin.at_us = g_get_monotonic_time ();
  read_usage (run, &run->begin);
  serve (run, from_us, g_get_monotonic_time () + (int64_t)(options->duration_s * G_USEC_PER_SEC), false);
  run->end.at_us = g_get_monotonic_time ();
  read_usage (run, &run->end);
  run->own_cpu_s = load_usage_own_cpu_s () - cpu_s;
  run->bytes = sum_bytes (run) - bytes;
  run->live = count_state (run, LOAD_PUBLISHER_LIVE);
  run->failed = count_state (run, LOAD_PUBLISHER_FAILED);
}

typedef struct
{
  const char *name;
  double value;
} Figure;

static void
report (const Run *run)
{
  double seconds = (double)(run->end.at_us - run->begin.at_us) / G_USEC_PER_SEC;
  double cores = run->has_usage ? (run->end.cpu_s - run->begin.cpu_s) / seconds : 0;
  int64_t late_us = 0;

  for (int i = 0; i < run->options.publishers; i++)
    late_us = MAX (late_us, run->publishers[i].late_us);
  const Figure figures[] = {
    { "publishers", run->options.publishers },
    { "live", run->live },
    { "failed", run->failed },
    { "measured_s", seconds },
    { "megabits_per_s", (double)run->bytes * 8 / 1e6 / seconds },
    { "file_megabits_per_s", run->flv.bits_per_s / 1e6 },
    { "worst_late_ms", (double)late_us / 1000 },
    { "own_cpu_cores", run->own_cpu_s / seconds },
    { "cpu_cores", cores },
    { "cpu_ms_per_publisher_s", run->live > 0 ? cores * 1000 / run->live : 0 },
    { "rss_mib_before", run->idle.rss_mib },
    { "rss_mib", run->end.rss_mib },
    { "mib_per_publisher", run->live > 0 ? (run->end.rss_mib - run->idle.rss_mib) / run->live : 0 },
    { "threads_before", run->idle.threads },
    { "threads", run->end.threads },
    { "descriptors_before", run->idle.descriptors },
    { "descriptors", run->end.descriptors },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (figures); i++)
    if (run->options.json)
      printf ("%s\"%s\": %.6g%s", i == 0 ? "{" : " ", figures[i].name, figures[i].value,
              i + 1 < G_N_ELEMENTS (figures) ? ",\n" : "}\n");
    else
      printf ("%-24s %.6g\n", figures[i].name, figures[i].value);
  for (int i = 0; i < run->options.publishers; i++)
    if (run->publishers[i].failure)
      g_printerr ("rtmp-load: %s: %s\n", run->publishers[i].name, run->publishers[i].failure);
}

static void
make_publishers (Run *run)
{
  g_auto (GStrv) parts = g_strsplit (run->name, "%d", 2);

  run->publishers = g_new0 (LoadPublisher, run->options.publishers);
  for (int i = 0; i < run->options.publishers; i++)
    load_publisher_init (&run->publishers[i], &run->plan,
                         parts[1] ? g_strdup_printf ("%s%d%s", parts[0], i, parts[1]) : g_strdup (run->name));
}

static void
clear (Run *run)
{
  for (int i = 0; run->publishers && i < run->options.publishers; i++)
    load_publisher_clear (&run->publishers[i]);
  if (run->epoll >= 0)
    close (run->epoll);
  load_flv_clear (&run->flv);
  g_free (run->publishers);
  g_free (run->app);
  g_free (run->name);
  g_free (run->tc_url);
  g_free (run->options.url);
  g_free (run->options.file);
  g_free (run->options.state_dir);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Run run = { .epoll = epoll_create1 (EPOLL_CLOEXEC) };
  int status = 2;

  if (!parse_options (&run.options, &argc, &argv, &error) || !find_server (&run, &error)
      || !load_flv_read (run.options.file, (unsigned)run.options.chunk_bytes, MEDIA_STREAM, &run.flv, &error))
    g_printerr ("rtmp-load: %s\n", error->message);
  else
    {
      run.plan.app = run.app;
      run.plan.tc_url = run.tc_url;
      run.plan.flv = &run.flv;
      run.plan.chunk_bytes = (unsigned)run.options.chunk_bytes;
      make_publishers (&run);
      go (&run);
      report (&run);
      status = run.live == (unsigned)run.options.publishers ? 0 : 1;
    }
  clear (&run);
  return status;
}
