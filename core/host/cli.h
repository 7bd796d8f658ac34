/* The command line of airclassd. */
#pragma once

#include <airclass/types.h>

/* Returns the exit status. Main thread, once. */
AIR_PUBLIC int air_main (int argc, char **argv);
