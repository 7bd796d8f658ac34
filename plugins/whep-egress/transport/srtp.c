/* SRTP and SRTCP packets: framing, indices, rollover, replay.
 *
 * One thread at a time per AirSrtp, which owns its sessions. RTP and RTCP sessions are made when first used, so that a
 * viewer who only receives costs no context for incoming RTP. */
#include "srtp-private.h"

#include <openssl/crypto.h>
#include <string.h>

#include "prefetch.h"

#define RTP_HEADER_BYTES 12
#define RTCP_HEADER_BYTES 8
#define INDEX_WORD_BYTES 4
#define ENCRYPTED_FLAG 0x80000000u
#define MAX_RTCP_INDEX 0x7fffffffu
#define WINDOW_PACKETS 128

static const AirSrtpLabels rtp_labels = { 0, 1, 2 };
static const AirSrtpLabels rtcp_labels = { 3, 4, 5 };

typedef struct
{
  uint64_t top; /* highest index so far */
  uint64_t seen[WINDOW_PACKETS / 64]; /* bit i: top - i came */
  bool started;
} Window;

typedef struct
{
  uint32_t ssrc;
  bool used;
  Window rtp, rtcp;
  uint32_t next_rtcp_index;
} Source;

struct _AirSrtp
{
  AirSrtpProfile profile;
  AirSrtpMaster master;
  AirSrtpSession rtp, rtcp;
  Source sources[AIR_SRTP_MAX_SSRCS];
};

const char *
air_srtp_profile_to_string (AirSrtpProfile profile)
{
  switch (profile)
    {
    case AIR_SRTP_AES128_CM_SHA1_80:
      return "SRTP_AES128_CM_SHA1_80";
    case AIR_SRTP_AEAD_AES_128_GCM:
      return "SRTP_AEAD_AES_128_GCM";
    case AIR_SRTP_AEAD_AES_256_GCM:
      return "SRTP_AEAD_AES_256_GCM";
    default:
      return "none";
    }
}

size_t
air_srtp_profile_key_bytes (AirSrtpProfile profile)
{
  return profile == AIR_SRTP_AEAD_AES_256_GCM ? 32 : 16;
}

size_t
air_srtp_profile_salt_bytes (AirSrtpProfile profile)
{
  return profile == AIR_SRTP_AES128_CM_SHA1_80 ? 14 : 12;
}

size_t
air_srtp_profile_rtp_overhead (AirSrtpProfile profile)
{
  return profile == AIR_SRTP_AES128_CM_SHA1_80 ? AIR_SRTP_SHA1_TAG_BYTES : AIR_SRTP_GCM_TAG_BYTES;
}

AirSrtp *
air_srtp_new (AirSrtpProfile profile, const AirSrtpMaster *master)
{
  AirSrtp *srtp;

  if (profile != AIR_SRTP_AES128_CM_SHA1_80 && profile != AIR_SRTP_AEAD_AES_128_GCM
      && profile != AIR_SRTP_AEAD_AES_256_GCM)
    return NULL;
  srtp = g_new0 (AirSrtp, 1);
  srtp->profile = profile;
  srtp->master = *master;
  return srtp;
}

void
air_srtp_free (AirSrtp *srtp)
{
  if (srtp == NULL)
    return;
  air_srtp_session_clear (&srtp->rtp);
  air_srtp_session_clear (&srtp->rtcp);
  OPENSSL_cleanse (srtp, sizeof *srtp);
  g_free (srtp);
}

static bool
is_gcm (const AirSrtp *srtp)
{
  return srtp->profile != AIR_SRTP_AES128_CM_SHA1_80;
}

static bool
ensure_session (AirSrtp *srtp, AirSrtpSession *session, bool encrypt)
{
  if (session->gcm != NULL || session->cipher != NULL)
    return true;
  if (air_srtp_session_init (session, srtp->profile, &srtp->master, session == &srtp->rtp ? rtp_labels : rtcp_labels,
                             encrypt))
    return true;
  air_srtp_session_clear (session);
  return false;
}

/* Returns: the state of @ssrc, else a free place that is not taken yet; NULL when there is none. */
static Source *
find_source (AirSrtp *srtp, uint32_t ssrc)
{
  for (unsigned i = 0; i < AIR_SRTP_MAX_SSRCS; i++)
    if (!srtp->sources[i].used || srtp->sources[i].ssrc == ssrc)
      return &srtp->sources[i];
  return NULL;
}

