/* See viewer-record.h. */
#include "viewer-record.h"

void
air_viewer_record_init (AirViewerRecord *record, void *viewer, GDestroyNotify free, const AirViewerRequest *request,
                        const char *engine, const AirSdpChoice *choice)
{
  const AirSdpSection *sound = &choice->kinds[AIR_KIND_AUDIO];
  *record = (AirViewerRecord){
    .viewer = viewer,
    .free = free,
    .short_sound = sound->accepted && !sound->long_packets,
    .info = {
      .viewer_id = g_strdup (request->viewer_id),
      .path = g_strdup (request->path),
      .address = g_strdup (""),
      .engine = engine,
      .profile = "",
      .transport = "",
      .since_us = g_get_real_time (),
      .rtt_us = -1,
      .queue_us = -1,
    },
  };
  air_viewer_level_describe_first (choice->kinds[AIR_KIND_VIDEO].accepted, &record->info);
  g_atomic_ref_count_init (&record->references);
  g_mutex_init (&record->lock);
}

AirViewerRecord *
air_viewer_record_ref (AirViewerRecord *record)
{
  g_atomic_ref_count_inc (&record->references);
  return record;
}

void
air_viewer_record_unref (AirViewerRecord *record)
{
  if (!record || !g_atomic_ref_count_dec (&record->references))
    return;
  g_free (record->info.viewer_id);
  g_free (record->info.path);
  g_free (record->info.address);
  g_mutex_clear (&record->lock);
  record->free (record->viewer);
}

AirViewerInfo *
air_viewer_record_get_info (AirViewerRecord *record)
{
  g_mutex_lock (&record->lock);
  AirViewerInfo *info = g_memdup2 (&record->info, sizeof record->info);
  info->viewer_id = g_strdup (info->viewer_id);
  info->path = g_strdup (info->path);
  info->address = g_strdup (info->address);
  g_mutex_unlock (&record->lock);
  return info;
}

void
air_viewer_record_set_address (AirViewerRecord *record, const char *address, const char *transport)
{
  g_mutex_lock (&record->lock);
  g_free (record->info.address);
  record->info.address = g_strdup (address);
  record->info.transport = transport;
  g_mutex_unlock (&record->lock);
}

void
air_viewer_record_set_profile (AirViewerRecord *record, const char *profile)
{
  g_mutex_lock (&record->lock);
  record->info.profile = profile;
  g_mutex_unlock (&record->lock);
}

void
air_viewer_record_publish (AirViewerRecord *record, const AirViewerInfo *counts, bool connected, AirViewerLevel *level,
                           int64_t now_us)
{
  AirViewerInfo *info = &record->info;
  g_mutex_lock (&record->lock);
  info->connected = connected;
  info->rtt_us = counts->rtt_us;
  info->loss = counts->loss;
  info->jitter_us = counts->jitter_us;
  info->bitrate_bps = (counts->bytes - record->bytes_before) * 8;
  air_viewer_level_describe (level, info, now_us);
  info->packets = counts->packets;
  info->bytes = counts->bytes;
  info->nacks = counts->nacks;
  info->retransmitted = counts->retransmitted;
  info->keyframe_requests = counts->keyframe_requests;
  g_mutex_unlock (&record->lock);
  record->bytes_before = counts->bytes;
}

void
air_viewer_names_init (AirViewerNames *names, const AirSdpOffer *offer, const AirSdpChoice *choice,
                       char ret_mids[AIR_KIND_COUNT][AIR_RTP_MAX_MID_BYTES + 1])
{
  unsigned first = offer->media_count;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      const AirSdpSection *section = &choice->kinds[kind];
      if (!section->accepted)
        continue;
      g_strlcpy (ret_mids[kind], offer->media[section->section]->mid, AIR_RTP_MAX_MID_BYTES + 1);
      first = MIN (first, section->section);
    }
  names->mid = g_strdup (first < offer->media_count ? offer->media[first]->mid : "");
  names->cname = g_strdup_printf ("airclass-%08x%08x", g_random_int (), g_random_int ());
}

void
air_viewer_names_clear (AirViewerNames *names)
{
  g_clear_pointer (&names->mid, g_free);
  g_clear_pointer (&names->cname, g_free);
}
