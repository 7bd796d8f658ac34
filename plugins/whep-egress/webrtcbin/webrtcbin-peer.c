/* Negotiating with a webrtcbin, feeding it, ending it. */
#include "webrtcbin-peer.h"

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>
#include <nice/agent.h>
#include <string.h>

#include <airclass/error.h>

#include "webrtcbin-arrival.h"
#include "webrtcbin-certificate.h"
#include "webrtcbin-finished.h"
#include "webrtcbin-sdp.h"
#include "webrtcbin-source.h"

/* The only stream and component of the agent: all is bundled and muxed. */
#define NICE_STREAM 1u
#define MAX_CANDIDATES 64u
#define END_DEADLINE_MS 200u /* for what was pushed before the end */

struct _AirWebrtcPeer
{
  AirWebrtcPeerEvents events;
  char *name;
  GMutex working; /* held while negotiating, restarting, closing: one at a time */
  GstElement *pipeline;
  GstElement *webrtc;
  AirWebrtcSource *sources[AIR_KIND_COUNT]; /* NULL: not wanted */
  NiceAgent *agent;
  AirWebrtcSession *session;
  GStrv fingerprints; /* of the viewer's certificates, as announced */

  GMutex lock;
  GCond changed;
  GPtrArray *candidates; /* ours, gathered so far */
  unsigned remote_candidates;
  bool gathered;
  bool connected;
  bool verified;       /* connected, with the certificate of the offer */
  bool handshake_sent; /* to its end; true from the start where the viewer ends it */
  bool closed;
};

static const char *const elements[] = { "webrtcbin", "appsrc",     "rtpbin",     "rtpfunnel",   "nicesrc",    "nicesink",
                                        "dtlsdec",   "dtlssrtpdec", "dtlssrtpenc", "srtpenc", "srtpdec" };

void
air_webrtc_local_clear (AirWebrtcLocal *local)
{
  g_clear_pointer (&local->ice_ufrag, g_free);
  g_clear_pointer (&local->ice_pwd, g_free);
  g_clear_pointer (&local->fingerprint, g_free);
  g_clear_pointer (&local->candidates, g_strfreev);
}

bool
air_webrtc_peer_check (GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (elements); i++)
    {
      g_autoptr (GstElement) element = gst_element_factory_make (elements[i], NULL);
      if (!element)
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED,
                       "engine=webrtcbin needs GStreamer's element \"%s\" (Debian: gstreamer1.0-nice and "
                       "gstreamer1.0-plugins-bad)",
                       elements[i]);
          return false;
        }
      gst_object_ref_sink (element);
    }
  return true;
}

AirWebrtcPeer *
air_webrtc_peer_new (const char *name, const AirWebrtcPeerEvents *events)
{
  AirWebrtcPeer *peer = g_new0 (AirWebrtcPeer, 1);
  peer->events = *events;
  peer->name = g_strdup (name);
  g_mutex_init (&peer->working);
  g_mutex_init (&peer->lock);
  g_cond_init (&peer->changed);
  peer->candidates = g_ptr_array_new_with_free_func (g_free);
  return peer;
}

void
air_webrtc_peer_free (AirWebrtcPeer *peer)
{
  if (!peer)
    return;
  g_ptr_array_unref (peer->candidates);
  g_strfreev (peer->fingerprints);
  g_free (peer->name);
  g_cond_clear (&peer->changed);
  g_mutex_clear (&peer->lock);
  g_mutex_clear (&peer->working);
  g_free (peer);
}

/* ---- Signals, on webrtcbin's threads */

static void
on_candidate (GstElement *webrtc, guint section, const char *candidate, void *data)
{
  AirWebrtcPeer *peer = data;
  g_mutex_lock (&peer->lock);
  if (peer->candidates->len < MAX_CANDIDATES)
    g_ptr_array_add (peer->candidates, g_strdup (candidate));
  g_mutex_unlock (&peer->lock);
}

