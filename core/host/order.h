/* In which order the plugins start, and which cannot. Pure: looks at descriptions only. */
#pragma once

#include "host/module.h"

G_BEGIN_DECLS

/* Sorts the plugins behind the components in @modules (element-type AirModule) so that each comes after the providers of
 * what it needs and wants; where that allows, the given order stays. Those that cannot be started are skipped with their
 * reason: a need that nobody provides, a service that another provides already, a circle of needs. */
void air_order_modules (GPtrArray *modules);

/* The usable module that provides @service; NULL when there is none. */
AirModule *air_order_find_provider (GPtrArray *modules, const char *service);
/* Skips @module when a provider of its needs is not usable. Returns whether it was skipped. */
bool air_order_skip_if_needs_fail (GPtrArray *modules, AirModule *module);

G_END_DECLS
