/* [whep-egress] additional_hosts= as addresses: literal ones at once, names when they were looked up. Main thread. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

typedef struct _AirAdditionalHosts AirAdditionalHosts;

/* Looks names up once, in the worker pool. */
AirAdditionalHosts *air_additional_hosts_new (AirContext *context);
void air_additional_hosts_free (AirAdditionalHosts *hosts);
/* Returns: (transfer none) what is known now, NULL-terminated. */
const char *const *air_additional_hosts_get (AirAdditionalHosts *hosts);

G_END_DECLS
