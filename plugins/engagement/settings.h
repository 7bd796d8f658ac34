/* The option table of [engagement]. */
#pragma once

#include <airclass/airclass.h>

#include "session.h"

extern const AirOption engagement_options[];

void engagement_settings_read (EngagementSettings *settings, AirContext *context);
