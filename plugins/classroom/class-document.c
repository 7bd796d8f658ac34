/* Documents of classes: new ones, PINs and secrets. */
#include "classroom.h"

#include <errno.h>
#include <sys/random.h>

#define SECRET_CHARACTERS 24 /* 120 bits */

static void
fill_random (void *bytes, size_t length)
{
  if (getrandom (bytes, length, 0) != (ssize_t)length)
    g_error ("the kernel gives no random bytes: %s", g_strerror (errno));
}

/* Six digits, the first of which is no 0, which spreadsheets and people drop. */
char *
class_new_pin (void)
{
  uint64_t random = 0;
  fill_random (&random, sizeof random);
  return g_strdup_printf ("%06u", 100000 + (unsigned)(random % 900000));
}

char *
class_new_secret (void)
{
  static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32 */
  uint8_t random[SECRET_CHARACTERS];
  fill_random (random, sizeof random);
  char *secret = g_malloc0 (SECRET_CHARACTERS + 1);
  for (unsigned i = 0; i < SECRET_CHARACTERS; i++)
    secret[i] = letters[random[i] & 31];
  return secret;
}

JsonNode *
class_document_new (const char *class_id, const char *title, const char *teacher_id, const char *pin, JsonNode *settings)
{
  g_autofree char *secret = class_new_secret ();
  JsonNode *what = settings != NULL ? json_node_copy (settings) : air_json_new ("{}");
  return air_json_new ("{class_id:%s, title:%s, teacher_id?:%s, pin?:%s, join_secret:%s, settings:%n, created_at:%t}", class_id, title,
                       teacher_id, pin, secret, what, g_get_real_time ());
}
