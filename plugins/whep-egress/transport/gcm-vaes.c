/* See gcm-vaes.h. NIST SP 800-38D; field arithmetic as in S. Gueron and M. Kounavis, "Intel Carry-Less Multiplication Instruction and
 * its Usage for Computing the GCM Mode": blocks are kept with their bytes reversed, and of each product of a hash and a power of H one
 * factor, the power, has been multiplied by x beforehand, since a carry-less product of reversed bits is one bit short.
 *
 * Eight blocks a turn. Their hash is that of a polynomial, H⁸·(hash + C1) + H⁷·C2 + … + H·C8, whose products are added up and reduced
 * once; it is made one turn later, among the rounds of the next eight blocks, so that both units of the processor are busy. */
#include "gcm-vaes.h"

#if defined __x86_64__ && defined __GNUC__ && !defined AIR_WITHOUT_VAES

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__ ((target ("avx2,aes,pclmul,vaes,vpclmulqdq")))
#define INLINE static inline __attribute__ ((always_inline)) TARGET
#define BLOCK_BYTES 16u
#define VECTORS 4u /* of two blocks, a turn */
#define TURN_BYTES (VECTORS * 2 * BLOCK_BYTES)
#define TURN_POWERS (AIR_GCM_VAES_POWERS - VECTORS * 2) /* where the eighth power stands */
/* The blocks that are hashed at once at most: what is left of a turn and the lengths, made even. */
#define MAX_BLOCKS AIR_GCM_VAES_POWERS

bool
air_gcm_vaes_is_supported (void)
{
  return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("aes") && __builtin_cpu_supports ("pclmul")
         && __builtin_cpu_supports ("vaes") && __builtin_cpu_supports ("vpclmulqdq");
}

INLINE __m128i
load (const void *from)
{
  return _mm_loadu_si128 (from);
}

INLINE void
store (void *to, __m128i block)
{
  _mm_storeu_si128 (to, block);
}

INLINE __m256i
load_two (const void *from)
{
  return _mm256_loadu_si256 (from);
}

INLINE __m256i
load_twice (const void *from)
{
  return _mm256_broadcastsi128_si256 (load (from));
}

