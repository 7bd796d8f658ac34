/* Two pools: who joins does not wait for those that leave. */
#include "webrtcbin-workers.h"

#include "ice-candidates.h"

/* Negotiating is mostly waiting. */
#define NEGOTIATORS 16

struct _AirWebrtcWorkers
{
  AirContext *context;
  const AirWebrtcNetwork *network;
  AirAdditionalHosts *additional;
  GThreadPool *negotiators;
  GThreadPool *closers;
  gint stopping; /* atomic */
};

typedef struct
{
  AirWebrtcWorkers *workers;
  AirWebrtcViewer *viewer;
  const AirSdpOffer *offer; /* NULL: an ICE restart */
  AirSdpChoice choice;
  char *remote_ufrag, *remote_pwd;
  GStrv candidates;
  AirWebrtcLocal local;
  GError *error;
  AirEngineAnswered answered;
  void *data;
  GDestroyNotify destroy;
} Job;

static void
free_job (void *data)
{
  Job *job = data;
  if (job->destroy)
    job->destroy (job->data);
  g_free (job->remote_ufrag);
  g_free (job->remote_pwd);
  g_strfreev (job->candidates);
  air_webrtc_local_clear (&job->local);
  g_clear_error (&job->error);
  air_webrtc_viewer_unref (job->viewer);
  g_free (job);
}

static void
drop_viewer (AirWebrtcLoop *loop, void *viewer)
{
  air_webrtc_loop_end_viewer (loop, viewer, AIR_VIEWER_NO_HANDSHAKE);
}

/* A NAT's public side, where it forwards the same ports: each host candidate once more with that address, and first. */
static GStrv
with_additional_hosts (AirWebrtcWorkers *workers, GStrv candidates)
{
  g_autoptr (GStrvBuilder) lines = g_strv_builder_new ();
  unsigned index = 0;
  for (const char *const *host = air_additional_hosts_get (workers->additional); *host; host++)
    for (char **candidate = candidates; *candidate; candidate++)
      {
        AirAddress address;
        g_auto (GStrv) fields = g_strsplit (*candidate, " ", 9);
        if (g_strv_length (fields) < 8 || !g_str_equal (fields[7], "host")
            || !air_address_parse (*host, (uint16_t)g_ascii_strtoull (fields[5], NULL, 10), &address))
          continue;
        g_autofree char *line = air_ice_candidate_line (&address, index++);
        g_strv_builder_add (lines, line);
      }
  g_strv_builder_addv (lines, (const char **)candidates);
  return g_strv_builder_end (lines);
}

/* On the main thread. */
static void
on_done (void *data)
{
  Job *job = data;
  if (job->error)
    {
      if (job->offer)
        air_webrtc_loop_invoke (job->viewer->loop, drop_viewer, air_webrtc_viewer_ref (job->viewer),
                                (GDestroyNotify)air_webrtc_viewer_unref);
      job->answered (NULL, job->error, job->data);
      return;
    }
  g_auto (GStrv) candidates = with_additional_hosts (job->workers, job->local.candidates);
  AirSdpLocal local = {
    .ice_ufrag = job->local.ice_ufrag,
    .ice_pwd = job->local.ice_pwd,
    .fingerprint = job->local.fingerprint,
    .candidates = (const char *const *)candidates,
    .cname = job->viewer->names.cname,
    .session_id = (uint64_t)g_random_int () << 31 | g_random_int () >> 1,
    .full_ice = true,
  };
  g_autofree char *sdp = job->offer ? air_sdp_answer_write (job->offer, &job->choice, &local)
                                    : air_sdp_fragment_write (job->viewer->names.mid, &local);
  job->answered (sdp, NULL, job->data);
}

static void
negotiate (void *data, void *self)
{
  Job *job = data;
  AirWebrtcWorkers *workers = self;
  AirWebrtcPeer *peer = job->viewer->peer;
  const char *const *candidates = (const char *const *)job->candidates;
  if (g_atomic_int_get (&workers->stopping))
    g_set_error_literal (&job->error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "The server is stopping.");
  else if (job->offer)
    air_webrtc_peer_negotiate (peer, workers->network, &job->choice, job->offer->candidates, &job->local, &job->error);
  else
    air_webrtc_peer_restart (peer, job->remote_ufrag, job->remote_pwd, candidates, &job->local, &job->error);
  air_context_invoke (workers->context, on_done, job, free_job);
}

static void
close_viewer (void *data, void *self)
{
  AirWebrtcViewer *viewer = data;
  air_webrtc_viewer_close (viewer);
  air_webrtc_viewer_unref (viewer);
}

AirWebrtcWorkers *
air_webrtc_workers_new (AirContext *context, const AirWebrtcNetwork *network, AirAdditionalHosts *additional)
{
  AirWebrtcWorkers *workers = g_new0 (AirWebrtcWorkers, 1);
  workers->context = context;
  workers->network = network;
  workers->additional = additional;
  workers->negotiators = g_thread_pool_new (negotiate, workers, NEGOTIATORS, FALSE, NULL);
  workers->closers = g_thread_pool_new (close_viewer, workers, -1, FALSE, NULL);
  return workers;
}

void
air_webrtc_workers_stop (AirWebrtcWorkers *workers)
{
  g_atomic_int_set (&workers->stopping, TRUE);
  g_thread_pool_free (g_steal_pointer (&workers->negotiators), FALSE, TRUE);
  g_thread_pool_free (g_steal_pointer (&workers->closers), FALSE, TRUE);
}

void
air_webrtc_workers_free (AirWebrtcWorkers *workers)
{
  g_free (workers);
}

void
air_webrtc_workers_negotiate (AirWebrtcWorkers *workers, AirWebrtcViewer *viewer, const AirSdpOffer *offer,
                              const AirSdpChoice *choice, AirEngineAnswered answered, void *data,
                              GDestroyNotify destroy)
{
  Job *job = g_new0 (Job, 1);
  job->workers = workers;
  job->viewer = air_webrtc_viewer_ref (viewer);
  job->offer = offer;
  job->choice = *choice;
  job->answered = answered;
  job->data = data;
  job->destroy = destroy;
  g_thread_pool_push (workers->negotiators, job, NULL);
}

void
air_webrtc_workers_restart (AirWebrtcWorkers *workers, AirWebrtcViewer *viewer, const AirSdpFragment *fragment,
                            AirEngineAnswered answered, void *data, GDestroyNotify destroy)
{
  Job *job = g_new0 (Job, 1);
  job->workers = workers;
  job->viewer = air_webrtc_viewer_ref (viewer);
  job->remote_ufrag = g_strdup (fragment->ice_ufrag);
  job->remote_pwd = g_strdup (fragment->ice_pwd);
  job->candidates = g_strdupv (fragment->candidates);
  job->answered = answered;
  job->data = data;
  job->destroy = destroy;
  g_thread_pool_push (workers->negotiators, job, NULL);
}

void
air_webrtc_workers_close (AirWebrtcWorkers *workers, AirWebrtcViewer *viewer)
{
  g_thread_pool_push (workers->closers, air_webrtc_viewer_ref (viewer), NULL);
}
