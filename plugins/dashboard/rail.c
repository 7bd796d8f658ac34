/* See rail.h. */
#include "rail.h"

#include <airclass/json.h>
#include <airclass/store.h>

static void
free_alert (void *data)
{
  Alert *alert = data;
  g_free (alert->id);
  g_free (alert->type);
  g_free (alert->subject);
  g_free (alert->text);
  g_free (alert->acked_by);
  g_clear_pointer (&alert->details, json_node_unref);
  g_free (alert);
}

AlertRail *
alert_rail_new (const char *session_id, const char *class_id, int64_t repeat_us, unsigned maximum)
{
  AlertRail *rail = g_new0 (AlertRail, 1);
  rail->session_id = g_strdup (session_id);
  rail->class_id = g_strdup (class_id);
  rail->alerts = g_ptr_array_new_with_free_func (free_alert);
  rail->repeat_us = repeat_us;
  rail->maximum = maximum;
  return rail;
}

void
alert_rail_free (AlertRail *rail)
{
  g_free (rail->session_id);
  g_free (rail->class_id);
  g_free (rail->class_created_at);
  g_ptr_array_unref (rail->alerts);
  g_free (rail);
}

/* The newest of its kind. */
static Alert *
last_of (AlertRail *rail, const char *type, const char *subject)
{
  for (unsigned i = rail->alerts->len; i-- > 0;)
    {
      Alert *alert = g_ptr_array_index (rail->alerts, i);
      if (g_str_equal (alert->type, type) && g_str_equal (alert->subject, subject))
        return alert;
    }
  return NULL;
}

Alert *
alert_rail_find (AlertRail *rail, const char *id)
{
  for (unsigned i = 0; i < rail->alerts->len; i++)
    if (g_strcmp0 (((Alert *)g_ptr_array_index (rail->alerts, i))->id, id) == 0)
      return g_ptr_array_index (rail->alerts, i);
  return NULL;
}

Alert *
alert_rail_find_open (AlertRail *rail, const char *type, const char *subject)
{
  Alert *alert = last_of (rail, type, subject);
  return alert != NULL && alert->ended_us == 0 ? alert : NULL;
}

unsigned
alert_rail_count_open (AlertRail *rail, const char *type)
{
  unsigned count = 0;
  for (unsigned i = 0; i < rail->alerts->len; i++)
    {
      const Alert *alert = g_ptr_array_index (rail->alerts, i);
      count += g_str_equal (alert->type, type) && alert->ended_us == 0;
    }
  return count;
}

/* Makes room: the oldest that is over, else the oldest. It stays in the store. */
static void
drop_one (AlertRail *rail)
{
  for (unsigned i = 0; i < rail->alerts->len; i++)
    if (((Alert *)g_ptr_array_index (rail->alerts, i))->ended_us != 0)
      {
        g_ptr_array_remove_index (rail->alerts, i);
        return;
      }
  g_ptr_array_remove_index (rail->alerts, 0);
}

static Alert *
add (AlertRail *rail)
{
  Alert *alert = g_new0 (Alert, 1);
  if (rail->alerts->len >= rail->maximum)
    drop_one (rail);
  g_ptr_array_add (rail->alerts, alert);
  return alert;
}

static void
describe (Alert *alert, const char *text, JsonNode *details)
{
  g_free (alert->text);
  alert->text = g_strdup (text);
  g_clear_pointer (&alert->details, json_node_unref);
  alert->details = details;
}

Alert *
alert_rail_raise (AlertRail *rail, const char *type, const char *subject, const char *id, const char *text, JsonNode *details,
                  int64_t stream_ms, int64_t now_us)
{
  Alert *last = last_of (rail, type, subject);
  if (last != NULL && last->ended_us == 0)
    {
      json_node_unref (details);
      return NULL;
    }
  int64_t snoozed_until_us = last != NULL && last->snoozed_until_us > now_us ? last->snoozed_until_us : 0;
  if (last != NULL && last->acked_us == 0 && now_us - last->ended_us < rail->repeat_us)
    {
      last->ended_us = 0;
      describe (last, text, details);
      return last;
    }
  Alert *alert = add (rail);
  alert->id = id != NULL ? g_strdup (id) : air_store_new_key ();
  alert->type = g_strdup (type);
  alert->subject = g_strdup (subject);
  alert->at_us = now_us;
  alert->stream_ms = stream_ms;
  alert->snoozed_until_us = snoozed_until_us;
  alert->put_off = snoozed_until_us != 0;
  describe (alert, text, details);
  return alert;
}

