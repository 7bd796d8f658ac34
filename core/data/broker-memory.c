/* Keys with a lifetime in memory: a tree by key, for lists by prefix, and a sequence by the time of their end. What has ended goes
 * with the next call, so that nothing ticks; the limits hold all the same. Main thread; the tree owns the items. */
#include <airclass/broker-memory.h>

#include <airclass/broker.h>
#include <airclass/error.h>
#include <airclass/json.h>

#include <string.h>

/* What an item costs beside its texts, about. */
#define ITEM_BYTES 200

typedef struct
{
  AirBrokerEntry entry; /* first: what callers see */
  char *key, *value;
  GSequenceIter *end;
} Item;

struct _AirBrokerMemory
{
  GTree *items;     /* key → Item */
  GSequence *ends;  /* (element-type Item) borrowed, the next to end first */
  size_t max_keys, max_bytes, bytes;
};

static size_t
size_of (const char *key, const char *value)
{
  return strlen (key) + strlen (value) + ITEM_BYTES;
}

static void
item_free (gpointer data)
{
  Item *item = data;
  g_free (item->key);
  g_free (item->value);
  g_free (item);
}

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer data)
{
  return strcmp (a, b);
}

static int
compare_ends (gconstpointer a, gconstpointer b, gpointer data)
{
  int64_t first = ((const Item *)a)->entry.expires_us, second = ((const Item *)b)->entry.expires_us;
  return (first > second) - (first < second);
}

AirBrokerMemory *
air_broker_memory_new (size_t max_keys, size_t max_bytes)
{
  AirBrokerMemory *memory = g_new0 (AirBrokerMemory, 1);
  memory->items = g_tree_new_full (compare_keys, NULL, NULL, item_free);
  memory->ends = g_sequence_new (NULL);
  memory->max_keys = max_keys;
  memory->max_bytes = max_bytes;
  return memory;
}

void
air_broker_memory_free (AirBrokerMemory *memory)
{
  if (memory == NULL)
    return;
  g_sequence_free (memory->ends);
  g_tree_unref (memory->items);
  g_free (memory);
}

static void
remove_item (AirBrokerMemory *memory, Item *item)
{
  memory->bytes -= size_of (item->key, item->value);
  g_sequence_remove (item->end);
  g_tree_remove (memory->items, item->key);
}

static void
remove_ended (AirBrokerMemory *memory)
{
  int64_t now_us = g_get_monotonic_time ();
  for (;;)
    {
      GSequenceIter *first = g_sequence_get_begin_iter (memory->ends);
      Item *item = g_sequence_iter_is_end (first) ? NULL : g_sequence_get (first);
      if (item == NULL || item->entry.expires_us > now_us)
        return;
      remove_item (memory, item);
    }
}

AirBrokerEntry *
air_broker_memory_set (AirBrokerMemory *memory, const char *key, const char *value, int64_t lifetime_ms, bool only_new,
                       GError **error)
{
  remove_ended (memory);
  Item *item = g_tree_lookup (memory->items, key);
  if (item != NULL && only_new)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_CONFLICT, "the key '%s' is there already", key);
      return NULL;
    }
  size_t bytes = memory->bytes + size_of (key, value) - (item != NULL ? size_of (key, item->value) : 0);
  size_t keys = (size_t)g_tree_nnodes (memory->items) + (item == NULL);
  if (bytes > memory->max_bytes || keys > memory->max_keys)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "the broker keeps no more than %" G_GSIZE_FORMAT " keys and %" G_GSIZE_FORMAT
                   " bytes", memory->max_keys, memory->max_bytes);
      return NULL;
    }
  Item *before = item;
  item = g_new0 (Item, 1);
  item->key = g_strdup (key); /* @key and @value may be those of the earlier item */
  item->value = g_strdup (value);
  if (before != NULL)
    remove_item (memory, before);
  item->entry = (AirBrokerEntry){ item->key, item->value, g_get_monotonic_time () + lifetime_ms * 1000, 0, 0 };
  item->end = g_sequence_insert_sorted (memory->ends, item, compare_ends, NULL);
  g_tree_insert (memory->items, item->key, item);
  memory->bytes = bytes;
  return &item->entry;
}

AirBrokerEntry *
air_broker_memory_find (AirBrokerMemory *memory, const char *key)
{
  remove_ended (memory);
  Item *item = g_tree_lookup (memory->items, key);
  return item != NULL ? &item->entry : NULL;
}

bool
air_broker_memory_remove (AirBrokerMemory *memory, const char *key, const char *expected, GError **error)
{
  remove_ended (memory);
  Item *item = g_tree_lookup (memory->items, key);
  if (item == NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "no key '%s'", key);
  else if (expected != NULL && strcmp (item->value, expected) != 0)
    g_set_error (error, AIR_ERROR, AIR_ERROR_CONFLICT, "the key '%s' has another value", key);
  else
    {
      remove_item (memory, item);
      return true;
    }
  return false;
}

bool
air_broker_add_listed (JsonObject *object, const char *key, const char *value, size_t *bytes, GError **error)
{
  if (!json_object_has_member (object, key))
    *bytes += strlen (key) + strlen (value);
  if (json_object_get_size (object) >= AIR_BROKER_MAX_LISTED || *bytes > AIR_BROKER_MAX_LISTED_BYTES)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "more than %d keys, or more than %d bytes, to list", AIR_BROKER_MAX_LISTED,
                   AIR_BROKER_MAX_LISTED_BYTES);
      return false;
    }
  JsonNode *node = air_json_parse (value, -1, error);
  if (node == NULL)
    return false;
  json_object_set_member (object, key, node);
  return true;
}

JsonNode *
air_broker_memory_list (AirBrokerMemory *memory, const char *prefix, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  size_t bytes = 0;
  remove_ended (memory);
  for (GTreeNode *node = g_tree_lower_bound (memory->items, prefix); node != NULL; node = g_tree_node_next (node))
    {
      Item *item = g_tree_node_value (node);
      if (!g_str_has_prefix (item->key, prefix))
        break;
      if (!air_broker_add_listed (object, item->key, item->value, &bytes, error))
        return NULL;
    }
  return json_node_init_object (json_node_alloc (), object);
}

GPtrArray *
air_broker_memory_list_keys (AirBrokerMemory *memory)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func (g_free);
  remove_ended (memory);
  for (GTreeNode *node = g_tree_node_first (memory->items); node != NULL; node = g_tree_node_next (node))
    g_ptr_array_add (keys, g_strdup (g_tree_node_key (node)));
  return keys;
}
