/* The HTTP resource of WHEP (draft-ietf-wish-whep): POST makes a session, PATCH trickles or restarts ICE, DELETE ends it.
 * Main thread. */
#include <string.h>

#include "whep-private.h"

#define SDP_TYPE "application/sdp"
#define FRAGMENT_TYPE "application/trickle-ice-sdpfrag"
#define RETRY_AFTER_S "2"

/* ---- Refusals */

static void
refuse (AirWhep *whep, AirRequest *request, unsigned status, const char *slug, const char *detail)
{
  const char *labels[] = { slug, NULL };
  air_metric_add (whep->refused, 1, labels);
  air_request_reply_problem (request, status, slug, detail);
}

static void
refuse_later (AirWhep *whep, AirRequest *request, unsigned status, const char *slug, const char *detail)
{
  air_request_set_header (request, "Retry-After", RETRY_AFTER_S);
  refuse (whep, request, status, slug, detail);
}

/* What the parser and the engine say, in HTTP. */
static void
refuse_error (AirWhep *whep, AirRequest *request, const GError *error)
{
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_INVALID))
    refuse (whep, request, 400, "sdp-malformed", error->message);
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED))
    refuse (whep, request, 406, "not-acceptable", error->message);
  else if (g_error_matches (error, AIR_ENGINE_ERROR, AIR_ENGINE_ERROR_STREAM))
    refuse (whep, request, 406, "stream-not-playable", error->message);
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE))
    refuse_later (whep, request, 409, "not-live", error->message);
  else
    air_request_reply_error (request, error);
}

/* ---- Headers that several answers share */

/* @viewer: for whom credentials are made; NULL: somebody who may not have any. */
static void
set_ice_servers (AirWhep *whep, AirRequest *request, const char *viewer)
{
  g_autofree char *link = air_ice_servers_link (whep->ice_servers, viewer, g_get_real_time () / G_USEC_PER_SEC);
  if (link)
    air_request_set_header (request, "Link", link);
}

/* ---- POST */

/* The request waits for the engine's answer. */
typedef struct
{
  AirWhep *whep;
  AirRequest *request;
  char *session_id;
  char *peer_ufrag;
  AirSdpOffer *offer; /* the engine reads it until it answers; NULL: an ICE restart */
} Pending;

/* @offer: (transfer full) (nullable) */
static Pending *
pending_new (AirWhep *whep, AirRequest *request, const AirWhepSession *session, const char *peer_ufrag,
             AirSdpOffer *offer)
{
  Pending *pending = g_new (Pending, 1);
  *pending
      = (Pending){ whep, air_request_ref (request), g_strdup (session->session_id), g_strdup (peer_ufrag), offer };
  return pending;
}

static void
pending_free (void *data)
{
  Pending *pending = data;
  air_request_unref (pending->request);
  g_free (pending->session_id);
  g_free (pending->peer_ufrag);
  air_sdp_offer_free (pending->offer);
  g_free (pending);
}

static void
on_answer (const char *sdp, const GError *error, void *data)
{
  Pending *pending = data;
  AirWhep *whep = pending->whep;
  const char *path = air_request_get_variable (pending->request, "path");
  AirWhepSession *session = air_whep_sessions_find (whep->sessions, pending->session_id, path);
  if (!sdp || !session)
    {
      if (session)
        air_whep_sessions_remove (whep->sessions, session);
      if (error)
        refuse_error (whep, pending->request, error);
      else
        refuse_later (whep, pending->request, 409, "not-live", "The session ended before it began.");
      return;
    }
  air_whep_session_set_state (session, AIR_WHEP_ANSWERED);
  g_autofree char *location = g_strdup_printf ("/%s/whep/%s", path, session->session_id);
  air_request_set_header (pending->request, "Location", location);
  air_request_set_header (pending->request, "ETag", session->etag);
  air_request_set_header (pending->request, "Accept-Patch", FRAGMENT_TYPE);
  set_ice_servers (whep, pending->request, session->viewer_id);
  g_message ("viewer %s joins %s", session->viewer_id, path);
  air_request_reply_text (pending->request, 201, SDP_TYPE, sdp);
}

