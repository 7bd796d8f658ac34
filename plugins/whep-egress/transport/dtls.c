/* One DTLS association over calls instead of sockets.
 *
 * One thread at a time. OpenSSL reads from the datagram that air_dtls_receive() was given and writes each datagram to the caller's
 * callback through a BIO of our own: memory BIOs are byte streams and would lose the boundaries of datagrams. */
#include "dtls-private.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <string.h>

/* Retransmission starts at 250 ms instead of RFC 6347's 1 s, as the first lost datagram would double the time to the
 * picture, and stops growing at 4 s. */
#define FIRST_TIMEOUT_US 250000u
#define MAX_TIMEOUT_US 4000000u
#define EXPORTER "EXTRACTOR-dtls_srtp" /* RFC 5764 §4.2 */
#define MAX_RECORDS_PER_DATAGRAM 160 /* 13 bytes of record header each */
#define RECORD_HEADER_BYTES 13u
#define AEAD_TAG_BYTES 16u
#define GCM_EXPLICIT_NONCE_BYTES 8u /* RFC 5288 §3 */

struct _AirDtls
{
  AirDtlsIdentity *identity;
  SSL *ssl;
  AirDtlsRole role;
  AirDtlsState state;
  const char *error;
  AirDtlsSend send;
  void *user_data;
  const uint8_t *input; /* the datagram that is being received; NULL: none left */
  size_t input_bytes;
  unsigned n_datagrams;
  unsigned n_fingerprints;
  AirDtlsFingerprint fingerprints[AIR_DTLS_MAX_FINGERPRINTS];
};

static int
bio_write (BIO *bio, const char *data, int size)
{
  AirDtls *dtls = BIO_get_data (bio);

  if (size > 0 && dtls->send != NULL)
    dtls->send ((const uint8_t *)data, (size_t)size, dtls->user_data);
  return size;
}

static int
bio_read (BIO *bio, char *buffer, int size)
{
  AirDtls *dtls = BIO_get_data (bio);
  int bytes = (int)MIN ((size_t)MAX (size, 0), dtls->input_bytes);

  BIO_clear_retry_flags (bio);
  if (dtls->input == NULL)
    {
      BIO_set_retry_read (bio);
      return -1;
    }
  memcpy (buffer, dtls->input, (size_t)bytes);
  dtls->input = NULL;
  dtls->input_bytes = 0;
  return bytes;
}

static long
bio_control (BIO *bio, int command, long number, void *pointer)
{
  const AirDtls *dtls = BIO_get_data (bio);

  switch (command)
    {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
      return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return AIR_DTLS_MTU;
    case BIO_CTRL_PENDING:
      return (long)dtls->input_bytes;
    default:
      return 0;
    }
}

static BIO_METHOD *
get_bio_method (void)
{
  static gsize method;

  if (g_once_init_enter (&method))
    {
      BIO_METHOD *made = BIO_meth_new (BIO_get_new_index () | BIO_TYPE_SOURCE_SINK, "datagram calls");

      if (made == NULL || !BIO_meth_set_write (made, bio_write) || !BIO_meth_set_read (made, bio_read)
          || !BIO_meth_set_ctrl (made, bio_control))
        g_error ("no memory for a BIO method");
      g_once_init_leave (&method, GPOINTER_TO_SIZE (made));
    }
  return GSIZE_TO_POINTER (method);
}

static unsigned
next_timeout_us (SSL *ssl, unsigned previous_us)
{
  return previous_us == 0 ? FIRST_TIMEOUT_US : MIN (previous_us * 2, MAX_TIMEOUT_US);
}

static bool
parse_fingerprints (AirDtls *dtls, const char *const *values, GError **error)
{
  for (size_t i = 0; values[i] != NULL && dtls->n_fingerprints < AIR_DTLS_MAX_FINGERPRINTS; i++)
    if (air_dtls_fingerprint_parse (values[i], &dtls->fingerprints[dtls->n_fingerprints]))
      dtls->n_fingerprints++;
  if (dtls->n_fingerprints > 0)
    return true;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "no usable fingerprint (sha-256, sha-384 or sha-512)");
  return false;
}

static bool
open_session (AirDtls *dtls, GError **error)
{
  BIO *bio = BIO_new (get_bio_method ());

  dtls->ssl = SSL_new (air_dtls_identity_get_context (dtls->identity));
  if (bio == NULL || dtls->ssl == NULL)
    {
      BIO_free (bio);
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make a DTLS session");
      return false;
    }
  BIO_set_data (bio, dtls);
  BIO_set_init (bio, 1);
  SSL_set_bio (dtls->ssl, bio, bio);
  SSL_set_app_data (dtls->ssl, dtls);
  SSL_set_mtu (dtls->ssl, AIR_DTLS_MTU);
  DTLS_set_timer_cb (dtls->ssl, next_timeout_us);
  if (dtls->role == AIR_DTLS_SERVER)
    SSL_set_accept_state (dtls->ssl);
  else
    SSL_set_connect_state (dtls->ssl);
  return true;
}

