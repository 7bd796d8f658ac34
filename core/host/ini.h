/* An INI file with the line of every key, so that a fault can be shown where it stands. Immutable once read. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct
{
  const char *section; /* owned by the AirIni */
  char *key;
  char *value;
  unsigned line;
} AirIniEntry;

typedef struct _AirIni AirIni;

/* Reads @path. Faults of form (no section, no '=', a key twice, not UTF-8) are added to @problems (element-type utf8) as
 * "file:line: what"; what could be read is returned. NULL when the file cannot be read at all. */
AirIni *air_ini_load (const char *path, GPtrArray *problems);
/* The same from a text; @path is for messages and relative names. */
AirIni *air_ini_parse (const char *path, const char *text, gsize length, GPtrArray *problems);
void air_ini_free (AirIni *ini);

const char *air_ini_get_path (const AirIni *ini);
/* The folder to which file names in the values are relative; absolute. */
const char *air_ini_get_folder (const AirIni *ini);
/* (transfer none) NULL when it is not set. */
const AirIniEntry *air_ini_find (const AirIni *ini, const char *section, const char *key);
/* (element-type AirIniEntry) (transfer none) all entries in the order of the file. */
const GPtrArray *air_ini_get_entries (const AirIni *ini);
/* (transfer container) (element-type utf8) the names of the sections in the order of the file. */
GPtrArray *air_ini_list_sections (const AirIni *ini);
bool air_ini_has_section (const AirIni *ini, const char *section);
/* The line on which @section begins; 0 when there is none. */
unsigned air_ini_get_section_line (const AirIni *ini, const char *section);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirIni, air_ini_free)

G_END_DECLS
