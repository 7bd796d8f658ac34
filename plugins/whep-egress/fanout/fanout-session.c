/* A viewer's life on the loop: attached, found by its name, handshake, keys, media, end; and what its datagrams do. */
#include "fanout-private.h"

#include <openssl/crypto.h>

static void
set_behind (AirFanoutLoop *loop, AirFanoutViewer *viewer)
{
  if (!viewer->behind)
    g_ptr_array_add (loop->behind, viewer);
  viewer->behind = true;
}

void
air_fanout_loop_pump (AirFanoutLoop *loop, AirFanoutViewer *viewer)
{
  if (!viewer->behind && air_fanout_viewer_pump (viewer, loop->now_us))
    set_behind (loop, viewer);
}

/* A viewer's state is used up to 60 times a second, and of hundreds it is far more than a processor's cache holds: what the next
 * ones take comes while this one's packets are encrypted. */
void
air_fanout_loop_pump_all (AirFanoutLoop *loop, AirFanoutShare *share)
{
  const GPtrArray *viewers = share->viewers;
  for (unsigned i = 0; i < viewers->len; i++)
    {
      if (i + 3 < viewers->len)
        air_fanout_viewer_prefetch (viewers->pdata[i + 3]);
      if (i + 2 < viewers->len)
        air_fanout_viewer_prefetch_parts (viewers->pdata[i + 2], loop->now_us);
      if (i + 1 < viewers->len)
        air_fanout_viewer_prefetch_key (viewers->pdata[i + 1]);
      air_fanout_loop_pump (loop, viewers->pdata[i]);
    }
}

void
air_fanout_loop_publish_viewer (AirFanoutViewer *viewer)
{
  air_viewer_record_publish (&viewer->record, &viewer->counts, viewer->media, &viewer->level, viewer->loop->now_us);
}

static void
publish_address (AirFanoutViewer *viewer)
{
  char text[AIR_ADDRESS_STRING_BYTES];
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (path)
    air_viewer_record_set_address (&viewer->record, air_address_string (&path->remote, text),
                                   path->remote.tcp ? "tcp" : "udp");
}

bool
air_fanout_loop_add_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer)
{
  AirIce *ice = viewer->ice;
  viewer->loop = loop;
  viewer->attached = true;
  loop->joining++;
  viewer->index = loop->viewers->len;
  viewer->share = air_fanout_group_join (viewer->group, loop);
  g_ptr_array_add (loop->viewers, air_fanout_viewer_ref (viewer));
  bool found = air_demux_add_ufrag (loop->demux, air_ice_get_ufrag (ice), &viewer->entry);
  if (air_ice_is_restarting (ice))
    air_demux_add_ufrag (loop->demux, air_ice_get_previous_ufrag (ice), &viewer->entry);
  if (!found)
    air_fanout_loop_end_viewer (loop, viewer, AIR_VIEWER_NO_HANDSHAKE);
  return found;
}

void
air_fanout_loop_restart_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer, const char *remote_ufrag)
{
  if (air_ice_is_restarting (viewer->ice))
    air_demux_remove_ufrag (loop->demux, air_ice_get_ufrag (viewer->ice), &viewer->entry);
  air_fanout_directory_restart (loop->directory, &viewer->listing, loop, remote_ufrag);
  air_demux_add_ufrag (loop->demux, air_ice_get_ufrag (viewer->ice), &viewer->entry);
}

