/* The bus: events are queued by any thread and delivered by one dispatcher on the main loop, in order.
 *
 * Delivery is the GObject signal "event" whose detail is the event's name. A handler that publishes only queues, so no
 * handler ever runs inside another. Subscribers are owned by a context and go with it, also from within a delivery.
 */
#include "bus/bus.h"

#include "ops/watchdog.h"

/* Events delivered in one go before the main loop gets a turn: a handler that publishes in circles starves nobody. */
#define BATCH 64

typedef struct
{
  AirContext *owner;
  const char *owner_name;
  AirEventHandler handler;
  void *self;
  bool outgoing; /* only of what is for other nodes */
  gulong signal_id;
} Subscriber;

struct _AirBus
{
  GObject parent_instance;
  GPtrArray *subscribers; /* (element-type Subscriber), main thread */

  GMutex lock;
  GQueue queue;    /* (element-type AirEvent), under lock */
  GSource *source; /* pending dispatch, under lock; NULL while nothing is queued */
};

G_DEFINE_FINAL_TYPE (AirBus, air_bus, G_TYPE_OBJECT)

static guint event_signal;

static void
air_bus_finalize (GObject *object)
{
  AirBus *self = AIR_BUS (object);

  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_source_unref (self->source);
    }
  g_queue_clear_full (&self->queue, g_object_unref);
  g_mutex_clear (&self->lock);
  g_ptr_array_unref (self->subscribers);
  G_OBJECT_CLASS (air_bus_parent_class)->finalize (object);
}

static void
air_bus_class_init (AirBusClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = air_bus_finalize;
  event_signal = g_signal_new ("event", AIR_TYPE_BUS, G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED, 0, NULL, NULL, NULL,
                               G_TYPE_NONE, 1, AIR_TYPE_EVENT);
}

static void
air_bus_init (AirBus *self)
{
  self->subscribers = g_ptr_array_new_with_free_func (g_free);
  g_mutex_init (&self->lock);
  g_queue_init (&self->queue);
}

AirBus *
air_bus_new (void)
{
  return g_object_new (AIR_TYPE_BUS, NULL);
}

/* (transfer full) the next event, or NULL when none is queued, and then the source is given up. */
static AirEvent *
take_next (AirBus *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  AirEvent *event = g_queue_pop_head (&self->queue);

  if (event == NULL)
    g_clear_pointer (&self->source, g_source_unref);
  return event;
}

static gboolean
deliver (gpointer data)
{
  AirBus *self = data;

  /* A handler that runs the main loop itself does not come back here: GLib does not dispatch a source inside itself. */
  for (unsigned i = 0; i < BATCH; i++)
    {
      g_autoptr (AirEvent) event = take_next (self);

      if (event == NULL)
        return G_SOURCE_REMOVE;
      g_signal_emit (self, event_signal, g_quark_from_static_string (air_event_get_name (event)), event);
    }
  return G_SOURCE_CONTINUE;
}

void
air_bus_publish (AirBus *self, AirEvent *event)
{
  g_return_if_fail (AIR_IS_EVENT (event));
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_queue_push_tail (&self->queue, event);
  if (self->source != NULL)
    return;
  self->source = g_idle_source_new ();
  g_source_set_priority (self->source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (self->source, "AirBus");
  g_source_set_callback (self->source, deliver, self, NULL);
  g_source_attach (self->source, NULL);
}

static void
call_subscriber (AirBus *self, AirEvent *event, gpointer data)
{
  Subscriber *subscriber = data;
  const char *previous;

  if (subscriber->outgoing && (!air_event_is_shared (event) || air_event_is_remote (event)))
    return;
  previous = air_watchdog_enter (subscriber->owner_name);
  subscriber->handler (event, subscriber->self);
  air_watchdog_leave (previous);
}

void
air_bus_subscribe (AirBus *self, AirContext *owner, const char *owner_name, const char *name, AirEventHandler handler,
                   void *handler_self)
{
  Subscriber *subscriber = g_new0 (Subscriber, 1);
  bool outgoing = name != NULL && *name == '\0';
  g_autofree char *signal = name != NULL && !outgoing ? g_strdup_printf ("event::%s", name) : g_strdup ("event");

  subscriber->owner = owner;
  subscriber->owner_name = g_intern_string (owner_name);
  subscriber->handler = handler;
  subscriber->self = handler_self;
  subscriber->outgoing = outgoing;
  subscriber->signal_id = g_signal_connect (self, signal, G_CALLBACK (call_subscriber), subscriber);
  g_ptr_array_add (self->subscribers, subscriber);
}

void
air_bus_remove_owner (AirBus *self, AirContext *owner)
{
  for (unsigned i = self->subscribers->len; i > 0; i--)
    {
      Subscriber *subscriber = g_ptr_array_index (self->subscribers, i - 1);

      if (subscriber->owner != owner)
        continue;
      g_signal_handler_disconnect (self, subscriber->signal_id);
      g_ptr_array_remove_index (self->subscribers, i - 1);
    }
}

unsigned
air_bus_count_owner (AirBus *self, AirContext *owner)
{
  unsigned count = 0;

  for (unsigned i = 0; i < self->subscribers->len; i++)
    if (((Subscriber *) g_ptr_array_index (self->subscribers, i))->owner == owner)
      count++;
  return count;
}
