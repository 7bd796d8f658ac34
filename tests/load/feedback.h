/* What a browser tells the sender: receiver reports, transport-wide feedback, NACK, PLI.
 *
 * State of one viewer, one thread. Packets are written unencrypted into the caller's buffer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_RTCP_BYTES 1200
#define LOAD_TRANSPORT_WINDOW 512

/* About one SSRC (RFC 3550 §6.4.1, §A.3, §A.8). */
typedef struct
{
  uint32_t ssrc; /* 0: not heard yet */
  uint32_t clock_hz;
  uint32_t highest; /* extended */
  uint32_t first;
  uint64_t received, expected_before, received_before;
  uint32_t transit, jitter; /* jitter: times 16 */
  uint32_t last_sr;         /* middle bits of its NTP time */
  int64_t last_sr_us;
} LoadReport;

void load_report_packet (LoadReport *report, uint32_t ssrc, uint16_t sequence, uint32_t timestamp, int64_t now_us);
/* RR with a block for each of @reports that was heard, and SDES. Returns: the size. */
size_t load_report_write (LoadReport *reports, unsigned count, uint32_t sender_ssrc, int64_t now_us,
                          uint8_t out[LOAD_RTCP_BYTES]);

/* draft-holmer-rmcat-transport-wide-cc-extensions-01 */
typedef struct
{
  bool started;
  uint16_t base;   /* the next feedback begins here */
  unsigned count;  /* packets from base on that it will speak of */
  uint8_t number;
  int64_t arrival_us[LOAD_TRANSPORT_WINDOW]; /* 0: not there */
} LoadTransportFeedback;

/* Returns: true when a feedback should leave now, as no more fits. */
bool load_transport_packet (LoadTransportFeedback *feedback, uint16_t sequence, int64_t now_us);
/* Returns: the size; 0: nothing to tell. */
size_t load_transport_write (LoadTransportFeedback *feedback, uint32_t sender_ssrc, uint32_t media_ssrc,
                             uint8_t out[LOAD_RTCP_BYTES]);

/* RFC 4585 §6.2.1; @sequences in ascending order. */
size_t load_nack_write (uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *sequences, unsigned count,
                        uint8_t out[LOAD_RTCP_BYTES]);