void
air_fanout_loop_end_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer, AirViewerReason reason)
{
  if (!viewer->attached)
    return;
  viewer->attached = false;
  air_fanout_directory_remove (loop->directory, &viewer->listing);
  if (viewer->media)
    {
      air_fanout_viewer_say_bye (viewer);
      air_viewer_level_end (&viewer->level);
      air_fanout_share_remove (viewer->share, viewer);
    }
  else
    loop->joining--;
  air_dtls_close (viewer->dtls);
  if (loop->tcp)
    air_tcp_release (loop->tcp, &viewer->tcp);
  air_demux_remove (loop->demux, &viewer->entry);
  if (viewer->behind)
    g_ptr_array_remove_fast (loop->behind, viewer);
  AirFanoutViewer *last = loop->viewers->pdata[loop->viewers->len - 1];
  last->index = viewer->index;
  g_ptr_array_remove_index_fast (loop->viewers, viewer->index);
  air_fanout_share_leave (viewer->share);
  air_fanout_loop_publish_viewer (viewer);
  loop->events.left (viewer, reason, loop->events.data);
  air_fanout_viewer_unref (viewer);
}

static bool
take_keys (AirFanoutViewer *viewer)
{
  AirSrtpKeys keys;
  if (!air_dtls_get_srtp_keys (viewer->dtls, &keys))
    return false;
  viewer->sender = air_srtp_new (keys.profile, &keys.local);
  viewer->receiver = air_srtp_new (keys.profile, &keys.remote);
  air_viewer_record_set_profile (&viewer->record, air_srtp_profile_to_string (keys.profile));
  OPENSSL_cleanse (&keys, sizeof keys);
  return viewer->sender && viewer->receiver;
}

/* The handshake is done: reports first, so that the first frames can be put in sync, then media. */
static void
begin_media (AirFanoutLoop *loop, AirFanoutViewer *viewer)
{
  if (!take_keys (viewer))
    {
      air_fanout_loop_end_viewer (loop, viewer, AIR_VIEWER_DTLS_FAILED);
      return;
    }
  viewer->media = true;
  loop->joining--;
  viewer->handshake_at_us = 0;
  air_fanout_viewer_begin (viewer, loop->now_us);
  air_fanout_share_add (viewer->share, viewer);
  air_fanout_loop_publish_viewer (viewer);
  loop->events.joined (viewer, loop->events.data);
  air_fanout_viewer_report (viewer, loop->now_us, true);
  air_fanout_loop_pump (loop, viewer);
}

static void
take_dtls_state (AirFanoutLoop *loop, AirFanoutViewer *viewer, AirDtlsState state)
{
  int64_t timeout_us;
  switch (state)
    {
    case AIR_DTLS_HANDSHAKING:
      timeout_us = air_dtls_get_timeout_us (viewer->dtls);
      viewer->handshake_at_us = timeout_us < 0 ? 0 : loop->now_us + timeout_us;
      break;
    case AIR_DTLS_CONNECTED:
      if (!viewer->media)
        begin_media (loop, viewer);
      break;
    case AIR_DTLS_CLOSED:
      air_fanout_loop_end_viewer (loop, viewer, AIR_VIEWER_LEFT);
      break;
    case AIR_DTLS_FAILED:
      g_debug ("DTLS: %s", air_dtls_get_error (viewer->dtls));
      air_fanout_loop_end_viewer (loop, viewer, AIR_VIEWER_DTLS_FAILED);
      break;
    }
}

/* ---- Time */

void
air_fanout_loop_check_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer)
{
  if (!viewer->media && loop->now_us > viewer->created_us + AIR_FANOUT_HANDSHAKE_US)
    air_fanout_loop_end_viewer (loop, viewer, AIR_VIEWER_NO_HANDSHAKE);
  else if (viewer->media && !air_ice_has_consent (viewer->ice, loop->now_us))
    air_fanout_loop_end_viewer (loop, viewer, AIR_VIEWER_VANISHED);
  else if (viewer->handshake_at_us != 0 && loop->now_us >= viewer->handshake_at_us)
    take_dtls_state (loop, viewer, air_dtls_handle_timeout (viewer->dtls));
  else if (viewer->media)
    {
      air_fanout_viewer_report (viewer, loop->now_us, false);
      air_viewer_level_check (&viewer->level, loop->now_us);
    }
}

/* ---- Datagrams */

