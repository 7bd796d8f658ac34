/* See pipeline-template.h. */
#include "pipeline-template.h"

#include <airclass/error.h>
#include <gst/app/app.h>
#include <string.h>

#define MAX_FILE_BYTES (64 * 1024)

const AirPipelineValues air_pipeline_default_values = {
  .bitrate_kbps = 2500,
  .width = 1280,
  .height = 720,
  .fps = 30,
  .keyframe_frames = 60,
  .sample_rate = 44100,
  .channels = 2,
};

static const struct
{
  const char *name;
  size_t offset;
} placeholders[] = {
  { "bitrate_kbps", G_STRUCT_OFFSET (AirPipelineValues, bitrate_kbps) },
  { "width", G_STRUCT_OFFSET (AirPipelineValues, width) },
  { "height", G_STRUCT_OFFSET (AirPipelineValues, height) },
  { "fps", G_STRUCT_OFFSET (AirPipelineValues, fps) },
  { "keyframe_frames", G_STRUCT_OFFSET (AirPipelineValues, keyframe_frames) },
  { "sample_rate", G_STRUCT_OFFSET (AirPipelineValues, sample_rate) },
  { "channels", G_STRUCT_OFFSET (AirPipelineValues, channels) },
};

AirPipelineTemplate *
air_pipeline_template_ref (AirPipelineTemplate *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
air_pipeline_template_unref (AirPipelineTemplate *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  g_clear_pointer (&self->input, gst_caps_unref);
  g_clear_pointer (&self->output, gst_caps_unref);
  g_free (self->name);
  g_free (self->file);
  g_free (self->launch);
  g_free (self);
}

static void set_invalid (const AirPipelineTemplate *self, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
set_invalid (const AirPipelineTemplate *self, GError **error, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "%s: %s", self->file, text);
}

/* Returns: (transfer full) @self's launch line with the placeholders filled in. */
static char *
fill_in (const AirPipelineTemplate *self, const AirPipelineValues *values, GError **error)
{
  g_autoptr (GString) filled = g_string_new (NULL);
  const char *rest = self->launch;
  for (const char *mark; (mark = strstr (rest, "${")) != NULL;)
    {
      const char *end = strchr (mark, '}');
      g_autofree char *name = end != NULL ? g_strndup (mark + 2, (size_t)(end - mark - 2)) : NULL;
      const unsigned *value = NULL;
      for (unsigned i = 0; name != NULL && i < G_N_ELEMENTS (placeholders); i++)
        if (strcmp (name, placeholders[i].name) == 0)
          value = (const unsigned *)((const char *)values + placeholders[i].offset);
      if (value == NULL)
        {
          set_invalid (self, error, "unknown placeholder \"%.40s\"", name != NULL ? name : mark);
          return NULL;
        }
      g_string_append_len (filled, rest, mark - rest);
      g_string_append_printf (filled, "%u", *value);
      rest = end + 1;
    }
  g_string_append (filled, rest);
  return g_string_free (g_steal_pointer (&filled), FALSE);
}

static bool
parse_header (AirPipelineTemplate *self, const char *line, bool *has_kind, GError **error)
{
  const char *colon = strchr (line, ':');
  if (colon == NULL)
    return true;
  g_autofree char *key = g_strstrip (g_strndup (line, (size_t)(colon - line)));
  g_autofree char *value = g_strstrip (g_strdup (colon + 1));
  if (strcmp (key, "kind") == 0)
    {
      *has_kind = strcmp (value, "video") == 0 || strcmp (value, "audio") == 0;
      self->kind = strcmp (value, "video") == 0 ? AIR_KIND_VIDEO : AIR_KIND_AUDIO;
      if (!*has_kind)
        set_invalid (self, error, "kind is \"%.40s\", not video or audio", value);
      return *has_kind;
    }
  if (strcmp (key, "standby") == 0)
    {
      self->standby = strcmp (value, "unplayable") == 0;
      if (!self->standby)
        set_invalid (self, error, "standby is \"%.40s\", not unplayable", value);
      return self->standby;
    }
  GstCaps **caps = strcmp (key, "input") == 0 ? &self->input : strcmp (key, "output") == 0 ? &self->output : NULL;
  if (caps == NULL)
    return true; /* a comment for people */
  g_clear_pointer (caps, gst_caps_unref);
  *caps = gst_caps_from_string (value);
  if (*caps == NULL)
    set_invalid (self, error, "%s \"%.80s\" are no caps", key, value);
  return *caps != NULL;
}

static bool
parse (AirPipelineTemplate *self, const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GString) launch = g_string_new (NULL);
  bool has_kind = false;
  for (unsigned i = 0; lines[i] != NULL; i++)
    {
      const char *line = g_strstrip (lines[i]);
      if (line[0] != '#')
        g_string_append_printf (launch, "%s ", line);
      else if (launch->len == strspn (launch->str, " ") && !parse_header (self, line + 1, &has_kind, error))
        return false;
    }
  if (!has_kind || self->input == NULL || self->output == NULL)
    {
      set_invalid (self, error, "its header lacks \"# kind:\", \"# input:\" or \"# output:\"");
      return false;
    }
  self->launch = g_string_free (g_steal_pointer (&launch), FALSE);
  g_autofree char *filled = fill_in (self, &air_pipeline_default_values, error);
  return filled != NULL;
}

