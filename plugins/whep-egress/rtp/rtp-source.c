/* Reading units and making packets of them. */
#include "rtp-source.h"

#include <sys/epoll.h>

#include "lip-sync.h"
#include "rtp-h264.h"
#include "rtp-opus.h"
#include "rtp-sound.h"

#define CAPTURE_TIME_EVERY_NS (500 * G_GINT64_CONSTANT (1000000))
#define LEAST_STEP_NS G_GINT64_CONSTANT (1000000)
#define WAIT_EVERY_NS (500 * G_GINT64_CONSTANT (1000000))
/* How often the usual lateness of pictures is looked at again. */
#define LATE_EVERY_UNITS 16u

/* A reader with its place in epoll. */
typedef struct
{
  AirWatch watch;
  AirRtpSource *source;
  AirLane lane;
  AirReader *reader;
  bool ended;
  bool told_reordered;
  int64_t newest_ns; /* PTS of what came, to know B-frames by */
} Input;

typedef struct
{
  Input inputs[2];
  Input *current; /* what is packetized */
  Input *next;    /* waits for its first keyframe; NULL: none */
  AirRtpH264 *h264; /* NULL: audio */
  AirTrack *track;
  int64_t sent_ns; /* PTS of the newest packets */
  int64_t next_capture_ns; /* when a packet carries the capture time again */
  int64_t next_wait_ns;    /* when a picture carries the playout delay again */
  AirLateness lateness;
  int64_t arrival_us; /* of the unit that is being packetized, or lets the sound go that waited for it */
  bool disposable;    /* it is */
  uint16_t unit_flags; /* of all packets of the picture */
  bool any;
} Channel;

struct _AirRtpSource
{
  AirRtpSourceEvents events;
  void *data;
  int epoll;
  bool drop_reordered;
  unsigned viewers;
  AirRtpView *view;
  Channel channels[AIR_LANE_COUNT];
  AirRtpOpus opus;
  AirRtpSound *sound;
  bool sound_waits; /* for the picture */
  int wait_ms; /* how long a picture waits for its sound; < 0: not known */
};

static void input_ready (AirWatch *watch);

AirRtpSource *
air_rtp_source_new (AirRtpView *view, bool drop_reordered, const AirRtpSourceEvents *events, void *data)
{
  AirRtpSource *source = g_new0 (AirRtpSource, 1);
  source->events = *events;
  source->data = data;
  source->view = view;
  source->epoll = -1;
  source->wait_ms = -1;
  source->drop_reordered = drop_reordered;
  source->sound = air_rtp_sound_new ();
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    {
      Channel *channel = &source->channels[lane];
      channel->h264 = lane == AIR_LANE_AUDIO ? NULL : air_rtp_h264_new ();
      for (unsigned i = 0; i < G_N_ELEMENTS (channel->inputs); i++)
        channel->inputs[i] = (Input){ { input_ready }, source, (AirLane)lane, NULL, false, false };
    }
  return source;
}

static void
close_input (Input *input)
{
  if (!input || !input->reader)
    return;
  if (!input->ended)
    epoll_ctl (input->source->epoll, EPOLL_CTL_DEL, air_reader_get_fd (input->reader), NULL);
  g_clear_pointer (&input->reader, air_reader_close);
}

void
air_rtp_source_free (AirRtpSource *source)
{
  if (!source)
    return;
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    {
      Channel *channel = &source->channels[lane];
      close_input (channel->current);
      close_input (channel->next);
      air_rtp_h264_free (channel->h264);
      g_clear_pointer (&channel->track, air_track_unref);
    }
  air_rtp_sound_free (source->sound);
  g_free (source);
}

void
air_rtp_source_attach (AirRtpSource *source, int epoll)
{
  source->epoll = epoll;
}

