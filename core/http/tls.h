/* The server's certificate: from files, or made for a LAN; reloaded when the files change. Main thread, except where
 * said. */
#pragma once

#include <gio/gio.h>
#include <openssl/ssl.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct _AirTls AirTls;

/* Reads certificate chain and key (PEM). NULL with AIR_ERROR_INVALID naming the file. */
AirTls *air_tls_new (const char *certificate_file, const char *key_file, GError **error);
void air_tls_free (AirTls *tls);
/* Looks whether the files have changed and takes the new ones if they are good; else keeps the old ones and logs why.
 */
void air_tls_refresh (AirTls *tls);
/* (transfer none) For new connections. */
SSL_CTX *air_tls_get_context (AirTls *tls);
/* (transfer full) The same for GIO. Any thread. */
GTlsCertificate *air_tls_get_certificate (AirTls *tls);

/* Makes sure that @folder holds certificate.pem and key.pem (0600), self-signed and good for all of @hosts; makes new
 * ones when they are missing, expire within 30 days or do not cover the hosts. */
bool air_tls_make_self_signed (const char *folder, const char *const *hosts, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirTls, air_tls_free)

G_END_DECLS
