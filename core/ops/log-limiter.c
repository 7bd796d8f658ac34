/* Keeps one kind of log line from filling the disk.
 *
 * Token buckets in a bounded table: one by domain, one by kind of line. The kind is the message with numbers, addresses
 * and quoted text taken out, because those are what a stranger can vary. Owned by the log writer, under its lock.
 */
#include "ops/log-limiter.h"

#include <string.h>

#define MAX_KINDS 512
#define KIND_BURST 20.0
#define KIND_PER_SECOND 1.0
#define DOMAIN_BURST 500.0
#define DOMAIN_PER_SECOND 50.0
#define QUIET_US (10 * G_USEC_PER_SEC)
#define KIND_BYTES 160

typedef struct
{
  double tokens;
  double burst, per_second;
  int64_t filled_us;
  int64_t last_us;
  uint64_t left_out;
  char *domain;
  char *sample; /* the last line that was left out */
} Bucket;

struct _AirLogLimiter
{
  GHashTable *buckets; /* (key utf8) (value Bucket) */
};

static void
bucket_free (void *data)
{
  Bucket *bucket = data;
  g_free (bucket->domain);
  g_free (bucket->sample);
  g_free (bucket);
}

AirLogLimiter *
air_log_limiter_new (void)
{
  AirLogLimiter *limiter = g_new0 (AirLogLimiter, 1);
  limiter->buckets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, bucket_free);
  return limiter;
}

void
air_log_limiter_free (AirLogLimiter *limiter)
{
  if (limiter == NULL)
    return;
  g_hash_table_unref (limiter->buckets);
  g_free (limiter);
}

/* Hexadecimal runs are numbers too (addresses, identifiers), as soon as they hold a digit. */
static char *
kind_of (const char *domain, const char *message)
{
  GString *kind = g_string_new (domain);
  g_string_append_c (kind, '\x1f');
  for (const char *at = message; *at != '\0' && kind->len < KIND_BYTES;)
    {
      if (*at == '"' || g_str_has_prefix (at, "“"))
        {
          const char *closing = *at == '"' ? strchr (at + 1, '"') : strstr (at, "”");
          g_string_append_c (kind, '"');
          if (closing == NULL)
            break;
          at = closing + (*closing == '"' ? 1 : strlen ("”"));
        }
      else if (g_ascii_isalnum (*at))
        {
          size_t length = 0;
          bool digit = false;
          for (; g_ascii_isalnum (at[length]) || strchr ("._:-", at[length]) != NULL; length++)
            {
              if (at[length] == '\0')
                break;
              digit = digit || g_ascii_isdigit (at[length]);
            }
          if (digit)
            g_string_append_c (kind, '#');
          else
            g_string_append_len (kind, at, length);
          at += length;
        }
      else
        g_string_append_c (kind, *at++);
    }
  return g_string_free (kind, FALSE);
}

static gboolean
is_idle (void *key, void *value, void *data)
{
  const Bucket *bucket = value;
  int64_t now_us = *(int64_t *)data;
  return bucket->left_out == 0 && now_us - bucket->last_us > 60 * G_USEC_PER_SEC;
}

static Bucket *
find (AirLogLimiter *limiter, const char *key, const char *domain, double burst, double per_second, int64_t now_us)
{
  Bucket *bucket = g_hash_table_lookup (limiter->buckets, key);
  if (bucket != NULL)
    return bucket;
  if (g_hash_table_size (limiter->buckets) >= MAX_KINDS)
    g_hash_table_foreach_remove (limiter->buckets, is_idle, &now_us);
  /* Still full: somebody varies the text. All further kinds share one bucket. */
  if (g_hash_table_size (limiter->buckets) >= MAX_KINDS)
    {
      key = "";
      bucket = g_hash_table_lookup (limiter->buckets, key);
      if (bucket != NULL)
        return bucket;
    }
  bucket = g_new0 (Bucket, 1);
  *bucket = (Bucket){ .tokens = burst,
                      .burst = burst,
                      .per_second = per_second,
                      .filled_us = now_us,
                      .last_us = now_us,
                      .domain = g_strdup (domain) };
  g_hash_table_insert (limiter->buckets, g_strdup (key), bucket);
  return bucket;
}

static bool
take (Bucket *bucket, int64_t now_us)
{
  double elapsed_s = (double)(now_us - bucket->filled_us) / G_USEC_PER_SEC;
  bucket->tokens = MIN (bucket->burst, bucket->tokens + MAX (elapsed_s, 0) * bucket->per_second);
  bucket->filled_us = bucket->last_us = now_us;
  if (bucket->tokens < 1)
    return false;
  bucket->tokens -= 1;
  return true;
}

bool
air_log_limiter_pass (AirLogLimiter *limiter, const char *domain, const char *message, int64_t now_us,
                      uint64_t *ret_left_out)
{
  g_autofree char *kind_key = kind_of (domain, message);
  Bucket *kind = find (limiter, kind_key, domain, KIND_BURST, KIND_PER_SECOND, now_us);
  Bucket *whole = find (limiter, domain, domain, DOMAIN_BURST, DOMAIN_PER_SECOND, now_us);
  *ret_left_out = 0;
  if (!take (kind, now_us) || !take (whole, now_us))
    {
      kind->left_out++;
      g_free (kind->sample);
      kind->sample = g_strdup (message);
      return false;
    }
  *ret_left_out = kind->left_out;
  kind->left_out = 0;
  return true;
}

char *
air_log_limiter_take_quiet (AirLogLimiter *limiter, int64_t now_us, char **ret_domain, uint64_t *ret_left_out)
{
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, limiter->buckets);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Bucket *bucket = value;
      if (bucket->left_out == 0 || now_us - bucket->last_us < QUIET_US)
        continue;
      *ret_domain = g_strdup (bucket->domain);
      *ret_left_out = bucket->left_out;
      bucket->left_out = 0;
      return g_steal_pointer (&bucket->sample);
    }
  return NULL;
}
