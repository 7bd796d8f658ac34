/* The strict JSON reader: what it takes, what it refuses, and its limits. */
#include <airclass/error.h>
#include <airclass/http.h>

static void
test_takes (void)
{
  static const char *const texts[] = {
    "{}",
    " [ ] ",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1.5e+3",
    "9223372036854775807",
    "18446744073709551615",
    "\"\"",
    "{\"a\":{\"b\":[1,2,{\"c\":null}]}}",
    "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
    "\"한국어\"",
    "\r\n\t 1 ",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = air_json_parse (texts[i], -1, &error);
      g_assert_no_error (error);
      g_assert_nonnull (node);
    }
}

static void
test_refuses (void)
{
  static const char *const texts[] = {
    "",
    " ",
    "{",
    "[",
    "]",
    "{]",
    "[1,]",
    "{\"a\":1,}",
    "{a:1}",
    "{'a':1}",
    "'a'",
    "0x10",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "+1",
    "NaN",
    "Infinity",
    "1e999",
    "nul",
    "truee",
    "// c\n1",
    "/* */1",
    "1 2",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"\\x41\"",
    "\"\\u12\"",
    "\"a",
    "\"\t\"",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\xef\xbb\xbf{}",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = air_json_parse (texts[i], -1, &error);
      if (node != NULL)
        g_test_message ("taken: %s", texts[i]);
      g_assert_null (node);
      g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
    }
  g_autoptr (GError) error = NULL;
  g_assert_null (air_json_parse ("1\0", 2, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
}

static char *
nest (unsigned depth)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (unsigned i = 0; i < depth; i++)
    g_string_append_c (text, '[');
  for (unsigned i = 0; i < depth; i++)
    g_string_append_c (text, ']');
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_depth (void)
{
  g_autofree char *good = nest (32), *bad = nest (33), *absurd = nest (100000);
  g_autoptr (JsonNode) node = air_json_parse (good, -1, NULL);
  g_assert_nonnull (node);
  g_assert_null (air_json_parse (bad, -1, NULL));
  g_assert_null (air_json_parse (absurd, -1, NULL));
}

static void
test_size (void)
{
  g_autofree char *spaces = g_strnfill (1024 * 1024 + 1, ' ');
  spaces[0] = '1';
  g_autoptr (JsonNode) node = air_json_parse (spaces, 1024 * 1024, NULL);
  g_assert_nonnull (node);
  g_assert_null (air_json_parse (spaces, 1024 * 1024 + 1, NULL));

  g_autoptr (GString) many = g_string_new ("[0");
  for (unsigned i = 0; i < 200000; i++)
    g_string_append (many, ",0");
  g_string_append_c (many, ']');
  g_assert_null (air_json_parse (many->str, (gssize)many->len, NULL));
}

static void
test_values (void)
{
  g_autoptr (JsonNode) node
      = air_json_parse ("{\"i\":-7,\"d\":1.25,\"s\":\"\\u00e9\\ud83d\\ude00\",\"b\":true}", -1, NULL);
  JsonObject *object = json_node_get_object (node);
  g_assert_cmpint (json_object_get_int_member (object, "i"), ==, -7);
  g_assert_cmpfloat (json_object_get_double_member (object, "d"), ==, 1.25);
  g_assert_cmpstr (json_object_get_string_member (object, "s"), ==, "é😀");
  g_assert_true (json_object_get_boolean_member (object, "b"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json-guard/takes", test_takes);
  g_test_add_func ("/json-guard/refuses", test_refuses);
  g_test_add_func ("/json-guard/depth", test_depth);
  g_test_add_func ("/json-guard/size", test_size);
  g_test_add_func ("/json-guard/values", test_values);
  return g_test_run ();
}
