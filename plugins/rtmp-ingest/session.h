/* What a connection says once its handshake is over: commands, publishing, playing. I/O thread only. */
#pragma once

#include "chunk-reader.h"
#include "connection.h"

G_BEGIN_DECLS

typedef struct _RtmpSession RtmpSession;

RtmpSession *rtmp_session_new (RtmpConnection *connection);
/* The connection is gone: ends publishing or playing. */
void rtmp_session_free (RtmpSession *session);

/* One message. Returns: false with @error when the peer broke the protocol; the connection is then closed. */
bool rtmp_session_take (RtmpSession *session, RtmpMessage *message, GError **error);

typedef enum
{
  RTMP_ROLE_NONE, /* has not said yet what it wants */
  RTMP_ROLE_PUBLISHER,
  RTMP_ROLE_PLAYER,
} RtmpRole;

RtmpRole rtmp_session_get_role (RtmpSession *session);
/* The path, for log lines; NULL before publish or play. */
const char *rtmp_session_get_path (RtmpSession *session);
/* Everything that waited was sent: a player may take more. */
void rtmp_session_resume (RtmpSession *session);
/* Called about twice a second: ends what a credential no longer covers. */
void rtmp_session_tick (RtmpSession *session);
void rtmp_session_ping (RtmpSession *session);
/* The peer broke the protocol or took too long: tells it why. The connection is finished by the caller. */
void rtmp_session_fail (RtmpSession *session, const char *description);
/* Ends publishing or playing, without a word. */
void rtmp_session_stop (RtmpSession *session);
/* @publishing: which of its publishings the host has ended. */
void rtmp_session_publisher_ended (RtmpSession *session, unsigned publishing, AirPublisherEnded reason);
/* The server stops: clients that can are asked to reconnect, all are told. */
void rtmp_session_drain (RtmpSession *session);

G_END_DECLS