Alert *
alert_rail_end (AlertRail *rail, const char *type, const char *subject, int64_t now_us)
{
  Alert *alert = alert_rail_find_open (rail, type, subject);
  if (alert != NULL)
    alert->ended_us = now_us;
  return alert;
}

bool
alert_is_shown (const Alert *alert, int64_t now_us)
{
  return alert->acked_us == 0 && alert->snoozed_until_us <= now_us;
}

void
alert_rail_look (AlertRail *rail, int64_t now_us, void (*visit) (AlertRail *rail, Alert *alert, void *data), void *data)
{
  for (unsigned i = 0; i < rail->alerts->len; i++)
    {
      Alert *alert = g_ptr_array_index (rail->alerts, i);
      if (!alert->put_off || alert->snoozed_until_us > now_us)
        continue;
      alert->put_off = false;
      if (alert->acked_us == 0 && alert->ended_us == 0)
        visit (rail, alert, data);
    }
}

/* ---- JSON */

JsonNode *
alert_to_json (const AlertRail *rail, const Alert *alert)
{
  return air_json_new ("{alert_id: %s, session_id: %s, class_id: %s, type: %s, subject: %s, at: %t, stream_ms: %l, text: %s, "
                       "details: %N, ended_at?: %t, acked_at?: %t, acked_by?: %s, snoozed_until?: %t}",
                       alert->id, rail->session_id, rail->class_id, alert->type, alert->subject, alert->at_us, alert->stream_ms,
                       alert->text, alert->details, alert->ended_us, alert->acked_us, alert->acked_by, alert->snoozed_until_us);
}

JsonNode *
alert_rail_to_json (const AlertRail *rail, unsigned limit, int64_t now_us)
{
  JsonArray *array = json_array_new ();
  for (unsigned i = rail->alerts->len; i-- > 0 && json_array_get_length (array) < limit;)
    if (alert_is_shown (g_ptr_array_index (rail->alerts, i), now_us))
      json_array_add_element (array, alert_to_json (rail, g_ptr_array_index (rail->alerts, i)));
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static void
take_time (int64_t *time_us, JsonNode *changes, const char *name)
{
  const char *text = air_json_get_string (changes, name);
  if (text != NULL)
    *time_us = air_time_from_string (text);
}

void
alert_take_changes (Alert *alert, JsonNode *changes, int64_t now_us)
{
  const char *acked_by = air_json_get_string (changes, "acked_by");
  take_time (&alert->ended_us, changes, "ended_at");
  take_time (&alert->acked_us, changes, "acked_at");
  take_time (&alert->snoozed_until_us, changes, "snoozed_until");
  alert->put_off = alert->snoozed_until_us > now_us;
  if (acked_by == NULL)
    return;
  g_free (alert->acked_by);
  alert->acked_by = g_strdup (acked_by);
}

void
alert_rail_restore (AlertRail *rail, JsonNode *document)
{
  const char *id = air_json_get_string (document, "alert_id"), *type = air_json_get_string (document, "type");
  const char *subject = air_json_get_string (document, "subject"), *text = air_json_get_string (document, "text");
  JsonNode *details = air_json_get (document, "details");
  if (id == NULL || type == NULL || subject == NULL || text == NULL || details == NULL || alert_rail_find (rail, id) != NULL)
    return;
  Alert *alert = add (rail);
  alert->id = g_strdup (id);
  alert->type = g_strdup (type);
  alert->subject = g_strdup (subject);
  alert->at_us = air_time_from_string (air_json_get_string (document, "at"));
  alert->stream_ms = air_json_get_int (document, "stream_ms", 0);
  describe (alert, text, json_node_copy (details));
  alert_take_changes (alert, document, alert->at_us);
}
