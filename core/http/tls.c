/* Holds the OpenSSL context that new connections use. Connections keep the one they began with. */
#define G_LOG_DOMAIN "air-http"

#include "http/tls.h"

#include <airclass/error.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

/* By which a changed file is known: the time alone stays the same for two changes within one tick of the clock. */
typedef struct
{
  int64_t changed_s, changed_ns, size;
  uint64_t inode;
} FileStamp;

typedef struct
{
  FileStamp certificate, key;
} Stamp;

struct _AirTls
{
  char *certificate_file, *key_file;
  Stamp stamp;
  SSL_CTX *context;
  GMutex lock;
  GTlsCertificate *certificate; /* under lock */
};

static const unsigned char alpn[] = "\x08http/1.1";

static int
select_protocol (SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                 unsigned int in_length, void *data)
{
  unsigned char *chosen = NULL;
  if (SSL_select_next_proto (&chosen, out_length, alpn, sizeof alpn - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

static void *
fail (const char *file, GError **error)
{
  char reason[256] = "malformed";
  unsigned long code = ERR_peek_last_error ();
  if (code != 0)
    ERR_error_string_n (code, reason, sizeof reason);
  ERR_clear_error ();
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "TLS: '%s' cannot be used: %s", file, reason);
  return NULL;
}

static SSL_CTX *
make_context (const char *certificate_file, const char *key_file, GError **error)
{
  SSL_CTX *context = SSL_CTX_new (TLS_server_method ());
  const char *bad = NULL;
  if (SSL_CTX_use_certificate_chain_file (context, certificate_file) != 1)
    bad = certificate_file;
  else if (SSL_CTX_use_PrivateKey_file (context, key_file, SSL_FILETYPE_PEM) != 1
           || SSL_CTX_check_private_key (context) != 1)
    bad = key_file;
  if (bad != NULL)
    {
      SSL_CTX_free (context);
      return fail (bad, error);
    }
  SSL_CTX_set_min_proto_version (context, TLS1_2_VERSION);
  SSL_CTX_set_options (context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
                                    | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode (context,
                    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode (context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb (context, select_protocol, NULL);
  return context;
}

static FileStamp
read_file_stamp (const char *path)
{
  struct stat status;
  if (stat (path, &status) != 0)
    return (FileStamp){ 0 };
  return (FileStamp){ status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino };
}

static Stamp
read_stamp (const AirTls *tls)
{
  return (Stamp){ read_file_stamp (tls->certificate_file), read_file_stamp (tls->key_file) };
}

static bool
load (AirTls *tls, GError **error)
{
  SSL_CTX *context = make_context (tls->certificate_file, tls->key_file, error);
  if (context == NULL)
    return false;
  GTlsCertificate *certificate = g_tls_certificate_new_from_files (tls->certificate_file, tls->key_file, error);
  if (certificate == NULL)
    {
      g_prefix_error (error, "TLS: '%s': ", tls->certificate_file);
      SSL_CTX_free (context);
      return false;
    }
  g_clear_pointer (&tls->context, SSL_CTX_free);
  tls->context = context;
  g_mutex_lock (&tls->lock);
  g_set_object (&tls->certificate, certificate);
  g_mutex_unlock (&tls->lock);
  g_object_unref (certificate);
  return true;
}

AirTls *
air_tls_new (const char *certificate_file, const char *key_file, GError **error)
{
  g_autoptr (AirTls) tls = g_new0 (AirTls, 1);
  g_mutex_init (&tls->lock);
  tls->certificate_file = g_strdup (certificate_file);
  tls->key_file = g_strdup (key_file);
  tls->stamp = read_stamp (tls);
  return load (tls, error) ? g_steal_pointer (&tls) : NULL;
}

void
air_tls_free (AirTls *tls)
{
  if (tls == NULL)
    return;
  g_clear_pointer (&tls->context, SSL_CTX_free);
  g_clear_object (&tls->certificate);
  g_mutex_clear (&tls->lock);
  g_free (tls->certificate_file);
  g_free (tls->key_file);
  g_free (tls);
}

void
air_tls_refresh (AirTls *tls)
{
  g_autoptr (GError) error = NULL;
  Stamp stamp = read_stamp (tls);
  if (memcmp (&stamp, &tls->stamp, sizeof stamp) == 0)
    return;
  tls->stamp = stamp;
  if (load (tls, &error))
    g_message ("the TLS certificate '%s' was renewed", tls->certificate_file);
  else
    /* Two files are not replaced at one instant: the second change is seen the next time. */
    g_warning ("the new TLS certificate is not used: %s", error->message);
}

SSL_CTX *
air_tls_get_context (AirTls *tls)
{
  return tls->context;
}

GTlsCertificate *
air_tls_get_certificate (AirTls *tls)
{
  g_mutex_lock (&tls->lock);
  GTlsCertificate *certificate = g_object_ref (tls->certificate);
  g_mutex_unlock (&tls->lock);
  return certificate;
}
