// One WHEP session (draft-ietf-wish-whep): an offer, its POST, the peer connection, and a watch over it until it ends.
// Who wants a picture that comes back by itself uses WhepPlayer (whep.js), which makes one of these after the other.

import { summarize } from './whep-stats.js';
import { candidateFragment, isIceLite, isSent, preferStereo } from './sdp.js';

const POST_MS = 10_000; // for an answer to the POST
const CONNECT_MS = 10_000; // for ICE and DTLS
const FIRST_FRAME_MS = 15_000; // for a picture once bytes flow
const GRACE_MS = 3000; // for ICE to come back by itself
const STALL_MS = 2000; // without a byte: ask what happened
const DEAD_MS = 5000; // without a byte though the stream is live: rejoin
const UNKNOWN_MS = 40_000; // without a byte and without an answer: longer than the server holds a stream
const HURRY_MS = 1000; // replaces the limits above for a while after the network or the page came back
const POLL_FAST_MS = 200;
const POLL_MS = 1000;

/** `kind`: waiting, busy, denied, unsupported, unplayable, network, unreachable, stopped; `retryAfter`: the header's text or null. */
export class WhepError extends Error {
  constructor(kind, { status = 0, retryAfter = null, detail = '' } = {}) {
    super(detail || kind);
    Object.assign(this, { kind, status, retryAfter });
  }
}

/** What an HTTP status means to somebody who wants to watch; 0: the server was not reached. */
export function kindOfStatus(status) {
  if (status === 0) return 'network';
  if (status === 409 || status === 404) return 'waiting';
  if (status === 401 || status === 403) return 'denied';
  if (status === 429 || status === 503) return 'busy';
  return status >= 500 ? 'network' : 'unsupported';
}

async function refusal(response) {
  const problem = await response.json().catch(() => null);
  // 406 also says that no browser could play what is published: that is for the teacher to change, not for the student
  const kind = problem?.type === '/problems/stream-not-playable' ? 'unplayable' : kindOfStatus(response.status);
  return new WhepError(kind, {
    status: response.status,
    retryAfter: response.headers.get('Retry-After'),
    detail: problem?.detail ?? '',
  });
}

export class WhepSession {
  #env;
  #pc;
  #offer;
  #resource = null; // URL of the session at the server
  #etag = null;
  #token = null;
  #candidates = [];
  #needsTrickle = false;
  #closed = false;
  #poke = () => {};
  #hurryUntil = 0;

  /** @param {{audioOnly: boolean, env: object}} options `env` holds what a browser has: see whep.js */
  constructor({ audioOnly, env }) {
    if (!env.RTCPeerConnection) throw new WhepError('unsupported', { detail: 'no WebRTC' });
    this.#env = env;
    this.audioOnly = audioOnly;
    this.madeAt = env.now();
    this.stream = new env.MediaStream();
    this.sends = { video: false, audio: false };
    this.#pc = new env.RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#pc.addEventListener('icecandidate', ({ candidate }) => this.#onCandidate(candidate));
    this.#pc.addEventListener('connectionstatechange', () => this.#poke());
    this.#pc.addEventListener('track', ({ track }) => this.stream.addTrack(track));
  }

