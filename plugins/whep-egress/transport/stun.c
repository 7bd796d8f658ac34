/* STUN messages: reading in place and writing (RFC 8489). No state; any thread. */
#include "stun.h"

#include <openssl/crypto.h>
#include <string.h>
#include <zlib.h>

#include "hmac-sha1.h"

#define MAGIC_COOKIE 0x2112A442u
#define FINGERPRINT_XOR 0x5354554eu
#define INTEGRITY_BYTES 20

enum
{
  ATTRIBUTE_MAPPED_ADDRESS = 0x0001,
  ATTRIBUTE_USERNAME = 0x0006,
  ATTRIBUTE_MESSAGE_INTEGRITY = 0x0008,
  ATTRIBUTE_ERROR_CODE = 0x0009,
  ATTRIBUTE_UNKNOWN_ATTRIBUTES = 0x000A,
  ATTRIBUTE_REALM = 0x0014,
  ATTRIBUTE_NONCE = 0x0015,
  ATTRIBUTE_MESSAGE_INTEGRITY_SHA256 = 0x001C,
  ATTRIBUTE_XOR_MAPPED_ADDRESS = 0x0020,
  ATTRIBUTE_PRIORITY = 0x0024,
  ATTRIBUTE_USE_CANDIDATE = 0x0025,
  ATTRIBUTE_SOFTWARE = 0x8022,
  ATTRIBUTE_FINGERPRINT = 0x8028,
  ATTRIBUTE_ICE_CONTROLLED = 0x8029,
  ATTRIBUTE_ICE_CONTROLLING = 0x802A,
};

