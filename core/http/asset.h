/* A file or a made document that is served with its validator and compressed forms. Main thread. */
#pragma once

#include <airclass/http.h>

#include "http/compress.h"

G_BEGIN_DECLS

typedef struct
{
  gatomicrefcount references;
  char *content_type;
  char *cache_control;
  char *etag;                      /* without quotes and coding */
  GBytes *forms[AIR_CODING_COUNT]; /* NULL: not there (yet) */
} AirAsset;

/* @body: (transfer full) */
AirAsset *air_asset_new (const char *content_type, const char *cache_control, GBytes *body);
AirAsset *air_asset_ref (AirAsset *asset);
void air_asset_unref (AirAsset *asset);
/* Makes the compressed forms of @assets (element-type AirAsset) where the type is worth it: that takes a tenth of a second
 * and more, so it is done in the worker pool, and they are served as they are until then. */
void air_assets_pack (AirContext *context, GPtrArray *assets);
/* Answers with the best form that the client takes, or 304. */
void air_asset_reply (AirAsset *asset, AirRequest *request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirAsset, air_asset_unref)

G_END_DECLS
