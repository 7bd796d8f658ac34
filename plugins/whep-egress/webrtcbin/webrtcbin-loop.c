/* The loop: a GMainContext of its own, in which the epoll of the readers is one source. */
#include "webrtcbin-loop.h"

#include <glib-unix.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rtcp.h"

#define HANDSHAKE_DEADLINE_US (10 * G_USEC_PER_SEC)
/* webrtcbin has no consent freshness; players report at least every 5 s. */
#define SILENCE_US (12 * G_USEC_PER_SEC)
#define CHECK_EVERY_MS 100u
#define CHECKS_PER_S (1000u / CHECK_EVERY_MS)
#define EPOLL_EVENTS 64
#define STRAINED_US 40000

struct _AirWebrtcLoop
{
  AirWebrtcLoopEvents events;
  GMainContext *context;
  GThread *thread;
  int epoll;
  bool stopping; /* loop */
  GMutex lock;
  bool stopped;       /* under lock: commands are dropped */
  AirEngineCounts counts; /* under lock */
  GPtrArray *viewers; /* (element-type AirWebrtcViewer), each with a reference */
  GPtrArray *behind;  /* those of them that are paced */
  GSource *pace;      /* NULL: nobody is behind */
  unsigned checks;
  int64_t checked_us;
  int64_t strained_us; /* when a check last came late */
  int64_t ahead_us; /* what the wall clock was ahead of the monotonic one at first */
};

/* ---- Commands */

typedef struct
{
  AirWebrtcLoop *loop;
  AirWebrtcCommand function;
  void *data;
  GDestroyNotify destroy;
} Command;

static gboolean
run_command (void *data)
{
  Command *command = data;
  if (!command->loop->stopping)
    command->function (command->loop, command->data);
  return G_SOURCE_REMOVE;
}

static void
free_command (void *data)
{
  Command *command = data;
  if (command->destroy)
    command->destroy (command->data);
  g_free (command);
}

void
air_webrtc_loop_invoke (AirWebrtcLoop *loop, AirWebrtcCommand function, void *data, GDestroyNotify destroy)
{
  Command *command = g_new (Command, 1);
  *command = (Command){ loop, function, data, destroy };
  g_mutex_lock (&loop->lock);
  bool stopped = loop->stopped;
  if (!stopped)
    {
      g_autoptr (GSource) source = g_idle_source_new ();
      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, run_command, command, free_command);
      g_source_attach (source, loop->context);
    }
  g_mutex_unlock (&loop->lock);
  if (stopped)
    free_command (command);
}

AirEngineCounts
air_webrtc_loop_take_counts (AirWebrtcLoop *loop)
{
  g_mutex_lock (&loop->lock);
  AirEngineCounts counts = loop->counts;
  loop->counts = (AirEngineCounts){ 0 };
  g_mutex_unlock (&loop->lock);
  return counts;
}

void
air_webrtc_loop_count (AirWebrtcLoop *loop, const AirEngineCounts *counts)
{
  g_mutex_lock (&loop->lock);
  air_engine_counts_add (&loop->counts, counts);
  g_mutex_unlock (&loop->lock);
}

int64_t
air_webrtc_loop_get_strained_us (const AirWebrtcLoop *loop)
{
  return loop->strained_us;
}

/* ---- Pace */

