/* Request heads: what is taken, and every way in which two readers could disagree about one. */
#include <string.h>

#include "http/head.h"

static AirHead *
parse (const char *text, unsigned *ret_status)
{
  size_t from = 0;
  const char *reason = NULL;
  gssize length = air_head_find_end (text, strlen (text), &from);
  if (length < 0)
    *ret_status = 400;
  g_assert_cmpint (length, !=, 0);
  return length > 0 ? air_head_parse (text, (size_t)length, ret_status, &reason) : NULL;
}

static void
test_takes (void)
{
  unsigned status = 0;
  g_autoptr (AirHead) head
      = parse ("POST /live/a%20b/whep?jwt=x&y=%ED%95%9C HTTP/1.1\r\nHost: class.example:8000\r\n"
               "Content-Length: 12\r\nX-Empty:\r\nAccept:  text/html \t\r\nConnection: keep-alive, close\r\n\r\n",
               &status);
  g_assert_nonnull (head);
  g_assert_cmpstr (head->method, ==, "POST");
  g_assert_cmpstr (head->path, ==, "/live/a b/whep");
  g_assert_cmpstr (head->query, ==, "jwt=x&y=%ED%95%9C");
  g_assert_cmpstr (head->host, ==, "class.example:8000");
  g_assert_cmpint (head->content_length, ==, 12);
  g_assert_cmpstr (air_head_get (head, "accept"), ==, "text/html");
  g_assert_cmpstr (air_head_get (head, "x-empty"), ==, "");
  g_assert_null (air_head_get (head, "cookie"));
  g_assert_true (head->wants_close);
  g_assert_false (head->is_websocket);
}

static void
test_forms (void)
{
  unsigned status = 0;
  g_autoptr (AirHead) absolute = parse ("GET http://other/a?b HTTP/1.1\r\nHost: x\r\n\r\n", &status);
  g_assert_cmpstr (absolute->path, ==, "/a");
  g_autoptr (AirHead) escaped = parse ("GET /a%5C..%5Cb?c\\d HTTP/1.1\r\nHost: x\r\n\r\n", &status);
  g_assert_cmpstr (escaped->segments[0], ==, "a\\..\\b");
  g_assert_cmpstr (escaped->query, ==, "c\\d");
  g_autoptr (AirHead) star = parse ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", &status);
  g_assert_cmpstr (star->path, ==, "*");
  g_autoptr (AirHead) old = parse ("GET / HTTP/1.0\r\n\r\n", &status);
  g_assert_true (old->is_http_1_0 && old->wants_close);
  g_autoptr (AirHead) socket
      = parse ("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n", &status);
  g_assert_true (socket->is_websocket);
  g_autoptr (AirHead) chunked
      = parse ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nExpect: 100-continue\r\n\r\n", &status);
  g_assert_true (chunked->is_chunked && chunked->expects_continue);
}

static void
test_refuses (void)
{
  static const struct
  {
    const char *text;
    unsigned status;
  } heads[] = {
    { "GET / HTTP/1.1\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\nHost: a\n\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400 },
    { "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400 },
    { "GET /\r\n\r\n", 400 },
    { "G\tT / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a/..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /%0d%0aX:y HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501 },
    { "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      unsigned status = 0;
      g_autoptr (AirHead) head = parse (heads[i].text, &status);
      if (head != NULL || status != heads[i].status)
        g_test_message ("%s", heads[i].text);
      g_assert_null (head);
      g_assert_cmpuint (status, ==, heads[i].status);
    }
}

static void
test_too_many_fields (void)
{
  g_autoptr (GString) text = g_string_new ("GET / HTTP/1.1\r\nHost: a\r\n");
  for (unsigned i = 0; i < 200; i++)
    g_string_append_printf (text, "X-%u: y\r\n", i);
  g_string_append (text, "\r\n");
  unsigned status = 0;
  g_assert_null (parse (text->str, &status));
  g_assert_cmpuint (status, ==, 431);
}

/* A head in pieces is found at the same place as the head in one. */
static void
test_pieces (void)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next";
  size_t from = 0, length = strlen (text);
  gssize end = 0;
  for (size_t have = 1; have <= length && end == 0; have++)
    end = air_head_find_end (text, have, &from);
  g_assert_cmpint (end, ==, 27);
  from = 0;
  g_assert_cmpint (air_head_find_end ("GET /\0", 6, &from), ==, -1);
}

static void
test_chunk_sizes (void)
{
  static const struct
  {
    const char *line;
    bool is_good;
    uint64_t size;
  } lines[] = {
    { "0", true, 0 },    { "1aF", true, 0x1af }, { "5;name=value", true, 5 }, { "5 ;x", true, 5 },
    { "", false, 0 },    { "x", false, 0 },      { "-1", false, 0 },          { "0x5", false, 0 },
    { "5 5", false, 0 }, { " 5", false, 0 },     { "fffffffffff", false, 0 }, { ";x", false, 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      uint64_t size = 0;
      bool is_good = air_chunk_parse_size (lines[i].line, strlen (lines[i].line), &size);
      g_assert_cmpint (is_good, ==, lines[i].is_good);
      if (is_good)
        g_assert_cmpuint (size, ==, lines[i].size);
    }
}

/* Whatever comes, the parser ends and keeps its promises. */
static void
test_random (void)
{
  static const char *const pieces[] = { "GET ",      "/",
                                        " HTTP/1.1", "\r\n",
                                        "Host: a",   "Content-Length: 1",
                                        "%2e",       "%",
                                        ":",         " ",
                                        "?",         "Transfer-Encoding: chunked",
                                        "\t",        "..",
                                        "\xff",      "Connection: upgrade" };
  for (unsigned round = 0; round < 20000; round++)
    {
      g_autoptr (GString) text = g_string_new (g_test_rand_bit () ? "GET / HTTP/1.1\r\nHost: a\r\n" : "");
      int count = g_test_rand_int_range (0, 12);
      for (int i = 0; i < count; i++)
        g_string_append (text, pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))]);
      g_string_append (text, "\r\n\r\n");
      size_t from = 0;
      gssize length = air_head_find_end (text->str, text->len, &from);
      unsigned status = 0;
      const char *reason = NULL;
      g_autoptr (AirHead) head = length >= 4 ? air_head_parse (text->str, (size_t)length, &status, &reason) : NULL;
      if (head != NULL)
        {
          g_assert_true (head->path[0] == '/' || g_str_equal (head->path, "*"));
          g_assert_null (strstr (head->path, "/../"));
        }
      else if (length >= 4)
        g_assert_cmpuint (status, >=, 400);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/head/takes", test_takes);
  g_test_add_func ("/head/forms", test_forms);
  g_test_add_func ("/head/refuses", test_refuses);
  g_test_add_func ("/head/too-many-fields", test_too_many_fields);
  g_test_add_func ("/head/pieces", test_pieces);
  g_test_add_func ("/head/chunk-sizes", test_chunk_sizes);
  g_test_add_func ("/head/random", test_random);
  return g_test_run ();
}
