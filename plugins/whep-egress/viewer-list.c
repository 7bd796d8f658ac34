/* See viewer-list.h. */
#include "viewer-list.h"

#include <math.h>
#include <string.h>

/* At these a viewer suffers though all else is well: the picture stands still, or what is said comes too late. */
#define BAD_LOSS 0.05
#define GOOD_RTT_MS 200.0 /* up to here nobody minds */
#define BAD_RTT_MS 600.0
#define GOOD_JITTER_MS 40.0
#define BAD_JITTER_MS 120.0

void
air_viewer_row_free (AirViewerRow *row)
{
  air_viewer_info_free (row->info);
  g_free (row->user_id);
  g_free (row);
}

AirLevel
air_viewer_level (const AirViewerInfo *info)
{
  for (int level = 0; info->level && level < AIR_LEVEL_COUNT; level++)
    if (g_str_equal (air_level_to_string ((AirLevel)level), info->level))
      return (AirLevel)level;
  return AIR_LEVEL_FULL;
}

static const char *
reason_of (const AirViewerInfo *info)
{
  return info->level_reason ? info->level_reason : "fixed";
}

bool
air_viewer_is_held_down (const AirViewerInfo *info)
{
  return air_viewer_level (info) != AIR_LEVEL_FULL && !g_str_equal (reason_of (info), "fixed")
         && !g_str_equal (reason_of (info), "choice");
}

double
air_viewer_trouble (const AirViewerInfo *info)
{
  if (!info->connected)
    return 0;
  double rtt_ms = MAX (info->rtt_us, 0) / 1000.0, jitter_ms = info->jitter_us / 1000.0;
  double trouble = info->loss / BAD_LOSS;
  trouble += MAX (0, (rtt_ms - GOOD_RTT_MS) / (BAD_RTT_MS - GOOD_RTT_MS));
  trouble += MAX (0, (jitter_ms - GOOD_JITTER_MS) / (BAD_JITTER_MS - GOOD_JITTER_MS));
  if (air_viewer_is_held_down (info))
    trouble += air_viewer_level (info);
  return trouble;
}

/* ---- Order */

bool
air_viewer_sort_parse (const char *text, AirViewerSort *ret_sort)
{
  static const char *const names[]
      = { "since", "worst", "level", "address", "bitrate", "estimate", "loss", "rtt", "jitter", "nacks", "keyframe_requests" };
  ret_sort->descending = text[0] == '-';
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (text + ret_sort->descending, names[i]))
      {
        ret_sort->key = (AirViewerSortKey)i;
        return true;
      }
  return false;
}

static double
value_of (const AirViewerInfo *info, AirViewerSortKey key)
{
  switch (key)
    {
    case AIR_VIEWER_SORT_WORST:
      return -floor (air_viewer_trouble (info) * 2); /* in steps, or those who are well would change places each second */
    case AIR_VIEWER_SORT_LEVEL:
      return air_viewer_level (info);
    case AIR_VIEWER_SORT_BITRATE:
      return (double)info->bitrate_bps;
    case AIR_VIEWER_SORT_ESTIMATE:
      return (double)info->estimate_bps;
    case AIR_VIEWER_SORT_LOSS:
      return info->loss;
    case AIR_VIEWER_SORT_RTT:
      return (double)info->rtt_us;
    case AIR_VIEWER_SORT_JITTER:
      return (double)info->jitter_us;
    case AIR_VIEWER_SORT_NACKS:
      return (double)info->nacks;
    case AIR_VIEWER_SORT_KEYFRAME_REQUESTS:
      return (double)info->keyframe_requests;
    case AIR_VIEWER_SORT_ADDRESS: /* a text */
    case AIR_VIEWER_SORT_SINCE:
      break;
    }
  return (double)info->since_us;
}

/* Equal ones stand in the order in which they came, and always in the same one, so that a table does not jump. */
static int
compare_rows (const void *a, const void *b, void *data)
{
  const AirViewerSort *sort = data;
  const AirViewerInfo *first = (*(AirViewerRow *const *)a)->info, *second = (*(AirViewerRow *const *)b)->info;
  double difference = sort->key == AIR_VIEWER_SORT_ADDRESS ? strcmp (first->address, second->address)
                                                           : value_of (first, sort->key) - value_of (second, sort->key);
  if (difference != 0)
    return (difference < 0) != sort->descending ? -1 : 1;
  if (first->since_us != second->since_us)
    return first->since_us < second->since_us ? -1 : 1;
  return strcmp (first->viewer_id, second->viewer_id);
}

/* ---- A viewer */

static char *
format_time (int64_t unix_us)
{
  g_autoptr (GDateTime) second = g_date_time_new_from_unix_utc (unix_us / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format (second, "%Y-%m-%dT%H:%M:%S");
  return g_strdup_printf ("%s.%03dZ", text, (int)(unix_us % G_USEC_PER_SEC / 1000));
}

static void
add_string (JsonBuilder *json, const char *name, const char *value)
{
  json_builder_set_member_name (json, name);
  if (value)
    json_builder_add_string_value (json, value);
  else
    json_builder_add_null_value (json);
}

static void
add_int (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64)value);
}

static void
add_time (JsonBuilder *json, const char *name, int64_t unix_us)
{
  g_autofree char *text = format_time (unix_us);
  add_string (json, name, text);
}

/* Rounded, so that a document of thousands stays small. @value < 0: not known. */
static void
add_number (JsonBuilder *json, const char *name, double value, double steps)
{
  json_builder_set_member_name (json, name);
  if (value >= 0)
    json_builder_add_double_value (json, round (value * steps) / steps);
  else
    json_builder_add_null_value (json);
}

static double
rtt_ms (const AirViewerInfo *info)
{
  return info->rtt_us >= 0 ? info->rtt_us / 1000.0 : -1;
}

