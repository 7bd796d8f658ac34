/* Checks the head of a request before anything else looks at it.
 *
 * Every doubt about where a message ends is an attack on somebody behind us or in front of us (request smuggling), so
 * what RFC 9112 lets a server forgive is refused here: bare line feeds, folded lines, space before a colon, two Hosts,
 * two lengths, a length beside a transfer coding.
 *
 * No state; any thread.
 */
#include "http/head.h"

#include <string.h>

#define MAX_FIELDS 100
#define MAX_SEGMENTS 128

gssize
air_head_find_end (const char *bytes, size_t length, size_t *from)
{
  for (size_t i = *from; i < length; i++)
    {
      char c = bytes[i];
      if (c == '\0' || (c == '\n' && (i == 0 || bytes[i - 1] != '\r')))
        return -1;
      if (c != '\n' && i > 0 && bytes[i - 1] == '\r')
        return -1;
      if (c == '\n' && i >= 3 && bytes[i - 2] == '\n')
        return (gssize)i + 1;
    }
  *from = length;
  return 0;
}

static bool
is_token_char (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token (const char *text)
{
  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++)
    if (!is_token_char (*text))
      return false;
  return true;
}

char *
air_percent_decode (const char *text, gssize length, bool plus_is_space)
{
  size_t size = length < 0 ? strlen (text) : (size_t)length;
  g_autoptr (GString) into = g_string_sized_new (size);
  for (size_t i = 0; i < size; i++)
    {
      char c = text[i];
      if (c == '%')
        {
          bool is_escape = size - i >= 3 && g_ascii_isxdigit (text[i + 1]) && g_ascii_isxdigit (text[i + 2]);
          if (!is_escape)
            return NULL;
          c = (char)(g_ascii_xdigit_value (text[i + 1]) << 4 | g_ascii_xdigit_value (text[i + 2]));
          i += 2;
        }
      else if (c == '+' && plus_is_space)
        c = ' ';
      if ((guchar)c < 0x20 || c == 0x7f)
        return NULL;
      g_string_append_c (into, c);
    }
  if (!g_utf8_validate_len (into->str, into->len, NULL))
    return NULL;
  return g_string_free (g_steal_pointer (&into), FALSE);
}

static bool
has_dot_segment (const char *path)
{
  for (const char *segment = path; segment != NULL; segment = strchr (segment, '/'))
    {
      segment += *segment == '/';
      size_t length = strcspn (segment, "/");
      if ((length == 1 && segment[0] == '.') || (length == 2 && segment[0] == '.' && segment[1] == '.'))
        return true;
    }
  return false;
}

/* RFC 3986 §2.4: separated first, then decoded. */
static char **
split_path (const char *raw)
{
  char **segments = g_strsplit (raw + (raw[0] == '/'), "/", MAX_SEGMENTS);
  for (unsigned i = 0; segments[i] != NULL; i++)
    {
      char *decoded = air_percent_decode (segments[i], -1, false);
      if (decoded == NULL)
        {
          g_strfreev (segments);
          return NULL;
        }
      g_free (segments[i]);
      segments[i] = decoded;
    }
  return segments;
}

/* RFC 9112 §3.2: origin-form, absolute-form, or "*" with OPTIONS. */
static bool
parse_target (AirHead *head, char *target)
{
  for (const char *at = target; *at != '\0'; at++)
    if ((guchar)*at <= 0x20 || (guchar)*at >= 0x7f || *at == '#')
      return false;
  if (g_str_equal (target, "*"))
    {
      head->path = g_strdup (target);
      head->segments = split_path (target);
      return g_str_equal (head->method, "OPTIONS");
    }
  if (*target != '/')
    {
      size_t scheme = g_ascii_strncasecmp (target, "http://", 7) == 0    ? 7
                      : g_ascii_strncasecmp (target, "https://", 8) == 0 ? 8
                                                                         : 0;
      if (scheme == 0)
        return false;
      target += scheme + strcspn (target + scheme, "/?");
    }
  char *mark = strchr (target, '?');
  if (mark != NULL)
    {
      *mark = '\0';
      head->query = mark + 1;
    }
  if (strchr (target, '\\') != NULL) /* RFC 3986 §3.3 */
    return false;
  head->path = air_percent_decode (*target != '\0' ? target : "/", -1, false);
  head->segments = split_path (target);
  return head->path != NULL && head->segments != NULL && !has_dot_segment (head->path);
}

