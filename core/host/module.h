/* A module: a plugin or a built-in component on its way through create, start, stop and destroy. Main thread. */
#pragma once

#include <airclass/plugin.h>

#include "host/context-private.h"

G_BEGIN_DECLS

typedef enum
{
  AIR_MODULE_LOADED,   /* its table is known, nothing of it has run */
  AIR_MODULE_CREATED,
  AIR_MODULE_STARTING,
  AIR_MODULE_RUNNING,
  AIR_MODULE_STOPPING,
  AIR_MODULE_STOPPED,
  AIR_MODULE_SKIPPED,  /* never started, see reason */
  AIR_MODULE_FAILED,   /* create() or start() failed, see reason */
} AirModuleState;

struct _AirModule
{
  AirPlugin plugin;     /* copied; all but the name is 0 when the file could not be loaded */
  char *name;
  char *path;           /* of the shared object; NULL: built in */
  bool component;
  AirContext *context;  /* owned; NULL when not loaded */
  void *self;           /* what create() returned */
  AirModuleState state;
  char *reason;         /* why it is not running; NULL while it may or does */
  GCancellable *starting; /* cancelled when start() took too long */
  bool given_up;        /* stop() or start() did not return in time: its state is left alone */
};

/* @path NULL: a component. */
AirModule *air_module_new (const char *name, const char *path, const AirPlugin *plugin);
void air_module_free (AirModule *module);

/* Takes the module out before it has run; @format says why, for people. */
void air_module_skip (AirModule *module, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Whether it can still be started or runs. */
bool air_module_is_usable (const AirModule *module);
/* "running", "skipped", … */
const char *air_module_state_to_string (AirModuleState state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirModule, air_module_free)

G_END_DECLS
