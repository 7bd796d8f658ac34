/* Regular expressions of ECMA-262 for PCRE. The two agree on what schemas use, but not on the reach of \d and \w (ASCII
 * in ECMA), nor on $ before a last line feed; what PCRE alone knows is refused, lest a schema mean something else in a
 * browser. The work of one match is bounded. */
#include "data/json-schema-private.h"

#include <airclass/error.h>
#include <string.h>

/* Enough for honest patterns on the longest body; a catastrophic one ends in milliseconds and does not match. */
#define LIMITS "(*LIMIT_MATCH=100000)(*LIMIT_DEPTH=5000)"

static const char *
translate_class_escape (char c, bool in_set)
{
  switch (c)
    {
    case 'd':
      return in_set ? "0-9" : "[0-9]";
    case 'w':
      return in_set ? "A-Za-z0-9_" : "[A-Za-z0-9_]";
    case 'D':
      return in_set ? NULL : "[^0-9]";
    case 'W':
      return in_set ? NULL : "[^A-Za-z0-9_]";
    default:
      return NULL;
    }
}

static bool
is_plain_escape (char c)
{
  return strchr ("sSbBtnrfv0^$\\.*+?()[]{}|/-", c) != NULL;
}

/* \uXXXX; @at stands behind the u. */
static bool
translate_unicode (const char *at, GString *into)
{
  for (int i = 0; i < 4; i++)
    if (!g_ascii_isxdigit (at[i]))
      return false;
  g_string_append_printf (into, "\\x{%.4s}", at);
  return true;
}

/* Verbs, options, names and look-behind; empty sets and POSIX classes. */
static bool
means_something_else (const char *at, bool in_set)
{
  if (in_set)
    return at[0] == '[' && at[1] != '\0' && strchr (":.=", at[1]) != NULL;
  if (at[0] == '[')
    return at[1] == ']' || (at[1] == '^' && at[2] == ']');
  return at[0] == '(' && (at[1] == '*' || (at[1] == '?' && (at[2] == '\0' || strchr (":=!", at[2]) == NULL)));
}

static bool
translate (const char *pattern, GString *into)
{
  bool in_set = false;
  for (const char *at = pattern; *at != '\0'; at++)
    {
      if (means_something_else (at, in_set))
        return false;
      if (*at == '[')
        in_set = true;
      else if (*at == ']')
        in_set = false;
      if (*at != '\\')
        {
          g_string_append_c (into, *at);
          continue;
        }
      at++;
      const char *class = *at != '\0' ? translate_class_escape (*at, in_set) : NULL;
      if (class != NULL)
        g_string_append (into, class);
      else if (*at == 'u' && translate_unicode (at + 1, into))
        at += 4;
      else if (*at != '\0' && is_plain_escape (*at))
        g_string_append_printf (into, "\\%c", *at);
      else
        return false;
    }
  return true;
}

GRegex *
air_json_pattern_new (const char *pattern, GError **error)
{
  g_autoptr (GString) text = g_string_new (LIMITS);
  g_autoptr (GError) fault = NULL;
  GRegex *regex = NULL;
  if (translate (pattern, text))
    regex = g_regex_new (text->str, G_REGEX_DOLLAR_ENDONLY | G_REGEX_NO_AUTO_CAPTURE, 0, &fault);
  if (regex == NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "the pattern '%s' is not taken%s%s", pattern,
                 fault != NULL ? ": " : "", fault != NULL ? fault->message : "");
  return regex;
}
