/* A descriptor in the epoll set of a fan-out loop: the pointer that epoll gives back. Stands inside its owner. */
#pragma once

#include <stdint.h>

typedef struct _AirWatch AirWatch;

struct _AirWatch
{
  void (*ready) (AirWatch *watch);
};
