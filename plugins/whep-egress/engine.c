/* What engines share. */
#include "engine.h"

G_DEFINE_QUARK (air-engine-error-quark, air_engine_error)

const char *
air_viewer_reason_to_string (AirViewerReason reason)
{
  static const char *const names[] = {
    [AIR_VIEWER_LEFT] = "left",
    [AIR_VIEWER_VANISHED] = "vanished",
    [AIR_VIEWER_NO_HANDSHAKE] = "no-handshake",
    [AIR_VIEWER_REPLACED] = "replaced",
    [AIR_VIEWER_DTLS_FAILED] = "dtls-failed",
    [AIR_VIEWER_EXPIRED] = "expired",
    [AIR_VIEWER_STREAM_ENDED] = "stream-ended",
    [AIR_VIEWER_BFRAMES] = "bframes",
    [AIR_VIEWER_SHUTDOWN] = "shutdown",
  };
  return names[reason];
}

AirBframes
air_bframes_from_string (const char *text)
{
  return g_str_equal (text, "drop")     ? AIR_BFRAMES_DROP
         : g_str_equal (text, "refuse") ? AIR_BFRAMES_REFUSE
                                        : AIR_BFRAMES_TRANSCODE;
}

void
air_viewer_info_free (AirViewerInfo *info)
{
  if (!info)
    return;
  g_free (info->viewer_id);
  g_free (info->path);
  g_free (info->address);
  g_free (info);
}
