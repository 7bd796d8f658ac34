/* AMF0 and AMF3 in, AMF0 out, and their limits. */
#include <math.h>
#include <string.h>

#include "amf.h"
#include "hex.h"

static GPtrArray *
parse_hex (const char *hex, bool amf3, GError **error)
{
  g_autoptr (GByteArray) bytes = from_hex (hex);
  g_autofree uint8_t *exact = g_memdup2 (bytes->data, bytes->len);
  return amf_parse (exact, bytes->len, amf3, error);
}

static void
assert_refused (const char *hex, bool amf3, RtmpErrorCode code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) values = parse_hex (hex, amf3, &error);
  g_assert_null (values);
  g_assert_error (error, RTMP_ERROR, (int) code);
}

static void
test_round_trip (void)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  amf_write_string (out, "connect");
  amf_write_number (out, 1.5);
  amf_begin_object (out);
  amf_member_string (out, "app", "live");
  amf_member_boolean (out, "fpad", true);
  amf_write_name (out, "inner");
  amf_begin_ecma_array (out, 1);
  amf_member_number (out, "width", 1280);
  amf_end_object (out);
  amf_end_object (out);
  amf_write_null (out);
  amf_write_undefined (out);
  amf_write_boolean (out, false);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) values = amf_parse (out->data, out->len, false, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (values->len, ==, 6);
  g_assert_cmpstr (amf_value_get_string (values->pdata[0]), ==, "connect");
  g_assert_cmpfloat (amf_value_get_number (values->pdata[1], 0), ==, 1.5);
  const AmfValue *object = values->pdata[2];
  g_assert_cmpuint (amf_value_get_size (object), ==, 3);
  g_assert_cmpstr (amf_value_get_string (amf_value_lookup (object, "app")), ==, "live");
  g_assert_cmpfloat (amf_value_get_number (amf_value_lookup (object, "fpad"), 0), ==, 1);
  const AmfValue *inner = amf_value_lookup (object, "inner");
  g_assert_cmpfloat (amf_value_get_number (amf_value_lookup (inner, "width"), 0), ==, 1280);
  g_assert_null (amf_value_lookup (object, "nothing"));
  g_assert_null (amf_value_lookup (NULL, "nothing"));
  g_assert_cmpint (((AmfValue *) values->pdata[3])->type, ==, AMF_NULL);
  g_assert_cmpint (((AmfValue *) values->pdata[4])->type, ==, AMF_UNDEFINED);
  /* Whatever is cut off is noticed, and nothing beyond the end is read. */
  for (size_t cut = 0; cut < out->len; cut++)
    {
      g_autofree uint8_t *piece = g_memdup2 (out->data, cut);
      g_autoptr (GPtrArray) some = amf_parse (piece, cut, false, NULL);
      g_assert_true (!some || some->len < 6);
    }
}

static void
test_amf0_markers (void)
{
  static const struct
  {
    const char *hex;
    AmfType type;
  } cases[] = {
    { "00 4059000000000000", AMF_NUMBER },
    { "01 01", AMF_BOOLEAN },
    { "02 0000", AMF_STRING },
    { "02 0002 6869", AMF_STRING },
    { "03 0001 61 05 0000 09", AMF_OBJECT },
    { "05", AMF_NULL },
    { "06", AMF_UNDEFINED },
    { "07 0001", AMF_UNDEFINED },
    { "08 00000001 0001 61 05 0000 09", AMF_OBJECT },
    { "08 00000001 0001 61 05", AMF_OBJECT }, /* the end marker left out */
    { "0A 00000002 05 05", AMF_ARRAY },
    { "0B 4059000000000000 0000", AMF_NUMBER },
    { "0C 00000002 6869", AMF_STRING },
    { "0D", AMF_UNDEFINED },
    { "0F 00000002 6869", AMF_STRING },
    { "10 0001 63 0001 61 05 0000 09", AMF_OBJECT },
    { "11 06 05 6869", AMF_STRING },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) values = parse_hex (cases[i].hex, false, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (values->len, ==, 1);
      g_assert_cmpint (((AmfValue *) values->pdata[0])->type, ==, cases[i].type);
    }
  assert_refused ("04", false, RTMP_ERROR_INVALID);
  assert_refused ("09", false, RTMP_ERROR_INVALID);
  assert_refused ("FF", false, RTMP_ERROR_INVALID);
  assert_refused ("02 0003 6869", false, RTMP_ERROR_INVALID);
  assert_refused ("0C FFFFFFFF 6869", false, RTMP_ERROR_INVALID);
  assert_refused ("0A FFFFFFFF 05", false, RTMP_ERROR_INVALID);
  assert_refused ("03 0001 61 05", false, RTMP_ERROR_INVALID);
}

