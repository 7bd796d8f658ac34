/* From stays to figures: as text for people, as JSON for scripts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "spread.h"
#include "whep-load.h"

/* All figures; -1 where nothing is known. */
typedef struct
{
  unsigned stays, joined, failed;
  LoadCounts all, measured;
  uint64_t socket_drops;
  LoadSpread answer_ms, checked_ms, secured_ms, picture_ms, live_ms;
  double slowest_fps, median_fps;
  double cpu_ms_per_viewer_s, cpu_cores, mib_per_viewer, mib_per_further_viewer, pss_mib_per_viewer;
  double own_cpu_cores, megabits_per_s, packets_per_s, messages_per_s;
  double delay_p50_ms, delay_p95_ms, sound_delay_p50_ms, sound_delay_p95_ms; /* -1: not known */
  GHashTable *failures; /* text → count */
} Figures;

static void
add_since_post (GArray *values, const LoadStay *stay, int64_t at_us)
{
  double ms = (double)(at_us - stay->post_us) / 1000;

  if (at_us > 0)
    g_array_append_val (values, ms);
}

static void
add_stay (Figures *figures, const LoadStay *stay)
{
  figures->stays++;
  figures->joined += stay->joined;
  figures->socket_drops += stay->socket_drops;
  load_counts_add (&figures->all, &stay->counts);
  load_counts_add (&figures->measured, &stay->measured);
  if (!stay->failure)
    return;
  figures->failed++;
  g_hash_table_insert (figures->failures, (gpointer)stay->failure,
                       GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (figures->failures, stay->failure)) + 1));
}

static void
spread_stays (Figures *figures, const GArray *stays)
{
  g_autoptr (GArray) answer = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) checked = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) secured = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) picture = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) live = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) fps = g_array_new (FALSE, FALSE, sizeof (double));

  for (guint i = 0; i < stays->len; i++)
    {
      const LoadStay *stay = &g_array_index (stays, LoadStay, i);

      add_stay (figures, stay);
      add_since_post (answer, stay, stay->answered_us);
      add_since_post (checked, stay, stay->checked_us);
      add_since_post (secured, stay, stay->secured_us);
      add_since_post (picture, stay, stay->first_picture_us);
      if (stay->live_us >= 0)
        add_since_post (live, stay, stay->post_us + stay->live_us);
      if (stay->fps >= 0)
        g_array_append_val (fps, stay->fps);
    }
  figures->answer_ms = load_spread_of (answer);
  figures->checked_ms = load_spread_of (checked);
  figures->secured_ms = load_spread_of (secured);
  figures->picture_ms = load_spread_of (picture);
  figures->live_ms = load_spread_of (live);
  figures->median_fps = load_spread_of (fps).p50;
  figures->slowest_fps = load_quantile (fps, 0);
}

static void
add_usage (Figures *figures, const LoadResult *result)
{
  double viewers = result->playing, seconds = result->measured_s;

  if (!result->has_usage || seconds <= 0 || viewers < 1)
    return;
  seconds = (double)(result->end.at_us - result->begin.at_us) / G_USEC_PER_SEC;
  figures->cpu_cores = (result->end.cpu_s - result->begin.cpu_s) / seconds;
  figures->cpu_ms_per_viewer_s = figures->cpu_cores * 1000 / viewers;
  figures->mib_per_viewer = (result->end.rss_mib - result->idle.rss_mib) / viewers;
  figures->pss_mib_per_viewer = (result->end.pss_mib - result->idle.pss_mib) / viewers;
  if (viewers > 1 && result->alone.at_us > 0)
    figures->mib_per_further_viewer = (result->end.rss_mib - result->alone.rss_mib) / (viewers - 1);
}

static double
get_delay_ms (const LoadHistogram *before, const LoadHistogram *after, double quantile)
{
  double seconds = load_histogram_quantile (before, after, quantile);
  return seconds < 0 ? -1 : seconds * 1000;
}

static Figures
make_figures (const LoadResult *result)
{
  Figures figures = { .failures = g_hash_table_new (g_str_hash, g_str_equal), .cpu_cores = -1,
                      .cpu_ms_per_viewer_s = -1, .mib_per_viewer = -1, .mib_per_further_viewer = -1,
                      .pss_mib_per_viewer = -1 };

  spread_stays (&figures, result->stays);
  add_usage (&figures, result);
  if (result->measured_s > 0)
    {
      figures.own_cpu_cores = result->own_cpu_s / result->measured_s;
      figures.megabits_per_s = (double)figures.measured.bytes * 8 / 1e6 / result->measured_s;
      figures.packets_per_s = (double)figures.measured.packets / result->measured_s;
      figures.messages_per_s = (double)figures.measured.messages / result->measured_s;
    }
  figures.delay_p50_ms = get_delay_ms (&result->delays_before.video, &result->delays_after.video, 0.5);
  figures.delay_p95_ms = get_delay_ms (&result->delays_before.video, &result->delays_after.video, 0.95);
  figures.sound_delay_p50_ms = get_delay_ms (&result->delays_before.audio, &result->delays_after.audio, 0.5);
  figures.sound_delay_p95_ms = get_delay_ms (&result->delays_before.audio, &result->delays_after.audio, 0.95);
  return figures;
}