  /** Asks the server for the stream. May be called again after an error of kind waiting or busy. */
  async open(url, token) {
    if (!this.#offer) await this.#makeOffer();
    const response = await this.#post(url, token);
    if (response.status !== 201) throw await refusal(response);
    const location = response.headers.get('Location');
    this.#resource = location ? new URL(location, response.url || url).href : null;
    this.#etag = response.headers.get('ETag');
    this.#token = token;
    const sdp = await response.text();
    if (this.#closed) { // stopped while the answer was on its way: do not leave it to the server's reaper
      this.#remove();
      throw new WhepError('stopped');
    }
    this.sends = { video: isSent(sdp, 'video'), audio: isSent(sdp, 'audio') };
    try {
      await this.#pc.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      throw new WhepError('unsupported', { detail: error.message });
    }
    this.openedAt = this.#env.now();
    if (!isIceLite(sdp)) await this.#trickle();
  }

  /**
   * Watches over the open session until it is lost.
   * @param {{onState: function(string), onStats: function(object), status: function(): Promise<string|null>}} watcher
   *   `status` says how the stream is at the server: live, held, idle, or null when that is not known.
   * @returns {Promise<'unreachable'|'lost'|'ended'|'stopped'>}
   */
  async watch({ onState, onStats, status }) {
    const seen = { stats: null, flowingAt: this.#env.now(), live: false, disconnectedAt: 0, asked: 0, answer: null };
    while (!this.#closed) {
      const stats = summarize(await this.#pc.getStats(), seen.stats);
      const now = this.#env.now();
      if (stats.bytes > (seen.stats?.bytes ?? 0)) seen.flowingAt = now;
      seen.stats = stats;
      const verdict = await this.#judge(seen, now, status);
      if (verdict.end) return verdict.end;
      if (this.#closed) break;
      if (verdict.state === 'live') seen.live = true;
      onStats(stats);
      onState(verdict.state);
      await this.#pause(verdict.state === 'live' ? POLL_MS : POLL_FAST_MS);
    }
    return 'stopped';
  }

  /** The network or the page came back: look now, and give up sooner on what does not move. */
  hurry() {
    this.#hurryUntil = this.#env.now() + 5000;
    this.#poke();
  }

  /** The session goes on under a new token: a PATCH that changes nothing shows it to the server. */
  setToken(token) {
    this.#token = token;
    this.#patch();
  }

  get closed() {
    return this.#closed;
  }

  /** Leaves: frees the session at the server (also while the page is being closed) and the peer connection. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#remove();
    this.#pc.close();
    this.#poke();
  }

  async #makeOffer() {
    const kinds = this.audioOnly ? ['audio'] : ['video', 'audio'];
    for (const kind of kinds) this.#pc.addTransceiver(kind, { direction: 'recvonly' });
    const plain = await this.#pc.createOffer();
    try {
      await this.#pc.setLocalDescription({ type: 'offer', sdp: preferStereo(plain.sdp) });
    } catch {
      await this.#pc.setLocalDescription(plain);
    }
    this.#offer = this.#pc.localDescription.sdp;
  }

  async #post(url, token) {
    const abort = new AbortController();
    const timer = this.#env.setTimeout(() => abort.abort(), POST_MS);
    this.#poke = () => this.#closed && abort.abort();
    try {
      return await this.#env.fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp', ...(token && { Authorization: `Bearer ${token}` }) },
        body: this.#offer,
        signal: abort.signal,
        cache: 'no-store',
      });
    } catch (error) {
      throw new WhepError(this.#closed ? 'stopped' : 'network', { detail: error.message });
    } finally {
      this.#env.clearTimeout(timer);
      this.#poke = () => {};
    }
  }

  async #judge(seen, now, status) {
    const limit = (ms) => (now < this.#hurryUntil ? Math.min(ms, HURRY_MS) : ms);
    const connection = this.#pc.connectionState;
    if (connection === 'failed' || connection === 'closed') return { end: seen.live ? 'lost' : 'unreachable' };
    if (connection !== 'connected') {
      if (!seen.live) return now - this.openedAt > CONNECT_MS ? { end: 'unreachable' } : { state: 'connecting' };
      seen.disconnectedAt ||= now;
      return now - seen.disconnectedAt > limit(GRACE_MS) ? { end: 'lost' } : { state: 'reconnecting' };
    }
    seen.disconnectedAt = 0;
    const silentMs = now - seen.flowingAt;
    if (silentMs > limit(STALL_MS)) return this.#judgeSilence(seen, now, silentMs, limit, status);
    const waitsForPicture = this.sends.video && seen.stats.framesDecoded === 0;
    if (!waitsForPicture && seen.stats.bytes > 0) return { state: 'live' };
    const late = now - this.openedAt > FIRST_FRAME_MS && seen.stats.bytes > 0 && !this.#env.hidden();
    return late ? { end: 'lost' } : { state: 'connecting' };
  }

  async #judgeSilence(seen, now, silentMs, limit, status) {
    if (now - seen.asked >= STALL_MS) {
      seen.asked = now;
      seen.answer = await status();
    }
    if (seen.answer === 'idle') return { end: 'ended' };
    if (seen.answer === 'held') return { state: 'held' };
    const patience = seen.answer === 'live' ? limit(DEAD_MS) : UNKNOWN_MS;
    return silentMs > patience ? { end: 'lost' } : { state: 'reconnecting' };
  }

  #onCandidate(candidate) {
    if (!candidate?.candidate) return;
    this.#candidates.push(candidate);
    if (this.openedAt && this.#needsTrickle) this.#trickle();
  }

  async #trickle() {
    this.#needsTrickle = true;
    if (this.#candidates.length > 0) await this.#patch();
  }

  async #patch() {
    if (!this.#resource) return;
    const body = candidateFragment(this.#pc.localDescription.sdp, this.#candidates.splice(0));
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': this.#etag ?? '*' };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    await this.#env.fetch(this.#resource, { method: 'PATCH', headers, body }).catch(() => {});
  }

  #remove() {
    if (!this.#resource) return;
    const headers = this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
    this.#env.fetch(this.#resource, { method: 'DELETE', headers, keepalive: true }).catch(() => {});
    this.#resource = null;
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const done = () => {
        this.#env.clearTimeout(timer);
        this.#poke = () => {};
        resolve();
      };
      const timer = this.#env.setTimeout(done, ms);
      this.#poke = done;
    });
  }
}
