/* See asset.h. The ETag is a digest of the content and names the coding, because a strong validator belongs to the
 * bytes as sent (RFC 9110 §8.8.3). */
#include "http/asset.h"

#include <string.h>

#include "http/request.h"

AirAsset *
air_asset_new (const char *content_type, const char *cache_control, GBytes *body)
{
  AirAsset *asset = g_new0 (AirAsset, 1);
  g_atomic_ref_count_init (&asset->references);
  asset->content_type = g_strdup (content_type);
  asset->cache_control = g_strdup (cache_control);
  g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, body);
  asset->etag = g_strndup (digest, 20);
  asset->forms[AIR_CODING_IDENTITY] = body;
  return asset;
}

AirAsset *
air_asset_ref (AirAsset *asset)
{
  g_atomic_ref_count_inc (&asset->references);
  return asset;
}

void
air_asset_unref (AirAsset *asset)
{
  if (asset == NULL || !g_atomic_ref_count_dec (&asset->references))
    return;
  for (int i = 0; i < AIR_CODING_COUNT; i++)
    g_clear_pointer (&asset->forms[i], g_bytes_unref);
  g_free (asset->content_type);
  g_free (asset->cache_control);
  g_free (asset->etag);
  g_free (asset);
}

static bool
is_worth_packing (const char *content_type)
{
  return g_str_has_prefix (content_type, "text/") || strstr (content_type, "javascript") != NULL
         || strstr (content_type, "json") != NULL || strstr (content_type, "svg") != NULL
         || strstr (content_type, "wasm") != NULL;
}

/* ---- Compression, in the worker pool */

typedef struct
{
  AirContext *context;
  GPtrArray *assets; /* (element-type AirAsset) touched on the main thread only */
  GPtrArray *bodies; /* (element-type GBytes) theirs, which never change */
  GPtrArray *forms;  /* (element-type GBytes) (nullable) made here, AIR_CODING_COUNT for each */
} PackJob;

static void
pack_job_free (void *data)
{
  PackJob *job = data;
  g_ptr_array_unref (job->assets);
  g_ptr_array_unref (job->bodies);
  g_ptr_array_unref (job->forms);
  g_free (job);
}

static void
pack (void *data)
{
  PackJob *job = data;
  for (unsigned i = 0; i < job->bodies->len && !air_context_is_stopping (job->context); i++)
    for (AirCoding coding = AIR_CODING_IDENTITY; coding < AIR_CODING_COUNT; coding++)
      g_ptr_array_add (job->forms, air_compress (job->bodies->pdata[i], coding));
}

static void
take_packed (void *data)
{
  PackJob *job = data;
  for (unsigned i = 0; i < job->forms->len / AIR_CODING_COUNT; i++)
    for (AirCoding coding = AIR_CODING_IDENTITY + 1; coding < AIR_CODING_COUNT; coding++)
      {
        AirAsset *asset = job->assets->pdata[i];
        asset->forms[coding] = g_steal_pointer (&job->forms->pdata[i * AIR_CODING_COUNT + coding]);
      }
}

void
air_assets_pack (AirContext *context, GPtrArray *assets)
{
  PackJob *job = g_new0 (PackJob, 1);
  job->context = context;
  job->assets = g_ptr_array_new_with_free_func ((GDestroyNotify) air_asset_unref);
  job->bodies = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  job->forms = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (unsigned i = 0; i < assets->len; i++)
    {
      AirAsset *asset = assets->pdata[i];
      if (!is_worth_packing (asset->content_type))
        continue;
      g_ptr_array_add (job->assets, air_asset_ref (asset));
      g_ptr_array_add (job->bodies, g_bytes_ref (asset->forms[AIR_CODING_IDENTITY]));
    }
  air_context_run_in_pool (context, pack, take_packed, job, pack_job_free);
}

/* ---- Answers */

static AirCoding
choose_form (AirAsset *asset, AirRequest *request)
{
  AirCoding best = AIR_CODING_IDENTITY;
  double most = 0;
  for (AirCoding coding = AIR_CODING_BROTLI; coding > AIR_CODING_IDENTITY; coding--)
    {
      double quality = air_request_get_quality (request, "Accept-Encoding", air_coding_to_string (coding));
      if (asset->forms[coding] == NULL || quality <= most)
        continue;
      best = coding;
      most = quality;
    }
  return best;
}

static bool
has_etag (const char *list, const char *etag)
{
  g_auto (GStrv) parts = g_strsplit (list, ",", 64);
  for (unsigned i = 0; parts[i] != NULL; i++)
    {
      const char *each = g_strstrip (parts[i]);
      if (g_str_equal (each, "*") || g_str_equal (each + (g_str_has_prefix (each, "W/") ? 2 : 0), etag))
        return true;
    }
  return false;
}

void
air_asset_reply (AirAsset *asset, AirRequest *request)
{
  AirCoding coding = choose_form (asset, request);
  const char *known = air_request_get_header (request, "If-None-Match");
  g_autofree char *etag = g_strdup_printf (coding != AIR_CODING_IDENTITY ? "\"%s-%s\"" : "\"%s\"", asset->etag,
                                           air_coding_to_string (coding));
  air_request_set_header (request, "ETag", etag);
  air_request_set_header (request, "Cache-Control", asset->cache_control);
  air_request_set_header (request, "Vary", "Accept-Encoding");
  if (g_str_has_prefix (asset->content_type, "text/html"))
    air_request_set_header (request, "Content-Security-Policy",
                            "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' "
                            "'unsafe-inline'; connect-src 'self' http: https: ws: wss:; worker-src 'self' blob:; "
                            "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'");
  if (known != NULL && has_etag (known, etag))
    {
      air_request_reply_empty (request, 304);
      return;
    }
  if (coding != AIR_CODING_IDENTITY)
    air_request_set_header (request, "Content-Encoding", air_coding_to_string (coding));
  air_request_reply_bytes (request, 200, asset->content_type, asset->forms[coding]);
}
