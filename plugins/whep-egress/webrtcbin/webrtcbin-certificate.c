/* Comparing the certificate of the handshake with the announced fingerprint. */
#include "webrtcbin-certificate.h"

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BIO, BIO_free)

/* Returns: (transfer full) (nullable) */
static char *
get_certificate (GstElement *webrtc)
{
  g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;
  g_autoptr (GstWebRTCRTPSender) sender = NULL;
  g_autoptr (GstWebRTCDTLSTransport) transport = NULL;
  char *pem = NULL;
  g_signal_emit_by_name (webrtc, "get-transceiver", 0, &transceiver);
  if (transceiver)
    g_object_get (transceiver, "sender", &sender, NULL);
  if (sender)
    g_object_get (sender, "transport", &transport, NULL);
  if (transport)
    g_object_get (transport, "remote-certificate", &pem, NULL);
  return pem;
}

static X509 *
parse_certificate (const char *pem)
{
  g_autoptr (BIO) bio = BIO_new_mem_buf (pem, -1);
  return bio ? PEM_read_bio_X509 (bio, NULL, NULL, NULL) : NULL;
}

static bool
matches (X509 *certificate, const char *fingerprint)
{
  g_auto (GStrv) announced = g_strsplit (fingerprint, " ", 2);
  g_auto (GStrv) name = g_strsplit (announced[0], "-", 2); /* "sha-256" is SHA256 to OpenSSL */
  g_autofree char *joined = g_strjoinv ("", name);
  const EVP_MD *algorithm = EVP_get_digestbyname (joined);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size;
  if (!algorithm || !X509_digest (certificate, algorithm, digest, &size))
    return false;
  g_autoptr (GString) text = g_string_new (NULL);
  for (unsigned i = 0; i < size; i++)
    g_string_append_printf (text, "%s%02X", i > 0 ? ":" : "", digest[i]);
  return announced[1] && strcmp (text->str, announced[1]) == 0;
}

bool
air_webrtc_certificate_matches (GstElement *webrtc, const char *const *fingerprints)
{
  g_autofree char *pem = get_certificate (webrtc);
  g_autoptr (X509) certificate = pem ? parse_certificate (pem) : NULL;
  for (unsigned i = 0; certificate && fingerprints[i]; i++)
    if (matches (certificate, fingerprints[i]))
      return true;
  return false;
}
