/* RTCP: writing reports and reading feedback. No state; any thread. */
#include "rtcp.h"

#include <string.h>

#define UNIX_TO_NTP_SECONDS UINT64_C (2208988800)

enum
{
  PACKET_SR = 200,
  PACKET_RR = 201,
  PACKET_SDES = 202,
  PACKET_BYE = 203,
  PACKET_RTPFB = 205,
  PACKET_PSFB = 206,
  PACKET_XR = 207,
};

static uint16_t
read16 (const uint8_t *p)
{
  return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
read24 (const uint8_t *p)
{
  return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static uint32_t
read32 (const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | read24 (p + 1);
}

static int32_t
sign_extend24 (uint32_t value)
{
  return (int32_t)(value ^ 0x800000u) - 0x800000;
}

static uint8_t *
write32 (uint8_t *p, uint32_t value)
{
  *p++ = (uint8_t)(value >> 24);
  *p++ = (uint8_t)(value >> 16);
  *p++ = (uint8_t)(value >> 8);
  *p++ = (uint8_t)value;
  return p;
}

/* @bytes: of the whole packet, a multiple of 4. */
static uint8_t *
write_header (uint8_t *p, unsigned count, unsigned type, size_t bytes)
{
  return write32 (p, 2u << 30 | count << 24 | type << 16 | (uint32_t)(bytes / 4 - 1));
}

uint64_t
air_ntp_from_unix_us (int64_t unix_us)
{
  uint64_t seconds = (uint64_t)(unix_us / G_USEC_PER_SEC) + UNIX_TO_NTP_SECONDS;

  return seconds << 32 | ((uint64_t)(unix_us % G_USEC_PER_SEC) << 32) / G_USEC_PER_SEC;
}

uint32_t
air_ntp_middle (uint64_t ntp)
{
  return (uint32_t)(ntp >> 16);
}

/* One chunk: SSRC, CNAME item, at least one zero byte, then to a multiple of 4 (RFC 3550 §6.5). */
static size_t
sdes_bytes (const char *cname)
{
  return 4 + 4 + (2 + strlen (cname) + 1 + 3) / 4 * 4;
}

static uint8_t *
write_sdes (uint8_t *p, uint32_t ssrc, const char *cname)
{
  size_t bytes = sdes_bytes (cname);
  size_t length = strlen (cname);

  memset (p, 0, bytes);
  write_header (p, 1, PACKET_SDES, bytes);
  write32 (p + 4, ssrc);
  p[8] = 1;
  p[9] = (uint8_t)length;
  memcpy (p + 10, cname, length);
  return p + bytes;
}

static bool
is_cname (const char *cname)
{
  return cname[0] != '\0' && strlen (cname) <= 255;
}

size_t
air_rtcp_build_sr (uint8_t *out, size_t out_bytes, const AirRtcpSenderInfo *info, const char *cname)
{
  uint8_t *p = out;

  if (!is_cname (cname) || out_bytes < 28 + sdes_bytes (cname))
    return 0;
  p = write_header (p, 0, PACKET_SR, 28);
  p = write32 (p, info->ssrc);
  p = write32 (p, (uint32_t)(info->ntp >> 32));
  p = write32 (p, (uint32_t)info->ntp);
  p = write32 (p, info->rtp_timestamp);
  p = write32 (p, info->packets);
  p = write32 (p, info->octets);
  return (size_t)(write_sdes (p, info->ssrc, cname) - out);
}

/* What a compound begins with that has nothing to report (RFC 3550 §6.1): an empty RR, and SDES. */
static size_t
begin_bytes (const char *cname)
{
  return 8 + sdes_bytes (cname);
}

static uint8_t *
write_begin (uint8_t *p, uint32_t ssrc, const char *cname)
{
  p = write_header (p, 0, PACKET_RR, 8);
  p = write32 (p, ssrc);
  return write_sdes (p, ssrc, cname);
}

size_t
air_rtcp_build_bye (uint8_t *out, size_t out_bytes, const uint32_t *ssrcs, unsigned n_ssrcs, const char *cname)
{
  uint8_t *p = out;

  if (n_ssrcs == 0 || n_ssrcs > 31 || !is_cname (cname) || out_bytes < begin_bytes (cname) + 4 + 4 * n_ssrcs)
    return 0;
  p = write_begin (p, ssrcs[0], cname);
  p = write_header (p, n_ssrcs, PACKET_BYE, 4 + 4 * n_ssrcs);
  for (unsigned i = 0; i < n_ssrcs; i++)
    p = write32 (p, ssrcs[i]);
  return (size_t)(p - out);
}

size_t
air_rtcp_build_pli (uint8_t *out, size_t out_bytes, uint32_t sender_ssrc, uint32_t media_ssrc)
{
  uint8_t *p = out;

  if (out_bytes < 20)
    return 0;
  p = write_header (p, 0, PACKET_RR, 8);
  p = write32 (p, sender_ssrc);
  p = write_header (p, 1, PACKET_PSFB, 12);
  p = write32 (p, sender_ssrc);
  p = write32 (p, media_ssrc);
  return (size_t)(p - out);
}

enum
{
  BLOCK_REFERENCE_TIME = 4,
  BLOCK_DELAY = 5,
};

size_t
air_rtcp_build_reference_answer (uint8_t *out, size_t out_bytes, uint32_t ssrc, const char *cname,
                                 uint32_t receiver_ssrc, uint32_t reference)
{
  uint8_t *p = out;

  if ((cname != NULL && !is_cname (cname)) || out_bytes < (cname != NULL ? begin_bytes (cname) : 0) + 24)
    return 0;
  if (cname != NULL)
    p = write_begin (p, ssrc, cname);
  p = write_header (p, 0, PACKET_XR, 24);
  p = write32 (p, ssrc);
  p = write32 (p, (uint32_t)BLOCK_DELAY << 24 | 3);
  p = write32 (p, receiver_ssrc);
  p = write32 (p, reference);
  p = write32 (p, 0);
  return (size_t)(p - out);
}

/* Size of the RTCP packet at @offset, padding included; 0: broken. */
static size_t
framed_bytes (const uint8_t *data, size_t size, size_t offset)
{
  size_t bytes;

  if (size - offset < 4 || data[offset] >> 6 != 2 || data[offset + 1] < 192 || data[offset + 1] > 223)
    return 0;
  bytes = 4 + 4 * (size_t)read16 (data + offset + 2);
  if (bytes > size - offset)
    return 0;
  if (data[offset] & 0x20)
    {
      uint8_t padding = data[offset + bytes - 1];
      /* RFC 3550 §6.4.1 wants multiples of 4, at the end of the compound; libwebrtc fills its transport-wide feedback up to a
       * word with 1 to 3 bytes, wherever that stands. */
      if (padding == 0 || padding > bytes - 4)
        return 0;
    }
  return bytes;
}

static bool
names_sender (unsigned type)
{
  return type == PACKET_SR || type == PACKET_RR || type == PACKET_RTPFB || type == PACKET_PSFB || type == PACKET_XR;
}

static void
enter_packet (AirRtcpIter *iter)
{
  size_t bytes = framed_bytes (iter->data, iter->size, iter->packet);

  if (iter->data[iter->packet] & 0x20)
    bytes -= iter->data[iter->packet + bytes - 1];
  iter->packet_bytes = bytes;
  iter->entry = 0;
  if (names_sender (iter->data[iter->packet + 1]) && bytes >= 8)
    {
      iter->has_sender = true;
      iter->sender_ssrc = read32 (iter->data + iter->packet + 4);
    }
}

bool
air_rtcp_iter_init (AirRtcpIter *iter, const uint8_t *data, size_t size)
{
  *iter = (AirRtcpIter){ .data = data, .size = size };
  if (size == 0)
    return false;
  for (size_t offset = 0; offset < size;)
    {
      size_t bytes = framed_bytes (data, size, offset);
      if (bytes == 0)
        return false;
      offset += bytes;
    }
  enter_packet (iter);
  return true;
}

static void
read_sender_info (const uint8_t *p, AirRtcpItem *item)
{
  item->type = AIR_RTCP_SENDER_REPORT;
  item->media_ssrc = item->sender_ssrc;
  item->sender_info.ssrc = item->sender_ssrc;
  item->sender_info.ntp = (uint64_t)read32 (p + 8) << 32 | read32 (p + 12);
  item->sender_info.rtp_timestamp = read32 (p + 16);
  item->sender_info.packets = read32 (p + 20);
  item->sender_info.octets = read32 (p + 24);
}

static void
read_report_block (const uint8_t *p, AirRtcpItem *item)
{
  item->type = AIR_RTCP_REPORT_BLOCK;
  item->media_ssrc = read32 (p);
  item->report.fraction_lost = p[4];
  item->report.cumulative_lost = sign_extend24 (read24 (p + 5));
  item->report.highest_sequence = read32 (p + 8);
  item->report.jitter = read32 (p + 12);
  item->report.lsr = read32 (p + 16);
  item->report.dlsr = read32 (p + 20);
}

/* Reads the next entry of an SR or RR. Returns: false at the end of the packet. */
static bool
next_report (AirRtcpIter *iter, const uint8_t *p, AirRtcpItem *item)
{
  size_t first = p[1] == PACKET_SR ? 28 : 8;
  size_t end = first + 24 * (size_t)(p[0] & 31);

  if (iter->packet_bytes < end)
    return false;
  item->sender_ssrc = read32 (p + 4);
  if (iter->entry == 0)
    {
      iter->entry = first;
      if (p[1] == PACKET_SR)
        {
          read_sender_info (p, item);
          return true;
        }
    }
  if (iter->entry >= end)
    return false;
  read_report_block (p + iter->entry, item);
  iter->entry += 24;
  return true;
}

static bool
next_bye (AirRtcpIter *iter, const uint8_t *p, AirRtcpItem *item)
{
  if (iter->entry == 0)
    iter->entry = 4;
  if (iter->packet_bytes < 4 + 4 * (size_t)(p[0] & 31) || iter->entry >= 4 + 4 * (size_t)(p[0] & 31))
    return false;
  item->type = AIR_RTCP_BYE;
  item->sender_ssrc = item->media_ssrc = read32 (p + iter->entry);
  iter->entry += 4;
  return true;
}

/* draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1 */
static bool
read_transport_cc (const uint8_t *p, size_t bytes, AirRtcpItem *item)
{
  if (bytes < 20)
    return false;
  item->type = AIR_RTCP_TRANSPORT_CC;
  item->transport_cc.base_sequence = read16 (p + 12);
  item->transport_cc.count = read16 (p + 14);
  item->transport_cc.reference_us = (int64_t)sign_extend24 (read24 (p + 16)) * 64000;
  item->transport_cc.feedback_count = p[19];
  item->transport_cc.chunks = p + 20;
  item->transport_cc.chunks_bytes = bytes - 20;
  return item->transport_cc.count <= AIR_RTCP_MAX_TRANSPORT_CC;
}

static bool
next_transport_feedback (AirRtcpIter *iter, const uint8_t *p, AirRtcpItem *item)
{
  unsigned format = p[0] & 31;

  if (format == 15)
    {
      bool first = iter->entry == 0;
      iter->entry = iter->packet_bytes;
      return first && read_transport_cc (p, iter->packet_bytes, item);
    }
  if (iter->entry == 0)
    iter->entry = 12;
  if (format != 1 || iter->entry + 4 > iter->packet_bytes)
    return false;
  item->type = AIR_RTCP_NACK;
  item->nack.sequence = read16 (p + iter->entry);
  item->nack.bitmask = read16 (p + iter->entry + 2);
  iter->entry += 4;
  return true;
}

/* draft-alvestrand-rmcat-remb-03 §2.2: 6 bits of exponent, 18 of mantissa. */
static bool
read_remb (const uint8_t *p, size_t bytes, AirRtcpItem *item)
{
  if (bytes < 20 || memcmp (p + 12, "REMB", 4) != 0)
    return false;
  unsigned exponent = p[17] >> 2;
  uint64_t mantissa = read24 (p + 17) & 0x3ffff;

  item->type = AIR_RTCP_REMB;
  if (p[16] > 0 && bytes >= 24)
    item->media_ssrc = read32 (p + 20);
  /* 18 bits and 45 fit into 64. */
  item->remb_bps = MIN (mantissa << MIN (exponent, 45), AIR_RTCP_MAX_REMB_BPS);
  return true;
}

static bool
next_payload_feedback (AirRtcpIter *iter, const uint8_t *p, AirRtcpItem *item)
{
  unsigned format = p[0] & 31;
  bool first = iter->entry == 0;

  if (first)
    iter->entry = 12;
  if (format == 1 && first)
    {
      item->type = AIR_RTCP_PLI;
      return true;
    }
  if (format == 15 && first)
    return read_remb (p, iter->packet_bytes, item);
  if (format != 4 || iter->entry + 8 > iter->packet_bytes)
    return false;
  item->type = AIR_RTCP_FIR; /* RFC 5104 §4.3.1: the header's media source is 0, each entry names its own */
  item->media_ssrc = read32 (p + iter->entry);
  item->fir.sequence = p[iter->entry + 4];
  iter->entry += 8;
  return true;
}

/* RFC 3611 §3: blocks of any kind, of which only one is wanted. */
static bool
next_extended (AirRtcpIter *iter, const uint8_t *p, AirRtcpItem *item)
{
  if (iter->entry == 0)
    iter->entry = 8;
  item->sender_ssrc = read32 (p + 4);
  while (iter->entry + 4 <= iter->packet_bytes)
    {
      const uint8_t *block = p + iter->entry;
      size_t bytes = 4 + 4 * (size_t)read16 (block + 2);
      bool whole = bytes <= iter->packet_bytes - iter->entry;
      iter->entry = whole ? iter->entry + bytes : iter->packet_bytes;
      if (whole && block[0] == BLOCK_REFERENCE_TIME && bytes >= 12)
        {
          item->type = AIR_RTCP_REFERENCE_TIME;
          item->reference = read32 (block + 6);
          return true;
        }
    }
  return false;
}

static bool
next_entry (AirRtcpIter *iter, AirRtcpItem *item)
{
  const uint8_t *p = iter->data + iter->packet;

  *item = (AirRtcpItem){ 0 };
  switch (p[1])
    {
    case PACKET_SR:
    case PACKET_RR:
      return next_report (iter, p, item);
    case PACKET_BYE:
      return next_bye (iter, p, item);
    case PACKET_RTPFB:
    case PACKET_PSFB:
      if (iter->packet_bytes < 12)
        return false;
      item->sender_ssrc = read32 (p + 4);
      item->media_ssrc = read32 (p + 8);
      return p[1] == PACKET_RTPFB ? next_transport_feedback (iter, p, item) : next_payload_feedback (iter, p, item);
    case PACKET_XR:
      return iter->packet_bytes >= 8 && next_extended (iter, p, item);
    default:
      return false;
    }
}

bool
air_rtcp_iter_next (AirRtcpIter *iter, AirRtcpItem *ret_item)
{
  while (iter->packet < iter->size)
    {
      if (next_entry (iter, ret_item))
        return true;
      iter->packet += framed_bytes (iter->data, iter->size, iter->packet);
      if (iter->packet < iter->size)
        enter_packet (iter);
    }
  return false;
}

void
air_rtcp_sources_note (AirRtcpSources *sources, const AirRtcpIter *iter)
{
  if (!iter->has_sender || air_rtcp_sources_has (sources, iter->sender_ssrc))
    return;
  sources->ssrcs[sources->next] = iter->sender_ssrc;
  sources->next = (uint8_t)((sources->next + 1) % G_N_ELEMENTS (sources->ssrcs));
  sources->count = (uint8_t)MIN (sources->count + 1u, G_N_ELEMENTS (sources->ssrcs));
}

bool
air_rtcp_sources_has (const AirRtcpSources *sources, uint32_t ssrc)
{
  for (unsigned i = 0; i < sources->count; i++)
    if (sources->ssrcs[i] == ssrc)
      return true;
  return false;
}

int64_t
air_rtcp_round_trip_us (uint32_t now_middle, uint32_t lsr, uint32_t dlsr)
{
  int32_t elapsed = (int32_t)(now_middle - lsr - dlsr); /* 1/65536 s */

  if (lsr == 0 || elapsed < 0 || elapsed > 60 * 65536)
    return -1;
  return (int64_t)elapsed * G_USEC_PER_SEC / 65536;
}

int64_t
air_rtcp_jitter_us (uint32_t jitter, unsigned clock_rate)
{
  int64_t jitter_us = (int64_t)jitter * G_USEC_PER_SEC / clock_rate;

  return jitter_us <= 10 * G_USEC_PER_SEC ? jitter_us : -1;
}

/* Expands the status chunks to one symbol a packet. Returns: the bytes they took; 0: broken. */
static size_t
read_status_chunks (const uint8_t *chunks, size_t bytes, uint8_t *ret_symbols, unsigned count)
{
  size_t offset = 0;
  unsigned n = 0;

  while (n < count)
    {
      if (offset + 2 > bytes)
        return 0;
      unsigned chunk = read16 (chunks + offset);
      bool vector = chunk >> 15, wide = chunk >> 14 & 1;
      unsigned in_chunk = !vector ? chunk & 0x1fff : wide ? 7 : 14;

      offset += 2;
      if (in_chunk == 0)
        return 0;
      for (unsigned i = 0; i < in_chunk && n < count; i++)
        ret_symbols[n++] = !vector ? chunk >> 13 & 3 : wide ? chunk >> (12 - 2 * i) & 3 : chunk >> (13 - i) & 1;
    }
  return offset;
}

unsigned
air_rtcp_read_transport_cc (const AirRtcpItem *item, AirTransportCcPacket *ret_packets, unsigned max)
{
  uint8_t symbols[AIR_RTCP_MAX_TRANSPORT_CC];
  const uint8_t *p = item->transport_cc.chunks;
  size_t bytes = item->transport_cc.chunks_bytes;
  size_t offset = read_status_chunks (p, bytes, symbols, item->transport_cc.count);
  int64_t arrival_us = item->transport_cc.reference_us;
  unsigned count = MIN (item->transport_cc.count, max);

  if (offset == 0)
    return 0;
  for (unsigned i = 0; i < count; i++)
    {
      size_t delta_bytes = symbols[i]; /* 0: lost; 1 and 2: so many bytes; 3: reserved */

      if (delta_bytes == 3 || offset + delta_bytes > bytes)
        return 0;
      if (delta_bytes == 1)
        arrival_us += p[offset] * 250;
      else if (delta_bytes == 2)
        arrival_us += (int16_t)read16 (p + offset) * 250;
      offset += delta_bytes;
      ret_packets[i] = (AirTransportCcPacket){ .sequence = (uint16_t)(item->transport_cc.base_sequence + i),
                                               .received = delta_bytes > 0,
                                               .arrival_us = delta_bytes > 0 ? arrival_us : 0 };
    }
  return count;
}
