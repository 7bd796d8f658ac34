/* See asset.h. The ETag is a digest of the content and names the coding, because a strong validator belongs to the
 * bytes as sent (RFC 9110 §8.8.3). */
#include "http/asset.h"

#include <string.h>

#include "http/request.h"

static bool
is_worth_packing (const char *content_type)
{
  return g_str_has_prefix (content_type, "text/") || strstr (content_type, "javascript") != NULL
         || strstr (content_type, "json") != NULL || strstr (content_type, "svg") != NULL
         || strstr (content_type, "wasm") != NULL;
}

AirAsset *
air_asset_new (AirContext *context, const char *content_type, const char *cache_control, GBytes *body)
{
  AirAsset *asset = g_new0 (AirAsset, 1);
  g_atomic_ref_count_init (&asset->references);
  asset->context = context;
  asset->content_type = g_strdup (content_type);
  asset->cache_control = g_strdup (cache_control);
  asset->awaits_packing = is_worth_packing (content_type);
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

/* ---- Compression, in the worker pool */

typedef struct
{
  AirAsset *asset;                 /* touched on the main thread only */
  AirContext *context;             /* its */
  GBytes *body;                    /* its, which never changes */
  GBytes *forms[AIR_CODING_COUNT]; /* (nullable) made here */
} PackJob;

static void
pack_job_free (void *data)
{
  PackJob *job = data;
  air_asset_unref (job->asset);
  g_bytes_unref (job->body);
  for (int i = 0; i < AIR_CODING_COUNT; i++)
    g_clear_pointer (&job->forms[i], g_bytes_unref);
  g_free (job);
}

static void
pack (void *data)
{
  PackJob *job = data;
  for (AirCoding coding = AIR_CODING_IDENTITY + 1; coding < AIR_CODING_COUNT; coding++)
    if (!air_context_is_stopping (job->context))
      job->forms[coding] = air_compress (job->body, coding);
}

static void
take_packed (void *data)
{
  PackJob *job = data;
  for (AirCoding coding = AIR_CODING_IDENTITY + 1; coding < AIR_CODING_COUNT; coding++)
    job->asset->forms[coding] = g_steal_pointer (&job->forms[coding]);
}

static void
start_packing (AirAsset *asset)
{
  PackJob *job = g_new0 (PackJob, 1);
  asset->awaits_packing = false;
  job->asset = air_asset_ref (asset);
  job->context = asset->context;
  job->body = g_bytes_ref (asset->forms[AIR_CODING_IDENTITY]);
  air_context_run_in_pool (asset->context, pack, take_packed, job, pack_job_free);
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
      if (quality <= most)
        continue;
      if (asset->awaits_packing)
        start_packing (asset);
      if (asset->forms[coding] == NULL)
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
