/* What is kept with a store: its collections and its metrics. Main thread. */
#include "data/store-private.h"

static const double seconds_buckets[] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0 };

static GQuark
state_quark (void)
{
  return g_quark_from_static_string ("air-store-state");
}

static void
state_free (gpointer data)
{
  AirStoreState *state = data;
  g_clear_pointer (&state->by_name, g_hash_table_unref);
  g_clear_pointer (&state->collections, g_ptr_array_unref);
  g_free (state);
}

AirStoreState *
air_store_get_state (AirStore *store)
{
  return g_object_get_qdata (G_OBJECT (store), state_quark ());
}

void
air_store_attach (AirStore *store, AirContext *context)
{
  AirStoreState *state = g_new0 (AirStoreState, 1);
  state->context = context;
  state->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  state->operations = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_store_operations_total",
                                              "Operations of the store that were answered.",
                                              (const char *const[]){ "operation", "result", NULL }, NULL);
  state->seconds = air_context_add_metric (context, AIR_METRIC_HISTOGRAM, "airclass_store_seconds",
                                           "How long the operations of the store took, from the call to the answer.",
                                           (const char *const[]){ "operation", NULL }, seconds_buckets);
  state->waiting = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_store_waiting",
                                           "Operations of the store that were called and not yet answered.", NULL, NULL);
  g_object_set_qdata_full (G_OBJECT (store), state_quark (), state, state_free);
}

bool
air_store_load_collections (AirStore *store, GError **error)
{
  AirStoreState *state = air_store_get_state (store);
  g_return_val_if_fail (state != NULL, false);
  g_autofree char *folder = g_build_filename (air_context_get_resource_dir (state->context, "schemas"), "store", NULL);
  GPtrArray *collections = air_store_collections_load (folder, error);
  if (collections == NULL)
    return false;
  g_hash_table_remove_all (state->by_name);
  g_clear_pointer (&state->collections, g_ptr_array_unref);
  state->collections = collections;
  for (unsigned i = 0; i < collections->len; i++)
    {
      AirStoreCollection *collection = g_ptr_array_index (collections, i);
      g_hash_table_insert (state->by_name, collection->name, collection);
    }
  return true;
}

GPtrArray *
air_store_get_collections (AirStore *store)
{
  AirStoreState *state = air_store_get_state (store);
  return state != NULL ? state->collections : NULL;
}

const AirStoreCollection *
air_store_find_collection (AirStore *store, const char *name)
{
  AirStoreState *state = air_store_get_state (store);
  return state != NULL ? g_hash_table_lookup (state->by_name, name) : NULL;
}
