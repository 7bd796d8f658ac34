/* What the plugin "everything" tells the test: provided as the service "everything". */
#pragma once

#include <stdbool.h>

typedef struct
{
  unsigned created, started, stopped, destroyed;
  unsigned calls, dropped, timer, events, jobs_worked, jobs_done;
  bool stopping, ended_after_stop;
} EverythingRecord;
