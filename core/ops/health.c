/* What /readyz shows. One mutex; any thread. Owned by the host. */
#define G_LOG_DOMAIN "air-health"

#include "ops/health.h"

#define MAX_DEPENDENCIES 256

typedef struct
{
  AirContext *owner;
  char *name;
  char *detail; /* NULL when there is nothing to say */
  bool ok, required;
} Dependency;

struct _AirHealth
{
  GMutex mutex;
  GPtrArray *dependencies; /* (element-type Dependency), by name */
};

static void
dependency_free (void *data)
{
  Dependency *dependency = data;
  g_free (dependency->name);
  g_free (dependency->detail);
  g_free (dependency);
}

AirHealth *
air_health_new (void)
{
  AirHealth *health = g_new0 (AirHealth, 1);
  g_mutex_init (&health->mutex);
  health->dependencies = g_ptr_array_new_with_free_func (dependency_free);
  return health;
}

void
air_health_free (AirHealth *health)
{
  if (health == NULL)
    return;
  g_ptr_array_unref (health->dependencies);
  g_mutex_clear (&health->mutex);
  g_free (health);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 ((*(Dependency *const *)a)->name, (*(Dependency *const *)b)->name);
}

/* Called with the mutex held. Returns NULL when there are too many. */
static Dependency *
find_or_add (AirHealth *health, AirContext *owner, const char *name)
{
  for (size_t i = 0; i < health->dependencies->len; i++)
    {
      Dependency *known = g_ptr_array_index (health->dependencies, i);
      if (known->owner == owner && g_str_equal (known->name, name))
        return known;
    }
  if (health->dependencies->len >= MAX_DEPENDENCIES)
    return NULL;
  Dependency *added = g_new0 (Dependency, 1);
  added->owner = owner;
  added->name = g_strdup (name);
  g_ptr_array_add (health->dependencies, added);
  g_ptr_array_sort (health->dependencies, compare_names);
  return added;
}

void
air_health_set (AirHealth *health, AirContext *owner, const char *dependency, bool ok, bool required,
                const char *detail)
{
  g_return_if_fail (dependency != NULL);
  g_mutex_lock (&health->mutex);
  Dependency *entry = find_or_add (health, owner, dependency);
  if (entry != NULL)
    {
      entry->ok = ok;
      entry->required = required;
      g_free (entry->detail);
      entry->detail = g_strdup (detail);
    }
  g_mutex_unlock (&health->mutex);
  if (entry == NULL)
    g_critical ("more than %d dependencies: \"%s\" is not watched", MAX_DEPENDENCIES, dependency);
}

void
air_health_remove_owner (AirHealth *health, AirContext *owner)
{
  g_mutex_lock (&health->mutex);
  for (size_t i = health->dependencies->len; i > 0; i--)
    if (((Dependency *)g_ptr_array_index (health->dependencies, i - 1))->owner == owner)
      g_ptr_array_remove_index (health->dependencies, i - 1);
  g_mutex_unlock (&health->mutex);
}

JsonNode *
air_health_describe (AirHealth *health, bool *ret_ready)
{
  bool ready = true;
  JsonArray *list = json_array_new ();
  g_mutex_lock (&health->mutex);
  for (size_t i = 0; i < health->dependencies->len; i++)
    {
      const Dependency *dependency = g_ptr_array_index (health->dependencies, i);
      ready = ready && (dependency->ok || !dependency->required);
      JsonObject *entry = json_object_new ();
      json_object_set_string_member (entry, "name", dependency->name);
      json_object_set_boolean_member (entry, "ok", dependency->ok);
      json_object_set_boolean_member (entry, "required", dependency->required);
      json_object_set_string_member (entry, "detail", dependency->detail != NULL ? dependency->detail : "");
      json_array_add_object_element (list, entry);
    }
  g_mutex_unlock (&health->mutex);

  JsonObject *object = json_object_new ();
  json_object_set_boolean_member (object, "ready", ready);
  json_object_set_array_member (object, "dependencies", list);
  if (ret_ready != NULL)
    *ret_ready = ready;
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, object);
  return node;
}
