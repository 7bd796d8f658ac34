/* The text forms of the option types. */
#include "host/option-value.h"

#include <airclass/error.h>
#include <string.h>

/* A list in a configuration is written by hand. */
#define MAX_ITEMS 256

typedef struct
{
  const char *suffix;
  int64_t factor;
} Unit;

/* Largest first: what is printed uses the largest that divides. */
static const Unit durations[] = { { "h", 3600000 }, { "min", 60000 }, { "s", 1000 }, { "ms", 1 } };
static const Unit sizes[] = { { "GiB", 1 << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "B", 1 } };

const char *
air_option_type_to_string (AirOptionType type)
{
  switch (type)
    {
    case AIR_OPTION_STRING:
      return "string";
    case AIR_OPTION_BOOL:
      return "boolean";
    case AIR_OPTION_INT:
      return "integer";
    case AIR_OPTION_DURATION:
      return "duration";
    case AIR_OPTION_SIZE:
      return "size";
    case AIR_OPTION_ENUM:
      return "choice";
    case AIR_OPTION_LIST:
      return "list";
    case AIR_OPTION_ADDRESSES:
      return "addresses";
    case AIR_OPTION_NETWORKS:
      return "networks";
    case AIR_OPTION_FILE:
      return "file";
    case AIR_OPTION_SECRET:
      return "secret";
    case AIR_OPTION_URL:
      return "URL";
    }
  return "unknown";
}

static char *
format_number (const AirOption *option, int64_t number)
{
  const Unit *units = option->type == AIR_OPTION_DURATION ? durations : sizes;

  if (option->type == AIR_OPTION_INT)
    return g_strdup_printf ("%" G_GINT64_FORMAT, number);
  for (unsigned i = 0; i < G_N_ELEMENTS (durations); i++)
    if (number != 0 && number % units[i].factor == 0)
      return g_strdup_printf ("%" G_GINT64_FORMAT " %s", number / units[i].factor, units[i].suffix);
  return g_strdup_printf ("0 %s", option->type == AIR_OPTION_DURATION ? "s" : "B");
}

char *
air_option_describe_range (const AirOption *option)
{
  g_autofree char *minimum = NULL;
  g_autofree char *maximum = NULL;

  if (option->type == AIR_OPTION_ENUM)
    {
      g_auto (GStrv) choices = g_strsplit (option->choices, "|", -1);

      return g_strjoinv (" | ", choices);
    }
  if ((option->minimum == 0 && option->maximum == 0)
      || (option->type != AIR_OPTION_INT && option->type != AIR_OPTION_DURATION && option->type != AIR_OPTION_SIZE))
    return NULL;
  minimum = format_number (option, option->minimum);
  maximum = format_number (option, option->maximum);
  return g_strdup_printf ("%s to %s%s%s", minimum, maximum, option->unit != NULL ? " " : "",
                          option->unit != NULL ? option->unit : "");
}

static bool
parse_bool (const char *text, AirOptionValue *value, GError **error)
{
  static const char *const words[] = { "false", "true", "no", "yes", "0", "1", "off", "on" };

  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (text, words[i]) == 0)
      {
        value->number = i % 2;
        return true;
      }
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "'%s' is neither true nor false", text);
  return false;
}

/* Splits "250 ms" into its number and the factor of its suffix; a bare number takes @bare. */
static bool
parse_with_unit (const char *text, const Unit *units, unsigned n_units, int64_t bare, int64_t *ret_number)
{
  g_autofree char *digits = NULL;
  const char *end = text + (*text == '-' ? 1 : 0);
  int64_t factor = bare;
  gint64 number;

  end += strspn (end, "0123456789");
  digits = g_strndup (text, end - text);
  end += strspn (end, " ");
  if (*end != '\0')
    {
      factor = 0;
      for (unsigned i = 0; i < n_units; i++)
        if (strcmp (units[i].suffix, end) == 0)
          factor = units[i].factor;
    }
  return factor != 0 && g_ascii_string_to_signed (digits, 10, G_MININT64, G_MAXINT64, &number, NULL)
         && !__builtin_mul_overflow ((int64_t) number, factor, ret_number);
}

static bool
parse_number (const AirOption *option, const char *text, AirOptionValue *value, GError **error)
{
  g_autofree char *range = air_option_describe_range (option);
  const char *form = "an integer";
  bool ok;

  if (option->type == AIR_OPTION_DURATION)
    {
      form = "a duration such as 500 ms, 10 s, 5 min, 1 h";
      ok = parse_with_unit (text, durations, G_N_ELEMENTS (durations), 1000, &value->number);
    }
  else if (option->type == AIR_OPTION_SIZE)
    {
      form = "a size such as 4096 B, 64 KiB, 16 MiB, 1 GiB";
      ok = parse_with_unit (text, sizes, G_N_ELEMENTS (sizes), 1, &value->number);
    }
  else
    ok = parse_with_unit (text, NULL, 0, 1, &value->number);
  if (!ok)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "'%s' is not %s", text, form);
  else if (range != NULL && (value->number < option->minimum || value->number > option->maximum))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "%s is out of range; allowed: %s", text, range);
      ok = false;
    }
  return ok;
}

