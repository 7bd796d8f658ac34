/* The plugin whep-egress: shows streams to browsers over WebRTC, by WHEP. */
#include <airclass/airclass.h>

#include "whep.h"

static const AirOption options[] = {
  { .key = "engine",
    .type = AIR_OPTION_ENUM,
    .default_value = "fanout",
    .choices = "fanout|webrtcbin",
    .help = "How viewers are served. fanout: one UDP port for all, a thousand viewers. webrtcbin: full ICE with STUN and "
            "TURN, for a server that is itself behind NAT; each viewer costs several threads and about ten times the CPU." },
  { .key = "udp_listen",
    .type = AIR_OPTION_ADDRESSES,
    .default_value = "0.0.0.0:8189",
    .help = "Where WebRTC is served: one UDP port for all viewers. IPv6 is listed beside it, as [::]:8189." },
  { .key = "tcp",
    .type = AIR_OPTION_BOOL,
    .default_value = "true",
    .help = "Also serve WebRTC by TCP, at the addresses and with the port numbers of udp_listen, for viewers whose network "
            "blocks UDP." },
  { .key = "additional_hosts",
    .type = AIR_OPTION_LIST,
    .default_value = "",
    .help
    = "Addresses or names by which viewers reach this server from outside, such as the public side of a NAT or of a "
      "container. They are offered first, with the port of udp_listen." },
  { .key = "ice_servers",
    .type = AIR_OPTION_SECRET,
    .default_value = "",
    .help
    = "STUN and TURN servers, separated by commas: stun:HOST:PORT, turn:USER:SECRET@HOST:PORT?transport=udp. Told to players "
      "that may watch; engine=webrtcbin uses them itself, too. engine=fanout needs none." },
  { .key = "turn_secret",
    .type = AIR_OPTION_SECRET,
    .default_value = "",
    .help = "The secret that the TURN servers share with this one (coturn: use-auth-secret, static-auth-secret). They then "
            "stand in ice_servers without USER:SECRET@, and each viewer gets credentials of its own." },
  { .key = "turn_lifetime",
    .type = AIR_OPTION_DURATION,
    .default_value = "12h",
    .minimum = 60 * 1000,
    .maximum = 7 * 24 * 3600 * 1000,
    .help = "How long credentials made of turn_secret are good for: longer than a class." },
  { .key = "webrtcbin_ports",
    .type = AIR_OPTION_STRING,
    .default_value = "",
    .help = "The UDP ports that engine=webrtcbin may use, as 40000-40999, for a firewall; one a viewer. Without it any." },
  { .key = "max_viewers",
    .type = AIR_OPTION_INT,
    .default_value = "1000",
    .minimum = 1,
    .maximum = 20000,
    .unit = "viewers",
    .help = "More are refused with 503 until one leaves." },
  { .key = "fair_sessions_per_user",
    .type = AIR_OPTION_INT,
    .default_value = "16",
    .minimum = 0,
    .maximum = 20000,
    .unit = "sessions",
    .help = "When max_viewers are there, who has more sessions of a stream than this gives one up for somebody who has fewer, by the "
            "user id of the token. 0: nobody does, as where many share one token." },
  { .key = "loops",
    .type = AIR_OPTION_INT,
    .default_value = "0",
    .minimum = 0,
    .maximum = 8,
    .unit = "threads",
    .help = "Threads that send to viewers, each with its own share of them. 0: one per processor, at most 8." },
  { .key = "sound_waits_from",
    .type = AIR_OPTION_INT,
    .default_value = "150",
    .minimum = 0,
    .maximum = 20000,
    .unit = "viewers",
    .help = "When so many watch, sound leaves together with the picture that follows it, up to 60 ms later: "
            "a viewer takes a third less processor time. 1: always, 0: never." },
  { .key = "bframes",
    .type = AIR_OPTION_ENUM,
    .default_value = "transcode",
    .choices = "transcode|drop|refuse",
    .help
    = "What to do with H.264 that has B-frames, which browsers cannot show in order: encode it anew without them, once "
      "for all viewers; leave B-frames out where nothing refers to them; or refuse viewers with a reason." },
  { .key = "levels",
    .type = AIR_OPTION_ENUM,
    .default_value = "auto",
    .choices = "auto|full|low|audio",
    .help
    = "What viewers are sent: by what each one's network carries, from everything over a smaller picture (made once for "
      "all, while somebody needs it) down to sound only; or always the same." },
  { .key = NULL },
};

static void *
create (AirContext *context, GError **error)
{
  return air_whep_new (context, error);
}

static void
prepare (GTask *task, void *source, void *self, GCancellable *cancellable)
{
  GError *error = NULL;
  if (air_whep_prepare (self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_prepared (GObject *source, GAsyncResult *result, void *data)
{
  GTask *task = data;
  void *self = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;
  if (g_task_propagate_boolean (G_TASK (result), &error) && air_whep_start (self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
  g_object_unref (task);
}

static void
start (void *self, GTask *task)
{
  g_autoptr (GTask) first = g_task_new (NULL, NULL, on_prepared, g_object_ref (task));
  g_task_set_task_data (first, self, NULL);
  g_task_run_in_thread (first, prepare);
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
