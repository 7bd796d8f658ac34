/* The options of one section: default, overridden by the file, overridden by the environment.
 *
 * The table is fixed when the settings are made; only the values of live options change later, under the lock because
 * networks are asked on any thread. A replaced value stays until air_settings_forget_old(), since callers hold its text. */
#define G_LOG_DOMAIN "air-core"

#include "host/settings.h"

#include <airclass/error.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/option-value.h"
#include "ops/log.h"
#include "util/nearest.h"

#define SECRET_FILE_MAX_BYTES (64 * 1024)
/* Blotting out a shorter text would make the log unreadable and protect nothing. */
#define SECRET_LOG_MIN_LENGTH 4

typedef struct
{
  const AirOption *option;
  AirOptionValue *value;
  char *where;     /* "file:line" or "environment NAME"; NULL: the default */
  char *effective; /* what an empty value stands for; NULL: itself */
} Slot;

struct _AirSettings
{
  char *section;
  unsigned n_slots;
  Slot *slots;
  GPtrArray *old; /* (element-type AirOptionValue) */
  GRWLock lock;   /* the slots' values, for other threads than the main one */
};

/* A text and where it stands. */
typedef struct
{
  char *text, *where;
  const char *folder;
  bool is_file; /* @text names the file that holds the secret */
} Found;

static void
found_clear (Found *found)
{
  g_free (found->text);
  g_free (found->where);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static bool
find_in_environment (const char *section, const char *key, Found *ret_found)
{
  g_autofree char *joined = g_strdup_printf ("AIRCLASS_%s_%s", section, key);
  g_autofree char *name = g_ascii_strup (g_strdelimit (joined, "-", '_'), -1);
  const char *text = g_getenv (name);

  if (text == NULL)
    return false;
  ret_found->text = g_strdup (text);
  ret_found->where = g_strdup_printf ("environment %s", name);
  return true;
}

static bool
find_in_file (const AirIni *ini, const char *section, const char *key, Found *ret_found)
{
  const AirIniEntry *entry = ini != NULL ? air_ini_find (ini, section, key) : NULL;

  if (entry == NULL)
    return false;
  ret_found->text = g_strdup (entry->value);
  ret_found->where = g_strdup_printf ("%s:%u", air_ini_get_path (ini), entry->line);
  ret_found->folder = air_ini_get_folder (ini);
  return true;
}

/* Finds what is written for @option, the environment first; for a secret, KEY_file= too. */
static bool
find_text (AirSettings *self, const AirOption *option, const AirIni *ini, Found *ret_found)
{
  bool secret = option->type == AIR_OPTION_SECRET;
  g_autofree char *file_key = g_strconcat (option->key, "_file", NULL);

  if (find_in_environment (self->section, option->key, ret_found))
    return true;
  ret_found->is_file = secret && find_in_environment (self->section, file_key, ret_found);
  if (ret_found->is_file || find_in_file (ini, self->section, option->key, ret_found))
    return true;
  ret_found->is_file = secret && find_in_file (ini, self->section, file_key, ret_found);
  return ret_found->is_file;
}

/* No fault: where containers mount secrets, everybody inside may read them. */
static void
warn_if_readable (const char *path)
{
  GStatBuf status;

  if (g_stat (path, &status) == 0 && (status.st_mode & S_IROTH) != 0)
    g_warning ("the secret in '%s' can be read by everybody on this machine; better: chmod o-r", path);
}

/* Replaces the name of a file in @found by its text. */
static bool
read_secret_file (Found *found, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (found->text, found->folder);
  g_autofree char *text = NULL;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, error))
    return false;
  if (length > SECRET_FILE_MAX_BYTES || strlen (text) != length)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'%s' is not a text file of at most %d bytes", path,
                   SECRET_FILE_MAX_BYTES);
      return false;
    }
  g_strchomp (text);
  if (*text == '\0')
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "the file '%s' is empty", path);
      return false;
    }
  warn_if_readable (path);
  g_free (found->text);
  found->text = g_steal_pointer (&text);
  return true;
}

static bool
is_quoted (const char *text)
{
  size_t length = strlen (text);

  return length >= 2 && (text[0] == '"' || text[0] == '\'') && text[length - 1] == text[0];
}

