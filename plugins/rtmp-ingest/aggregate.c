/* Walks the FLV tags of an aggregate message. */
#include "aggregate.h"

#define TAG_HEADER_BYTES 11
#define BACK_POINTER_BYTES 4

/* The time of a tag: 24 bits, then the upper 8 (annex E.4.1 of the file format). */
static uint32_t
tag_time (const uint8_t *tag)
{
  return rtmp_read_be24 (tag + 4) | (uint32_t) tag[7] << 24;
}

bool
aggregate_next (const uint8_t *data, size_t length, uint32_t timestamp, size_t *position, AggregatePart *ret_part,
                GError **error)
{
  size_t left = length - *position;
  if (left == 0)
    return false;
  const uint8_t *tag = data + *position;
  size_t size = left >= TAG_HEADER_BYTES ? rtmp_read_be24 (tag + 1) : 0;
  if (left < TAG_HEADER_BYTES || size > left - TAG_HEADER_BYTES)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "an aggregate message ends early");
      return false;
    }
  ret_part->type = tag[0];
  /* The tags' times count from any origin; the first one is that of the message. */
  ret_part->timestamp = timestamp + tag_time (tag) - tag_time (data);
  ret_part->data = tag + TAG_HEADER_BYTES;
  ret_part->length = size;
  /* The back pointer after the last tag may be missing. */
  *position += MIN (left, TAG_HEADER_BYTES + size + BACK_POINTER_BYTES);
  return true;
}
