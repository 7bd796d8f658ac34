/* DTLS-SRTP: handshakes in memory between two of our own ends and with a plain OpenSSL client, loss, mismatches, bounds. */
#include "dtls.h"

#include <gio/gio.h>
#include <openssl/ssl.h>
#include <string.h>

/* Datagrams on their way to one end. */
typedef struct
{
  GQueue queue; /* of GBytes */
  unsigned n_sent, lose; /* the next so many are lost */
} Wire;

typedef struct
{
  AirDtlsIdentity *server_identity, *client_identity;
  AirDtls *server, *client;
  Wire to_server, to_client;
} Pair;

static void
put (const uint8_t *datagram, size_t size, void *user_data)
{
  Wire *wire = user_data;

  g_assert_cmpuint (size, <=, AIR_DTLS_MTU);
  wire->n_sent++;
  if (wire->lose > 0)
    wire->lose--;
  else
    g_queue_push_tail (&wire->queue, g_bytes_new (datagram, size));
}

static void
wire_clear (Wire *wire)
{
  g_queue_clear_full (&wire->queue, (GDestroyNotify)g_bytes_unref);
}

static bool
deliver (Wire *wire, AirDtls *to)
{
  g_autoptr (GBytes) datagram = g_queue_pop_head (&wire->queue);

  if (datagram == NULL)
    return false;
  air_dtls_receive (to, g_bytes_get_data (datagram, NULL), g_bytes_get_size (datagram));
  return true;
}

static AirDtlsIdentity *
new_identity (void)
{
  g_autoptr (GError) error = NULL;
  AirDtlsIdentity *identity = air_dtls_identity_new (&error);

  g_assert_no_error (error);
  return identity;
}

static AirDtls *
new_end (AirDtlsIdentity *identity, AirDtlsRole role, const char *fingerprint, Wire *out)
{
  g_autoptr (GError) error = NULL;
  AirDtls *dtls = air_dtls_new (identity, role, (const char *const[]){ fingerprint, NULL }, put, out, &error);

  g_assert_no_error (error);
  return dtls;
}

static void
pair_init (Pair *pair, const char *client_fingerprint)
{
  *pair = (Pair){ .server_identity = new_identity (), .client_identity = new_identity () };
  if (client_fingerprint == NULL)
    client_fingerprint = air_dtls_identity_get_fingerprint (pair->client_identity);
  pair->server = new_end (pair->server_identity, AIR_DTLS_SERVER, client_fingerprint, &pair->to_client);
  pair->client = new_end (pair->client_identity, AIR_DTLS_CLIENT,
                          air_dtls_identity_get_fingerprint (pair->server_identity), &pair->to_server);
}

static void
pair_clear (Pair *pair)
{
  air_dtls_free (pair->server);
  air_dtls_free (pair->client);
  air_dtls_identity_unref (pair->server_identity);
  air_dtls_identity_unref (pair->client_identity);
  wire_clear (&pair->to_server);
  wire_clear (&pair->to_client);
}

static void
pump (Pair *pair)
{
  while (deliver (&pair->to_server, pair->server) || deliver (&pair->to_client, pair->client))
    ;
}

static void
assert_same_keys (Pair *pair)
{
  AirSrtpKeys server, client;

  g_assert_cmpint (air_dtls_get_state (pair->server), ==, AIR_DTLS_CONNECTED);
  g_assert_cmpint (air_dtls_get_state (pair->client), ==, AIR_DTLS_CONNECTED);
  g_assert_true (air_dtls_get_srtp_keys (pair->server, &server));
  g_assert_true (air_dtls_get_srtp_keys (pair->client, &client));
  g_assert_cmpint (server.profile, ==, AIR_SRTP_AEAD_AES_128_GCM);
  g_assert_cmpint (client.profile, ==, server.profile);
  g_assert_cmpmem (&server.local, sizeof server.local, &client.remote, sizeof client.remote);
  g_assert_cmpmem (&server.remote, sizeof server.remote, &client.local, sizeof client.local);
  g_assert_true (memcmp (&server.local, &server.remote, sizeof server.local) != 0);
}

