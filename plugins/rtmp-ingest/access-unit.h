/* What can be seen of an H.264 access unit without decoding it. Any thread; no state. */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

typedef struct
{
  bool has_picture;   /* at least one slice (NAL unit types 1 to 5) */
  bool idr;           /* an IDR slice */
  bool non_reference; /* no other picture needs it: nal_ref_idc is 0 in every slice (H.264 §7.4.1) */
} AccessUnitInfo;

/* Walks the NAL units, each with its length in @length_bytes (1 to 4) before it (ISO 14496-15 §5.3.2).
 * Returns: false when the lengths do not fit. */
bool access_unit_inspect_h264 (const uint8_t *data, size_t length, unsigned length_bytes, AccessUnitInfo *ret_info);

G_END_DECLS
