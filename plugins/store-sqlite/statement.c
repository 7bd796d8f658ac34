/* Filters as SQL conditions. Names of fields come from a checked alphabet, values are bound.
 *
 * json_extract() gives an SQL value and so forgets some of the difference between JSON's: true is 1, an object or array is its text.
 * Where the schema allows a field only one type, that is of no matter and the condition can use an index; else json_type() decides. */
#include "statement.h"

#include <string.h>

Statement *
statement_new (const char *sql)
{
  Statement *statement = g_new0 (Statement, 1);
  statement->sql = g_string_new (sql);
  statement->values = g_ptr_array_new_with_free_func ((GDestroyNotify)json_node_unref);
  return statement;
}

void
statement_free (Statement *statement)
{
  if (statement == NULL)
    return;
  g_string_free (statement->sql, TRUE);
  g_ptr_array_unref (statement->values);
  g_free (statement);
}

/* json_node_copy() shares the value with the copy, and counts who shares it without atomics; a statement is freed on another thread than the
 * filter that it was made of. */
static JsonNode *
copy_value (JsonNode *value)
{
  JsonNode *copy = json_node_alloc ();
  if (JSON_NODE_HOLDS_NULL (value))
    return json_node_init_null (copy);
  switch (json_node_get_value_type (value))
    {
    case G_TYPE_STRING:
      return json_node_init_string (copy, json_node_get_string (value));
    case G_TYPE_DOUBLE:
      return json_node_init_double (copy, json_node_get_double (value));
    case G_TYPE_BOOLEAN:
      return json_node_init_boolean (copy, json_node_get_boolean (value));
    default:
      return json_node_init_int (copy, json_node_get_int (value));
    }
}

void
statement_bind (Statement *statement, JsonNode *value)
{
  g_ptr_array_add (statement->values, copy_value (value));
}

void
statement_bind_text (Statement *statement, const char *text)
{
  g_ptr_array_add (statement->values, json_node_init_string (json_node_alloc (), text));
}

static int
bind_value (sqlite3_stmt *prepared, int index, JsonNode *value)
{
  switch (json_node_get_value_type (value))
    {
    case G_TYPE_STRING:
      return sqlite3_bind_text (prepared, index, json_node_get_string (value), -1, SQLITE_STATIC);
    case G_TYPE_DOUBLE:
      return sqlite3_bind_double (prepared, index, json_node_get_double (value));
    case G_TYPE_BOOLEAN:
      return sqlite3_bind_int (prepared, index, json_node_get_boolean (value));
    default:
      return sqlite3_bind_int64 (prepared, index, json_node_get_int (value));
    }
}

sqlite3_stmt *
statement_prepare (const Statement *statement, sqlite3 *database, GError **error)
{
  sqlite3_stmt *prepared = database_prepare (database, statement->sql->str, error);
  if (prepared == NULL)
    return NULL;
  for (unsigned i = 0; i < statement->values->len; i++)
    if (bind_value (prepared, (int)i + 1, g_ptr_array_index (statement->values, i)) != SQLITE_OK)
      {
        database_fail (database, error);
        sqlite3_finalize (prepared);
        return NULL;
      }
  return prepared;
}

/* ---- Conditions */

typedef struct
{
  Statement *statement;
  const AirStoreCollection *collection;
} Filter;

/* What a condition is about: a field of the document, or each element of the array that the field is. */
typedef struct
{
  const char *value, *type, *is_null; /* SQL */
  unsigned types;                     /* AirStoreTypes that it may have */
} Subject;

static unsigned
type_of (JsonNode *value)
{
  if (JSON_NODE_HOLDS_NULL (value))
    return AIR_STORE_NULL;
  switch (json_node_get_value_type (value))
    {
    case G_TYPE_STRING:
      return AIR_STORE_TEXT;
    case G_TYPE_BOOLEAN:
      return AIR_STORE_BOOLEAN;
    default:
      return AIR_STORE_NUMBER;
    }
}

/* Appends " AND it is of type @type" where that does not go without saying. */
static void
append_type (Filter *filter, const Subject *subject, unsigned type)
{
  if (!(subject->types & ~(type | AIR_STORE_NULL)))
    return;
  g_string_append_printf (filter->statement->sql, " AND %s IN (%s)", subject->type,
                          type == AIR_STORE_TEXT     ? "'text'"
                          : type == AIR_STORE_NUMBER ? "'integer','real'"
                                                     : "'true','false'");
}

/* "value IN (those of @values that have this type)"; without any, false. */
static void
append_choice (Filter *filter, const Subject *subject, GPtrArray *values, unsigned type)
{
  GString *sql = filter->statement->sql;
  unsigned count = 0;
  for (unsigned i = 0; i < values->len; i++)
    if (type_of (g_ptr_array_index (values, i)) == type)
      {
        if (count++ == 0)
          g_string_append_printf (sql, " OR (%s IN (?", subject->value);
        else
          g_string_append (sql, ",?");
        statement_bind (filter->statement, g_ptr_array_index (values, i));
      }
  if (count == 0)
    return;
  g_string_append_c (sql, ')');
  append_type (filter, subject, type);
  g_string_append_c (sql, ')');
}

static void
append_choices (Filter *filter, const Subject *subject, void *data)
{
  GPtrArray *values = data;
  GString *sql = filter->statement->sql;
  gsize start = sql->len;
  append_choice (filter, subject, values, AIR_STORE_TEXT);
  append_choice (filter, subject, values, AIR_STORE_NUMBER);
  append_choice (filter, subject, values, AIR_STORE_BOOLEAN);
  for (unsigned i = 0; i < values->len; i++)
    if (JSON_NODE_HOLDS_NULL ((JsonNode *)g_ptr_array_index (values, i)))
      {
        g_string_append_printf (sql, " OR %s", subject->is_null);
        break;
      }
  if (sql->len == start)
    g_string_append (sql, "0");
  else
    g_string_erase (sql, (gssize)start, (gssize)strlen (" OR "));
}

