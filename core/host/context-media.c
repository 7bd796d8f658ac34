/* Streams: forwarded to the registry, which remembers what each context publishes and reads. */
#include "host/context-private.h"

AirPublisher *
air_context_publish_stream (AirContext *context, const char *path, const AirPublisherInfo *info, GError **error)
{
  return air_stream_registry_publish (context->host->streams, context, path, info, error);
}

AirStream *
air_context_find_stream (AirContext *context, const char *path)
{
  return air_stream_registry_find (context->host->streams, path);
}

GPtrArray *
air_context_list_streams (AirContext *context)
{
  return air_stream_registry_list (context->host->streams);
}

AirReader *
air_context_add_reader (AirContext *context, AirStream *stream, const AirReaderConfig *config, GError **error)
{
  return air_stream_registry_add_reader (context->host->streams, context, stream, config, error);
}

void
air_context_set_stream_warning (AirContext *context, AirStream *stream, const char *type, const char *text,
                                JsonObject *parameters)
{
  air_stream_set_warning (stream, context, type, text, parameters);
}

void
air_context_clear_stream_warning (AirContext *context, AirStream *stream, const char *type)
{
  air_stream_clear_warning (stream, context, type);
}
