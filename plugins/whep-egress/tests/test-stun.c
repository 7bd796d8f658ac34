/* STUN: the vectors of RFC 5769, what is written can be read, and what is malformed cannot. */
#include "stun.h"

#include "hmac-sha1.h"

#include <string.h>

#define PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

#define TRANSACTION "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"

/* RFC 5769 §2.1 */
static const char request[] = "\x00\x01\x00\x58\x21\x12\xa4\x42" TRANSACTION "\x80\x22\x00\x10"
                              "STUN test client"
                              "\x00\x24\x00\x04\x6e\x00\x01\xff"
                              "\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
                              "\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
                              "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49"
                              "\xc1\xb5\x71\xa2"
                              "\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
/* §2.2 */
static const char response4[] = "\x01\x01\x00\x3c\x21\x12\xa4\x42" TRANSACTION "\x80\x22\x00\x0b"
                                "test vector\x20"
                                "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
                                "\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53"
                                "\xf0\x6b\xe7\xd7"
                                "\x80\x28\x00\x04\xc0\x7d\x4c\x96";
/* §2.3 */
static const char response6[] = "\x01\x01\x00\x48\x21\x12\xa4\x42" TRANSACTION "\x80\x22\x00\x0b"
                                "test vector\x20"
                                "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5"
                                "\xbe\xd2\xb9\xd9"
                                "\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75"
                                "\xbf\xe3\xed\x41"
                                "\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

#define BYTES(vector) (const uint8_t *)(vector), sizeof (vector) - 1

