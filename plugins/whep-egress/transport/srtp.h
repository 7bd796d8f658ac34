/* SRTP and SRTCP (RFC 3711, RFC 7714), shaped for fan-out: one plaintext shared by all viewers, one cheap encryption each.
 *
 * An AirSrtp is one direction of one viewer: make one from the local keys (protect) and one from the remote keys
 * (unprotect). It belongs to one thread at a time; the two directions may be on different threads. Cipher contexts are
 * made once, no allocation per packet.
 *
 * Never protect two different packets with one SSRC, rollover counter and sequence number: the nonce is made of them, and reuse gives the
 * authentication key of AES-GCM away (RFC 7714 §8.4). A retransmission on the same SSRC must therefore be the same bytes,
 * header extensions (transport-cc sequence!) included; else use RTX (RFC 4588).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of RFC 5764 §4.1.2 and RFC 7714 §14.2. */
typedef enum
{
  AIR_SRTP_NONE = 0,
  AIR_SRTP_AES128_CM_SHA1_80 = 0x0001,
  AIR_SRTP_AEAD_AES_128_GCM = 0x0007,
  AIR_SRTP_AEAD_AES_256_GCM = 0x0008,
} AirSrtpProfile;

#define AIR_SRTP_MAX_KEY_BYTES 32
#define AIR_SRTP_MAX_SALT_BYTES 14
/* What protect adds at most: tag (16), and for RTCP the index word (4). */
#define AIR_SRTP_MAX_OVERHEAD_BYTES 20
/* SSRCs that one direction keeps state for; a further one replaces none and is refused. */
#define AIR_SRTP_MAX_SSRCS 8

typedef struct
{
  uint8_t key[AIR_SRTP_MAX_KEY_BYTES];
  uint8_t salt[AIR_SRTP_MAX_SALT_BYTES];
} AirSrtpMaster;

typedef struct
{
  AirSrtpProfile profile;
  AirSrtpMaster local;  /* what we send */
  AirSrtpMaster remote; /* what the peer sends */
} AirSrtpKeys;

typedef enum
{
  AIR_SRTP_OK,
  AIR_SRTP_MALFORMED, /* not an (S)RTP or (S)RTCP packet, or no room in the output */
  AIR_SRTP_FORGED,    /* authentication failed */
  AIR_SRTP_REPLAYED,  /* seen before, or older than the window of 128 packets */
  AIR_SRTP_EXHAUSTED, /* SSRC table full, or the key's 2^48 / 2^31 packets are used up (RFC 3711 §9.2) */
  AIR_SRTP_FAILED,    /* the cipher refused */
} AirSrtpStatus;

typedef struct _AirSrtp AirSrtp;

/* "SRTP_AEAD_AES_128_GCM", … for the viewers' table. */
const char *air_srtp_profile_to_string (AirSrtpProfile profile);
size_t air_srtp_profile_key_bytes (AirSrtpProfile profile);
size_t air_srtp_profile_salt_bytes (AirSrtpProfile profile);
size_t air_srtp_profile_rtp_overhead (AirSrtpProfile profile);

/* Returns: (transfer full), NULL when the profile is unknown or OpenSSL lacks it. */
AirSrtp *air_srtp_new (AirSrtpProfile profile, const AirSrtpMaster *master);
/* Wipes the keys; NULL is taken. */
void air_srtp_free (AirSrtp *srtp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirSrtp, air_srtp_free)

/* Hot path. @header: this viewer's whole RTP header (fixed part, CSRCs, extensions); @payload: shared and read only.
 * Writes header + ciphertext + tag to @out, which overlaps neither. The rollover counter follows the sequence numbers
 * seen per SSRC (RFC 3711 §3.3.1): packets may come out of order by less than 2^15. */
AirSrtpStatus air_srtp_protect_rtp (AirSrtp *srtp, const uint8_t *header, size_t header_bytes, const uint8_t *payload,
                                    size_t payload_bytes, uint8_t *out, size_t out_bytes, size_t *ret_bytes);
/* An RTP packet is about to be protected: brings the state into the cache; the key of it, which the state tells the place of,
 * in a second call. */
void air_srtp_prefetch (const AirSrtp *srtp);
void air_srtp_prefetch_key (const AirSrtp *srtp);
/* @packet: a compound RTCP packet. Writes SRTCP with E = 1 and the next index (RFC 3711 §3.4, RFC 7714 §9). */
AirSrtpStatus air_srtp_protect_rtcp (AirSrtp *srtp, const uint8_t *packet, size_t packet_bytes, uint8_t *out,
                                     size_t out_bytes, size_t *ret_bytes);

/* In place; *ret_bytes is the size of the plaintext packet. Unauthentic packets change no state. */
AirSrtpStatus air_srtp_unprotect_rtp (AirSrtp *srtp, uint8_t *packet, size_t packet_bytes, size_t *ret_bytes);
AirSrtpStatus air_srtp_unprotect_rtcp (AirSrtp *srtp, uint8_t *packet, size_t packet_bytes, size_t *ret_bytes);
