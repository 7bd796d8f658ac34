/* DTLS 1.2 for SRTP keys (RFC 5764), without sockets: datagrams come in by a call and go out by a callback.
 *
 * Threads: AirDtlsIdentity is made once a process and may be shared by threads. An AirDtls belongs to one thread at a
 * time; @send is called on that thread, within receive, start, handle_timeout and close. The caller keeps the handshake
 * deadline (10 s after the POST) and gives datagrams only from addresses that ICE validated (RFC 8842 §7.1; no cookies
 * are needed then).
 *
 * Bounds: a peer may send AIR_DTLS_MAX_HANDSHAKE_DATAGRAMS before it is connected, certificates of 16 KiB, no
 * renegotiation; application data is thrown away.
 */
#pragma once

#include "srtp.h"

#define AIR_DTLS_MTU 1200
#define AIR_DTLS_MAX_HANDSHAKE_DATAGRAMS 200

typedef struct _AirDtlsIdentity AirDtlsIdentity;
typedef struct _AirDtls AirDtls;

typedef enum
{
  AIR_DTLS_SERVER, /* we answered a=setup:passive: the peer is the client (the default) */
  AIR_DTLS_CLIENT, /* we answered a=setup:active */
} AirDtlsRole;

typedef enum
{
  AIR_DTLS_HANDSHAKING,
  AIR_DTLS_CONNECTED, /* the peer's certificate matched and the keys are there */
  AIR_DTLS_CLOSED,    /* close_notify by either side */
  AIR_DTLS_FAILED,    /* see air_dtls_get_error */
} AirDtlsState;

/* @datagram is valid during the call. */
typedef void (*AirDtlsSend) (const uint8_t *datagram, size_t size, void *user_data);

/* Makes an ECDSA P-256 key and a self-signed certificate (RFC 8827 §6.5). */
AirDtlsIdentity *air_dtls_identity_new (GError **error);
AirDtlsIdentity *air_dtls_identity_ref (AirDtlsIdentity *identity);
/* NULL is taken. */
void air_dtls_identity_unref (AirDtlsIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirDtlsIdentity, air_dtls_identity_unref)
/* "sha-256 AB:CD:…", the value of a=fingerprint in the answer. */
const char *air_dtls_identity_get_fingerprint (const AirDtlsIdentity *identity);

/* Whether @value ("sha-256 AB:CD:…") is a well-formed fingerprint with one of sha-256, sha-384, sha-512. */
bool air_dtls_fingerprint_is_valid (const char *value);

/* @peer_fingerprints: NULL-terminated values of the offer's a=fingerprint; those with another hash are ignored, one of
 * the others must match (RFC 8122 §5). Returns: (transfer full), NULL with G_IO_ERROR_INVALID_ARGUMENT when none can be used. */
AirDtls *air_dtls_new (AirDtlsIdentity *identity, AirDtlsRole role, const char *const *peer_fingerprints,
                       AirDtlsSend send, void *user_data, GError **error);
/* Sends nothing; NULL is taken. */
void air_dtls_free (AirDtls *dtls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirDtls, air_dtls_free)

/* Client role: sends ClientHello once there is a path; a server does nothing. */
AirDtlsState air_dtls_start (AirDtls *dtls);
AirDtlsState air_dtls_receive (AirDtls *dtls, const uint8_t *datagram, size_t size);
AirDtlsState air_dtls_get_state (const AirDtls *dtls);
/* Why it failed: static text without secrets; NULL when it did not. */
const char *air_dtls_get_error (const AirDtls *dtls);

/* Retransmission (RFC 6347 §4.2.4). Returns: µs until air_dtls_handle_timeout is due (0: now), -1 when no timer runs. */
int64_t air_dtls_get_timeout_us (AirDtls *dtls);
AirDtlsState air_dtls_handle_timeout (AirDtls *dtls);

/* RFC 5764 §4.2. Returns: false unless connected. The caller wipes *ret_keys (OPENSSL_cleanse) after use. */
bool air_dtls_get_srtp_keys (AirDtls *dtls, AirSrtpKeys *ret_keys);

/* Sends close_notify when connected. */
void air_dtls_close (AirDtls *dtls);
