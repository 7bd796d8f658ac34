/* Choosing by trying: sizes at which one of the NAL units comes out even. */
#include "rtp-cut.h"

#include <stdint.h>

/* Header, tag, UDP and IP: what one more packet costs on the wire. */
#define PACKET_BYTES 60u
/* What evenness may cost, of the whole, and of a small picture. */
#define MAX_WASTE_SHARE 16u
#define MAX_WASTE_BYTES 100u
/* A NAL unit is tried in so many more packets than it needs. */
#define MORE_PACKETS 3u

static size_t
divide_up (size_t dividend, size_t divisor)
{
  return (dividend + divisor - 1) / divisor;
}

size_t
air_rtp_cut_count (size_t nal_bytes, size_t payload_bytes)
{
  /* A fragment leaves out the NAL unit's first byte, which is in its header. */
  return nal_bytes <= payload_bytes ? 1 : divide_up (nal_bytes - 1, payload_bytes - AIR_RTP_FU_HEADER_BYTES);
}

/* Returns: the padding of the shortest packet of a NAL unit that is cut into equal parts. */
static size_t
most_padding (size_t nal_bytes, size_t packets, size_t payload_bytes)
{
  if (packets == 1)
    return payload_bytes - nal_bytes;
  size_t part = divide_up (nal_bytes - 1, packets), before = part * (packets - 1);
  return before >= nal_bytes - 1 ? SIZE_MAX : payload_bytes - AIR_RTP_FU_HEADER_BYTES - (nal_bytes - 1 - before);
}

/* Returns: bytes on the wire with packets of @payload_bytes; SIZE_MAX: it cannot be done. */
static size_t
weigh (const size_t *nal_bytes, size_t count, size_t payload_bytes)
{
  size_t sum = 0;
  for (size_t i = 0; i < count; i++)
    {
      size_t packets = air_rtp_cut_count (nal_bytes[i], payload_bytes);
      if (most_padding (nal_bytes[i], packets, payload_bytes) > AIR_RTP_CUT_MAX_PADDING)
        return SIZE_MAX;
      sum += packets * (payload_bytes + PACKET_BYTES);
    }
  return sum;
}

/* The same when each is cut for itself. */
static size_t
weigh_uncut (const size_t *nal_bytes, size_t count, size_t max_bytes)
{
  size_t sum = 0;
  for (size_t i = 0; i < count; i++)
    {
      size_t packets = air_rtp_cut_count (nal_bytes[i], max_bytes);
      sum += nal_bytes[i] + packets * PACKET_BYTES + (packets > 1 ? packets * AIR_RTP_FU_HEADER_BYTES - 1 : 0);
    }
  return sum;
}

size_t
air_rtp_cut_choose (const size_t *nal_bytes, size_t count, size_t max_bytes)
{
  size_t best = 0, least = SIZE_MAX;
  if (count == 0 || count > AIR_RTP_CUT_MAX_NALS)
    return 0;
  size_t plain = weigh_uncut (nal_bytes, count, max_bytes);
  for (size_t i = 0; i < count; i++)
    {
      size_t fewest = air_rtp_cut_count (nal_bytes[i], max_bytes);
      for (size_t packets = fewest; packets <= fewest + MORE_PACKETS; packets++)
        {
          size_t size = packets == 1 ? nal_bytes[i] : divide_up (nal_bytes[i] - 1, packets) + AIR_RTP_FU_HEADER_BYTES;
          if (size > max_bytes || size <= AIR_RTP_FU_HEADER_BYTES)
            continue;
          size_t sum = weigh (nal_bytes, count, size);
          if (sum < least)
            {
              least = sum;
              best = size;
            }
        }
    }
  return best > 0 && least - plain <= plain / MAX_WASTE_SHARE + MAX_WASTE_BYTES ? best : 0;
}
