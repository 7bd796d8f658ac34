/* Nodes to text. json-glib's own writer is not used: it puts ".0" behind numbers like 1e+17, which then is no JSON, and gives others
 * more digits than they had. */
#include <airclass/json.h>
#include <math.h>
#include <stdlib.h>

static void write_node (GString *out, JsonNode *node);

/* RFC 8259 §7. */
static void
write_text (GString *out, const char *text)
{
  static const char short_forms[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\' };
  g_string_append_c (out, '"');
  const char *from = text;
  for (const char *at = text; *at != '\0'; at++)
    {
      unsigned char byte = (unsigned char)*at;
      bool has_short_form = byte < sizeof short_forms && short_forms[byte] != '\0';
      if (byte >= 0x20 && byte != 0x7f && !has_short_form)
        continue;
      g_string_append_len (out, from, at - from);
      from = at + 1;
      if (has_short_form)
        g_string_append_printf (out, "\\%c", short_forms[byte]);
      else
        g_string_append_printf (out, "\\u%04x", byte);
    }
  g_string_append (out, from);
  g_string_append_c (out, '"');
}

/* The shortest digits that are read as the same number; a whole one keeps a point, so that it is read as a double again. §6 */
static void
write_double (GString *out, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  if (!isfinite (number))
    {
      g_string_append (out, "null");
      return;
    }
  for (unsigned digits = 15; digits <= 17; digits++)
    {
      char format[8];
      g_snprintf (format, sizeof format, "%%.%ug", digits);
      g_ascii_formatd (text, sizeof text, format, number);
      if (g_ascii_strtod (text, NULL) == number)
        break;
    }
  g_string_append (out, text);
  if (text[strspn (text, "-0123456789")] == '\0')
    g_string_append (out, ".0");
}

static void
write_value (GString *out, JsonNode *node)
{
  GType type = json_node_get_value_type (node);
  const char *text = type == G_TYPE_STRING ? json_node_get_string (node) : NULL;
  if (text != NULL)
    write_text (out, text);
  else if (type == G_TYPE_INT64)
    g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
  else if (type == G_TYPE_DOUBLE)
    write_double (out, json_node_get_double (node));
  else if (type == G_TYPE_BOOLEAN)
    g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
  else
    g_string_append (out, "null");
}

static void
write_object (GString *out, JsonObject *object)
{
  JsonObjectIter iter;
  const char *name = NULL, *separator = "";
  JsonNode *value = NULL;
  g_string_append_c (out, '{');
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      g_string_append (out, separator);
      write_text (out, name);
      g_string_append_c (out, ':');
      write_node (out, value);
      separator = ",";
    }
  g_string_append_c (out, '}');
}

static void
write_array (GString *out, JsonArray *array)
{
  g_string_append_c (out, '[');
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      write_node (out, json_array_get_element (array, i));
    }
  g_string_append_c (out, ']');
}

static void
write_node (GString *out, JsonNode *node)
{
  JsonNodeType type = node != NULL ? json_node_get_node_type (node) : JSON_NODE_NULL;
  if (type == JSON_NODE_OBJECT && json_node_get_object (node) != NULL)
    write_object (out, json_node_get_object (node));
  else if (type == JSON_NODE_ARRAY && json_node_get_array (node) != NULL)
    write_array (out, json_node_get_array (node));
  else if (type == JSON_NODE_VALUE)
    write_value (out, node);
  else
    g_string_append (out, "null");
}

char *
air_json_to_string (JsonNode *node)
{
  GString *out = g_string_sized_new (256);
  write_node (out, node);
  return g_string_free (out, FALSE);
}
