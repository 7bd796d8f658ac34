/* The context: what the host hands to a plugin. Whatever is registered through it is undone when the plugin stops.
 * Main thread, unless a function says otherwise. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

/* The plugin's name. Any thread. */
AIR_PUBLIC const char *air_context_get_plugin_name (AirContext *context);

/* ---- Options of the plugin's section. The key must stand in its table; asking for another is a programming error. */
AIR_PUBLIC const char *air_context_get_string (AirContext *context, const char *key); /* STRING, ENUM, SECRET, URL; FILE: absolute, "" if unset */
AIR_PUBLIC bool air_context_get_bool (AirContext *context, const char *key);
AIR_PUBLIC int64_t air_context_get_int (AirContext *context, const char *key); /* INT; DURATION in ms; SIZE in bytes */
AIR_PUBLIC const char *const *air_context_get_list (AirContext *context, const char *key);
/* ADDRESSES. Returns: (transfer none) (element-type GInetSocketAddress) */
AIR_PUBLIC GPtrArray *air_context_get_addresses (AirContext *context, const char *key);
/* A listening socket for @addresses[@index] (element-type GInetSocketAddress), non-blocking. An IPv6 one takes IPv4 clients too,
 * unless an IPv4 address with the same port is listed beside it.
 * Returns: (transfer full), or NULL with the error, which names the address. Any thread. */
AIR_PUBLIC GSocket *air_listen_tcp (GPtrArray *addresses, unsigned index, GError **error);
/* NETWORKS: whether @address is in one of them (IPv4-mapped IPv6 counts as IPv4). Any thread. */
AIR_PUBLIC bool air_context_network_contains (AirContext *context, const char *key, GInetAddress *address);
/* The folder in which the plugin may keep state, made with mode 0700 at the first call. */
AIR_PUBLIC const char *air_context_get_state_dir (AirContext *context);
/* A folder of the installed resources, absolute: "schemas" ([core] schema_dir=) or "pipelines" ([core] pipeline_dir=). */
AIR_PUBLIC const char *air_context_get_resource_dir (AirContext *context, const char *kind);
/* The certificate of [http] tls_certificate=, for a plugin that speaks TLS itself.
 * Returns: (transfer full) NULL when none is configured; ask again per connection, it may be renewed. Any thread. */
AIR_PUBLIC GTlsCertificate *air_context_get_tls_certificate (AirContext *context);
/* The names and addresses by which clients reach this host, best first ([http] public_url= if set). (transfer none) */
AIR_PUBLIC const char *const *air_context_get_public_hosts (AirContext *context);

/* Tells where a protocol of this plugin is reached ("rtmp", "rtmps", "webrtc-udp"), with the port that was really bound;
 * shown by GET /api/system and written to run.json in the state folder. Port 0 takes it back. */
AIR_PUBLIC void air_context_announce_endpoint (AirContext *context, const char *protocol, const char *host, unsigned port);
typedef void (*AirEndpointVisitor) (const char *protocol, const char *host, unsigned port, void *data);
/* Calls @visitor for each endpoint that any plugin has announced. */
AIR_PUBLIC void air_context_visit_endpoints (AirContext *context, AirEndpointVisitor visitor, void *data);

/* ---- The main loop */
typedef void (*AirCallback) (void *data);
/* Calls @callback on the main loop, in order; dropped (with @destroy called) when the plugin has stopped. Any thread. */
AIR_PUBLIC void air_context_invoke (AirContext *context, AirCallback callback, void *data, GDestroyNotify destroy);
/* Attaches @source (transfer full) to the main loop until it is destroyed or the plugin stops. Returns its id. */
AIR_PUBLIC unsigned air_context_add_source (AirContext *context, GSource *source);
/* Calls @callback every @interval_ms until removed. */
AIR_PUBLIC unsigned air_context_add_timer (AirContext *context, unsigned interval_ms, AirCallback callback, void *data);
AIR_PUBLIC void air_context_remove_source (AirContext *context, unsigned id);
/* Runs @work in the worker pool (may wait there), then @done (may be NULL) on the main loop unless the plugin stopped. */
AIR_PUBLIC void air_context_run_in_pool (AirContext *context, AirCallback work, AirCallback done, void *data,
                                         GDestroyNotify destroy);
/* Whether the host has begun to stop: long work in the pool looks now and then, and ends early. Any thread. */
AIR_PUBLIC bool air_context_is_stopping (AirContext *context);

/* ---- Services: interfaces that one plugin provides and others use */
/* @name stands in the plugin's `provides`; @service stays valid until the plugin's stop() returns. */
AIR_PUBLIC void air_context_provide_service (AirContext *context, const char *name, void *service);
/* Returns: (transfer none), NULL when nobody provides it now. @name stands in `needs` or `wants`. */
AIR_PUBLIC void *air_context_get_service (AirContext *context, const char *name);

/* ---- Health, shown by /readyz. @required: 503 while it is not ok. Any thread. */
AIR_PUBLIC void air_context_set_health (AirContext *context, const char *dependency, bool ok, bool required, const char *detail);

G_END_DECLS
