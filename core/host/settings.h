/* The values of one section's option table: defaults, then the file, then the environment. Main thread, except where said. */
#pragma once

#include <airclass/plugin.h>

#include "host/ini.h"

G_BEGIN_DECLS

typedef struct _AirSettings AirSettings;

/* Reads and checks the whole table; every fault is added to @problems (element-type utf8), its option keeps the default.
 * @ini may be NULL. @section is copied; @options must stay. */
AirSettings *air_settings_new (const char *section, const AirOption *options, const AirIni *ini, GPtrArray *problems);
void air_settings_free (AirSettings *settings);

/* NULL for a key that is not in the table, which is a programming error and is logged as one. */
/* Where the value stands, "file:line" or "environment NAME"; NULL when it is the default. */
const char *air_settings_get_where (AirSettings *settings, const char *key);
const char *air_settings_get_string (AirSettings *settings, const char *key);
bool air_settings_get_bool (AirSettings *settings, const char *key);
int64_t air_settings_get_int (AirSettings *settings, const char *key);
const char *const *air_settings_get_list (AirSettings *settings, const char *key);
GPtrArray *air_settings_get_addresses (AirSettings *settings, const char *key);
/* Any thread. */
bool air_settings_network_contains (AirSettings *settings, const char *key, GInetAddress *address);

/* Takes the options that may change live from @newer. Their old values stay readable until air_settings_forget_old().
 * @changed and @need_restart get "section.key". Returns whether something was taken. */
bool air_settings_adopt (AirSettings *settings, AirSettings *newer, GPtrArray *changed, GPtrArray *need_restart);
void air_settings_forget_old (AirSettings *settings);

/* What the empty value of @key stands for, to be shown by air_settings_print(). Once per key. */
void air_settings_set_effective (AirSettings *settings, const char *key, const char *text);
/* Appends the section as INI text; secrets are blotted out, values that are not the default carry where they come from. */
void air_settings_print (AirSettings *settings, GString *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirSettings, air_settings_free)

G_END_DECLS