/* Returns: (transfer full) the caller, or NULL. */
static AirIdentity *
may_watch (AirWhep *whep, AirRequest *request, const char *path, GError **error)
{
  AirAccess access = {
    .action = AIR_ACTION_READ,
    .path = path,
    .protocol = "whep",
    .address = air_request_get_address (request),
    .token = air_request_get_token (request),
  };
  return air_context_authorize (whep->context, &access, error);
}

/* Returns: (transfer full) the caller, or NULL after a refusal. */
static AirIdentity *
authorize (AirWhep *whep, AirRequest *request, const char *path)
{
  g_autoptr (GError) error = NULL;
  AirIdentity *identity = may_watch (whep, request, path, &error);
  if (!identity)
    {
      const char *labels[] = { "unauthorized", NULL };
      air_metric_add (whep->refused, 1, labels);
      air_request_reply_error (request, error);
    }
  return identity;
}

static AirSdpOffer *
parse_offer (AirWhep *whep, AirRequest *request)
{
  g_autoptr (GError) error = NULL;
  size_t size;
  const char *text = g_bytes_get_data (air_request_get_body (request), &size);
  AirSdpOffer *offer = size > 0 ? air_sdp_offer_parse (text, size, &error) : NULL;
  if (error)
    refuse_error (whep, request, error);
  else if (!offer)
    refuse (whep, request, 400, "sdp-malformed", "The body is empty. This server makes no offers: send one, it answers.");
  return offer;
}

static void
end_session (AirWhep *whep, AirWhepSession *session, AirViewerReason reason)
{
  g_autofree char *viewer_id = g_strdup (session->viewer_id);
  air_whep_sessions_remove (whep->sessions, session);
  whep->engine->class->remove_viewer (whep->engine, viewer_id, reason);
}

/* Nobody takes the places of all. Returns false after a refusal. */
static bool
make_room (AirWhep *whep, AirRequest *request, const char *path, AirIdentity *identity)
{
  if (air_whep_sessions_count (whep->sessions) < whep->max_viewers)
    return true;
  AirWhepSession *replaced = air_whep_sessions_find_replaceable (whep->sessions, path, identity);
  if (replaced)
    end_session (whep, replaced, AIR_VIEWER_REPLACED);
  else
    refuse_later (whep, request, 503, "too-many-viewers", "This server has as many viewers as it may have.");
  return replaced != NULL;
}

static void
handle_post (AirRequest *request, void *self)
{
  AirWhep *whep = self;
  const char *path = air_request_get_variable (request, "path");
  if (!air_stream_path_is_valid (path))
    {
      refuse (whep, request, 400, "path-invalid", "That is no path of a stream.");
      return;
    }
  g_autoptr (AirIdentity) identity = authorize (whep, request, path);
  if (!identity)
    return;
  if (!g_str_equal (air_request_get_content_type (request), SDP_TYPE))
    {
      refuse (whep, request, 415, "unsupported-media-type", "The offer must be " SDP_TYPE ".");
      return;
    }
  g_autoptr (AirSdpOffer) offer = parse_offer (whep, request);
  if (!offer)
    return;
  g_autoptr (AirStream) stream = air_context_find_stream (whep->context, path);
  if (!stream)
    {
      refuse_later (whep, request, 409, "not-live", "Nobody publishes this stream now.");
      return;
    }
  if (!make_room (whep, request, path, identity))
    return;
  const char *ufrag = offer->transport.ice_ufrag;
  AirWhepSession *session = air_whep_sessions_add (whep->sessions, path, identity, ufrag);
  AirViewerRequest viewer = { session->viewer_id, path, stream, offer };
  Pending *pending = pending_new (whep, request, session, ufrag, g_steal_pointer (&offer));
  whep->engine->class->add_viewer (whep->engine, &viewer, on_answer, pending, pending_free);
}

