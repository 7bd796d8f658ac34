/* A strict JSON reader (RFC 8259) that builds JsonNodes within limits.
 *
 * json-glib 1.6 overflows the stack on deep nesting, lets the last of two equal names win, cuts texts at an escaped NUL
 * and takes quotes and numbers that are no JSON. Whatever a stranger sent is read here instead; trusted or not, the
 * result is the same JsonNode.
 *
 * Any thread; no state. The depth bound keeps the recursion, and with it the stack, small.
 */
#include <airclass/error.h>
#include <airclass/http.h>

#include <math.h>
#include <string.h>

#define MAX_LENGTH_BYTES (1024 * 1024)
#define MAX_DEPTH 32
/* A member costs some 200 bytes as a JsonNode, but only 4 as text: the bound keeps one request below some 20 MiB. */
#define MAX_NODES 100000

typedef struct
{
  const char *start, *at, *end;
  unsigned depth;
  unsigned nodes;
  GError **error;
} Reader;

static JsonNode *read_value (Reader *reader);

static void *
fail (Reader *reader, const char *what)
{
  if (reader->error != NULL && *reader->error == NULL)
    g_set_error (reader->error, AIR_ERROR, AIR_ERROR_INVALID, "JSON: %s at byte %" G_GSIZE_FORMAT, what,
                 (gsize)(reader->at - reader->start));
  return NULL;
}