static void
take_source (Source *source, uint32_t ssrc)
{
  source->used = true;
  source->ssrc = ssrc;
}

/* RFC 3711 §3.3.2 and appendix A. */
static bool
window_has (const Window *window, uint64_t index)
{
  uint64_t age = window->top - index;

  if (!window->started || index > window->top)
    return false;
  return age >= WINDOW_PACKETS || (window->seen[age / 64] >> (age % 64) & 1);
}

static void
window_add (Window *window, uint64_t index)
{
  if (!window->started || index > window->top)
    {
      uint64_t step = window->started ? index - window->top : WINDOW_PACKETS;

      if (step >= 64)
        {
          window->seen[1] = step < 128 ? window->seen[0] << (step - 64) : 0;
          window->seen[0] = 0;
        }
      else
        {
          window->seen[1] = window->seen[1] << step | window->seen[0] >> (64 - step);
          window->seen[0] <<= step;
        }
      window->seen[0] |= 1;
      window->top = index;
      window->started = true;
    }
  else if (window->top - index < WINDOW_PACKETS)
    window->seen[(window->top - index) / 64] |= UINT64_C (1) << ((window->top - index) % 64);
}

/* RFC 3711 §3.3.1: the 48-bit index nearest to the highest one. */
static uint64_t
guess_index (const Window *window, uint16_t sequence)
{
  uint64_t roc = window->top >> 16;
  uint16_t highest = (uint16_t)window->top;

  if (!window->started)
    return sequence;
  if (highest < 0x8000)
    {
      if (sequence - highest > 0x8000 && roc > 0)
        roc--;
    }
  else if (highest - 0x8000 > sequence)
    roc++;
  return roc << 16 | sequence;
}

/* Fixed part, CSRCs and extension (RFC 3550 §5.1, §5.3.1). Returns: 0 when malformed. */
static size_t
rtp_header_bytes (const uint8_t *packet, size_t bytes)
{
  size_t header = RTP_HEADER_BYTES;

  if (bytes < header || packet[0] >> 6 != 2)
    return 0;
  header += 4 * (size_t)(packet[0] & 15);
  if (packet[0] & 0x10)
    {
      if (bytes < header + 4)
        return 0;
      header += 4 + 4 * (size_t)air_srtp_read16 (packet + header + 2);
    }
  return header <= bytes ? header : 0;
}

static bool
seal_rtp_cm (AirSrtp *srtp, const uint8_t *iv, uint64_t index, size_t header_bytes, const uint8_t *payload,
             size_t payload_bytes, uint8_t *out)
{
  if (!air_srtp_cm_crypt (&srtp->rtp, iv, payload, payload_bytes, out + header_bytes))
    return false;
  air_srtp_sha1_tag (&srtp->rtp, out, header_bytes + payload_bytes, true, (uint32_t)(index >> 16),
                     out + header_bytes + payload_bytes);
  return true;
}

AirSrtpStatus
air_srtp_protect_rtp (AirSrtp *srtp, const uint8_t *header, size_t header_bytes, const uint8_t *payload,
                      size_t payload_bytes, uint8_t *out, size_t out_bytes, size_t *ret_bytes)
{
  size_t total = header_bytes + payload_bytes + air_srtp_profile_rtp_overhead (srtp->profile);
  uint8_t iv[AIR_SRTP_IV_BYTES];
  bool sealed;

  if (rtp_header_bytes (header, header_bytes) != header_bytes || total > out_bytes)
    return AIR_SRTP_MALFORMED;
  if (G_UNLIKELY (!ensure_session (srtp, &srtp->rtp, true)))
    return AIR_SRTP_FAILED;

  uint32_t ssrc = air_srtp_read32 (header + 8);
  Source *source = find_source (srtp, ssrc);
  uint64_t index = source != NULL ? guess_index (&source->rtp, air_srtp_read16 (header + 2)) : 0;

  if (source == NULL || index >> 48 != 0)
    return AIR_SRTP_EXHAUSTED;
  air_srtp_make_iv (&srtp->rtp, srtp->profile, ssrc, index, iv);
  memcpy (out, header, header_bytes);
  if (is_gcm (srtp))
    sealed = air_srtp_gcm_seal (&srtp->rtp, iv, header, header_bytes, NULL, payload, payload_bytes, out + header_bytes,
                                out + header_bytes + payload_bytes);
  else
    sealed = seal_rtp_cm (srtp, iv, index, header_bytes, payload, payload_bytes, out);
  if (!sealed)
    return AIR_SRTP_FAILED;
  take_source (source, ssrc);
  window_add (&source->rtp, index);
  *ret_bytes = total;
  return AIR_SRTP_OK;
}

