/* A broker for one node: everything is in this process's memory and goes with it. Main thread. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

#define LOCAL_TYPE_BROKER (local_broker_get_type ())
G_DECLARE_FINAL_TYPE (LocalBroker, local_broker, LOCAL, BROKER, GObject)

/* Returns: (transfer full). @context outlives the use of it. */
LocalBroker *local_broker_new (AirContext *context, size_t max_keys, size_t max_bytes);

G_END_DECLS