/* ---- PATCH and DELETE */

AirWhepSession *
air_whep_find_session (AirWhep *whep, AirRequest *request)
{
  AirWhepSession *session = air_whep_sessions_find (whep->sessions, air_request_get_variable (request, "session_id"),
                                                    air_request_get_variable (request, "path"));
  if (!session)
    air_request_reply_problem (request, 404, "session-not-found", "There is no such session, or it has ended.");
  return session;
}

/* A token that comes along and is good for the path keeps the session beyond the old one's end. */
static void
extend (AirWhepSession *session, AirRequest *request)
{
  AirIdentity *identity = air_request_get_identity (request);
  if (!identity || !air_identity_may (identity, AIR_ACTION_READ, session->path))
    return;
  int64_t expires_at = air_identity_get_expires_at (identity);
  int64_t present = air_identity_get_expires_at (session->identity);
  if (present == 0 || (expires_at != 0 && expires_at <= present))
    return;
  air_identity_unref (session->identity);
  session->identity = air_identity_ref (identity);
}

/* RFC 9725 §4.3.1: an entity tag must be named; "*" is for an ICE restart. */
static bool
check_if_match (AirRequest *request, const AirWhepSession *session)
{
  const char *if_match = air_request_get_header (request, "If-Match");
  if (!if_match)
    {
      air_request_reply_problem (request, 428, "precondition-required", "If-Match must name the session's ETag, or *.");
      return false;
    }
  if (g_str_equal (if_match, "*"))
    return true;
  g_auto (GStrv) tags = g_strsplit (if_match, ",", 16);
  for (char **tag = tags; *tag; tag++)
    if (g_str_equal (g_strstrip (*tag), session->etag))
      return true;
  air_request_reply_problem (request, 412, "precondition-failed", "The session has another ETag now.");
  return false;
}

