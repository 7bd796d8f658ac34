/* Slows down guessing.
 *
 * Three counters for each try: (address, path), address, and path. A counter has a bucket of failures that are free;
 * when it is empty, each further failure doubles the wait. Wrong tries from one address thus stop soon, one address
 * that goes through many paths stops too, and many addresses that guess one path get a small rate together, while
 * addresses that have succeeded there go on. The table is bounded; the counters that have been quiet the longest go
 * first. One mutex; any thread.
 */
#include "auth/failure-limiter.h"

#include <math.h>
#include <string.h>

#define MAX_ENTRIES 16384

typedef struct
{
  double free_failures;
  double regained_per_s;
  int64_t first_wait_us, longest_wait_us;
} Policy;

static const Policy by_address_and_path = { 5, 1.0 / 30, G_USEC_PER_SEC, 300 * (int64_t)G_USEC_PER_SEC };
/* A school behind one address makes more mistakes than one person, and must not wait as long. */
static const Policy by_address = { 20, 1.0 / 5, G_USEC_PER_SEC, 60 * (int64_t)G_USEC_PER_SEC };
static const Policy by_path = { 60, 1.0, G_USEC_PER_SEC, 10 * (int64_t)G_USEC_PER_SEC };

typedef struct
{
  char *key; /* owned by the table */
  const Policy *policy;
  double free_failures;
  unsigned doublings;
  int64_t changed_us, blocked_until_us;
  bool succeeded; /* a right credential came from here: not held back for what others do */
  GList link;     /* in `quietest` */
} Entry;

struct _AirFailureLimiter
{
  GMutex mutex;
  GHashTable *entries; /* (key utf8) (value Entry) */
  GQueue quietest;     /* of Entry, least recently changed first */
};

AirFailureLimiter *
air_failure_limiter_new (void)
{
  AirFailureLimiter *limiter = g_new0 (AirFailureLimiter, 1);
  g_mutex_init (&limiter->mutex);
  limiter->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return limiter;
}

void
air_failure_limiter_free (AirFailureLimiter *limiter)
{
  if (limiter == NULL)
    return;
  g_hash_table_unref (limiter->entries);
  g_mutex_clear (&limiter->mutex);
  g_free (limiter);
}

/* ---- Keys ---- */

