/* The last messages of a class, for sockets that resume. Bounded by number, bytes and age. No clock of its own. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_MESSAGES 512
#define RING_BYTES (4 * 1024 * 1024)
#define RING_AGE_US (300 * G_USEC_PER_SEC)

typedef struct
{
  int64_t id;
  int64_t at_us;     /* monotonic */
  unsigned audience; /* AirAudience; 0: @user_id alone */
  char *user_id;     /* NULL: all of the audience */
  char *text;        /* GRefString: shared with whoever sends it */
  size_t length;
} RingEntry;

typedef struct
{
  GQueue entries; /* of RingEntry, oldest first */
  size_t bytes;
  int64_t last_id; /* given to the newest message, kept or not */
  int64_t lost_id; /* the newest one that was kept and is gone */
} Ring;

/* Ids go on from @first_id: later than those of an earlier run of the server, so that none comes twice. */
void ring_init (Ring *ring, int64_t first_id);
void ring_clear (Ring *ring);
int64_t ring_next_id (Ring *ring);
/* @text: a GRefString; a reference is taken. */
void ring_add (Ring *ring, int64_t id, unsigned audience, const char *user_id, char *text, int64_t now_us);
/* Takes out what was deleted: the messages whose text contains @message_id, at least 16 characters. */
void ring_forget_text (Ring *ring, const char *message_id);
/* Drops what is too old. Whether all messages after @last_id are still here; then @ret_first is the first of them, NULL: none. */
bool ring_resume (Ring *ring, int64_t last_id, int64_t now_us, GList **ret_first);
