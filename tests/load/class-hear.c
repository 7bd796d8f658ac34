/* What pages are told. A message is only parsed where its type does not do: hundreds of pages hear each of them. */
#include <stdlib.h>
#include <string.h>

#include "class-load.h"

static void
take_in (LoadSeat *seat, int64_t at_us)
{
  double ms = (double)(at_us - seat->sent_us) / 1000;

  if (seat->is_in)
    {
      class_seat_fail (seat, "a second snapshot");
      return;
    }
  seat->is_in = true;
  seat->class->in++;
  if (!seat->is_teacher)
    g_array_append_val (seat->class->join_ms, ms);
}

static void
take_published (LoadSeat *seat, const char *text, int64_t at_us)
{
  LoadClass *class = seat->class;

  if (!class->quiz_id || !strstr (text, class->quiz_id))
    class_seat_fail (seat, "a question that was not published");
  if (!seat->is_teacher && strstr (text, "\"correct\""))
    class_seat_fail (seat, "the right answer was told before the reveal");
  seat->published++;
  if (seat->published > 1 || seat->is_teacher)
    return;
  seat->published_us = at_us;
  class->heard_published++;
}

static void
take_progress (LoadSeat *seat, const char *text)
{
  g_autoptr (JsonNode) root = json_from_string (text, NULL);

  if (!root || !JSON_NODE_HOLDS_OBJECT (root))
    return;
  gint64 answered = json_object_get_int_member_with_default (json_node_get_object (root), "answered", 0);
  seat->class->progress = MAX (seat->class->progress, (unsigned)answered);
}

static void
take_chat (LoadSeat *seat, const char *text, int64_t at_us)
{
  LoadClass *class = seat->class;
  const char *found = strstr (text, "\"text\":\"" CLASS_CHAT_TEXT);
  unsigned number = found ? (unsigned)strtoul (found + strlen ("\"text\":\"" CLASS_CHAT_TEXT), NULL, 10) : G_MAXUINT;

  if (number >= (unsigned)class->options.messages || class->chat_sent_us[number] == 0)
    {
      class_seat_fail (seat, "a chat message that nobody wrote");
      return;
    }
  if (seat->heard[number] < G_MAXUINT8)
    seat->heard[number]++;
  if (seat->heard[number] > 1)
    return;
  double ms = (double)(at_us - class->chat_sent_us[number]) / 1000;
  g_array_append_val (class->chat_ms, ms);
  class->heard_chat++;
}

static void
take_error (LoadSeat *seat, const char *text)
{
  g_autoptr (JsonNode) root = json_from_string (text, NULL);
  const char *problem = NULL;

  if (root && JSON_NODE_HOLDS_OBJECT (root))
    problem = json_object_get_string_member_with_default (json_node_get_object (root), "problem", NULL);
  class_seat_fail (seat, "error over the WebSocket: %s", problem ? problem : "unknown");
}

/* The acknowledgement of an answer that went over the socket; nothing else that class-load sends has a ref. */
static void
take_ok (LoadSeat *seat, int64_t at_us)
{
  double ms = (double)(at_us - seat->sent_us) / 1000;

  seat->acknowledged++;
  if (seat->acknowledged > 1)
    return;
  g_array_append_val (seat->class->acknowledged_ms, ms);
  seat->class->acknowledged++;
}

void
class_hear (void *data, const char *text, size_t bytes, int64_t at_us)
{
  static const char begin[] = "{\"type\":\"";
  LoadSeat *seat = data;
  g_autofree char *owned = NULL;
  const char *type = text + strlen (begin);

  if (!g_str_has_prefix (text, begin))
    {
      g_autoptr (JsonNode) root = json_from_string (text, NULL);
      JsonObject *message = root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;

      const char *member = message ? json_object_get_string_member_with_default (message, "type", "") : "";
      type = owned = g_strconcat (member, "\"", NULL);
    }
  if (g_str_has_prefix (type, "snapshot\""))
    take_in (seat, at_us);
  else if (g_str_has_prefix (type, "quiz_published\""))
    take_published (seat, text, at_us);
  else if (g_str_has_prefix (type, "quiz_progress\"") && seat->is_teacher)
    take_progress (seat, text);
  else if (g_str_has_prefix (type, "chat\""))
    take_chat (seat, text, at_us);
  else if (g_str_has_prefix (type, "ok\""))
    take_ok (seat, at_us);
  else if (g_str_has_prefix (type, "error\""))
    take_error (seat, text);
}