static void
test_amf3 (void)
{
  g_autoptr (GError) error = NULL;
  /* What Flash sends in a message of type 17: a zero byte, AMF0, and an object in AMF3:
   * {a: "hi", dynamic b: "hi" by reference, c: 5, d: [true], e: date} */
  g_autoptr (GPtrArray) values = parse_hex ("00 02 0002 6869 00 3FF0000000000000 11 0A 1B 01 03 61 06 05 6869 03 62 06 02"
                                            "03 63 04 05 03 64 09 03 01 03 03 65 08 01 4059000000000000 01",
                                            true, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (values->len, ==, 3);
  const AmfValue *object = values->pdata[2];
  g_assert_cmpstr (amf_value_get_string (amf_value_lookup (object, "a")), ==, "hi");
  g_assert_cmpstr (amf_value_get_string (amf_value_lookup (object, "b")), ==, "hi");
  g_assert_cmpfloat (amf_value_get_number (amf_value_lookup (object, "c"), 0), ==, 5);
  const AmfValue *array = amf_value_lookup (object, "d");
  g_assert_cmpfloat (amf_value_get_number (amf_value_get_item (array, 0), 0), ==, 1);
  g_assert_null (amf_value_get_item (array, 1));
  g_assert_cmpfloat (amf_value_get_number (amf_value_lookup (object, "e"), 0), ==, 100);
}

static void
test_amf3_markers (void)
{
  static const struct
  {
    const char *hex;
    AmfType type;
    double number;
  } cases[] = {
    { "11 00", AMF_UNDEFINED, 0 },
    { "11 01", AMF_NULL, 0 },
    { "11 02", AMF_BOOLEAN, 0 },
    { "11 03", AMF_BOOLEAN, 1 },
    { "11 04 7F", AMF_NUMBER, 127 },
    { "11 04 8100", AMF_NUMBER, 128 },
    { "11 04 FFFFFFFF", AMF_NUMBER, -1 },
    { "11 04 BFFFFFFF", AMF_NUMBER, 0xFFFFFFF },
    { "11 05 4059000000000000", AMF_NUMBER, 100 },
    { "11 07 05 6869", AMF_BYTES, 0 },
    { "11 0B 05 6869", AMF_BYTES, 0 },
    { "11 0A 00", AMF_UNDEFINED, 0 },
    { "11 0C 05 6869", AMF_BYTES, 0 },
    { "11 0D 03 00 00000001", AMF_BYTES, 0 },
    { "11 0F 03 00 0000000000000000", AMF_BYTES, 0 },
    { "11 09 03 03 61 01 01 04 01", AMF_OBJECT, 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) values = parse_hex (cases[i].hex, false, &error);
      g_assert_no_error (error);
      const AmfValue *value = values->pdata[0];
      g_assert_cmpint (value->type, ==, cases[i].type);
      g_assert_cmpfloat (value->number, ==, cases[i].number);
    }
  assert_refused ("11 06 02", false, RTMP_ERROR_INVALID);          /* text that was never said */
  assert_refused ("11 0A 05", false, RTMP_ERROR_INVALID);          /* traits that were never said */
  assert_refused ("11 0A 07 03 61", false, RTMP_ERROR_INVALID);    /* externalizable */
  assert_refused ("11 10 03", false, RTMP_ERROR_INVALID);          /* vector of objects */
  assert_refused ("11 0C FFFFFFFF 00", false, RTMP_ERROR_INVALID); /* a byte array longer than the message */
  assert_refused ("11 0A FFFFFFF3 01", false, RTMP_ERROR_INVALID); /* millions of sealed members */
}

static void
test_depth (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  for (unsigned i = 0; i < 100000; i++)
    {
      static const uint8_t nested[] = { 3, 0, 1, 'a' };
      g_byte_array_append (bytes, nested, sizeof nested);
    }
  g_autoptr (GError) error = NULL;
  g_assert_null (amf_parse (bytes->data, bytes->len, false, &error));
  g_assert_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT);
  g_clear_error (&error);

  g_byte_array_set_size (bytes, 0);
  for (unsigned i = 0; i < 100000; i++)
    {
      static const uint8_t nested[] = { 0x09, 0x03, 0x01 };
      uint8_t marker = 0x11;
      if (i == 0)
        g_byte_array_append (bytes, &marker, 1);
      g_byte_array_append (bytes, nested, sizeof nested);
    }
  g_assert_null (amf_parse (bytes->data, bytes->len, false, &error));
  g_assert_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT);
}

static void
test_budgets (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) many = g_byte_array_new ();
  for (unsigned i = 0; i < AMF_MAX_VALUES + 1; i++)
    amf_write_null (many);
  g_assert_null (amf_parse (many->data, many->len, false, &error));
  g_assert_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT);
  g_clear_error (&error);

  /* One long text and a thousand references to it. */
  g_autofree char *text = g_strnfill (8192, 'x');
  g_autoptr (GByteArray) bytes = from_hex ("11 09 8F51 01 06 818001");
  g_byte_array_append (bytes, (const uint8_t *) text, 8192);
  for (unsigned i = 0; i < 1000; i++)
    {
      static const uint8_t reference[] = { 6, 0 };
      g_byte_array_append (bytes, reference, sizeof reference);
    }
  g_assert_null (amf_parse (bytes->data, bytes->len, false, &error));
  g_assert_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT);
}

static void
test_text (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) values = parse_hex ("02 0004 61 00 62 FF", false, &error);
  g_assert_no_error (error);
  const char *text = amf_value_get_string (values->pdata[0]);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_cmpstr (text, ==, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD");
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autofree char *longer = g_strnfill (70000, 'x');
  amf_write_string (out, longer);
  g_assert_cmpuint (out->len, ==, 3 + 65535);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtmp/amf/round-trip", test_round_trip);
  g_test_add_func ("/rtmp/amf/amf0-markers", test_amf0_markers);
  g_test_add_func ("/rtmp/amf/amf3", test_amf3);
  g_test_add_func ("/rtmp/amf/amf3-markers", test_amf3_markers);
  g_test_add_func ("/rtmp/amf/depth", test_depth);
  g_test_add_func ("/rtmp/amf/budgets", test_budgets);
  g_test_add_func ("/rtmp/amf/text", test_text);
  return g_test_run ();
}