static void
on_gathering (GstElement *webrtc, GParamSpec *property, void *data)
{
  AirWebrtcPeer *peer = data;
  GstWebRTCICEGatheringState state;
  g_object_get (webrtc, "ice-gathering-state", &state, NULL);
  g_mutex_lock (&peer->lock);
  peer->gathered = state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE;
  g_cond_broadcast (&peer->changed);
  g_mutex_unlock (&peer->lock);
}

/* @fact: one of the two that have to be true before media may flow. */
static void
take_fact (AirWebrtcPeer *peer, bool *fact)
{
  g_mutex_lock (&peer->lock);
  bool first = !*fact;
  *fact = true;
  bool begin = first && peer->verified && peer->handshake_sent;
  g_mutex_unlock (&peer->lock);
  if (begin)
    peer->events.connected (peer->events.data);
}

static void
on_connection (GstElement *webrtc, GParamSpec *property, void *data)
{
  AirWebrtcPeer *peer = data;
  GstWebRTCPeerConnectionState state;
  GstWebRTCICEConnectionState ice;
  g_object_get (webrtc, "connection-state", &state, "ice-connection-state", &ice, NULL);
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED)
    {
      peer->events.failed (ice != GST_WEBRTC_ICE_CONNECTION_STATE_FAILED, peer->events.data);
      return;
    }
  if (state != GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED)
    return;
  g_mutex_lock (&peer->lock);
  bool before = peer->connected;
  peer->connected = true;
  g_mutex_unlock (&peer->lock);
  if (before)
    return;
  if (air_webrtc_certificate_matches (webrtc, (const char *const *)peer->fingerprints))
    take_fact (peer, &peer->verified);
  else
    peer->events.failed (true, peer->events.data);
}

static void
on_handshake_sent (void *data)
{
  AirWebrtcPeer *peer = data;
  take_fact (peer, &peer->handshake_sent);
}

/* What comes out of the DTLS decoder: nothing that we want, but its end, which is the viewer's close_notify. webrtcbin itself
 * does not tell. */
static GstPadProbeReturn
on_dtls_data (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  AirWebrtcPeer *peer = data;
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
      && GST_EVENT_TYPE (gst_pad_probe_info_get_event (info)) == GST_EVENT_EOS)
    {
      g_mutex_lock (&peer->lock);
      bool left = peer->connected && !peer->closed;
      g_mutex_unlock (&peer->lock);
      if (left)
        peer->events.left (peer->events.data);
    }
  return GST_PAD_PROBE_DROP;
}

static void
on_selected_pair (NiceAgent *agent, guint stream, guint component, NiceCandidate *local, NiceCandidate *remote,
                  void *data)
{
  AirWebrtcPeer *peer = data;
  char ip[NICE_ADDRESS_STRING_LEN];
  nice_address_to_string (&remote->addr, ip);
  g_autofree char *address
      = g_strdup_printf (strchr (ip, ':') ? "[%s]:%u" : "%s:%u", ip, nice_address_get_port (&remote->addr));
  bool relayed = local->type == NICE_CANDIDATE_TYPE_RELAYED || remote->type == NICE_CANDIDATE_TYPE_RELAYED;
  peer->events.selected (address, relayed, peer->events.data);
}

static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, void *data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    {
      AirWebrtcPeer *peer = data;
      g_autoptr (GError) error = NULL;
      gst_message_parse_error (message, &error, NULL);
      g_debug ("webrtcbin: %s: %s", GST_MESSAGE_SRC_NAME (message), error->message);
      /* No common SRTP profile, for one. */
      peer->events.failed (true, peer->events.data);
    }
  gst_message_unref (message); /* what is dropped here is ours; it holds its element, and that all the others */
  return GST_BUS_DROP;
}

/* ---- Building */

static void
on_element (GstBin *pipeline, GstBin *bin, GstElement *element, void *data)
{
  AirWebrtcPeer *peer = data;
  GstElementFactory *factory = gst_element_get_factory (element);
  /* A packet that is sent again on its own SSRC is the same once more. libsrtp takes that for a fault unless told. */
  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "srtpenc"))
    g_object_set (element, "allow-repeat-tx", TRUE, NULL);
  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "srtpdec"))
    air_webrtc_arrival_watch (element, peer->events.rtcp, peer->events.data);
  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "nicesink"))
    air_webrtc_finished_watch (element, on_handshake_sent, peer);
  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "dtlsdec"))
    {
      g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");
      if (pad)
        gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_DATA_DOWNSTREAM, on_dtls_data, peer, NULL);
    }
}

