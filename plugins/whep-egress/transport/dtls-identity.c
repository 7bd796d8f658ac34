/* The process's certificate, the context made from it, and fingerprints (RFC 8122 §5).
 *
 * An identity is made on one thread and immutable from then on. */
#include "dtls-private.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#define CERTIFICATE_SECONDS (365L * 24 * 3600)
#define CLOCK_SLACK_SECONDS (24L * 3600)
#define MAX_PEER_CERTIFICATES_BYTES (16 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SSL_CTX, SSL_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)

struct _AirDtlsIdentity
{
  int references;
  SSL_CTX *context;
  char *fingerprint;
};

static const struct
{
  const char *name;
  const EVP_MD *(*get) (void);
} hashes[] = {
  { "sha-256", EVP_sha256 },
  { "sha-384", EVP_sha384 },
  { "sha-512", EVP_sha512 },
};

bool
air_dtls_fingerprint_parse (const char *value, AirDtlsFingerprint *ret_fingerprint)
{
  const char *text = strchr (value, ' ');
  size_t size;

  ret_fingerprint->hash = NULL;
  for (size_t i = 0; text != NULL && i < G_N_ELEMENTS (hashes); i++)
    if (strlen (hashes[i].name) == (size_t)(text - value)
        && g_ascii_strncasecmp (hashes[i].name, value, (size_t)(text - value)) == 0)
      ret_fingerprint->hash = hashes[i].get ();
  if (ret_fingerprint->hash == NULL)
    return false;

  size = (size_t)EVP_MD_get_size (ret_fingerprint->hash);
  text++;
  if (strlen (text) != size * 3 - 1)
    return false;
  for (size_t i = 0; i < size; i++, text += 3)
    {
      if (!g_ascii_isxdigit (text[0]) || !g_ascii_isxdigit (text[1]) || text[2] != (i + 1 < size ? ':' : '\0'))
        return false;
      ret_fingerprint->digest[i]
          = (uint8_t)(g_ascii_xdigit_value (text[0]) << 4 | g_ascii_xdigit_value (text[1]));
    }
  return true;
}

bool
air_dtls_fingerprint_is_valid (const char *value)
{
  AirDtlsFingerprint fingerprint;

  return air_dtls_fingerprint_parse (value, &fingerprint);
}

bool
air_dtls_fingerprint_matches (const AirDtlsFingerprint *fingerprint, X509 *certificate)
{
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;

  return X509_digest (certificate, fingerprint->hash, digest, &size) == 1
         && CRYPTO_memcmp (digest, fingerprint->digest, size) == 0;
}

static char *
format_fingerprint (X509 *certificate)
{
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  GString *text = g_string_new ("sha-256 ");

  X509_digest (certificate, EVP_sha256 (), digest, &size);
  for (unsigned i = 0; i < size; i++)
    g_string_append_printf (text, i == 0 ? "%02X" : ":%02X", digest[i]);
  return g_string_free (text, FALSE);
}

/* Nothing in it names the host: browsers look at the fingerprint only (RFC 8827 §6.5). */
static X509 *
make_certificate (EVP_PKEY *key)
{
  g_autoptr (X509) certificate = X509_new ();
  uint64_t serial = 0;

  if (certificate == NULL || RAND_bytes ((unsigned char *)&serial, sizeof serial) != 1)
    return NULL;
  X509_NAME *name = X509_get_subject_name (certificate);
  if (X509_set_version (certificate, 2) != 1
      || ASN1_INTEGER_set_uint64 (X509_get_serialNumber (certificate), serial >> 1 | 1) != 1
      || X509_gmtime_adj (X509_getm_notBefore (certificate), -CLOCK_SLACK_SECONDS) == NULL
      || X509_gmtime_adj (X509_getm_notAfter (certificate), CERTIFICATE_SECONDS) == NULL
      || X509_NAME_add_entry_by_txt (name, "CN", MBSTRING_ASC, (const unsigned char *)"WebRTC", -1, -1, 0) != 1
      || X509_set_issuer_name (certificate, name) != 1 || X509_set_pubkey (certificate, key) != 1
      || X509_sign (certificate, key, EVP_sha256 ()) == 0)
    return NULL;
  return g_steal_pointer (&certificate);
}

/* Replaces chain verification: a self-signed certificate is good when the offer named its fingerprint. */
static int
verify_peer (X509_STORE_CTX *store, void *user_data)
{
  SSL *ssl = X509_STORE_CTX_get_ex_data (store, SSL_get_ex_data_X509_STORE_CTX_idx ());
  X509 *certificate = X509_STORE_CTX_get0_cert (store);

  if (certificate != NULL && air_dtls_accepts_certificate (ssl, certificate))
    {
      X509_STORE_CTX_set_error (store, X509_V_OK);
      return 1;
    }
  X509_STORE_CTX_set_error (store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

static bool
configure (SSL_CTX *context, X509 *certificate, EVP_PKEY *key)
{
  SSL_CTX_set_options (context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION
                                    | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode (context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list (context, MAX_PEER_CERTIFICATES_BYTES);
  SSL_CTX_set_verify (context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_cert_verify_callback (context, verify_peer, NULL);
  return SSL_CTX_set_min_proto_version (context, DTLS1_2_VERSION) == 1
         && SSL_CTX_set_max_proto_version (context, DTLS1_2_VERSION) == 1
         && SSL_CTX_set_cipher_list (context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
         && SSL_CTX_use_certificate (context, certificate) == 1 && SSL_CTX_use_PrivateKey (context, key) == 1
         /* 0 means success here */
         && SSL_CTX_set_tlsext_use_srtp (context, "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80")
                == 0;
}

AirDtlsIdentity *
air_dtls_identity_new (GError **error)
{
  g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
  g_autoptr (X509) certificate = key != NULL ? make_certificate (key) : NULL;
  g_autoptr (SSL_CTX) context = SSL_CTX_new (DTLS_method ());
  AirDtlsIdentity *identity;

  if (certificate == NULL || context == NULL || !configure (context, certificate, key))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make a DTLS certificate: %s",
                   ERR_reason_error_string (ERR_peek_last_error ()));
      ERR_clear_error ();
      return NULL;
    }
  identity = g_new0 (AirDtlsIdentity, 1);
  identity->references = 1;
  identity->context = g_steal_pointer (&context);
  identity->fingerprint = format_fingerprint (certificate);
  return identity;
}

AirDtlsIdentity *
air_dtls_identity_ref (AirDtlsIdentity *identity)
{
  g_atomic_int_inc (&identity->references);
  return identity;
}

void
air_dtls_identity_unref (AirDtlsIdentity *identity)
{
  if (identity == NULL || !g_atomic_int_dec_and_test (&identity->references))
    return;
  SSL_CTX_free (identity->context);
  g_free (identity->fingerprint);
  g_free (identity);
}

const char *
air_dtls_identity_get_fingerprint (const AirDtlsIdentity *identity)
{
  return identity->fingerprint;
}

SSL_CTX *
air_dtls_identity_get_context (const AirDtlsIdentity *identity)
{
  return identity->context;
}
