/* The renditions of a stream: found, or made from a template. Any thread. */
#define G_LOG_DOMAIN "air-streams"

#include <string.h>

#include "rendition.h"
#include "stream-private.h"

/* How long a failed rendition is refused with what was wrong. */
#define REFUSED_US (30 * G_USEC_PER_SEC)

void
air_stream_remember_failure (AirStream *stream, const char *rendition, const char *message)
{
  AirRenditionFailure *failure = g_new (AirRenditionFailure, 1);
  *failure = (AirRenditionFailure){ .message = g_strdup (message), .until_us = g_get_monotonic_time () + REFUSED_US };
  g_mutex_lock (&stream->lock);
  g_hash_table_insert (stream->failures, g_strdup (rendition), failure);
  g_mutex_unlock (&stream->lock);
}

/* Returns true when there is an answer already: the running one, or why there is none. */
static bool
look_up (AirStream *stream, const char *name, AirStream **ret_child, GError **error)
{
  g_mutex_lock (&stream->lock);
  AirRendition *rendition = g_hash_table_lookup (stream->renditions, name);
  const AirRenditionFailure *failure = g_hash_table_lookup (stream->failures, name);
  bool answered = true;
  if (stream->ended || stream->parent != NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "the stream %s has no renditions", stream->path);
  else if (rendition != NULL)
    *ret_child = air_stream_ref (air_rendition_get_stream (rendition));
  else if (failure != NULL && g_get_monotonic_time () < failure->until_us)
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, failure->message);
  else
    answered = false;
  g_mutex_unlock (&stream->lock);
  return answered;
}

/* Whether @pipeline_template can be built and takes what the stream has. */
static bool
check (AirStream *stream, AirPipelineTemplate *pipeline_template, GError **error)
{
  g_autoptr (AirTrack) track = air_stream_get_track (stream, pipeline_template->kind);
  if (track == NULL || !gst_caps_can_intersect (air_track_get_caps (track), pipeline_template->input))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED, "rendition \"%s\" does not take %s", pipeline_template->name,
                   track != NULL ? air_codec_to_string (air_track_get_codec (track)) : "a stream without this track");
      return false;
    }
  g_autoptr (GstElement) pipeline
    = air_pipeline_template_build (pipeline_template, &air_pipeline_default_values, error);
  return pipeline != NULL;
}

static AirPipelineTemplate *
load (AirStreamRegistry *registry, const char *name, GError **error)
{
  g_mutex_lock (&registry->lock);
  g_autofree char *folder = g_strdup (registry->settings.pipeline_dir);
  g_mutex_unlock (&registry->lock);
  return air_pipeline_template_load (folder, name, error);
}

/* Two may have made it at the same time: the first one stays. */
static AirStream *
publish (AirStream *stream, AirRendition *rendition)
{
  const char *name = strchr (air_rendition_get_stream (rendition)->path, '#') + 1;
  AirRendition *present = NULL;
  g_mutex_lock (&stream->lock);
  if (!stream->ended)
    present = g_hash_table_lookup (stream->renditions, name);
  if (!stream->ended && present == NULL)
    {
      g_hash_table_insert (stream->renditions, g_strdup (name), air_rendition_ref (rendition));
      g_hash_table_remove (stream->failures, name);
      present = rendition;
    }
  AirStream *child = present != NULL ? air_stream_ref (air_rendition_get_stream (present)) : NULL;
  g_mutex_unlock (&stream->lock);
  if (present != rendition)
    {
      air_stream_end (air_rendition_get_stream (rendition), NULL);
      air_rendition_quit (rendition);
    }
  return child;
}

