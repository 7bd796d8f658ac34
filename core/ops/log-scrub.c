/* Makes a text fit for the log.
 *
 * Runs on any thread, inside the log writer: nothing here may log. The registered secrets are process-wide and are kept
 * until the process ends, because a line about a key may come after its owner is gone.
 */
#include "ops/log-scrub.h"

#include <stdbool.h>
#include <string.h>

#define BLOT "***"
#define MIN_SECRET_BYTES 4
#define MAX_SECRETS 1024
/* More than can be shown is looked at, so that a secret is not recognised less for being cut at the end. */
#define MAX_INPUT_BYTES (16 * 1024)

static GRWLock secrets_lock;
static GPtrArray *secrets; /* (element-type utf8), longest first */

static int
compare_longest_first (gconstpointer a, gconstpointer b)
{
  size_t length_a = strlen (*(const char *const *)a), length_b = strlen (*(const char *const *)b);
  return length_a < length_b ? 1 : length_a > length_b ? -1 : 0;
}

/* Called with the lock held. */
static void
remember (const char *secret)
{
  if (g_ptr_array_find_with_equal_func (secrets, secret, g_str_equal, NULL) || secrets->len >= MAX_SECRETS)
    return;
  g_ptr_array_add (secrets, g_strdup (secret));
}

void
air_log_scrub_add_secret (const char *secret)
{
  if (secret == NULL || strlen (secret) < MIN_SECRET_BYTES)
    return;
  g_autofree char *encoded = g_uri_escape_string (secret, NULL, FALSE);

  g_rw_lock_writer_lock (&secrets_lock);
  if (secrets == NULL)
    secrets = g_ptr_array_new_with_free_func (g_free);
  remember (secret);
  remember (encoded);
  g_ptr_array_sort (secrets, compare_longest_first);
  g_rw_lock_writer_unlock (&secrets_lock);
}

#define SECRET_NAMES "(?:jwt|key|token|passw(?:or)?d|pwd|pass|secret|credential|pin)"

/* What is a secret by its look. Each pattern keeps group 1 and blots the rest. */
static const char *const patterns[] = {
  /* A JWT (RFC 7519): its header, a JSON object, always begins with eyJ. */
  "()\\beyJ[A-Za-z0-9_-]{6,}(?:\\.[A-Za-z0-9_-]*){1,4}",
  /* "key": "…", 'password'='…': up to the closing quote. */
  "(" SECRET_NAMES "[\"']?\\s*[:=]\\s*(?<quote>[\"']))(?!\\*\\*\\*)[^\"']*(?=\\g{quote})",
  /* key=…, stream_key=…, ?jwt=…: up to what ends a word or a parameter. */
  "(" SECRET_NAMES "\\s*=\\s*)(?!\\*\\*\\*)[^\\s&;,\"'<>()\\]}]+",
  /* Authorization: Bearer …, Basic … (RFC 6750, RFC 7617). */
  "(\\b(?:Bearer|Basic)\\s+)[A-Za-z0-9._~+/=-]{4,}",
  /* scheme://user:password@host (RFC 3986 §3.2.1). */
  "([a-z][a-z0-9+.-]{1,15}://[^\\s/?#:@]{0,256}:)[^\\s/?#@]+(?=@)",
};

static char *
blot_patterns (char *text)
{
  static GRegex *compiled[G_N_ELEMENTS (patterns)];
  static gsize ready;
  if (g_once_init_enter (&ready))
    {
      for (size_t i = 0; i < G_N_ELEMENTS (patterns); i++)
        compiled[i] = g_regex_new (patterns[i], G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);
      g_once_init_leave (&ready, 1);
    }

  for (size_t i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      char *blotted = g_regex_replace (compiled[i], text, -1, 0, "\\1" BLOT, 0, NULL);
      /* Where the matcher gives up (its own limits), the text is not shown at all. */
      g_free (text);
      text = blotted != NULL ? blotted : g_strdup ("(a message that could not be searched for secrets)");
    }
  return text;
}

static char *
blot_registered (char *text)
{
  g_rw_lock_reader_lock (&secrets_lock);
  for (size_t i = 0; secrets != NULL && i < secrets->len; i++)
    {
      const char *secret = g_ptr_array_index (secrets, i);
      if (strstr (text, secret) == NULL)
        continue;
      g_auto (GStrv) pieces = g_strsplit (text, secret, -1);
      g_free (text);
      text = g_strjoinv (BLOT, pieces);
    }
  g_rw_lock_reader_unlock (&secrets_lock);
  return text;
}

/* Line and paragraph separators, and the marks that turn the direction of text: they can make a line look like another.
 */
static bool
misleads (gunichar c)
{
  return (c >= 0x80 && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0x200e || c == 0x200f
         || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void
append_escaped (GString *line, gunichar c)
{
  switch (c)
    {
    case '\n':
      g_string_append (line, "\\n");
      break;
    case '\r':
      g_string_append (line, "\\r");
      break;
    case '\t':
      g_string_append (line, "\\t");
      break;
    default:
      if (c < 0x20 || c == 0x7f)
        g_string_append_printf (line, "\\x%02x", c);
      else if (misleads (c))
        g_string_append_printf (line, "\\u{%x}", c);
      else
        g_string_append_unichar (line, c);
    }
}

static char *
escape (const char *text, size_t length)
{
  GString *line = g_string_sized_new (length + 16);
  for (const char *at = text, *end = text + length; at < end;)
    {
      gunichar c = g_utf8_get_char_validated (at, end - at);
      if (c == (gunichar)-1 || c == (gunichar)-2)
        {
          g_string_append_printf (line, "\\x%02x", (unsigned char)*at);
          at++;
          continue;
        }
      append_escaped (line, c);
      at = g_utf8_next_char (at);
    }
  return g_string_free (line, FALSE);
}

char *
air_log_scrub (const char *text, gssize length)
{
  if (text == NULL)
    return g_strdup ("");
  size_t bytes = length < 0 ? strlen (text) : (size_t)length;
  /* A trailing line end is the habit of many callers, not a second line. */
  while (bytes > 0 && text[bytes - 1] == '\n')
    bytes--;
  char *line = escape (text, MIN (bytes, MAX_INPUT_BYTES));
  line = blot_patterns (blot_registered (line));
  if (strlen (line) > AIR_LOG_MAX_MESSAGE_BYTES)
    {
      char *end = line + AIR_LOG_MAX_MESSAGE_BYTES - 3;
      while (((unsigned char)*end & 0xc0) == 0x80)
        end--;
      strcpy (end, "…");
    }
  return line;
}
