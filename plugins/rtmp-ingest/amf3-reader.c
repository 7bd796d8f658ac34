/* AMF3 (Adobe, 2013), which some clients use for single values in messages of type 15 and 17. */
#include "amf-reader.h"

#include <string.h>

/* The names of an object's sealed members, which later objects may refer to (§3.12). */
typedef struct
{
  bool dynamic;
  GPtrArray *names;
} Amf3Traits;

static void
traits_free (void *data)
{
  Amf3Traits *traits = data;
  g_ptr_array_unref (traits->names);
  g_free (traits);
}

/* §1.3.1: an unsigned integer of 29 bits in one to four bytes. */
static bool
read_u29 (AmfReader *reader, uint32_t *ret_value, GError **error)
{
  uint32_t value = 0;
  for (unsigned i = 0; i < 4; i++)
    {
      const uint8_t *byte = amf_reader_take (reader, 1, error);
      if (!byte)
        return false;
      if (i == 3)
        {
          *ret_value = value << 8 | *byte;
          return true;
        }
      value = value << 7 | (*byte & 0x7F);
      if (!(*byte & 0x80))
        break;
    }
  *ret_value = value;
  return true;
}

/* §1.3.2: an inline text or a reference to an earlier one. Returns: (transfer full) */
static char *
read_string (AmfReader *reader, GError **error)
{
  uint32_t header;
  if (!read_u29 (reader, &header, error))
    return NULL;
  if (!reader->strings)
    reader->strings = g_ptr_array_new_with_free_func (g_free);
  if (!(header & 1))
    {
      uint32_t index = header >> 1;
      if (index >= reader->strings->len)
        {
          g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "AMF3 reference to text %u", index);
          return NULL;
        }
      const char *text = reader->strings->pdata[index];
      return amf_reader_charge_text (reader, strlen (text) + 1, error) ? g_strdup (text) : NULL;
    }
  char *text = amf_reader_take_text (reader, header >> 1, error);
  if (text && *text) /* the empty text is never referred to */
    g_ptr_array_add (reader->strings, g_strdup (text));
  return text;
}

static AmfValue *
read_integer (AmfReader *reader, GError **error)
{
  uint32_t bits;
  if (!read_u29 (reader, &bits, error))
    return NULL;
  int32_t number = bits & 0x10000000 ? (int32_t) (bits | 0xE0000000) : (int32_t) bits;
  return amf_reader_new_number (reader, AMF_NUMBER, number, error);
}

static AmfValue *
read_double (AmfReader *reader, GError **error)
{
  double number;
  return amf_reader_take_double (reader, &number, error) ? amf_reader_new_number (reader, AMF_NUMBER, number, error) : NULL;
}

static AmfValue *
read_string_value (AmfReader *reader, GError **error)
{
  g_autofree char *text = read_string (reader, error);
  AmfValue *value = text ? amf_reader_new_value (reader, AMF_STRING, error) : NULL;
  if (value)
    value->string = g_steal_pointer (&text);
  return value;
}

/* The header of a complex value: *ret_inline is false when it is a reference to an earlier object. */
static bool
read_complex (AmfReader *reader, bool *ret_inline, uint32_t *ret_rest, GError **error)
{
  uint32_t header;
  if (!read_u29 (reader, &header, error))
    return false;
  *ret_inline = header & 1;
  *ret_rest = header >> 1;
  return true;
}

/* Names with values until an empty name. */
static bool
read_dynamic (AmfReader *reader, AmfValue *object, GError **error)
{
  for (;;)
    {
      g_autofree char *name = read_string (reader, error);
      if (!name)
        return false;
      if (*name == '\0')
        return true;
      AmfValue *member = amf3_read_value (reader, error);
      if (!member)
        return false;
      amf_value_add_member (object, g_steal_pointer (&name), member);
    }
}

/* §3.11: named members first, then @count values. Named ones make it an object. */
static AmfValue *
read_array (AmfReader *reader, uint32_t count, GError **error)
{
  g_autoptr (AmfValue) named = amf_reader_new_value (reader, AMF_OBJECT, error);
  if (!named || !read_dynamic (reader, named, error))
    return NULL;
  g_autoptr (AmfValue) array = amf_reader_new_value (reader, AMF_ARRAY, error);
  if (!array)
    return NULL;
  for (uint32_t i = 0; i < count; i++)
    {
      AmfValue *member = amf3_read_value (reader, error);
      if (!member)
        return NULL;
      amf_value_add_member (array, NULL, member);
    }
  return named->members->len > 0 ? g_steal_pointer (&named) : g_steal_pointer (&array);
}

