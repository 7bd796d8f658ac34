/* A plugin that registers everything and cleans up nothing but what only it can: the host must undo the rest. */
#include <airclass/airclass.h>

#include "everything.h"

static EverythingRecord record;
static AirContext *the_context;
static GMutex lock;
static GCond stop_called;
#ifdef LEAVE_PUBLISHER
static AirPublisher *publisher;
#endif

static void
on_request (AirRequest *request, void *self)
{
  air_request_reply_empty (request, 204);
}

static void
on_socket (AirSocket *socket, void *self)
{
}

static void
on_message (AirSocket *socket, const char *text, size_t length, void *self)
{
}

static void
on_event (AirEvent *event, void *self)
{
  g_assert_true (self == &record);
  record.events++;
}

static void
on_timer (void *data)
{
  record.timer++;
}

static void
on_call (void *data)
{
  record.calls++;
}

static void
on_call_dropped (void *data)
{
  record.dropped++;
}

/* Ends only when stop() has been called: the host must wait for it before destroy(). */
static void
work (void *data)
{
  g_mutex_lock (&lock);
  while (!record.stopping)
    g_cond_wait (&stop_called, &lock);
  record.jobs_worked++;
  g_mutex_unlock (&lock);
}

static void
on_work_done (void *data)
{
  record.jobs_done++;
}

static void *
create (AirContext *context, GError **error)
{
  const AirRoute route = { .method = "GET", .template = "/everything", .summary = "x", .handler = on_request };
  const AirSocketRoute socket
      = { .template = "/ws/everything", .summary = "x", .opened = on_socket, .message = on_message };

  the_context = context;
  air_context_add_route (context, &route);
  air_context_add_socket (context, &socket);
  air_context_on_event (context, NULL, on_event);
  air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_everything", "x", NULL, NULL);
  record.created++;
  return &record;
}

static gpointer
invoke_from_thread (gpointer data)
{
  for (unsigned i = 0; i < 100; i++)
    air_context_invoke (the_context, on_call, NULL, on_call_dropped);
  return NULL;
}

static void
start (void *self, GTask *task)
{
  AirContext *context = the_context;

  air_context_provide_service (context, "everything", &record);
  air_context_announce_endpoint (context, "test", "127.0.0.1", 7);
  air_context_set_health (context, "something", true, true, NULL);
  air_context_add_timer (context, 1, on_timer, NULL);
  air_context_run_in_pool (context, work, on_work_done, NULL, NULL);
  air_context_publish_event (context, air_event_reader_count_new ("live/a", "test", 1));
  g_thread_join (g_thread_new ("invoke", invoke_from_thread, NULL));
#ifdef LEAVE_PUBLISHER
  publisher = air_context_publish_stream (context, "live/left", &(AirPublisherInfo){ .protocol = "test", .address = "test" }, NULL);
  g_assert_nonnull (publisher);
#endif
  record.started++;
  g_task_return_boolean (task, TRUE);
}

static void
stop (void *self, GTask *task)
{
  g_mutex_lock (&lock);
  record.stopping = true;
  g_cond_broadcast (&stop_called);
  g_mutex_unlock (&lock);
  record.stopped++;
  g_task_return_boolean (task, TRUE);
}

static void
destroy (void *self)
{
  record.ended_after_stop = record.stopped == 1 && record.jobs_worked == 1;
  /* The host has closed the context: this is dropped, not queued for a plugin that is gone. */
  air_context_invoke (the_context, on_call, NULL, on_call_dropped);
#ifdef LEAVE_PUBLISHER
  air_publisher_close (publisher);
#endif
  record.destroyed++;
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = PLUGIN_NAME,
  .version = "1",
  .summary = "Registers everything",
  .provides = (const char *const[]){ "everything", NULL },
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
};
