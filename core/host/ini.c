/* Reading an INI file: sections, keys, whole-line comments (# or ;), each with its line. */
#include "host/ini.h"

#include <gio/gio.h>
#include <string.h>

/* A configuration is written by hand. */
#define MAX_FILE_BYTES (1024 * 1024)

typedef struct
{
  char *name;
  unsigned line;
} Section;

struct _AirIni
{
  char *path, *folder;
  GPtrArray *sections; /* (element-type Section) */
  GPtrArray *entries;  /* (element-type AirIniEntry) */
};

static void
section_free (gpointer data)
{
  g_free (((Section *) data)->name);
  g_free (data);
}

static void
entry_free (gpointer data)
{
  AirIniEntry *entry = data;

  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

static Section *
find_section (const AirIni *ini, const char *name)
{
  for (unsigned i = 0; i < ini->sections->len; i++)
    if (strcmp (((Section *) g_ptr_array_index (ini->sections, i))->name, name) == 0)
      return g_ptr_array_index (ini->sections, i);
  return NULL;
}

static void G_GNUC_PRINTF (4, 5)
problem (const AirIni *ini, unsigned line, GPtrArray *problems, const char *format, ...)
{
  va_list arguments;
  g_autofree char *text = NULL;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_ptr_array_add (problems, g_strdup_printf ("%s:%u: %s", ini->path, line, text));
}

/* "[name]" → the section, or NULL and a problem. */
static Section *
parse_section (AirIni *ini, char *text, unsigned line, GPtrArray *problems)
{
  size_t length = strlen (text);
  Section *section, *earlier;

  if (text[length - 1] != ']' || length < 3)
    {
      problem (ini, line, problems, "a section is written [name]");
      return NULL;
    }
  text[length - 1] = '\0';
  text = g_strstrip (text + 1);
  earlier = find_section (ini, text);
  if (earlier != NULL)
    {
      problem (ini, line, problems, "section [%s] already begins on line %u", text, earlier->line);
      return earlier;
    }
  section = g_new (Section, 1);
  *section = (Section){ g_strdup (text), line };
  g_ptr_array_add (ini->sections, section);
  return section;
}

static void
parse_entry (AirIni *ini, Section *section, char *text, unsigned line, GPtrArray *problems)
{
  char *equals = strchr (text, '=');
  const AirIniEntry *earlier;
  AirIniEntry *entry;

  if (equals == NULL || equals == text)
    {
      problem (ini, line, problems, "expected [section] or key=value");
      return;
    }
  *equals = '\0';
  g_strchomp (text);
  if (section == NULL)
    {
      problem (ini, line, problems, "'%s' stands before the first [section]", text);
      return;
    }
  earlier = air_ini_find (ini, section->name, text);
  if (earlier != NULL)
    {
      problem (ini, line, problems, "'%s' is already set on line %u", text, earlier->line);
      return;
    }
  entry = g_new (AirIniEntry, 1);
  *entry = (AirIniEntry){ section->name, g_strdup (text), g_strdup (g_strstrip (equals + 1)), line };
  g_ptr_array_add (ini->entries, entry);
}

AirIni *
air_ini_parse (const char *path, const char *text, gsize length, GPtrArray *problems)
{
  AirIni *ini = g_new0 (AirIni, 1);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  g_autofree char *copy = g_strndup (text, length);
  Section *section = NULL;
  bool skipping = false; /* the keys after a broken section header belong to nobody */
  unsigned line = 0;

  ini->path = g_strdup (path);
  ini->folder = g_path_get_dirname (absolute);
  ini->sections = g_ptr_array_new_with_free_func (section_free);
  ini->entries = g_ptr_array_new_with_free_func (entry_free);
  if (g_str_has_prefix (copy, "\xEF\xBB\xBF"))
    memmove (copy, copy + 3, strlen (copy + 3) + 1);
  for (char *rest = copy, *next; rest != NULL; rest = next)
    {
      char *end = strchr (rest, '\n');

      next = end != NULL ? end + 1 : NULL;
      if (end != NULL)
        *end = '\0';
      line++;
      if (!g_utf8_validate (rest, -1, NULL))
        {
          problem (ini, line, problems, "this line is not UTF-8");
          continue;
        }
      rest = g_strstrip (rest);
      if (*rest == '\0' || *rest == '#' || *rest == ';')
        continue;
      if (*rest == '[')
        {
          section = parse_section (ini, rest, line, problems);
          skipping = section == NULL;
        }
      else if (!skipping)
        parse_entry (ini, section, rest, line, problems);
    }
  return ini;
}

AirIni *
air_ini_load (const char *path, GPtrArray *problems)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_malloc (MAX_FILE_BYTES + 1);
  gsize length = 0;

  stream = g_file_read (file, NULL, &error);
  if (stream == NULL
      || !g_input_stream_read_all (G_INPUT_STREAM (stream), text, MAX_FILE_BYTES + 1, &length, NULL, &error))
    {
      g_ptr_array_add (problems, g_strdup_printf ("%s: cannot be read: %s", path, error->message));
      return NULL;
    }
  if (length > MAX_FILE_BYTES || memchr (text, '\0', length) != NULL)
    {
      g_ptr_array_add (problems, g_strdup_printf ("%s: is not a configuration file", path));
      return NULL;
    }
  return air_ini_parse (path, text, length, problems);
}

void
air_ini_free (AirIni *ini)
{
  if (ini == NULL)
    return;
  g_free (ini->path);
  g_free (ini->folder);
  g_ptr_array_unref (ini->sections);
  g_ptr_array_unref (ini->entries);
  g_free (ini);
}

const char *
air_ini_get_path (const AirIni *ini)
{
  return ini->path;
}

const char *
air_ini_get_folder (const AirIni *ini)
{
  return ini->folder;
}

const AirIniEntry *
air_ini_find (const AirIni *ini, const char *section, const char *key)
{
  for (unsigned i = 0; i < ini->entries->len; i++)
    {
      const AirIniEntry *entry = g_ptr_array_index (ini->entries, i);

      if (strcmp (entry->key, key) == 0 && strcmp (entry->section, section) == 0)
        return entry;
    }
  return NULL;
}

const GPtrArray *
air_ini_get_entries (const AirIni *ini)
{
  return ini->entries;
}

GPtrArray *
air_ini_list_sections (const AirIni *ini)
{
  GPtrArray *names = g_ptr_array_new ();

  for (unsigned i = 0; i < ini->sections->len; i++)
    g_ptr_array_add (names, ((Section *) g_ptr_array_index (ini->sections, i))->name);
  return names;
}

bool
air_ini_has_section (const AirIni *ini, const char *section)
{
  return find_section (ini, section) != NULL;
}

unsigned
air_ini_get_section_line (const AirIni *ini, const char *section)
{
  Section *found = find_section (ini, section);

  return found != NULL ? found->line : 0;
}
