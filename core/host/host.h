/* The host: what the contexts forward to, and the modules that run in it. Main thread, except where said. */
#pragma once

#include <airclass/context.h>
#include <airclass/plugin.h>

#include "auth/authority.h"
#include "bus/bus.h"
#include "host/ini.h"
#include "host/settings.h"
#include "http/http-server.h"
#include "media/stream-registry.h"
#include "ops/health.h"
#include "ops/metrics-registry.h"
#include "ops/watchdog.h"

G_BEGIN_DECLS

typedef struct _AirHost AirHost;
typedef struct _AirModule AirModule;

/* Where a protocol is reached. */
typedef struct
{
  AirContext *owner;
  char *protocol;
  char *host;
  unsigned port;
} AirEndpoint;

typedef struct
{
  AirContext *owner;
  void *service;
} AirService;

struct _AirHost
{
  char *config_path;       /* NULL: no file */
  AirIni *ini;             /* NULL: no file */
  GPtrArray *modules;      /* (element-type AirModule) owned; components first, then plugins in the order they start */
  AirModule *core;         /* (transfer none) the component with the [core] section */
  AirBus *bus;
  AirMetricsRegistry *metrics;
  AirHealth *health;
  AirWatchdog *watchdog;
  GThreadPool *pool;       /* NULL until the first job */
  GHashTable *services;    /* name → AirService */
  GPtrArray *endpoints;    /* (element-type AirEndpoint) */
  bool stopping;
  int64_t started_us;      /* g_get_monotonic_time () */

  /* The states of the components whose managers the contexts forward to; NULL until created. */
  AirHttpServer *http;
  AirStreamRegistry *streams;
  AirAuthority *authority;

  char *plugin_dir, *schema_dir, *pipeline_dir, *state_dir; /* absolute */
};

G_END_DECLS
