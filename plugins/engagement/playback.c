/* What the pages of one student say together: see session.h. */
#include "session.h"

#include <airclass/json.h>

/* A page that is being watched tells each 15 s: of one that has been silent for longer nothing is believed while another one speaks. */
#define FRESH_US (20 * G_USEC_PER_SEC)

static bool
is_on_page (JsonNode *message)
{
  return air_json_get_bool (message, "visible", false) && air_json_get_bool (message, "playing", false);
}

JsonNode *
engagement_best_playback (const AirClassReport *reports, unsigned count, void *self)
{
  for (unsigned i = 0; i < count; i++)
    if (reports[i].age_us < FRESH_US && is_on_page (reports[i].message))
      return json_node_ref (reports[i].message);
  return json_node_ref (reports[0].message);
}