static void
on_restarted (const char *sdp, const GError *error, void *data)
{
  Pending *pending = data;
  AirWhepSession *session = air_whep_sessions_find (pending->whep->sessions, pending->session_id,
                                                    air_request_get_variable (pending->request, "path"));
  if (!session || g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    {
      air_request_reply_problem (pending->request, 404, "session-not-found", "The session has ended.");
      return;
    }
  /* RFC 9725 §4.3.3: the session goes on with what it has, as long as that carries it. */
  if (!sdp)
    {
      air_request_reply_error (pending->request, error);
      return;
    }
  air_whep_session_renew (session, pending->peer_ufrag);
  air_request_set_header (pending->request, "ETag", session->etag);
  air_request_reply_text (pending->request, 200, FRAGMENT_TYPE, sdp);
}

static void
handle_patch (AirRequest *request, void *self)
{
  AirWhep *whep = self;
  AirWhepSession *session = air_whep_find_session (whep, request);
  if (!session)
    return;
  if (!g_str_equal (air_request_get_content_type (request), FRAGMENT_TYPE))
    {
      air_request_set_header (request, "Accept-Patch", FRAGMENT_TYPE);
      air_request_reply_problem (request, 415, "unsupported-media-type", "The fragment must be " FRAGMENT_TYPE ".");
      return;
    }
  if (!check_if_match (request, session))
    return;
  size_t size;
  const char *text = g_bytes_get_data (air_request_get_body (request), &size);
  g_auto (AirSdpFragment) fragment = { 0 };
  g_autoptr (GError) error = NULL;
  if (!air_sdp_fragment_parse (text ? text : "", size, &fragment, &error))
    {
      air_request_reply_problem (request, 400, "sdp-malformed", error->message);
      return;
    }
  extend (session, request);
  /* Players of other servers trickle with "*" too, so only new credentials make a restart (RFC 8839 §4.4.1.1.1). */
  if (!g_str_equal (air_request_get_header (request, "If-Match"), "*")
      || g_strcmp0 (fragment.ice_ufrag, session->peer_ufrag) == 0)
    {
      if (whep->engine->class->add_candidates)
        whep->engine->class->add_candidates (whep->engine, session->viewer_id, &fragment);
      air_request_reply_empty (request, 204);
    }
  else if (!fragment.ice_ufrag)
    air_request_reply_problem (request, 400, "sdp-malformed", "An ICE restart needs a=ice-ufrag and a=ice-pwd.");
  else
    whep->engine->class->restart (whep->engine, session->viewer_id, &fragment, on_restarted,
                                  pending_new (whep, request, session, fragment.ice_ufrag, NULL), pending_free);
}

static void
handle_delete (AirRequest *request, void *self)
{
  AirWhep *whep = self;
  AirWhepSession *session = air_whep_find_session (whep, request);
  if (!session)
    return;
  end_session (whep, session, AIR_VIEWER_LEFT);
  air_request_reply_empty (request, 200);
}

/* ---- OPTIONS and GET */

/* A player that must go through a relay asks before it makes its offer (RFC 9725 §4.6), with the token of the offer; who
 * shows none is told only of what needs no credentials. */
static void
set_endpoint_headers (AirWhep *whep, AirRequest *request)
{
  const char *path = air_request_get_variable (request, "path");
  g_autoptr (AirIdentity) identity = NULL;
  if (air_request_get_token (request) && air_stream_path_is_valid (path))
    identity = may_watch (whep, request, path, NULL);
  set_ice_servers (whep, request, identity ? "viewer" : NULL);
  air_request_set_header (request, "Accept-Post", SDP_TYPE);
  air_request_set_header (request, "Allow", "OPTIONS, GET, HEAD, POST");
}

static void
handle_options (AirRequest *request, void *self)
{
  set_endpoint_headers (self, request);
  air_request_reply_empty (request, 204);
}

/* draft-ietf-wish-whep §4.1: players look by HEAD whether there is an endpoint; there is no content. */
static void
handle_endpoint_get (AirRequest *request, void *self)
{
  set_endpoint_headers (self, request);
  air_request_reply_empty (request, 200);
}

static void
handle_session_options (AirRequest *request, void *self)
{
  air_request_set_header (request, "Accept-Patch", FRAGMENT_TYPE);
  air_request_set_header (request, "Allow", "OPTIONS, GET, HEAD, PATCH, DELETE");
  air_request_reply_empty (request, 204);
}

/* draft-ietf-wish-whep §4.1: GET and HEAD on a session have no content. */
static void
handle_get (AirRequest *request, void *self)
{
  AirWhepSession *session = air_whep_find_session (self, request);
  if (!session)
    return;
  air_request_set_header (request, "ETag", session->etag);
  air_request_reply_empty (request, 200);
}

/* ---- Routes */

void
air_whep_add_resource (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "POST",
      .template = "/{path}/whep",
      .summary = "Starts to watch with an SDP offer",
      .body = AIR_BODY_RAW,
      .max_body_bytes = AIR_SDP_MAX_BYTES,
      .handler = handle_post },
    { .method = "OPTIONS",
      .template = "/{path}/whep",
      .summary = "What may be posted, and the ICE servers",
      .handler = handle_options },
    { .method = "GET",
      .template = "/{path}/whep",
      .summary = "That there is an endpoint; no content",
      .handler = handle_endpoint_get },
    { .method = "PATCH",
      .template = "/{path}/whep/{session_id}",
      .summary = "Adds candidates, or restarts ICE",
      .body = AIR_BODY_RAW,
      .max_body_bytes = AIR_SDP_MAX_BYTES,
      .handler = handle_patch },
    { .method = "DELETE",
      .template = "/{path}/whep/{session_id}",
      .summary = "Ends the session",
      .handler = handle_delete },
    { .method = "GET",
      .template = "/{path}/whep/{session_id}",
      .summary = "Whether the session lives",
      .handler = handle_get },
    { .method = "OPTIONS",
      .template = "/{path}/whep/{session_id}",
      .summary = "What the session takes",
      .handler = handle_session_options },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