AirDtls *
air_dtls_new (AirDtlsIdentity *identity, AirDtlsRole role, const char *const *peer_fingerprints, AirDtlsSend send,
              void *user_data, GError **error)
{
  g_autoptr (AirDtls) dtls = g_new0 (AirDtls, 1);

  dtls->identity = air_dtls_identity_ref (identity);
  dtls->role = role;
  dtls->send = send;
  dtls->user_data = user_data;
  if (!parse_fingerprints (dtls, peer_fingerprints, error) || !open_session (dtls, error))
    return NULL;
  return g_steal_pointer (&dtls);
}

void
air_dtls_free (AirDtls *dtls)
{
  if (dtls == NULL)
    return;
  dtls->send = NULL;
  SSL_free (dtls->ssl);
  air_dtls_identity_unref (dtls->identity);
  g_free (dtls);
}

static void
fail (AirDtls *dtls, const char *error)
{
  if (dtls->error == NULL)
    dtls->error = error;
  dtls->state = AIR_DTLS_FAILED;
}

bool
air_dtls_accepts_certificate (SSL *ssl, X509 *certificate)
{
  AirDtls *dtls = SSL_get_app_data (ssl);

  for (unsigned i = 0; i < dtls->n_fingerprints; i++)
    if (air_dtls_fingerprint_matches (&dtls->fingerprints[i], certificate))
      return true;
  dtls->error = "the certificate does not match the fingerprint of the offer";
  return false;
}

