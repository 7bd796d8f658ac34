/* Names and help of the plugin's metrics. */
#include "metrics.h"

void
rtmp_metrics_init (RtmpMetrics *metrics, AirContext *context)
{
  static const char *const direction[] = { "direction", NULL };
  static const char *const reason[] = { "reason", NULL };
  metrics->connections = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_rtmp_connections",
                                                 "RTMP connections that are open.", NULL, NULL);
  metrics->publishers = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_rtmp_publishers",
                                                "RTMP connections that publish.", NULL, NULL);
  metrics->players = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_rtmp_players",
                                             "RTMP connections that play.", NULL, NULL);
  metrics->bytes = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_rtmp_bytes_total",
                                           "Bytes of RTMP connections, before encryption.", direction, NULL);
  metrics->refused = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_rtmp_refused_total",
                                             "RTMP connections, publishers and players that were refused or ended by the "
                                             "server.",
                                             reason, NULL);
  metrics->dropped = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_rtmp_dropped_messages_total",
                                             "Media messages that were not handed on.", reason, NULL);
}

void
rtmp_metrics_refused (RtmpMetrics *metrics, const char *reason)
{
  air_metric_add (metrics->refused, 1, (const char *const[]){ reason, NULL });
}

void
rtmp_metrics_dropped (RtmpMetrics *metrics, const char *reason)
{
  air_metric_add (metrics->dropped, 1, (const char *const[]){ reason, NULL });
}
