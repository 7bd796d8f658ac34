/* Grouping, here and not by the server: not every server that speaks MongoDB's protocol knows $avg, $min and $max. Only the fields that
 * are needed are read, and what is held is bounded by the number of groups. */
#include "reader.h"

#include <string.h>

typedef struct
{
  JsonNode *by;       /* array, in the order of "by" */
  double *sums;       /* of each value */
  int64_t *integers;  /* the sum while all were integers */
  bool *fractions;    /* not all were */
  unsigned *counts;   /* how many numbers */
  JsonNode **extremes;
  unsigned value_count;
} Group;

typedef struct
{
  JsonArray *by;
  JsonNode *values;
  GList *names; /* of values */
  unsigned value_count;
} Plan;

static void
group_free (gpointer data)
{
  Group *group = data;
  json_node_unref (group->by);
  for (unsigned i = 0; i < group->value_count; i++)
    g_clear_pointer (&group->extremes[i], json_node_unref);
  g_free (group->extremes);
  g_free (group->sums);
  g_free (group->integers);
  g_free (group->fractions);
  g_free (group->counts);
  g_free (group);
}

static Group *
group_new (const Plan *plan, JsonNode *by)
{
  Group *group = g_new0 (Group, 1);
  group->by = json_node_ref (by);
  group->value_count = plan->value_count;
  group->sums = g_new0 (double, plan->value_count);
  group->integers = g_new0 (int64_t, plan->value_count);
  group->fractions = g_new0 (bool, plan->value_count);
  group->counts = g_new0 (unsigned, plan->value_count);
  group->extremes = g_new0 (JsonNode *, plan->value_count);
  return group;
}

static bool
is_number (JsonNode *node)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;
  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE;
}

static double
to_double (JsonNode *node)
{
  return json_node_get_value_type (node) == G_TYPE_INT64 ? (double)json_node_get_int (node) : json_node_get_double (node);
}

/* Null, booleans, numbers, texts. */
static int
compare (JsonNode *a, JsonNode *b)
{
  int ranks[2];
  JsonNode *nodes[] = { a, b };
  for (unsigned i = 0; i < 2; i++)
    ranks[i] = JSON_NODE_HOLDS_NULL (nodes[i]) ? 0 : is_number (nodes[i]) ? 2 : json_node_get_value_type (nodes[i]) == G_TYPE_STRING ? 3 : 1;
  if (ranks[0] != ranks[1] || ranks[0] == 0)
    return ranks[0] - ranks[1];
  if (ranks[0] == 3)
    return strcmp (json_node_get_string (a), json_node_get_string (b));
  if (ranks[0] == 1)
    return json_node_get_boolean (a) - json_node_get_boolean (b);
  return to_double (a) < to_double (b) ? -1 : to_double (a) > to_double (b);
}

static void
add_number (Group *group, unsigned i, JsonNode *value)
{
  group->counts[i]++;
  group->sums[i] += to_double (value);
  if (json_node_get_value_type (value) != G_TYPE_INT64
      || __builtin_add_overflow (group->integers[i], json_node_get_int (value), &group->integers[i]))
    group->fractions[i] = true;
}

static void
add_value (Group *group, unsigned i, const char *operator, JsonNode *value)
{
  bool is_sum = strcmp (operator, "$sum") == 0 || strcmp (operator, "$avg") == 0;
  if (value == NULL || !JSON_NODE_HOLDS_VALUE (value))
    return;
  if (is_sum && is_number (value))
    add_number (group, i, value);
  if (is_sum)
    return;
  int order = group->extremes[i] != NULL ? compare (value, group->extremes[i]) : 0;
  if (group->extremes[i] == NULL || (strcmp (operator, "$min") == 0 ? order < 0 : order > 0))
    {
      g_clear_pointer (&group->extremes[i], json_node_unref);
      group->extremes[i] = json_node_ref (value);
    }
}

static void
add_document (const Plan *plan, Group *group, JsonNode *document)
{
  unsigned i = 0;
  for (const GList *name = plan->names; name != NULL; name = name->next, i++)
    {
      JsonNode *value = air_json_get (plan->values, name->data);
      g_autoptr (GList) operators = json_object_get_members (json_node_get_object (value));
      JsonNode *operand = air_json_get (value, operators->data);
      if (json_node_get_value_type (operand) == G_TYPE_STRING)
        add_value (group, i, operators->data, air_store_get_field (document, json_node_get_string (operand)));
      else
        add_number (group, i, operand);
    }
}

