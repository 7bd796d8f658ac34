/* What /readyz shows: each dependency with its state. Thread-safe. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include <airclass/context.h>

G_BEGIN_DECLS

typedef struct _AirHealth AirHealth;

AirHealth *air_health_new (void);
void air_health_free (AirHealth *health);
void air_health_set (AirHealth *health, AirContext *owner, const char *dependency, bool ok, bool required, const char *detail);
void air_health_remove_owner (AirHealth *health, AirContext *owner);
/* Returns: (transfer full) {"ready": bool, "dependencies": [{name, ok, required, detail}]}; @ret_ready may be NULL. */
JsonNode *air_health_describe (AirHealth *health, bool *ret_ready);

G_END_DECLS