INLINE __m128i
reversal (void)
{
  return _mm_set_epi8 (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

INLINE __m128i
reverse (__m128i block)
{
  return _mm_shuffle_epi8 (block, reversal ());
}

INLINE __m256i
reverse_two (__m256i blocks)
{
  return _mm256_shuffle_epi8 (blocks, _mm256_broadcastsi128_si256 (reversal ()));
}

/* ---- The hash */

/* The unreduced sum of products, in each half of the vectors that of every second block. */
typedef struct
{
  __m256i low, middle, high;
} Products;

INLINE __m128i
swap_halves (__m128i value)
{
  return _mm_shuffle_epi32 (value, 0x4e);
}

/* x¹²⁸ + x⁷ + x² + x + 1, reversed. */
INLINE __m128i
polynomial (void)
{
  return _mm_set_epi64x ((long long)0xc200000000000000u, 1);
}

/* Both halves of @low times the polynomial: what they are above x¹²⁸. */
INLINE __m128i
reduce (__m128i low, __m128i middle, __m128i high)
{
  middle = _mm_xor_si128 (middle, _mm_xor_si128 (swap_halves (low), _mm_clmulepi64_si128 (polynomial (), low, 0x01)));
  return _mm_xor_si128 (high, _mm_xor_si128 (swap_halves (middle), _mm_clmulepi64_si128 (polynomial (), middle, 0x01)));
}

INLINE __m128i
multiply (__m128i a, __m128i b)
{
  __m128i middle = _mm_xor_si128 (_mm_clmulepi64_si128 (a, b, 0x01), _mm_clmulepi64_si128 (a, b, 0x10));
  return reduce (_mm_clmulepi64_si128 (a, b, 0x00), middle, _mm_clmulepi64_si128 (a, b, 0x11));
}

/* Two blocks, reversed, times the powers at @place and behind it. */
INLINE void
add_products (Products *products, __m256i blocks, const AirGcmVaes *gcm, unsigned place)
{
  __m256i powers = load_two (gcm->powers[place]), sums = load_two (gcm->sums[place]);
  __m256i sum = _mm256_xor_si256 (blocks, _mm256_shuffle_epi32 (blocks, 0x4e));
  products->low = _mm256_xor_si256 (products->low, _mm256_clmulepi64_epi128 (blocks, powers, 0x00));
  products->middle = _mm256_xor_si256 (products->middle, _mm256_clmulepi64_epi128 (sum, sums, 0x00));
  products->high = _mm256_xor_si256 (products->high, _mm256_clmulepi64_epi128 (blocks, powers, 0x11));
}

INLINE __m128i
add_halves (__m256i value)
{
  return _mm_xor_si128 (_mm256_castsi256_si128 (value), _mm256_extracti128_si256 (value, 1));
}

INLINE __m128i
reduce_products (const Products *products)
{
  __m128i low = add_halves (products->low), high = add_halves (products->high);
  return reduce (low, _mm_xor_si128 (add_halves (products->middle), _mm_xor_si128 (low, high)), high);
}

INLINE Products
no_products (void)
{
  return (Products){ _mm256_setzero_si256 (), _mm256_setzero_si256 (), _mm256_setzero_si256 () };
}

/* The last @count of @blocks, as they are in the packet, which are changed. */
INLINE __m128i
hash_last (const AirGcmVaes *gcm, __m128i hash, __m128i blocks[MAX_BLOCKS], unsigned count)
{
  unsigned first = MAX_BLOCKS - count;
  Products products = no_products ();
  blocks[first] = _mm_xor_si128 (blocks[first], reverse (hash));
  if (first % 2 == 1)
    blocks[--first] = _mm_setzero_si128 ();
  for (unsigned place = first; place < MAX_BLOCKS; place += 2)
    add_products (&products, reverse_two (load_two (&blocks[place])), gcm, place);
  return reduce_products (&products);
}

INLINE __m128i
hash_aad (const AirGcmVaes *gcm, const uint8_t *aad, size_t bytes)
{
  __m128i hash = _mm_setzero_si128 ();
  while (bytes > 0)
    {
      __m128i blocks[MAX_BLOCKS];
      size_t some = MIN (bytes, MAX_BLOCKS * BLOCK_BYTES);
      unsigned count = (unsigned)((some + BLOCK_BYTES - 1) / BLOCK_BYTES);
      blocks[MAX_BLOCKS - 1] = _mm_setzero_si128 ();
      memcpy (&blocks[MAX_BLOCKS - count], aad, some);
      hash = hash_last (gcm, hash, blocks, count);
      aad += some;
      bytes -= some;
    }
  return hash;
}

/* ---- The cipher */

INLINE __m128i
encrypt_block (const AirGcmVaes *gcm, __m128i block)
{
  block = _mm_xor_si128 (block, load (gcm->rounds[0]));
  for (unsigned round = 1; round < AIR_GCM_VAES_ROUNDS; round++)
    block = _mm_aesenc_si128 (block, load (gcm->rounds[round]));
  return _mm_aesenclast_si128 (block, load (gcm->rounds[AIR_GCM_VAES_ROUNDS]));
}

/* The next eight counters, with the first key. @counters: the next two, reversed, which makes the count their lowest 32 bits. */
INLINE void
begin_turn (const AirGcmVaes *gcm, __m256i *counters, __m256i state[VECTORS])
{
  const __m256i two = _mm256_set_epi32 (0, 0, 0, 2, 0, 0, 0, 2);
#pragma GCC unroll 4
  for (unsigned i = 0; i < VECTORS; i++)
    {
      state[i] = _mm256_xor_si256 (reverse_two (*counters), load_twice (gcm->rounds[0]));
      *counters = _mm256_add_epi32 (*counters, two);
    }
}

INLINE void
do_round (const AirGcmVaes *gcm, __m256i state[VECTORS], unsigned round)
{
  __m256i key = load_twice (gcm->rounds[round]);
#pragma GCC unroll 4
  for (unsigned i = 0; i < VECTORS; i++)
    state[i] = _mm256_aesenc_epi128 (state[i], key);
}

INLINE void
end_turn (const AirGcmVaes *gcm, __m256i state[VECTORS])
{
  __m256i key = load_twice (gcm->rounds[AIR_GCM_VAES_ROUNDS]);
#pragma GCC unroll 4
  for (unsigned i = 0; i < VECTORS; i++)
    state[i] = _mm256_aesenclast_epi128 (state[i], key);
}

INLINE void
make_key_stream (const AirGcmVaes *gcm, __m256i *counters, __m256i state[VECTORS])
{
  begin_turn (gcm, counters, state);
#pragma GCC unroll 9
  for (unsigned round = 1; round < AIR_GCM_VAES_ROUNDS; round++)
    do_round (gcm, state, round);
  end_turn (gcm, state);
}

/* The same, and @hash goes on over @hashed, the eight blocks of the turn before. */
INLINE void
make_key_stream_and_hash (const AirGcmVaes *gcm, __m256i *counters, __m256i state[VECTORS], const __m256i hashed[VECTORS],
                          __m128i *hash)
{
  Products products = no_products ();
  begin_turn (gcm, counters, state);
#pragma GCC unroll 9
  for (unsigned round = 1; round < AIR_GCM_VAES_ROUNDS; round++)
    {
      do_round (gcm, state, round);
      if (round % 2 == 1 && round / 2 < VECTORS)
        add_products (&products, hashed[round / 2], gcm, TURN_POWERS + round / 2 * 2);
    }
  *hash = reduce_products (&products);
  end_turn (gcm, state);
}

INLINE __m128i
hash_turn (const AirGcmVaes *gcm, const __m256i hashed[VECTORS])
{
  Products products = no_products ();
#pragma GCC unroll 4
  for (unsigned i = 0; i < VECTORS; i++)
    add_products (&products, hashed[i], gcm, TURN_POWERS + i * 2);
  return reduce_products (&products);
}

/* Applies the key stream to eight blocks. @hashed: what of them is hashed, the cipher text, reversed. */
INLINE void
apply (const __m256i state[VECTORS], const uint8_t *in, uint8_t *out, bool sealing, __m256i hashed[VECTORS])
{
#pragma GCC unroll 4
  for (unsigned i = 0; i < VECTORS; i++)
    {
      __m256i from = load_two (in + i * 2 * BLOCK_BYTES), to = _mm256_xor_si256 (from, state[i]);
      _mm256_storeu_si256 ((__m256i *)(out + i * 2 * BLOCK_BYTES), to);
      hashed[i] = reverse_two (sealing ? to : from);
    }
}

/* What is left of a turn: the cipher text goes to @blocks, which has zeros where it ends within a block. */
INLINE void
apply_rest (const AirGcmVaes *gcm, __m256i *counters, const uint8_t *in, uint8_t *out, size_t bytes, bool sealing,
            __m128i *blocks)
{
  __m256i state[VECTORS];
  __m128i stream[VECTORS * 2];
  size_t whole = bytes / BLOCK_BYTES, part = bytes % BLOCK_BYTES;
  make_key_stream (gcm, counters, state);
  for (unsigned i = 0; i < VECTORS; i++)
    _mm256_storeu_si256 ((__m256i *)&stream[i * 2], state[i]);
  for (size_t i = 0; i < whole; i++)
    {
      __m128i from = load (in + i * BLOCK_BYTES), to = _mm_xor_si128 (from, stream[i]);
      store (out + i * BLOCK_BYTES, to);
      blocks[i] = sealing ? to : from;
    }
  if (part == 0)
    return;
  uint8_t from[BLOCK_BYTES] = { 0 }, to[BLOCK_BYTES];
  memcpy (from, in + whole * BLOCK_BYTES, part);
  store (to, _mm_xor_si128 (load (from), stream[whole]));
  memset (to + part, 0, BLOCK_BYTES - part);
  memcpy (out + whole * BLOCK_BYTES, to, part);
  blocks[whole] = load (sealing ? to : from);
}

INLINE void
apply_all (const AirGcmVaes *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes, const uint8_t *in,
           size_t bytes, uint8_t *out, bool sealing, uint8_t *ret_tag)
{
  uint8_t first[BLOCK_BYTES] = { [BLOCK_BYTES - 1] = 1 };
  memcpy (first, nonce, AIR_GCM_NONCE_BYTES);
  __m128i lengths = _mm_set_epi64x ((long long)(aad_bytes * 8), (long long)(bytes * 8));
  __m128i hash = hash_aad (gcm, aad, aad_bytes);
  __m256i counters = _mm256_add_epi32 (_mm256_broadcastsi128_si256 (reverse (load (first))),
                                       _mm256_set_epi32 (0, 0, 0, 2, 0, 0, 0, 1));
  if (bytes >= TURN_BYTES)
    {
      __m256i state[VECTORS], hashed[VECTORS];
      make_key_stream (gcm, &counters, state);
      for (;;)
        {
          apply (state, in, out, sealing, hashed);
          hashed[0] = _mm256_xor_si256 (hashed[0], _mm256_zextsi128_si256 (hash));
          in += TURN_BYTES;
          out += TURN_BYTES;
          bytes -= TURN_BYTES;
          if (bytes < TURN_BYTES)
            break;
          make_key_stream_and_hash (gcm, &counters, state, hashed, &hash);
        }
      hash = hash_turn (gcm, hashed);
    }
  __m128i blocks[MAX_BLOCKS];
  unsigned count = (unsigned)((bytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
  if (bytes > 0)
    apply_rest (gcm, &counters, in, out, bytes, sealing, &blocks[MAX_BLOCKS - 1 - count]);
  blocks[MAX_BLOCKS - 1] = reverse (lengths);
  hash = hash_last (gcm, hash, blocks, count + 1);
  store (ret_tag, _mm_xor_si128 (encrypt_block (gcm, load (first)), reverse (hash)));
}

TARGET void
air_gcm_vaes_seal (const AirGcmVaes *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad,
                   size_t aad_bytes, const uint8_t *plain, size_t plain_bytes, uint8_t *out,
                   uint8_t ret_tag[AIR_GCM_TAG_BYTES])
{
  apply_all (gcm, nonce, aad, aad_bytes, plain, plain_bytes, out, true, ret_tag);
}

TARGET void
air_gcm_vaes_open (const AirGcmVaes *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad,
                   size_t aad_bytes, const uint8_t *cipher, size_t cipher_bytes, uint8_t *out,
                   uint8_t ret_tag[AIR_GCM_TAG_BYTES])
{
  apply_all (gcm, nonce, aad, aad_bytes, cipher, cipher_bytes, out, false, ret_tag);
}

/* ---- The key */

/* FIPS 197 §5.2: the key of @round. @assist: what AESKEYGENASSIST made of the one before. In place, so that no copy stays on the stack. */
INLINE void
expand (AirGcmVaes *gcm, unsigned round, __m128i assist)
{
  __m128i key = load (gcm->rounds[round - 1]);
  key = _mm_xor_si128 (key, _mm_slli_si128 (key, 4));
  key = _mm_xor_si128 (key, _mm_slli_si128 (key, 8));
  store (gcm->rounds[round], _mm_xor_si128 (key, _mm_shuffle_epi32 (assist, 0xff)));
}

/* By x: a shift, and the polynomial where a bit fell out. */
INLINE __m128i
multiply_by_x (__m128i value)
{
  __m128i carries = _mm_srli_epi64 (value, 63);
  __m128i shifted = _mm_or_si128 (_mm_slli_epi64 (value, 1), _mm_slli_si128 (carries, 8));
  __m128i fell_out = _mm_sub_epi64 (_mm_setzero_si128 (), _mm_unpackhi_epi64 (carries, carries));
  return _mm_xor_si128 (shifted, _mm_and_si128 (fell_out, polynomial ()));
}

TARGET void
air_gcm_vaes_init (AirGcmVaes *gcm, const uint8_t key[AIR_GCM_VAES_KEY_BYTES])
{
  memcpy (gcm->rounds[0], key, AIR_GCM_VAES_KEY_BYTES);
  expand (gcm, 1, _mm_aeskeygenassist_si128 (load (gcm->rounds[0]), 0x01));
  expand (gcm, 2, _mm_aeskeygenassist_si128 (load (gcm->rounds[1]), 0x02));
  expand (gcm, 3, _mm_aeskeygenassist_si128 (load (gcm->rounds[2]), 0x04));
  expand (gcm, 4, _mm_aeskeygenassist_si128 (load (gcm->rounds[3]), 0x08));
  expand (gcm, 5, _mm_aeskeygenassist_si128 (load (gcm->rounds[4]), 0x10));
  expand (gcm, 6, _mm_aeskeygenassist_si128 (load (gcm->rounds[5]), 0x20));
  expand (gcm, 7, _mm_aeskeygenassist_si128 (load (gcm->rounds[6]), 0x40));
  expand (gcm, 8, _mm_aeskeygenassist_si128 (load (gcm->rounds[7]), 0x80));
  expand (gcm, 9, _mm_aeskeygenassist_si128 (load (gcm->rounds[8]), 0x1b));
  expand (gcm, 10, _mm_aeskeygenassist_si128 (load (gcm->rounds[9]), 0x36));
  unsigned last = AIR_GCM_VAES_POWERS - 1;
  store (gcm->powers[last], multiply_by_x (reverse (encrypt_block (gcm, _mm_setzero_si128 ()))));
  for (unsigned place = last; place > 0; place--)
    store (gcm->powers[place - 1], multiply (load (gcm->powers[place]), load (gcm->powers[last])));
  for (unsigned place = 0; place < AIR_GCM_VAES_POWERS; place++)
    store (gcm->sums[place], _mm_xor_si128 (load (gcm->powers[place]), swap_halves (load (gcm->powers[place]))));
}

#else

bool
air_gcm_vaes_is_supported (void)
{
  return false;
}

void
air_gcm_vaes_init (AirGcmVaes *gcm, const uint8_t key[AIR_GCM_VAES_KEY_BYTES])
{
  g_assert_not_reached ();
}

void
air_gcm_vaes_seal (const AirGcmVaes *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad,
                   size_t aad_bytes, const uint8_t *plain, size_t plain_bytes, uint8_t *out,
                   uint8_t ret_tag[AIR_GCM_TAG_BYTES])
{
  g_assert_not_reached ();
}

void
air_gcm_vaes_open (const AirGcmVaes *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad,
                   size_t aad_bytes, const uint8_t *cipher, size_t cipher_bytes, uint8_t *out,
                   uint8_t ret_tag[AIR_GCM_TAG_BYTES])
{
  g_assert_not_reached ();
}

#endif
