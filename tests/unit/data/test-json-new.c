/* JSON made from a format, members read by name, times. */
#include <airclass/json.h>

#include <math.h>

static void
assert_json (JsonNode *made, const char *expected)
{
  g_autoptr (JsonNode) node = made;
  g_autofree char *text = air_json_to_string (node);
  g_assert_cmpstr (text, ==, expected);
}

/* Numbers of every size, and texts with everything that has to be escaped, are JSON that is read as what they were. */
static void
test_to_string (void)
{
  static const double numbers[] = { 0, -0.0, 1, -3, 0.1, 0.2, -5.1, 0.4000001, 1e15, 1e16, 1e17, 1e21, -1e308, 1e-300, 5e-324, 1.7976931348623157e308,
                                    0.30000000000000004, 123456789.125, 2.0 / 3 };
  for (unsigned i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr (JsonNode) node = air_json_new ("[%f]", numbers[i]);
      g_autofree char *text = air_json_to_string (node);
      g_autoptr (JsonNode) again = air_json_parse (text, -1, NULL);
      g_assert_nonnull (again);
      JsonNode *element = json_array_get_element (json_node_get_array (again), 0);
      g_assert_true (json_node_get_value_type (element) == G_TYPE_DOUBLE);
      g_assert_cmpfloat (json_node_get_double (element), ==, numbers[i]);
    }
  assert_json (air_json_new ("[%f, %f, %f, %f]", 0.2, -5.1, 1.0, (double)INFINITY), "[0.2,-5.1,1.0,null]");
  assert_json (air_json_new ("[%s]", "\"\\/\b\f\n\r\t\x01\x1f\x7f가😀"),
               "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f가😀\"]");
  g_autofree char *nothing = air_json_to_string (NULL);
  g_assert_cmpstr (nothing, ==, "null");
}

static void
test_new (void)
{
  g_autoptr (JsonNode) inner = air_json_new ("[1, 'two']");
  assert_json (air_json_new ("{}"), "{}");
  assert_json (air_json_new ("[]"), "[]");
  assert_json (air_json_new ("{type:'chat', a.b:{$gt:%l}, n:%i, f:%f, yes:%b}", INT64_C (1) << 40, -3, 0.5, TRUE),
               "{\"type\":\"chat\",\"a.b\":{\"$gt\":1099511627776},\"n\":-3,\"f\":0.5,\"yes\":true}");
  assert_json (air_json_new ("[%s, %s, null, true, -1, 2.5]", "a \"quoted\"\n", NULL),
               "[\"a \\\"quoted\\\"\\n\",null,null,true,-1,2.5]");
  assert_json (air_json_new ("{inner:%N, taken:%n, none:%n}", inner, air_json_new ("[]"), NULL),
               "{\"inner\":[1,\"two\"],\"taken\":[],\"none\":null}");
  assert_json (air_json_new ("{a?:%s, b?:%s, c?:%f, d?:%t, e:%t}", NULL, "b", (double)NAN, INT64_C (0), INT64_C (1500)),
               "{\"b\":\"b\",\"e\":\"1970-01-01T00:00:00.001Z\"}");
}

static void
test_bad_format (void)
{
  static const char *const formats[] = { "{a:%x}", "{a 1}", "[1", "{a:1} 2", "{'a':1}", "[nothing]" };
  if (g_test_subprocess ())
    {
      g_autofree char *index = g_strdup (g_getenv ("AIR_TEST_FORMAT"));
      json_node_unref (air_json_new (formats[g_ascii_strtoull (index, NULL, 10)]));
      return;
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autofree char *index = g_strdup_printf ("%u", i);
      g_setenv ("AIR_TEST_FORMAT", index, TRUE);
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_failed ();
      g_test_trap_assert_stderr ("*wanted in the JSON format*");
    }
}

static void
test_get (void)
{
  g_autoptr (JsonNode) node = air_json_new ("{s:'text', i:7, f:0.25, b:true, a:[1], n:null}");
  g_assert_cmpstr (air_json_get_string (node, "s"), ==, "text");
  g_assert_null (air_json_get_string (node, "i"));
  g_assert_null (air_json_get_string (node, "n"));
  g_assert_null (air_json_get_string (NULL, "s"));
  g_assert_cmpint (air_json_get_int (node, "i", 1), ==, 7);
  g_assert_cmpint (air_json_get_int (node, "s", 1), ==, 1);
  g_assert_cmpint (air_json_get_int (node, "f", 1), ==, 1);
  g_autoptr (JsonNode) whole = air_json_new ("{n:30.0, huge:%f}", 1e300);
  g_assert_cmpint (air_json_get_int (whole, "n", 1), ==, 30); /* JSON Schema takes it for an integer, too */
  g_assert_cmpint (air_json_get_int (whole, "huge", 1), ==, 1);
  g_assert_cmpfloat (air_json_get_double (node, "f", 1), ==, 0.25);
  g_assert_cmpfloat (air_json_get_double (node, "i", 1), ==, 7);
  g_assert_true (air_json_get_bool (node, "b", false));
  g_assert_true (air_json_get_bool (node, "absent", true));
  g_assert_cmpuint (json_array_get_length (air_json_get_array (node, "a")), ==, 1);
  g_assert_null (air_json_get_array (node, "s"));
}

static void
test_times (void)
{
  g_autofree char *text = air_time_to_string (INT64_C (1772357400123456));
  g_assert_cmpstr (text, ==, "2026-03-01T09:30:00.123Z");
  g_assert_cmpint (air_time_from_string (text), ==, INT64_C (1772357400123000));
  g_assert_cmpint (air_time_from_string ("2026-03-01T18:30:00.123+09:00"), ==, INT64_C (1772357400123000));
  g_assert_cmpint (air_time_from_string ("yesterday"), ==, 0);
  g_assert_cmpint (air_time_from_string (NULL), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/to-string", test_to_string);
  g_test_add_func ("/json-new/new", test_new);
  g_test_add_func ("/json-new/bad-format", test_bad_format);
  g_test_add_func ("/json-new/get", test_get);
  g_test_add_func ("/json-new/times", test_times);
  return g_test_run ();
}