/* A subscriber owns a /64; IPv4 in IPv6 counts as IPv4. */
static char *
address_key (GInetAddress *address)
{
  const uint8_t *bytes = g_inet_address_to_bytes (address);
  static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4)
    return g_strdup_printf ("%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
  if (memcmp (bytes, mapped, sizeof mapped) == 0)
    return g_strdup_printf ("%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
  return g_strdup_printf ("%02x%02x:%02x%02x:%02x%02x:%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                          bytes[5], bytes[6], bytes[7]);
}

typedef enum
{
  BOTH,
  ADDRESS,
  PATH,
  SCOPES,
} Scope;

static const Policy *const policies[SCOPES] = { &by_address_and_path, &by_address, &by_path };

typedef struct
{
  char *text[SCOPES]; /* PATH: NULL without a path */
} Keys;

static void
keys_clear (Keys *keys)
{
  for (unsigned i = 0; i < SCOPES; i++)
    g_free (keys->text[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Keys, keys_clear)

static Keys
make_keys (GInetAddress *address, const char *path)
{
  g_autofree char *who = address_key (address);
  /* A path that nobody could use would only fill the table. */
  g_autofree char *what = path != NULL ? g_strndup (path, 128) : g_strdup ("");
  return (Keys){ .text = { g_strconcat ("b ", who, " ", what, NULL), g_strconcat ("a ", who, NULL),
                           path != NULL ? g_strconcat ("p ", what, NULL) : NULL } };
}

/* ---- Entries; with the mutex held ---- */

static void
refill (Entry *entry, int64_t now_us)
{
  double elapsed_s = (double)MAX (now_us - entry->changed_us, 0) / G_USEC_PER_SEC;
  entry->free_failures
      = MIN (entry->policy->free_failures, entry->free_failures + elapsed_s * entry->policy->regained_per_s);
  if (entry->free_failures >= entry->policy->free_failures)
    entry->doublings = 0;
  entry->changed_us = now_us;
}

static void
drop (AirFailureLimiter *limiter, Entry *entry)
{
  g_queue_unlink (&limiter->quietest, &entry->link);
  g_hash_table_remove (limiter->entries, entry->key);
}

static Entry *
find_or_add (AirFailureLimiter *limiter, const char *key, const Policy *policy, int64_t now_us)
{
  Entry *entry = g_hash_table_lookup (limiter->entries, key);
  if (entry != NULL)
    {
      g_queue_unlink (&limiter->quietest, &entry->link);
      g_queue_push_tail_link (&limiter->quietest, &entry->link);
      return entry;
    }
  if (g_hash_table_size (limiter->entries) >= MAX_ENTRIES)
    drop (limiter, g_queue_peek_head (&limiter->quietest));
  entry = g_new0 (Entry, 1);
  entry->key = g_strdup (key);
  entry->policy = policy;
  entry->free_failures = policy->free_failures;
  entry->changed_us = now_us;
  entry->link.data = entry;
  g_hash_table_insert (limiter->entries, entry->key, entry);
  g_queue_push_tail_link (&limiter->quietest, &entry->link);
  return entry;
}

static void
count_failure (Entry *entry, int64_t now_us)
{
  refill (entry, now_us);
  if (entry->free_failures >= 1)
    {
      entry->free_failures -= 1;
      if (entry->free_failures >= 1)
        return;
    }
  int64_t wait_us = entry->policy->first_wait_us << MIN (entry->doublings, 20u);
  entry->doublings++;
  entry->blocked_until_us = now_us + MIN (wait_us, entry->policy->longest_wait_us);
}

/* ---- Public ---- */

bool
air_failure_limiter_may_try (AirFailureLimiter *limiter, GInetAddress *address, const char *path, int64_t now_us,
                             unsigned *ret_retry_after_s)
{
  g_auto (Keys) keys = make_keys (address, path);
  int64_t wait_us = 0;
  bool known_good = false;
  g_mutex_lock (&limiter->mutex);
  for (unsigned i = 0; i < SCOPES; i++)
    {
      const Entry *entry = keys.text[i] != NULL ? g_hash_table_lookup (limiter->entries, keys.text[i]) : NULL;
      if (entry == NULL)
        continue;
      known_good = known_good || (i == BOTH && entry->succeeded);
      if (i != PATH || !known_good)
        wait_us = MAX (wait_us, entry->blocked_until_us - now_us);
    }
  g_mutex_unlock (&limiter->mutex);
  *ret_retry_after_s = wait_us > 0 ? (unsigned)((wait_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC) : 0;
  return wait_us <= 0;
}

void
air_failure_limiter_failed (AirFailureLimiter *limiter, GInetAddress *address, const char *path, int64_t now_us)
{
  g_auto (Keys) keys = make_keys (address, path);
  g_mutex_lock (&limiter->mutex);
  for (unsigned i = 0; i < SCOPES; i++)
    if (keys.text[i] != NULL)
      count_failure (find_or_add (limiter, keys.text[i], policies[i], now_us), now_us);
  g_mutex_unlock (&limiter->mutex);
}

void
air_failure_limiter_succeeded (AirFailureLimiter *limiter, GInetAddress *address, const char *path, int64_t now_us)
{
  g_auto (Keys) keys = make_keys (address, path);
  g_mutex_lock (&limiter->mutex);
  Entry *entry = find_or_add (limiter, keys.text[BOTH], policies[BOTH], now_us);
  entry->free_failures = entry->policy->free_failures;
  entry->doublings = 0;
  entry->blocked_until_us = 0;
  entry->succeeded = true;
  g_mutex_unlock (&limiter->mutex);
}
