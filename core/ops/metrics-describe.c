/* What the registered metrics are, for the generated reference. Main thread. */
#include "ops/metrics-internal.h"

#include <string.h>

static void
add_text (JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text);
}

static void
add_metric (JsonBuilder *builder, const AirMetric *metric, const char *section)
{
  static const char *const types[] = { "counter", "gauge", "histogram" };

  json_builder_begin_object (builder);
  add_text (builder, "name", metric->name);
  add_text (builder, "section", section);
  add_text (builder, "type", types[metric->type]);
  json_builder_set_member_name (builder, "labels");
  json_builder_begin_array (builder);
  for (size_t i = 0; i < metric->n_labels; i++)
    json_builder_add_string_value (builder, metric->label_names[i]);
  json_builder_end_array (builder);
  add_text (builder, "help", metric->help);
  json_builder_end_object (builder);
}

JsonNode *
air_metrics_registry_describe (AirMetricsRegistry *registry, AirMetricsSection section, void *user_data)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GList) names = NULL;

  json_builder_begin_array (builder);
  g_mutex_lock (&registry->mutex);
  names = g_list_sort (g_hash_table_get_keys (registry->metrics), (GCompareFunc) strcmp);
  for (GList *name = names; name != NULL; name = name->next)
    {
      const AirMetric *metric = g_hash_table_lookup (registry->metrics, name->data);

      add_metric (builder, metric, section (g_ptr_array_index (metric->owners, 0), user_data));
    }
  g_mutex_unlock (&registry->mutex);
  json_builder_end_array (builder);
  return json_builder_get_root (builder);
}
