/* Holding and joining, by libopus. */
#include "rtp-sound.h"

#include <opus/opus.h>

#include "rtp-opus.h"

/* Packets of 2.5 ms that make up the longest wait. */
#define MAX_PACKETS (AIR_RTP_SOUND_MAX_SAMPLES / 120u)

struct _AirRtpSound
{
  OpusRepacketizer *joiner;
  AirRtpPacket *held[MAX_PACKETS];
  unsigned count;
  unsigned samples;
};

AirRtpSound *
air_rtp_sound_new (void)
{
  AirRtpSound *sound = g_new0 (AirRtpSound, 1);
  sound->joiner = opus_repacketizer_create ();
  return sound;
}

void
air_rtp_sound_free (AirRtpSound *sound)
{
  if (!sound)
    return;
  for (unsigned i = 0; i < sound->count; i++)
    air_rtp_packet_unref (sound->held[i]);
  opus_repacketizer_destroy (sound->joiner);
  g_free (sound);
}

static unsigned
get_samples (const AirRtpPacket *packet)
{
  return air_opus_duration (packet->payload, packet->payload_bytes);
}

bool
air_rtp_sound_is_full (const AirRtpSound *sound, const AirRtpPacket *packet)
{
  bool waited = sound->count > 0 && packet->arrival_us - sound->held[0]->arrival_us > AIR_RTP_SOUND_MAX_WAIT_US;
  return waited || sound->count == MAX_PACKETS || sound->samples + get_samples (packet) > AIR_RTP_SOUND_MAX_SAMPLES;
}

void
air_rtp_sound_hold (AirRtpSound *sound, AirRtpPacket *packet)
{
  g_return_if_fail (sound->count < MAX_PACKETS);
  sound->samples += get_samples (packet);
  sound->held[sound->count++] = packet;
}

/* Returns: how many packets from @first on the joiner has taken; they stay where they are. */
static unsigned
collect (AirRtpSound *sound, unsigned first)
{
  unsigned next = first;
  opus_repacketizer_init (sound->joiner);
  for (; next < sound->count; next++)
    {
      AirRtpPacket *packet = sound->held[next], *before = next > first ? sound->held[next - 1] : NULL;
      if (before
          && (packet->flags & AIR_RTP_MARKER || packet->timestamp != before->timestamp + get_samples (before)))
        break;
      if (opus_repacketizer_cat (sound->joiner, packet->payload, packet->payload_bytes) != OPUS_OK)
        break;
    }
  return next - first;
}

/* Returns: (transfer full) (nullable) NULL: they do not fit into one packet. */
static AirRtpPacket *
join (AirRtpSound *sound, const AirRtpPacket *first)
{
  uint8_t payload[AIR_RTP_MAX_PAYLOAD_BYTES];
  opus_int32 bytes = opus_repacketizer_out (sound->joiner, payload, sizeof payload);
  if (bytes <= 0)
    return NULL;
  AirRtpPacket *joined = air_rtp_packet_new (first->pts_ns, first->timestamp, (size_t)bytes);
  memcpy (joined->payload, payload, (size_t)bytes);
  joined->flags = first->flags;
  joined->arrival_us = first->arrival_us;
  return joined;
}

void
air_rtp_sound_release (AirRtpSound *sound, AirRtpSink sink, void *data)
{
  for (unsigned first = 0; first < sound->count;)
    {
      unsigned taken = collect (sound, first);
      AirRtpPacket *joined = taken > 1 ? join (sound, sound->held[first]) : NULL;
      if (joined)
        sink (joined, data);
      for (unsigned end = first + MAX (taken, 1u); first < end; first++)
        if (joined)
          air_rtp_packet_unref (sound->held[first]);
        else
          sink (sound->held[first], data);
    }
  sound->count = 0;
  sound->samples = 0;
}