/* People are counted once, on the video when there is one. */
static void
tell_viewers (AirRtpSource *source)
{
  AirLane counted = source->channels[AIR_LANE_VIDEO].current ? AIR_LANE_VIDEO : AIR_LANE_AUDIO;
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    {
      Channel *channel = &source->channels[lane];
      bool counts = lane == counted;
      if (channel->current && channel->current->reader)
        air_reader_set_viewers (channel->current->reader, counts ? source->viewers : 0);
      if (channel->next && channel->next->reader)
        air_reader_set_viewers (channel->next->reader, 0);
    }
}

void
air_rtp_source_set_reader (AirRtpSource *source, AirLane lane, AirReader *reader)
{
  Channel *channel = &source->channels[lane];
  close_input (channel->next);
  channel->next = NULL;
  if (!reader)
    {
      close_input (channel->current);
      channel->current = NULL;
      tell_viewers (source);
      return;
    }
  bool wait = lane != AIR_LANE_AUDIO && channel->current && channel->any;
  if (!wait)
    close_input (channel->current);
  Input *input = channel->current == &channel->inputs[0] && wait ? &channel->inputs[1] : &channel->inputs[0];
  input->reader = reader;
  input->ended = false;
  input->told_reordered = false;
  input->newest_ns = INT64_MIN;
  if (wait)
    channel->next = input;
  else
    channel->current = input;
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = &input->watch };
  epoll_ctl (source->epoll, EPOLL_CTL_ADD, air_reader_get_fd (reader), &event);
  tell_viewers (source);
  input_ready (&input->watch);
}

void
air_rtp_source_set_viewers (AirRtpSource *source, unsigned viewers)
{
  source->viewers = viewers;
  tell_viewers (source);
}

void
air_rtp_source_set_sound_waits (AirRtpSource *source, bool waits)
{
  source->sound_waits = waits; /* what waits goes with the next picture, or the next sound */
}

void
air_rtp_source_request_keyframe (AirRtpSource *source, AirLane lane)
{
  Input *input = source->channels[lane].current;
  if (input && input->reader)
    air_stream_request_keyframe (air_reader_get_stream (input->reader));
}

/* Once in a while is enough, receivers interpolate. */
static bool
is_capture_time_due (Channel *channel, int64_t pts_ns)
{
  if (pts_ns < channel->next_capture_ns)
    return false;
  channel->next_capture_ns = pts_ns + CAPTURE_TIME_EVERY_NS;
  return true;
}

static void
take_packet (AirRtpPacket *packet, Channel *channel)
{
  AirLane lane = channel->inputs[0].lane;
  packet->lane = (uint8_t)lane;
  air_packet_ring_append (channel->inputs[0].source->view->rings[lane], packet);
}

/* A viewer's first picture is a keyframe and is shown at once, so it waits from the one behind it on. */
static bool
is_wait_due (Channel *channel, const AirRtpPacket *first)
{
  if (first->flags & AIR_RTP_KEYFRAME)
    channel->next_wait_ns = 0;
  else if (first->pts_ns >= channel->next_wait_ns)
    {
      channel->next_wait_ns = first->pts_ns + WAIT_EVERY_NS;
      return true;
    }
  return false;
}

static void
look_at_wait (AirRtpSource *source, const Channel *pictures)
{
  const Channel *sound = &source->channels[AIR_LANE_AUDIO];
  int before = source->wait_ms;
  if (sound->current)
    source->wait_ms = air_lip_sync_wait_ms (&pictures->lateness, &sound->lateness, before);
  if (source->wait_ms != before)
    g_debug ("the picture waits %d ms for its sound", source->wait_ms);
}