/* §3.12: @rest are the bits after "inline object". Returns: (transfer none) */
static const Amf3Traits *
read_traits (AmfReader *reader, uint32_t rest, GError **error)
{
  if (!reader->traits)
    reader->traits = g_ptr_array_new_with_free_func (traits_free);
  if (!(rest & 1))
    {
      if (rest >> 1 < reader->traits->len)
        return reader->traits->pdata[rest >> 1];
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "AMF3 reference to traits %u", rest >> 1);
      return NULL;
    }
  if (rest & 2)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "an externalizable AMF3 object, whose form nobody knows");
      return NULL;
    }
  uint32_t count = rest >> 3;
  g_autofree char *class_name = read_string (reader, error);
  if (!class_name)
    return NULL;
  Amf3Traits *traits = g_new0 (Amf3Traits, 1);
  traits->dynamic = rest & 4;
  traits->names = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (reader->traits, traits);
  for (uint32_t i = 0; i < count; i++)
    {
      if (++reader->values > AMF_MAX_VALUES)
        {
          g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "more than %u AMF values", AMF_MAX_VALUES);
          return NULL;
        }
      char *name = read_string (reader, error);
      if (!name)
        return NULL;
      g_ptr_array_add (traits->names, name);
    }
  return traits;
}

static AmfValue *
read_object (AmfReader *reader, uint32_t rest, GError **error)
{
  const Amf3Traits *traits = read_traits (reader, rest, error);
  g_autoptr (AmfValue) object = traits ? amf_reader_new_value (reader, AMF_OBJECT, error) : NULL;
  if (!object)
    return NULL;
  for (unsigned i = 0; i < traits->names->len; i++)
    {
      const char *name = traits->names->pdata[i];
      AmfValue *member = NULL;
      if (amf_reader_charge_text (reader, strlen (name) + 1, error))
        member = amf3_read_value (reader, error);
      if (!member)
        return NULL;
      amf_value_add_member (object, g_strdup (name), member);
    }
  if (traits->dynamic && !read_dynamic (reader, object, error))
    return NULL;
  return g_steal_pointer (&object);
}

/* Byte arrays (§3.14), integer, unsigned and double vectors (§3.15): stepped over. */
static AmfValue *
skip_items (AmfReader *reader, uint32_t count, size_t item_bytes, bool vector, GError **error)
{
  if (vector && !amf_reader_take (reader, 1, error))
    return NULL;
  if (!amf_reader_take (reader, count * item_bytes, error))
    return NULL;
  return amf_reader_new_value (reader, AMF_BYTES, error);
}

static AmfValue *
read_complex_value (AmfReader *reader, uint8_t marker, GError **error)
{
  bool here;
  uint32_t rest;
  if (!read_complex (reader, &here, &rest, error))
    return NULL;
  if (!here)
    return amf_reader_new_value (reader, AMF_UNDEFINED, error);
  switch (marker)
    {
    case 0x08: /* date */
      return read_double (reader, error);
    case 0x09:
      return read_array (reader, rest, error);
    case 0x0A:
      return read_object (reader, rest, error);
    case 0x0C:
      return skip_items (reader, rest, 1, false, error);
    case 0x0D:
    case 0x0E:
      return skip_items (reader, rest, 4, true, error);
    case 0x0F:
      return skip_items (reader, rest, 8, true, error);
    default: /* 0x07, 0x0B: XML */
      return skip_items (reader, rest, 1, false, error);
    }
}

static AmfValue *
read_marked (AmfReader *reader, uint8_t marker, GError **error)
{
  switch (marker)
    {
    case 0x00:
      return amf_reader_new_value (reader, AMF_UNDEFINED, error);
    case 0x01:
      return amf_reader_new_value (reader, AMF_NULL, error);
    case 0x02:
    case 0x03:
      return amf_reader_new_number (reader, AMF_BOOLEAN, marker == 0x03, error);
    case 0x04:
      return read_integer (reader, error);
    case 0x05:
      return read_double (reader, error);
    case 0x06:
      return read_string_value (reader, error);
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x0B:
    case 0x0C:
    case 0x0D:
    case 0x0E:
    case 0x0F:
      return read_complex_value (reader, marker, error);
    default: /* vectors of objects and dictionaries: no client sends them to a server */
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "AMF3 marker 0x%02x", marker);
      return NULL;
    }
}

AmfValue *
amf3_read_value (AmfReader *reader, GError **error)
{
  return amf_reader_read_marked (reader, read_marked, error);
}
