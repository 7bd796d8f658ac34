/* STUN messages (RFC 8489) as ICE uses them (RFC 8445 §7, §16): strict reading in place, writing into a fixed buffer.
 *
 * No state, no allocation; any thread. A parsed message points into the datagram it was read from and lives as long.
 */
#pragma once

#include <stddef.h>

#include "address.h"

#define AIR_STUN_HEADER_BYTES 20
#define AIR_STUN_TRANSACTION_BYTES 12
#define AIR_STUN_MAX_BYTES 548 /* what we write; RFC 8489 §6.1: fits a path of unknown MTU */
#define AIR_STUN_MAX_USERNAME_BYTES 513 /* RFC 8839 §5.4: two ufrags of 256 bytes and ':' */
#define AIR_STUN_MAX_READ_BYTES 2048    /* a longer message is not for us */
#define AIR_STUN_MAX_UNKNOWN 8

#define AIR_STUN_BINDING 0x001

typedef enum
{
  AIR_STUN_REQUEST = 0,
  AIR_STUN_INDICATION = 1,
  AIR_STUN_SUCCESS = 2,
  AIR_STUN_ERROR = 3,
} AirStunClass;

typedef enum
{
  AIR_STUN_ROLE_NONE,
  AIR_STUN_ROLE_CONTROLLING,
  AIR_STUN_ROLE_CONTROLLED,
} AirStunRole;

typedef struct
{
  const uint8_t *data; /* the whole message */
  size_t size;
  AirStunClass message_class;
  uint16_t method;
  const uint8_t *transaction; /* AIR_STUN_TRANSACTION_BYTES */

  const char *username; /* not terminated; NULL when absent */
  size_t username_size;
  AirStunRole role;
  uint64_t tie_breaker;
  uint32_t priority;
  bool has_priority;
  bool use_candidate;
  bool has_fingerprint; /* and it is right */
  bool has_mapped_address;
  AirAddress mapped_address;  /* XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS */
  uint16_t error_code;        /* 300 … 699; 0: none */
  size_t integrity_offset;    /* of the MESSAGE-INTEGRITY attribute; 0: absent */
  uint16_t unknown[AIR_STUN_MAX_UNKNOWN]; /* comprehension-required ones that we do not know; RFC 8489 §6.3.1 */
  unsigned n_unknown;
} AirStunMessage;

/* Reads a whole datagram. What follows MESSAGE-INTEGRITY, except FINGERPRINT, is ignored (RFC 8489 §14.5).
 * Returns: false when it is not exactly one well-formed STUN message, or has a wrong FINGERPRINT. */
bool air_stun_parse (const uint8_t *data, size_t size, AirStunMessage *ret_message);

/* Whether MESSAGE-INTEGRITY is there and right for the short-term @password (RFC 8489 §9.1). Constant time. */
bool air_stun_check_integrity (const AirStunMessage *message, const char *password);

/* Writing: begin, add…, then integrity, then fingerprint. An overflow is remembered and makes finish return 0. */
typedef struct
{
  uint8_t data[AIR_STUN_MAX_BYTES];
  size_t size;
  bool overflow;
} AirStunBuilder;

void air_stun_begin (AirStunBuilder *builder, AirStunClass message_class, uint16_t method,
                     const uint8_t transaction[AIR_STUN_TRANSACTION_BYTES]);
void air_stun_add_username (AirStunBuilder *builder, const char *username);
void air_stun_add_priority (AirStunBuilder *builder, uint32_t priority);
void air_stun_add_use_candidate (AirStunBuilder *builder);
void air_stun_add_role (AirStunBuilder *builder, AirStunRole role, uint64_t tie_breaker);
void air_stun_add_xor_mapped_address (AirStunBuilder *builder, const AirAddress *address);
/* @code: 300 … 699; @reason: ASCII. */
void air_stun_add_error (AirStunBuilder *builder, unsigned code, const char *reason);
void air_stun_add_unknown_attributes (AirStunBuilder *builder, const uint16_t *types, unsigned n_types);
void air_stun_add_software (AirStunBuilder *builder, const char *software);
void air_stun_add_integrity (AirStunBuilder *builder, const char *password);
/* Adds FINGERPRINT. Returns: the size of the message in builder->data, 0 when it did not fit. */
size_t air_stun_finish (AirStunBuilder *builder);
