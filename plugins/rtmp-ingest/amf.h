/* AMF0 and AMF3 values, as command and data messages carry them. No thread of its own; a value belongs to one owner.
 *
 * Reading is bounded in depth, in the number of values and in the bytes of text, whatever the peer claims. Text becomes
 * valid UTF-8 without NUL. References to earlier objects are read as undefined: nothing that a publisher says is only
 * said by reference, and a tree cannot have a cycle.
 */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

#define AMF_MAX_DEPTH 16
#define AMF_MAX_VALUES 4096
#define AMF_MAX_TEXT_BYTES (256 * 1024)

typedef enum
{
  AMF_UNDEFINED,
  AMF_NULL,
  AMF_BOOLEAN,
  AMF_NUMBER, /* also AMF3 integers and dates (ms since the epoch) */
  AMF_STRING, /* also long strings and XML */
  AMF_OBJECT, /* members with names: objects, typed objects, ECMA arrays */
  AMF_ARRAY,  /* members without names */
  AMF_BYTES,  /* AMF3 byte arrays and vectors: skipped, empty */
} AmfType;

typedef struct _AmfValue AmfValue;

typedef struct
{
  char *name; /* NULL in AMF_ARRAY */
  AmfValue *value;
} AmfMember;

struct _AmfValue
{
  AmfType type;
  double number; /* AMF_BOOLEAN: 0 or 1 */
  char *string;
  GPtrArray *members; /* of AmfMember */
};

void amf_value_free (AmfValue *value);
/* NULL unless it is a string; @value may be NULL, here and below. */
const char *amf_value_get_string (const AmfValue *value);
double amf_value_get_number (const AmfValue *value, double fallback);
/* (nullable) the member @name of an object. */
const AmfValue *amf_value_lookup (const AmfValue *value, const char *name);
unsigned amf_value_get_size (const AmfValue *value);
const AmfValue *amf_value_get_item (const AmfValue *value, unsigned index);

/* All values of a message, in order. @amf3: the message is of type 15 or 17, whose body begins with a zero byte that says
 * AMF0 follows, in which single values may switch to AMF3. Returns: (transfer full) (element-type AmfValue), or NULL with
 * RTMP_ERROR_INVALID or _LIMIT. */
GPtrArray *amf_parse (const uint8_t *data, size_t length, bool amf3, GError **error);

/* ---- Writing, always AMF0 */
void amf_write_number (GByteArray *out, double value);
void amf_write_boolean (GByteArray *out, bool value);
void amf_write_string (GByteArray *out, const char *value); /* cut at 65535 bytes */
void amf_write_null (GByteArray *out);
void amf_write_undefined (GByteArray *out);
void amf_begin_object (GByteArray *out);
void amf_begin_ecma_array (GByteArray *out, uint32_t count);
void amf_write_name (GByteArray *out, const char *name); /* before each member's value */
void amf_end_object (GByteArray *out);

/* Shorthands for a member of an object. */
void amf_member_string (GByteArray *out, const char *name, const char *value);
void amf_member_number (GByteArray *out, const char *name, double value);
void amf_member_boolean (GByteArray *out, const char *name, bool value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AmfValue, amf_value_free)

G_END_DECLS
