/* A viewer in JSON, as the schema Viewer of schemas/openapi.yaml says. */
#pragma once

#include "engine.h"

/* @user_id: (nullable). Returns: (transfer full) */
JsonObject *air_viewer_to_json (const AirViewerInfo *info, const char *user_id);
