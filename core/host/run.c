/* From the main loop's first turn to its last: signals, readiness, the end. */
#define G_LOG_DOMAIN "air-core"

#include <airclass/error.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/lifecycle.h"
#include "host/notify.h"

void
air_host_quit (AirHost *host)
{
  if (host->stopping)
    return;
  g_atomic_int_set (&host->stopping, 1);
  host->ready = false;
  air_notify ("STOPPING=1");
  air_host_remove_run_file (host);
  air_host_stop_modules (host);
}

/* To whom the process's signals go; NULL before and after its main loop. */
static AirHost *main_host;

static gboolean
on_end_signal (gpointer data)
{
  if (main_host == NULL || main_host->stopping)
    return G_SOURCE_CONTINUE;
  g_message ("stopping");
  air_host_quit (main_host);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_reload_signal (gpointer data)
{
  AirHost *host = main_host;
  g_autofree char *reloading
      = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());

  if (host == NULL || !host->ready)
    {
      g_warning ("not reloaded: the host is still starting or already stopping");
      return G_SOURCE_CONTINUE;
    }
  air_notify (reloading);
  air_host_reload (host);
  air_notify ("READY=1");
  return G_SOURCE_CONTINUE;
}

void
air_host_take_signals (void)
{
  static bool taken;

  if (taken)
    return;
  taken = true;
  g_unix_signal_add (SIGTERM, on_end_signal, NULL);
  g_unix_signal_add (SIGINT, on_end_signal, NULL);
  g_unix_signal_add (SIGHUP, on_reload_signal, NULL);
}

static void
report_loaded (AirHost *host)
{
  unsigned running = 0;

  for (unsigned i = 0; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);

      if (!module->component && module->state == AIR_MODULE_RUNNING)
        {
          running++;
          g_info ("plugin '%s' %s runs", module->name, module->plugin.version);
        }
    }
  if (running == 0)
    g_warning ("no plugin runs");
}

/* The line that people and scripts wait for names an address that can be opened: not the wildcard. */
static void
report_ready (AirHost *host)
{
  const AirEndpoint *web = NULL;
  const char *shown;

  for (unsigned i = 0; i < host->endpoints->len && web == NULL; i++)
    {
      const AirEndpoint *endpoint = g_ptr_array_index (host->endpoints, i);

      if (g_str_equal (endpoint->protocol, "http") || g_str_equal (endpoint->protocol, "https"))
        web = endpoint;
    }
  if (web == NULL)
    {
      g_message ("ready");
      return;
    }
  shown = g_str_equal (web->host, "0.0.0.0") ? "127.0.0.1" : g_str_equal (web->host, "::") ? "::1" : web->host;
  g_message (strchr (shown, ':') != NULL ? "ready %s://[%s]:%u/" : "ready %s://%s:%u/", web->protocol, shown, web->port);
}

void
air_host_set_ready (AirHost *host)
{
  host->ready = true;
  report_loaded (host);
  air_host_write_run_file (host);
  air_notify ("READY=1");
  report_ready (host);
}

static gboolean
begin (gpointer data)
{
  air_host_start_modules (data);
  return G_SOURCE_REMOVE;
}

static bool
fail_state_dir (AirHost *host, const char *what)
{
  g_set_error (&host->failure, AIR_ERROR, AIR_ERROR_FAILED, "the state folder '%s' %s", host->state_dir, what);
  return false;
}

/* Two servers would take each other's keys and run file for their own. The lock ends with the process, however that ends;
 * the file stays, since whoever removed it could remove the next one's. */
static bool
lock_state_dir (AirHost *host)
{
  g_autofree char *path = g_build_filename (host->state_dir, "lock", NULL);
  g_autofree char *fault = NULL;

  host->lock_fd = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (host->lock_fd >= 0 && flock (host->lock_fd, LOCK_EX | LOCK_NB) == 0)
    return true;
  if (errno == EWOULDBLOCK)
    return fail_state_dir (host, "is in use by another airclassd; each needs its own [core] state_dir=");
  fault = g_strdup_printf ("cannot be locked: %s", g_strerror (errno));
  return fail_state_dir (host, fault);
}

bool
air_host_take_state_dir (AirHost *host)
{
  g_autofree char *fault = NULL;

  if (g_mkdir_with_parents (host->state_dir, 0700) == 0 && g_access (host->state_dir, W_OK) == 0)
    return lock_state_dir (host);
  fault = g_strdup_printf ("cannot be written: %s", g_strerror (errno));
  return fail_state_dir (host, fault);
}

/* A socket a viewer: the usual soft limit of 1024 is kept for programs that use select(), which this one does not. */
static void
raise_descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    g_info ("the limit of open files stays as it is: %s", g_strerror (errno));
}

int
air_host_run (AirHost *host)
{
  int64_t lag_ms = air_settings_get_int (air_host_get_core_settings (host), "lag_warning");

  signal (SIGPIPE, SIG_IGN);
  raise_descriptor_limit ();
  host->started_us = g_get_monotonic_time ();
  host->loop = g_main_loop_new (NULL, FALSE);
  if (air_host_take_state_dir (host) && air_host_create_modules (host))
    {
      host->watchdog = air_watchdog_new (host->metrics, lag_ms);
      main_host = host;
      air_host_take_signals ();
      g_idle_add (begin, host);
      g_main_loop_run (host->loop);
      main_host = NULL;
      g_clear_pointer (&host->watchdog, air_watchdog_free);
    }
  if (host->failure != NULL)
    {
      g_warning ("cannot run: %s", host->failure->message);
      host->exit_status = EXIT_FAILURE;
    }
  air_host_destroy_modules (host);
  return host->exit_status;
}