static void
skip_space (Reader *reader)
{
  while (reader->at < reader->end
         && (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r'))
    reader->at++;
}

static bool
read_hex4 (Reader *reader, gunichar *ret_unit)
{
  if (reader->end - reader->at < 4)
    return false;
  gunichar unit = 0;
  for (int i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (reader->at[i]);
      if (digit < 0)
        return false;
      unit = unit << 4 | (gunichar)digit;
    }
  reader->at += 4;
  *ret_unit = unit;
  return true;
}

/* After "\u": one scalar value, or a pair of surrogates; a lone one stands for no character and is refused. */
static bool
read_unicode_escape (Reader *reader, GString *into)
{
  gunichar unit = 0, low = 0;
  if (!read_hex4 (reader, &unit))
    return fail (reader, "a \\u escape needs four hexadecimal digits") != NULL;
  if (unit == 0)
    return fail (reader, "a NUL character") != NULL;
  if (unit >= 0xD800 && unit <= 0xDFFF)
    {
      bool is_pair = unit < 0xDC00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' && reader->at[1] == 'u';
      if (is_pair)
        {
          reader->at += 2;
          is_pair = read_hex4 (reader, &low) && low >= 0xDC00 && low <= 0xDFFF;
        }
      if (!is_pair)
        return fail (reader, "a lone surrogate") != NULL;
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
  g_string_append_unichar (into, unit);
  return true;
}

static bool
read_escape (Reader *reader, GString *into)
{
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (reader->at >= reader->end)
    return fail (reader, "a text without an end") != NULL;
  char c = *reader->at++;
  if (c == 'u')
    return read_unicode_escape (reader, into);
  const char *found = c != '\0' ? strchr (names, c) : NULL;
  if (found == NULL)
    return fail (reader, "an unknown escape") != NULL;
  g_string_append_c (into, values[found - names]);
  return true;
}

/* The opening quote is next. */
static char *
read_string (Reader *reader)
{
  g_autoptr (GString) text = g_string_new (NULL);
  reader->at++;
  while (reader->at < reader->end)
    {
      const char *run = reader->at;
      while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\' && (guchar)*reader->at >= 0x20)
        reader->at++;
      g_string_append_len (text, run, reader->at - run);
      if (reader->at >= reader->end)
        break;
      if (*reader->at == '"')
        {
          reader->at++;
          return g_string_free (g_steal_pointer (&text), FALSE);
        }
      if (*reader->at != '\\')
        return fail (reader, "a control character in a text");
      reader->at++;
      if (!read_escape (reader, text))
        return NULL;
    }
  return fail (reader, "a text without an end");
}

static bool
skip_digits (Reader *reader)
{
  const char *first = reader->at;
  while (reader->at < reader->end && g_ascii_isdigit (*reader->at))
    reader->at++;
  return reader->at > first;
}

static JsonNode *
read_number (Reader *reader)
{
  const char *first = reader->at;
  bool is_integer = true;
  if (*reader->at == '-')
    reader->at++;
  const char *digits = reader->at;
  if (!skip_digits (reader) || (*digits == '0' && reader->at - digits > 1))
    return fail (reader, "a malformed number");
  if (reader->at < reader->end && *reader->at == '.')
    {
      is_integer = false;
      reader->at++;
      if (!skip_digits (reader))
        return fail (reader, "a malformed number");
    }
  if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E'))
    {
      is_integer = false;
      reader->at++;
      if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
        reader->at++;
      if (!skip_digits (reader))
        return fail (reader, "a malformed number");
    }

  g_autofree char *text = g_strndup (first, (gsize)(reader->at - first));
  gint64 integer = 0;
  JsonNode *node = json_node_alloc ();
  if (is_integer && g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &integer, NULL))
    return json_node_init_int (node, integer);
  double real = g_ascii_strtod (text, NULL);
  if (isfinite (real))
    return json_node_init_double (node, real);
  json_node_unref (node);
  return fail (reader, "a number that is too large");
}

static bool
enter (Reader *reader)
{
  reader->at++;
  if (++reader->depth > MAX_DEPTH)
    return fail (reader, "nested too deeply") != NULL;
  skip_space (reader);
  return true;
}

/* After an element: true when a comma announces another; else *ret_done tells an end from an error. */
static bool
another (Reader *reader, char closing, bool *ret_done)
{
  *ret_done = false;
  skip_space (reader);
  if (reader->at < reader->end && *reader->at == ',')
    {
      reader->at++;
      skip_space (reader);
      return true;
    }
  if (reader->at < reader->end && *reader->at == closing)
    {
      reader->at++;
      reader->depth--;
      *ret_done = true;
    }
  else
    fail (reader, "expected ',' or the closing bracket");
  return false;
}

static bool
read_member (Reader *reader, JsonObject *object)
{
  if (reader->at >= reader->end || *reader->at != '"')
    return fail (reader, "expected a name in double quotes") != NULL;
  g_autofree char *name = read_string (reader);
  if (name == NULL)
    return false;
  if (json_object_has_member (object, name))
    return fail (reader, "the same name twice in one object") != NULL;
  skip_space (reader);
  if (reader->at >= reader->end || *reader->at != ':')
    return fail (reader, "expected ':'") != NULL;
  reader->at++;
  JsonNode *value = read_value (reader);
  if (value == NULL)
    return false;
  json_object_set_member (object, name, value);
  return true;
}

static JsonNode *
read_object (Reader *reader)
{
  g_autoptr (JsonObject) object = json_object_new ();
  bool done = false;
  if (!enter (reader))
    return NULL;
  if (reader->at < reader->end && *reader->at == '}')
    {
      reader->at++;
      reader->depth--;
      done = true;
    }
  else
    do
      if (!read_member (reader, object))
        return NULL;
    while (another (reader, '}', &done));
  return done ? json_node_init_object (json_node_alloc (), object) : NULL;
}

static JsonNode *
read_array (Reader *reader)
{
  g_autoptr (JsonArray) array = json_array_new ();
  bool done = false;
  if (!enter (reader))
    return NULL;
  if (reader->at < reader->end && *reader->at == ']')
    {
      reader->at++;
      reader->depth--;
      done = true;
    }
  else
    do
      {
        JsonNode *value = read_value (reader);
        if (value == NULL)
          return NULL;
        json_array_add_element (array, value);
      }
    while (another (reader, ']', &done));
  return done ? json_node_init_array (json_node_alloc (), array) : NULL;
}

static bool
accept_word (Reader *reader, const char *word)
{
  gsize length = strlen (word);
  if ((gsize)(reader->end - reader->at) < length || memcmp (reader->at, word, length) != 0)
    return false;
  reader->at += length;
  return true;
}

static JsonNode *
read_value (Reader *reader)
{
  skip_space (reader);
  if (reader->at >= reader->end)
    return fail (reader, "ends too early");
  if (++reader->nodes > MAX_NODES)
    return fail (reader, "too many values");
  switch (*reader->at)
    {
    case '{':
      return read_object (reader);
    case '[':
      return read_array (reader);
    case '"':
      {
        g_autofree char *text = read_string (reader);
        return text != NULL ? json_node_init_string (json_node_alloc (), text) : NULL;
      }
    case 't':
      if (accept_word (reader, "true"))
        return json_node_init_boolean (json_node_alloc (), TRUE);
      break;
    case 'f':
      if (accept_word (reader, "false"))
        return json_node_init_boolean (json_node_alloc (), FALSE);
      break;
    case 'n':
      if (accept_word (reader, "null"))
        return json_node_init_null (json_node_alloc ());
      break;
    default:
      if (*reader->at == '-' || g_ascii_isdigit (*reader->at))
        return read_number (reader);
    }
  return fail (reader, "not a JSON value");
}

JsonNode *
air_json_parse (const char *text, gssize length, GError **error)
{
  g_return_val_if_fail (text != NULL || length == 0, NULL);

  /* The message of the first fault is kept, so that unwinding callers need not care. */
  g_autoptr (GError) first = NULL;
  gsize size = length < 0 ? strlen (text) : (gsize)length;
  Reader reader = { .start = text, .at = text, .end = text + size, .error = &first };
  g_autoptr (JsonNode) node = NULL;
  const char *bad = NULL;

  if (size > MAX_LENGTH_BYTES)
    fail (&reader, "too long");
  else if (!g_utf8_validate_len (text != NULL ? text : "", size, &bad))
    {
      reader.at = bad;
      fail (&reader, "not UTF-8");
    }
  else if ((node = read_value (&reader)) != NULL)
    {
      skip_space (&reader);
      if (reader.at < reader.end)
        fail (&reader, "something follows the value");
    }
  if (first != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&first));
      return NULL;
    }
  return g_steal_pointer (&node);
}
