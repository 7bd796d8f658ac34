/* Messages that speak of one page and not of the person: the last of each socket is kept, and the handler gets what they are together. */
#include "classroom.h"

/* More are no page's doing: MAX_SOCKETS_OF_ONE. */
#define MAX_REPORTS 32u

typedef struct
{
  JsonNode *message;
  int64_t at_us; /* monotonic */
} Kept;

static void
kept_free (gpointer data)
{
  Kept *kept = data;
  json_node_unref (kept->message);
  g_free (kept);
}

static int
by_age (const void *a, const void *b)
{
  const AirClassReport *one = a, *other = b;
  return one->age_us < other->age_us ? -1 : one->age_us > other->age_us;
}

/* What the sockets of @member have said last, the newest first. */
static unsigned
collect (const Member *member, const char *type, AirClassReport reports[MAX_REPORTS])
{
  int64_t now_us = g_get_monotonic_time ();
  unsigned count = 0;
  for (unsigned i = 0; i < member->clients->len && count < MAX_REPORTS; i++)
    {
      const Client *client = member->clients->pdata[i];
      const Kept *kept = client->reports != NULL ? g_hash_table_lookup (client->reports, type) : NULL;
      if (kept != NULL)
        reports[count++] = (AirClassReport){ .message = kept->message, .age_us = now_us - kept->at_us };
    }
  qsort (reports, count, sizeof reports[0], by_age);
  return count;
}

JsonNode *
combine_take (Client *client, const AirClassMessage *kind, JsonNode *message, void *self)
{
  if (client->reports == NULL)
    client->reports = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, kept_free);
  Kept *kept = g_new0 (Kept, 1);
  *kept = (Kept){ .message = json_node_ref (message), .at_us = g_get_monotonic_time () };
  g_hash_table_replace (client->reports, g_strdup (kind->type), kept);
  if (client->member->clients->len < 2)
    return json_node_ref (message);
  AirClassReport reports[MAX_REPORTS];
  return kind->combine (reports, collect (client->member, kind->type, reports), self);
}

JsonNode *
combine_again (Member *member, const AirClassMessage *kind, void *self)
{
  AirClassReport reports[MAX_REPORTS];
  unsigned count = collect (member, kind->type, reports);
  return count > 0 ? kind->combine (reports, count, self) : NULL;
}
