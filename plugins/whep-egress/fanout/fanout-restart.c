/* ICE restarts (RFC 8445 §9), asked for on the main thread and done by whoever owns the viewer. */
#include "fanout-engine.h"

typedef struct
{
  AirFanoutEngine *self;
  AirFanoutViewer *viewer;
  char *remote_ufrag;
  char *ufrag, *pwd; /* the new ones; NULL: the viewer had ended */
  AirEngineAnswered answered;
  void *data;
  GDestroyNotify destroy;
} Restart;

static void
free_restart (void *data)
{
  Restart *restart = data;
  if (restart->destroy)
    restart->destroy (restart->data);
  air_fanout_viewer_unref (restart->viewer);
  g_free (restart->remote_ufrag);
  g_free (restart->ufrag);
  g_free (restart->pwd);
  g_free (restart);
}

static void
on_restarted (void *data)
{
  Restart *restart = data;
  if (!restart->ufrag)
    {
      g_autoptr (GError) error = g_error_new_literal (AIR_ERROR, AIR_ERROR_NOT_FOUND, "The session has ended.");
      restart->answered (NULL, error, restart->data);
      return;
    }
  g_auto (GStrv) candidates = air_fanout_engine_list_candidates (restart->self);
  AirSdpLocal local = {
    .ice_ufrag = restart->ufrag,
    .ice_pwd = restart->pwd,
    .candidates = (const char *const *)candidates,
  };
  g_autofree char *fragment = air_sdp_fragment_write (restart->viewer->names.mid, &local);
  restart->answered (fragment, NULL, restart->data);
}

static void
take_credentials (Restart *restart)
{
  restart->ufrag = g_strdup (air_ice_get_ufrag (restart->viewer->ice));
  restart->pwd = g_strdup (air_ice_get_pwd (restart->viewer->ice));
}

/* The command's data goes on to the main thread, so the command itself frees nothing. */
static void
do_restart (AirFanoutLoop *loop, void *data)
{
  Restart **slot = data;
  Restart *restart = g_steal_pointer (slot);
  AirFanoutViewer *viewer = restart->viewer;
  if (viewer->attached)
    {
      air_fanout_loop_restart_viewer (loop, viewer, restart->remote_ufrag);
      take_credentials (restart);
    }
  air_context_invoke (restart->self->base.context, on_restarted, restart, free_restart);
}

/* While no loop has the viewer, this is done at once. Returns: the loop to be asked. */
static AirFanoutLoop *
ask_directory (Restart *restart)
{
  AirFanoutDirectory *directory = air_fanout_loops_get_directory (restart->self->loops);
  AirFanoutLoop *owner
      = air_fanout_directory_restart (directory, &restart->viewer->listing, NULL, restart->remote_ufrag);
  if (!owner)
    take_credentials (restart);
  return owner;
}

static void
free_restart_slot (void *data)
{
  Restart **slot = data;
  g_clear_pointer (slot, free_restart);
  g_free (slot);
}

void
air_fanout_engine_restart_viewer (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment,
                                  AirEngineAnswered answered, void *data, GDestroyNotify destroy)
{
  AirFanoutEngine *self = (AirFanoutEngine *)engine;
  AirFanoutViewer *viewer = air_engine_base_find_viewer (&self->base, viewer_id);
  Restart *restart = g_new0 (Restart, 1);
  restart->self = self;
  restart->remote_ufrag = g_strdup (fragment->ice_ufrag);
  restart->answered = answered;
  restart->data = data;
  restart->destroy = destroy;
  restart->viewer = viewer ? air_fanout_viewer_ref (viewer) : NULL;
  AirFanoutLoop *owner = viewer ? ask_directory (restart) : NULL;
  if (!owner)
    {
      on_restarted (restart);
      free_restart (restart);
      return;
    }
  Restart **slot = g_new (Restart *, 1);
  *slot = restart;
  air_fanout_loop_invoke (owner, do_restart, slot, free_restart_slot);
}
