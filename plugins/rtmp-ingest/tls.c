/* Gives the certificate that GLib holds to OpenSSL, as PEM text: an SSL on a descriptor fits epoll, a GIOStream does not. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>

struct _RtmpTls
{
  GTlsCertificate *certificate; /* of @context */
  SSL_CTX *context;
};

RtmpTls *
rtmp_tls_new (void)
{
  return g_new0 (RtmpTls, 1);
}

void
rtmp_tls_free (RtmpTls *tls)
{
  if (!tls)
    return;
  g_clear_object (&tls->certificate);
  g_clear_pointer (&tls->context, SSL_CTX_free);
  g_free (tls);
}

static bool
fail (GError **error, const char *what)
{
  unsigned long code = ERR_get_error ();
  const char *reason = code != 0 ? ERR_reason_error_string (code) : NULL;
  g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "%s: %s", what, reason ? reason : "no reason given");
  ERR_clear_error ();
  return false;
}

static X509 *
read_certificate (GTlsCertificate *certificate)
{
  g_autofree char *pem = NULL;
  g_object_get (certificate, "certificate-pem", &pem, NULL);
  if (!pem)
    return NULL;
  BIO *bio = BIO_new_mem_buf (pem, -1);
  X509 *x509 = PEM_read_bio_X509 (bio, NULL, NULL, NULL);
  BIO_free (bio);
  return x509;
}

static bool
use_key (SSL_CTX *context, GTlsCertificate *certificate, GError **error)
{
  g_autofree char *pem = NULL;
  g_object_get (certificate, "private-key-pem", &pem, NULL);
  if (!pem)
    return fail (error, "the certificate has no private key that can be read");
  BIO *bio = BIO_new_mem_buf (pem, -1);
  EVP_PKEY *key = PEM_read_bio_PrivateKey (bio, NULL, NULL, NULL);
  BIO_free (bio);
  bool ok = key && SSL_CTX_use_PrivateKey (context, key) == 1 && SSL_CTX_check_private_key (context) == 1;
  EVP_PKEY_free (key);
  return ok || fail (error, "the private key");
}

static bool
use_chain (SSL_CTX *context, GTlsCertificate *certificate, GError **error)
{
  X509 *own = read_certificate (certificate);
  bool ok = own && SSL_CTX_use_certificate (context, own) == 1;
  X509_free (own);
  if (!ok)
    return fail (error, "the certificate");
  for (GTlsCertificate *issuer = g_tls_certificate_get_issuer (certificate); issuer;
       issuer = g_tls_certificate_get_issuer (issuer))
    {
      X509 *x509 = read_certificate (issuer);
      if (!x509 || SSL_CTX_add0_chain_cert (context, x509) != 1)
        {
          X509_free (x509);
          return fail (error, "an intermediate certificate");
        }
    }
  return true;
}

static bool
renew (RtmpTls *tls, GTlsCertificate *certificate, GError **error)
{
  SSL_CTX *context = SSL_CTX_new (TLS_server_method ());
  if (!context)
    return fail (error, "TLS");
  SSL_CTX_set_min_proto_version (context, TLS1_2_VERSION);
  SSL_CTX_set_mode (context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options (context, SSL_OP_NO_RENEGOTIATION);
  if (!use_chain (context, certificate, error) || !use_key (context, certificate, error))
    {
      SSL_CTX_free (context);
      return false;
    }
  g_clear_pointer (&tls->context, SSL_CTX_free);
  tls->context = context;
  g_set_object (&tls->certificate, certificate);
  return true;
}

SSL *
rtmp_tls_accept (RtmpTls *tls, GTlsCertificate *certificate, int fd, GError **error)
{
  if (tls->certificate != certificate && !renew (tls, certificate, error))
    return NULL;
  SSL *ssl = SSL_new (tls->context);
  if (!ssl || SSL_set_fd (ssl, fd) != 1)
    {
      SSL_free (ssl);
      fail (error, "TLS");
      return NULL;
    }
  SSL_set_accept_state (ssl);
  return ssl;
}