/* What one packet of a picture carries all do, so that their sizes stay equal. */
static void
take_picture_packet (AirRtpPacket *packet, void *data)
{
  Channel *channel = data;
  AirRtpSource *source = channel->inputs[0].source;
  if (packet->flags & AIR_RTP_FRAME_START)
    {
      channel->unit_flags = channel->disposable ? AIR_RTP_DISPOSABLE : 0;
      if (is_capture_time_due (channel, packet->pts_ns))
        channel->unit_flags |= AIR_RTP_CAPTURE_TIME;
      if (is_wait_due (channel, packet))
        {
          look_at_wait (source, channel);
          channel->unit_flags |= AIR_RTP_WAIT;
        }
    }
  packet->arrival_us = channel->arrival_us;
  packet->flags |= channel->unit_flags | (packet->flags & AIR_RTP_MARKER ? AIR_RTP_UNIT_END : 0);
  packet->wait_ms = (uint16_t)MAX (0, source->wait_ms); /* viewers that lose packets add to it */
  take_packet (packet, channel);
}

static void
take_sound_packet (AirRtpPacket *packet, void *data)
{
  Channel *channel = data;
  const AirRtpSource *source = channel->inputs[0].source;
  air_lateness_add (&channel->lateness, channel->arrival_us - air_rtp_view_time_of (source->view, packet->pts_ns));
  packet->flags |= AIR_RTP_UNIT_END | (is_capture_time_due (channel, packet->pts_ns) ? AIR_RTP_CAPTURE_TIME : 0);
  take_packet (packet, channel);
}

/* @arrival_us: of what lets it go. */
static void
release_sound (AirRtpSource *source, int64_t arrival_us)
{
  Channel *channel = &source->channels[AIR_LANE_AUDIO];
  channel->arrival_us = arrival_us;
  air_rtp_sound_release (source->sound, take_sound_packet, channel);
}

/* The unit's track is another one: new parameter sets, or a codec that is not ours. */
static void
take_track (Channel *channel, AirTrack *track)
{
  if (channel->track == track)
    return;
  g_clear_pointer (&channel->track, air_track_unref);
  channel->track = air_track_ref (track);
  if (!channel->h264 || air_track_get_codec (track) != AIR_CODEC_H264)
    return;
  GBytes *codec_data = air_track_get_codec_data (track);
  size_t size = 0;
  const uint8_t *data = codec_data ? g_bytes_get_data (codec_data, &size) : NULL;
  if (!air_rtp_h264_set_codec_data (channel->h264, data, size))
    g_message ("the H.264 codec header cannot be used: viewers may see no picture");
}

/* Whether a video unit goes out: one that is shown before what came already is a B-frame. */
static bool
in_order (AirRtpSource *source, Input *input, const AirUnit *unit)
{
  if (unit->pts_ns > input->newest_ns || unit->flags & AIR_UNIT_KEYFRAME)
    return true;
  bool safe = source->drop_reordered && unit->flags & AIR_UNIT_NON_REFERENCE;
  if (!safe && !input->told_reordered)
    {
      input->told_reordered = true;
      source->events.reordered (source, source->data);
    }
  /* One that others refer to must be sent all the same: a picture out of order is better than a broken one. */
  return !(unit->flags & AIR_UNIT_NON_REFERENCE);
}

static void
take_video (AirRtpSource *source, Channel *channel, Input *input, const AirUnit *unit)
{
  bool goes_out = in_order (source, input, unit);
  input->newest_ns = MAX (input->newest_ns, unit->pts_ns);
  if (!goes_out)
    return;
  GstMapInfo map;
  if (!gst_buffer_map (unit->buffer, &map, GST_MAP_READ))
    return;
  channel->disposable = unit->flags & AIR_UNIT_NON_REFERENCE;
  /* A rendition that takes over is a little behind what it takes over from; a viewer's time never goes back. */
  int64_t pts_ns = channel->any ? MAX (unit->pts_ns, channel->sent_ns + LEAST_STEP_NS) : unit->pts_ns;
  air_rtp_h264_push (channel->h264, map.data, map.size, unit->flags & AIR_UNIT_KEYFRAME, pts_ns, take_picture_packet,
                     channel);
  gst_buffer_unmap (unit->buffer, &map);
  channel->sent_ns = pts_ns;
  if (input->lane == AIR_LANE_VIDEO)
    release_sound (source, unit->arrival_us);
}

