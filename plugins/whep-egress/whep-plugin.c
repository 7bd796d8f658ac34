/* The plugin whep-egress: shows streams to browsers over WebRTC, by WHEP. */
#include <airclass/airclass.h>

#include "whep.h"

static const AirOption options[] = {
  { .key = "udp_listen",
    .type = AIR_OPTION_ADDRESSES,
    .default_value = "0.0.0.0:8189",
    .help = "Where WebRTC is served: one UDP port for all viewers. IPv6 is listed beside it, as [::]:8189." },
  { .key = "additional_hosts",
    .type = AIR_OPTION_LIST,
    .default_value = "",
    .help
    = "Addresses or names by which viewers reach this server from outside, such as the public side of a NAT or of a "
      "container. They are offered first, with the port of udp_listen." },
  { .key = "ice_servers",
    .type = AIR_OPTION_LIST,
    .default_value = "",
    .help = "STUN servers told to players, such as stun:stun.example.org:3478. This server itself needs none." },
  { .key = "max_viewers",
    .type = AIR_OPTION_INT,
    .default_value = "1000",
    .minimum = 1,
    .maximum = 20000,
    .unit = "viewers",
    .help = "More are refused with 503 until one leaves." },
  { .key = "loops",
    .type = AIR_OPTION_INT,
    .default_value = "0",
    .minimum = 0,
    .maximum = 8,
    .unit = "threads",
    .help = "Threads that send to viewers, each with its own share of them. 0: one per processor, at most 8." },
  { .key = "bframes",
    .type = AIR_OPTION_ENUM,
    .default_value = "transcode",
    .choices = "transcode|drop|refuse",
    .help
    = "What to do with H.264 that has B-frames, which browsers cannot show in order: encode it anew without them, once "
      "for all viewers; leave B-frames out where nothing refers to them; or refuse viewers with a reason." },
  { .key = NULL },
};

static void *
create (AirContext *context, GError **error)
{
  return air_whep_new (context);
}

static void
start (void *self, GTask *task)
{
  GError *error = NULL;
  if (air_whep_start (self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
stop (void *self, GTask *task)
{
  air_whep_stop (self);
  g_task_return_boolean (task, TRUE);
}

static void
destroy (void *self)
{
  air_whep_free (self);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "whep-egress",
  .version = "0.1.0",
  .summary = "Shows streams to browsers over WebRTC (WHEP), one to many",
  .options = options,
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
};
