/* Writing RTCP as a receiver. */
#include "feedback.h"

#include <glib.h>
#include <string.h>

#define TICK_US 250                         /* of transport-wide deltas */
#define REFERENCE_US 64000
#define MAX_TRANSPORT_PACKETS 400           /* 2 bits and at most 2 bytes each: fits one packet */
#define STATUS_NONE 0
#define STATUS_SMALL 1
#define STATUS_LARGE 2
#define PACKETS_PER_CHUNK 7

static uint8_t *
put16 (uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
  return at + 2;
}

static uint8_t *
put32 (uint8_t *at, uint32_t value)
{
  return put16 (put16 (at, value >> 16), value & 0xffff);
}

/* Pads to a word and writes the header's length. */
static size_t
finish (uint8_t *packet, uint8_t *end)
{
  while ((end - packet) % 4 != 0)
    *end++ = 0;
  put16 (packet + 2, (uint32_t)((end - packet) / 4 - 1));
  return (size_t)(end - packet);
}

void
load_report_packet (LoadReport *report, uint32_t ssrc, uint16_t sequence, uint32_t timestamp, int64_t now_us)
{
  uint32_t transit = (uint32_t)((uint64_t)now_us * report->clock_hz / G_USEC_PER_SEC) - timestamp;

  if (report->ssrc != ssrc)
    {
      *report = (LoadReport){ .ssrc = ssrc, .clock_hz = report->clock_hz, .highest = sequence, .first = sequence,
                              .transit = transit };
    }
  int16_t step = (int16_t)(uint16_t)(sequence - (uint16_t)report->highest);
  if (step > 0)
    report->highest += (uint32_t)step;
  report->received++;
  int32_t change = (int32_t)(transit - report->transit);
  report->transit = transit;
  report->jitter += (uint32_t)(change < 0 ? -change : change) - ((report->jitter + 8) >> 4);
}

static uint8_t *
write_block (LoadReport *report, int64_t now_us, uint8_t *at)
{
  uint64_t expected = (uint64_t)(report->highest - report->first) + 1;
  uint64_t expected_now = expected - report->expected_before;
  uint64_t received_now = report->received - report->received_before;
  uint64_t lost_now = expected_now > received_now ? expected_now - received_now : 0;
  uint32_t fraction = expected_now > 0 ? (uint32_t)MIN (255, lost_now * 256 / expected_now) : 0;
  uint32_t lost = (uint32_t)CLAMP ((int64_t)expected - (int64_t)report->received, -0x800000, 0x7fffff) & 0xffffff;

  report->expected_before = expected;
  report->received_before = report->received;
  at = put32 (at, report->ssrc);
  at = put32 (at, fraction << 24 | lost);
  at = put32 (at, report->highest);
  at = put32 (at, report->jitter >> 4);
  at = put32 (at, report->last_sr);
  return put32 (at, report->last_sr ? (uint32_t)((now_us - report->last_sr_us) * 65536 / G_USEC_PER_SEC) : 0);
}

size_t
load_report_write (LoadReport *reports, unsigned count, uint32_t sender_ssrc, int64_t now_us,
                   uint8_t out[LOAD_RTCP_BYTES])
{
  static const uint8_t cname[] = { 1, 4, 'l', 'o', 'a', 'd', 0, 0 };
  unsigned blocks = 0;
  uint8_t *at = put32 (put32 (out, 0), sender_ssrc);

  for (unsigned i = 0; i < count; i++)
    if (reports[i].ssrc != 0)
      {
        at = write_block (&reports[i], now_us, at);
        blocks++;
      }
  out[0] = (uint8_t)(0x80 | blocks);
  out[1] = 201;
  size_t size = finish (out, at);
  uint8_t *description = out + size;
  description[0] = 0x81;
  description[1] = 202;
  at = put32 (description + 4, sender_ssrc);
  memcpy (at, cname, sizeof cname);
  return size + finish (description, at + sizeof cname);
}

