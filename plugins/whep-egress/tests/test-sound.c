/* Sound that waits for the picture, and is joined. */
#include <opus/opus.h>

#include "rtp-opus.h"
#include "rtp-sound.h"

#define FRAME 960

typedef struct
{
  OpusEncoder *encoder;
  AirRtpOpus rtp;
  unsigned frames, made;
  AirRtpSound *sound;
  GPtrArray *sent;
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
  fixture->encoder = opus_encoder_create (48000, 2, OPUS_APPLICATION_AUDIO, NULL);
  fixture->sound = air_rtp_sound_new ();
  fixture->sent = g_ptr_array_new_with_free_func ((GDestroyNotify)air_rtp_packet_unref);
}

static void
tear_down (Fixture *fixture, const void *data)
{
  g_ptr_array_unref (fixture->sent);
  air_rtp_sound_free (fixture->sound);
  opus_encoder_destroy (fixture->encoder);
}

static void
take (AirRtpPacket *packet, void *data)
{
  g_ptr_array_add (((Fixture *)data)->sent, packet);
}

/* @skipped: frames that are missing before it. */
static AirRtpPacket *
make_packet (Fixture *fixture, unsigned skipped)
{
  opus_int16 samples[2 * FRAME];
  uint8_t bytes[1000];
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++)
    samples[i] = (opus_int16)g_test_rand_int_range (-2000, 2000);
  opus_int32 size = opus_encode (fixture->encoder, samples, FRAME, bytes, sizeof bytes);
  fixture->frames += skipped;
  int64_t pts_ns = fixture->frames++ * G_GINT64_CONSTANT (20000000);
  AirRtpPacket *packet = air_rtp_opus_push (&fixture->rtp, bytes, (size_t)size, skipped > 0, pts_ns);
  packet->arrival_us = fixture->made++ * 20000 + 5;
  return packet;
}

static void
hold (Fixture *fixture, unsigned skipped)
{
  AirRtpPacket *packet = make_packet (fixture, skipped);
  g_assert_false (air_rtp_sound_is_full (fixture->sound, packet));
  air_rtp_sound_hold (fixture->sound, packet);
}

/* Two that wait become one of 40 ms that a decoder takes for the two that it was. */
static void
test_joined (Fixture *fixture, const void *data)
{
  g_autoptr (AirRtpSound) none = air_rtp_sound_new ();
  air_rtp_sound_release (none, take, fixture);
  g_assert_cmpuint (fixture->sent->len, ==, 0);
  OpusDecoder *decoder = opus_decoder_create (48000, 2, NULL), *apart = opus_decoder_create (48000, 2, NULL);
  for (unsigned round = 0; round < 20; round++)
    {
      opus_int16 wanted[4 * FRAME], got[4 * FRAME];
      for (unsigned i = 0; i < 2; i++)
        {
          AirRtpPacket *packet = make_packet (fixture, 0);
          opus_int16 *half = wanted + (size_t)2 * FRAME * i;
          g_assert_cmpint (opus_decode (apart, packet->payload, packet->payload_bytes, half, FRAME, 0), ==, FRAME);
          air_rtp_sound_hold (fixture->sound, packet);
        }
      air_rtp_sound_release (fixture->sound, take, fixture);
      g_assert_cmpuint (fixture->sent->len, ==, round + 1);
      const AirRtpPacket *joined = fixture->sent->pdata[round];
      g_assert_cmpuint (joined->timestamp, ==, round * 2 * FRAME);
      g_assert_cmpint (joined->pts_ns, ==, round * G_GINT64_CONSTANT (40000000));
      g_assert_cmpint (joined->arrival_us, ==, round * 40000 + 5);
      g_assert_cmpint (!!(joined->flags & AIR_RTP_MARKER), ==, round == 0);
      g_assert_cmpint (opus_decode (decoder, joined->payload, joined->payload_bytes, got, 2 * FRAME, 0), ==, 2 * FRAME);
      g_assert_cmpmem (got, sizeof got, wanted, sizeof wanted);
    }
  opus_decoder_destroy (decoder);
  opus_decoder_destroy (apart);
}

static void
test_bounded (Fixture *fixture, const void *data)
{
  for (unsigned i = 0; i < 3; i++)
    hold (fixture, 0); /* the third 40 ms after the first */
  AirRtpPacket *next = make_packet (fixture, 0);
  next->arrival_us -= 40000;
  g_assert_true (air_rtp_sound_is_full (fixture->sound, next));
  air_rtp_sound_release (fixture->sound, take, fixture);
  g_assert_cmpuint (fixture->sent->len, ==, 1);
  g_assert_false (air_rtp_sound_is_full (fixture->sound, next));
  air_rtp_sound_hold (fixture->sound, next);
  AirRtpPacket *late = make_packet (fixture, 0);
  late->arrival_us = next->arrival_us + 41000;
  g_assert_true (air_rtp_sound_is_full (fixture->sound, late));
  air_rtp_packet_unref (late);
}

/* What is no continuation stays a packet of its own, in order. */
static void
test_apart (Fixture *fixture, const void *data)
{
  hold (fixture, 0);
  hold (fixture, 30); /* behind a gap */
  air_rtp_sound_release (fixture->sound, take, fixture);
  g_assert_cmpuint (fixture->sent->len, ==, 2);
  const AirRtpPacket *second = fixture->sent->pdata[1];
  g_assert_cmpuint (second->timestamp, ==, 31 * FRAME);
  g_assert_true (second->flags & AIR_RTP_MARKER);
  hold (fixture, 0);
  opus_encoder_ctl (fixture->encoder, OPUS_SET_FORCE_CHANNELS (1)); /* another configuration */
  hold (fixture, 0);
  air_rtp_sound_release (fixture->sound, take, fixture);
  g_assert_cmpuint (fixture->sent->len, ==, 4);
  g_assert_cmpuint (((AirRtpPacket *)fixture->sent->pdata[3])->timestamp, ==, 33 * FRAME);
}

/* Together they are longer than a packet may be. */
static void
test_large (Fixture *fixture, const void *data)
{
  opus_encoder_ctl (fixture->encoder, OPUS_SET_VBR (0));
  opus_encoder_ctl (fixture->encoder, OPUS_SET_BITRATE (300000));
  hold (fixture, 0);
  hold (fixture, 0);
  air_rtp_sound_release (fixture->sound, take, fixture);
  g_assert_cmpuint (fixture->sent->len, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/whep/sound/joined", Fixture, NULL, set_up, test_joined, tear_down);
  g_test_add ("/whep/sound/bounded", Fixture, NULL, set_up, test_bounded, tear_down);
  g_test_add ("/whep/sound/apart", Fixture, NULL, set_up, test_apart, tear_down);
  g_test_add ("/whep/sound/large", Fixture, NULL, set_up, test_large, tear_down);
  return g_test_run ();
}
