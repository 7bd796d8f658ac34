/* A GIOStream over an AirConnection for exactly one reply; its output is pollable and never waits. Closing it does not
 * close the connection: keeping that alive is not libsoup's business. */
#include "http/reply-stream.h"

#include <string.h>

#define AIR_TYPE_REPLY_OUTPUT (air_reply_output_get_type ())
G_DECLARE_FINAL_TYPE (AirReplyOutput, air_reply_output, AIR, REPLY_OUTPUT, GOutputStream)

struct _AirReplyOutput
{
  GOutputStream parent_instance;
  AirConnection *connection;
};

static void air_reply_output_pollable_init (GPollableOutputStreamInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AirReplyOutput, air_reply_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, air_reply_output_pollable_init))

static gssize
air_reply_output_write (GOutputStream *stream, const void *buffer, gsize count, GCancellable *cancellable,
                        GError **error)
{
  AirReplyOutput *self = AIR_REPLY_OUTPUT (stream);
  gssize written = air_connection_write (self->connection, buffer, count);
  if (written >= 0)
    return written;
  if (written == AIR_TRANSPORT_WOULD_BLOCK)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "would block");
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "the client is gone");
  return -1;
}

static gssize
air_reply_output_write_nonblocking (GPollableOutputStream *stream, const void *buffer, gsize count, GError **error)
{
  return air_reply_output_write (G_OUTPUT_STREAM (stream), buffer, count, NULL, error);
}

/* Not known before it is tried; the source below says when trying again is worth it. */
static gboolean
air_reply_output_is_writable (GPollableOutputStream *stream)
{
  return !air_connection_is_open (AIR_REPLY_OUTPUT (stream)->connection);
}

static GSource *
air_reply_output_create_source (GPollableOutputStream *stream, GCancellable *cancellable)
{
  GSource *source = g_pollable_source_new (G_OBJECT (stream));
  air_connection_wait_writable (AIR_REPLY_OUTPUT (stream)->connection, source);
  return source;
}

static void
air_reply_output_finalize (GObject *object)
{
  g_clear_pointer (&AIR_REPLY_OUTPUT (object)->connection, air_connection_unref);
  G_OBJECT_CLASS (air_reply_output_parent_class)->finalize (object);
}

static void
air_reply_output_init (AirReplyOutput *self)
{
}

static void
air_reply_output_class_init (AirReplyOutputClass *class)
{
  G_OBJECT_CLASS (class)->finalize = air_reply_output_finalize;
  G_OUTPUT_STREAM_CLASS (class)->write_fn = air_reply_output_write;
}

static void
air_reply_output_pollable_init (GPollableOutputStreamInterface *interface)
{
  interface->is_writable = air_reply_output_is_writable;
  interface->write_nonblocking = air_reply_output_write_nonblocking;
  interface->create_source = air_reply_output_create_source;
}

struct _AirReplyStream
{
  GIOStream parent_instance;
  GInputStream *input;
  GOutputStream *output;
};

G_DEFINE_FINAL_TYPE (AirReplyStream, air_reply_stream, G_TYPE_IO_STREAM)

static GInputStream *
air_reply_stream_get_input (GIOStream *stream)
{
  return AIR_REPLY_STREAM (stream)->input;
}

static GOutputStream *
air_reply_stream_get_output (GIOStream *stream)
{
  return AIR_REPLY_STREAM (stream)->output;
}

static void
air_reply_stream_finalize (GObject *object)
{
  AirReplyStream *self = AIR_REPLY_STREAM (object);
  g_clear_object (&self->input);
  g_clear_object (&self->output);
  G_OBJECT_CLASS (air_reply_stream_parent_class)->finalize (object);
}

static void
air_reply_stream_init (AirReplyStream *self)
{
}

static void
air_reply_stream_class_init (AirReplyStreamClass *class)
{
  G_OBJECT_CLASS (class)->finalize = air_reply_stream_finalize;
  G_IO_STREAM_CLASS (class)->get_input_stream = air_reply_stream_get_input;
  G_IO_STREAM_CLASS (class)->get_output_stream = air_reply_stream_get_output;
}

GIOStream *
air_reply_stream_new (AirConnection *connection, char *head_text)
{
  AirReplyStream *self = g_object_new (AIR_TYPE_REPLY_STREAM, NULL);
  AirReplyOutput *output = g_object_new (AIR_TYPE_REPLY_OUTPUT, NULL);
  output->connection = air_connection_ref (connection);
  self->input = g_memory_input_stream_new_from_data (head_text, (gssize)strlen (head_text), g_free);
  self->output = G_OUTPUT_STREAM (output);
  return G_IO_STREAM (self);
}