static void
set_network (AirWebrtcPeer *peer, const AirWebrtcNetwork *network)
{
  GObject *ice;
  g_object_get (peer->webrtc, "ice-agent", &ice, NULL);
  if (network->min_port != 0)
    g_object_set (ice, "min-rtp-port", network->min_port, "max-rtp-port", network->max_port, NULL);
  g_object_get (ice, "agent", &peer->agent, NULL);
  g_object_unref (ice);
  /* Looking for UPnP devices and TCP sockets takes 200 ms a viewer. */
  g_object_set (peer->agent, "upnp", FALSE, "ice-tcp", FALSE, NULL);
  for (guint i = 0; i < network->addresses->len; i++)
    {
      char ip[AIR_ADDRESS_STRING_BYTES];
      NiceAddress address;
      nice_address_init (&address);
      if (nice_address_set_from_string (
              &address, air_address_ip_string (&g_array_index (network->addresses, AirAddress, i), ip)))
        nice_agent_add_local_address (peer->agent, &address);
    }
  g_autofree char *stun = air_ice_servers_get_stun (network->servers);
  if (stun)
    g_object_set (peer->webrtc, "stun-server", stun, NULL);
  g_auto (GStrv) turn = air_ice_servers_list_turn (network->servers, peer->name, g_get_real_time () / G_USEC_PER_SEC);
  for (char **server = turn; *server; server++)
    {
      gboolean added;
      g_signal_emit_by_name (peer->webrtc, "add-turn-server", *server, &added);
    }
  g_signal_connect (peer->agent, "new-selected-pair-full", G_CALLBACK (on_selected_pair), peer);
}

static void
build (AirWebrtcPeer *peer, const AirWebrtcNetwork *network)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  peer->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  /* Running time is the monotonic time, so that packets can be stamped without asking the pipeline. */
  gst_pipeline_use_clock (GST_PIPELINE (peer->pipeline), clock);
  gst_element_set_start_time (peer->pipeline, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (peer->pipeline, 0);
  g_autoptr (GstBus) bus = gst_element_get_bus (peer->pipeline);
  gst_bus_set_sync_handler (bus, on_message, peer, NULL);

  g_signal_connect (peer->pipeline, "deep-element-added", G_CALLBACK (on_element), peer);
  peer->webrtc = gst_element_factory_make ("webrtcbin", NULL);
  g_object_set (peer->webrtc, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency", 0u, NULL);
  set_network (peer, network);
  g_signal_connect (peer->webrtc, "on-ice-candidate", G_CALLBACK (on_candidate), peer);
  g_signal_connect (peer->webrtc, "notify::ice-gathering-state", G_CALLBACK (on_gathering), peer);
  g_signal_connect (peer->webrtc, "notify::connection-state", G_CALLBACK (on_connection), peer);
  gst_bin_add (GST_BIN (peer->pipeline), peer->webrtc);
  gst_element_set_state (peer->pipeline, GST_STATE_PLAYING);
}

/* ---- Negotiating */

/* Waits for webrtcbin's reply; takes @promise. Returns: (transfer full) (nullable) */
static GstStructure *
await (GstPromise *promise, const char *step, GError **error)
{
  GstPromiseResult result = gst_promise_wait (promise);
  const GstStructure *reply = result == GST_PROMISE_RESULT_REPLIED ? gst_promise_get_reply (promise) : NULL;
  g_autoptr (GstStructure) copy = reply ? gst_structure_copy (reply) : gst_structure_new_empty ("empty");
  g_autoptr (GError) reason = NULL;
  gst_promise_unref (promise);
  if (gst_structure_has_field (copy, "error"))
    gst_structure_get (copy, "error", G_TYPE_ERROR, &reason, NULL);
  if (!reason && result == GST_PROMISE_RESULT_REPLIED)
    return g_steal_pointer (&copy);
  g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "webrtcbin: %s: %s", step, reason ? reason->message : "interrupted");
  return NULL;
}

