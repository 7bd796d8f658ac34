/* The plugin API of AIRClass. */
#pragma once

#include <airclass/auth.h>
#include <airclass/broker.h>
#include <airclass/broker-memory.h>
#include <airclass/bus.h>
#include <airclass/classroom.h>
#include <airclass/context.h>
#include <airclass/error.h>
#include <airclass/events.h>
#include <airclass/http.h>
#include <airclass/json.h>
#include <airclass/metrics.h>
#include <airclass/plugin.h>
#include <airclass/store.h>
#include <airclass/stream.h>
#include <airclass/text.h>
#include <airclass/types.h>
