/* RTMPS: OpenSSL over a non-blocking socket. The context is used on the I/O thread only. */
#pragma once

#include <gio/gio.h>
#include <openssl/ssl.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct _RtmpTls RtmpTls;

RtmpTls *rtmp_tls_new (void);
void rtmp_tls_free (RtmpTls *tls);

/* A server side of TLS on @fd with @certificate, whose parsed form is kept while it stays the same.
 * Returns: (transfer full) NULL with G_TLS_ERROR when the certificate or its key cannot be used. */
SSL *rtmp_tls_accept (RtmpTls *tls, GTlsCertificate *certificate, int fd, GError **error);

G_END_DECLS
