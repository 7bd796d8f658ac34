/* Counters of an engine. */
#include "engine-metrics.h"

void
air_engine_counts_add (AirEngineCounts *counts, const AirEngineCounts *more)
{
  uint64_t *sum = (uint64_t *)counts;
  const uint64_t *part = (const uint64_t *)more;
  for (size_t i = 0; i < sizeof *counts / sizeof *sum; i++)
    sum[i] += part[i];
}

static void
count (AirMetric *metric, uint64_t change, const char *label)
{
  const char *labels[] = { label, NULL };
  if (change > 0)
    air_metric_add (metric, (double)change, label ? labels : NULL);
}

static void
count_levels (AirMetric *metric, const AirEngineCounts *counts)
{
  for (AirLevel level = 0; level < AIR_LEVEL_COUNT; level++)
    for (AirLevelReason reason = 0; reason < AIR_LEVEL_REASON_COUNT; reason++)
      if (counts->level_changes[level][reason] > 0)
        {
          const char *labels[] = { air_level_to_string (level), air_level_reason_to_string (reason), NULL };
          air_metric_add (metric, (double)counts->level_changes[level][reason], labels);
        }
}

static void
observe_delays (AirMetric *metric, const AirDelayHistogram *delays, const char *kind)
{
  const char *labels[] = { kind, NULL };
  for (unsigned i = 0; i <= AIR_DELAY_BUCKETS; i++)
    if (delays->counts[i] > 0)
      {
        double mean_us = (double)delays->sums_us[i] / (double)delays->counts[i];
        air_metric_observe_many (metric, mean_us / G_USEC_PER_SEC, delays->counts[i], labels);
      }
}

void
air_engine_metrics_init (AirEngineMetrics *metrics, AirContext *context)
{
  static const char *const by_reason[] = { "reason", NULL }, *const by_kind[] = { "kind", NULL },
                    *const by_result[] = { "result", NULL };
  metrics->packets = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_packets_sent_total",
                                             "Packets sent to viewers", NULL, NULL);
  metrics->bytes = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_bytes_sent_total",
                                           "Bytes of packets sent to viewers", NULL, NULL);
  metrics->retransmitted = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_retransmitted_total",
                                                   "Packets sent again because a viewer lost them", NULL, NULL);
  metrics->dropped = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_send_dropped_total",
                                             "Datagrams that could not be sent", by_reason, NULL);
  metrics->requests = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_feedback_total",
                                              "Requests by viewers: lost packets (nack), keyframes", by_kind, NULL);
  metrics->replays = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_replays_total",
                                             "Requests for a keyframe that were answered from the cached pictures", NULL, NULL);
  metrics->discarded
      = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_discarded_total",
                                "Datagrams from addresses or with names that are no viewer's", by_reason, NULL);
  metrics->tcp = air_context_add_metric (
    context, AIR_METRIC_COUNTER, "airclass_whep_tcp_connections_total",
    "Connections of viewers by TCP: accepted, refused as too many, cut because they spoke no WebRTC in time", by_result, NULL);
  static const char *const by_level[] = { "level", "reason", NULL };
  metrics->levels = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_level_changes_total",
                                            "Changes of what a viewer is sent, to that level and why", by_level, NULL);
  metrics->forwarded = air_context_add_metric (
    context, AIR_METRIC_COUNTER, "airclass_whep_forwarded_total",
    "Datagrams that came in at another thread than their viewer's and were passed on", NULL, NULL);
  metrics->delay = air_context_add_metric (
    context, AIR_METRIC_HISTOGRAM, "airclass_whep_delay_seconds",
    "Inside the server: from the last byte of a picture or piece of sound to its last packet for each viewer. Where sound waits "
    "for the picture (sound_waits_from), that wait is part of it", by_kind,
    air_delay_bounds_s);
}

void
air_engine_metrics_add (AirEngineMetrics *metrics, const AirEngineCounts *counts)
{
  count (metrics->packets, counts->packets, NULL);
  count (metrics->bytes, counts->bytes, NULL);
  count (metrics->retransmitted, counts->retransmitted, NULL);
  count (metrics->dropped, counts->dropped, "buffer");
  count (metrics->dropped, counts->failed, "unreachable");
  count (metrics->dropped, counts->tcp_dropped, "queue");
  count (metrics->tcp, counts->tcp_accepted, "accepted");
  count (metrics->tcp, counts->tcp_refused, "refused");
  count (metrics->tcp, counts->tcp_cut, "cut");
  count (metrics->requests, counts->nacks, "nack");
  count (metrics->requests, counts->keyframe_requests, "keyframe");
  count (metrics->replays, counts->replays, NULL);
  count (metrics->discarded, counts->unvalidated, "unvalidated");
  count (metrics->discarded, counts->unknown_ufrag, "unknown");
  count (metrics->discarded, counts->forged, "forged");
  count (metrics->discarded, counts->held, "held");
  count (metrics->discarded, counts->overrun, "overrun");
  count_levels (metrics->levels, counts);
  count (metrics->forwarded, counts->forwarded, NULL);
  observe_delays (metrics->delay, &counts->delays[AIR_KIND_AUDIO], "audio");
  observe_delays (metrics->delay, &counts->delays[AIR_KIND_VIDEO], "video");
}