static JsonNode *
make_result (const Group *group, unsigned i, const char *operator)
{
  if (strcmp (operator, "$avg") == 0)
    return group->counts[i] > 0 ? air_json_new ("%f", group->sums[i] / group->counts[i]) : air_json_new ("null");
  if (strcmp (operator, "$sum") != 0)
    return air_json_new ("%N", group->extremes[i]);
  return group->fractions[i] ? air_json_new ("%f", group->sums[i]) : air_json_new ("%l", group->integers[i]);
}

static JsonNode *
group_to_json (const Plan *plan, const Group *group)
{
  JsonNode *node = air_json_new ("{}");
  JsonObject *object = json_node_get_object (node);
  unsigned i = 0;
  for (unsigned j = 0; j < json_array_get_length (plan->by); j++)
    json_object_set_member (object, json_array_get_string_element (plan->by, j),
                            json_node_copy (json_array_get_element (json_node_get_array (group->by), j)));
  for (const GList *name = plan->names; name != NULL; name = name->next, i++)
    {
      g_autoptr (GList) operators = json_object_get_members (json_node_get_object (air_json_get (plan->values, name->data)));
      json_object_set_member (object, name->data, make_result (group, i, operators->data));
    }
  return node;
}

static int
compare_groups (gconstpointer a, gconstpointer b)
{
  JsonArray *left = json_node_get_array ((*(Group *const *)a)->by), *right = json_node_get_array ((*(Group *const *)b)->by);
  int order = 0;
  for (unsigned i = 0; order == 0 && i < json_array_get_length (left); i++)
    order = compare (json_array_get_element (left, i), json_array_get_element (right, i));
  return order;
}

static Group *
find_group (const Plan *plan, GHashTable *by_text, GPtrArray *groups, JsonNode *document)
{
  g_autoptr (JsonNode) by = air_json_new ("[]");
  for (unsigned i = 0; i < json_array_get_length (plan->by); i++)
    {
      JsonNode *value = air_json_get (document, json_array_get_string_element (plan->by, i));
      json_array_add_element (json_node_get_array (by), value != NULL ? json_node_copy (value) : json_node_new (JSON_NODE_NULL));
    }
  g_autofree char *text = air_json_to_string (by);
  Group *group = g_hash_table_lookup (by_text, text);
  if (group != NULL || groups->len == AIR_STORE_MAX_GROUPS)
    return group;
  group = group_new (plan, by);
  g_ptr_array_add (groups, group);
  g_hash_table_insert (by_text, g_steal_pointer (&text), group);
  return group;
}

JsonNode *
groups_make (mongoc_cursor_t *cursor, JsonNode *description, const char *key, GError **error)
{
  JsonNode *values = air_json_get (description, "values");
  g_autoptr (GList) names = json_object_get_members (json_node_get_object (values));
  const Plan plan = { air_json_get_array (description, "by"), values, names, g_list_length (names) };
  g_autoptr (GHashTable) by_text = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func (group_free);
  const bson_t *found = NULL;
  bson_error_t fault;
  while (mongoc_cursor_next (cursor, &found))
    {
      g_autoptr (JsonNode) document = bson_to_json (found, key);
      Group *group = find_group (&plan, by_text, groups, document);
      if (group == NULL)
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "there are more than %d groups", AIR_STORE_MAX_GROUPS);
          return NULL;
        }
      add_document (&plan, group, document);
    }
  if (mongoc_cursor_error (cursor, &fault))
    {
      database_fail (&fault, error);
      return NULL;
    }
  /* As SQL has it: one group of all, also when nothing matches. */
  if (json_array_get_length (plan.by) == 0 && groups->len == 0)
    g_ptr_array_add (groups, group_new (&plan, description));
  g_ptr_array_sort (groups, compare_groups);
  JsonNode *node = air_json_new ("[]");
  for (unsigned i = 0; i < groups->len; i++)
    json_array_add_element (json_node_get_array (node), group_to_json (&plan, g_ptr_array_index (groups, i)));
  return node;
}
