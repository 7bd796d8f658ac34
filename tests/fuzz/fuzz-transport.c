/* Feeds stored inputs, every cut of them and many reproducible mutations to the parsers that strangers reach over UDP and
 * by WHEP.
 *
 * Usage: fuzz-transport stun|rtcp|dtls|sdp FOLDER. Each input stands in a heap block of exactly its size, so that AddressSanitizer
 * sees any read behind its end. Reports one TAP point a file; a crash is the failure. */
#include <gio/gio.h>
#include <string.h>

#include "demux.h"
#include "dtls.h"
#include "ice-lite.h"
#include "rtcp.h"
#include "sdp-answer.h"

typedef void (*Target) (const uint8_t *data, size_t size);

static void
run_stun (const uint8_t *data, size_t size)
{
  static AirIce *ice;
  AirStunMessage message;
  AirStunBuilder reply;
  AirPath path = { .remote.port = 1 };

  if (ice == NULL)
    ice = air_ice_new (NULL);
  air_packet_classify (data, size);
  if (!air_stun_parse (data, size, &message))
    return;
  air_stun_check_integrity (&message, "VOkJxbRl1RmTxUk/WvJxBt");
  if (air_ice_handle (ice, &message, &path, 1, &reply) & AIR_ICE_REPLY)
    g_assert_cmpuint (reply.size, <=, AIR_STUN_MAX_BYTES);
}

static void
run_rtcp (const uint8_t *data, size_t size)
{
  static AirTransportCcPacket packets[AIR_RTCP_MAX_TRANSPORT_CC];
  AirRtcpIter iter;
  AirRtcpItem item;
  size_t n_items = 0;

  air_packet_classify (data, size);
  if (!air_rtcp_iter_init (&iter, data, size))
    return;
  while (air_rtcp_iter_next (&iter, &item))
    {
      g_assert_cmpuint (++n_items, <=, size / 4);
      if (item.type == AIR_RTCP_TRANSPORT_CC)
        g_assert_cmpuint (air_rtcp_read_transport_cc (&item, packets, G_N_ELEMENTS (packets)), <=,
                          AIR_RTCP_MAX_TRANSPORT_CC);
    }
}

static void
run_dtls (const uint8_t *data, size_t size)
{
  static AirDtlsIdentity *identity;
  g_autoptr (AirDtls) dtls = NULL;
  g_autoptr (GError) error = NULL;

  if (identity == NULL)
    identity = air_dtls_identity_new (NULL);
  dtls = air_dtls_new (identity, AIR_DTLS_SERVER,
                       (const char *const[]){ air_dtls_identity_get_fingerprint (identity), NULL }, NULL, NULL, &error);
  g_assert_no_error (error);
  air_dtls_receive (dtls, data, size);
  air_dtls_receive (dtls, data, size);
  g_assert_cmpint (air_dtls_get_state (dtls), !=, AIR_DTLS_CONNECTED);
}

static void
run_sdp (const uint8_t *data, size_t size)
{
  static const AirSdpSource source = { true, 100, 0 };
  static const char *const candidates[] = { NULL };
  static const AirSdpLocal local = { "ufrag", "pwd", "sha-256 00", candidates, "cname", 1 };
  g_autoptr (AirSdpOffer) offer = air_sdp_offer_parse ((const char *)data, size, NULL);
  g_auto (AirSdpFragment) fragment = { NULL, NULL };
  AirSdpChoice choice;

  air_sdp_fragment_parse ((const char *)data, size, &fragment, NULL);
  if (offer == NULL || !air_sdp_choose (offer, &source, &choice, NULL))
    return;
  g_autofree char *answer = air_sdp_answer_write (offer, &choice, &local);
  g_assert_nonnull (strstr (answer, "a=sendonly\r\n"));
  g_assert_null (strstr (answer, "\r\n\r\n"));
}

static void
run_copy (Target target, const uint8_t *data, size_t size)
{
  g_autofree uint8_t *exact = g_memdup2 (data, size);

  target (exact, size);
}

static void
run_mutation (Target target, const uint8_t *data, size_t size, GRand *random)
{
  g_autofree uint8_t *copy = g_malloc (size + 8);
  unsigned n_changes = (unsigned)g_rand_int_range (random, 1, 6);

  memcpy (copy, data, size);
  for (unsigned i = 0; i < n_changes && size > 0; i++)
    {
      size_t at = (size_t)g_rand_int_range (random, 0, (gint32)size);
      static const uint8_t edges[] = { 0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff };

      if (g_rand_boolean (random))
        copy[at] ^= (uint8_t)(1 << g_rand_int_range (random, 0, 8));
      else
        copy[at] = edges[g_rand_int_range (random, 0, G_N_ELEMENTS (edges))];
    }
  run_copy (target, copy, size);
}

static void
run_file (Target target, const char *path, unsigned n_mutations)
{
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  run_copy (target, (const uint8_t *)data, size);
  for (gsize cut = 0; cut < size; cut++)
    run_copy (target, (const uint8_t *)data, cut);
  for (unsigned i = 0; i < n_mutations; i++)
    run_mutation (target, (const uint8_t *)data, size, random);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    Target target;
    unsigned n_mutations;
  } targets[] = { { "stun", run_stun, 5000 }, { "rtcp", run_rtcp, 5000 }, { "dtls", run_dtls, 200 }, { "sdp", run_sdp, 1000 } };
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = argc == 3 ? g_dir_open (argv[2], 0, &error) : NULL;
  unsigned n_files = 0;

  if (folder == NULL)
    g_error ("usage: fuzz-transport stun|rtcp|dtls|sdp FOLDER");
  for (const char *name; (name = g_dir_read_name (folder)) != NULL;)
    for (size_t i = 0; i < G_N_ELEMENTS (targets); i++)
      if (strcmp (targets[i].name, argv[1]) == 0)
        {
          g_autofree char *path = g_build_filename (argv[2], name, NULL);
          run_file (targets[i].target, path, targets[i].n_mutations);
          g_print ("ok %u %s\n", ++n_files, name);
        }
  g_assert_cmpuint (n_files, >, 0);
  g_print ("1..%u\n", n_files);
  return 0;
}