static bool
set_description (AirWebrtcPeer *peer, const char *signal, GstWebRTCSessionDescription *description, GError **error)
{
  GstPromise *promise = gst_promise_new ();
  g_signal_emit_by_name (peer->webrtc, signal, description, promise);
  g_autoptr (GstStructure) reply = await (promise, signal, error);
  return reply != NULL;
}

static bool
set_offer (AirWebrtcPeer *peer, const AirSdpChoice *choice, GError **error)
{
  g_autofree char *text = air_webrtc_offer_write (choice);
  GstSDPMessage *sdp;
  gst_sdp_message_new_from_text (text, &sdp);
  g_autoptr (GstWebRTCSessionDescription) offer = gst_webrtc_session_description_new (GST_WEBRTC_SDP_TYPE_OFFER, sdp);
  return set_description (peer, "set-remote-description", offer, error);
}

static bool
take_answer (AirWebrtcPeer *peer, AirWebrtcLocal *ret_local, GError **error)
{
  GstPromise *promise = gst_promise_new ();
  g_signal_emit_by_name (peer->webrtc, "create-answer", NULL, promise);
  g_autoptr (GstStructure) reply = await (promise, "create-answer", error);
  g_autoptr (GstWebRTCSessionDescription) answer = NULL;
  if (!reply)
    return false;
  gst_structure_get (reply, "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &answer, NULL);
  g_autofree char *text = gst_sdp_message_as_text (answer->sdp);
  ret_local->ice_ufrag = air_webrtc_answer_get (text, "ice-ufrag");
  ret_local->ice_pwd = air_webrtc_answer_get (text, "ice-pwd");
  ret_local->fingerprint = air_webrtc_answer_get (text, "fingerprint");
  return set_description (peer, "set-local-description", answer, error);
}

static void
wait_for_candidates (AirWebrtcPeer *peer, unsigned gathering_ms, AirWebrtcLocal *ret_local)
{
  int64_t deadline_us = g_get_monotonic_time () + (int64_t)gathering_ms * 1000;
  g_autoptr (GStrvBuilder) candidates = g_strv_builder_new ();
  g_mutex_lock (&peer->lock);
  while (!peer->gathered && g_cond_wait_until (&peer->changed, &peer->lock, deadline_us))
    continue;
  for (guint i = 0; i < peer->candidates->len; i++)
    g_strv_builder_add (candidates, peer->candidates->pdata[i]);
  g_mutex_unlock (&peer->lock);
  ret_local->candidates = g_strv_builder_end (candidates);
}

static bool
negotiate (AirWebrtcPeer *peer, const AirWebrtcNetwork *network, const AirSdpChoice *choice,
           const char *const *candidates, AirWebrtcLocal *ret_local, GError **error)
{
  unsigned index = 0;
  peer->fingerprints = g_strdupv ((char **)choice->transport.fingerprints);
  peer->handshake_sent = choice->dtls_client;
  build (peer, network);
  if (!set_offer (peer, choice, error))
    return false;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (choice->kinds[kind].accepted)
      peer->sources[kind] = air_webrtc_source_new (peer->pipeline, peer->webrtc, (AirKind)kind, &choice->kinds[kind], index++);
  if (!take_answer (peer, ret_local, error))
    return false;
  peer->session = air_webrtc_session_new (peer->webrtc);
  air_webrtc_peer_add_candidates (peer, candidates);
  wait_for_candidates (peer, network->gathering_ms, ret_local);
  if (peer->session && ret_local->ice_ufrag && ret_local->ice_pwd && ret_local->fingerprint)
    return true;
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_FAILED, "webrtcbin: the answer is not complete");
  return false;
}

