/* airclassd: everything stands in libairclass, which the plugins link too. */
#include "host/cli.h"

int
main (int argc, char **argv)
{
  return air_main (argc, argv);
}