static void
take_audio (AirRtpSource *source, Channel *channel, const AirUnit *unit)
{
  GstMapInfo map;
  if (!gst_buffer_map (unit->buffer, &map, GST_MAP_READ))
    return;
  bool gap = unit->flags & AIR_UNIT_DISCONTINUITY;
  AirRtpPacket *packet = air_rtp_opus_push (&source->opus, map.data, map.size, gap, unit->pts_ns);
  gst_buffer_unmap (unit->buffer, &map);
  if (!packet)
    return;
  packet->arrival_us = unit->arrival_us;
  bool waits = source->sound_waits && source->channels[AIR_LANE_VIDEO].current;
  if (!waits || air_rtp_sound_is_full (source->sound, packet))
    release_sound (source, unit->arrival_us);
  if (waits && !air_rtp_sound_is_full (source->sound, packet))
    air_rtp_sound_hold (source->sound, packet);
  else
    take_sound_packet (packet, channel);
}

static void
take_clock (AirRtpSource *source, Channel *channel, const AirUnit *unit)
{
  AirRtpClock *clock = &source->view->clock;
  if (!clock->anchored)
    *clock = (AirRtpClock){ true, unit->arrival_us, unit->pts_ns, 0 };
  if (channel == &source->channels[AIR_LANE_AUDIO])
    return; /* when it goes */
  AirLateness *lateness = &channel->lateness;
  air_lateness_add (lateness, unit->arrival_us - air_rtp_view_time_of (source->view, unit->pts_ns));
  if (channel == &source->channels[AIR_LANE_VIDEO]
      && (lateness->count < LATE_EVERY_UNITS || lateness->count % LATE_EVERY_UNITS == 0))
    clock->late_us = air_lateness_quantile (lateness, 5) * G_GINT64_CONSTANT (1000);
}

static void
take_unit (AirRtpSource *source, Channel *channel, Input *input, AirUnit *unit)
{
  AirCodec wanted = input->lane == AIR_LANE_AUDIO ? AIR_CODEC_OPUS : AIR_CODEC_H264;
  take_track (channel, unit->track);
  if (air_track_get_codec (unit->track) != wanted)
    return;
  take_clock (source, channel, unit);
  channel->arrival_us = unit->arrival_us;
  if (input->lane == AIR_LANE_AUDIO)
    take_audio (source, channel, unit);
  else
    take_video (source, channel, input, unit);
  channel->any = true;
}

/* The first keyframe of the reader that waits: it takes over. */
static void
take_over (AirRtpSource *source, Channel *channel)
{
  close_input (channel->current);
  channel->current = channel->next;
  channel->next = NULL;
  tell_viewers (source);
}

static void
input_ready (AirWatch *watch)
{
  Input *input = (Input *)watch;
  AirRtpSource *source = input->source;
  Channel *channel = &source->channels[input->lane];
  AirPacketRing *ring = source->view->rings[input->lane];
  uint64_t head = air_packet_ring_get_head (ring);
  AirUnit *popped;
  while (input->reader && (popped = air_reader_pop (input->reader)))
    {
      g_autoptr (AirUnit) unit = popped;
      if (channel->next == input && unit->flags & AIR_UNIT_KEYFRAME)
        take_over (source, channel);
      if (channel->current == input)
        take_unit (source, channel, input, unit);
    }
  if (air_packet_ring_get_head (ring) != head)
    source->events.packets (source, source->data);
  if (input->reader && !input->ended && air_reader_get_state (input->reader) == AIR_READER_ENDED)
    {
      input->ended = true;
      epoll_ctl (source->epoll, EPOLL_CTL_DEL, air_reader_get_fd (input->reader), NULL);
      source->events.ended (source, input->lane, source->data);
    }
}
