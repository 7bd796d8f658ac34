/* The JSON Schema validator: the official test suite for the keywords that it takes, its own strictness, its limits. */
#include <airclass/error.h>
#include <airclass/http.h>

#include <airclass/json.h>

#define SUITE "/usr/share/json-schema-test-suite/tests/draft7"

/* Debian's suite ends with draft 7; for these keywords 2020-12 says the same. */
static const char *const files[] = {
  "additionalProperties",
  "allOf",
  "anyOf",
  "boolean_schema",
  "const",
  "contains",
  "default",
  "enum",
  "exclusiveMaximum",
  "exclusiveMinimum",
  "if-then-else",
  "items",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "minItems",
  "minLength",
  "minProperties",
  "minimum",
  "multipleOf",
  "not",
  "oneOf",
  "pattern",
  "patternProperties",
  "properties",
  "propertyNames",
  "ref",
  "required",
  "type",
  "uniqueItems",
};

/* Groups whose schema uses what draft 7 had and 2020-12 (or our subset) has not. */
static bool
is_of_draft7 (const char *description)
{
  static const char *const others[] = {
    "an array of schemas for items",
    "items and subitems",
    "items with boolean schemas",
    "ref overrides any sibling keywords",
    "remote ref",
    "Recursive references between schemas",
    "refs with quote",
    "Location-independent identifier",
    "$ref to boolean schema",
    "nested refs",
    "Reference to an",
    "escaped pointer ref",
    "relative pointer ref to array",
    "property named $ref, containing an actual $ref",
    "$id",
    "definitions",
    "array of items",
    "non-schema object containing",
    "uniqueItems with an array of items",
    "uniqueItems=false with an array of items",
    "prefixItems",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    if (strstr (description, others[i]) != NULL)
      return true;
  return false;
}

/* Returns the number of tests that were run. */
static unsigned
run_group (const char *file, JsonObject *group)
{
  const char *description = json_object_get_string_member (group, "description");
  g_autoptr (AirSchemas) schemas = air_schemas_new (json_object_get_member (group, "schema"));
  g_autoptr (GError) error = NULL;
  AirSchema *schema = air_schemas_get (schemas, "#", &error);
  if (schema == NULL)
    {
      g_test_message ("%s: %s: %s", file, description, error->message);
      g_assert_true (is_of_draft7 (description));
      return 0;
    }
  if (g_str_equal (description, "ref overrides any sibling keywords"))
    return 0;
  JsonArray *tests = json_object_get_array_member (group, "tests");
  for (unsigned i = 0; i < json_array_get_length (tests); i++)
    {
      JsonObject *test = json_array_get_object_element (tests, i);
      bool is_valid = air_schema_check (schema, json_object_get_member (test, "data"), NULL);
      if (is_valid != json_object_get_boolean_member (test, "valid"))
        g_error ("%s: %s: %s", file, description, json_object_get_string_member (test, "description"));
    }
  return json_array_get_length (tests);
}

static void
test_suite (gconstpointer data)
{
  const char *name = data;
  g_autofree char *path = g_strdup_printf (SUITE "/%s.json", name);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    {
      g_test_skip ("the package json-schema-test-suite is not installed");
      return;
    }
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_assert_true (json_parser_load_from_data (parser, text, -1, NULL));
  JsonArray *groups = json_node_get_array (json_parser_get_root (parser));
  unsigned run = 0;
  for (unsigned i = 0; i < json_array_get_length (groups); i++)
    run += run_group (name, json_array_get_object_element (groups, i));
  g_assert_cmpuint (run, >, 0);
  g_test_message ("%s: %u tests", name, run);
}

static AirSchema *
load (AirSchemas **ret_schemas, const char *text, GError **error)
{
  g_autoptr (JsonNode) document = air_json_parse (text, -1, NULL);
  g_assert_nonnull (document);
  *ret_schemas = air_schemas_new (document);
  return air_schemas_get (*ret_schemas, "#", error);
}

static void
test_unknown_keyword (void)
{
  static const char *const texts[] = {
    "{\"maxlength\":3}",
    "{\"properties\":{\"a\":{\"dependencies\":{}}}}",
    "{\"items\":[{}]}",
    "{\"$ref\":\"http://example.org/\"}",
    "{\"$ref\":\"#/nowhere\"}",
    "{\"type\":\"strng\"}",
    "{\"pattern\":\"(\"}",
    "{\"pattern\":\"(?<=a)b\"}",
    "{\"minLength\":-1}",
    "{\"anyOf\":[]}",
    "{\"multipleOf\":0}",
    "3",
    "{\"unevaluatedProperties\":false}",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (AirSchemas) schemas = NULL;
      g_autoptr (GError) error = NULL;
      g_assert_null (load (&schemas, texts[i], &error));
      g_assert_nonnull (error);
      g_assert_true (error->domain == AIR_ERROR);
    }
}

static void
test_broken_stays_broken (void)
{
  g_autoptr (AirSchemas) schemas = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_null (load (&schemas, "{\"properties\":{\"b\":{\"$ref\":\"#\"}},\"bad\":1}", &error));
  g_assert_null (air_schemas_get (schemas, "#", NULL));
}

static void
assert_fault (const char *schema_text, const char *instance_text, const char *expected)
{
  g_autoptr (AirSchemas) schemas = NULL;
  g_autoptr (GError) error = NULL;
  AirSchema *schema = load (&schemas, schema_text, &error);
  g_assert_no_error (error);
  g_autoptr (JsonNode) instance = air_json_parse (instance_text, -1, NULL);
  g_assert_false (air_schema_check (schema, instance, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, expected);
}

static void
test_faults_name_the_place (void)
{
  assert_fault ("{\"required\":[\"a\"]}", "{}", "the body: 'a' is missing");
  assert_fault ("{\"properties\":{\"a\":{\"items\":{\"maxLength\":1}}}}", "{\"a\":[\"x\",\"xy\"]}",
                "/a/1: is too long");
  assert_fault ("{\"additionalProperties\":false}", "{\"b\":1}", "the body: 'b' is not known");
  assert_fault ("{\"minimum\":3}", "2", "the body: must be at least 3");
}

static void
test_patterns (void)
{
  g_autoptr (AirSchemas) schemas = NULL;
  AirSchema *schema = load (&schemas, "{\"pattern\":\"^\\\\d+$\"}", NULL);
  g_autoptr (JsonNode) good = air_json_parse ("\"12\"", -1, NULL);
  g_autoptr (JsonNode) newline = air_json_parse ("\"12\\n\"", -1, NULL);
  g_autoptr (JsonNode) arabic = air_json_parse ("\"١٢\"", -1, NULL);
  g_assert_true (air_schema_check (schema, good, NULL));
  g_assert_false (air_schema_check (schema, newline, NULL));
  g_assert_false (air_schema_check (schema, arabic, NULL));
}

static void
test_limits (void)
{
  /* A pattern that backtracks without end, a schema that refers to itself, and a million comparisons all end. */
  g_autoptr (AirSchemas) slow = NULL, endless = NULL, unique = NULL, negated = NULL;
  g_autofree char *as = g_strnfill (5000, 'a');
  g_autofree char *text = g_strdup_printf ("\"%s!\"", as);
  g_autoptr (JsonNode) long_text = air_json_parse (text, -1, NULL);
  g_assert_false (air_schema_check (load (&slow, "{\"pattern\":\"^(a+)+$\"}", NULL), long_text, NULL));
  g_assert_false (air_schema_check (load (&endless, "{\"$ref\":\"#\"}", NULL), long_text, NULL));
  g_assert_false (
      air_schema_check (load (&negated, "{\"not\":{\"allOf\":[{\"$ref\":\"#/not\"}]}}", NULL), long_text, NULL));

  g_autoptr (GString) numbers = g_string_new ("[0");
  for (unsigned i = 1; i < 20000; i++)
    g_string_append_printf (numbers, ",%u", i);
  g_string_append_c (numbers, ']');
  g_autoptr (JsonNode) array = air_json_parse (numbers->str, -1, NULL);
  g_assert_false (air_schema_check (load (&unique, "{\"uniqueItems\":true}", NULL), array, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_strdup_printf ("/json-schema/suite/%s", files[i]);
      g_test_add_data_func (path, files[i], test_suite);
    }
  g_test_add_func ("/json-schema/unknown-keyword", test_unknown_keyword);
  g_test_add_func ("/json-schema/broken-stays-broken", test_broken_stays_broken);
  g_test_add_func ("/json-schema/faults-name-the-place", test_faults_name_the_place);
  g_test_add_func ("/json-schema/patterns", test_patterns);
  g_test_add_func ("/json-schema/limits", test_limits);
  return g_test_run ();
}
