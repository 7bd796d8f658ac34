/* One viewer's entry in GET /api/streams/{path}/viewers. */
#include "viewer-document.h"

static char *
format_time (int64_t unix_us)
{
  g_autoptr (GDateTime) second = g_date_time_new_from_unix_utc (unix_us / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format (second, "%Y-%m-%dT%H:%M:%S");
  return g_strdup_printf ("%s.%03dZ", text, (int)(unix_us % G_USEC_PER_SEC / 1000));
}

JsonObject *
air_viewer_to_json (const AirViewerInfo *info, const char *user_id)
{
  JsonObject *viewer = json_object_new ();
  g_autofree char *since = format_time (info->since_us);
  json_object_set_string_member (viewer, "viewer_id", info->viewer_id);
  if (user_id)
    json_object_set_string_member (viewer, "user_id", user_id);
  else
    json_object_set_null_member (viewer, "user_id");
  json_object_set_string_member (viewer, "address", info->address);
  json_object_set_string_member (viewer, "engine", info->engine);
  json_object_set_string_member (viewer, "profile", info->profile);
  json_object_set_string_member (viewer, "state", info->connected ? "playing" : "connecting");
  json_object_set_string_member (viewer, "since", since);
  if (info->rtt_us >= 0)
    json_object_set_double_member (viewer, "rtt_ms", (double)info->rtt_us / 1000);
  else
    json_object_set_null_member (viewer, "rtt_ms");
  json_object_set_double_member (viewer, "loss", info->loss);
  json_object_set_double_member (viewer, "jitter_ms", (double)info->jitter_us / 1000);
  json_object_set_int_member (viewer, "bitrate_bps", (gint64)info->bitrate_bps);
  json_object_set_int_member (viewer, "estimate_bps", (gint64)info->estimate_bps);
  if (info->queue_us >= 0)
    json_object_set_double_member (viewer, "queue_delay_ms", (double)info->queue_us / 1000);
  else
    json_object_set_null_member (viewer, "queue_delay_ms");
  g_autofree char *level_since = format_time (info->level_since_us != 0 ? info->level_since_us : info->since_us);
  json_object_set_string_member (viewer, "level", info->level ? info->level : "full");
  json_object_set_string_member (viewer, "level_reason", info->level_reason ? info->level_reason : "fixed");
  json_object_set_string_member (viewer, "level_since", level_since);
  json_object_set_int_member (viewer, "packets", (gint64)info->packets);
  json_object_set_int_member (viewer, "bytes", (gint64)info->bytes);
  json_object_set_int_member (viewer, "nacks", (gint64)info->nacks);
  json_object_set_int_member (viewer, "retransmitted", (gint64)info->retransmitted);
  json_object_set_int_member (viewer, "keyframe_requests", (gint64)info->keyframe_requests);
  return viewer;
}
