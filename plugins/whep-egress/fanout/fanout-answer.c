/* From an offer to a viewer and its answer. Main thread. */
#include "fanout-engine.h"
#include "ice-candidates.h"

GStrv
air_fanout_engine_list_candidates (AirFanoutEngine *self)
{
  AirAddress listen[AIR_UDP_MAX_SOCKETS];
  unsigned count = air_fanout_loops_count_sockets (self->loops);
  for (unsigned i = 0; i < count; i++)
    listen[i] = *air_fanout_loops_get_address (self->loops, i);
  g_autoptr (GArray) addresses = air_ice_gather (listen, count, air_additional_hosts_get (self->additional));
  GStrv lines = g_new0 (char *, 2 * addresses->len + 1);
  for (guint i = 0; i < addresses->len; i++)
    lines[i] = air_ice_candidate_line (&g_array_index (addresses, AirAddress, i), i);
  for (guint i = 0; air_fanout_loops_have_tcp (self->loops) && i < addresses->len; i++)
    lines[addresses->len + i] = air_ice_tcp_candidate_line (&g_array_index (addresses, AirAddress, i), i);
  return lines;
}

static bool
prepare_transport (AirFanoutEngine *self, AirFanoutViewer *viewer, const AirSdpChoice *choice, GError **error)
{
  g_autoptr (GError) reason = NULL;
  viewer->ice = air_ice_new (choice->transport.ice_ufrag);
  viewer->dtls = air_dtls_new (self->identity, choice->dtls_client ? AIR_DTLS_CLIENT : AIR_DTLS_SERVER,
                               choice->transport.fingerprints, air_fanout_loop_send_dtls, viewer, &reason);
  if (viewer->dtls)
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED, "The offer's DTLS fingerprint cannot be used: %s",
               reason->message);
  return false;
}

static char *
write_answer (AirFanoutEngine *self, AirFanoutViewer *viewer, const AirSdpOffer *offer, const AirSdpChoice *choice)
{
  g_auto (GStrv) candidates = air_fanout_engine_list_candidates (self);
  AirSdpLocal local = {
    .ice_ufrag = air_ice_get_ufrag (viewer->ice),
    .ice_pwd = air_ice_get_pwd (viewer->ice),
    .fingerprint = air_dtls_identity_get_fingerprint (self->identity),
    .candidates = (const char *const *)candidates,
    .cname = viewer->names.cname,
    .session_id = (uint64_t)g_random_int () << 31 | g_random_int () >> 1,
  };
  return air_sdp_answer_write (offer, choice, &local);
}

AirFanoutViewer *
air_fanout_engine_make_viewer (AirFanoutEngine *self, AirStreamFeed *feed, const AirViewerRequest *request,
                               char **ret_answer, GError **error)
{
  AirSdpChoice choice;
  AirSdpSource video = air_stream_feed_get_video (feed);
  if (!air_sdp_choose (request->offer, &video, &choice, error))
    return NULL;
  g_autoptr (AirFanoutViewer) viewer = air_fanout_viewer_new (air_stream_feed_get_group (feed), request, &choice);
  viewer->levels = self->base.levels;
  if (!prepare_transport (self, viewer, &choice, error))
    return NULL;
  viewer->listing.ice = viewer->ice;
  if (!air_fanout_directory_add (air_fanout_loops_get_directory (self->loops), &viewer->listing))
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "The server is full.");
      return NULL;
    }
  *ret_answer = write_answer (self, viewer, request->offer, &choice);
  return g_steal_pointer (&viewer);
}
