/* Forward declarations shared by the public headers. */
#pragma once

#include <glib.h>

typedef struct _AirPlugin AirPlugin;
typedef struct _AirOption AirOption;
typedef struct _AirContext AirContext;

typedef struct _AirBus AirBus;
typedef struct _AirEvent AirEvent;

typedef struct _AirRequest AirRequest;
typedef struct _AirRoute AirRoute;
typedef struct _AirSocket AirSocket;
typedef struct _AirSocketRoute AirSocketRoute;

typedef struct _AirIdentity AirIdentity;
typedef struct _AirAccess AirAccess;

typedef struct _AirMetric AirMetric;

typedef struct _AirStream AirStream;
typedef struct _AirPublisher AirPublisher;
typedef struct _AirTrack AirTrack;
typedef struct _AirUnit AirUnit;
typedef struct _AirReader AirReader;

/* Marks what libairclass exports; everything else in it is hidden. */
#define AIR_PUBLIC __attribute__ ((visibility ("default")))
