/* AIRClass plugin API: what a shared object exports to be loaded by airclassd.
 *
 * A plugin is one `const AirPlugin air_plugin`, exported with AIR_PLUGIN_EXPORT.
 * The host copies min(struct_size, sizeof (AirPlugin)) bytes, so that fields are only ever appended.
 * All callbacks are called on the main thread.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

/* The version of this interface. A plugin made for another version is refused with a clear error. */
#define AIR_API_VERSION 1u

#define AIR_PLUGIN_SYMBOL "air_plugin"
#define AIR_PLUGIN_EXPORT G_MODULE_EXPORT const AirPlugin air_plugin

/* What an option holds. The text form is what stands in the INI file. */
typedef enum
{
  AIR_OPTION_STRING,    /* any UTF-8 text */
  AIR_OPTION_BOOL,      /* true | false (also yes/no, 1/0, on/off) */
  AIR_OPTION_INT,       /* decimal integer in minimum..maximum, `unit` names the unit */
  AIR_OPTION_DURATION,  /* integer with suffix ms, s, min, h (bare number: s); minimum..maximum in ms; read as ms */
  AIR_OPTION_SIZE,      /* integer with suffix B, KiB, MiB, GiB (bare number: B); minimum..maximum in bytes */
  AIR_OPTION_ENUM,      /* one of `choices`, separated by '|' */
  AIR_OPTION_LIST,      /* comma-separated texts, trimmed; empty text is the empty list */
  AIR_OPTION_ADDRESSES, /* comma-separated HOST:PORT; IPv6 in brackets; port 0 asks for a free one */
  AIR_OPTION_NETWORKS,  /* comma-separated addresses or CIDR blocks */
  AIR_OPTION_FILE,      /* a path; relative to the folder of the INI file */
  AIR_OPTION_SECRET,    /* a text that is never logged nor printed; KEY_file= reads it from a file instead */
  AIR_OPTION_URL,       /* empty, or http(s)://HOST[:PORT][/PATH]; read without a slash at its end, the scheme in lower case */
} AirOptionType;


typedef enum
{
  AIR_OPTION_FLAG_NONE = 0,
  AIR_OPTION_FLAG_LIVE = 1 << 0, /* takes effect on SIGHUP without a restart */
} AirOptionFlags;

/* One row of an option table; a table ends with a row whose key is NULL. */
struct _AirOption
{
  const char *key;           /* lower case, underscores, unit at the end where there is one */
  AirOptionType type;
  const char *default_value; /* text form as in the INI; "" for empty, never NULL */
  int64_t minimum, maximum;  /* for INT, DURATION (ms), SIZE (bytes); both 0: no range */
  const char *unit;          /* for people: "kbit/s", "viewers"; NULL if none */
  const char *choices;       /* for ENUM: "refuse|takeover" */
  const char *help;          /* one or two sentences, no markup */
  AirOptionFlags flags;
};

struct _AirPlugin
{
  size_t struct_size;   /* sizeof (AirPlugin) when the plugin was built */
  uint32_t api_version; /* AIR_API_VERSION when the plugin was built */

  const char *name;    /* [a-z][a-z0-9-]*; the same as the file's name and the INI section */
  const char *version; /* of the plugin */
  const char *summary; /* one line */

  /* NULL-terminated lists of service names, each list may be NULL.
   * needs: must be provided by another enabled plugin, else this one is not started, with that reason.
   * wants: started after its provider when there is one. */
  const char *const *provides;
  const char *const *needs;
  const char *const *wants;

  const AirOption *options; /* may be NULL */

  /* Registers options, routes, metrics, handlers; does no I/O.
   * Returns: (transfer full) the plugin's own state; NULL with @error set on failure. */
  void *(*create) (AirContext *context, GError **error);

  /* Opens sockets, starts threads. Returns its result through @task (borrowed until returned; take a reference to
   * answer later): g_task_return_boolean (TRUE) or g_task_return_error. May be NULL. The host waits at most 10 s. */
  void (*start) (void *self, GTask *task);

  /* Ends what start() began; readers, sessions and threads are gone when the task returns. May be NULL. At most 2 s. */
  void (*stop) (void *self, GTask *task);

  /* Frees @self. Accepts what a failed start left behind. */
  void (*destroy) (void *self);

  /* Appended in API version 1: called after a SIGHUP changed an option with AIR_OPTION_FLAG_LIVE. May be NULL. */
  void (*reload) (void *self);
};

G_END_DECLS