AirPipelineTemplate *
air_pipeline_template_load (const char *folder, const char *name, GError **error)
{
  g_autoptr (AirPipelineTemplate) self = g_new0 (AirPipelineTemplate, 1);
  g_atomic_ref_count_init (&self->references);
  self->name = g_strdup (name);
  g_autofree char *base = g_strconcat (name, ".pipeline", NULL);
  self->file = g_build_filename (folder, base, NULL);
  if (strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen (name) || name[0] == '\0')
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "a pipeline's name is made of a-z, 0-9 and -");
      return NULL;
    }
  g_autofree char *text = NULL;
  gsize length = 0;
  g_autoptr (GError) reading = NULL;
  if (!g_file_get_contents (self->file, &text, &length, &reading))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "no pipeline \"%s\": %s", name, reading->message);
      return NULL;
    }
  if (length > MAX_FILE_BYTES || !g_utf8_validate (text, (gssize)length, NULL))
    {
      set_invalid (self, error, "not a text of at most %d KiB", MAX_FILE_BYTES / 1024);
      return NULL;
    }
  return parse (self, text, error) ? g_steal_pointer (&self) : NULL;
}

static bool
check_end (const AirPipelineTemplate *self, GstElement *pipeline, const char *name, GType type, GError **error)
{
  /* A single element is not put into a pipeline, and cannot be both ends. */
  g_autoptr (GstElement) element = GST_IS_PIPELINE (pipeline) ? gst_bin_get_by_name (GST_BIN (pipeline), name) : NULL;
  if (element != NULL && G_TYPE_CHECK_INSTANCE_TYPE (element, type))
    return true;
  set_invalid (self, error, "it needs an %s name=%s", strcmp (name, "source") == 0 ? "appsrc" : "appsink", name);
  return false;
}

static bool
check_gate (const AirPipelineTemplate *self, GstElement *pipeline, GError **error)
{
  g_autoptr (GstElement) gate = gst_bin_get_by_name (GST_BIN (pipeline), "gate");
  if (gate != NULL && g_strcmp0 (G_OBJECT_TYPE_NAME (gate), "GstValve") == 0)
    return true;
  set_invalid (self, error, "to stand by it needs a valve name=gate behind its decoder");
  return false;
}

GstElement *
air_pipeline_template_build (const AirPipelineTemplate *self, const AirPipelineValues *values, GError **error)
{
  g_autofree char *launch = fill_in (self, values, error);
  if (launch == NULL)
    return NULL;
  g_autoptr (GError) parsing = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch_full (launch, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &parsing);
  if (pipeline != NULL)
    gst_object_ref_sink (pipeline);
  if (pipeline == NULL || parsing != NULL)
    {
      set_invalid (self, error, "%s", parsing != NULL ? parsing->message : "it is empty");
      return NULL;
    }
  if (!check_end (self, pipeline, "source", GST_TYPE_APP_SRC, error)
      || !check_end (self, pipeline, "sink", GST_TYPE_APP_SINK, error))
    return NULL;
  if (self->standby && !check_gate (self, pipeline, error))
    return NULL;
  return g_steal_pointer (&pipeline);
}