static bool
parse_request_line (AirHead *head, char *line)
{
  char *target = strchr (line, ' ');
  char *version = target != NULL ? strchr (target + 1, ' ') : NULL;
  if (version == NULL)
    return false;
  *target++ = *version++ = '\0';
  head->method = line;
  head->is_http_1_0 = g_str_equal (version, "HTTP/1.0");
  if (!is_token (line) || (!head->is_http_1_0 && !g_str_equal (version, "HTTP/1.1")))
    return false;
  return parse_target (head, target);
}

static bool
parse_field (AirHead *head, char *line)
{
  char *colon = strchr (line, ':');
  if (colon == NULL)
    return false;
  *colon = '\0';
  if (!is_token (line))
    return false;
  char *value = colon + 1 + strspn (colon + 1, " \t");
  for (const char *at = value; *at != '\0'; at++)
    if (((guchar)*at < 0x20 && *at != '\t') || *at == 0x7f)
      return false;
  g_strchomp (value);
  AirHeadField field = { line, value };
  g_array_append_val (head->fields, field);
  return true;
}

static unsigned
count_fields (const AirHead *head, const char *name, const char **ret_value)
{
  unsigned count = 0;
  for (unsigned i = 0; i < head->fields->len; i++)
    {
      AirHeadField *field = &g_array_index (head->fields, AirHeadField, i);
      if (g_ascii_strcasecmp (field->name, name) == 0 && count++ == 0)
        *ret_value = field->value;
    }
  return count;
}

static bool
is_host (const char *host)
{
  for (; *host != '\0'; host++)
    if (!g_ascii_isalnum (*host) && strchr ("-._~:[]%", *host) == NULL)
      return false;
  return true;
}

static unsigned
check_host (AirHead *head, const char **ret_reason)
{
  const char *value = "";
  unsigned count = count_fields (head, "Host", &value);
  head->host = value;
  if (count > 1 || (count == 0 && !head->is_http_1_0) || !is_host (value))
    {
      *ret_reason = "exactly one well-formed Host is needed";
      return 400;
    }
  return 0;
}

static unsigned
check_framing (AirHead *head, const char **ret_reason)
{
  const char *length = NULL, *coding = NULL;
  unsigned lengths = count_fields (head, "Content-Length", &length);
  unsigned codings = count_fields (head, "Transfer-Encoding", &coding);

  *ret_reason = "the length of the body is ambiguous";
  if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0) || (codings > 0 && head->is_http_1_0))
    return 400;
  if (codings > 0)
    {
      *ret_reason = "only the transfer coding 'chunked' is known";
      head->is_chunked = g_ascii_strcasecmp (coding, "chunked") == 0;
      return head->is_chunked ? 0 : 501;
    }
  head->content_length = -1;
  if (lengths == 0)
    return 0;
  size_t digits = strspn (length, "0123456789");
  if (digits == 0 || length[digits] != '\0' || digits > 18)
    return 400;
  head->content_length = g_ascii_strtoll (length, NULL, 10);
  return 0;
}

static unsigned
check_expectation (AirHead *head, const char **ret_reason)
{
  const char *expect = air_head_get (head, "Expect");
  if (expect == NULL || head->is_http_1_0)
    return 0;
  head->expects_continue = g_ascii_strcasecmp (expect, "100-continue") == 0;
  *ret_reason = "unknown expectation";
  return head->expects_continue ? 0 : 417;
}