void
air_srtp_prefetch (const AirSrtp *srtp)
{
  air_prefetch (&srtp->profile, sizeof srtp->profile);
  air_prefetch (&srtp->rtp, offsetof (AirSrtpSession, hmac));
  air_prefetch (srtp->sources, 2 * sizeof (Source));
}

void
air_srtp_prefetch_key (const AirSrtp *srtp)
{
  if (srtp->rtp.gcm)
    air_gcm_prefetch (srtp->rtp.gcm);
}

/* RFC 7714 §9.2: header | ciphertext | tag | E and index. RFC 3711 §3.4: header | ciphertext | E and index | tag. */
AirSrtpStatus
air_srtp_protect_rtcp (AirSrtp *srtp, const uint8_t *packet, size_t packet_bytes, uint8_t *out, size_t out_bytes,
                       size_t *ret_bytes)
{
  size_t total = packet_bytes + INDEX_WORD_BYTES + air_srtp_profile_rtp_overhead (srtp->profile);
  uint8_t iv[AIR_SRTP_IV_BYTES], word[INDEX_WORD_BYTES];
  bool sealed;

  if (packet_bytes < RTCP_HEADER_BYTES || packet[0] >> 6 != 2 || total > out_bytes)
    return AIR_SRTP_MALFORMED;
  if (!ensure_session (srtp, &srtp->rtcp, true))
    return AIR_SRTP_FAILED;

  uint32_t ssrc = air_srtp_read32 (packet + 4);
  Source *source = find_source (srtp, ssrc);

  if (source == NULL || source->next_rtcp_index > MAX_RTCP_INDEX)
    return AIR_SRTP_EXHAUSTED;
  air_srtp_make_iv (&srtp->rtcp, srtp->profile, ssrc, source->next_rtcp_index, iv);
  air_srtp_write32 (word, ENCRYPTED_FLAG | source->next_rtcp_index);
  memcpy (out, packet, RTCP_HEADER_BYTES);
  if (is_gcm (srtp))
    {
      sealed = air_srtp_gcm_seal (&srtp->rtcp, iv, packet, RTCP_HEADER_BYTES, word, packet + RTCP_HEADER_BYTES,
                                  packet_bytes - RTCP_HEADER_BYTES, out + RTCP_HEADER_BYTES, out + packet_bytes);
      memcpy (out + packet_bytes + AIR_SRTP_GCM_TAG_BYTES, word, sizeof word);
    }
  else
    {
      sealed = air_srtp_cm_crypt (&srtp->rtcp, iv, packet + RTCP_HEADER_BYTES, packet_bytes - RTCP_HEADER_BYTES,
                                  out + RTCP_HEADER_BYTES);
      memcpy (out + packet_bytes, word, sizeof word);
      air_srtp_sha1_tag (&srtp->rtcp, out, packet_bytes + INDEX_WORD_BYTES, false, 0,
                         out + packet_bytes + INDEX_WORD_BYTES);
    }
  if (!sealed)
    return AIR_SRTP_FAILED;
  take_source (source, ssrc);
  source->next_rtcp_index++;
  *ret_bytes = total;
  return AIR_SRTP_OK;
}

