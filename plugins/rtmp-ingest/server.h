/* The RTMP server: listeners, the I/O thread with its loop, and all connections.
 *
 * Made, started, told to stop and freed on the main thread. Everything about a connection happens on the I/O thread; other
 * threads only leave it messages.
 */
#pragma once

#include <airclass/context.h>
#include <airclass/stream.h>

#include "adobe-auth.h"
#include "loop.h"
#include "metrics.h"
#include "settings.h"
#include "tls.h"

G_BEGIN_DECLS

typedef struct _RtmpServer RtmpServer;
typedef struct _RtmpConnection RtmpConnection;

RtmpServer *rtmp_server_new (AirContext *context);
/* Accepts what a failed start left behind; waits for the I/O thread, which must have been told to stop. */
void rtmp_server_free (RtmpServer *server);
/* Binds and listens, announces the endpoints, starts the I/O thread. */
bool rtmp_server_start (RtmpServer *server, GError **error);
/* Stops accepting, tells publishers to reconnect, flushes and closes; returns TRUE through @task when all is gone. */
void rtmp_server_stop (RtmpServer *server, GTask *task);
/* Takes over options that changed. */
void rtmp_server_reload (RtmpServer *server);

/* ---- For connections and sessions, on the I/O thread */
AirContext *rtmp_server_get_context (RtmpServer *server);
const RtmpSettings *rtmp_server_get_settings (RtmpServer *server);
RtmpMetrics *rtmp_server_get_metrics (RtmpServer *server);
RtmpLoop *rtmp_server_get_loop (RtmpServer *server);
RtmpTls *rtmp_server_get_tls (RtmpServer *server);
AdobeAuth *rtmp_server_get_adobe_auth (RtmpServer *server);
/* The buffer of the thread into which every socket is read. */
uint8_t *rtmp_server_get_receive_buffer (RtmpServer *server, size_t *ret_size);
/* The connection is over and will be freed; forgets it. */
void rtmp_server_forget (RtmpServer *server, RtmpConnection *connection);
/* Ends the connection that publishes @path if it has been silent for a while: its phone has changed networks and is back
 * before the old connection is known to be dead. Returns: whether there was one. */
bool rtmp_server_end_silent_publisher (RtmpServer *server, const char *path);
void rtmp_server_count_publisher (RtmpServer *server, int change);
void rtmp_server_count_player (RtmpServer *server, int change);

/* ---- Any thread */
/* The host has ended the publisher of connection @id, its @publishing-th. */
void rtmp_server_post_ended (RtmpServer *server, uint64_t id, unsigned publishing, AirPublisherEnded reason);

G_END_DECLS
