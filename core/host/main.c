/* airclassd: everything stands in libairclass, which the plugins link too. */
#include "host/cli.h"

#ifdef __GLIBC__
#include <malloc.h>

/* As it is at first, and then stays: glibc would raise it with each larger block that is freed, and what a server holds would
 * grow for hours by the gaps between pieces of streams (mallopt(3)). */
#define MMAP_THRESHOLD (128 * 1024)
#endif

int
main (int argc, char **argv)
{
#ifdef __GLIBC__
  mallopt (M_MMAP_THRESHOLD, MMAP_THRESHOLD);
#endif
  return air_main (argc, argv);
}
