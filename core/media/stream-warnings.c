/* What plugins warn of on a stream: kept beside the stream's own findings, shown in its status document. Any thread. */
#define G_LOG_DOMAIN "air-streams"

#include <string.h>

#include "stream-private.h"

/* Of one plugin on one stream: a set of known findings, never one for each viewer. */
#define MAX_PER_OWNER 8u

struct _AirStreamWarning
{
  AirContext *owner;
  char *type, *text;
  JsonObject *parameters; /* immutable, or NULL */
};

void
air_stream_warning_free (AirStreamWarning *warning)
{
  g_free (warning->type);
  g_free (warning->text);
  g_clear_pointer (&warning->parameters, json_object_unref);
  g_free (warning);
}

static bool
is_type (const char *type)
{
  return type != NULL && g_ascii_islower (type[0]) && strspn (type, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen (type);
}

static unsigned
count_of_owner (AirStream *stream, AirContext *owner)
{
  unsigned count = 0;
  for (unsigned i = 0; i < stream->warnings->len; i++)
    count += ((AirStreamWarning *)stream->warnings->pdata[i])->owner == owner;
  return count;
}

static AirStreamWarning *
find (AirStream *stream, AirContext *owner, const char *type)
{
  for (unsigned i = 0; i < stream->warnings->len; i++)
    {
      AirStreamWarning *warning = stream->warnings->pdata[i];
      if (warning->owner == owner && strcmp (warning->type, type) == 0)
        return warning;
    }
  return NULL;
}

void
air_stream_set_warning (AirStream *stream, AirContext *owner, const char *type, const char *text, JsonObject *parameters)
{
  if (parameters != NULL)
    json_object_seal (parameters);
  g_autoptr (JsonObject) left = parameters;
  g_return_if_fail (stream != NULL && is_type (type) && text != NULL);
  g_mutex_lock (&stream->lock);
  AirStreamWarning *warning = find (stream, owner, type);
  bool full = warning == NULL && count_of_owner (stream, owner) >= MAX_PER_OWNER;
  if (warning == NULL && !full)
    {
      warning = g_new0 (AirStreamWarning, 1);
      warning->owner = owner;
      warning->type = g_strdup (type);
      g_ptr_array_add (stream->warnings, warning);
    }
  if (warning != NULL)
    {
      g_free (warning->text);
      warning->text = g_strdup (text);
      g_clear_pointer (&warning->parameters, json_object_unref);
      warning->parameters = g_steal_pointer (&left);
    }
  g_mutex_unlock (&stream->lock);
  if (full)
    g_critical ("more than %u warnings of one plugin on %s: \"%s\" is not shown", MAX_PER_OWNER, stream->path, type);
}

void
air_stream_clear_warning (AirStream *stream, AirContext *owner, const char *type)
{
  g_return_if_fail (stream != NULL && is_type (type));
  g_mutex_lock (&stream->lock);
  AirStreamWarning *warning = find (stream, owner, type);
  if (warning != NULL)
    g_ptr_array_remove (stream->warnings, warning);
  g_mutex_unlock (&stream->lock);
}

void
air_stream_remove_warnings_of (AirStream *stream, AirContext *owner)
{
  g_mutex_lock (&stream->lock);
  for (unsigned i = stream->warnings->len; i-- > 0;)
    if (((AirStreamWarning *)stream->warnings->pdata[i])->owner == owner)
      g_ptr_array_remove_index (stream->warnings, i);
  g_mutex_unlock (&stream->lock);
}

void
air_stream_write_warnings_locked (AirStream *stream, JsonBuilder *json)
{
  for (unsigned i = 0; i < stream->warnings->len; i++)
    {
      const AirStreamWarning *warning = stream->warnings->pdata[i];
      json_builder_begin_object (json);
      json_builder_set_member_name (json, "type");
      json_builder_add_string_value (json, warning->type);
      json_builder_set_member_name (json, "text");
      json_builder_add_string_value (json, warning->text);
      if (warning->parameters != NULL)
        {
          JsonNode *node = json_node_new (JSON_NODE_OBJECT);
          json_node_set_object (node, warning->parameters);
          json_builder_set_member_name (json, "parameters");
          json_builder_add_value (json, node);
        }
      json_builder_end_object (json);
    }
}
