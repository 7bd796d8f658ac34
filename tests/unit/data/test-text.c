/* Names and messages of strangers, cleaned. */
#include <airclass/text.h>

#include <string.h>

typedef struct
{
  const char *given, *expected; /* NULL: refused */
} Case;

static void
check (AirTextShape shape, const Case *cases, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    {
      g_autofree char *clean = air_text_clean (cases[i].given, shape, 64);
      g_assert_cmpstr (clean, ==, cases[i].expected);
      /* What is clean stays as it is: names in tokens are held against this. */
      g_autofree char *again = air_text_clean (clean, shape, 64);
      g_assert_cmpstr (again, ==, clean);
    }
}

static void
test_lines (void)
{
  static const Case cases[] = {
    { "김민지", "김민지" },
    { "  a \t b\n", "a b" },
    { "<b>&amp;</b>", "<b>&amp;</b>" },
    { "a\u202eb\u2066c\u200fd", "abcd" },
    { "x\r\nSet-Cookie: y", "x Set-Cookie: y" },
    { "\x07" "a\xc2\x85", "a" },
    { "\u1112\u1161\u11ab", "한" }, /* composed */
    { "👩\u200d🏫", "👩\u200d🏫" },
    { "e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "é\u0301\u0301\u0301\u0301\u0301\u0301" },
    { "", NULL },
    { NULL, NULL },
    { " \u200b\u202e", NULL },
    { "\u3164\u2800", NULL },
    { "\u200d\u0301", NULL },
    { "\xff", NULL },
  };
  check (AIR_TEXT_LINE, cases, G_N_ELEMENTS (cases));
}

static void
test_blocks (void)
{
  static const Case cases[] = {
    { "a\nb\r\n\n\n\n\n\nc  d\n", "a\nb\n\n\nc d" },
    { "\n\na\u2028b", "a\nb" },
  };
  check (AIR_TEXT_BLOCK, cases, G_N_ELEMENTS (cases));
}

static void
test_length (void)
{
  /* Characters, not bytes. */
  g_autoptr (GString) text = g_string_new (NULL);
  for (unsigned i = 0; i < 64; i++)
    g_string_append (text, "가");
  g_autofree char *fits = air_text_clean (text->str, AIR_TEXT_LINE, 64);
  g_assert_cmpstr (fits, ==, text->str);
  g_string_append (text, "a");
  g_assert_null (air_text_clean (text->str, AIR_TEXT_LINE, 64));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/lines", test_lines);
  g_test_add_func ("/text/blocks", test_blocks);
  g_test_add_func ("/text/length", test_length);
  return g_test_run ();
}
