/* Chat: students write in turn, everybody hears it. */
#include "class-load.h"

#define LEAD_US 50000

static void
write_message (const LoadDue *due)
{
  LoadSeat *seat = due->seat;
  g_autofree char *text = g_strdup_printf ("{\"type\":\"chat\",\"text\":\"" CLASS_CHAT_TEXT "%u\"}", due->number);

  seat->class->chat_sent_us[due->number] = g_get_monotonic_time ();
  if (seat->socket.fd < 0 || !load_socket_send (&seat->socket, text))
    class_seat_fail (seat, "a chat message could not be sent");
}

static bool
is_heard (LoadClass *class)
{
  return class->heard_chat >= (uint64_t)class->in * (unsigned)class->options.messages;
}

void
class_chat_run (LoadClass *class)
{
  unsigned messages = (unsigned)class->options.messages, students = (unsigned)class->options.students;
  int64_t from_us = g_get_monotonic_time () + LEAD_US;

  class_read_usage (class, &class->chatting.before);
  for (unsigned i = 0; i < messages; i++)
    class_loop_add_due (class, from_us + (int64_t)(i * class->options.chat_interval_s * G_USEC_PER_SEC),
                        class->seats->pdata[1 + i % students], i);
  if (!class_loop_run (class, write_message, is_heard))
    class_add_problem (class, "%u chat messages to %u pages: %" G_GUINT64_FORMAT " arrivals are missing", messages, class->in,
                       (uint64_t)class->in * messages - class->heard_chat);
  class_read_usage (class, &class->chatting.after);
}
