/* What the server makes: QR codes, problems, compressed forms, certificates; and every schema of the interface loads.
 */
#include <airclass/error.h>
#include <airclass/http.h>
#include <glib/gstdio.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>

#include <airclass/json.h>
#include "http/api-document.h"
#include "http/compress.h"
#include "http/hosts.h"
#include "http/problem.h"
#include "http/tls.h"

static const char *schema_folder;

static void
test_schemas_load (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirApiDocument) document = air_api_document_new (schema_folder, &error);
  g_assert_no_error (error);
  g_autofree char *path = g_build_filename (schema_folder, "openapi.json", NULL);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_autoptr (JsonNode) root = air_json_parse (text, -1, NULL);
  JsonObject *components = json_object_get_object_member (json_node_get_object (root), "components");
  g_autoptr (GList) names = json_object_get_members (json_object_get_object_member (components, "schemas"));
  for (GList *each = names; each != NULL; each = each->next)
    {
      AirSchema *schema = air_api_document_get_schema (document, each->data, &error);
      g_assert_no_error (error);
      g_assert_nonnull (schema);
    }
  g_assert_null (air_api_document_get_schema (document, "Nothing", &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND);
}

static void
test_document_follows_routes (void)
{
  g_autoptr (AirApiDocument) document = air_api_document_new (schema_folder, NULL);
  AirRouter *router = air_router_new ();
  AirRoute known = { .method = "POST", .template = "/api/token" };
  AirRoute unknown = {
    .method = "PUT", .template = "/x/{name}", .summary = "An <x>", .role = AIR_ROLE_TEACHER, .body = AIR_BODY_RAW
  };
  air_router_add (router, NULL, "auth", &known, NULL, NULL);
  air_router_add (router, NULL, "thing", &unknown, NULL, NULL);
  g_autoptr (JsonNode) node = air_api_document_describe (document, air_router_get_entries (router));
  JsonObject *paths = json_object_get_object_member (json_node_get_object (node), "paths");
  g_assert_cmpuint (json_object_get_size (paths), ==, 2);
  JsonObject *token = json_object_get_object_member (json_object_get_object_member (paths, "/api/token"), "post");
  g_assert_true (json_object_has_member (token, "operationId"));
  JsonObject *made = json_object_get_object_member (json_object_get_object_member (paths, "/x/{name}"), "put");
  g_assert_true (json_object_has_member (json_object_get_object_member (made, "responses"), "401"));
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (made, "parameters")), ==, 1);
  g_autofree char *page = air_api_page_build (node);
  g_assert_nonnull (strstr (page, "An &lt;x&gt;"));
  air_router_free (router);
}

static void
test_qr (void)
{
  g_autofree char *svg = air_qr_to_svg ("https://class.example/student");
  g_assert_true (g_str_has_prefix (svg, "<svg "));
  g_assert_null (air_qr_to_svg (""));
  g_autofree char *long_text = g_strnfill (5000, 'x');
  g_assert_null (air_qr_to_svg (long_text));
}

static void
test_problem (void)
{
  g_autofree char *text = air_problem_to_json (404, "not-found", "no \"such\" \xff thing");
  g_autoptr (JsonNode) node = air_json_parse (text, -1, NULL);
  JsonObject *object = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, "/problems/not-found");
  g_assert_cmpstr (json_object_get_string_member (object, "title"), ==, "Not Found");
  g_assert_cmpint (json_object_get_int_member (object, "status"), ==, 404);
  g_assert_cmpstr (air_status_slug (599), ==, "error");
}

