/* One option's value, parsed from its text by its row of the table. No state; any thread. */
#pragma once

#include <airclass/plugin.h>

G_BEGIN_DECLS

typedef struct
{
  char *text;           /* as it was written; FILE: absolute */
  int64_t number;       /* BOOL, INT, DURATION (ms), SIZE (bytes) */
  char **list;          /* LIST */
  GPtrArray *addresses; /* (element-type GInetSocketAddress) ADDRESSES */
  GPtrArray *networks;  /* (element-type GInetAddressMask) NETWORKS */
} AirOptionValue;

/* @folder: to which a FILE is relative. Returns: (transfer full), or NULL with AIR_ERROR_INVALID: what is wrong, in a
 * form that follows "key: ". */
AirOptionValue *air_option_value_parse (const AirOption *option, const char *text, const char *folder, GError **error);
void air_option_value_free (AirOptionValue *value);

/* "string", "duration", … for people. */
const char *air_option_type_to_string (AirOptionType type);
/* (transfer full) "1 to 100 viewers", "10 ms to 1 h", "refuse | takeover"; NULL when there is no bound. */
char *air_option_describe_range (const AirOption *option);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirOptionValue, air_option_value_free)

G_END_DECLS
