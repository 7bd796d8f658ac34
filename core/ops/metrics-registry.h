/* The metrics of the process, as Prometheus text 0.0.4. */
#pragma once

#include <airclass/context.h>
#include <airclass/metrics.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _AirMetricsRegistry AirMetricsRegistry;

AirMetricsRegistry *air_metrics_registry_new (void);
void air_metrics_registry_free (AirMetricsRegistry *registry);
/* Two owners may ask for the same name, type and labels and then share the series; a clash of type is a programming
 * error. @owner may be NULL for the host. Main thread. */
AirMetric *air_metrics_registry_add (AirMetricsRegistry *registry, AirContext *owner, AirMetricType type, const char *name,
                                     const char *help, const char *const *label_names, const double *buckets);
void air_metrics_registry_remove_owner (AirMetricsRegistry *registry, AirContext *owner);
/* Returns: (transfer full) the exposition, its last line ended by LF. */
char *air_metrics_registry_expose (AirMetricsRegistry *registry);
/* Names the section of an owner; owners are whatever registered, also others than contexts. */
typedef const char *(*AirMetricsSection) (const void *owner, void *user_data);
/* Returns: (transfer full) [{name, section, type, labels: [], help}] of all that are registered, by name. Main thread. */
JsonNode *air_metrics_registry_describe (AirMetricsRegistry *registry, AirMetricsSection section, void *user_data);

G_END_DECLS
