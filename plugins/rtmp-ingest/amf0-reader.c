/* AMF0 (Adobe, 2007): the type markers of §2. */
#include "amf-reader.h"

static bool
read_count (AmfReader *reader, unsigned bytes, uint32_t *ret_count, GError **error)
{
  const uint8_t *data = amf_reader_take (reader, bytes, error);
  if (!data)
    return false;
  *ret_count = bytes == 2 ? rtmp_read_be16 (data) : rtmp_read_be32 (data);
  return true;
}

static AmfValue *
read_number (AmfReader *reader, size_t trailing, GError **error)
{
  double number;
  if (!amf_reader_take_double (reader, &number, error) || !amf_reader_take (reader, trailing, error))
    return NULL;
  return amf_reader_new_number (reader, AMF_NUMBER, number, error);
}

static AmfValue *
read_text (AmfReader *reader, unsigned count_bytes, GError **error)
{
  uint32_t count;
  if (!read_count (reader, count_bytes, &count, error))
    return NULL;
  g_autofree char *text = amf_reader_take_text (reader, count, error);
  if (!text)
    return NULL;
  AmfValue *value = amf_reader_new_value (reader, AMF_STRING, error);
  if (value)
    value->string = g_steal_pointer (&text);
  return value;
}

/* Members until the empty name with the end marker. Some encoders leave that marker out at the end of an ECMA array at
 * the end of the message: @may_end allows it. */
static bool
read_members (AmfReader *reader, AmfValue *object, bool may_end, GError **error)
{
  for (;;)
    {
      if (may_end && reader->position == reader->length)
        return true;
      uint32_t count;
      if (!read_count (reader, 2, &count, error))
        return false;
      if (count == 0 && reader->position < reader->length && reader->data[reader->position] == 9)
        {
          reader->position++;
          return true;
        }
      g_autofree char *name = amf_reader_take_text (reader, count, error);
      if (!name)
        return false;
      AmfValue *member = amf0_read_value (reader, error);
      if (!member)
        return false;
      amf_value_add_member (object, g_steal_pointer (&name), member);
    }
}

static AmfValue *
read_object (AmfReader *reader, bool ecma_array, GError **error)
{
  uint32_t count; /* of an ECMA array: only a hint */
  if (ecma_array && !read_count (reader, 4, &count, error))
    return NULL;
  g_autoptr (AmfValue) object = amf_reader_new_value (reader, AMF_OBJECT, error);
  if (!object || !read_members (reader, object, ecma_array, error))
    return NULL;
  return g_steal_pointer (&object);
}

static AmfValue *
read_typed_object (AmfReader *reader, GError **error)
{
  uint32_t count;
  if (!read_count (reader, 2, &count, error) || !amf_reader_take (reader, count, error))
    return NULL;
  return read_object (reader, false, error);
}

static AmfValue *
read_strict_array (AmfReader *reader, GError **error)
{
  uint32_t count;
  if (!read_count (reader, 4, &count, error))
    return NULL;
  g_autoptr (AmfValue) array = amf_reader_new_value (reader, AMF_ARRAY, error);
  if (!array)
    return NULL;
  for (uint32_t i = 0; i < count; i++)
    {
      AmfValue *member = amf0_read_value (reader, error);
      if (!member)
        return NULL;
      amf_value_add_member (array, NULL, member);
    }
  return g_steal_pointer (&array);
}

static AmfValue *
read_boolean (AmfReader *reader, GError **error)
{
  const uint8_t *data = amf_reader_take (reader, 1, error);
  return data ? amf_reader_new_number (reader, AMF_BOOLEAN, *data != 0, error) : NULL;
}

static AmfValue *
read_marked (AmfReader *reader, uint8_t marker, GError **error)
{
  switch (marker)
    {
    case 0x00:
      return read_number (reader, 0, error);
    case 0x01:
      return read_boolean (reader, error);
    case 0x02:
      return read_text (reader, 2, error);
    case 0x03:
      return read_object (reader, false, error);
    case 0x05:
      return amf_reader_new_value (reader, AMF_NULL, error);
    case 0x06: /* undefined */
    case 0x0D: /* unsupported */
      return amf_reader_new_value (reader, AMF_UNDEFINED, error);
    case 0x07: /* reference */
      return amf_reader_take (reader, 2, error) ? amf_reader_new_value (reader, AMF_UNDEFINED, error) : NULL;
    case 0x08:
      return read_object (reader, true, error);
    case 0x0A:
      return read_strict_array (reader, error);
    case 0x0B: /* date: a number and a time zone, which is reserved */
      return read_number (reader, 2, error);
    case 0x0C: /* long string */
    case 0x0F: /* XML document */
      return read_text (reader, 4, error);
    case 0x10:
      return read_typed_object (reader, error);
    case 0x11:
      return amf3_read_value (reader, error);
    default:
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "AMF0 marker 0x%02x", marker);
      return NULL;
    }
}

AmfValue *
amf0_read_value (AmfReader *reader, GError **error)
{
  return amf_reader_read_marked (reader, read_marked, error);
}
