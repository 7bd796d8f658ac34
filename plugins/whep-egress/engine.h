/* What every engine that brings a stream to WHEP viewers can do; the HTTP resource knows no more than this.
 *
 * Main thread. Answers may come later, by callback, on the main thread too.
 */
#pragma once

#include <airclass/airclass.h>

#include "ice-servers.h"
#include "sdp-offer.h"

G_BEGIN_DECLS

/* Why an engine takes nobody, whatever is offered: what is published cannot be shown to browsers. */
#define AIR_ENGINE_ERROR (air_engine_error_quark ())
typedef enum
{
  AIR_ENGINE_ERROR_STREAM,
} AirEngineError;

GQuark air_engine_error_quark (void);

typedef enum
{
  AIR_VIEWER_LEFT,         /* by itself: DELETE, BYE, close_notify */
  AIR_VIEWER_VANISHED,     /* nothing was heard of it any more */
  AIR_VIEWER_NO_HANDSHAKE, /* ICE and DTLS did not come about in time */
  AIR_VIEWER_REPLACED,     /* no place was left, and its user had many others */
  AIR_VIEWER_DTLS_FAILED,  /* another certificate than announced, or no common profile */
  AIR_VIEWER_EXPIRED,      /* its token ran out */
  AIR_VIEWER_STREAM_ENDED, /* the hold time is over */
  AIR_VIEWER_BFRAMES,      /* [whep-egress] bframes=refuse */
  AIR_VIEWER_SHUTDOWN,
} AirViewerReason;

/* "left", "vanished", … as in the events and the metrics. */
const char *air_viewer_reason_to_string (AirViewerReason reason);

/* What is known of a viewer; a copy. */
typedef struct
{
  char *viewer_id;
  char *path;
  char *address; /* "192.0.2.1:50000"; "" before ICE chose one */
  const char *engine;
  const char *transport; /* "udp", "tcp"; "" before ICE chose a path */
  const char *profile; /* SRTP profile; "" before the handshake is done */
  bool connected;
  int64_t since_us; /* wall clock */
  int64_t rtt_us;   /* -1: not known */
  double loss;      /* share of the packets, 0 to 1, as of the last report of the worst track */
  int64_t jitter_us;
  uint64_t bitrate_bps;  /* sent, over the last second */
  uint64_t estimate_bps; /* what its path carries, as far as that was tried; 0: not known */
  int64_t queue_us;      /* how long packets wait on the path, beyond its own delay; -1: not known */
  /* What is sent to it: "full", "reduced" (without pictures that no other needs), "low" (a smaller rendition), "audio";
   * why, in one word, and since when by the wall clock. Static strings. */
  const char *level, *level_reason;
  int64_t level_since_us;
  uint64_t packets, bytes;
  uint64_t nacks, retransmitted, keyframe_requests;
} AirViewerInfo;

void air_viewer_info_free (AirViewerInfo *info);

/* What the engine did in the last second, for all viewers together. */
typedef struct
{
  uint64_t packets; /* that were sent */
  uint64_t dropped; /* that could not be */
  int64_t late_us;  /* 95 of 100 were sent so soon after they had come in, or sooner; 0: not known */
} AirEngineLoad;

typedef struct
{
  const char *viewer_id; /* unique */
  const char *path;
  AirStream *stream;
  const AirSdpOffer *offer;
} AirViewerRequest;

/* @sdp: the answer or the fragment, NULL with @error. */
typedef void (*AirEngineAnswered) (const char *sdp, const GError *error, void *data);

/* Called by an engine for each viewer that was added: joined() once media flows, left() exactly once. */
typedef struct
{
  void (*joined) (const AirViewerInfo *info, void *data);
  void (*left) (const AirViewerInfo *info, AirViewerReason reason, void *data);
  void *data;
} AirEngineEvents;

typedef struct _AirEngine AirEngine;

typedef struct
{
  const char *name;
  /* Loads what takes long to load; NULL: nothing does. A worker, before start. */
  bool (*prepare) (GError **error);
  /* Binds sockets, starts threads; ends with air_engine_stop() even when it failed. */
  bool (*start) (AirEngine *engine, GError **error);
  /* Says goodbye to all viewers and waits for its threads: some ms. left() is called for each viewer. */
  void (*stop) (AirEngine *engine);
  void (*free) (AirEngine *engine);
  /* What @request points to is borrowed until @answered is called; @destroy may free it. Errors: AIR_ERROR_UNSUPPORTED,
   * _INVALID, _UNAVAILABLE, AIR_ENGINE_ERROR_STREAM. */
  void (*add_viewer) (AirEngine *engine, const AirViewerRequest *request, AirEngineAnswered answered, void *data,
                      GDestroyNotify destroy);
  /* ICE restart (RFC 8445 §9); answers with a fragment. AIR_ERROR_NOT_FOUND when the viewer is gone; with any other error it stays. */
  void (*restart) (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment, AirEngineAnswered answered,
                   void *data, GDestroyNotify destroy);
  /* Candidates that trickle in; NULL: this engine needs none. */
  void (*add_candidates) (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment);
  void (*remove_viewer) (AirEngine *engine, const char *viewer_id, AirViewerReason reason);
  /* Returns: (transfer full) (element-type AirViewerInfo) of @path, or of all when NULL, in no order. */
  GPtrArray *(*list_viewers) (AirEngine *engine, const char *path);
  /* Returns: (transfer full) NULL when it is gone. */
  AirViewerInfo *(*get_viewer) (AirEngine *engine, const char *viewer_id);
  /* NULL: it cannot tell. */
  void (*get_load) (AirEngine *engine, AirEngineLoad *ret_load);
  /* The tracks or the B-frames of @path changed: what is read of it may have to be another rendition. */
  void (*stream_changed) (AirEngine *engine, const char *path);
} AirEngineClass;

struct _AirEngine
{
  const AirEngineClass *class;
};

typedef enum
{
  AIR_BFRAMES_TRANSCODE,
  AIR_BFRAMES_DROP,
  AIR_BFRAMES_REFUSE,
} AirBframes;

/* Of [whep-egress] bframes=. */
AirBframes air_bframes_from_string (const char *text);

/* @context: its options are read at once. */
AirEngine *air_fanout_engine_new (AirContext *context, const AirEngineEvents *events);
/* @servers: outlive the engine. */
AirEngine *air_webrtcbin_engine_new (AirContext *context, const AirIceServers *servers, const AirEngineEvents *events);

G_END_DECLS