static bool
parse_enum (const AirOption *option, const char *text, GError **error)
{
  g_auto (GStrv) choices = g_strsplit (option->choices, "|", -1);
  g_autofree char *known = NULL;

  if (g_strv_contains ((const char *const *) choices, text))
    return true;
  known = g_strjoinv (", ", choices);
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "'%s' is none of: %s", text, known);
  return false;
}

static bool
parse_list (const char *text, AirOptionValue *value, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", MAX_ITEMS + 1);
  g_autoptr (GStrvBuilder) items = g_strv_builder_new ();

  if (g_strv_length (parts) > MAX_ITEMS)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "has more than %d items", MAX_ITEMS);
      return false;
    }
  for (char **part = parts; *part != NULL; part++)
    if (*g_strstrip (*part) != '\0')
      g_strv_builder_add (items, *part);
  value->list = g_strv_builder_end (items);
  return true;
}

/* "127.0.0.1:8000", "[::1]:8000", "localhost:8000" */
static GSocketAddress *
parse_address (const char *text)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *host = NULL;
  guint64 port;

  if (colon == NULL || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &port, NULL))
    return NULL;
  host = g_strndup (text, colon - text);
  if (host[0] == '[' && g_str_has_suffix (host, "]"))
    {
      host[strlen (host) - 1] = '\0';
      memmove (host, host + 1, strlen (host));
      if (strchr (host, ':') == NULL)
        return NULL;
    }
  else if (strchr (host, ':') != NULL)
    return NULL;
  return g_inet_socket_address_new_from_string (strcmp (host, "localhost") == 0 ? "127.0.0.1" : host, port);
}

static bool
parse_addresses (const char *text, AirOptionValue *value, GError **error)
{
  if (!parse_list (text, value, error))
    return false;
  value->addresses = g_ptr_array_new_with_free_func (g_object_unref);
  for (char **item = value->list; *item != NULL; item++)
    {
      GSocketAddress *address = parse_address (*item);

      if (address == NULL)
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID,
                       "'%s' is not ADDRESS:PORT such as 0.0.0.0:8000 or [::]:8000", *item);
          return false;
        }
      g_ptr_array_add (value->addresses, address);
    }
  return true;
}

static bool
parse_networks (const char *text, AirOptionValue *value, GError **error)
{
  if (!parse_list (text, value, error))
    return false;
  value->networks = g_ptr_array_new_with_free_func (g_object_unref);
  for (char **item = value->list; *item != NULL; item++)
    {
      GInetAddressMask *mask = g_inet_address_mask_new_from_string (*item, NULL);

      if (mask == NULL)
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID,
                       "'%s' is not an address or a network such as 10.0.0.0/8 or ::1", *item);
          return false;
        }
      g_ptr_array_add (value->networks, mask);
    }
  return true;
}

/* Links are made by putting a path behind it: nothing else may stand there. */
static bool
parse_url (const char *text, AirOptionValue *value, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_ENCODED | G_URI_FLAGS_HAS_PASSWORD, NULL);
  const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : "";
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;
  size_t length = strlen (text);

  if (*text == '\0')
    return true;
  if ((strcmp (scheme, "http") != 0 && strcmp (scheme, "https") != 0) || host == NULL || *host == '\0'
      || g_uri_get_userinfo (uri) != NULL || strpbrk (text, " ?#\\\"<>") != NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "'%s' is not an address such as https://HOST", text);
      return false;
    }
  while (text[length - 1] == '/')
    length--;
  g_free (value->text);
  value->text = g_strdup_printf ("%s%.*s", scheme, (int) (length - strlen (scheme)), text + strlen (scheme));
  return true;
}

static bool
parse_into (const AirOption *option, const char *text, AirOptionValue *value, GError **error)
{
  switch (option->type)
    {
    case AIR_OPTION_BOOL:
      return parse_bool (text, value, error);
    case AIR_OPTION_INT:
    case AIR_OPTION_DURATION:
    case AIR_OPTION_SIZE:
      return parse_number (option, text, value, error);
    case AIR_OPTION_ENUM:
      return parse_enum (option, text, error);
    case AIR_OPTION_LIST:
      return parse_list (text, value, error);
    case AIR_OPTION_ADDRESSES:
      return parse_addresses (text, value, error);
    case AIR_OPTION_NETWORKS:
      return parse_networks (text, value, error);
    case AIR_OPTION_URL:
      return parse_url (text, value, error);
    case AIR_OPTION_STRING:
    case AIR_OPTION_FILE:
    case AIR_OPTION_SECRET:
      return true;
    }
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "has a type that this version does not know");
  return false;
}

AirOptionValue *
air_option_value_parse (const AirOption *option, const char *text, const char *folder, GError **error)
{
  g_autoptr (AirOptionValue) value = g_new0 (AirOptionValue, 1);

  if (!g_utf8_validate (text, -1, NULL))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "is not UTF-8");
      return NULL;
    }
  if (option->type == AIR_OPTION_FILE && *text != '\0')
    value->text = g_canonicalize_filename (text, folder);
  else
    value->text = g_strdup (text);
  return parse_into (option, text, value, error) ? g_steal_pointer (&value) : NULL;
}

void
air_option_value_free (AirOptionValue *value)
{
  if (value == NULL)
    return;
  g_free (value->text);
  g_strfreev (value->list);
  g_clear_pointer (&value->addresses, g_ptr_array_unref);
  g_clear_pointer (&value->networks, g_ptr_array_unref);
  g_free (value);
}