static void
test_vectors (void)
{
  AirStunMessage message;
  char text[AIR_ADDRESS_STRING_BYTES];

  g_assert_true (air_stun_parse (BYTES (request), &message));
  g_assert_cmpint (message.message_class, ==, AIR_STUN_REQUEST);
  g_assert_cmpint (message.method, ==, AIR_STUN_BINDING);
  g_assert_cmpmem (message.username, message.username_size, "evtj:h6vY", 9);
  g_assert_cmpmem (message.transaction, AIR_STUN_TRANSACTION_BYTES, TRANSACTION, 12);
  g_assert_true (message.has_priority);
  g_assert_cmphex (message.priority, ==, 0x6e0001ff);
  g_assert_cmpint (message.role, ==, AIR_STUN_ROLE_CONTROLLED);
  g_assert_cmphex (message.tie_breaker, ==, G_GUINT64_CONSTANT (0x932ff9b151263b36));
  g_assert_true (message.has_fingerprint);
  g_assert_false (message.use_candidate);
  g_assert_true (air_stun_check_integrity (&message, PASSWORD));
  g_assert_false (air_stun_check_integrity (&message, PASSWORD "x"));

  g_assert_true (air_stun_parse (BYTES (response4), &message));
  g_assert_cmpint (message.message_class, ==, AIR_STUN_SUCCESS);
  g_assert_cmpstr (air_address_string (&message.mapped_address, text), ==, "192.0.2.1:32853");
  g_assert_true (air_stun_check_integrity (&message, PASSWORD));

  g_assert_true (air_stun_parse (BYTES (response6), &message));
  g_assert_cmpstr (air_address_string (&message.mapped_address, text), ==,
                   "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
  g_assert_true (air_stun_check_integrity (&message, PASSWORD));
}

/* The FINGERPRINT covers everything: no changed bit passes (unless it makes another attribute of the FINGERPRINT itself), and no cut. */
static void
test_damage (void)
{
  AirStunMessage message;
  uint8_t copy[sizeof request - 1];

  for (size_t bit = 0; bit < 8 * sizeof copy; bit++)
    {
      memcpy (copy, request, sizeof copy);
      copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
      g_assert_false (air_stun_parse (copy, sizeof copy, &message) && message.has_fingerprint);
    }
  for (size_t size = 0; size < sizeof copy; size++)
    {
      g_autofree uint8_t *cut = g_memdup2 (request, size);
      g_assert_false (air_stun_parse (cut, size, &message));
    }
}

static void
fill (AirStunBuilder *builder, const AirAddress *address)
{
  air_stun_begin (builder, AIR_STUN_REQUEST, AIR_STUN_BINDING, (const uint8_t *)TRANSACTION);
  air_stun_add_username (builder, "abcd:efg");
  air_stun_add_priority (builder, 7);
  air_stun_add_use_candidate (builder);
  air_stun_add_role (builder, AIR_STUN_ROLE_CONTROLLING, 0x0102030405060708);
  air_stun_add_xor_mapped_address (builder, address);
  air_stun_add_software (builder, "x");
}

static void
test_write (void)
{
  AirStunBuilder builder;
  AirStunMessage message;
  AirAddress address;

  g_assert_true (air_address_parse_with_port ("[2001:db8::7]:9", &address));
  fill (&builder, &address);
  air_stun_add_integrity (&builder, "secret");
  g_assert_cmpuint (air_stun_finish (&builder), ==, builder.size);
  g_assert_true (air_stun_parse (builder.data, builder.size, &message));
  g_assert_cmpmem (message.username, message.username_size, "abcd:efg", 8);
  g_assert_cmpuint (message.priority, ==, 7);
  g_assert_true (message.use_candidate);
  g_assert_cmpint (message.role, ==, AIR_STUN_ROLE_CONTROLLING);
  g_assert_cmphex (message.tie_breaker, ==, 0x0102030405060708);
  g_assert_true (air_address_equal (&message.mapped_address, &address));
  g_assert_true (message.has_fingerprint);
  g_assert_true (air_stun_check_integrity (&message, "secret"));
  g_assert_false (air_stun_check_integrity (&message, "secreT"));

  air_stun_begin (&builder, AIR_STUN_ERROR, AIR_STUN_BINDING, (const uint8_t *)TRANSACTION);
  air_stun_add_error (&builder, 487, "Role Conflict");
  air_stun_add_unknown_attributes (&builder, (const uint16_t[]){ 1, 2, 3 }, 3);
  g_assert_cmpuint (air_stun_finish (&builder), >, 0);
  g_assert_true (air_stun_parse (builder.data, builder.size, &message));
  g_assert_cmpuint (message.error_code, ==, 487);
  g_assert_cmpint (message.message_class, ==, AIR_STUN_ERROR);
  g_assert_false (air_stun_check_integrity (&message, "secret"));
}

static void
test_overflow (void)
{
  AirStunBuilder builder;
  g_autofree char *name = g_strnfill (400, 'n');

  air_stun_begin (&builder, AIR_STUN_REQUEST, AIR_STUN_BINDING, (const uint8_t *)TRANSACTION);
  air_stun_add_username (&builder, name);
  air_stun_add_username (&builder, name);
  air_stun_add_priority (&builder, 1);
  g_assert_cmpuint (air_stun_finish (&builder), ==, 0);
}

/* Puts one attribute into an otherwise empty request and says whether that is read. */
static bool
reads (uint16_t type, const void *value, uint16_t size, AirStunMessage *ret_message)
{
  static uint8_t data[1024];
  size_t padded = (size + 3u) / 4 * 4;

  memset (data, 0, sizeof data);
  memcpy (data, "\x00\x01\x00\x00\x21\x12\xa4\x42" TRANSACTION, 20);
  data[2] = (uint8_t)((4 + padded) >> 8);
  data[3] = (uint8_t)(4 + padded);
  data[20] = (uint8_t)(type >> 8);
  data[21] = (uint8_t)type;
  data[22] = (uint8_t)(size >> 8);
  data[23] = (uint8_t)size;
  memcpy (data + 24, value, size);
  return air_stun_parse (data, 24 + padded, ret_message);
}

static void
test_attributes (void)
{
  static const uint8_t zeros[600];
  AirStunMessage message;

  g_assert_false (reads (0x0024, zeros, 3, &message));
  g_assert_false (reads (0x0025, zeros, 1, &message));
  g_assert_false (reads (0x802A, zeros, 4, &message));
  g_assert_false (reads (0x0008, zeros, 16, &message));
  g_assert_false (reads (0x0020, zeros, 8, &message)); /* family 0 */
  g_assert_false (reads (0x0020, "\0\2\0\0\0\0\0\0", 8, &message));
  g_assert_false (reads (0x0020, zeros, 0, &message));
  g_assert_false (reads (0x0009, "\0\0\2\0", 4, &message));
  g_assert_false (reads (0x0006, zeros, AIR_STUN_MAX_USERNAME_BYTES + 1, &message));
  g_assert_true (reads (0x0006, zeros, AIR_STUN_MAX_USERNAME_BYTES, &message));
  g_assert_true (reads (0xC057, zeros, 5, &message)); /* an optional one that nobody knows */
  g_assert_cmpuint (message.n_unknown, ==, 0);
  g_assert_true (reads (0x0099, zeros, 5, &message));
  g_assert_cmpuint (message.n_unknown, ==, 1);
  g_assert_cmphex (message.unknown[0], ==, 0x0099);
}

/* What stands behind MESSAGE-INTEGRITY is not authentic and must not be read. */
static void
test_after_integrity (void)
{
  AirStunBuilder builder;
  AirStunMessage message;

  air_stun_begin (&builder, AIR_STUN_REQUEST, AIR_STUN_BINDING, (const uint8_t *)TRANSACTION);
  air_stun_add_username (&builder, "a:b");
  air_stun_add_integrity (&builder, "secret");
  air_stun_add_use_candidate (&builder);
  air_stun_add_role (&builder, AIR_STUN_ROLE_CONTROLLING, 1);
  g_assert_cmpuint (air_stun_finish (&builder), >, 0);
  g_assert_true (air_stun_parse (builder.data, builder.size, &message));
  g_assert_true (air_stun_check_integrity (&message, "secret"));
  g_assert_false (message.use_candidate);
  g_assert_cmpint (message.role, ==, AIR_STUN_ROLE_NONE);
}

/* RFC 2202 §3, test cases 1, 2, 6 and 7: short keys and one that is longer than a block of the hash. */
static void
test_hmac (void)
{
  static const struct
  {
    const char *key, *data, *digest;
    size_t repeat; /* of the key's only character */
  } cases[] = {
    { "\x0b", "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00", 20 },
    { "Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", 0 },
    { "\xaa", "Test Using Larger Than Block-Size Key - Hash Key First", "aa4ae5e15272d00e95705637ce8a3b55ed402112", 80 },
    { "\xaa", "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
      "e8e99d0f45237d786d6bbaa7965c7808bbff1a91", 80 },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *repeated = g_strnfill (cases[i].repeat, cases[i].key[0]);
      const char *key = cases[i].repeat > 0 ? repeated : cases[i].key;
      const uint8_t *data = (const uint8_t *)cases[i].data;
      size_t bytes = strlen (cases[i].data);
      AirHmacSha1 hmac;
      air_hmac_sha1_init (&hmac, key, strlen (key));
      for (size_t first = 0; first <= bytes; first++)
        {
          uint8_t digest[SHA_DIGEST_LENGTH];
          char text[2 * SHA_DIGEST_LENGTH + 1];
          air_hmac_sha1_make (&hmac, data, first, first < bytes ? data + first : NULL, bytes - first, digest);
          for (size_t at = 0; at < sizeof digest; at++)
            g_snprintf (text + 2 * at, 3, "%02x", digest[at]);
          g_assert_cmpstr (text, ==, cases[i].digest);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stun/hmac", test_hmac);
  g_test_add_func ("/stun/vectors", test_vectors);
  g_test_add_func ("/stun/damage", test_damage);
  g_test_add_func ("/stun/write", test_write);
  g_test_add_func ("/stun/overflow", test_overflow);
  g_test_add_func ("/stun/attributes", test_attributes);
  g_test_add_func ("/stun/after-integrity", test_after_integrity);
  return g_test_run ();
}
