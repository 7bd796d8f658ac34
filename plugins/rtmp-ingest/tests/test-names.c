/* Paths and credentials from app, tcUrl and stream name, in the forms that publishers use. */
#include "stream-name.h"

typedef struct
{
  const char *app, *tc_url, *name;
  const char *path, *key, *token, *user, *password;
} Case;

static void
test_forms (void)
{
  static const Case cases[] = {
    { "live", "rtmp://host/live", "stream", "live/stream" },
    { "live/", "rtmp://host/live/", "/stream/", "live/stream" },
    { "live", NULL, NULL, "live/live" },
    { "stream", "rtmp://host/stream", "", "live/stream" }, /* OBS with an empty key */
    { "", "rtmp://host/", "stream", "live/stream" },
    { "a/b", NULL, "c", "a/b/c" },
    { "a", NULL, "b/c", "a/b/c" },
    { "live", NULL, "mp4:stream", "live/stream" },
    { "live", NULL, "stream?key=abc", "live/stream", "abc" },
    { "live", NULL, "stream?x=1&key=a%2Bb&jwt=t.t.t", "live/stream", "a+b", "t.t.t" },
    { "live?key=abc", "rtmp://host/live?key=abc", "stream", "live/stream", "abc" }, /* HaishinKit */
    { "live", "rtmp://host/live?token=t", "stream", "live/stream", NULL, "t" },
    { "live", NULL, "stream?user=u&pass=p", "live/stream", NULL, NULL, "u", "p" },
    { "live", "rtmp://u:p%40@host/live", "stream", "live/stream", NULL, NULL, "u", "p@" },
    { "live?key=first", NULL, "stream?key=second", "live/stream", "second" },
    { "live?a?key=k", NULL, "stream", "live/stream", "k" },
    { "live", NULL, "stream?key", "live/stream" },
    { "live", NULL, "stream?key=%ff", "live/stream", "%ff" },
    { "", NULL, "", NULL },
    { "?key=k", NULL, "/", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const Case *expected = &cases[i];
      g_autoptr (StreamName) name = stream_name_parse (expected->app, expected->tc_url, expected->name, "live");
      g_assert_cmpint (name != NULL, ==, expected->path != NULL);
      if (!name)
        continue;
      g_assert_cmpstr (name->path, ==, expected->path);
      g_assert_cmpstr (name->key, ==, expected->key);
      g_assert_cmpstr (name->token, ==, expected->token);
      g_assert_cmpstr (name->user, ==, expected->user);
      g_assert_cmpstr (name->password, ==, expected->password);
    }
}

static void
test_no_default_app (void)
{
  g_autoptr (StreamName) name = stream_name_parse ("stream", NULL, "", "");
  g_assert_cmpstr (name->path, ==, "stream");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtmp/names/forms", test_forms);
  g_test_add_func ("/rtmp/names/no-default-app", test_no_default_app);
  return g_test_run ();
}