AirSrtpStatus
air_srtp_unprotect_rtp (AirSrtp *srtp, uint8_t *packet, size_t packet_bytes, size_t *ret_bytes)
{
  size_t tag_bytes = air_srtp_profile_rtp_overhead (srtp->profile);
  size_t body = packet_bytes >= tag_bytes ? packet_bytes - tag_bytes : 0;
  size_t header_bytes = rtp_header_bytes (packet, body);
  uint8_t iv[AIR_SRTP_IV_BYTES], tag[AIR_SRTP_SHA1_TAG_BYTES];

  if (header_bytes == 0)
    return AIR_SRTP_MALFORMED;
  if (!ensure_session (srtp, &srtp->rtp, false))
    return AIR_SRTP_FAILED;

  uint32_t ssrc = air_srtp_read32 (packet + 8);
  Source *source = find_source (srtp, ssrc);
  uint64_t index = source != NULL ? guess_index (&source->rtp, air_srtp_read16 (packet + 2)) : 0;

  if (source == NULL || index >> 48 != 0)
    return AIR_SRTP_EXHAUSTED;
  if (window_has (&source->rtp, index))
    return AIR_SRTP_REPLAYED;
  air_srtp_make_iv (&srtp->rtp, srtp->profile, ssrc, index, iv);
  if (is_gcm (srtp))
    {
      if (!air_srtp_gcm_open (&srtp->rtp, iv, packet, header_bytes, NULL, packet + header_bytes, body - header_bytes,
                              packet + body))
        return AIR_SRTP_FORGED;
    }
  else
    {
      air_srtp_sha1_tag (&srtp->rtp, packet, body, true, (uint32_t)(index >> 16), tag);
      if (CRYPTO_memcmp (tag, packet + body, sizeof tag) != 0)
        return AIR_SRTP_FORGED;
      if (!air_srtp_cm_crypt (&srtp->rtp, iv, packet + header_bytes, body - header_bytes, packet + header_bytes))
        return AIR_SRTP_FAILED;
    }
  take_source (source, ssrc);
  window_add (&source->rtp, index);
  *ret_bytes = body;
  return AIR_SRTP_OK;
}

/* Authenticates and decrypts @body bytes in place. @word: E and index as they came. */
static AirSrtpStatus
open_rtcp (AirSrtp *srtp, uint8_t *packet, size_t body, const uint8_t *word, uint32_t ssrc)
{
  uint32_t index = air_srtp_read32 (word) & MAX_RTCP_INDEX;
  bool encrypted = air_srtp_read32 (word) & ENCRYPTED_FLAG;
  uint8_t iv[AIR_SRTP_IV_BYTES], tag[AIR_SRTP_SHA1_TAG_BYTES];
  uint8_t *data = packet + RTCP_HEADER_BYTES;
  size_t data_bytes = body - RTCP_HEADER_BYTES;

  air_srtp_make_iv (&srtp->rtcp, srtp->profile, ssrc, index, iv);
  if (is_gcm (srtp))
    {
      /* RFC 7714 §9.3: without E the whole packet is associated data. */
      bool good = encrypted ? air_srtp_gcm_open (&srtp->rtcp, iv, packet, RTCP_HEADER_BYTES, word, data, data_bytes,
                                                 packet + body)
                            : air_srtp_gcm_open (&srtp->rtcp, iv, packet, body, word, NULL, 0, packet + body);
      return good ? AIR_SRTP_OK : AIR_SRTP_FORGED;
    }
  air_srtp_sha1_tag (&srtp->rtcp, packet, body + INDEX_WORD_BYTES, false, 0, tag);
  if (CRYPTO_memcmp (tag, packet + body + INDEX_WORD_BYTES, sizeof tag) != 0)
    return AIR_SRTP_FORGED;
  if (encrypted && !air_srtp_cm_crypt (&srtp->rtcp, iv, data, data_bytes, data))
    return AIR_SRTP_FAILED;
  return AIR_SRTP_OK;
}

AirSrtpStatus
air_srtp_unprotect_rtcp (AirSrtp *srtp, uint8_t *packet, size_t packet_bytes, size_t *ret_bytes)
{
  size_t overhead = INDEX_WORD_BYTES + air_srtp_profile_rtp_overhead (srtp->profile);
  const uint8_t *word;
  AirSrtpStatus status;

  if (packet_bytes < RTCP_HEADER_BYTES + overhead || packet[0] >> 6 != 2)
    return AIR_SRTP_MALFORMED;
  if (!ensure_session (srtp, &srtp->rtcp, false))
    return AIR_SRTP_FAILED;

  size_t body = packet_bytes - overhead;
  uint32_t ssrc = air_srtp_read32 (packet + 4);
  Source *source = find_source (srtp, ssrc);

  word = is_gcm (srtp) ? packet + packet_bytes - INDEX_WORD_BYTES : packet + body;
  uint32_t index = air_srtp_read32 (word) & MAX_RTCP_INDEX;
  if (source == NULL)
    return AIR_SRTP_EXHAUSTED;
  if (window_has (&source->rtcp, index))
    return AIR_SRTP_REPLAYED;
  status = open_rtcp (srtp, packet, body, word, ssrc);
  if (status != AIR_SRTP_OK)
    return status;
  take_source (source, ssrc);
  window_add (&source->rtcp, index);
  *ret_bytes = body;
  return AIR_SRTP_OK;
}
