/* Shared by session.c and session-*.c. */
#pragma once

#include <airclass/auth.h>
#include <airclass/error.h>
#include <airclass/stream.h>

#include "adobe-auth.h"
#include "amf.h"
#include "media-message.h"
#include "session.h"
#include "stream-name.h"

G_BEGIN_DECLS

/* Chunk streams that this server sends on. */
#define CHUNK_STREAM_COMMAND 3
#define CHUNK_STREAM_AUDIO 4
#define CHUNK_STREAM_DATA 5
#define CHUNK_STREAM_VIDEO 6

/* What a publisher has said of one kind of media. */
typedef struct
{
  GBytes *header; /* codec configuration as it came; NULL before */
  MediaCodec codec;
  int track;               /* the number of the one that is taken; -1: none yet */
  bool needs_keyframe;     /* video: another track was taken before */
  unsigned length_bytes;   /* H.264: bytes of a NAL unit's length */
} RtmpIncoming;

struct _RtmpSession
{
  RtmpConnection *connection;
  RtmpServer *server;
  AirContext *context;

  /* From connect */
  bool connected;
  char *app, *tc_url, *user_agent;
  AdobeProof *proof; /* (nullable) */
  char *user;        /* (nullable) the name that came with the last credential */
  bool can_reconnect;
  unsigned codecs; /* 1 << MediaCodec: what it can play */
  unsigned streams_created;
  unsigned talk; /* messages of one that does not publish; a player's since the last tick */

  RtmpRole role;
  uint32_t stream_id; /* of publish or play */
  char *path;
  AirIdentity *identity;
  int64_t since_us;

  AirPublisher *publisher;
  unsigned publishing; /* counts them */
  RtmpIncoming incoming[AIR_KIND_COUNT];
  bool told_encoder;

  AirReader *reader;
  RtmpWatch reader_watch;
  AirTrack *sent[AIR_KIND_COUNT]; /* whose header the player has */
  bool blocked[AIR_KIND_COUNT];   /* receiveAudio, receiveVideo: false */
  bool needs_keyframe; /* video was not sent for a while */
  bool waits_for_socket;
  bool paused;
  bool base_known;
  int64_t base_ns; /* what the player sees as 0 */
};

typedef struct
{
  const char *name;
  double transaction;
  GPtrArray *values; /* all of the message; [2] is the command object, [3] the first argument */
  uint32_t stream_id;
} RtmpCommand;

/* Argument @index after the command object; NULL if absent. */
static inline const AmfValue *
rtmp_command_argument (const RtmpCommand *command, unsigned index)
{
  return 3 + index < command->values->len ? command->values->pdata[3 + index] : NULL;
}

/* ---- session.c */
/* Whether the peer's network is in trusted=. */
bool rtmp_session_is_trusted (RtmpSession *session);
/* The role begins: sets path, identity and counters. */
void rtmp_session_begin (RtmpSession *session, RtmpRole role, const char *path, uint32_t stream_id, AirIdentity *identity);
/* Asks the authority. Returns: (transfer full) */
AirIdentity *rtmp_session_authorize (RtmpSession *session, const StreamName *name, AirAction action, GError **error);
/* " as \"kim\"" for the log, "" without a name. */
char *rtmp_session_describe_user (RtmpSession *session);
/* "unauthorized", "limit", … for the metric */
const char *rtmp_refusal_reason (const GError *error);

/* ---- session-reply.c */
void rtmp_reply_command (RtmpSession *session, uint32_t stream_id, GByteArray *body);
/* onStatus. @level: "status" or "error". */
void rtmp_reply_status (RtmpSession *session, uint32_t stream_id, const char *level, const char *code,
                        const char *description);
/* _result with null and @number, or without a number when it is negative. */
void rtmp_reply_result (RtmpSession *session, double transaction, double number);
/* _error with an information object. */
void rtmp_reply_error (RtmpSession *session, double transaction, const char *code, const char *description);
void rtmp_reply_connected (RtmpSession *session, double transaction);

/* ---- session-command.c */
bool rtmp_session_take_command (RtmpSession *session, const RtmpMessage *message, GError **error);

/* ---- session-connect.c */
void rtmp_session_connect (RtmpSession *session, const RtmpCommand *command);

/* ---- session-publish.c */
void rtmp_session_publish (RtmpSession *session, const RtmpCommand *command);
/* @message: its memory is taken when it becomes a frame. */
void rtmp_session_take_media (RtmpSession *session, RtmpMessage *message);
void rtmp_session_take_data (RtmpSession *session, const RtmpMessage *message);
/* Ends publishing, and says why. */
void rtmp_session_reject (RtmpSession *session, const char *reason, const char *description);
void rtmp_session_stop_publishing (RtmpSession *session);

/* ---- session-play.c */
void rtmp_session_play (RtmpSession *session, const RtmpCommand *command);
void rtmp_session_pause (RtmpSession *session, bool pause);
void rtmp_session_stop_playing (RtmpSession *session);
void rtmp_session_pump (RtmpSession *session);

/* ---- codec-track.c */
/* Returns: (transfer full) NULL with RTMP_ERROR or AIR_ERROR when the codec configuration is broken. */
AirTrack *rtmp_track_new (MediaCodec codec, GBytes *header, GError **error);
/* Returns: false for a codec that RTMP cannot carry. */
bool rtmp_track_get_codec (AirTrack *track, MediaCodec *ret_codec);
/* Returns: (transfer full) (nullable) the codec configuration as RTMP carries it. */
GBytes *rtmp_track_get_header (AirTrack *track);

G_END_DECLS