static void
test_compress (void)
{
  g_autofree char *text = g_strnfill (10000, 'a');
  g_autoptr (GBytes) bytes = g_bytes_new (text, 10000);
  g_autoptr (GBytes) gzip = air_compress (bytes, AIR_CODING_GZIP);
  g_autoptr (GBytes) brotli = air_compress (bytes, AIR_CODING_BROTLI);
  g_assert_cmpuint (g_bytes_get_size (gzip), <, 200);
  g_assert_cmpuint (g_bytes_get_size (brotli), <, 200);
  g_autoptr (GConverter) unpack = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  char *into = g_malloc (10001);
  gsize read = 0, written = 0;
  g_assert_cmpint (g_converter_convert (unpack, g_bytes_get_data (gzip, NULL), g_bytes_get_size (gzip), into, 10001,
                                        G_CONVERTER_INPUT_AT_END, &read, &written, NULL),
                   ==, G_CONVERTER_FINISHED);
  g_assert_cmpmem (into, written, text, 10000);
  g_free (into);

  g_autoptr (GBytes) small = g_bytes_new_static ("short", 5);
  g_assert_null (air_compress (small, AIR_CODING_GZIP));
}

static void
test_certificate (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("air-tls-XXXXXX", NULL);
  g_autofree char *certificate = g_build_filename (folder, "certificate.pem", NULL);
  g_autofree char *key = g_build_filename (folder, "key.pem", NULL);
  g_autofree char *first = NULL, *second = NULL, *third = NULL;
  const char *const hosts[] = { "192.0.2.7", "class.example", "2001:db8::1", NULL }, *const more[]
                                                                                     = { "192.0.2.8", NULL };
  struct stat status;

  g_assert_true (air_tls_make_self_signed (folder, hosts, &error));
  g_assert_no_error (error);
  g_assert_cmpint (stat (key, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  g_assert_true (g_file_get_contents (certificate, &first, NULL, NULL));
  /* It stays as long as it is good, and is made anew for other names. */
  g_assert_true (air_tls_make_self_signed (folder, hosts, &error));
  g_assert_true (g_file_get_contents (certificate, &second, NULL, NULL));
  g_assert_cmpstr (first, ==, second);
  g_autoptr (AirTls) tls = air_tls_new (certificate, key, &error);
  g_assert_no_error (error);
  SSL_CTX *before = air_tls_get_context (tls);
  air_tls_refresh (tls);
  g_assert_true (air_tls_get_context (tls) == before);
  g_assert_true (air_tls_make_self_signed (folder, more, &error));
  g_assert_true (g_file_get_contents (certificate, &third, NULL, NULL));
  g_assert_cmpstr (first, !=, third);
  g_test_expect_message ("air-http", G_LOG_LEVEL_MESSAGE, "*renewed*");
  air_tls_refresh (tls);
  g_autoptr (GTlsCertificate) shown = air_tls_get_certificate (tls);
  g_autofree char *pem = NULL;
  g_object_get (shown, "certificate-pem", &pem, NULL);
  g_assert_cmpstr (pem, ==, third);

  /* A broken file is told and changes nothing. */
  g_assert_true (g_file_set_contents (certificate, "no certificate", -1, NULL));
  g_test_expect_message ("air-http", G_LOG_LEVEL_WARNING, "*is not used*");
  air_tls_refresh (tls);
  g_test_assert_expected_messages ();
  g_assert_nonnull (air_tls_get_context (tls));
  g_assert_null (air_tls_new (certificate, key, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
  g_unlink (certificate);
  g_unlink (key);
  g_rmdir (folder);
}

static void
test_hosts (void)
{
  g_auto (GStrv) hosts = air_hosts_list ("https://class.example:8443/");
  g_assert_cmpstr (hosts[0], ==, "class.example");
  g_assert_true (g_strv_contains ((const char *const *)hosts, "127.0.0.1"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  schema_folder = g_getenv ("AIRCLASS_CORE_SCHEMA_DIR");
  g_test_add_func ("/documents/schemas-load", test_schemas_load);
  g_test_add_func ("/documents/document-follows-routes", test_document_follows_routes);
  g_test_add_func ("/documents/qr", test_qr);
  g_test_add_func ("/documents/problem", test_problem);
  g_test_add_func ("/documents/compress", test_compress);
  g_test_add_func ("/documents/certificate", test_certificate);
  g_test_add_func ("/documents/hosts", test_hosts);
  return g_test_run ();
}