typedef struct
{
  const char *operator; /* of SQL */
  JsonNode *value;
} Comparison;

static void
append_comparison (Filter *filter, const Subject *subject, void *data)
{
  const Comparison *comparison = data;
  g_string_append_printf (filter->statement->sql, "%s %s ?", subject->value, comparison->operator);
  statement_bind (filter->statement, comparison->value);
  append_type (filter, subject, type_of (comparison->value));
}

/* The path of @field, from json_extract(document,PATH). */
static char *
field_path (const AirStoreCollection *collection, const char *field)
{
  g_auto (GStrv) parts = g_strsplit (field, ".", -1);
  g_autofree char *joined = g_strjoinv ("\".\"", parts);
  return g_strdup_printf ("'$.\"%s\"'", joined);
}

/* Appends "(condition of the field)", also true when one of its elements meets it where it may be an array. */
static void
append_about (Filter *filter, const char *field, void (*append) (Filter *filter, const Subject *subject, void *data), void *data)
{
  GString *sql = filter->statement->sql;
  g_autofree char *path = field_path (filter->collection, field);
  g_autoptr (GString) value = g_string_new (NULL);
  g_autofree char *type = g_strdup_printf ("json_type(document,%s)", path);
  database_append_field (value, filter->collection, field);
  g_autofree char *is_null = g_strconcat (value->str, " IS NULL", NULL);
  Subject subject = { value->str, type, is_null, air_store_collection_get_types (filter->collection, field) };
  g_string_append_c (sql, '(');
  append (filter, &subject, data);
  if (subject.types & AIR_STORE_ARRAY)
    {
      const Subject element = { "e.atom", "e.type", "e.type = 'null'", AIR_STORE_ANY };
      g_string_append_printf (sql, " OR %s = 'array' AND EXISTS (SELECT 1 FROM json_each(document,%s) AS e WHERE (", type, path);
      append (filter, &element, data);
      g_string_append (sql, "))");
    }
  g_string_append_c (sql, ')');
}

static void
append_any_of (Filter *filter, const char *field, GPtrArray *values, bool negated)
{
  g_string_append (filter->statement->sql, negated ? "(" : "");
  append_about (filter, field, append_choices, values);
  g_string_append (filter->statement->sql, negated ? " IS NOT TRUE)" : "");
}

static void
append_one (Filter *filter, const char *field, JsonNode *value, bool negated)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  g_ptr_array_add (values, value);
  append_any_of (filter, field, values, negated);
}

static void
append_list (Filter *filter, const char *field, JsonArray *array, bool negated)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    g_ptr_array_add (values, json_array_get_element (array, i));
  append_any_of (filter, field, values, negated);
}

static void
append_operator (Filter *filter, const char *field, const char *operator, JsonNode *operand)
{
  static const char *const names[] = { "$gt", "$gte", "$lt", "$lte" };
  static const char *const signs[] = { ">", ">=", "<", "<=" };
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (operator, names[i]) == 0)
      append_about (filter, field, append_comparison, &(Comparison){ signs[i], operand });
  if (strcmp (operator, "$ne") == 0)
    append_one (filter, field, operand, true);
  else if (strcmp (operator, "$in") == 0 || strcmp (operator, "$nin") == 0)
    append_list (filter, field, json_node_get_array (operand), operator[1] == 'n');
  else if (strcmp (operator, "$exists") == 0)
    {
      g_autofree char *path = field_path (filter->collection, field);
      g_string_append_printf (filter->statement->sql, "json_type(document,%s) IS %sNULL", path,
                              json_node_get_boolean (operand) ? "NOT " : "");
    }
}

static void append_filter (Filter *filter, JsonNode *node);

static void
append_condition (Filter *filter, const char *name, JsonNode *value)
{
  GString *sql = filter->statement->sql;
  if (*name == '$')
    {
      JsonArray *array = json_node_get_array (value);
      for (unsigned i = 0; i < json_array_get_length (array); i++)
        {
          g_string_append (sql, i == 0 ? "(" : strcmp (name, "$or") == 0 ? " OR " : " AND ");
          append_filter (filter, json_array_get_element (array, i));
        }
      g_string_append_c (sql, ')');
      return;
    }
  if (!JSON_NODE_HOLDS_OBJECT (value))
    {
      append_one (filter, name, value, false);
      return;
    }
  JsonObjectIter iter;
  const char *operator = NULL;
  JsonNode *operand = NULL;
  bool first = true;
  json_object_iter_init (&iter, json_node_get_object (value));
  for (; json_object_iter_next (&iter, &operator, &operand); first = false)
    {
      g_string_append (sql, first ? "" : " AND ");
      append_operator (filter, name, operator, operand);
    }
}

static void
append_filter (Filter *filter, JsonNode *node)
{
  GString *sql = filter->statement->sql;
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  bool first = true;
  g_string_append_c (sql, '(');
  json_object_iter_init (&iter, json_node_get_object (node));
  for (; json_object_iter_next (&iter, &name, &value); first = false)
    {
      g_string_append (sql, first ? "" : " AND ");
      append_condition (filter, name, value);
    }
  g_string_append (sql, first ? "1)" : ")");
}

void
statement_append_filter (Statement *statement, const AirStoreCollection *collection, JsonNode *filter)
{
  Filter state = { statement, collection };
  if (filter == NULL)
    g_string_append_c (statement->sql, '1');
  else
    append_filter (&state, filter);
}
