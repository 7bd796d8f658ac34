/* The web app: a folder of files held in memory. Main thread. */
#pragma once

#include <airclass/context.h>

#include "http/asset.h"

G_BEGIN_DECLS

typedef struct _AirWebApp AirWebApp;

/* Reads the folder; one that is missing is an empty app. The compressed forms are made in the worker pool. */
AirWebApp *air_web_app_new (AirContext *context, const char *folder, GError **error);
void air_web_app_free (AirWebApp *app);
/* The file of that URL path, or the page for one of the app's own addresses ("/", "/student"). (transfer none)
 * (nullable) */
AirAsset *air_web_app_find (AirWebApp *app, const char *path);

G_END_DECLS
