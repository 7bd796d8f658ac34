/* The three steps of authmod=adobe, with a client of the test's own. */
#include <string.h>

#include "adobe-auth.h"
#include "stream-name.h"

#define SECRET "stream-key-of-the-test"
#define SECOND G_USEC_PER_SEC

/* The value of @name in the description of a rejection. */
static char *
get_parameter (const char *description, const char *name)
{
  g_autofree char *begin = g_strdup_printf ("&%s=", name);
  const char *at = strstr (description, begin);
  g_assert_nonnull (at);
  at += strlen (begin);
  return g_strndup (at, strcspn (at, "&"));
}

static char *
md5_base64 (const char *text)
{
  uint8_t bytes[16];
  g_autofree char *hex = g_compute_checksum_for_string (G_CHECKSUM_MD5, text, -1);
  for (unsigned i = 0; i < sizeof bytes; i++)
    bytes[i] = g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]);
  return g_base64_encode (bytes, sizeof bytes);
}

/* What a client sends the third time. */
static AdobeProof *
answer (const char *question, const char *user, const char *password)
{
  g_autofree char *salt = get_parameter (question, "salt");
  g_autofree char *opaque = get_parameter (question, "opaque");
  g_autofree char *first_text = g_strconcat (user, salt, password, NULL);
  g_autofree char *first = md5_base64 (first_text);
  g_autofree char *second_text = g_strconcat (first, opaque, "0badcafe", NULL);
  g_autofree char *response = md5_base64 (second_text);
  g_autofree char *app = g_strdup_printf ("live?authmod=adobe&user=%s&challenge=0badcafe&response=%s&opaque=%s", user,
                                          response, opaque);
  g_autoptr (StreamName) name = stream_name_parse_connect (app, NULL);
  g_assert_cmpstr (name->authmod, ==, "adobe");
  return adobe_proof_new (name->user, name->raw_user, name->challenge, name->response, name->opaque);
}

static void
test_right_and_wrong (void)
{
  g_autoptr (AdobeAuth) auth = adobe_auth_new ();
  g_autofree char *question = adobe_auth_ask (auth, "te%40cher", 0);
  g_assert_nonnull (strstr (question, "authmod=adobe"));
  g_assert_nonnull (strstr (question, "?reason=needauth&user=te%40cher&"));
  g_assert_null (strstr (question, "code=403"));
  g_autofree char *challenge = get_parameter (question, "challenge"), *opaque = get_parameter (question, "opaque");
  g_assert_cmpstr (challenge, ==, opaque);
  g_autoptr (AdobeProof) proof = answer (question, "te%40cher", SECRET);
  g_assert_cmpstr (proof->user, ==, "te@cher");
  g_assert_false (adobe_proof_fits (proof, "another key"));
  g_assert_false (proof->fits);
  g_assert_true (adobe_proof_fits (proof, SECRET));
  g_assert_false (adobe_proof_fits (proof, ""));
  g_assert_true (proof->fits);
  /* A client that digests the name before it writes it into the query. */
  g_autoptr (AdobeProof) decoded = answer (question, "te@cher", SECRET);
  g_free (decoded->raw_user);
  decoded->raw_user = g_strdup ("te%40cher");
  g_assert_true (adobe_proof_fits (decoded, SECRET));
}

static void
test_single_use_and_age (void)
{
  g_autoptr (AdobeAuth) auth = adobe_auth_new ();
  g_autoptr (AdobeAuth) other = adobe_auth_new ();
  const int64_t begin = 4294967290 * SECOND; /* the seconds wrap soon */
  g_autofree char *question = adobe_auth_ask (auth, "kim", begin);
  g_autofree char *opaque = get_parameter (question, "opaque");
  g_assert_true (adobe_auth_is_open (auth, opaque, begin));
  g_assert_true (adobe_auth_is_open (auth, opaque, begin + ADOBE_LIFETIME_S * SECOND));
  g_assert_false (adobe_auth_is_open (auth, opaque, begin + (ADOBE_LIFETIME_S + 1) * SECOND));
  g_assert_false (adobe_auth_is_open (other, opaque, begin));
  g_assert_true (adobe_auth_spend (auth, opaque, begin));
  g_assert_false (adobe_auth_spend (auth, opaque, begin + 1));
  g_assert_false (adobe_auth_is_open (auth, opaque, begin + 1));
  /* Also when it has been forgotten. */
  g_assert_false (adobe_auth_spend (auth, opaque, begin + (ADOBE_LIFETIME_S + 1) * SECOND));
  g_assert_false (adobe_auth_spend (auth, opaque, begin + 3 * ADOBE_LIFETIME_S * SECOND));
}

static void
test_bounded (void)
{
  g_autoptr (AdobeAuth) auth = adobe_auth_new ();
  for (unsigned i = 0; i <= ADOBE_MAX_SPENT; i++)
    {
      g_autofree char *question = adobe_auth_ask (auth, "kim", 0);
      g_autofree char *opaque = get_parameter (question, "opaque");
      g_assert_cmpint (adobe_auth_spend (auth, opaque, 0), ==, i < ADOBE_MAX_SPENT);
    }
  const int64_t later = (ADOBE_LIFETIME_S + 1) * SECOND;
  g_autofree char *question = adobe_auth_ask (auth, "kim", later);
  g_autofree char *opaque = get_parameter (question, "opaque");
  g_assert_true (adobe_auth_spend (auth, opaque, later));
}

static void
test_rubbish (void)
{
  static const char *const opaques[] = { NULL, "", "0", "000000000000000000000000000000000000000000000000",
                                         "zz000000000000000000000000000000000000000000000z",
                                         "0000000000000000000000000000000000000000000000000000000000000000" };
  g_autoptr (AdobeAuth) auth = adobe_auth_new ();
  for (size_t i = 0; i < G_N_ELEMENTS (opaques); i++)
    {
      g_assert_false (adobe_auth_is_open (auth, opaques[i], 0));
      g_autoptr (AdobeProof) proof = adobe_proof_new ("u", "u", "c", "r", opaques[i]);
      g_assert_true ((proof != NULL) == (opaques[i] != NULL));
      if (proof)
        g_assert_false (adobe_proof_fits (proof, SECRET));
    }
  g_autofree char *long_name = g_strnfill (ADOBE_MAX_USER_BYTES + 1, 'u');
  const char *const users[] = { NULL, "", long_name };
  for (size_t i = 0; i < G_N_ELEMENTS (users); i++)
    {
      g_autofree char *description = adobe_auth_ask (auth, users[i], 0);
      g_assert_cmpstr (description, ==, ADOBE_NO_SUCH_USER);
    }
  g_autofree char *question = adobe_auth_ask (auth, "u", 0);
  g_autofree char *opaque = get_parameter (question, "opaque");
  for (size_t i = 0; opaque[i]; i++)
    {
      g_autofree char *forged = g_strdup (opaque);
      forged[i] = forged[i] == '0' ? '1' : '0';
      g_assert_false (adobe_auth_is_open (auth, forged, 0));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtmp/adobe-auth/right-and-wrong", test_right_and_wrong);
  g_test_add_func ("/rtmp/adobe-auth/single-use-and-age", test_single_use_and_age);
  g_test_add_func ("/rtmp/adobe-auth/bounded", test_bounded);
  g_test_add_func ("/rtmp/adobe-auth/rubbish", test_rubbish);
  return g_test_run ();
}
