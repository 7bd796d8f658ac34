/* Choosing readers. */
#include "stream-feed.h"

/* A rendition that failed is tried again after so long. */
#define RETRY_US (5 * G_USEC_PER_SEC)
/* A publisher that returns shows its B-frames anew; until then the rendition goes on. */
#define BFRAMES_FORGOTTEN_US (5 * G_USEC_PER_SEC)
#define LOW_GRACE_US (10 * G_USEC_PER_SEC)

typedef struct
{
  AirStream *stream; /* what is read now: the stream or a rendition of it; NULL: nothing */
  int64_t retry_us;  /* when a failed rendition may be tried again */
} Supply;

struct _AirStreamFeed
{
  AirContext *context;
  AirFeedOutput output;
  AirStream *stream;
  AirBframes bframes;
  bool reordered;     /* B-frames that cannot be left out were seen on the way */
  int64_t bframes_us; /* when the publisher was last known to send B-frames; 0: never */
  unsigned viewers;
  unsigned short_viewers;
  bool sound_waits;
  Supply supplies[AIR_LANE_COUNT];
  int64_t low_us; /* when the low rung was last needed */
};

static bool
has_codec (AirStream *stream, AirKind kind, AirCodec codec)
{
  g_autoptr (AirTrack) track = air_stream_get_track (stream, kind);
  return track && air_track_get_codec (track) == codec;
}

static bool
is_playable_audio (AirStream *stream)
{
  return has_codec (stream, AIR_KIND_AUDIO, AIR_CODEC_OPUS) || has_codec (stream, AIR_KIND_AUDIO, AIR_CODEC_AAC);
}

bool
air_stream_feed_check (AirStream *stream, AirBframes bframes, GError **error)
{
  g_autoptr (AirTrack) video = air_stream_get_track (stream, AIR_KIND_VIDEO);
  if (video && air_track_get_codec (video) != AIR_CODEC_H264)
    {
      g_set_error (error, AIR_ENGINE_ERROR, AIR_ENGINE_ERROR_STREAM,
                   "The publisher sends %s video; browsers get H.264 only. Let the publisher send H.264.",
                   air_codec_to_string (air_track_get_codec (video)));
      return false;
    }
  if (video && bframes == AIR_BFRAMES_REFUSE && air_stream_has_bframes (stream))
    {
      g_set_error_literal (error, AIR_ENGINE_ERROR, AIR_ENGINE_ERROR_STREAM,
                           "The publisher sends B-frames, which this server is set to refuse. "
                           "Let the publisher send H.264 without B-frames (x264: tune=zerolatency).");
      return false;
    }
  g_autoptr (AirTrack) audio = air_stream_get_track (stream, AIR_KIND_AUDIO);
  if (!video && !audio)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "The stream has no picture and no sound yet.");
      return false;
    }
  if (!video && !is_playable_audio (stream))
    {
      g_set_error (error, AIR_ENGINE_ERROR, AIR_ENGINE_ERROR_STREAM,
                   "The publisher sends %s audio; AAC or Opus is needed.",
                   air_codec_to_string (air_track_get_codec (audio)));
      return false;
    }
  return true;
}

AirStreamFeed *
air_stream_feed_new (AirContext *context, AirStream *stream, AirBframes bframes, const AirFeedOutput *output)
{
  AirStreamFeed *feed = g_new0 (AirStreamFeed, 1);
  feed->context = context;
  feed->stream = air_stream_ref (stream);
  feed->bframes = bframes;
  feed->output = *output;
  air_stream_feed_review (feed);
  return feed;
}

void
air_stream_feed_free (AirStreamFeed *feed)
{
  if (!feed)
    return;
  feed->output.close (feed->output.group);
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    g_clear_pointer (&feed->supplies[lane].stream, air_stream_unref);
  air_stream_unref (feed->stream);
  g_free (feed);
}

AirStream *
air_stream_feed_get_stream (AirStreamFeed *feed)
{
  return feed->stream;
}

void *
air_stream_feed_get_group (AirStreamFeed *feed)
{
  return feed->output.group;
}