static uint16_t
read16 (const uint8_t *p)
{
  return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
read32 (const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
write16 (uint8_t *p, uint16_t value)
{
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
}

static void
write32 (uint8_t *p, uint32_t value)
{
  write16 (p, (uint16_t)(value >> 16));
  write16 (p + 2, (uint16_t)value);
}

/* RFC 8489 §14.2: the address is XORed with the magic cookie, an IPv6 one with the transaction as well. */
static void
xor_address (uint8_t *ip, size_t size, const uint8_t *header)
{
  for (size_t i = 0; i < size; i++)
    ip[i] ^= header[4 + i];
}

static bool
read_address (const uint8_t *value, size_t size, const uint8_t *xor_header, AirAddress *ret_address)
{
  uint8_t ip[16];
  size_t ip_bytes = size - 4;

  if ((size != 8 && size != 20) || value[1] != (size == 8 ? 1 : 2))
    return false;
  memcpy (ip, value + 4, ip_bytes);
  *ret_address = (AirAddress){ .port = read16 (value + 2) };
  if (xor_header != NULL)
    {
      ret_address->port ^= MAGIC_COOKIE >> 16;
      xor_address (ip, ip_bytes, xor_header);
    }
  if (size == 8)
    ret_address->ip[10] = ret_address->ip[11] = 0xff;
  memcpy (ret_address->ip + 16 - ip_bytes, ip, ip_bytes);
  return true;
}

static bool
read_role (AirStunMessage *message, AirStunRole role, const uint8_t *value, size_t size)
{
  if (size != 8)
    return false;
  if (message->role == AIR_STUN_ROLE_NONE)
    {
      message->role = role;
      message->tie_breaker = (uint64_t)read32 (value) << 32 | read32 (value + 4);
    }
  return true;
}

/* §14: of attributes that appear twice only the first one counts. Returns: false when the value is malformed. */
static bool
read_attribute (AirStunMessage *message, uint16_t type, const uint8_t *value, size_t size)
{
  switch (type)
    {
    case ATTRIBUTE_USERNAME:
      if (size > AIR_STUN_MAX_USERNAME_BYTES)
        return false;
      if (message->username == NULL)
        {
          message->username = (const char *)value;
          message->username_size = size;
        }
      return true;
    case ATTRIBUTE_PRIORITY:
      if (size != 4)
        return false;
      if (!message->has_priority)
        message->priority = read32 (value);
      message->has_priority = true;
      return true;
    case ATTRIBUTE_USE_CANDIDATE:
      message->use_candidate = true;
      return size == 0;
    case ATTRIBUTE_ICE_CONTROLLED:
      return read_role (message, AIR_STUN_ROLE_CONTROLLED, value, size);
    case ATTRIBUTE_ICE_CONTROLLING:
      return read_role (message, AIR_STUN_ROLE_CONTROLLING, value, size);
    case ATTRIBUTE_XOR_MAPPED_ADDRESS:
      message->has_mapped_address = true;
      return read_address (value, size, message->data, &message->mapped_address);
    case ATTRIBUTE_MAPPED_ADDRESS:
      if (message->has_mapped_address)
        return true;
      message->has_mapped_address = true;
      return read_address (value, size, NULL, &message->mapped_address);
    case ATTRIBUTE_ERROR_CODE:
      if (size < 4 || (value[2] & 7) < 3 || (value[2] & 7) > 6 || value[3] > 99)
        return false;
      if (message->error_code == 0)
        message->error_code = (uint16_t)((value[2] & 7) * 100 + value[3]);
      return true;
    case ATTRIBUTE_UNKNOWN_ATTRIBUTES:
      return size % 2 == 0;
    case ATTRIBUTE_REALM:
    case ATTRIBUTE_NONCE:
    case ATTRIBUTE_MESSAGE_INTEGRITY_SHA256:
      return true; /* known, and no part of the short-term mechanism that ICE prescribes */
    default:
      if (type < 0x8000 && message->n_unknown < AIR_STUN_MAX_UNKNOWN)
        message->unknown[message->n_unknown++] = type;
      return true;
    }
}

static uint32_t
fingerprint (const uint8_t *data, size_t size)
{
  return (uint32_t)crc32 (0, data, (uInt)size) ^ FINGERPRINT_XOR;
}

static bool
read_attributes (AirStunMessage *message)
{
  size_t offset = AIR_STUN_HEADER_BYTES;

  while (offset < message->size)
    {
      uint16_t type = read16 (message->data + offset);
      size_t size = read16 (message->data + offset + 2);
      const uint8_t *value = message->data + offset + 4;

      if (message->has_fingerprint || size > message->size - offset - 4)
        return false; /* §14.7: FINGERPRINT is the last one */
      if (type == ATTRIBUTE_FINGERPRINT)
        {
          if (size != 4 || read32 (value) != fingerprint (message->data, offset))
            return false;
          message->has_fingerprint = true;
        }
      else if (message->integrity_offset == 0 && type == ATTRIBUTE_MESSAGE_INTEGRITY)
        {
          if (size != INTEGRITY_BYTES)
            return false;
          message->integrity_offset = offset;
        }
      else if (message->integrity_offset == 0 && !read_attribute (message, type, value, size))
        return false;
      offset += 4 + (size + 3) / 4 * 4; /* all sizes are multiples of 4, so this ends at message->size at the latest */
    }
  return true;
}

bool
air_stun_parse (const uint8_t *data, size_t size, AirStunMessage *ret_message)
{
  *ret_message = (AirStunMessage){ .data = data, .size = size };
  if (size < AIR_STUN_HEADER_BYTES || size > AIR_STUN_MAX_READ_BYTES || size % 4 != 0 || data[0] > 0x3f)
    return false;
  if (read16 (data + 2) != size - AIR_STUN_HEADER_BYTES || read32 (data + 4) != MAGIC_COOKIE)
    return false;

  uint16_t type = read16 (data);
  ret_message->message_class = (AirStunClass)((type >> 4 & 1) | (type >> 7 & 2));
  ret_message->method = (uint16_t)((type & 0x000f) | (type & 0x00e0) >> 1 | (type & 0x3e00) >> 2);
  ret_message->transaction = data + 8;
  return read_attributes (ret_message);
}

/* §14.5: over everything before the attribute, with the header's length as if the message ended behind it. */
static void
compute_integrity (const uint8_t *data, size_t offset, const char *password, uint8_t ret_hmac[INTEGRITY_BYTES])
{
  uint8_t header[AIR_STUN_HEADER_BYTES];
  AirHmacSha1 hmac;

  g_assert (offset >= sizeof header);
  memcpy (header, data, sizeof header);
  write16 (header + 2, (uint16_t)(offset + 4 + INTEGRITY_BYTES - AIR_STUN_HEADER_BYTES));
  air_hmac_sha1_init (&hmac, password, strlen (password));
  air_hmac_sha1_make (&hmac, header, sizeof header, data + sizeof header, offset - sizeof header, ret_hmac);
  OPENSSL_cleanse (&hmac, sizeof hmac);
}

bool
air_stun_check_integrity (const AirStunMessage *message, const char *password)
{
  uint8_t hmac[INTEGRITY_BYTES];

  if (message->integrity_offset == 0)
    return false;
  compute_integrity (message->data, message->integrity_offset, password, hmac);
  return CRYPTO_memcmp (hmac, message->data + message->integrity_offset + 4, sizeof hmac) == 0;
}

void
air_stun_begin (AirStunBuilder *builder, AirStunClass message_class, uint16_t method,
                const uint8_t transaction[AIR_STUN_TRANSACTION_BYTES])
{
  unsigned type = (method & 0x000fu) | (method & 0x0070u) << 1 | (method & 0x0f80u) << 2
                  | ((unsigned)message_class & 1) << 4 | ((unsigned)message_class & 2) << 7;

  write16 (builder->data, (uint16_t)type);
  write16 (builder->data + 2, 0);
  write32 (builder->data + 4, MAGIC_COOKIE);
  memcpy (builder->data + 8, transaction, AIR_STUN_TRANSACTION_BYTES);
  builder->size = AIR_STUN_HEADER_BYTES;
  builder->overflow = false;
}

/* Returns: where the @size bytes of the value go, padding already zeroed; NULL on overflow. */
static uint8_t *
add_attribute (AirStunBuilder *builder, uint16_t type, size_t size)
{
  size_t padded = (size + 3) / 4 * 4;
  uint8_t *attribute = builder->data + builder->size;

  if (builder->overflow || 4 + padded > sizeof builder->data - builder->size)
    {
      builder->overflow = true;
      return NULL;
    }
  write16 (attribute, type);
  write16 (attribute + 2, (uint16_t)size);
  memset (attribute + 4, 0, padded);
  builder->size += 4 + padded;
  write16 (builder->data + 2, (uint16_t)(builder->size - AIR_STUN_HEADER_BYTES));
  return attribute + 4;
}

static void
add_string (AirStunBuilder *builder, uint16_t type, const char *text)
{
  size_t size = strlen (text);
  uint8_t *value = add_attribute (builder, type, size);

  if (value != NULL)
    memcpy (value, text, size);
}

void
air_stun_add_username (AirStunBuilder *builder, const char *username)
{
  add_string (builder, ATTRIBUTE_USERNAME, username);
}

void
air_stun_add_software (AirStunBuilder *builder, const char *software)
{
  add_string (builder, ATTRIBUTE_SOFTWARE, software);
}

void
air_stun_add_priority (AirStunBuilder *builder, uint32_t priority)
{
  uint8_t *value = add_attribute (builder, ATTRIBUTE_PRIORITY, 4);

  if (value != NULL)
    write32 (value, priority);
}

void
air_stun_add_use_candidate (AirStunBuilder *builder)
{
  add_attribute (builder, ATTRIBUTE_USE_CANDIDATE, 0);
}

void
air_stun_add_role (AirStunBuilder *builder, AirStunRole role, uint64_t tie_breaker)
{
  uint8_t *value = add_attribute (
      builder, role == AIR_STUN_ROLE_CONTROLLING ? ATTRIBUTE_ICE_CONTROLLING : ATTRIBUTE_ICE_CONTROLLED, 8);

  if (value == NULL)
    return;
  write32 (value, (uint32_t)(tie_breaker >> 32));
  write32 (value + 4, (uint32_t)tie_breaker);
}

void
air_stun_add_xor_mapped_address (AirStunBuilder *builder, const AirAddress *address)
{
  size_t ip_bytes = air_address_is_ipv4 (address) ? 4 : 16;
  uint8_t *value = add_attribute (builder, ATTRIBUTE_XOR_MAPPED_ADDRESS, 4 + ip_bytes);

  if (value == NULL)
    return;
  value[1] = ip_bytes == 4 ? 1 : 2;
  write16 (value + 2, address->port ^ (MAGIC_COOKIE >> 16));
  memcpy (value + 4, address->ip + 16 - ip_bytes, ip_bytes);
  xor_address (value + 4, ip_bytes, builder->data);
}

void
air_stun_add_error (AirStunBuilder *builder, unsigned code, const char *reason)
{
  size_t size = strlen (reason);
  uint8_t *value = add_attribute (builder, ATTRIBUTE_ERROR_CODE, 4 + size);

  if (value == NULL)
    return;
  value[2] = (uint8_t)(code / 100);
  value[3] = (uint8_t)(code % 100);
  memcpy (value + 4, reason, size);
}

void
air_stun_add_unknown_attributes (AirStunBuilder *builder, const uint16_t *types, unsigned n_types)
{
  uint8_t *value = add_attribute (builder, ATTRIBUTE_UNKNOWN_ATTRIBUTES, 2 * (size_t)n_types);

  for (unsigned i = 0; value != NULL && i < n_types; i++)
    write16 (value + 2 * i, types[i]);
}

void
air_stun_add_integrity (AirStunBuilder *builder, const char *password)
{
  size_t offset = builder->size;
  uint8_t *value = add_attribute (builder, ATTRIBUTE_MESSAGE_INTEGRITY, INTEGRITY_BYTES);

  if (value != NULL)
    compute_integrity (builder->data, offset, password, value);
}

size_t
air_stun_finish (AirStunBuilder *builder)
{
  size_t offset = builder->size;
  uint8_t *value = add_attribute (builder, ATTRIBUTE_FINGERPRINT, 4);

  if (value == NULL)
    return 0;
  write32 (value, fingerprint (builder->data, offset));
  return builder->size;
}