static void
print_spread (const char *what, LoadSpread spread)
{
  if (spread.n > 0)
    printf ("%-28s p50 %.1f  p95 %.1f  max %.1f ms  (%u viewers)\n", what, spread.p50, spread.p95, spread.max,
            spread.n);
}

static void
print_usage (const Figures *figures, const LoadResult *result)
{
  if (figures->cpu_cores < 0)
    return;
  printf ("server\n");
  printf ("  CPU                        %.3f cores, %.3f CPU-ms per viewer-second\n", figures->cpu_cores,
          figures->cpu_ms_per_viewer_s);
  printf ("  memory                     %.1f MiB before, %.1f with one, %.1f at the end: %.3f MiB per viewer (%.3f by PSS), "
          "%.3f per further one\n",
          result->idle.rss_mib, result->alone.rss_mib, result->end.rss_mib, figures->mib_per_viewer,
          figures->pss_mib_per_viewer, figures->mib_per_further_viewer);
  printf ("  threads                    %u before, %u with viewers\n", result->idle.threads, result->end.threads);
  printf ("  descriptors                %u before, %u with viewers\n", result->idle.descriptors,
          result->end.descriptors);
}

void
load_report_print (const LoadResult *result)
{
  Figures figures = make_figures (result);
  const LoadCounts *all = &figures.all;
  GHashTableIter iter;
  gpointer reason, count;

  printf ("viewers                      %u asked for, %u joined, %u failed\n", result->viewers, figures.joined,
          figures.failed);
  g_hash_table_iter_init (&iter, figures.failures);
  while (g_hash_table_iter_next (&iter, &reason, &count))
    printf ("  %5u × %s\n", GPOINTER_TO_UINT (count), (const char *)reason);
  print_spread ("answer to the POST", figures.answer_ms);
  print_spread ("ICE done", figures.checked_ms);
  print_spread ("DTLS done", figures.secured_ms);
  print_spread ("first decodable picture", figures.picture_ms);
  print_spread ("live", figures.live_ms);
  printf ("packets                      %" G_GUINT64_FORMAT " received, %" G_GUINT64_FORMAT " missing at first (%"
          G_GUINT64_FORMAT " came late, %" G_GUINT64_FORMAT " by retransmission), %" G_GUINT64_FORMAT
          " lost for good (and %" G_GUINT64_FORMAT " of audio), %" G_GUINT64_FORMAT " twice, %" G_GUINT64_FORMAT
          " not authentic\n",
          all->packets, all->missing, all->reordered, all->repaired, all->lost, all->audio_lost, all->duplicate,
          all->unauthentic);
  printf ("dropped here                 %" G_GUINT64_FORMAT " on purpose, %" G_GUINT64_FORMAT " by full sockets\n",
          all->dropped_here, figures.socket_drops);
  printf ("frames                       %" G_GUINT64_FORMAT " complete, %" G_GUINT64_FORMAT " lost\n", all->frames,
          all->frames_lost);
  if (figures.slowest_fps >= 0)
    printf ("frames a second              slowest viewer %.2f, median %.2f\n", figures.slowest_fps, figures.median_fps);
  printf ("stalls over 200 ms           %" G_GUINT64_FORMAT " in all (%.1f s), %" G_GUINT64_FORMAT " while measured\n",
          all->stalls, (double)all->stalled_us / G_USEC_PER_SEC, figures.measured.stalls);
  printf ("measured                     %u viewers, %.1f s: %.1f Mbit/s, %.0f packets a second; here %.2f cores, at worst %.1f ms "
          "late\n",
          result->playing, result->measured_s, figures.megabits_per_s, figures.packets_per_s, figures.own_cpu_cores,
          (double)result->max_lag_us / 1000);
  print_usage (&figures, result);
  if (figures.delay_p95_ms >= 0)
    printf ("  delay inside, pictures     p50 %.2f ms, p95 %.2f ms\n", figures.delay_p50_ms, figures.delay_p95_ms);
  if (figures.sound_delay_p95_ms >= 0)
    printf ("  delay inside, sound        p50 %.2f ms, p95 %.2f ms\n", figures.sound_delay_p50_ms, figures.sound_delay_p95_ms);
  g_hash_table_unref (figures.failures);
}

