/* The stations of a viewer: POST → checks → DTLS → media → DELETE. What media comes to is receiver.c's; what goes back is viewer-feedback.c's. */
#include "viewer.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "demux.h"
#include "stun.h"
#include "viewer-private.h"
#include "worker.h"

#define JOIN_DEADLINE_US (10 * G_USEC_PER_SEC)
#define LEAVE_DEADLINE_US (5 * G_USEC_PER_SEC)
#define CHECK_AGAIN_US (50 * 1000)
#define CONSENT_US (2500 * 1000) /* RFC 7675 §5.1: 5 s at most; browsers ask each 2.5 s */
#define AGAIN_US (1 * G_USEC_PER_SEC) /* who failed comes again then */
#define PRIORITY 1845501695u

void
load_viewer_init (LoadViewer *viewer, LoadWorker *worker, const LoadPlan *plan, unsigned number)
{
  *viewer = (LoadViewer){ .worker = worker, .plan = plan, .number = number, .udp = -1, .http.fd = -1 };
}

/* All that belongs to one stay. */
static void
forget_stay (LoadViewer *viewer)
{
  load_http_clear (&viewer->http);
  if (viewer->udp >= 0)
    close (viewer->udp);
  g_free (viewer->location);
  air_dtls_free (viewer->dtls);
  air_srtp_free (viewer->inbound);
  air_srtp_free (viewer->outbound);
  load_track_clear (&viewer->video);
  load_track_clear (&viewer->audio);
  load_viewer_init (viewer, viewer->worker, viewer->plan, viewer->number);
}

void
load_viewer_clear (LoadViewer *viewer)
{
  forget_stay (viewer);
}

static void
count_out (LoadViewer *viewer)
{
  if (viewer->state == LOAD_PLAYING || viewer->state == LOAD_STOPPED)
    (void)g_atomic_int_add (&viewer->worker->playing, -1);
}

/* The stay's record goes to the worker; the place is free. */
static void
end_stay (LoadViewer *viewer, int64_t now_us)
{
  int64_t again_us = now_us + (viewer->stay.failure ? AGAIN_US : 0);

  count_out (viewer);
  load_viewer_close_stay (viewer);
  g_array_append_val (viewer->worker->stays, viewer->stay);
  forget_stay (viewer);
  viewer->state = LOAD_GONE;
  viewer->due_us = again_us;
  g_atomic_int_inc (&viewer->worker->ended);
}

void
load_viewer_fail (LoadViewer *viewer, const char *reason, int64_t now_us)
{
  viewer->stay.failure = g_intern_string (reason);
  end_stay (viewer, now_us);
}

/* About as long as the plan says. */
static int64_t
stay_us (LoadViewer *viewer)
{
  return (int64_t)(viewer->plan->stay_s * (0.5 + load_worker_random (viewer->worker)) * G_USEC_PER_SEC);
}

/* From now on it is one of those who never finish what they began. Returns: whether it stops here. */
static bool
stops_after (LoadViewer *viewer, LoadState state, int64_t now_us)
{
  if (viewer->plan->stop_at != (int)state)
    return false;
  viewer->state = LOAD_STOPPED;
  viewer->leave_us = viewer->plan->stay_s > 0 ? now_us + stay_us (viewer) : INT64_MAX;
  g_atomic_int_inc (&viewer->worker->playing);
  return true;
}