AirStream *
air_stream_get_rendition (AirStream *stream, const char *name, GError **error)
{
  AirStream *child = NULL;
  g_autoptr (GError) failure = NULL;
  if (look_up (stream, name, &child, error))
    return child;
  g_autoptr (AirPipelineTemplate) pipeline_template = load (stream->registry, name, &failure);
  g_autoptr (AirRendition) rendition = NULL;
  if (pipeline_template != NULL && check (stream, pipeline_template, &failure))
    rendition = air_rendition_new (stream, pipeline_template, &failure);
  if (rendition != NULL && !air_rendition_start (rendition, &failure))
    {
      air_stream_end (air_rendition_get_stream (rendition), NULL);
      g_clear_pointer (&rendition, air_rendition_unref);
    }
  if (rendition == NULL)
    {
      if (g_error_matches (failure, AIR_ERROR, AIR_ERROR_INVALID))
        {
          g_warning ("rendition of %s: %s", stream->path, failure->message);
          air_stream_remember_failure (stream, name, failure->message);
        }
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  child = publish (stream, rendition);
  if (child == NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "the stream %s has ended", stream->path);
  return child;
}

/* ---- Standby */

/* Whether @stream has what @pipeline_template takes, and no browser plays it as it is. */
static bool
wants_standby (AirStream *stream, const AirPipelineTemplate *pipeline_template)
{
  g_mutex_lock (&stream->lock);
  const AirTrack *track = stream->tracks[pipeline_template->kind];
  bool unplayable = !stream->ended && track != NULL && (stream->meter.bframes || !air_track_is_browser_video (track));
  bool wants = unplayable && gst_caps_can_intersect (air_track_get_caps (track), pipeline_template->input)
               && !g_hash_table_contains (stream->failures, pipeline_template->name);
  g_mutex_unlock (&stream->lock);
  return wants;
}

/* Returns: (transfer full) (nullable) the running one. */
static AirRendition *
find_rendition (AirStream *stream, const char *name)
{
  g_mutex_lock (&stream->lock);
  AirRendition *rendition = g_hash_table_lookup (stream->renditions, name);
  if (rendition != NULL)
    air_rendition_ref (rendition);
  g_mutex_unlock (&stream->lock);
  return rendition;
}

static void
begin_standby (AirStream *stream, const AirPipelineTemplate *pipeline_template)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStream) child = air_stream_get_rendition (stream, pipeline_template->name, &error);
  g_autoptr (AirRendition) rendition = child != NULL ? find_rendition (stream, pipeline_template->name) : NULL;
  if (rendition != NULL)
    air_rendition_set_standby (rendition, true);
  else
    g_debug ("%s: no standby: %s", stream->path, error != NULL ? error->message : "it has ended");
}

void
air_renditions_review_standby (AirStreamRegistry *registry, GPtrArray *streams)
{
  g_mutex_lock (&registry->lock);
  unsigned places = registry->settings.max_standby;
  g_autoptr (GPtrArray) templates
    = registry->standby_templates != NULL ? g_ptr_array_ref (registry->standby_templates) : g_ptr_array_new ();
  g_mutex_unlock (&registry->lock);
  g_autoptr (GPtrArray) waiting = g_ptr_array_new ();
  for (unsigned i = 0; i < streams->len * templates->len; i++)
    {
      AirStream *stream = streams->pdata[i / templates->len];
      const AirPipelineTemplate *pipeline_template = templates->pdata[i % templates->len];
      g_autoptr (AirRendition) rendition = find_rendition (stream, pipeline_template->name);
      bool has = rendition != NULL && air_rendition_is_standby (rendition);
      bool wants = wants_standby (stream, pipeline_template);
      if (has && (!wants || places == 0))
        air_rendition_set_standby (rendition, false);
      else if (has)
        places--;
      else if (wants)
        g_ptr_array_add (waiting, GUINT_TO_POINTER (i));
    }
  for (unsigned n = 0; n < MIN (waiting->len, places); n++)
    {
      unsigned i = GPOINTER_TO_UINT (waiting->pdata[n]);
      begin_standby (streams->pdata[i / templates->len], templates->pdata[i % templates->len]);
    }
}

void
air_renditions_warm_up (AirStreamRegistry *registry, const char *folder, AirContext *context)
{
  g_autoptr (GPtrArray) standby = g_ptr_array_new_with_free_func ((GDestroyNotify)air_pipeline_template_unref);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &error);
  if (dir == NULL)
    {
      g_warning ("no pipeline templates: %s", error->message);
      return;
    }
  for (const char *file; (context == NULL || !air_context_is_stopping (context)) && (file = g_dir_read_name (dir)) != NULL;)
    {
      if (!g_str_has_suffix (file, ".pipeline"))
        continue;
      g_autofree char *name = g_strndup (file, strlen (file) - strlen (".pipeline"));
      g_autoptr (GError) broken = NULL;
      g_autoptr (AirPipelineTemplate) pipeline_template = air_pipeline_template_load (folder, name, &broken);
      g_autoptr (GstElement) pipeline = NULL;
      if (pipeline_template != NULL)
        pipeline = air_pipeline_template_build (pipeline_template, &air_pipeline_default_values, &broken);
      if (pipeline == NULL)
        g_warning ("%s", broken->message);
      else
        {
          gst_element_set_state (pipeline, GST_STATE_READY);
          gst_element_set_state (pipeline, GST_STATE_NULL);
          if (pipeline_template->standby)
            g_ptr_array_add (standby, g_steal_pointer (&pipeline_template));
        }
    }
  g_mutex_lock (&registry->lock);
  g_clear_pointer (&registry->standby_templates, g_ptr_array_unref);
  registry->standby_templates = g_steal_pointer (&standby);
  g_mutex_unlock (&registry->lock);
}