bool
load_transport_packet (LoadTransportFeedback *feedback, uint16_t sequence, int64_t now_us)
{
  if (!feedback->started)
    {
      feedback->started = true;
      feedback->base = sequence;
    }
  uint16_t offset = (uint16_t)(sequence - feedback->base);
  if (offset >= 0x8000)
    return false; /* late: its feedback has left without it */
  if (offset >= LOAD_TRANSPORT_WINDOW)
    {
      *feedback = (LoadTransportFeedback){ .started = true, .base = sequence, .number = feedback->number };
      offset = 0;
    }
  feedback->arrival_us[offset] = now_us;
  feedback->count = MAX (feedback->count, offset + 1u);
  return feedback->count >= MAX_TRANSPORT_PACKETS;
}

/* The first arrival is the reference; each delta is to the arrival before, in the order of sequence numbers (§3.1.4, §3.1.5). */
static uint8_t *
write_deltas (const LoadTransportFeedback *feedback, unsigned count, int64_t reference_us, uint8_t *chunks, uint8_t *at)
{
  int64_t previous = reference_us / TICK_US;

  for (unsigned i = 0; i < count; i++)
    {
      unsigned status = STATUS_NONE;

      if (feedback->arrival_us[i] != 0)
        {
          int64_t tick = feedback->arrival_us[i] / TICK_US;
          int64_t delta = CLAMP (tick - previous, G_MININT16, G_MAXINT16);

          previous = tick;
          status = delta >= 0 && delta <= 255 ? STATUS_SMALL : STATUS_LARGE;
          if (status == STATUS_SMALL)
            *at++ = (uint8_t)delta;
          else
            at = put16 (at, (uint32_t)delta & 0xffff);
        }
      /* Status vectors of two-bit symbols: 1, 1, then seven of them. */
      uint8_t *chunk = chunks + i / PACKETS_PER_CHUNK * 2;
      unsigned shift = 12 - i % PACKETS_PER_CHUNK * 2;
      if (i % PACKETS_PER_CHUNK == 0)
        put16 (chunk, 0xc000);
      put16 (chunk, (uint32_t)(chunk[0] << 8 | chunk[1]) | status << shift);
    }
  return at;
}

size_t
load_transport_write (LoadTransportFeedback *feedback, uint32_t sender_ssrc, uint32_t media_ssrc,
                      uint8_t out[LOAD_RTCP_BYTES])
{
  unsigned count = MIN (feedback->count, MAX_TRANSPORT_PACKETS);
  int64_t reference_us = 0;

  for (unsigned i = 0; i < count && reference_us == 0; i++)
    reference_us = feedback->arrival_us[i];
  if (reference_us == 0)
    return 0;
  reference_us = reference_us / REFERENCE_US * REFERENCE_US;
  uint8_t *at = put32 (put32 (put32 (out, 0), sender_ssrc), media_ssrc);
  out[0] = 0x80 | 15;
  out[1] = 205;
  at = put16 (put16 (at, feedback->base), count);
  at = put32 (at, (uint32_t)(reference_us / REFERENCE_US) << 8 | feedback->number++);
  unsigned chunks = (count + PACKETS_PER_CHUNK - 1) / PACKETS_PER_CHUNK;
  at = write_deltas (feedback, count, reference_us, at, at + chunks * 2);
  feedback->base = (uint16_t)(feedback->base + count);
  memmove (feedback->arrival_us, feedback->arrival_us + count,
           (LOAD_TRANSPORT_WINDOW - count) * sizeof feedback->arrival_us[0]);
  memset (feedback->arrival_us + LOAD_TRANSPORT_WINDOW - count, 0, count * sizeof feedback->arrival_us[0]);
  feedback->count -= count;
  return finish (out, at);
}

size_t
load_nack_write (uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *sequences, unsigned count,
                 uint8_t out[LOAD_RTCP_BYTES])
{
  uint8_t *at = put32 (put32 (put32 (out, 0), sender_ssrc), media_ssrc);

  out[0] = 0x80 | 1;
  out[1] = 205;
  for (unsigned i = 0; i < count && at + 4 <= out + LOAD_RTCP_BYTES;)
    {
      uint16_t first = sequences[i++];
      uint32_t mask = 0;

      for (; i < count && (uint16_t)(sequences[i] - first) <= 16; i++)
        mask |= 1u << ((uint16_t)(sequences[i] - first) - 1);
      at = put16 (put16 (at, first), mask);
    }
  return finish (out, at);
}
