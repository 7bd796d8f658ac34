/* Pages of a list. */
#include "paging.h"

bool
paging_get_limit (AirRequest *request, unsigned *ret_limit)
{
  const char *text = air_request_get_query (request, "limit");
  guint64 limit = PAGE_MAX;
  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, PAGE_MAX, &limit, NULL))
    {
      air_request_reply_problem (request, 400, "invalid", "limit is a number from 1 to 200");
      return false;
    }
  *ret_limit = (unsigned)limit;
  return true;
}

void
paging_reply (AirRequest *request, const char *name, JsonArray *array, const char *next)
{
  JsonNode *body = air_json_new ("{next_cursor:%s}", next);
  json_object_set_array_member (json_node_get_object (body), name, array);
  air_request_reply_json (request, 200, body);
}
