/* JSON of our own: made from a format, read by name. No state. Any thread. */
#include <airclass/json.h>

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define MAX_EXACT 9007199254740992.0 /* 2⁵³: of a double */

/* ---- Making ---- */

typedef struct
{
  const char *format, *at;
  va_list arguments;
} Maker;

static JsonNode *make_value (Maker *maker);

static void G_GNUC_NORETURN
fail (const Maker *maker, const char *wanted)
{
  g_error ("%s wanted in the JSON format \"%s\" at \"%s\"", wanted, maker->format, maker->at);
}

static void
skip_space (Maker *maker)
{
  while (g_ascii_isspace (*maker->at))
    maker->at++;
}

static bool
take (Maker *maker, char character)
{
  skip_space (maker);
  if (*maker->at != character)
    return false;
  maker->at++;
  return true;
}

static JsonNode *
make_text (const char *text)
{
  return text != NULL ? json_node_init_string (json_node_alloc (), text) : json_node_new (JSON_NODE_NULL);
}

static JsonNode *
make_time (int64_t time_us)
{
  g_autofree char *text = time_us != 0 ? air_time_to_string (time_us) : NULL;
  return make_text (text);
}

static JsonNode *
make_double (double number)
{
  return isnan (number) ? json_node_new (JSON_NODE_NULL) : json_node_init_double (json_node_alloc (), number);
}

static JsonNode *
make_argument (Maker *maker)
{
  JsonNode *node = NULL;
  switch (*maker->at++)
    {
    case 's':
      return make_text (va_arg (maker->arguments, const char *));
    case 'i':
      return json_node_init_int (json_node_alloc (), va_arg (maker->arguments, int));
    case 'l':
      return json_node_init_int (json_node_alloc (), va_arg (maker->arguments, int64_t));
    case 'f':
      return make_double (va_arg (maker->arguments, double));
    case 'b':
      return json_node_init_boolean (json_node_alloc (), va_arg (maker->arguments, int) != 0);
    case 't':
      return make_time (va_arg (maker->arguments, int64_t));
    case 'n':
      node = va_arg (maker->arguments, JsonNode *);
      return node != NULL ? node : json_node_new (JSON_NODE_NULL);
    case 'N':
      node = va_arg (maker->arguments, JsonNode *);
      return node != NULL ? json_node_copy (node) : json_node_new (JSON_NODE_NULL);
    default:
      maker->at--;
      fail (maker, "one of s i l f b t n N");
    }
}

static char *
take_name (Maker *maker, bool *ret_optional)
{
  skip_space (maker);
  const char *start = maker->at;
  while (g_ascii_isalnum (*maker->at) || (*maker->at != '\0' && strchr ("_$.-", *maker->at) != NULL))
    maker->at++;
  if (maker->at == start)
    fail (maker, "a name");
  char *name = g_strndup (start, (gsize)(maker->at - start));
  *ret_optional = take (maker, '?');
  if (!take (maker, ':'))
    fail (maker, "a colon");
  return name;
}

static JsonNode *
make_object (Maker *maker)
{
  JsonObject *object = json_object_new ();
  bool more = !take (maker, '}');
  while (more)
    {
      bool optional = false;
      g_autofree char *name = take_name (maker, &optional);
      JsonNode *value = make_value (maker);
      if (optional && JSON_NODE_HOLDS_NULL (value))
        json_node_unref (value);
      else
        json_object_set_member (object, name, value);
      more = take (maker, ',');
      if (!more && !take (maker, '}'))
        fail (maker, "a comma or }");
    }
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, object);
  return node;
}

static JsonNode *
make_array (Maker *maker)
{
  JsonArray *array = json_array_new ();
  bool more = !take (maker, ']');
  while (more)
    {
      json_array_add_element (array, make_value (maker));
      more = take (maker, ',');
      if (!more && !take (maker, ']'))
        fail (maker, "a comma or ]");
    }
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static JsonNode *
make_quoted (Maker *maker)
{
  const char *end = strchr (maker->at, '\'');
  if (end == NULL)
    fail (maker, "a closing '");
  g_autofree char *text = g_strndup (maker->at, (gsize)(end - maker->at));
  maker->at = end + 1;
  return make_text (text);
}

static JsonNode *
make_literal (Maker *maker)
{
  static const char *const words[] = { "null", "true", "false" };
  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_str_has_prefix (maker->at, words[i]))
      {
        maker->at += strlen (words[i]);
        return i == 0 ? json_node_new (JSON_NODE_NULL) : json_node_init_boolean (json_node_alloc (), i == 1);
      }
  char *end = NULL;
  int64_t integer = g_ascii_strtoll (maker->at, &end, 10);
  if (end == maker->at)
    fail (maker, "a value");
  if (*end != '.')
    {
      maker->at = end;
      return json_node_init_int (json_node_alloc (), integer);
    }
  double number = g_ascii_strtod (maker->at, &end);
  maker->at = end;
  return json_node_init_double (json_node_alloc (), number);
}

static JsonNode *
make_value (Maker *maker)
{
  if (take (maker, '{'))
    return make_object (maker);
  if (take (maker, '['))
    return make_array (maker);
  if (take (maker, '%'))
    return make_argument (maker);
  if (take (maker, '\''))
    return make_quoted (maker);
  return make_literal (maker);
}

JsonNode *
air_json_new (const char *format, ...)
{
  Maker maker = { .format = format, .at = format };
  va_start (maker.arguments, format);
  JsonNode *node = make_value (&maker);
  skip_space (&maker);
  if (*maker.at != '\0')
    fail (&maker, "the end");
  va_end (maker.arguments);
  return node;
}

/* ---- Reading ---- */

JsonNode *
air_json_get (JsonNode *node, const char *name)
{
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_member (json_node_get_object (node), name) : NULL;
}

static JsonNode *
get_value (JsonNode *node, const char *name, GType type)
{
  JsonNode *member = air_json_get (node, name);
  return member != NULL && JSON_NODE_HOLDS_VALUE (member) && json_node_get_value_type (member) == type ? member : NULL;
}

const char *
air_json_get_string (JsonNode *node, const char *name)
{
  JsonNode *value = get_value (node, name, G_TYPE_STRING);
  return value != NULL ? json_node_get_string (value) : NULL;
}

int64_t
air_json_get_int (JsonNode *node, const char *name, int64_t otherwise)
{
  JsonNode *value = get_value (node, name, G_TYPE_INT64);
  if (value != NULL)
    return json_node_get_int (value);
  value = get_value (node, name, G_TYPE_DOUBLE);
  double number = value != NULL ? json_node_get_double (value) : NAN;
  return fabs (number) <= MAX_EXACT && number == trunc (number) ? (int64_t)number : otherwise;
}

double
air_json_get_double (JsonNode *node, const char *name, double otherwise)
{
  JsonNode *value = get_value (node, name, G_TYPE_DOUBLE);
  if (value != NULL)
    return json_node_get_double (value);
  value = get_value (node, name, G_TYPE_INT64);
  return value != NULL ? (double)json_node_get_int (value) : otherwise;
}

bool
air_json_get_bool (JsonNode *node, const char *name, bool otherwise)
{
  JsonNode *value = get_value (node, name, G_TYPE_BOOLEAN);
  return value != NULL ? json_node_get_boolean (value) : otherwise;
}

JsonArray *
air_json_get_array (JsonNode *node, const char *name)
{
  JsonNode *member = air_json_get (node, name);
  return member != NULL && JSON_NODE_HOLDS_ARRAY (member) ? json_node_get_array (member) : NULL;
}
