#include "bans.h"

#include <airclass/json.h>

static char *
address_key (const char *session_id, const char *address)
{
  return g_strconcat (session_id, " ", address, NULL);
}

static void
add_one (Bans *bans, JsonNode *one)
{
  JsonArray *families = air_json_get_array (one, "families");
  const char *user_id = air_json_get_string (one, "user_id");
  const char *session_id = air_json_get_string (one, "session_id"), *address = air_json_get_string (one, "address");
  unsigned count = families != NULL ? json_array_get_length (families) : 0;
  if (user_id != NULL)
    g_hash_table_add (bans->users, g_strdup (user_id));
  for (unsigned i = count > MAX_FAMILIES ? count - MAX_FAMILIES : 0; i < count; i++)
    g_hash_table_add (bans->families, g_strdup (json_array_get_string_element (families, i)));
  if (session_id != NULL && address != NULL)
    g_hash_table_add (bans->addresses, address_key (session_id, address));
}

void
bans_init (Bans *bans, JsonArray *banned)
{
  GHashTable **sets[] = { &bans->users, &bans->families, &bans->addresses };
  for (unsigned i = 0; i < G_N_ELEMENTS (sets); i++)
    *sets[i] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (unsigned i = 0; banned != NULL && i < json_array_get_length (banned); i++)
    add_one (bans, json_array_get_element (banned, i));
}

void
bans_clear (Bans *bans)
{
  g_clear_pointer (&bans->users, g_hash_table_unref);
  g_clear_pointer (&bans->families, g_hash_table_unref);
  g_clear_pointer (&bans->addresses, g_hash_table_unref);
}

bool
bans_have (const Bans *bans, const char *user_id, const char *family, const char *session_id, const char *address)
{
  if ((user_id != NULL && g_hash_table_contains (bans->users, user_id))
      || (family != NULL && g_hash_table_contains (bans->families, family)))
    return true;
  if (session_id == NULL || address == NULL || g_hash_table_size (bans->addresses) == 0)
    return false;
  g_autofree char *key = address_key (session_id, address);
  return g_hash_table_contains (bans->addresses, key);
}

static void
visit_missing (GHashTable *in, GHashTable *other, bool added, BanVisitor visitor, void *data)
{
  GHashTableIter iter;
  const char *text = NULL;
  g_hash_table_iter_init (&iter, in);
  while (g_hash_table_iter_next (&iter, (void **)&text, NULL))
    if (!g_hash_table_contains (other, text))
      visitor (text, added, data);
}

void
bans_compare (const Bans *before, const Bans *after, BanVisitor user, BanVisitor family, void *data)
{
  visit_missing (after->families, before->families, true, family, data);
  visit_missing (after->users, before->users, true, user, data);
  visit_missing (before->users, after->users, false, user, data);
  visit_missing (before->families, after->families, false, family, data);
}