AirSdpSource
air_stream_feed_get_video (AirStreamFeed *feed)
{
  AirSdpSource source = { 0 };
  AirStream *read = feed->supplies[AIR_LANE_VIDEO].stream;
  g_autoptr (AirTrack) track = read ? air_stream_get_track (read, AIR_KIND_VIDEO) : NULL;
  GBytes *codec_data = track ? air_track_get_codec_data (track) : NULL;
  if (!codec_data || g_bytes_get_size (codec_data) < 4)
    return source;
  const uint8_t *data = g_bytes_get_data (codec_data, NULL);
  source.has_profile = true;
  source.profile_idc = data[1];
  source.constraints = data[2];
  return source;
}

unsigned
air_stream_feed_add_viewers (AirStreamFeed *feed, int change)
{
  feed->viewers = (unsigned)((int)feed->viewers + change);
  return feed->viewers;
}

void
air_stream_feed_add_short_viewers (AirStreamFeed *feed, int change)
{
  feed->short_viewers = (unsigned)((int)feed->short_viewers + change);
}

void
air_stream_feed_set_sound_waits (AirStreamFeed *feed, bool waits)
{
  waits = waits && feed->short_viewers == 0;
  if (waits == feed->sound_waits)
    return;
  feed->sound_waits = waits;
  feed->output.set_sound_waits (feed->output.group, waits);
}

static AirStream *
get_rendition (AirStreamFeed *feed, AirLane lane, const char *name)
{
  Supply *supply = &feed->supplies[lane];
  g_autoptr (GError) error = NULL;
  if (g_get_monotonic_time () < supply->retry_us)
    return NULL;
  AirStream *rendition = air_stream_get_rendition (feed->stream, name, &error);
  if (rendition)
    return rendition;
  supply->retry_us = g_get_monotonic_time () + RETRY_US;
  g_warning ("%s: no rendition \"%s\": %s", air_stream_get_path (feed->stream), name, error->message);
  return NULL;
}

/* Whether the video is of a kind that browsers cannot decode, whatever its order. */
static bool
is_foreign (AirStreamFeed *feed)
{
  g_autoptr (AirTrack) track = air_stream_get_track (feed->stream, AIR_KIND_VIDEO);
  return feed->bframes != AIR_BFRAMES_REFUSE && track && !air_track_is_browser_video (track);
}

/* Whether the video has to be made anew. A publisher that is away counts as before. */
static bool
needs_reencoding (AirStreamFeed *feed)
{
  int64_t now_us = g_get_monotonic_time ();
  bool away = air_stream_get_state (feed->stream) != AIR_STREAM_LIVE;
  if (air_stream_has_bframes (feed->stream) || (away && feed->bframes_us != 0))
    feed->bframes_us = now_us;
  bool lately = feed->bframes_us != 0 && now_us <= feed->bframes_us + BFRAMES_FORGOTTEN_US;
  feed->reordered &= lately;
  return is_foreign (feed) || (lately && (feed->bframes == AIR_BFRAMES_TRANSCODE || feed->reordered));
}

/* Returns: (transfer full) (nullable) */
static AirStream *
wanted_video (AirStreamFeed *feed)
{
  if (!has_codec (feed->stream, AIR_KIND_VIDEO, AIR_CODEC_H264))
    return NULL;
  AirStream *rendition = needs_reencoding (feed) ? get_rendition (feed, AIR_LANE_VIDEO, "h264-nobframes") : NULL;
  /* Where the encoder cannot be had, a picture out of order is better than none. */
  return rendition ? rendition : air_stream_ref (feed->stream);
}

/* Returns: (transfer full) (nullable) */
static AirStream *
wanted_audio (AirStreamFeed *feed)
{
  if (has_codec (feed->stream, AIR_KIND_AUDIO, AIR_CODEC_OPUS))
    return air_stream_ref (feed->stream);
  if (has_codec (feed->stream, AIR_KIND_AUDIO, AIR_CODEC_AAC))
    return get_rendition (feed, AIR_LANE_AUDIO, "opus");
  return NULL;
}

/* Made while somebody needs it, and a while longer: who needs it once often does so again.
 * Returns: (transfer full) (nullable) */
