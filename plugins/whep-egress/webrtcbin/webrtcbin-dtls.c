/* See webrtcbin-dtls.h. */
#include "webrtcbin-dtls.h"

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define CLOSE_DEADLINE_US (200 * 1000)

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

bool
air_webrtc_certificate_matches (GstElement *webrtc, const char *fingerprint)
{
  g_autofree char *pem = get_certificate (webrtc);
  g_autoptr (X509) certificate = pem ? parse_certificate (pem) : NULL;
  g_auto (GStrv) announced = g_strsplit (fingerprint, " ", 2);
  g_auto (GStrv) name = g_strsplit (announced[0], "-", 2); /* "sha-256" is SHA256 to OpenSSL */
  g_autofree char *joined = g_strjoinv ("", name);
  const EVP_MD *algorithm = EVP_get_digestbyname (joined);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size;
  if (!certificate || !algorithm || !X509_digest (certificate, algorithm, digest, &size))
    return false;
  g_autoptr (GString) text = g_string_new (NULL);
  for (unsigned i = 0; i < size; i++)
    g_string_append_printf (text, "%s%02X", i > 0 ? ":" : "", digest[i]);
  return announced[1] && strcmp (text->str, announced[1]) == 0;
}

/* ---- The end */

/* Whether the alert went down to the socket. Probes may outlive the one who waits. */
typedef struct
{
  GMutex lock;
  GCond changed;
  bool sent;
} Alert;

static void
clear_alert (void *data)
{
  Alert *alert = data;
  g_cond_clear (&alert->changed);
  g_mutex_clear (&alert->lock);
}

static void
unref_alert (void *data)
{
  g_atomic_rc_box_release_full (data, clear_alert);
}

/* The pad is idle again after the buffer with the alert. */
static GstPadProbeReturn
on_idle (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  Alert *alert = data;
  g_mutex_lock (&alert->lock);
  alert->sent = true;
  g_cond_broadcast (&alert->changed);
  g_mutex_unlock (&alert->lock);
  return GST_PAD_PROBE_REMOVE;
}

/* Behind the pad, so that it is busy. */
static GstPadProbeReturn
on_buffer (GstPad *next, GstPadProbeInfo *info, void *data)
{
  g_autoptr (GstPad) pad = gst_pad_get_peer (next);
  if (pad)
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_IDLE, on_idle, g_atomic_rc_box_acquire (data), unref_alert);
  return GST_PAD_PROBE_REMOVE;
}

/* Returns: (transfer full) (nullable) the element of DTLS; there is one of each, for all is bundled. */
static GstElement *
find_element (GstElement *webrtc, const char *factory)
{
  GValue item = G_VALUE_INIT;
  GstElement *element = NULL;
  GstIterator *all = gst_bin_iterate_all_by_element_factory_name (GST_BIN (webrtc), factory);
  if (gst_iterator_next (all, &item) == GST_ITERATOR_OK)
    element = g_value_dup_object (&item);
  g_value_unset (&item);
  gst_iterator_free (all);
  return element;
}

static GstPadProbeReturn
drop (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  return GST_PAD_PROBE_DROP;
}

/* When both sides have closed, the encoder queues an end of stream that is no buffer, and stumbles over it when it is stopped
 * before it took that. */
static void
stop_hearing (GstElement *webrtc)
{
  g_autoptr (GstElement) decoder = find_element (webrtc, "dtlsdec");
  g_autoptr (GstPad) input = decoder ? gst_element_get_static_pad (decoder, "sink") : NULL;
  if (input)
    gst_pad_add_probe (input, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, drop, NULL, NULL);
}

/* The encoder takes the end of its input for the end of the association. */
static void
end_input (GstElement *encoder)
{
  g_autoptr (GstPad) input = gst_element_get_static_pad (encoder, "sink"); /* there, though nothing is sent into it */
  GstSegment segment;
  if (!input)
    return;
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_pad_send_event (input, gst_event_new_stream_start ("end"));
  gst_pad_send_event (input, gst_event_new_segment (&segment));
  gst_pad_send_event (input, gst_event_new_eos ());
}

void
air_webrtc_dtls_close (GstElement *webrtc)
{
  int64_t deadline_us = g_get_monotonic_time () + CLOSE_DEADLINE_US;
  g_autoptr (GstElement) encoder = find_element (webrtc, "dtlsenc");
  g_autoptr (GstPad) output = encoder ? gst_element_get_static_pad (encoder, "src") : NULL;
  g_autoptr (GstPad) next = output ? gst_pad_get_peer (output) : NULL;
  if (!next)
    return;
  Alert *alert = g_atomic_rc_box_new0 (Alert);
  g_mutex_init (&alert->lock);
  g_cond_init (&alert->changed);
  gulong probe
    = gst_pad_add_probe (next, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, g_atomic_rc_box_acquire (alert), unref_alert);
  stop_hearing (webrtc);
  end_input (encoder);
  g_mutex_lock (&alert->lock);
  bool sent = true;
  while (!alert->sent && sent)
    sent = g_cond_wait_until (&alert->changed, &alert->lock, deadline_us);
  g_mutex_unlock (&alert->lock);
  if (!sent)
    gst_pad_remove_probe (next, probe);
  unref_alert (alert);
}