/* Returns: false when @result says that the association is over. */
static bool
check_result (AirDtls *dtls, int result)
{
  int code = SSL_get_error (dtls->ssl, result);
  const char *reason;

  if (code == SSL_ERROR_NONE || code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
    return true;
  reason = ERR_reason_error_string (ERR_peek_error ());
  ERR_clear_error ();
  if (code == SSL_ERROR_ZERO_RETURN || dtls->state == AIR_DTLS_CONNECTED)
    dtls->state = AIR_DTLS_CLOSED; /* close_notify, or a fatal alert that authenticated */
  else
    fail (dtls, reason != NULL ? reason : "the handshake failed");
  return false;
}

static void
shake_hands (AirDtls *dtls)
{
  int result;

  ERR_clear_error ();
  result = SSL_do_handshake (dtls->ssl);
  if (!check_result (dtls, result) || result != 1)
    return;
  if (SSL_get_selected_srtp_profile (dtls->ssl) == NULL)
    fail (dtls, "no SRTP protection profile in common");
  else
    dtls->state = AIR_DTLS_CONNECTED;
}

/* OpenSSL's two record buffers are 33 KiB for a connection on which nothing but close_notify is still to come: they are there
 * only while a datagram is read or written. SSL_MODE_RELEASE_BUFFERS does not do it for DTLS. */
static bool
take_buffers (AirDtls *dtls)
{
  return SSL_alloc_buffers (dtls->ssl) == 1;
}

static void
release_buffers (AirDtls *dtls)
{
  SSL_free_buffers (dtls->ssl);
}

/* Lets OpenSSL see alerts and repeated flights; nobody sends data to us. */
static void
discard_data (AirDtls *dtls)
{
  uint8_t data[2048];
  int result = take_buffers (dtls) ? 1 : 0;

  for (unsigned i = 0; i < MAX_RECORDS_PER_DATAGRAM && result > 0; i++)
    {
      ERR_clear_error ();
      result = SSL_read (dtls->ssl, data, sizeof data);
      if (!check_result (dtls, result))
        return;
    }
  release_buffers (dtls);
}

AirDtlsState
air_dtls_start (AirDtls *dtls)
{
  if (dtls->state == AIR_DTLS_HANDSHAKING && dtls->role == AIR_DTLS_CLIENT)
    shake_hands (dtls);
  return dtls->state;
}

/* How much of a datagram OpenSSL may see once the keys are there: up to the first record of an encrypted epoch that is too short to hold
 * its tag. OpenSSL 3.0 ends the session over such a record (an internal error), which anybody can forge who knows the addresses; RFC 9147
 * §4.5.2 asks to discard it. */
static size_t
count_safe_bytes (const AirDtls *dtls, const uint8_t *datagram, size_t size)
{
  const SSL_CIPHER *cipher = SSL_get_current_cipher (dtls->ssl);
  bool gcm = cipher != NULL && SSL_CIPHER_get_cipher_nid (cipher) != NID_chacha20_poly1305;
  size_t least = AEAD_TAG_BYTES + (gcm ? GCM_EXPLICIT_NONCE_BYTES : 0), at = 0;

  while (at + RECORD_HEADER_BYTES <= size)
    {
      const uint8_t *header = datagram + at;
      unsigned epoch = header[3] << 8 | header[4];
      size_t length = (size_t)(header[11] << 8 | header[12]);

      if (epoch > 0 && length < least)
        break;
      at += RECORD_HEADER_BYTES + length;
    }
  return MIN (at, size);
}

AirDtlsState
air_dtls_receive (AirDtls *dtls, const uint8_t *datagram, size_t size)
{
  if (dtls->state == AIR_DTLS_CLOSED || dtls->state == AIR_DTLS_FAILED || size == 0 || size > INT_MAX)
    return dtls->state;
  if (dtls->state == AIR_DTLS_HANDSHAKING && ++dtls->n_datagrams > AIR_DTLS_MAX_HANDSHAKE_DATAGRAMS)
    {
      fail (dtls, "too many datagrams before the handshake ended");
      return dtls->state;
    }
  if (SSL_get_current_cipher (dtls->ssl) != NULL)
    size = count_safe_bytes (dtls, datagram, size);
  if (size == 0)
    return dtls->state;
  dtls->input = datagram;
  dtls->input_bytes = size;
  if (dtls->state == AIR_DTLS_HANDSHAKING)
    shake_hands (dtls);
  if (dtls->state == AIR_DTLS_CONNECTED)
    discard_data (dtls);
  dtls->input = NULL;
  dtls->input_bytes = 0;
  return dtls->state;
}

AirDtlsState
air_dtls_get_state (const AirDtls *dtls)
{
  return dtls->state;
}

const char *
air_dtls_get_error (const AirDtls *dtls)
{
  return dtls->state == AIR_DTLS_FAILED ? dtls->error : NULL;
}

int64_t
air_dtls_get_timeout_us (AirDtls *dtls)
{
  struct timeval left;

  if (dtls->state != AIR_DTLS_HANDSHAKING || DTLSv1_get_timeout (dtls->ssl, &left) != 1)
    return -1;
  return (int64_t)left.tv_sec * G_USEC_PER_SEC + left.tv_usec;
}

AirDtlsState
air_dtls_handle_timeout (AirDtls *dtls)
{
  if (dtls->state != AIR_DTLS_HANDSHAKING)
    return dtls->state;
  ERR_clear_error ();
  if (DTLSv1_handle_timeout (dtls->ssl) < 0)
    fail (dtls, "no answer to repeated handshake messages");
  ERR_clear_error ();
  return dtls->state;
}

bool
air_dtls_get_srtp_keys (AirDtls *dtls, AirSrtpKeys *ret_keys)
{
  uint8_t material[2 * (AIR_SRTP_MAX_KEY_BYTES + AIR_SRTP_MAX_SALT_BYTES)];
  AirSrtpMaster *client = dtls->role == AIR_DTLS_CLIENT ? &ret_keys->local : &ret_keys->remote;
  AirSrtpMaster *server = dtls->role == AIR_DTLS_CLIENT ? &ret_keys->remote : &ret_keys->local;
  size_t key_bytes, salt_bytes;

  if (dtls->state != AIR_DTLS_CONNECTED)
    return false;
  *ret_keys = (AirSrtpKeys){ .profile = (AirSrtpProfile)SSL_get_selected_srtp_profile (dtls->ssl)->id };
  key_bytes = air_srtp_profile_key_bytes (ret_keys->profile);
  salt_bytes = air_srtp_profile_salt_bytes (ret_keys->profile);
  if (SSL_export_keying_material (dtls->ssl, material, 2 * (key_bytes + salt_bytes), EXPORTER, strlen (EXPORTER), NULL,
                                  0, 0)
      != 1)
    return false;
  memcpy (client->key, material, key_bytes);
  memcpy (server->key, material + key_bytes, key_bytes);
  memcpy (client->salt, material + 2 * key_bytes, salt_bytes);
  memcpy (server->salt, material + 2 * key_bytes + salt_bytes, salt_bytes);
  OPENSSL_cleanse (material, sizeof material);
  return true;
}

void
air_dtls_close (AirDtls *dtls)
{
  if (dtls->state != AIR_DTLS_CONNECTED || !take_buffers (dtls))
    return;
  ERR_clear_error ();
  (void)SSL_shutdown (dtls->ssl);
  ERR_clear_error ();
  dtls->state = AIR_DTLS_CLOSED;
}
