/* What the readers of AMF0 and AMF3 share: a cursor with budgets. */
#pragma once

#include "amf.h"

G_BEGIN_DECLS

typedef struct
{
  const uint8_t *data;
  size_t length;
  size_t position;
  unsigned depth;
  unsigned values;
  size_t text_bytes;
  GPtrArray *strings; /* AMF3: texts that may be referred to */
  GPtrArray *traits;  /* AMF3: Amf3Traits */
} AmfReader;

/* Returns: the next @count bytes, or NULL with RTMP_ERROR_INVALID. */
const uint8_t *amf_reader_take (AmfReader *reader, size_t count, GError **error);
/* Returns: (transfer full) text of @count bytes, or NULL with @error. */
char *amf_reader_take_text (AmfReader *reader, size_t count, GError **error);
/* Returns: false with RTMP_ERROR_INVALID. */
bool amf_reader_take_double (AmfReader *reader, double *ret_number, GError **error);
/* Counts a text that is given out again. */
bool amf_reader_charge_text (AmfReader *reader, size_t count, GError **error);
/* Returns: (transfer full) a value of @type, or NULL with RTMP_ERROR_LIMIT. */
AmfValue *amf_reader_new_value (AmfReader *reader, AmfType type, GError **error);
/* The same for a number or a boolean. */
AmfValue *amf_reader_new_number (AmfReader *reader, AmfType type, double number, GError **error);
/* Takes a marker and has @read what it announces, within the limit of depth. */
typedef AmfValue *(*AmfReadMarked) (AmfReader *reader, uint8_t marker, GError **error);
AmfValue *amf_reader_read_marked (AmfReader *reader, AmfReadMarked read, GError **error);
/* @name (nullable) and @value: (transfer full) */
void amf_value_add_member (AmfValue *value, char *name, AmfValue *member);

AmfValue *amf0_read_value (AmfReader *reader, GError **error);
AmfValue *amf3_read_value (AmfReader *reader, GError **error);

G_END_DECLS