static AirStream *
wanted_low (AirStreamFeed *feed)
{
  int64_t now_us = g_get_monotonic_time ();
  Supply *supply = &feed->supplies[AIR_LANE_VIDEO_LOW];
  if (air_rung_demand_is_wanted (feed->output.demand, AIR_RUNG_LOW))
    feed->low_us = now_us;
  else if (feed->low_us == 0 || now_us > feed->low_us + LOW_GRACE_US)
    return NULL;
  /* A publisher that is away is waited for. */
  AirStream *low = has_codec (feed->stream, AIR_KIND_VIDEO, AIR_CODEC_H264)
                     ? get_rendition (feed, AIR_LANE_VIDEO_LOW, "low-rung")
                   : supply->stream ? air_stream_ref (supply->stream)
                                    : NULL;
  air_rung_demand_set_possible (feed->output.demand, AIR_RUNG_LOW, low || supply->retry_us == 0);
  return low;
}

static void
supply (AirStreamFeed *feed, AirLane lane, AirStream *wanted)
{
  Supply *supplied = &feed->supplies[lane];
  AirKind kind = lane == AIR_LANE_AUDIO ? AIR_KIND_AUDIO : AIR_KIND_VIDEO;
  g_autoptr (AirReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  if (wanted == supplied->stream)
    return;
  if (wanted)
    {
      /* Sound can be joined anywhere; what the low rung had before it was left was seen. Back to the publisher's own video: at its next keyframe, not at the last one,
       * which viewers have seen. */
      bool live = lane != AIR_LANE_VIDEO || (supplied->stream && wanted == feed->stream);
      AirReaderConfig config = {
        .protocol = "whep",
        .kinds = 1u << kind,
        .start = live ? AIR_START_LIVE : AIR_START_CACHED,
      };
      reader = air_context_add_reader (feed->context, wanted, &config, &error);
      if (!reader)
        {
          supplied->retry_us = g_get_monotonic_time () + RETRY_US;
          g_warning ("%s cannot be read: %s", air_stream_get_path (wanted), error->message);
          return;
        }
    }
  g_clear_pointer (&supplied->stream, air_stream_unref);
  supplied->stream = wanted ? air_stream_ref (wanted) : NULL;
  feed->output.set_reader (feed->output.group, lane, g_steal_pointer (&reader));
}

void
air_stream_feed_review (AirStreamFeed *feed)
{
  g_autoptr (AirStream) video = wanted_video (feed);
  g_autoptr (AirStream) audio = wanted_audio (feed);
  /* A publisher that is away takes its tracks along; what was read stays for when it returns. */
  if (video || air_stream_get_state (feed->stream) == AIR_STREAM_LIVE)
    supply (feed, AIR_LANE_VIDEO, video);
  if (audio || air_stream_get_state (feed->stream) == AIR_STREAM_LIVE)
    supply (feed, AIR_LANE_AUDIO, audio);
  g_autoptr (AirStream) low = wanted_low (feed);
  supply (feed, AIR_LANE_VIDEO_LOW, low);
}

void
air_stream_feed_take_change (AirStreamFeed *feed)
{
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    feed->supplies[lane].retry_us = 0;
  air_stream_feed_review (feed);
}

bool
air_stream_feed_take_reordered (AirStreamFeed *feed)
{
  if (feed->bframes == AIR_BFRAMES_REFUSE)
    return false;
  if (!feed->reordered)
    g_message ("%s: B-frames; its video is made anew without them, once for all viewers",
               air_stream_get_path (feed->stream));
  feed->reordered = true;
  feed->bframes_us = g_get_monotonic_time ();
  air_stream_feed_review (feed);
  return true;
}

bool
air_stream_feed_take_ended (AirStreamFeed *feed, AirLane lane)
{
  if (air_stream_get_state (feed->stream) == AIR_STREAM_IDLE)
    return false;
  /* The stream lives, so it was a rendition: read it anew, not at once. */
  Supply *supplied = &feed->supplies[lane];
  if (supplied->stream && supplied->stream != feed->stream)
    {
      g_clear_pointer (&supplied->stream, air_stream_unref);
      supplied->retry_us = g_get_monotonic_time () + RETRY_US;
    }
  return true;
}
