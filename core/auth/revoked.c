/* Families in the order of their ends, which is that of revoking, so that forgetting looks at those alone whose time is over. */
#include "auth/revoked.h"

typedef struct
{
  char *family;
  int64_t until_us; /* monotonic */
  GList link;       /* in the order */
} Entry;

/* By the wall clock. */
typedef struct
{
  int64_t all_us, students_us; /* the second is not before the first */
} Until;

struct _AirRevoked
{
  GHashTable *families; /* family → Entry, owned */
  GQueue order;         /* of Entry, the one that ends first at the head */
  GHashTable *people;   /* set of "class user" */
  GHashTable *classes;  /* class id → Until, owned */
  unsigned max_families, max_people, max_classes;
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;
  g_free (entry->family);
  g_free (entry);
}

AirRevoked *
air_revoked_new (unsigned max_families, unsigned max_people, unsigned max_classes)
{
  AirRevoked *revoked = g_new0 (AirRevoked, 1);
  revoked->families = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
  revoked->people = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  revoked->classes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  revoked->max_families = max_families;
  revoked->max_people = max_people;
  revoked->max_classes = max_classes;
  return revoked;
}

void
air_revoked_free (AirRevoked *revoked)
{
  if (revoked == NULL)
    return;
  g_hash_table_unref (revoked->families);
  g_hash_table_unref (revoked->people);
  g_hash_table_unref (revoked->classes);
  g_free (revoked);
}

void
air_revoked_remove_family (AirRevoked *revoked, const char *family)
{
  Entry *entry = g_hash_table_lookup (revoked->families, family);
  if (entry == NULL)
    return;
  g_queue_unlink (&revoked->order, &entry->link);
  g_hash_table_remove (revoked->families, family);
}

static const Entry *
get_first (AirRevoked *revoked)
{
  return revoked->order.head != NULL ? revoked->order.head->data : NULL;
}

void
air_revoked_add_family (AirRevoked *revoked, const char *family, int64_t now_us, int64_t until_us)
{
  air_revoked_remove_family (revoked, family);
  const Entry *first = NULL;
  while ((first = get_first (revoked)) != NULL
         && (first->until_us <= now_us || g_hash_table_size (revoked->families) >= revoked->max_families))
    air_revoked_remove_family (revoked, first->family);
  Entry *entry = g_new0 (Entry, 1);
  entry->family = g_strdup (family);
  entry->until_us = until_us;
  entry->link.data = entry;
  g_queue_push_tail_link (&revoked->order, &entry->link);
  g_hash_table_insert (revoked->families, entry->family, entry);
}

bool
air_revoked_has_family (AirRevoked *revoked, const char *family)
{
  return g_hash_table_contains (revoked->families, family);
}

unsigned
air_revoked_count_families (AirRevoked *revoked)
{
  return g_hash_table_size (revoked->families);
}

static char *
person_key (const char *class_id, const char *user_id)
{
  return g_strconcat (class_id, " ", user_id, NULL); /* a class id has no space */
}

bool
air_revoked_add_person (AirRevoked *revoked, const char *class_id, const char *user_id)
{
  g_autofree char *key = person_key (class_id, user_id);
  if (g_hash_table_contains (revoked->people, key))
    return true;
  if (g_hash_table_size (revoked->people) >= revoked->max_people)
    return false;
  g_hash_table_add (revoked->people, g_steal_pointer (&key));
  return true;
}

void
air_revoked_remove_person (AirRevoked *revoked, const char *class_id, const char *user_id)
{
  g_autofree char *key = person_key (class_id, user_id);
  g_hash_table_remove (revoked->people, key);
}

bool
air_revoked_has_person (AirRevoked *revoked, const char *class_id, const char *user_id)
{
  if (class_id == NULL || user_id == NULL || g_hash_table_size (revoked->people) == 0)
    return false;
  g_autofree char *key = person_key (class_id, user_id);
  return g_hash_table_contains (revoked->people, key);
}

bool
air_revoked_add_class (AirRevoked *revoked, const char *class_id, bool students, int64_t until_us)
{
  Until *until = g_hash_table_lookup (revoked->classes, class_id);
  if (until == NULL)
    {
      if (g_hash_table_size (revoked->classes) >= revoked->max_classes)
        return false;
      until = g_new0 (Until, 1);
      g_hash_table_insert (revoked->classes, g_strdup (class_id), until);
    }
  until->students_us = MAX (until->students_us, until_us);
  if (!students)
    until->all_us = MAX (until->all_us, until_us);
  return true;
}

int64_t
air_revoked_get_class (AirRevoked *revoked, const char *class_id, bool student)
{
  const Until *until = class_id != NULL ? g_hash_table_lookup (revoked->classes, class_id) : NULL;
  if (until == NULL)
    return 0;
  return student ? until->students_us : until->all_us;
}
