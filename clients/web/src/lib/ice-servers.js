// STUN and TURN servers as a WHEP endpoint names them: Link: <turn:host?transport=udp>; rel="ice-server"; username="u";
// credential="c"; credential-type="password" (RFC 9725 §4.6).

const SCHEME = /^(stun|turn)s?:[^\s]+$/i;
const MOST = 8;

/** The value of a parameter, quoted or not, with what was escaped. */
const unquote = (text) => (text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text);

/** @returns {RTCIceServer[]} what the header names; nothing of what cannot be used. */
export function iceServersFromLink(header) {
  const servers = [];
  for (const [, url, rest] of (header ?? '').matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]+))*)/g)) {
    const parameters = Object.fromEntries(
      [...rest.matchAll(/;\s*([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;]+)/g)].map(([, key, value]) => [key.toLowerCase(), unquote(value)]));
    if (!(parameters.rel ?? '').split(/\s+/).includes('ice-server') || !SCHEME.test(url)) continue;
    const { username, credential } = parameters;
    const isTurn = /^turn/i.test(url);
    if (isTurn && !(username && credential)) continue; // a browser throws at a TURN server without them
    servers.push(isTurn ? { urls: url, username, credential } : { urls: url });
  }
  return servers.slice(0, MOST);
}
