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
#include "ops/log.h"
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
  AirBus *bus;
  AirMetricsRegistry *metrics;
  AirHealth *health;
  AirWatchdog *watchdog;   /* NULL unless running */
  GThreadPool *pool;       /* NULL until the first job */
  GHashTable *services;    /* name → AirService */
  GPtrArray *endpoints;    /* (element-type AirEndpoint) */

  /* The states of the components whose managers the contexts forward to; NULL until created. */
  AirHttpServer *http;
  AirStreamRegistry *streams;
  AirAuthority *authority;

  char *plugin_dir, *schema_dir, *pipeline_dir, *state_dir; /* absolute */
  int lock_fd;             /* holds STATE_DIR/lock while the host runs; -1: not held */

  /* lifecycle.c */
  GMainLoop *loop;
  GPtrArray *steps;        /* (element-type AirModule) borrowed, in the order they start */
  unsigned next_step;
  AirModule *waiting_for;  /* start() or stop() of it has not returned */
  unsigned start_timeout_ms; /* of each module; 10 s */
  unsigned timeout_id, jobs_id;
  int64_t stop_deadline_us;
  int64_t started_us;      /* g_get_monotonic_time () */
  bool ready;
  int stopping; /* atomic: read on any thread */
  bool abandoned;          /* a module was given up: the host's memory is left to the end of the process */
  int exit_status;
  GError *failure;         /* why the host cannot run */
};

/* Reads the configuration (@config_path NULL: the defaults alone), checks all of it, and loads the enabled plugins'
 * descriptions; runs nothing of them. Each fault is added to @problems (element-type utf8); plugins that cannot be
 * started are in `modules` with their reason. Returns: (transfer full), usable for starting only without problems. */
AirHost *air_host_new (const char *config_path, GPtrArray *problems);
void air_host_free (AirHost *host);
/* From now on SIGTERM and SIGINT end the host in order, as soon as its main loop turns. To be called before what takes its
 * time, loading libraries and plugins. Signals stay taken to the end of the process: without its source one would again end it
 * as if by force, in the middle of putting things away. */
void air_host_take_signals (void);
/* Starts everything, runs the main loop until SIGTERM or SIGINT, stops everything. Returns the exit status. */
int air_host_run (AirHost *host);
/* Makes the state folder and takes it for this process. Returns false with host->failure set, when another has it. */
bool air_host_take_state_dir (AirHost *host);
/* The same end as by SIGTERM. */
void air_host_quit (AirHost *host);

/* reload.c: reads the configuration again. What can change live is changed; returns false, with everything as it was, when
 * the file is broken. */
bool air_host_reload (AirHost *host);
/* The settings of [core]. */
AirSettings *air_host_get_core_settings (AirHost *host);
AirModule *air_host_find_module (AirHost *host, const char *name);
/* (transfer full) the description of a plugin in the plugin folder; skipped with its reason when it cannot be loaded. */
AirModule *air_host_load_plugin (AirHost *host, const char *name);
/* A section that no module reads is checked against its plugin, though that is not enabled, or is a fault. */
void air_host_check_other_sections (AirHost *host, const AirIni *ini, GPtrArray *problems);
/* (transfer full) (element-type AirModule) the built-in components, without contexts: for describing them. */
GPtrArray *air_host_list_components (void);
/* run-file.c: writes STATE_DIR/run.json, or removes it. */
void air_host_write_run_file (AirHost *host);
void air_host_remove_run_file (AirHost *host);
/* The document of GET /api/system. (transfer full) */
JsonNode *air_host_describe (AirHost *host);
/* Returns: (transfer full) {"nodes": […]}; @base_url: how the client reaches this node. */
JsonNode *air_host_describe_nodes (AirHost *host, const char *base_url);

/* Section [core]: the plugins, the folders, and the routes under "Host" of the API. */
extern const AirPlugin air_core_component;

G_END_DECLS