static unsigned
parse_lines (AirHead *head, const char **ret_reason)
{
  char *line = head->bytes;
  *ret_reason = "malformed request line";
  char *end = strstr (line, "\r\n");
  *end = '\0';
  if (!parse_request_line (head, line))
    return 400;

  *ret_reason = "malformed header field";
  for (line = end + 2; (end = strstr (line, "\r\n")) != NULL && end != line; line = end + 2)
    {
      *end = '\0';
      if (head->fields->len >= MAX_FIELDS)
        {
          *ret_reason = "too many header fields";
          return 431;
        }
      if (!parse_field (head, line))
        return 400;
    }
  return 0;
}

AirHead *
air_head_parse (const char *bytes, size_t length, unsigned *ret_status, const char **ret_reason)
{
  g_return_val_if_fail (length >= 4, NULL);

  g_autoptr (AirHead) head = g_new0 (AirHead, 1);
  head->bytes = g_strndup (bytes, length);
  head->fields = g_array_new (FALSE, FALSE, sizeof (AirHeadField));

  unsigned status = parse_lines (head, ret_reason);
  if (status == 0)
    status = check_host (head, ret_reason);
  if (status == 0)
    status = check_framing (head, ret_reason);
  if (status == 0)
    status = check_expectation (head, ret_reason);
  *ret_status = status;
  if (status != 0)
    return NULL;

  head->wants_close = head->is_http_1_0 || air_head_has_token (head, "Connection", "close");
  head->is_websocket = !head->is_http_1_0 && air_head_has_token (head, "Upgrade", "websocket")
                       && air_head_has_token (head, "Connection", "upgrade");
  return g_steal_pointer (&head);
}

void
air_head_free (AirHead *head)
{
  if (head == NULL)
    return;
  g_free (head->bytes);
  g_free (head->path);
  g_strfreev (head->segments);
  g_clear_pointer (&head->fields, g_array_unref);
  g_free (head);
}

const char *
air_head_get (const AirHead *head, const char *name)
{
  const char *value = NULL;
  count_fields (head, name, &value);
  return value;
}

char *
air_head_join (const AirHead *head, const char *name)
{
  g_autoptr (GString) joined = NULL;
  for (unsigned i = 0; i < head->fields->len; i++)
    {
      AirHeadField *field = &g_array_index (head->fields, AirHeadField, i);
      if (g_ascii_strcasecmp (field->name, name) != 0)
        continue;
      if (joined == NULL)
        joined = g_string_new (field->value);
      else
        g_string_append_printf (joined, ",%s", field->value);
    }
  return joined != NULL ? g_string_free (g_steal_pointer (&joined), FALSE) : NULL;
}

bool
air_head_has_token (const AirHead *head, const char *name, const char *token)
{
  for (unsigned i = 0; i < head->fields->len; i++)
    {
      AirHeadField *field = &g_array_index (head->fields, AirHeadField, i);
      if (g_ascii_strcasecmp (field->name, name) != 0)
        continue;
      g_auto (GStrv) parts = g_strsplit (field->value, ",", 32);
      for (unsigned j = 0; parts[j] != NULL; j++)
        if (g_ascii_strcasecmp (g_strstrip (parts[j]), token) == 0)
          return true;
    }
  return false;
}

bool
air_chunk_parse_size (const char *line, size_t length, uint64_t *ret_size)
{
  uint64_t size = 0;
  size_t digits = 0;
  while (digits < length && g_ascii_isxdigit (line[digits]))
    {
      if (digits >= 10)
        return false;
      size = size << 4 | (uint64_t)g_ascii_xdigit_value (line[digits++]);
    }
  /* Blanks before the extension are BWS; what follows the semicolon has no meaning for us. */
  size_t rest = digits;
  while (rest < length && (line[rest] == ' ' || line[rest] == '\t'))
    rest++;
  if (digits == 0 || (rest < length && line[rest] != ';'))
    return false;
  *ret_size = size;
  return true;
}
