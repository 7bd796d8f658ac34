/* Opus into RTP. Timestamps follow the samples, so that a jitter buffer sees no seams, and go back to the timeline when
 * the two differ by more than the ear forgives. */
#include "rtp-opus.h"

#include <string.h>

#define TOLERANCE (48 * 30) /* 30 ms */
#define RESTART (48000 * 2) /* a timeline this far behind is another one: follow it */

unsigned
air_opus_duration (const uint8_t *data, size_t size)
{
  static const uint16_t silk[] = { 480, 960, 1920, 2880 };
  static const uint16_t celt[] = { 120, 240, 480, 960 };
  if (size == 0)
    return 0;
  unsigned config = data[0] >> 3;
  unsigned frame = config < 12 ? silk[config & 3] : config < 16 ? (config & 1 ? 960 : 480) : celt[config & 3];
  unsigned code = data[0] & 3;
  if (code == 3 && size < 2)
    return 0;
  unsigned frames = code == 0 ? 1 : code < 3 ? 2 : data[1] & 0x3f;
  unsigned duration = frame * frames;
  return duration <= 5760 ? duration : 0; /* at most 120 ms */
}

AirRtpPacket *
air_rtp_opus_push (AirRtpOpus *rtp, const uint8_t *data, size_t size, bool discontinuity, int64_t pts_ns)
{
  unsigned duration = air_opus_duration (data, size);
  if (duration == 0 || size > AIR_RTP_MAX_PAYLOAD_BYTES)
    return NULL;
  uint32_t wanted = air_rtp_clock_48k (pts_ns);
  int32_t ahead = (int32_t)(wanted - rtp->next_timestamp); /* > 0: samples are missing */
  bool jump = !rtp->started || ahead > TOLERANCE || ahead < -RESTART || (discontinuity && ahead > 0);
  if (!jump && ahead < -TOLERANCE)
    return NULL;
  uint32_t timestamp = jump ? wanted : rtp->next_timestamp;
  AirRtpPacket *packet = air_rtp_packet_new (pts_ns, timestamp, size);
  memcpy (packet->payload, data, size);
  /* RFC 3551 §4.1: the marker begins a talkspurt, here what follows a gap. */
  packet->flags = (uint16_t)(AIR_RTP_FRAME_START | AIR_RTP_KEYFRAME | (jump ? AIR_RTP_MARKER : 0));
  rtp->started = true;
  rtp->next_timestamp = timestamp + duration;
  return packet;
}
