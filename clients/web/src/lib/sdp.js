// The few things that a WHEP client reads from, or adds to, a session description.

/** Asks for both channels: without `stereo=1` in its own description a Chromium receiver mixes Opus down to one. */
export function preferStereo(sdp) {
  const opus = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(sdp)?.[1];
  if (!opus) return sdp;
  return sdp.replace(new RegExp(`^(a=fmtp:${opus} )(.*?)(\\r?)$`, 'm'), (line, head, parameters, end) =>
    /(^|;)\s*stereo=/.test(parameters) ? line : `${head}${parameters};stereo=1${end}`);
}

/** Whether the peer is ICE-lite: it then learns our address from our checks, and needs no candidates of ours. */
export const isIceLite = (sdp) => /^a=ice-lite\r?$/m.test(sdp);

/** The body of a trickle PATCH (RFC 8840) for candidates of the given local description. */
export function candidateFragment(sdp, candidates) {
  const line = (name) => new RegExp(`^a=${name}:.*$`, 'm').exec(sdp)?.[0].trim();
  const lines = [line('ice-ufrag'), line('ice-pwd')];
  const media = sdp.split(/^m=/m).slice(1);
  media.forEach((section, index) => {
    const own = candidates.filter((candidate) => (candidate.sdpMLineIndex ?? 0) === index);
    if (own.length === 0) return;
    lines.push(`m=${section.split(/\r?\n/)[0]}`, /^a=mid:.*$/m.exec(section)?.[0].trim());
    for (const candidate of own) lines.push(`a=${candidate.candidate}`);
    lines.push('a=end-of-candidates');
  });
  return `${lines.filter(Boolean).join('\r\n')}\r\n`;
}

/** Whether a kind is really sent to us: its m-line has a port, and is not inactive. */
export function isSent(sdp, kind) {
  const section = sdp.split(/^(?=m=)/m).find((part) => part.startsWith(`m=${kind} `));
  return Boolean(section) && !/^m=\w+ 0 /.test(section) && !/^a=(inactive|recvonly)\r?$/m.test(section);
}

/** The answer to an ICE restart: the one before with what the server's fragment (RFC 8840) says instead. */
export function answerAfterRestart(answer, fragment) {
  const lines = fragment.split(/\r?\n/);
  const value = (name) => lines.find((line) => line.startsWith(`a=${name}:`));
  const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
  const isOld = (line) => line.startsWith('a=candidate:') || line === 'a=end-of-candidates';
  const [session, ...media] = answer.split(/^(?=m=)/m);
  const renewed = media.map((section, index) => {
    const kept = section.trimEnd().split(/\r?\n/).filter((line) => !isOld(line));
    return [...kept, ...(index === 0 ? [...candidates, 'a=end-of-candidates'] : []), ''].join('\r\n');
  });
  return [session, ...renewed].join('').replace(/^a=ice-(ufrag|pwd):.*$/gm, (line, name) => value(`ice-${name}`) ?? line);
}