static void
reply_to (AirFanoutLoop *loop, const AirPath *path, const AirStunBuilder *reply, unsigned result)
{
  if (result & AIR_ICE_REPLY)
    air_fanout_loop_send (loop, path, reply->data, reply->size);
}

/* A name that this loop does not know: a viewer that nobody has, or another loop's. */
static AirFanoutViewer *
look_up (AirFanoutLoop *loop, const AirStunMessage *message, const char *ufrag, size_t ufrag_bytes,
         const AirUdpDatagram *datagram)
{
  AirFanoutListing *listing;
  AirFanoutLoop *owner;
  AirStunBuilder reply;
  switch (air_fanout_directory_find (loop->directory, message, ufrag, ufrag_bytes, loop, &listing, &owner))
    {
    case AIR_FANOUT_CLAIMED:
      return air_fanout_loop_add_viewer (loop, listing->viewer) ? listing->viewer : NULL;
    case AIR_FANOUT_OWNED:
      if (owner != loop)
        air_fanout_loop_forward (loop, owner, datagram);
      return NULL;
    case AIR_FANOUT_STRANGER:
      reply_to (loop, &datagram->path, &reply, air_ice_refuse_stranger (message, &reply));
      return NULL;
    case AIR_FANOUT_UNKNOWN:
      loop->counts.unknown_ufrag++;
      return NULL;
    }
  g_return_val_if_reached (NULL);
}

/* An address that was another viewer's, who is not heard there any more: a NAT gave it away, and the other's media must not go
 * there. */
static void
take_address (AirFanoutLoop *loop, AirFanoutViewer *viewer, const AirPath *path)
{
  AirFanoutViewer *former = (AirFanoutViewer *)air_demux_find_address (loop->demux, &path->remote);
  if (former && former != viewer)
    air_ice_lose (former->ice, path);
  const AirPath *selected = air_ice_get_selected (viewer->ice);
  air_demux_add_address (loop->demux, &path->remote, &viewer->entry, selected ? &selected->remote : NULL);
}

static void
take_check (AirFanoutLoop *loop, AirFanoutViewer *viewer, const AirStunMessage *message, const AirUdpDatagram *datagram,
            bool forwarded)
{
  AirStunBuilder reply;
  unsigned result = air_ice_handle (viewer->ice, message, &datagram->path, loop->now_us, &reply);
  reply_to (loop, &datagram->path, &reply, result);
  if (result & AIR_ICE_RESTARTED)
    {
      const char *retired = air_ice_get_previous_ufrag (viewer->ice);
      air_demux_remove_ufrag (loop->demux, retired, &viewer->entry);
      air_fanout_directory_retire (loop->directory, retired, &viewer->listing);
    }
  if (result & AIR_ICE_VALIDATED && datagram->path.remote.tcp)
    air_tcp_admit (loop->tcp, &datagram->path, &viewer->tcp);
  else if (result & AIR_ICE_VALIDATED)
    take_address (loop, viewer, &datagram->path);
  if (result & AIR_ICE_VALIDATED && forwarded)
    air_fanout_directory_add_address (loop->directory, &datagram->path.remote, &viewer->listing);
  if (result & AIR_ICE_SELECTED)
    {
      publish_address (viewer);
      take_dtls_state (loop, viewer, air_dtls_start (viewer->dtls));
    }
}

/* Returns: (nullable) whose validated path that is. */
static AirFanoutViewer *
find_by_path (AirFanoutLoop *loop, const AirPath *path)
{
  if (path->remote.tcp)
    return air_fanout_loop_find_tcp (loop, path);
  return (AirFanoutViewer *)air_demux_find_address (loop->demux, &path->remote);
}

