/* What the parts of dtls share. */
#pragma once

#include <gio/gio.h>
#include <openssl/ssl.h>

#include "dtls.h"

#define AIR_DTLS_MAX_FINGERPRINTS 8

typedef struct
{
  const EVP_MD *hash;
  uint8_t digest[EVP_MAX_MD_SIZE];
} AirDtlsFingerprint;

/* The shared context; ex data of each SSL is its AirDtls. */
SSL_CTX *air_dtls_identity_get_context (const AirDtlsIdentity *identity);

/* Returns: false when @value is no well-formed fingerprint of a hash that we take. */
bool air_dtls_fingerprint_parse (const char *value, AirDtlsFingerprint *ret_fingerprint);
bool air_dtls_fingerprint_matches (const AirDtlsFingerprint *fingerprint, X509 *certificate);

/* Called by the identity's context for each peer certificate; @ssl's AirDtls decides. */
bool air_dtls_accepts_certificate (SSL *ssl, X509 *certificate);