static void
test_handshake (void)
{
  Pair pair;

  pair_init (&pair, NULL);
  g_assert_cmpint (air_dtls_get_timeout_us (pair.server), ==, -1);
  g_assert_cmpint (air_dtls_start (pair.client), ==, AIR_DTLS_HANDSHAKING);
  g_assert_cmpint (air_dtls_get_timeout_us (pair.client), >=, 0);
  pump (&pair);
  assert_same_keys (&pair);
  g_assert_cmpint (air_dtls_get_timeout_us (pair.client), ==, -1);
  g_assert_cmpint (air_dtls_get_timeout_us (pair.server), ==, -1);
  g_assert_null (air_dtls_get_error (pair.server));

  air_dtls_close (pair.client);
  pump (&pair);
  g_assert_cmpint (air_dtls_get_state (pair.server), ==, AIR_DTLS_CLOSED);
  air_dtls_close (pair.server);
  pair_clear (&pair);
}

/* Each datagram of a handshake is lost once: the timers bring it through. */
static void
test_loss (void)
{
  for (unsigned lost = 0; lost < 4; lost++)
    {
      Pair pair;
      int64_t deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

      pair_init (&pair, NULL);
      *(lost % 2 == 0 ? &pair.to_server.lose : &pair.to_client.lose) = 1;
      air_dtls_start (pair.client);
      if (lost >= 2) /* the second datagram of that direction */
        {
          pair.to_server.lose = 0;
          pair.to_client.lose = 0;
          deliver (&pair.to_server, pair.server);
          *(lost % 2 == 0 ? &pair.to_server.lose : &pair.to_client.lose) = 1;
        }
      while (air_dtls_get_state (pair.server) != AIR_DTLS_CONNECTED
             || air_dtls_get_state (pair.client) != AIR_DTLS_CONNECTED)
        {
          g_assert_cmpint (g_get_monotonic_time (), <, deadline);
          pump (&pair);
          if (air_dtls_get_timeout_us (pair.client) == 0)
            air_dtls_handle_timeout (pair.client);
          if (air_dtls_get_timeout_us (pair.server) == 0)
            air_dtls_handle_timeout (pair.server);
        }
      assert_same_keys (&pair);
      pair_clear (&pair);
    }
}

static void
test_wrong_fingerprint (void)
{
  g_autoptr (AirDtlsIdentity) other = new_identity ();
  Pair pair;

  pair_init (&pair, air_dtls_identity_get_fingerprint (other));
  air_dtls_start (pair.client);
  pump (&pair);
  g_assert_cmpint (air_dtls_get_state (pair.server), ==, AIR_DTLS_FAILED);
  g_assert_cmpstr (air_dtls_get_error (pair.server), ==, "the certificate does not match the fingerprint of the offer");
  g_assert_cmpint (air_dtls_get_state (pair.client), !=, AIR_DTLS_CONNECTED);
  g_assert_false (air_dtls_get_srtp_keys (pair.server, &(AirSrtpKeys){ 0 }));
  pair_clear (&pair);
}

