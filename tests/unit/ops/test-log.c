/* One line an entry, no secrets, and no flood. */
#include "ops/log.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "ops/log-limiter.h"
#include "ops/log-scrub.h"

static void
check (const char *text, const char *expected)
{
  g_autofree char *scrubbed = air_log_scrub (text, -1);
  g_assert_cmpstr (scrubbed, ==, expected);
}

static void
test_control_characters (void)
{
  check ("a\r\nERROR forged: b\n", "a\\r\\nERROR forged: b");
  check ("\x1b[2Jcleared\x7f", "\\x1b[2Jcleared\\x7f");
  check ("broken \xff\xfe utf-8", "broken \\xff\\xfe utf-8");
  check ("turned \xe2\x80\xae txt", "turned \\u{202e} txt");
  check ("line\xe2\x80\xa8separator", "line\\u{2028}separator");
  check ("한국어 \"quoted\"", "한국어 \"quoted\"");
  g_autofree char *counted = air_log_scrub ("with\0nul", 8);
  g_assert_cmpstr (counted, ==, "with\\x00nul");
}

static void
test_secret_patterns (void)
{
  check ("POST /live/a/whep?jwt=abc.def.ghi&x=1", "POST /live/a/whep?jwt=***&x=1");
  check ("publish \"stream?key=S3cret-key\" refused", "publish \"stream?key=***\" refused");
  check ("stream_key=abcdef, next", "stream_key=***, next");
  check ("Authorization: Bearer abcd.efgh-ijkl", "Authorization: Bearer ***");
  check ("authorization: basic dXNlcjpwYXNz", "authorization: basic ***");
  check ("rtmp://teacher:hunter22@host/live", "rtmp://teacher:***@host/live");
  check ("mongodb://a:p%40ss@db:27017/x", "mongodb://a:***@db:27017/x");
  check ("{\"user\":\"a\",\"password\":\"hunter 2\"}", "{\"user\":\"a\",\"password\":\"***\"}");
  check ("{\"token\": \"abc\"}", "{\"token\": \"***\"}");
  check ("saw eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln here", "saw *** here");
  check ("saw eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0. here", "saw *** here");
  /* What is no secret stays. */
  check ("keyframe interval 2 s, http://host:8000/student", "keyframe interval 2 s, http://host:8000/student");
  check ("http://[::1]:8000/a@b", "http://[::1]:8000/a@b");
}

static void
test_registered_secrets (void)
{
  air_log_add_secret ("pa ss/word");
  air_log_add_secret ("abc");
  check ("it is pa ss/word, or pa%20ss%2Fword", "it is ***, or ***");
  check ("abc is too short", "abc is too short");
}

static void
test_long_message (void)
{
  g_autofree char *text = g_strnfill (100000, 'x');
  g_autofree char *scrubbed = air_log_scrub (text, -1);
  g_assert_cmpuint (strlen (scrubbed), <=, AIR_LOG_MAX_MESSAGE_BYTES);
  g_assert_true (g_str_has_suffix (scrubbed, "…"));

  GString *wide = g_string_new (NULL);
  for (int i = 0; i < 5000; i++)
    g_string_append (wide, "한");
  g_autofree char *cut = air_log_scrub (wide->str, -1);
  g_assert_true (g_utf8_validate (cut, -1, NULL));
  g_string_free (wide, TRUE);
}

static void
test_formats (void)
{
  const int64_t at_us = 1790000000123456;
  g_autofree char *text = air_log_format_line (AIR_LOG_TEXT, G_LOG_LEVEL_WARNING, "air-http", "it \"broke\"\n", at_us);
  g_assert_cmpstr (text, ==, "2026-09-21T14:13:20.123Z warning air-http: it \"broke\"\n");

  g_autofree char *json = air_log_format_line (AIR_LOG_JSON, G_LOG_LEVEL_INFO, "air-http", "it \"broke\" \\ \x01", at_us);
  g_assert_true (strchr (json, '\n') == json + strlen (json) - 1);
  g_autoptr (JsonNode) node = json_from_string (json, NULL);
  JsonObject *object = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (object, "at"), ==, "2026-09-21T14:13:20.123Z");
  g_assert_cmpstr (json_object_get_string_member (object, "level"), ==, "info");
  g_assert_cmpstr (json_object_get_string_member (object, "domain"), ==, "air-http");
  g_assert_cmpstr (json_object_get_string_member (object, "message"), ==, "it \"broke\" \\ \\x01");
}