static void
add_counts (JsonBuilder *builder, const char *name, const LoadCounts *counts)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
  load_json_add_number (builder, "packets", (double)counts->packets);
  load_json_add_number (builder, "audio_packets", (double)counts->audio_packets);
  load_json_add_number (builder, "audio_samples", (double)counts->audio_samples);
  load_json_add_number (builder, "messages", (double)counts->messages);
  load_json_add_number (builder, "missing", (double)counts->missing);
  load_json_add_number (builder, "reordered", (double)counts->reordered);
  load_json_add_number (builder, "repaired", (double)counts->repaired);
  load_json_add_number (builder, "lost", (double)counts->lost);
  load_json_add_number (builder, "audio_lost", (double)counts->audio_lost);
  load_json_add_number (builder, "duplicate", (double)counts->duplicate);
  load_json_add_number (builder, "unauthentic", (double)counts->unauthentic);
  load_json_add_number (builder, "dropped_here", (double)counts->dropped_here);
  load_json_add_number (builder, "frames", (double)counts->frames);
  load_json_add_number (builder, "frames_lost", (double)counts->frames_lost);
  load_json_add_number (builder, "stalls", (double)counts->stalls);
  load_json_add_number (builder, "stalled_s", (double)counts->stalled_us / G_USEC_PER_SEC);
  load_json_add_number (builder, "nacks", (double)counts->nacks);
  load_json_add_number (builder, "plis", (double)counts->plis);
  json_builder_end_object (builder);
}

static void
add_server (JsonBuilder *builder, const Figures *figures, const LoadResult *result)
{
  load_json_add_number (builder, "cpu_cores", figures->cpu_cores);
  load_json_add_number (builder, "cpu_ms_per_viewer_s", figures->cpu_ms_per_viewer_s);
  load_json_add_number (builder, "mib_per_viewer", figures->mib_per_viewer);
  load_json_add_number (builder, "mib_per_further_viewer", figures->mib_per_further_viewer);
  load_json_add_number (builder, "pss_mib_per_viewer", figures->pss_mib_per_viewer);
  if (result->has_usage)
    {
      load_json_add_number (builder, "rss_mib", result->end.rss_mib);
      load_json_add_number (builder, "threads_before", result->idle.threads);
      load_json_add_number (builder, "threads", result->end.threads);
      load_json_add_number (builder, "descriptors_before", result->idle.descriptors);
      load_json_add_number (builder, "descriptors", result->end.descriptors);
    }
  load_json_add_number (builder, "delay_p50_ms", figures->delay_p50_ms);
  load_json_add_number (builder, "delay_p95_ms", figures->delay_p95_ms);
  load_json_add_number (builder, "sound_delay_p50_ms", figures->sound_delay_p50_ms);
  load_json_add_number (builder, "sound_delay_p95_ms", figures->sound_delay_p95_ms);
}

void
load_report_print_json (const LoadResult *result)
{
  Figures figures = make_figures (result);
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  load_json_add_number (builder, "viewers", result->viewers);
  load_json_add_number (builder, "stays", figures.stays);
  load_json_add_number (builder, "joined", figures.joined);
  load_json_add_number (builder, "failed", figures.failed);
  load_json_add_counts (builder, "failures", figures.failures);
  load_json_add_spread (builder, "answer_ms", figures.answer_ms);
  load_json_add_spread (builder, "checked_ms", figures.checked_ms);
  load_json_add_spread (builder, "secured_ms", figures.secured_ms);
  load_json_add_spread (builder, "first_picture_ms", figures.picture_ms);
  load_json_add_spread (builder, "live_ms", figures.live_ms);
  add_counts (builder, "all", &figures.all);
  add_counts (builder, "measured", &figures.measured);
  load_json_add_number (builder, "socket_drops", (double)figures.socket_drops);
  load_json_add_number (builder, "fps_slowest", figures.slowest_fps);
  load_json_add_number (builder, "fps_median", figures.median_fps);
  load_json_add_number (builder, "measured_s", result->measured_s);
  load_json_add_number (builder, "measured_viewers", result->playing);
  load_json_add_number (builder, "megabits_per_s", figures.megabits_per_s);
  load_json_add_number (builder, "packets_per_s", figures.packets_per_s);
  load_json_add_number (builder, "messages_per_s", figures.messages_per_s);
  load_json_add_number (builder, "own_cpu_cores", figures.own_cpu_cores);
  load_json_add_number (builder, "own_lag_ms", (double)result->max_lag_us / 1000);
  add_server (builder, &figures, result);
  load_json_print (builder);
  g_hash_table_unref (figures.failures);
}

bool
load_report_is_good (const LoadResult *result)
{
  Figures figures = make_figures (result);

  g_hash_table_unref (figures.failures);
  return figures.failed == 0 && figures.all.lost == 0
         && (result->drops || figures.all.audio_lost == 0)
         && (!result->expects_media || figures.joined >= result->viewers);
}