/* What a viewer and its teacher are both told. */
static void
add_quality (JsonBuilder *json, const AirViewerInfo *info)
{
  add_string (json, "state", info->connected ? "playing" : "connecting");
  add_string (json, "level", air_level_to_string (air_viewer_level (info)));
  add_string (json, "level_reason", reason_of (info));
  add_time (json, "level_since", info->level_since_us != 0 ? info->level_since_us : info->since_us);
  add_number (json, "rtt_ms", rtt_ms (info), 10);
  add_number (json, "loss", info->loss, 10000);
  add_number (json, "jitter_ms", info->jitter_us / 1000.0, 10);
  add_int (json, "bitrate_bps", info->bitrate_bps);
  add_int (json, "estimate_bps", info->estimate_bps);
  add_number (json, "queue_delay_ms", info->queue_us / 1000.0, 10);
}

JsonNode *
air_viewer_status (const AirViewerInfo *info)
{
  g_autoptr (JsonBuilder) json = json_builder_new_immutable ();
  json_builder_begin_object (json);
  add_quality (json, info);
  json_builder_end_object (json);
  return json_builder_get_root (json);
}

static void
add_row (JsonBuilder *json, const AirViewerRow *row)
{
  const AirViewerInfo *info = row->info;
  json_builder_begin_object (json);
  add_string (json, "viewer_id", info->viewer_id);
  add_string (json, "user_id", row->user_id);
  add_string (json, "role", air_role_to_string (row->role));
  add_string (json, "address", info->address);
  add_string (json, "transport", info->transport);
  add_string (json, "engine", info->engine);
  add_string (json, "profile", info->profile);
  add_time (json, "since", info->since_us);
  add_quality (json, info);
  add_int (json, "packets", info->packets);
  add_int (json, "bytes", info->bytes);
  add_int (json, "nacks", info->nacks);
  add_int (json, "retransmitted", info->retransmitted);
  add_int (json, "keyframe_requests", info->keyframe_requests);
  json_builder_set_member_name (json, "suffers");
  json_builder_add_boolean_value (json, air_viewer_trouble (info) >= 1);
  json_builder_end_object (json);
}

/* ---- All of them */

static int
compare_doubles (const void *a, const void *b)
{
  double first = *(const double *)a, second = *(const double *)b;
  return first < second ? -1 : first > second;
}

/* Of those who play and of whom it is known. */
static void
add_spread (JsonBuilder *json, const char *name, GPtrArray *rows, double (*get) (const AirViewerInfo *info), double steps)
{
  g_autoptr (GArray) values = g_array_sized_new (FALSE, FALSE, sizeof (double), rows->len);
  for (unsigned i = 0; i < rows->len; i++)
    {
      const AirViewerInfo *info = ((AirViewerRow *)rows->pdata[i])->info;
      double value = get (info);
      if (info->connected && value >= 0)
        g_array_append_val (values, value);
    }
  g_array_sort (values, compare_doubles);
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
  for (unsigned i = 0; i < 2; i++)
    {
      unsigned at = MIN (values->len * (i == 0 ? 50 : 95) / 100, MAX (values->len, 1) - 1);
      add_number (json, i == 0 ? "median" : "p95", values->len > 0 ? g_array_index (values, double, at) : -1, steps);
    }
  json_builder_end_object (json);
}

static double
loss (const AirViewerInfo *info)
{
  return info->loss;
}

static double
jitter_ms (const AirViewerInfo *info)
{
  return info->jitter_us / 1000.0;
}

static void
add_summary (JsonBuilder *json, GPtrArray *rows)
{
  unsigned playing = 0, suffering = 0, of_level[AIR_LEVEL_COUNT] = { 0 };
  uint64_t bitrate_bps = 0;
  for (unsigned i = 0; i < rows->len; i++)
    {
      const AirViewerInfo *info = ((AirViewerRow *)rows->pdata[i])->info;
      if (!info->connected)
        continue;
      playing++;
      suffering += air_viewer_trouble (info) >= 1;
      of_level[air_viewer_level (info)]++;
      bitrate_bps += info->bitrate_bps;
    }
  json_builder_set_member_name (json, "summary");
  json_builder_begin_object (json);
  add_int (json, "viewers", rows->len);
  add_int (json, "playing", playing);
  add_int (json, "suffering", suffering);
  json_builder_set_member_name (json, "levels");
  json_builder_begin_object (json);
  for (int level = 0; level < AIR_LEVEL_COUNT; level++)
    add_int (json, air_level_to_string ((AirLevel)level), of_level[level]);
  json_builder_end_object (json);
  add_spread (json, "rtt_ms", rows, rtt_ms, 10);
  add_spread (json, "loss", rows, loss, 10000);
  add_spread (json, "jitter_ms", rows, jitter_ms, 10);
  add_int (json, "bitrate_bps", bitrate_bps);
  json_builder_end_object (json);
}

char *
air_viewer_list_write (GPtrArray *rows, const AirViewerSort *sort, unsigned first, unsigned limit)
{
  g_autoptr (JsonBuilder) json = json_builder_new_immutable ();
  unsigned end = first < rows->len ? MIN (rows->len, first + limit) : first;
  g_ptr_array_sort_with_data (rows, compare_rows, (void *)sort);
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "viewers");
  json_builder_begin_array (json);
  for (unsigned i = first; i < end; i++)
    add_row (json, rows->pdata[i]);
  json_builder_end_array (json);
  g_autofree char *next = end < rows->len ? g_strdup_printf ("%u", end) : NULL;
  add_string (json, "next_cursor", next);
  add_summary (json, rows);
  json_builder_end_object (json);
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  return air_json_to_string (root);
}
