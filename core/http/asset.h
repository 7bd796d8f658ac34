/* A file or a made document that is served with its validator and compressed forms. Main thread. */
#pragma once

#include <airclass/http.h>

#include "http/compress.h"

G_BEGIN_DECLS

typedef struct
{
  gatomicrefcount references;
  AirContext *context;             /* whose worker pool packs */
  char *content_type;
  char *cache_control;
  char *etag;                      /* without quotes and coding */
  bool awaits_packing;
  GBytes *forms[AIR_CODING_COUNT]; /* NULL: not there (yet) */
} AirAsset;

/* @context: must outlive the asset. @body: (transfer full) */
AirAsset *air_asset_new (AirContext *context, const char *content_type, const char *cache_control, GBytes *body);
AirAsset *air_asset_ref (AirAsset *asset);
void air_asset_unref (AirAsset *asset);
/* Answers with the best form that the client takes, or 304. The compressed forms are made when a client first takes one
 * and the type is worth it: that takes a tenth of a second and more, so it is done in the worker pool, and the content is
 * sent as it is until then. */
void air_asset_reply (AirAsset *asset, AirRequest *request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirAsset, air_asset_unref)

G_END_DECLS
