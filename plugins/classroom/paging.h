/* Lists in pages: ?limit=&cursor=. */
#pragma once

#include <airclass/airclass.h>

#define PAGE_MAX 200

/* False: answered with 400. */
bool paging_get_limit (AirRequest *request, unsigned *ret_limit);
/* Replies {"@name": […], "next_cursor": …}. @array: (transfer full); @next NULL: the last page. */
void paging_reply (AirRequest *request, const char *name, JsonArray *array, const char *next);
