/* Finding and opening plugins' shared objects. Main thread; no plugin code runs but what the dynamic linker runs. */
#pragma once

#include <airclass/plugin.h>

G_BEGIN_DECLS

/* Looks for DIR/NAME.so, then DIR/NAME/NAME.so. Returns: (transfer full) NULL when there is none. */
char *air_loader_find (const char *plugin_dir, const char *name);
/* (transfer full) (element-type utf8) the names of all plugins in @plugin_dir, sorted. */
GPtrArray *air_loader_list (const char *plugin_dir);

/* Opens the shared object, which then stays in the process, and copies its description after checking it: the interface's
 * version, the size, the names, the option table. @name: what it must be called; NULL: anything.
 * Returns false with AIR_ERROR_INVALID or _UNSUPPORTED (another API version). */
bool air_loader_open (const char *path, const char *name, AirPlugin *ret_plugin, GError **error);
/* The checks alone, of a description at @exported (struct_size is believed). */
bool air_loader_check (const AirPlugin *exported, const char *name, AirPlugin *ret_plugin, GError **error);

G_END_DECLS
