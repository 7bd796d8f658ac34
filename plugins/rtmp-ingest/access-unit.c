/* Reads the first byte of every NAL unit, and nothing else. */
#include "access-unit.h"

#define NAL_SLICE_FIRST 1
#define NAL_SLICE_IDR 5

bool
access_unit_inspect_h264 (const uint8_t *data, size_t length, unsigned length_bytes, AccessUnitInfo *ret_info)
{
  bool referenced = false;
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
              ret_info->has_picture = true;
              ret_info->idr |= type == NAL_SLICE_IDR;
              referenced |= (data[0] & 0x60) != 0;
            }
        }
      data += size;
      length -= size;
    }
  ret_info->non_reference = ret_info->has_picture && !referenced;
  return true;
}
