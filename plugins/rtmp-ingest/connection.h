/* One TCP or TLS connection: handshake, bytes in to the chunk reader, bytes out, deadlines. I/O thread only.
 *
 * The server owns it until rtmp_server_forget(); it owns its session. A connection that is closing flushes what it has,
 * shuts its side down and waits for the peer, so that a last status is not lost in a reset.
 */
#pragma once

#include "chunk-writer.h"
#include "server.h"

G_BEGIN_DECLS

/* Takes @fd, also on failure. Returns: NULL with @error. */
RtmpConnection *rtmp_connection_new (RtmpServer *server, uint64_t id, int fd, GInetAddress *address, bool tls,
                                     GError **error);

/* "192.0.2.7": one address has one text */
const char *rtmp_connection_get_address_text (RtmpConnection *connection);
GInetAddress *rtmp_connection_get_address (RtmpConnection *connection);
uint64_t rtmp_connection_get_id (RtmpConnection *connection);
bool rtmp_connection_is_tls (RtmpConnection *connection);
RtmpServer *rtmp_connection_get_server (RtmpConnection *connection);
bool rtmp_connection_is_closing (RtmpConnection *connection);

/* Where messages are written; rtmp_connection_flush() sends them, and is called after every turn of input anyway. */
ChunkWriter *rtmp_connection_get_writer (RtmpConnection *connection);
GByteArray *rtmp_connection_get_out (RtmpConnection *connection);
/* Bytes that wait to be sent. */
size_t rtmp_connection_get_pending (RtmpConnection *connection);
void rtmp_connection_flush (RtmpConnection *connection);
/* The peer asked for an Acknowledgement every @bytes. */
void rtmp_connection_set_ack_window (RtmpConnection *connection, uint32_t bytes);

/* It may publish: from now on messages may be as long as max_message= says. */
void rtmp_connection_expect_media (RtmpConnection *connection);

/* Flushes and closes. The session gets no more messages. */
void rtmp_connection_finish (RtmpConnection *connection);
/* Closes now and has the server forget it, which frees it when the round is over. */
void rtmp_connection_abort (RtmpConnection *connection);
void rtmp_connection_free (RtmpConnection *connection);
/* Called about twice a second: deadlines. */
void rtmp_connection_tick (RtmpConnection *connection, int64_t now_us);
/* Bytes in and out since the last call. */
void rtmp_connection_take_counts (RtmpConnection *connection, uint64_t *ret_in, uint64_t *ret_out);

/* Whether it publishes @path and nothing has come from it for two seconds. */
bool rtmp_connection_is_silent_publisher (RtmpConnection *connection, const char *path);

/* For the server's messages to the session. */
void rtmp_connection_publisher_ended (RtmpConnection *connection, unsigned publishing, AirPublisherEnded reason);
void rtmp_connection_drain (RtmpConnection *connection);

G_END_DECLS