static void
send_datagram (const uint8_t *data, size_t size, void *user_data)
{
  LoadViewer *viewer = user_data;

  /* A full buffer or an unreachable port is a lost datagram; what matters is repeated. */
  (void)send (viewer->udp, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
make_text (char *text, size_t size)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
  uint8_t random[64];

  RAND_bytes (random, (int)size);
  for (size_t i = 0; i + 1 < size; i++)
    text[i] = letters[random[i] % 64];
  text[size - 1] = '\0';
}

void
load_viewer_join (LoadViewer *viewer, int64_t now_us)
{
  const LoadPlan *plan = viewer->plan;
  LoadOffer offer = { .ice_ufrag = viewer->ice_ufrag, .ice_pwd = viewer->ice_pwd, .nack = plan->nack, .rtx = plan->rtx,
                      .fingerprint = air_dtls_identity_get_fingerprint (plan->identity),
                      .transport_cc = plan->transport_cc };

  make_text (viewer->ice_ufrag, 9);
  make_text (viewer->ice_pwd, 25);
  RAND_bytes ((unsigned char *)&viewer->ssrc, sizeof viewer->ssrc);
  g_autofree char *sdp = load_offer_write (&offer);
  LoadRequest request = { .method = "POST", .target = plan->url.target, .content_type = "application/sdp",
                          .token = plan->token, .body = sdp };
  viewer->stay = (LoadStay){ .post_us = now_us, .live_us = -1, .fps = -1 };
  viewer->state = LOAD_POSTING;
  g_atomic_int_inc (&viewer->worker->started);
  viewer->due_us = now_us + JOIN_DEADLINE_US;
  if (!load_http_start (&viewer->http, &plan->url, &request))
    {
      load_viewer_fail (viewer, "no TCP connection", now_us);
      return;
    }
  load_worker_watch (viewer->worker, viewer, viewer->http.fd, false);
}

static bool
open_socket (LoadViewer *viewer)
{
  const AirAddress *target = &viewer->answer.target;
  int family = air_address_is_ipv4 (target) ? AF_INET : AF_INET6, size = (int)viewer->plan->socket_bytes;
  struct sockaddr_storage address;
  socklen_t bytes = air_address_to_sockaddr (target, family, &address);

  viewer->udp = socket (family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (viewer->udp < 0 || bytes == 0)
    return false;
  if (size > 0 && setsockopt (viewer->udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    (void)setsockopt (viewer->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  return connect (viewer->udp, (struct sockaddr *)&address, bytes) == 0;
}

static void
send_check (LoadViewer *viewer, int64_t now_us)
{
  AirStunBuilder builder;
  char username[2 * LOAD_ICE_TEXT_BYTES];

  RAND_bytes (viewer->transaction, sizeof viewer->transaction);
  g_snprintf (username, sizeof username, "%s:%s", viewer->answer.ice_ufrag, viewer->ice_ufrag);
  air_stun_begin (&builder, AIR_STUN_REQUEST, AIR_STUN_BINDING, viewer->transaction);
  air_stun_add_username (&builder, username);
  air_stun_add_role (&builder, AIR_STUN_ROLE_CONTROLLING, UINT64_C (0x8000000000000000) + viewer->ssrc);
  air_stun_add_use_candidate (&builder);
  air_stun_add_priority (&builder, PRIORITY);
  air_stun_add_integrity (&builder, viewer->answer.ice_pwd);
  send_datagram (builder.data, air_stun_finish (&builder), viewer);
  viewer->resend_us = now_us + (viewer->state == LOAD_PLAYING ? CONSENT_US : CHECK_AGAIN_US);
}

static void
read_answer (LoadViewer *viewer, int64_t now_us)
{
  AirAddress server;

  air_address_from_sockaddr ((const struct sockaddr *)&viewer->plan->url.address, &server);
  const char *problem = load_answer_read (load_http_body (&viewer->http), &server, &viewer->answer);
  viewer->location = load_http_header (&viewer->http, "Location");
  if (!problem && !viewer->location)
    problem = "the answer lacks Location";
  if (!problem && !open_socket (viewer))
    problem = "no UDP socket";
  if (problem)
    {
      load_viewer_fail (viewer, problem, now_us);
      return;
    }
  load_http_clear (&viewer->http);
  viewer->stay.answered_us = now_us;
  if (stops_after (viewer, LOAD_POSTING, now_us))
    return;
  viewer->state = LOAD_CHECKING;
  load_worker_watch (viewer->worker, viewer, viewer->udp, true);
  send_check (viewer, now_us);
}

void
load_viewer_http_ready (LoadViewer *viewer, int64_t now_us)
{
  if (viewer->http.fd < 0)
    return;
  LoadHttpState state = load_http_step (&viewer->http);
  if (state == LOAD_HTTP_BUSY)
    return;
  if (viewer->state == LOAD_LEAVING)
    {
      if (state == LOAD_HTTP_FAILED || viewer->http.status >= 300)
        viewer->stay.failure = g_intern_static_string ("DELETE was not answered well");
      end_stay (viewer, now_us);
    }
  else if (state == LOAD_HTTP_FAILED)
    load_viewer_fail (viewer, "the connection ended before the answer to the POST", now_us);
  else if (viewer->http.status != 201)
    {
      char reason[48];
      g_snprintf (reason, sizeof reason, "POST answered %u", viewer->http.status);
      load_viewer_fail (viewer, reason, now_us);
    }
  else
    read_answer (viewer, now_us);
}

/* The path works: shake hands over it. */
static void
begin_dtls (LoadViewer *viewer, int64_t now_us)
{
  const char *fingerprints[] = { viewer->answer.fingerprint, NULL };
  g_autoptr (GError) error = NULL;

  viewer->stay.checked_us = now_us;
  if (stops_after (viewer, LOAD_CHECKING, now_us))
    return;
  viewer->state = LOAD_SHAKING_HANDS;
  viewer->resend_us = now_us + CONSENT_US;
  viewer->dtls = air_dtls_new (viewer->plan->identity, AIR_DTLS_CLIENT, fingerprints, send_datagram, viewer, &error);
  if (!viewer->dtls)
    {
      load_viewer_fail (viewer, error->message, now_us);
      return;
    }
  air_dtls_start (viewer->dtls);
  (void)stops_after (viewer, LOAD_SHAKING_HANDS, now_us);
}

/* A full ICE agent checks us, too (RFC 8445 §7.3). */
static void
answer_check (LoadViewer *viewer, const AirStunMessage *request)
{
  AirStunBuilder builder;

  if (!air_stun_check_integrity (request, viewer->ice_pwd))
    return;
  air_stun_begin (&builder, AIR_STUN_SUCCESS, AIR_STUN_BINDING, request->transaction);
  air_stun_add_xor_mapped_address (&builder, &viewer->answer.target);
  air_stun_add_integrity (&builder, viewer->ice_pwd);
  send_datagram (builder.data, air_stun_finish (&builder), viewer);
}

static void
receive_stun (LoadViewer *viewer, const uint8_t *data, size_t size, int64_t now_us)
{
  AirStunMessage message;

  if (!air_stun_parse (data, size, &message) || message.method != AIR_STUN_BINDING)
    return;
  if (message.message_class == AIR_STUN_REQUEST)
    answer_check (viewer, &message);
  else if (viewer->state == LOAD_CHECKING && message.message_class == AIR_STUN_SUCCESS
           && memcmp (message.transaction, viewer->transaction, sizeof viewer->transaction) == 0
           && air_stun_check_integrity (&message, viewer->answer.ice_pwd))
    begin_dtls (viewer, now_us);
}

static void
begin_media (LoadViewer *viewer, int64_t now_us)
{
  AirSrtpKeys keys;

  if (!air_dtls_get_srtp_keys (viewer->dtls, &keys))
    {
      load_viewer_fail (viewer, "no SRTP keys", now_us);
      return;
    }
  viewer->inbound = air_srtp_new (keys.profile, &keys.remote);
  viewer->outbound = air_srtp_new (keys.profile, &keys.local);
  OPENSSL_cleanse (&keys, sizeof keys);
  load_track_init (&viewer->video, &viewer->stay.counts, &viewer->frames);
  load_track_init (&viewer->audio, &viewer->stay.counts, NULL);
  viewer->frames.wants_keyframe = true;
  viewer->video.asks = viewer->plan->nack && viewer->answer.nack;
  viewer->reports[0].clock_hz = 90000;
  viewer->reports[1].clock_hz = 48000;
  viewer->stay.secured_us = now_us;
  viewer->state = LOAD_PLAYING;
  viewer->due_us = now_us + JOIN_DEADLINE_US;
  viewer->resend_us = now_us + CONSENT_US;
  viewer->leave_us = viewer->plan->stay_s > 0 ? now_us + stay_us (viewer) : INT64_MAX;
  load_viewer_schedule_feedback (viewer, now_us);
  g_atomic_int_inc (&viewer->worker->playing);
}

static void
receive_dtls (LoadViewer *viewer, const uint8_t *data, size_t size, int64_t now_us)
{
  if (!viewer->dtls)
    return;
  switch (air_dtls_receive (viewer->dtls, data, size))
    {
    case AIR_DTLS_CONNECTED:
      if (viewer->state == LOAD_SHAKING_HANDS)
        begin_media (viewer, now_us);
      break;
    case AIR_DTLS_FAILED:
      load_viewer_fail (viewer, "the DTLS handshake failed", now_us);
      break;
    case AIR_DTLS_CLOSED:
      load_viewer_fail (viewer, "the server closed DTLS", now_us);
      break;
    default:
      break;
    }
}

void
load_viewer_datagram (LoadViewer *viewer, uint8_t *data, size_t size, int64_t now_us)
{
  if (viewer->state == LOAD_STOPPED)
    return;
  switch (air_packet_classify (data, size))
    {
    case AIR_PACKET_STUN:
      receive_stun (viewer, data, size, now_us);
      break;
    case AIR_PACKET_DTLS:
      receive_dtls (viewer, data, size, now_us);
      break;
    case AIR_PACKET_RTP:
      if (viewer->state == LOAD_PLAYING)
        load_viewer_rtp (viewer, data, size, now_us);
      break;
    case AIR_PACKET_RTCP:
      if (viewer->state == LOAD_PLAYING)
        load_viewer_rtcp (viewer, data, size, now_us);
      break;
    default:
      break;
    }
}

void
load_viewer_leave (LoadViewer *viewer, bool vanishes, int64_t now_us)
{
  LoadRequest request = { .method = "DELETE", .target = viewer->location, .token = viewer->plan->token };

  if (!viewer->location || vanishes)
    {
      end_stay (viewer, now_us);
      return;
    }
  count_out (viewer);
  /* From now on nothing is counted: what the socket still gets is not read. */
  viewer->state = LOAD_LEAVING;
  viewer->due_us = now_us + LEAVE_DEADLINE_US;
  load_viewer_close_stay (viewer);
  close (viewer->udp);
  viewer->udp = -1;
  load_http_clear (&viewer->http);
  if (load_http_start (&viewer->http, &viewer->plan->url, &request))
    load_worker_watch (viewer->worker, viewer, viewer->http.fd, false);
  else
    end_stay (viewer, now_us);
}

void
load_viewer_stop (LoadViewer *viewer, int64_t now_us)
{
  if (viewer->state != LOAD_IDLE && viewer->state != LOAD_GONE)
    load_viewer_fail (viewer, "had not left when time was up", now_us);
}

static const char *
what_took_so_long (const LoadViewer *viewer)
{
  switch (viewer->state)
    {
    case LOAD_POSTING:
      return "no answer to the POST within 10 s";
    case LOAD_CHECKING:
      return "no answer to ICE checks within 10 s";
    case LOAD_SHAKING_HANDS:
      return "no DTLS connection within 10 s";
    case LOAD_LEAVING:
      return "no answer to the DELETE within 5 s";
    default:
      return "no media within 10 s";
    }
}

void
load_viewer_tick (LoadViewer *viewer, int64_t now_us)
{
  bool waits = viewer->state != LOAD_PLAYING || viewer->stay.first_packet_us == 0;

  if (viewer->state == LOAD_STOPPED)
    {
      if (now_us >= viewer->leave_us)
        load_viewer_leave (viewer, true, now_us);
      return;
    }
  if (waits && now_us >= viewer->due_us)
    {
      load_viewer_fail (viewer, what_took_so_long (viewer), now_us);
      return;
    }
  if (viewer->state == LOAD_SHAKING_HANDS && air_dtls_get_timeout_us (viewer->dtls) == 0)
    air_dtls_handle_timeout (viewer->dtls);
  if (viewer->state == LOAD_LEAVING || viewer->state == LOAD_POSTING)
    return;
  if (now_us >= viewer->resend_us)
    send_check (viewer, now_us);
  if (viewer->state != LOAD_PLAYING)
    return;
  if (now_us >= viewer->leave_us)
    load_viewer_leave (viewer, load_worker_random (viewer->worker) < viewer->plan->vanish, now_us);
  else
    load_viewer_send_feedback (viewer, now_us);
}
