/* What a teacher types into OBS. */
#include "auth/ingest.h"

static void
assert_hosts (const char *base_url, const char *const *public_hosts, const char *expected)
{
  g_autoptr (GPtrArray) hosts = air_ingest_list_hosts (base_url, public_hosts);
  g_ptr_array_add (hosts, NULL);
  g_autofree char *joined = g_strjoinv (" ", (char **)hosts->pdata);
  g_assert_cmpstr (joined, ==, expected);
}

static void
test_hosts (void)
{
  const char *const public_hosts[] = { "192.168.0.7", "class.local", NULL };
  assert_hosts ("http://class.example:8000", public_hosts, "class.example 192.168.0.7 class.local");
  assert_hosts ("http://192.168.0.7:8000", public_hosts, "192.168.0.7 class.local");
  /* A phone cannot use the name by which this machine calls itself. */
  assert_hosts ("http://localhost:8000", public_hosts, "192.168.0.7 class.local localhost");
  assert_hosts ("http://127.0.0.1:8000", NULL, "127.0.0.1");
  assert_hosts ("http://[fe80::1]:8000", (const char *const[]){ "127.0.0.1", NULL }, "fe80::1");
  assert_hosts ("nonsense", public_hosts, "192.168.0.7 class.local");
  assert_hosts ("http://a", (const char *const[]){ "b", "c", "d", "e", "f", NULL }, "a b c d");
}

static void
assert_ingest (const char *path, const char *host, const char *expected)
{
  g_autoptr (GPtrArray) hosts = g_ptr_array_new ();
  g_ptr_array_add (hosts, (char *)host);
  g_autoptr (GArray) rtmp = g_array_new (FALSE, FALSE, sizeof (unsigned));
  g_autoptr (GArray) rtmps = g_array_new (FALSE, FALSE, sizeof (unsigned));
  unsigned ports[] = { 1935, 1936 };
  g_array_append_val (rtmp, ports[0]);
  g_array_append_val (rtmps, ports[1]);
  AirIngest ingest = { path, "k&y", hosts, rtmp, rtmps };
  g_autoptr (JsonNode) node = air_ingest_describe (&ingest);
  g_autofree char *text = json_to_string (node, FALSE);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_describe (void)
{
  assert_ingest (
      "live/stream", "host",
      "{\"path\":\"live/stream\",\"rtmp_urls\":[\"rtmp://host:1935/live\"],"
      "\"rtmps_urls\":[\"rtmps://host:1936/live\"],\"stream_key\":\"stream?key=k%26y\","
      "\"full_urls\":[\"rtmp://host:1935/live/stream?key=k%26y\",\"rtmps://host:1936/live/stream?key=k%26y\"]}");
  assert_ingest ("alone", "2001:db8::1",
                 "{\"path\":\"alone\",\"rtmp_urls\":[\"rtmp://[2001:db8::1]:1935/\"],"
                 "\"rtmps_urls\":[\"rtmps://[2001:db8::1]:1936/\"],\"stream_key\":\"alone?key=k%26y\","
                 "\"full_urls\":[\"rtmp://[2001:db8::1]:1935/alone?key=k%26y\","
                 "\"rtmps://[2001:db8::1]:1936/alone?key=k%26y\"]}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ingest/hosts", test_hosts);
  g_test_add_func ("/ingest/describe", test_describe);
  return g_test_run ();
}
