/* Reads the first byte of every NAL unit, and of slices the two numbers behind it. */
#include "access-unit.h"

#define NAL_SLICE_FIRST 1
#define NAL_SLICE_IDR 5
#define NAL_SLICE_PARTITION_A 2
/* Table 7-6; 5 more where all slices of the picture are so */
#define SLICE_B 1
#define SLICE_I 2
#define SLICE_TYPES 5
/* Two numbers of at most 63 bits. */
#define MAX_SLICE_HEAD_BYTES 16

/* §9.1. Returns: false at the end. */
static bool
read_exp_golomb (const uint8_t *data, size_t bits, size_t *at, uint32_t *ret_number)
{
  unsigned zeros = 0;
  uint64_t code = 0;
  for (; *at < bits && !(data[*at / 8] << *at % 8 & 0x80); ++*at)
    zeros++;
  if (zeros > 31 || zeros >= bits - *at)
    return false;
  for (unsigned i = 0; i <= zeros; i++, ++*at)
    code = code << 1 | (data[*at / 8] >> (7 - *at % 8) & 1);
  *ret_number = (uint32_t) (code - 1);
  return true;
}

/* @data: behind the NAL unit's first byte. Emulation prevention cannot matter: a number that begins with so many zeros would
 * be that of a macroblock which no level allows.
 * Returns: SLICE_…; -1 when it cannot be read. */
static int
read_slice_type (const uint8_t *data, size_t length)
{
  size_t at = 0, bits = MIN (length, MAX_SLICE_HEAD_BYTES) * 8;
  uint32_t first_macroblock, type;
  if (!read_exp_golomb (data, bits, &at, &first_macroblock) || !read_exp_golomb (data, bits, &at, &type))
    return -1;
  return (int) (type % SLICE_TYPES);
}

static void
inspect_slice (const uint8_t *nal, size_t size, AccessUnitInfo *info, bool *ret_inter)
{
  unsigned type = nal[0] & 0x1F;
  info->has_picture = true;
  info->idr |= type == NAL_SLICE_IDR;
  if (type > NAL_SLICE_PARTITION_A && type != NAL_SLICE_IDR) /* partitions B and C have no type */
    return;
  int slice = read_slice_type (nal + 1, size - 1);
  info->bidirectional |= slice == SLICE_B;
  *ret_inter |= slice != SLICE_I;
}

bool
access_unit_inspect_h264 (const uint8_t *data, size_t length, unsigned length_bytes, AccessUnitInfo *ret_info)
{
  bool referenced = false, inter = false;
  *ret_info = (AccessUnitInfo) { 0 };
  while (length > 0)
    {
      if (length < length_bytes)
        return false;
      size_t size = 0;
      for (unsigned i = 0; i < length_bytes; i++)
        size = size << 8 | data[i];
      data += length_bytes;
      length -= length_bytes;
      if (size > length)
        return false;
      if (size > 0)
        {
          unsigned type = data[0] & 0x1F;
          if (type >= NAL_SLICE_FIRST && type <= NAL_SLICE_IDR)
            {
              inspect_slice (data, size, ret_info, &inter);
              referenced |= (data[0] & 0x60) != 0;
            }
        }
      data += size;
      length -= size;
    }
  ret_info->intra = ret_info->has_picture && !inter;
  ret_info->non_reference = ret_info->has_picture && !referenced;
  return true;
}