/* Other formats have quotes, and comments behind a value; here they would be part of it. */
static AirOptionValue *
parse_found (const AirOption *option, const Found *found, GError **error)
{
  AirOptionValue *value;

  if (option->type != AIR_OPTION_SECRET && is_quoted (found->text))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "%s: a value is written without quotes", found->text);
      return NULL;
    }
  value = air_option_value_parse (option, found->text, found->folder, error);
  if (value == NULL && option->type != AIR_OPTION_SECRET
      && (strstr (found->text, " #") != NULL || strstr (found->text, " ;") != NULL))
    {
      g_autofree char *message = g_strconcat ((*error)->message, " (a comment needs a line of its own)", NULL);

      g_clear_error (error);
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, message);
    }
  return value;
}

static void
read_option (AirSettings *self, Slot *slot, const AirIni *ini, GPtrArray *problems)
{
  g_auto (Found) found = { NULL, NULL, NULL, false };
  g_autoptr (GError) error = NULL;
  AirOptionValue *value = NULL;

  slot->value = air_option_value_parse (slot->option, slot->option->default_value, "/", &error);
  if (slot->value == NULL)
    {
      g_ptr_array_add (problems, g_strdup_printf ("[%s] %s: the default in the option table is wrong: %s", self->section,
                                                  slot->option->key, error->message));
      slot->value = g_new0 (AirOptionValue, 1);
      slot->value->text = g_strdup ("");
      return;
    }
  if (!find_text (self, slot->option, ini, &found))
    return;
  if (!found.is_file || read_secret_file (&found, &error))
    value = parse_found (slot->option, &found, &error);
  if (value == NULL)
    {
      g_ptr_array_add (problems, g_strdup_printf ("%s: [%s] %s: %s", found.where, self->section, slot->option->key,
                                                  error->message));
      return;
    }
  air_option_value_free (slot->value);
  slot->value = value;
  slot->where = g_steal_pointer (&found.where);
  if (slot->option->type == AIR_OPTION_SECRET && strlen (value->text) >= SECRET_LOG_MIN_LENGTH)
    air_log_add_secret (value->text);
}

static GPtrArray *
list_keys (AirSettings *self)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func (g_free);

  for (unsigned i = 0; i < self->n_slots; i++)
    {
      const AirOption *option = self->slots[i].option;

      g_ptr_array_add (keys, g_strdup (option->key));
      if (option->type == AIR_OPTION_SECRET)
        g_ptr_array_add (keys, g_strconcat (option->key, "_file", NULL));
    }
  return keys;
}

static void
find_unknown_keys (AirSettings *self, const AirIni *ini, GPtrArray *problems)
{
  g_autoptr (GPtrArray) keys = list_keys (self);
  const GPtrArray *entries = air_ini_get_entries (ini);

  for (unsigned i = 0; i < entries->len; i++)
    {
      const AirIniEntry *entry = g_ptr_array_index (entries, i);
      const char *nearest;

      if (strcmp (entry->section, self->section) != 0
          || g_ptr_array_find_with_equal_func (keys, entry->key, g_str_equal, NULL))
        continue;
      nearest = air_nearest (entry->key, keys);
      g_ptr_array_add (problems, g_strdup_printf ("%s:%u: unknown key '%s' in [%s]%s%s%s", air_ini_get_path (ini),
                                                  entry->line, entry->key, self->section,
                                                  nearest != NULL ? "; did you mean '" : "",
                                                  nearest != NULL ? nearest : "", nearest != NULL ? "'?" : ""));
    }
}

AirSettings *
air_settings_new (const char *section, const AirOption *options, const AirIni *ini, GPtrArray *problems)
{
  AirSettings *self = g_new0 (AirSettings, 1);

  self->section = g_strdup (section);
  self->old = g_ptr_array_new_with_free_func ((GDestroyNotify) air_option_value_free);
  g_rw_lock_init (&self->lock);
  while (options != NULL && options[self->n_slots].key != NULL)
    self->n_slots++;
  self->slots = g_new0 (Slot, self->n_slots);
  for (unsigned i = 0; i < self->n_slots; i++)
    {
      self->slots[i].option = &options[i];
      read_option (self, &self->slots[i], ini, problems);
    }
  if (ini != NULL)
    find_unknown_keys (self, ini, problems);
  return self;
}

void
air_settings_free (AirSettings *self)
{
  if (self == NULL)
    return;
  for (unsigned i = 0; i < self->n_slots; i++)
    {
      air_option_value_free (self->slots[i].value);
      g_free (self->slots[i].where);
      g_free (self->slots[i].effective);
    }
  g_free (self->slots);
  g_ptr_array_unref (self->old);
  g_rw_lock_clear (&self->lock);
  g_free (self->section);
  g_free (self);
}

/* ---- Reading */