bool
air_webrtc_peer_negotiate (AirWebrtcPeer *peer, const AirWebrtcNetwork *network, const AirSdpChoice *choice,
                           const char *const *candidates, AirWebrtcLocal *ret_local, GError **error)
{
  g_mutex_lock (&peer->working);
  bool done = !peer->closed && negotiate (peer, network, choice, candidates, ret_local, error);
  g_mutex_unlock (&peer->working);
  if (!done && error && !*error)
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "The viewer has left.");
  return done;
}

void
air_webrtc_peer_add_candidates (AirWebrtcPeer *peer, const char *const *candidates)
{
  for (; candidates && *candidates; candidates++)
    {
      if (!air_webrtc_candidate_is_usable (*candidates))
        continue;
      g_mutex_lock (&peer->lock);
      bool take = peer->webrtc && !peer->closed && peer->remote_candidates < MAX_CANDIDATES;
      peer->remote_candidates += take;
      if (take)
        g_signal_emit_by_name (peer->webrtc, "add-ice-candidate", 0u, *candidates);
      g_mutex_unlock (&peer->lock);
    }
}

/* webrtcbin 1.22 has no ICE restart; the agent below it has, and neither DTLS nor the RTP session notice. */
bool
air_webrtc_peer_restart (AirWebrtcPeer *peer, const char *remote_ufrag, const char *remote_pwd,
                         const char *const *candidates, AirWebrtcLocal *ret_local, GError **error)
{
  g_mutex_lock (&peer->working);
  bool lives = !peer->closed && peer->session;
  bool done = lives && nice_agent_restart_stream (peer->agent, NICE_STREAM)
              && nice_agent_set_remote_credentials (peer->agent, NICE_STREAM, remote_ufrag, remote_pwd)
              && nice_agent_get_local_credentials (peer->agent, NICE_STREAM, &ret_local->ice_ufrag,
                                                   &ret_local->ice_pwd);
  if (done)
    {
      peer->remote_candidates = 0;
      air_webrtc_peer_add_candidates (peer, candidates);
      wait_for_candidates (peer, 0, ret_local);
    }
  else if (lives)
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_FAILED, "webrtcbin: ICE was not restarted");
  else
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "The session has ended.");
  g_mutex_unlock (&peer->working);
  return done;
}

/* ---- Media */

bool
air_webrtc_peer_push (AirWebrtcPeer *peer, AirKind kind, GstBufferList *packets)
{
  return air_webrtc_source_push (peer->sources[kind], packets);
}

void
air_webrtc_peer_set_clocks (AirWebrtcPeer *peer, const AirWebrtcClock *clocks, unsigned n_clocks)
{
  air_webrtc_session_set_clocks (peer->session, clocks, n_clocks);
}

void
air_webrtc_peer_report (AirWebrtcPeer *peer)
{
  air_webrtc_session_report (peer->session);
}

void
air_webrtc_peer_send_rtcp (AirWebrtcPeer *peer, const uint8_t *packet, size_t size)
{
  air_webrtc_session_send (peer->session, packet, size);
}

void
air_webrtc_peer_close (AirWebrtcPeer *peer, const uint32_t *ssrcs, unsigned n_ssrcs)
{
  g_mutex_lock (&peer->working);
  g_mutex_lock (&peer->lock);
  bool connected = peer->connected;
  peer->closed = true;
  g_mutex_unlock (&peer->lock);
  for (unsigned kind = 0; connected && kind < AIR_KIND_COUNT; kind++)
    air_webrtc_source_end (peer->sources[kind], END_DEADLINE_MS);
  if (connected && peer->session)
    air_webrtc_session_say_bye (peer->session, ssrcs, n_ssrcs);
  if (peer->pipeline)
    gst_element_set_state (peer->pipeline, GST_STATE_NULL);
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    g_clear_pointer (&peer->sources[kind], air_webrtc_source_free);
  g_clear_pointer (&peer->session, air_webrtc_session_free);
  if (peer->agent)
    g_signal_handlers_disconnect_by_data (peer->agent, peer);
  g_clear_object (&peer->agent);
  gst_clear_object (&peer->pipeline);
  g_mutex_unlock (&peer->working);
}