static void
test_fingerprints (void)
{
  g_autoptr (AirDtlsIdentity) identity = new_identity ();
  const char *good = air_dtls_identity_get_fingerprint (identity);
  g_autofree char *lower = g_ascii_strdown (good, -1), *longer = g_strconcat (good, ":00", NULL),
                  *sha1 = g_strdup ("sha-1 00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13"),
                  *cut = g_strndup (good, strlen (good) - 1), *semicolon = g_strdup (good), *sha512 = NULL;
  g_autoptr (GError) error = NULL;
  GString *long_hash = g_string_new ("sha-512 00");

  for (unsigned i = 1; i < 64; i++)
    g_string_append (long_hash, ":AA");
  sha512 = g_string_free (long_hash, FALSE);
  semicolon[12] = ';';
  g_assert_true (air_dtls_fingerprint_is_valid (good));
  g_assert_true (air_dtls_fingerprint_is_valid (lower));
  g_assert_true (air_dtls_fingerprint_is_valid (sha512));
  g_assert_false (air_dtls_fingerprint_is_valid (longer));
  g_assert_false (air_dtls_fingerprint_is_valid (cut));
  g_assert_false (air_dtls_fingerprint_is_valid (semicolon));
  g_assert_false (air_dtls_fingerprint_is_valid (sha1));
  g_assert_false (air_dtls_fingerprint_is_valid (""));
  g_assert_false (air_dtls_fingerprint_is_valid ("sha-256"));
  g_assert_false (air_dtls_fingerprint_is_valid ("sha-256 "));

  g_assert_null (air_dtls_new (identity, AIR_DTLS_SERVER, (const char *const[]){ sha1, NULL }, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* Datagrams cut short, with flipped bytes, and noise: no crash, and the handshake still ends for the honest one. */
static void
test_damage (void)
{
  Pair pair;
  uint8_t noise[1200];

  pair_init (&pair, NULL);
  air_dtls_start (pair.client);
  GBytes *hello = g_queue_peek_head (&pair.to_server.queue);
  const uint8_t *data = g_bytes_get_data (hello, NULL);
  size_t size = g_bytes_get_size (hello);

  for (size_t cut = 1; cut < size && cut < 100; cut++)
    {
      g_autofree uint8_t *shorter = g_memdup2 (data, cut);
      air_dtls_receive (pair.server, shorter, cut);
    }
  for (unsigned i = 0; i < 50; i++)
    {
      for (size_t j = 0; j < sizeof noise; j++)
        noise[j] = (uint8_t)g_test_rand_int ();
      noise[0] = 22;
      air_dtls_receive (pair.server, noise, sizeof noise);
    }
  g_assert_cmpint (air_dtls_get_state (pair.server), ==, AIR_DTLS_HANDSHAKING);
  pump (&pair);
  assert_same_keys (&pair);

  /* Once connected, what does not authenticate is dropped. */
  for (size_t j = 0; j < sizeof noise; j++)
    noise[j] = (uint8_t)g_test_rand_int ();
  memcpy (noise, "\x15\xfe\xfd\x00\x01\x00\x00\x00\x00\x00\x09\x00\x10", 13);
  air_dtls_receive (pair.server, noise, sizeof noise);
  g_assert_cmpint (air_dtls_get_state (pair.server), ==, AIR_DTLS_CONNECTED);

  /* The same with every length of record around that of a tag. */
  for (uint8_t length = 0; length < 64; length++)
    {
      noise[12] = length;
      air_dtls_receive (pair.server, noise, 13u + length);
      g_assert_cmpint (air_dtls_get_state (pair.server), ==, AIR_DTLS_CONNECTED);
      air_dtls_receive (pair.server, noise, 13);
      g_assert_cmpint (air_dtls_get_state (pair.server), ==, AIR_DTLS_CONNECTED);
    }
  pair_clear (&pair);
}

static void
test_flood (void)
{
  Pair pair;
  uint8_t junk[20] = { 23, 0xfe, 0xfd };

  pair_init (&pair, NULL);
  for (unsigned i = 0; i < AIR_DTLS_MAX_HANDSHAKE_DATAGRAMS; i++)
    g_assert_cmpint (air_dtls_receive (pair.server, junk, sizeof junk), ==, AIR_DTLS_HANDSHAKING);
  g_assert_cmpint (air_dtls_receive (pair.server, junk, sizeof junk), ==, AIR_DTLS_FAILED);
  g_assert_cmpuint (pair.to_client.n_sent, <=, 1);
  pair_clear (&pair);
}

/* A plain OpenSSL client with memory BIOs, as aiortc uses it; @profiles: NULL: no use_srtp. */
static AirDtlsState
shake_with_openssl (const char *profiles, bool with_certificate, AirSrtpKeys *ret_keys, uint8_t material[60])
{
  g_autoptr (AirDtlsIdentity) identity = new_identity ();
  SSL_CTX *context = SSL_CTX_new (DTLS_client_method ());
  EVP_PKEY *key = EVP_EC_gen ("P-256");
  X509 *certificate = X509_new ();
  SSL *ssl;
  BIO *in = BIO_new (BIO_s_mem ()), *out = BIO_new (BIO_s_mem ());
  Wire wire = { .queue = G_QUEUE_INIT };
  GString *fingerprint = g_string_new ("sha-384 ");
  uint8_t digest[EVP_MAX_MD_SIZE], buffer[2048];
  unsigned digest_bytes;
  AirDtls *server;
  AirDtlsState state;
  int bytes;

  X509_gmtime_adj (X509_getm_notBefore (certificate), 0);
  X509_gmtime_adj (X509_getm_notAfter (certificate), 3600);
  X509_set_pubkey (certificate, key);
  X509_sign (certificate, key, EVP_sha256 ());
  X509_digest (certificate, EVP_sha384 (), digest, &digest_bytes);
  for (unsigned i = 0; i < digest_bytes; i++)
    g_string_append_printf (fingerprint, i == 0 ? "%02x" : ":%02x", digest[i]);
  if (with_certificate)
    {
      SSL_CTX_use_certificate (context, certificate);
      SSL_CTX_use_PrivateKey (context, key);
    }
  if (profiles != NULL)
    g_assert_cmpint (SSL_CTX_set_tlsext_use_srtp (context, profiles), ==, 0);
  ssl = SSL_new (context);
  SSL_set_bio (ssl, in, out);
  SSL_set_options (ssl, SSL_OP_NO_QUERY_MTU);
  SSL_set_mtu (ssl, AIR_DTLS_MTU);
  SSL_set_connect_state (ssl);
  server = new_end (identity, AIR_DTLS_SERVER, fingerprint->str, &wire);

  do
    {
      SSL_do_handshake (ssl);
      while ((bytes = BIO_read (out, buffer, sizeof buffer)) > 0)
        air_dtls_receive (server, buffer, (size_t)bytes);
      bytes = 0;
      for (GBytes *datagram; (datagram = g_queue_pop_head (&wire.queue)) != NULL; g_bytes_unref (datagram))
        bytes += BIO_write (in, g_bytes_get_data (datagram, NULL), (int)g_bytes_get_size (datagram));
    }
  while (bytes > 0);

  state = air_dtls_get_state (server);
  if (state == AIR_DTLS_CONNECTED)
    {
      g_assert_true (air_dtls_get_srtp_keys (server, ret_keys));
      SSL_do_handshake (ssl);
      g_assert_cmpint (SSL_export_keying_material (ssl, material, 60, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0), ==, 1);
    }
  air_dtls_free (server);
  wire_clear (&wire);
  SSL_free (ssl);
  SSL_CTX_free (context);
  X509_free (certificate);
  EVP_PKEY_free (key);
  g_string_free (fingerprint, TRUE);
  return state;
}

static void
test_openssl_client (void)
{
  AirSrtpKeys keys;
  uint8_t material[60];

  g_assert_cmpint (shake_with_openssl ("SRTP_AES128_CM_SHA1_80", true, &keys, material), ==, AIR_DTLS_CONNECTED);
  g_assert_cmpint (keys.profile, ==, AIR_SRTP_AES128_CM_SHA1_80);
  g_assert_cmpmem (keys.remote.key, 16, material, 16);
  g_assert_cmpmem (keys.local.key, 16, material + 16, 16);
  g_assert_cmpmem (keys.remote.salt, 14, material + 32, 14);
  g_assert_cmpmem (keys.local.salt, 14, material + 46, 14);

  g_assert_cmpint (
      shake_with_openssl ("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM", true, &keys, material),
      ==, AIR_DTLS_CONNECTED);
  g_assert_cmpint (keys.profile, ==, AIR_SRTP_AEAD_AES_128_GCM);
  g_assert_cmpint (shake_with_openssl ("SRTP_AEAD_AES_256_GCM", true, &keys, material), ==, AIR_DTLS_CONNECTED);
  g_assert_cmpint (keys.profile, ==, AIR_SRTP_AEAD_AES_256_GCM);

  g_assert_cmpint (shake_with_openssl ("SRTP_AES128_CM_SHA1_32", true, &keys, material), ==, AIR_DTLS_FAILED);
  g_assert_cmpint (shake_with_openssl (NULL, true, &keys, material), ==, AIR_DTLS_FAILED);
  g_assert_cmpint (shake_with_openssl ("SRTP_AES128_CM_SHA1_80", false, &keys, material), ==, AIR_DTLS_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dtls/handshake", test_handshake);
  g_test_add_func ("/dtls/loss", test_loss);
  g_test_add_func ("/dtls/wrong-fingerprint", test_wrong_fingerprint);
  g_test_add_func ("/dtls/fingerprints", test_fingerprints);
  g_test_add_func ("/dtls/damage", test_damage);
  g_test_add_func ("/dtls/flood", test_flood);
  g_test_add_func ("/dtls/openssl-client", test_openssl_client);
  return g_test_run ();
}