static void
test_flood (void)
{
  AirLogLimiter *limiter = air_log_limiter_new ();
  int64_t now_us = 1000;
  unsigned passed = 0;
  uint64_t left_out = 0;
  for (unsigned i = 0; i < 10000; i++)
    {
      g_autofree char *message = g_strdup_printf ("refused \"user-%u\" from 10.0.%u.%u", i, i % 256, i % 250);
      passed += air_log_limiter_pass (limiter, "air-rtmp-ingest", message, now_us, &left_out);
    }
  g_assert_cmpuint (passed, ==, 20);
  /* Another kind goes on. */
  g_assert_true (air_log_limiter_pass (limiter, "air-rtmp-ingest", "listening", now_us, &left_out));
  /* Later one comes again, and tells how many did not. */
  now_us += 2 * G_USEC_PER_SEC;
  g_assert_true (air_log_limiter_pass (limiter, "air-rtmp-ingest", "refused \"x\" from 10.0.0.1", now_us, &left_out));
  g_assert_cmpuint (left_out, ==, 10000 - 20);
  air_log_limiter_free (limiter);
}

static void
test_varied_flood (void)
{
  AirLogLimiter *limiter = air_log_limiter_new ();
  unsigned passed = 0;
  uint64_t left_out = 0;
  for (unsigned i = 0; i < 20000; i++)
    {
      char message[16] = "unquoted ";
      for (unsigned digit = 0, rest = i; digit < 4; digit++, rest /= 26)
        message[9 + digit] = (char) ('a' + rest % 26);
      passed += air_log_limiter_pass (limiter, "air-http", message, 1000, &left_out);
    }
  g_assert_cmpuint (passed, <=, 600);
  air_log_limiter_free (limiter);
}

static void
test_quiet_kinds_are_reported (void)
{
  AirLogLimiter *limiter = air_log_limiter_new ();
  uint64_t left_out = 0;
  int64_t now_us = 1000;
  for (unsigned i = 0; i < 30; i++)
    air_log_limiter_pass (limiter, "air-http", "the same", now_us, &left_out);
  g_autofree char *domain = NULL;
  g_assert_null (air_log_limiter_take_quiet (limiter, now_us, &domain, &left_out));
  now_us += 11 * G_USEC_PER_SEC;
  g_autofree char *sample = air_log_limiter_take_quiet (limiter, now_us, &domain, &left_out);
  g_assert_cmpstr (sample, ==, "the same");
  g_assert_cmpstr (domain, ==, "air-http");
  g_assert_cmpuint (left_out, ==, 10);
  g_autofree char *again = NULL;
  g_assert_null (air_log_limiter_take_quiet (limiter, now_us, &again, &left_out));
  air_log_limiter_free (limiter);
}

static void
test_writer (void)
{
  if (g_test_subprocess ())
    {
      air_log_setup (AIR_LOG_JSON, G_LOG_LEVEL_INFO);
      g_log ("air-a", G_LOG_LEVEL_INFO, "key=%s \nsecond", "hidden1");
      g_log ("air-a", G_LOG_LEVEL_DEBUG, "too detailed");
      air_log_setup (AIR_LOG_TEXT, G_LOG_LEVEL_DEBUG);
      g_log_structured ("air-b", G_LOG_LEVEL_DEBUG, "MESSAGE", "%s", "detailed");
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*\"domain\":\"air-a\",\"message\":\"key=*** \\\\nsecond\"}\n*debug   air-b: detailed\n*");
  g_test_trap_assert_stderr_unmatched ("*too detailed*");
  g_test_trap_assert_stderr_unmatched ("*hidden1*");
}

static void
test_errors_end_the_process (void)
{
  if (g_test_subprocess ())
    {
      air_log_setup (AIR_LOG_TEXT, G_LOG_LEVEL_CRITICAL);
      g_log_structured ("air-a", G_LOG_LEVEL_ERROR, "MESSAGE", "%s", "cannot go on");
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*error   air-a: cannot go on*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/log/control-characters", test_control_characters);
  g_test_add_func ("/log/secret-patterns", test_secret_patterns);
  g_test_add_func ("/log/registered-secrets", test_registered_secrets);
  g_test_add_func ("/log/long-message", test_long_message);
  g_test_add_func ("/log/formats", test_formats);
  g_test_add_func ("/log/flood", test_flood);
  g_test_add_func ("/log/varied-flood", test_varied_flood);
  g_test_add_func ("/log/quiet-kinds-are-reported", test_quiet_kinds_are_reported);
  g_test_add_func ("/log/writer", test_writer);
  g_test_add_func ("/log/errors-end-the-process", test_errors_end_the_process);
  return g_test_run ();
}
