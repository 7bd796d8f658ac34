/* A queue of sent messages. */
#include "ring.h"

#include <string.h>

static void
entry_free (Ring *ring, RingEntry *entry)
{
  ring->bytes -= entry->length;
  g_ref_string_release (entry->text);
  g_free (entry->user_id);
  g_free (entry);
}

static void
drop_oldest (Ring *ring)
{
  RingEntry *entry = g_queue_pop_head (&ring->entries);
  ring->lost_id = entry->id;
  entry_free (ring, entry);
}

void
ring_init (Ring *ring, int64_t first_id)
{
  *ring = (Ring){ .entries = G_QUEUE_INIT, .last_id = first_id, .lost_id = first_id };
}

void
ring_clear (Ring *ring)
{
  while (!g_queue_is_empty (&ring->entries))
    drop_oldest (ring);
}

int64_t
ring_next_id (Ring *ring)
{
  return ++ring->last_id;
}

void
ring_add (Ring *ring, int64_t id, unsigned audience, const char *user_id, char *text, int64_t now_us)
{
  RingEntry *entry = g_new0 (RingEntry, 1);
  *entry = (RingEntry){ .id = id,
                        .at_us = now_us,
                        .audience = audience,
                        .user_id = g_strdup (user_id),
                        .text = g_ref_string_acquire (text),
                        .length = g_ref_string_length (text) };
  g_queue_push_tail (&ring->entries, entry);
  ring->bytes += entry->length;
  while (g_queue_get_length (&ring->entries) > RING_MESSAGES || (ring->bytes > RING_BYTES && ring->entries.head != NULL))
    drop_oldest (ring);
}

/* A message id is a text that nothing else contains. */
void
ring_forget_text (Ring *ring, const char *message_id)
{
  GList *next = NULL;
  for (GList *at = ring->entries.head; at != NULL; at = next)
    {
      RingEntry *entry = at->data;
      next = at->next;
      if (strstr (entry->text, message_id) == NULL)
        continue;
      g_queue_delete_link (&ring->entries, at);
      entry_free (ring, entry);
    }
}

bool
ring_resume (Ring *ring, int64_t last_id, int64_t now_us, GList **ret_first)
{
  while (ring->entries.head != NULL && now_us - ((RingEntry *)ring->entries.head->data)->at_us > RING_AGE_US)
    drop_oldest (ring);
  *ret_first = NULL;
  if (last_id < ring->lost_id || last_id > ring->last_id)
    return false;
  /* Most come back after a moment: the newest are looked at first. */
  for (GList *at = ring->entries.tail; at != NULL && ((RingEntry *)at->data)->id > last_id; at = at->prev)
    *ret_first = at;
  return true;
}
