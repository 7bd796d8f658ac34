// Turns RTCPeerConnection.getStats() into the few numbers that people read.

/** What the two reports of one kind say together; rates are over the time between them. */
function track(report, before, seconds) {
  const since = (key) => Math.max(0, (report[key] ?? 0) - (before?.[key] ?? 0));
  const received = since('packetsReceived');
  const lost = since('packetsLost');
  const emitted = since('jitterBufferEmittedCount');
  return {
    bytes: report.bytesReceived ?? 0,
    bitrateBps: seconds > 0 ? (since('bytesReceived') * 8) / seconds : 0,
    lossShare: received + lost > 0 ? lost / (received + lost) : 0,
    bufferMs: emitted > 0 ? (since('jitterBufferDelay') / emitted) * 1000 : null,
    fps: seconds > 0 ? since('framesDecoded') / seconds : 0,
    framesDecoded: report.framesDecoded ?? 0,
    width: report.frameWidth ?? 0,
    height: report.frameHeight ?? 0,
    freezes: report.freezeCount ?? 0,
    level: report.audioLevel ?? 0,
  };
}

/**
 * @param {Iterable<[string, object]>} stats an RTCStatsReport, or anything that iterates like one
 * @param {object|null} previous what the last call returned
 */
export function summarize(stats, previous) {
  const byId = new Map(stats);
  const inbound = {};
  let pair = null;
  let at = 0;
  let heard = 0; // answered checks, sender reports, media: grows while anything comes from the server
  for (const report of byId.values()) {
    if (report.type === 'inbound-rtp') {
      inbound[report.kind] = report;
      at = Math.max(at, report.timestamp ?? 0);
      heard += report.bytesReceived ?? 0;
    } else if (report.type === 'remote-outbound-rtp') {
      heard += report.reportsSent ?? 0;
    } else if (report.type === 'candidate-pair') {
      heard += report.responsesReceived ?? 0;
      if ((report.nominated || report.selected) && report.state === 'succeeded') pair = report;
    }
  }
  const local = byId.get(pair?.localCandidateId);
  const seconds = previous?.at ? (at - previous.at) / 1000 : 0;
  const codec = (report) => byId.get(report?.codecId)?.mimeType?.split('/')[1] ?? '';
  const video = inbound.video ? track(inbound.video, previous?.raw.video, seconds) : null;
  const audio = inbound.audio ? track(inbound.audio, previous?.raw.audio, seconds) : null;
  const rttMs = pair?.currentRoundTripTime != null ? pair.currentRoundTripTime * 1000 : null;
  const bufferMs = video?.bufferMs ?? audio?.bufferMs ?? null;
  return {
    at,
    raw: inbound,
    heard,
    protocol: local?.relayProtocol ?? local?.protocol ?? '', // udp, tcp, or tls to a relay
    bytes: (video?.bytes ?? 0) + (audio?.bytes ?? 0),
    framesDecoded: video?.framesDecoded ?? 0,
    width: video?.width ?? 0,
    height: video?.height ?? 0,
    fps: video?.fps ?? 0,
    bitrateBps: (video?.bitrateBps ?? 0) + (audio?.bitrateBps ?? 0),
    lossShare: Math.max(video?.lossShare ?? 0, audio?.lossShare ?? 0),
    rttMs,
    bufferMs,
    delayMs: bufferMs == null ? null : bufferMs + (rttMs ?? 0) / 2,
    freezes: video?.freezes ?? 0,
    audioLevel: audio?.level ?? 0,
    videoCodec: codec(inbound.video),
    audioCodec: codec(inbound.audio),
  };
}

/** Whether media comes over TCP, by itself or to a relay: the network lets no UDP through. */
export const isTcp = (stats) => stats?.protocol === 'tcp' || stats?.protocol === 'tls';