const char *
air_settings_get_where (AirSettings *self, const char *key)
{
  for (unsigned i = 0; i < self->n_slots; i++)
    if (strcmp (self->slots[i].option->key, key) == 0)
      return self->slots[i].where;
  return NULL;
}

static const AirOptionValue *
lookup (AirSettings *self, const char *key)
{
  static const AirOptionValue nothing = { .text = (char *) "" };

  for (unsigned i = 0; i < self->n_slots; i++)
    if (strcmp (self->slots[i].option->key, key) == 0)
      return self->slots[i].value;
  g_critical ("[%s] has no option '%s' in its table", self->section, key);
  return &nothing;
}

const char *
air_settings_get_string (AirSettings *self, const char *key)
{
  return lookup (self, key)->text;
}

bool
air_settings_get_bool (AirSettings *self, const char *key)
{
  return lookup (self, key)->number != 0;
}

int64_t
air_settings_get_int (AirSettings *self, const char *key)
{
  return lookup (self, key)->number;
}

const char *const *
air_settings_get_list (AirSettings *self, const char *key)
{
  static const char *const none[] = { NULL };
  const AirOptionValue *value = lookup (self, key);

  g_return_val_if_fail (value->list != NULL, none);
  return (const char *const *) value->list;
}

GPtrArray *
air_settings_get_addresses (AirSettings *self, const char *key)
{
  return lookup (self, key)->addresses;
}

/* ::ffff:192.0.2.1 → 192.0.2.1 (RFC 4291 §2.5.5.2): the same peer as a dual-stack socket shows it. */
static GInetAddress *
unmap (GInetAddress *address)
{
  static const uint8_t prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
  const uint8_t *bytes = g_inet_address_to_bytes (address);

  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6 && memcmp (bytes, prefix, sizeof prefix) == 0)
    return g_inet_address_new_from_bytes (bytes + sizeof prefix, G_SOCKET_FAMILY_IPV4);
  return g_object_ref (address);
}

bool
air_settings_network_contains (AirSettings *self, const char *key, GInetAddress *address)
{
  g_autoptr (GInetAddress) plain = unmap (address);
  const AirOptionValue *value;
  bool found = false;

  g_rw_lock_reader_lock (&self->lock);
  value = lookup (self, key);
  for (unsigned i = 0; value->networks != NULL && !found && i < value->networks->len; i++)
    found = g_inet_address_mask_matches (g_ptr_array_index (value->networks, i), plain);
  g_rw_lock_reader_unlock (&self->lock);
  return found;
}

/* ---- Reload */

bool
air_settings_adopt (AirSettings *self, AirSettings *newer, GPtrArray *changed, GPtrArray *need_restart)
{
  bool any = false;

  g_return_val_if_fail (self->n_slots == newer->n_slots, false);
  for (unsigned i = 0; i < self->n_slots; i++)
    {
      Slot *slot = &self->slots[i], *new_slot = &newer->slots[i];
      bool live = slot->option->flags & AIR_OPTION_FLAG_LIVE;

      if (strcmp (slot->value->text, new_slot->value->text) == 0)
        continue;
      g_ptr_array_add (live ? changed : need_restart, g_strdup_printf ("%s.%s", self->section, slot->option->key));
      if (!live)
        continue;
      any = true;
      g_ptr_array_add (self->old, slot->value);
      g_rw_lock_writer_lock (&self->lock);
      slot->value = g_steal_pointer (&new_slot->value);
      g_rw_lock_writer_unlock (&self->lock);
      g_free (slot->where);
      slot->where = g_steal_pointer (&new_slot->where);
    }
  return any;
}

void
air_settings_forget_old (AirSettings *self)
{
  g_ptr_array_set_size (self->old, 0);
}

void
air_settings_set_effective (AirSettings *self, const char *key, const char *text)
{
  for (unsigned i = 0; i < self->n_slots; i++)
    if (strcmp (self->slots[i].option->key, key) == 0)
      self->slots[i].effective = g_strdup (text);
}

void
air_settings_print (AirSettings *self, GString *out)
{
  g_string_append_printf (out, "[%s]\n", self->section);
  for (unsigned i = 0; i < self->n_slots; i++)
    {
      Slot *slot = &self->slots[i];
      bool blot = slot->option->type == AIR_OPTION_SECRET && *slot->value->text != '\0';

      if (slot->where != NULL)
        g_string_append_printf (out, "# %s\n", slot->where);
      g_string_append_printf (out, "%s=%s\n", slot->option->key,
                              blot                      ? "***"
                              : slot->effective != NULL ? slot->effective
                                                        : slot->value->text);
    }
}
