/* Values, their accessors, the cursor that both readers share, and the writer. */
#include "amf-reader.h"

#include <string.h>

static void
amf_member_free (void *data)
{
  AmfMember *member = data;
  g_free (member->name);
  amf_value_free (member->value);
  g_free (member);
}

void
amf_value_free (AmfValue *value)
{
  if (!value)
    return;
  g_free (value->string);
  g_clear_pointer (&value->members, g_ptr_array_unref);
  g_free (value);
}

const char *
amf_value_get_string (const AmfValue *value)
{
  return value && value->type == AMF_STRING ? value->string : NULL;
}

double
amf_value_get_number (const AmfValue *value, double fallback)
{
  return value && (value->type == AMF_NUMBER || value->type == AMF_BOOLEAN) ? value->number : fallback;
}

const AmfValue *
amf_value_lookup (const AmfValue *value, const char *name)
{
  if (!value || value->type != AMF_OBJECT)
    return NULL;
  for (unsigned i = 0; i < value->members->len; i++)
    {
      const AmfMember *member = value->members->pdata[i];
      if (strcmp (member->name, name) == 0)
        return member->value;
    }
  return NULL;
}

unsigned
amf_value_get_size (const AmfValue *value)
{
  return value && value->members ? value->members->len : 0;
}

const AmfValue *
amf_value_get_item (const AmfValue *value, unsigned index)
{
  if (index >= amf_value_get_size (value))
    return NULL;
  return ((const AmfMember *) value->members->pdata[index])->value;
}

const uint8_t *
amf_reader_take (AmfReader *reader, size_t count, GError **error)
{
  if (count > reader->length - reader->position)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "an AMF value ends early");
      return NULL;
    }
  const uint8_t *data = reader->data + reader->position;
  reader->position += count;
  return data;
}

bool
amf_reader_take_double (AmfReader *reader, double *ret_number, GError **error)
{
  const uint8_t *data = amf_reader_take (reader, sizeof *ret_number, error);
  if (!data)
    return false;
  uint64_t bits = (uint64_t) rtmp_read_be32 (data) << 32 | rtmp_read_be32 (data + 4);
  memcpy (ret_number, &bits, sizeof bits);
  return true;
}

bool
amf_reader_charge_text (AmfReader *reader, size_t count, GError **error)
{
  if (count > AMF_MAX_TEXT_BYTES - reader->text_bytes)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "more than %u bytes of AMF text", AMF_MAX_TEXT_BYTES);
      return false;
    }
  reader->text_bytes += count;
  return true;
}

char *
amf_reader_take_text (AmfReader *reader, size_t count, GError **error)
{
  const uint8_t *data = amf_reader_take (reader, count, error);
  if (!data || !amf_reader_charge_text (reader, count, error))
    return NULL;
  return g_utf8_make_valid ((const char *) data, count);
}

AmfValue *
amf_reader_new_value (AmfReader *reader, AmfType type, GError **error)
{
  if (++reader->values > AMF_MAX_VALUES)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "more than %u AMF values", AMF_MAX_VALUES);
      return NULL;
    }
  AmfValue *value = g_new0 (AmfValue, 1);
  value->type = type;
  if (type == AMF_OBJECT || type == AMF_ARRAY)
    value->members = g_ptr_array_new_with_free_func (amf_member_free);
  return value;
}

AmfValue *
amf_reader_new_number (AmfReader *reader, AmfType type, double number, GError **error)
{
  AmfValue *value = amf_reader_new_value (reader, type, error);
  if (value)
    value->number = number;
  return value;
}

static bool
enter (AmfReader *reader, GError **error)
{
  if (++reader->depth <= AMF_MAX_DEPTH)
    return true;
  g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "AMF values nested deeper than %u", AMF_MAX_DEPTH);
  return false;
}

AmfValue *
amf_reader_read_marked (AmfReader *reader, AmfReadMarked read, GError **error)
{
  const uint8_t *marker = amf_reader_take (reader, 1, error);
  if (!marker || !enter (reader, error))
    return NULL;
  AmfValue *value = read (reader, *marker, error);
  reader->depth--;
  return value;
}

void
amf_value_add_member (AmfValue *value, char *name, AmfValue *member_value)
{
  AmfMember *member = g_new (AmfMember, 1);
  member->name = name;
  member->value = member_value;
  g_ptr_array_add (value->members, member);
}

static void
free_value (void *value)
{
  amf_value_free (value);
}

GPtrArray *
amf_parse (const uint8_t *data, size_t length, bool amf3, GError **error)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func (free_value);
  AmfReader reader = { .data = data, .length = length };
  if (amf3 && length > 0 && data[0] == 0)
    reader.position = 1;
  bool ok = true;
  while (ok && reader.position < length)
    {
      AmfValue *value = amf0_read_value (&reader, error);
      ok = value != NULL;
      if (ok)
        g_ptr_array_add (values, value);
    }
  g_clear_pointer (&reader.strings, g_ptr_array_unref);
  g_clear_pointer (&reader.traits, g_ptr_array_unref);
  return ok ? g_steal_pointer (&values) : NULL;
}

static void
append_byte (GByteArray *out, uint8_t byte)
{
  g_byte_array_append (out, &byte, 1);
}

void
amf_write_number (GByteArray *out, double value)
{
  uint8_t bytes[9] = { 0 };
  uint64_t bits;
  memcpy (&bits, &value, sizeof bits);
  rtmp_write_be32 (bytes + 1, bits >> 32);
  rtmp_write_be32 (bytes + 5, bits);
  g_byte_array_append (out, bytes, sizeof bytes);
}

void
amf_write_boolean (GByteArray *out, bool value)
{
  uint8_t bytes[2] = { 1, value };
  g_byte_array_append (out, bytes, sizeof bytes);
}

void
amf_write_name (GByteArray *out, const char *name)
{
  size_t length = MIN (strlen (name), 65535);
  uint8_t bytes[2] = { length >> 8, length };
  g_byte_array_append (out, bytes, sizeof bytes);
  g_byte_array_append (out, (const uint8_t *) name, length);
}

void
amf_write_string (GByteArray *out, const char *value)
{
  append_byte (out, 2);
  amf_write_name (out, value);
}

void
amf_write_null (GByteArray *out)
{
  append_byte (out, 5);
}

void
amf_write_undefined (GByteArray *out)
{
  append_byte (out, 6);
}

void
amf_begin_object (GByteArray *out)
{
  append_byte (out, 3);
}

void
amf_begin_ecma_array (GByteArray *out, uint32_t count)
{
  uint8_t bytes[5] = { 8 };
  rtmp_write_be32 (bytes + 1, count);
  g_byte_array_append (out, bytes, sizeof bytes);
}

void
amf_end_object (GByteArray *out)
{
  static const uint8_t bytes[3] = { 0, 0, 9 };
  g_byte_array_append (out, bytes, sizeof bytes);
}

void
amf_member_string (GByteArray *out, const char *name, const char *value)
{
  amf_write_name (out, name);
  amf_write_string (out, value);
}

void
amf_member_number (GByteArray *out, const char *name, double value)
{
  amf_write_name (out, name);
  amf_write_number (out, value);
}

void
amf_member_boolean (GByteArray *out, const char *name, bool value)
{
  amf_write_name (out, name);
  amf_write_boolean (out, value);
}
