/* SipHash-2-4. No state; any thread. */
#include "siphash.h"

#include <glib.h>
#include <string.h>

typedef struct
{
  uint64_t a, b, c, d;
} State;

static uint64_t
rotate (uint64_t value, unsigned bits)
{
  return value << bits | value >> (64 - bits);
}

static void
mix (State *s, unsigned rounds)
{
  while (rounds-- > 0)
    {
      s->a += s->b;
      s->b = rotate (s->b, 13) ^ s->a;
      s->a = rotate (s->a, 32);
      s->c += s->d;
      s->d = rotate (s->d, 16) ^ s->c;
      s->a += s->d;
      s->d = rotate (s->d, 21) ^ s->a;
      s->c += s->b;
      s->b = rotate (s->b, 17) ^ s->c;
      s->c = rotate (s->c, 32);
    }
}

static void
absorb (State *s, uint64_t word)
{
  s->d ^= word;
  mix (s, 2);
  s->a ^= word;
}

static uint64_t
read_word (const uint8_t *bytes, size_t size)
{
  uint64_t word = 0;

  memcpy (&word, bytes, size);
  return GUINT64_FROM_LE (word);
}

uint64_t
air_siphash (const uint64_t key[2], const void *data, size_t size)
{
  const uint8_t *bytes = data;
  State s = { key[0] ^ UINT64_C (0x736f6d6570736575), key[1] ^ UINT64_C (0x646f72616e646f6d),
              key[0] ^ UINT64_C (0x6c7967656e657261), key[1] ^ UINT64_C (0x7465646279746573) };
  size_t left = size;

  for (; left >= 8; left -= 8, bytes += 8)
    absorb (&s, read_word (bytes, 8));
  absorb (&s, (left > 0 ? read_word (bytes, left) : 0) | (uint64_t)size << 56);
  s.c ^= 0xff;
  mix (&s, 4);
  return s.a ^ s.b ^ s.c ^ s.d;
}