/* Whether another viewer uses the path and was just heard there. @viewer: (nullable) who is named by the check. */
static bool
is_held (AirFanoutLoop *loop, const AirFanoutViewer *viewer, const AirPath *path)
{
  const AirFanoutViewer *holder = (AirFanoutViewer *)air_demux_find_address (loop->demux, &path->remote);
  return holder && holder != viewer && air_ice_holds (holder->ice, path, loop->now_us);
}

static void
take_stun (AirFanoutLoop *loop, const AirUdpDatagram *datagram, bool forwarded)
{
  AirStunMessage message;
  const char *ufrag;
  size_t ufrag_bytes;
  if (!air_stun_parse (datagram->data, datagram->size, &message))
    return;
  bool named = air_ice_check_ufrag (&message, &ufrag, &ufrag_bytes);
  AirFanoutViewer *viewer = named ? (AirFanoutViewer *)air_demux_find_ufrag (loop->demux, ufrag, ufrag_bytes)
                                  : find_by_path (loop, &datagram->path);
  if (named && is_held (loop, viewer, &datagram->path))
    {
      loop->counts.held++;
      return;
    }
  if (!viewer && named && !forwarded)
    viewer = look_up (loop, &message, ufrag, ufrag_bytes, datagram);
  if (viewer)
    take_check (loop, viewer, &message, datagram, forwarded);
}

static void
take_rtcp (AirFanoutLoop *loop, AirFanoutViewer *viewer, AirUdpDatagram *datagram)
{
  size_t size;
  if (!viewer->media)
    return;
  if (air_srtp_unprotect_rtcp (viewer->receiver, datagram->data, datagram->size, &size) != AIR_SRTP_OK)
    {
      loop->counts.forged++;
      return;
    }
  air_ice_heard (viewer->ice, &datagram->path, loop->now_us);
  if (air_fanout_viewer_feedback (viewer, datagram->data, size, loop->now_us))
    air_fanout_loop_pump (loop, viewer);
  else
    air_fanout_loop_end_viewer (loop, viewer, AIR_VIEWER_LEFT);
}

void
air_fanout_loop_take_dtls (AirFanoutLoop *loop, AirFanoutViewer *viewer, const uint8_t *data, size_t size)
{
  take_dtls_state (loop, viewer, air_dtls_receive (viewer->dtls, data, size));
}

/* DTLS, RTP or RTCP of an address that this loop has not validated. */
static void
take_unvalidated (AirFanoutLoop *loop, const AirUdpDatagram *datagram, bool forwarded)
{
  AirFanoutLoop *owner = forwarded ? NULL : air_fanout_directory_find_address (loop->directory, &datagram->path.remote);
  if (owner && owner != loop)
    air_fanout_loop_forward (loop, owner, datagram);
  else
    loop->counts.unvalidated++;
}

static void
take (AirFanoutLoop *loop, AirUdpDatagram *datagram, bool forwarded)
{
  AirPacketKind kind = air_packet_classify (datagram->data, datagram->size);
  if (kind == AIR_PACKET_STUN)
    {
      take_stun (loop, datagram, forwarded);
      return;
    }
  if (kind == AIR_PACKET_UNKNOWN)
    return;
  AirFanoutViewer *viewer = find_by_path (loop, &datagram->path);
  if (!viewer)
    take_unvalidated (loop, datagram, forwarded);
  else if (kind == AIR_PACKET_DTLS && viewer->media)
    air_fanout_loop_take_dtls (loop, viewer, datagram->data, datagram->size);
  else if (kind == AIR_PACKET_DTLS)
    air_fanout_loop_queue_handshake (loop, viewer, datagram);
  else if (kind == AIR_PACKET_RTCP)
    take_rtcp (loop, viewer, datagram);
}

void
air_fanout_loop_take_datagram (AirFanoutLoop *loop, AirUdpDatagram *datagram)
{
  take (loop, datagram, false);
}

void
air_fanout_loop_take_forwarded (AirFanoutLoop *loop, AirUdpDatagram *datagram)
{
  take (loop, datagram, true);
}
