/* The built-in component [log]: format and level of the log, from the configuration. Main thread. */
#define G_LOG_DOMAIN "air-log"

#include <airclass/context.h>

#include "ops/log.h"

#define REPORT_INTERVAL_MS 10000

static const AirOption options[] = {
  { .key = "format",
    .type = AIR_OPTION_ENUM,
    .default_value = "text",
    .choices = "text|json|journald",
    .help
    = "How a log entry is written: as text or as one JSON object a line to standard error, or to the system's journal.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "level",
    .type = AIR_OPTION_ENUM,
    .default_value = "info",
    .choices = "error|warning|notice|info|debug",
    .help = "The least important entries that are still written.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = NULL },
};

static AirLogFormat
parse_format (const char *text)
{
  if (g_str_equal (text, "json"))
    return AIR_LOG_JSON;
  return g_str_equal (text, "journald") ? AIR_LOG_JOURNALD : AIR_LOG_TEXT;
}

static GLogLevelFlags
parse_level (const char *text)
{
  static const struct
  {
    const char *name;
    GLogLevelFlags level;
  } names[] = { { "error", G_LOG_LEVEL_CRITICAL },
                { "warning", G_LOG_LEVEL_WARNING },
                { "notice", G_LOG_LEVEL_MESSAGE },
                { "info", G_LOG_LEVEL_INFO },
                { "debug", G_LOG_LEVEL_DEBUG } };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (names[i].name, text))
      return names[i].level;
  return G_LOG_LEVEL_INFO;
}

static void
apply (void *self)
{
  AirContext *context = self;
  air_log_setup (parse_format (air_context_get_string (context, "format")),
                 parse_level (air_context_get_string (context, "level")));
}

static void
report (void *data)
{
  air_log_report_left_out ();
}

static void *
create (AirContext *context, GError **error)
{
  static const char *const level_label[] = { "level", NULL };
  apply (context);
  air_log_set_metrics (air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_log_lines_total",
                                               "Log lines written, by level.", level_label, NULL),
                       air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_log_lines_left_out_total",
                                               "Log lines not written: too many of a kind, or nobody read the log.",
                                               NULL, NULL));
  air_context_add_timer (context, REPORT_INTERVAL_MS, report, NULL);
  return context;
}

static void
destroy (void *self)
{
  air_log_set_metrics (NULL, NULL);
}

const AirPlugin air_log_component = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "log",
  .version = AIR_VERSION,
  .summary = "Writes the log",
  .options = options,
  .create = create,
  .destroy = destroy,
  .reload = apply,
};