static gboolean
pace (void *data)
{
  AirWebrtcLoop *loop = data;
  int64_t now_us = g_get_monotonic_time ();
  for (guint i = loop->behind->len; i > 0; i--)
    {
      AirWebrtcViewer *viewer = loop->behind->pdata[i - 1];
      viewer->behind = air_webrtc_viewer_pump (viewer, now_us);
      if (!viewer->behind)
        g_ptr_array_remove_index_fast (loop->behind, i - 1);
    }
  if (loop->behind->len > 0)
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&loop->pace, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
pump (AirWebrtcLoop *loop, AirWebrtcViewer *viewer)
{
  if (viewer->behind || !air_webrtc_viewer_pump (viewer, g_get_monotonic_time ()))
    return;
  viewer->behind = true;
  g_ptr_array_add (loop->behind, viewer);
  if (loop->pace)
    return;
  loop->pace = g_timeout_source_new (1);
  g_source_set_callback (loop->pace, pace, loop, NULL);
  g_source_attach (loop->pace, loop->context);
}

/* ---- Viewers */

int64_t
air_webrtc_loop_get_ahead_us (const AirWebrtcLoop *loop)
{
  return loop->ahead_us;
}

uint64_t
air_webrtc_loop_ntp (AirWebrtcLoop *loop, int64_t monotonic_us)
{
  return air_ntp_from_unix_us (monotonic_us + loop->ahead_us);
}

void
air_webrtc_loop_add_viewer (AirWebrtcLoop *loop, AirWebrtcViewer *viewer)
{
  viewer->attached = true;
  g_ptr_array_add (loop->viewers, air_webrtc_viewer_ref (viewer));
}

void
air_webrtc_loop_begin_media (AirWebrtcLoop *loop, AirWebrtcViewer *viewer)
{
  AirWebrtcGroup *group = viewer->group;
  if (!viewer->attached || viewer->media)
    return;
  air_webrtc_viewer_begin (viewer, g_get_monotonic_time ());
  g_ptr_array_add (group->viewers, viewer);
  air_rtp_source_set_viewers (group->source, group->viewers->len);
  air_webrtc_viewer_publish (viewer);
  loop->events.joined (viewer, loop->events.data);
  pump (loop, viewer);
  air_webrtc_viewer_report (viewer, g_get_monotonic_time ());
}

void
air_webrtc_loop_end_viewer (AirWebrtcLoop *loop, AirWebrtcViewer *viewer, AirViewerReason reason)
{
  AirWebrtcGroup *group = viewer->group;
  if (!viewer->attached)
    return;
  viewer->attached = false;
  air_viewer_level_end (&viewer->level);
  if (g_ptr_array_remove_fast (group->viewers, viewer))
    air_rtp_source_set_viewers (group->source, group->viewers->len);
  g_ptr_array_remove_fast (loop->behind, viewer);
  g_ptr_array_remove_fast (loop->viewers, viewer);
  air_webrtc_viewer_publish (viewer);
  loop->events.left (viewer, reason, loop->events.data);
  air_webrtc_viewer_unref (viewer);
}

void
air_webrtc_loop_take_rtcp (AirWebrtcLoop *loop, AirWebrtcViewer *viewer, const uint8_t *packet, size_t size)
{
  if (!viewer->attached || !viewer->media)
    return;
  if (air_webrtc_viewer_feedback (viewer, packet, size, g_get_monotonic_time ()))
    pump (loop, viewer);
  else
    air_webrtc_loop_end_viewer (loop, viewer, AIR_VIEWER_LEFT);
}

static gboolean
check (void *data)
{
  AirWebrtcLoop *loop = data;
  int64_t now_us = g_get_monotonic_time ();
  bool second = ++loop->checks % CHECKS_PER_S == 0;
  /* What is measured meanwhile tells of this machine, not of the viewers' paths. */
  if (loop->checked_us != 0 && now_us > loop->checked_us + CHECK_EVERY_MS * 1000 + STRAINED_US)
    loop->strained_us = now_us;
  loop->checked_us = now_us;
  for (guint i = loop->viewers->len; i > 0; i--)
    {
      AirWebrtcViewer *viewer = loop->viewers->pdata[i - 1];
      if (!viewer->media && now_us > viewer->created_us + HANDSHAKE_DEADLINE_US)
        air_webrtc_loop_end_viewer (loop, viewer, AIR_VIEWER_NO_HANDSHAKE);
      else if (viewer->media && now_us > viewer->heard_us + SILENCE_US)
        air_webrtc_loop_end_viewer (loop, viewer, AIR_VIEWER_VANISHED);
      else if (viewer->media)
        {
          air_webrtc_viewer_report (viewer, now_us);
          air_viewer_level_check (&viewer->level, now_us);
          pump (loop, viewer);
          if (second)
            air_webrtc_viewer_publish (viewer);
        }
    }
  return G_SOURCE_CONTINUE;
}

/* ---- Groups */

static void
group_packets (AirRtpSource *source, void *data)
{
  AirWebrtcGroup *group = data;
  for (guint i = 0; i < group->viewers->len; i++)
    pump (group->loop, group->viewers->pdata[i]);
}

static void
group_reordered (AirRtpSource *source, void *data)
{
  AirWebrtcGroup *group = data;
  group->loop->events.reordered (group, group->loop->events.data);
}

static void
group_ended (AirRtpSource *source, AirLane lane, void *data)
{
  AirWebrtcGroup *group = data;
  group->loop->events.reader_ended (group, lane, group->loop->events.data);
}

AirWebrtcGroup *
air_webrtc_group_new (AirWebrtcLoop *loop, bool drop_reordered)
{
  AirRtpSourceEvents events = { group_packets, group_reordered, group_ended };
  AirWebrtcGroup *group = g_new0 (AirWebrtcGroup, 1);
  group->loop = loop;
  group->viewers = g_ptr_array_new ();
  group->view = air_rtp_view_new ();
  group->view->ready = true;
  group->source = air_rtp_source_new (group->view, drop_reordered, &events, group);
  air_rtp_source_attach (group->source, loop->epoll);
  return group;
}

void
air_webrtc_group_free (AirWebrtcGroup *group)
{
  if (!group)
    return;
  air_rtp_source_free (group->source);
  air_rtp_view_free (group->view);
  g_ptr_array_unref (group->viewers);
  g_free (group);
}

void
air_webrtc_group_want (AirWebrtcGroup *group, unsigned rung, int change)
{
  if (air_rung_demand_change (&group->demand, rung, change))
    group->loop->events.rung_wanted (group, group->loop->events.data);
}

/* ---- The thread */

static gboolean
on_epoll (int descriptor, GIOCondition condition, void *data)
{
  struct epoll_event events[EPOLL_EVENTS];
  int count = epoll_wait (descriptor, events, EPOLL_EVENTS, 0);
  for (int i = 0; i < count; i++)
    {
      AirWatch *watch = events[i].data.ptr;
      watch->ready (watch);
    }
  return G_SOURCE_CONTINUE;
}

static void
attach (AirWebrtcLoop *loop, GSource *source, GSourceFunc callback)
{
  g_source_set_callback (source, callback, loop, NULL);
  g_source_attach (source, loop->context);
  g_source_unref (source);
}

static void *
run (void *data)
{
  AirWebrtcLoop *loop = data;
  while (!loop->stopping)
    g_main_context_iteration (loop->context, TRUE);
  while (loop->viewers->len > 0)
    air_webrtc_loop_end_viewer (loop, loop->viewers->pdata[0], AIR_VIEWER_SHUTDOWN);
  return NULL;
}

AirWebrtcLoop *
air_webrtc_loop_new (const AirWebrtcLoopEvents *events)
{
  AirWebrtcLoop *loop = g_new0 (AirWebrtcLoop, 1);
  loop->events = *events;
  g_mutex_init (&loop->lock);
  loop->context = g_main_context_new ();
  loop->ahead_us = g_get_real_time () - g_get_monotonic_time ();
  loop->epoll = epoll_create1 (EPOLL_CLOEXEC);
  loop->viewers = g_ptr_array_new ();
  loop->behind = g_ptr_array_new ();
  attach (loop, g_unix_fd_source_new (loop->epoll, G_IO_IN), G_SOURCE_FUNC (on_epoll));
  attach (loop, g_timeout_source_new (CHECK_EVERY_MS), check);
  loop->thread = g_thread_new ("air-webrtcbin", run, loop);
  return loop;
}

static void
end_loop (AirWebrtcLoop *loop, void *data)
{
  loop->stopping = true;
}

void
air_webrtc_loop_stop (AirWebrtcLoop *loop)
{
  air_webrtc_loop_invoke (loop, end_loop, NULL, NULL);
  g_thread_join (g_steal_pointer (&loop->thread));
  g_mutex_lock (&loop->lock);
  loop->stopped = true;
  g_mutex_unlock (&loop->lock);
}

void
air_webrtc_loop_free (AirWebrtcLoop *loop)
{
  if (!loop)
    return;
  if (loop->pace)
    {
      g_source_destroy (loop->pace);
      g_source_unref (loop->pace);
    }
  g_main_context_unref (loop->context); /* destroys what is attached, and with it the commands that came too late */
  close (loop->epoll);
  g_ptr_array_unref (loop->viewers);
  g_ptr_array_unref (loop->behind);
  g_mutex_clear (&loop->lock);
  g_free (loop);
}
