// One WHEP session (draft-ietf-wish-whep): an offer, its POST, the peer connection, and a watch over it until it ends.
// Who wants a picture that comes back by itself uses WhepPlayer (whep.js), which makes one of these after the other.

import { spreadMs } from './backoff.js';
import { iceServersFromLink } from './ice-servers.js';
import { IceRestart } from './ice-restart.js';
import { StreamQuestion } from './stream-question.js';
import { summarize } from './whep-stats.js';
import { answerAfterRestart, candidateFragment, isIceLite, isSent, preferStereo } from './sdp.js';

const POST_MS = 10_000; // for an answer to the POST
const CONNECT_MS = 10_000; // for ICE and DTLS
const SOUND_FIRST_MS = 1500; // … before it is asked whether the server leaves it out for now
const FIRST_FRAME_MS = 15_000; // for a picture once bytes flow
const SILENT_MS = 1000; // without a word from the server, which reports twice a second also when there is no media
const DOUBTFUL_MS = 600; // … when the browser noticed something, too, or the network or the page just came back
const ASK_SPREAD_MS = 1000; // when media stops, it does so for all
const STILL_MS = 3000; // a picture that stands while sound comes: so long the server waits for a keyframe, too
const STILL_SPREAD_MS = 2000;
const ASK_EVERY_MS = 2000;
const DEAD_MS = 8000; // without media though the path is there and the stream is live: rejoin
const UNKNOWN_MS = 40_000; // … and the server does not say: longer than it holds a stream
const DEAD_SPREAD_MS = 4000;
const RESTART_MS = 1500; // for a word on the new path once the server has answered an ICE restart
const LOST_MS = 20_000; // without any: the server has long freed the session
const RELAY_MS = 2500; // for a path without the STUN and TURN servers that only the answer named
const HURRY_MS = 5000;
const POLL_FAST_MS = 200;
const POLL_MS = 500;
const TELL_MS = 900; // rates over less jump

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
  #answer = '';
  #candidates = [];
  #needsTrickle = false;
  #hasNewServers = false;
  #restart = null; // an IceRestart
  #question = null; // a StreamQuestion
  #closed = false;
  #poke = () => {};
  #hurryUntil = 0;

  /** @param {{audioOnly: boolean, iceServers: RTCIceServer[], env: object}} options `iceServers` are those that an earlier
   *   answer named; `env` holds what a browser has: see whep.js */
  constructor({ audioOnly, iceServers = [], env }) {
    if (!env.RTCPeerConnection) throw new WhepError('unsupported', { detail: 'no WebRTC' });
    this.#env = env;
    this.audioOnly = audioOnly;
    this.iceServers = iceServers;
    this.madeAt = env.now();
    this.stream = new env.MediaStream();
    this.sends = { video: false, audio: false };
    this.#pc = new env.RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers });
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
    this.#answer = sdp;
    this.#takeServers(response.headers.get('Link'));
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
   * @param {{onState: function(string), onStats: function(object), status: function(object): Promise<string|null>}} watcher
   *   `status` says how the stream is at the server for one who gets `sends`: see WhepPlayer.
   * @returns {Promise<'unreachable'|'lost'|'gone'|'ended'|'stopped'>} gone: the server does not know the session any more
   */
  async watch({ onState, onStats, status }) {
    const begin = this.#env.now();
    const seen = {
      stats: null, told: null, live: false,
      flowingAt: begin, heardAt: begin, movedAt: begin, soundAskedAt: 0, blankAt: 0, excusedAt: 0,
    };
    seen.askAfterMs = SILENT_MS + spreadMs(ASK_SPREAD_MS, this.#env.random);
    seen.stillAfterMs = STILL_MS + spreadMs(STILL_SPREAD_MS, this.#env.random);
    seen.deadSpreadMs = spreadMs(DEAD_SPREAD_MS, this.#env.random);
    this.#question = new StreamQuestion(this.#env, () => status(this.sends));
    while (!this.#closed) {
      const stats = summarize(await this.#pc.getStats(), seen.told);
      const now = this.#env.now();
      if (stats.bytes > (seen.stats?.bytes ?? 0)) seen.flowingAt = now;
      if (stats.heard > (seen.stats?.heard ?? 0)) seen.heardAt = now;
      if (stats.framesDecoded > (seen.stats?.framesDecoded ?? 0)) seen.movedAt = now;
      seen.stats = stats;
      const verdict = await this.#judge(seen, now);
      if (verdict.end) return verdict.end;
      if (this.#closed) break;
      if (verdict.state === 'live') seen.live = true;
      if (!seen.told || stats.at - seen.told.at >= TELL_MS) onStats((seen.told = stats));
      onState(verdict.state);
      await this.#pause(verdict.state === 'live' ? POLL_MS : POLL_FAST_MS);
    }
    return 'stopped';
  }

  /** The network or the page came back: look now, and restart ICE as soon as nothing comes. */
  hurry() {
    this.#hurryUntil = this.#env.now() + HURRY_MS;
    this.#restart?.hurry();
    this.#question?.hurry();
    this.#poke();
  }

  /** The session goes on under a new token: a PATCH that changes nothing shows it to the server. */
  setToken(token) {
    this.#token = token;
    this.#patch();
  }

  /** Where this viewer is told what it gets and why; null while there is no session. */
  get statusUrl() {
    return this.#resource && `${this.#resource}/status`;
  }

  get closed() {
    return this.#closed;
  }

  /** Leaves: frees the session at the server (also while the page is being closed) and the peer connection. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#restart?.end();
    this.#remove();
    this.#pc.close();
    this.#poke();
  }

  async #makeOffer() {
    const kinds = this.audioOnly ? ['audio'] : ['video', 'audio'];
    for (const kind of kinds) this.#pc.addTransceiver(kind, { direction: 'recvonly' });
    await this.#describe();
    this.#offer = this.#pc.localDescription.sdp;
  }

  async #describe(options) {
    const plain = await this.#pc.createOffer(options);
    try {
      await this.#pc.setLocalDescription({ type: 'offer', sdp: preferStereo(plain.sdp) });
    } catch {
      await this.#pc.setLocalDescription(plain);
    }
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

  async #judge(seen, now) {
    const connection = this.#pc.connectionState;
    if (connection === 'failed' || connection === 'closed') return { end: seen.live ? 'lost' : 'unreachable' };
    const doubtful = connection !== 'connected' || now < this.#hurryUntil;
    const limitMs = doubtful ? DOUBTFUL_MS : SILENT_MS;
    const flowing = now - seen.flowingAt <= limitMs;
    const heard = connection === 'connected' && now - seen.heardAt <= limitMs;
    if (!seen.live && connection !== 'connected') return this.#judgeStart(now);
    if (seen.live && !flowing && !heard) return this.#heal(now);
    this.#endRestart();
    if (!flowing) return this.#judgeSilence(seen, now);
    return seen.live ? this.#judgeStill(seen, now) : this.#judgePicture(seen, now);
  }

  #judgeStart(now) {
    const waitedMs = now - this.openedAt;
    if (waitedMs > RELAY_MS && this.#hasNewServers) this.#startRestart();
    return waitedMs > CONNECT_MS ? { end: 'unreachable' } : { state: 'connecting' };
  }

  async #judgePicture(seen, now) {
    if (seen.stats.bytes === 0) return { state: 'connecting' };
    const waitsForPicture = this.sends.video && seen.stats.framesDecoded === 0;
    const waitedMs = now - Math.max(this.openedAt, seen.blankAt);
    if (!waitsForPicture) return { state: 'live' };
    if (seen.blankAt || waitedMs > SOUND_FIRST_MS) {
      if ((await this.#question.ask()) === 'pictureless') return this.#blank(seen, now);
      if (await this.#isSoundOnly(seen, now)) return { state: 'live' };
    }
    return waitedMs > FIRST_FRAME_MS && !this.#env.hidden() ? { end: 'lost' } : { state: 'connecting' };
  }

  /** There is none that a decoder could begin with: to rejoin would not help, the sound plays meanwhile. */
  #blank(seen, now) {
    seen.blankAt = now;
    return { state: 'pictureless' };
  }

  /** The picture of one that plays may stand: when none comes, or none to begin with again, that is no fault of the way. */
  async #judgeStill(seen, now) {
    if (this.sends.video && now - seen.movedAt > seen.stillAfterMs) {
      const answer = await this.#question.ask();
      return { state: answer === 'pictureless' ? answer : 'live' };
    }
    this.#question.reset();
    return { state: 'live' };
  }

  /** Whether the server sends no picture on purpose: the network does not carry one, or it is set so. */
  async #isSoundOnly(seen, now) {
    if (!this.#resource || now - seen.soundAskedAt < ASK_EVERY_MS) return false;
    seen.soundAskedAt = now;
    const answer = await this.#env.fetch(this.statusUrl, { cache: 'no-store' }).catch(() => null);
    const status = answer?.ok ? await answer.json().catch(() => null) : null;
    return status?.level === 'audio';
  }

  /** Nothing is heard at all: the way has gone, by a new address for example. */
  #heal(now) {
    this.#startRestart();
    const { result, resultAt, startedAt } = this.#restart;
    if (result === 'gone') return { end: 'gone' };
    const expired = result === 'restarted' ? now - resultAt > RESTART_MS : now - startedAt > LOST_MS;
    return expired || result === 'refused' ? { end: 'lost' } : { state: 'reconnecting' };
  }

  /** The server is there, and sends no media. */
  async #judgeSilence(seen, now) {
    seen.movedAt = now;
    const silentMs = now - seen.flowingAt;
    const state = seen.live ? 'reconnecting' : 'connecting';
    if (silentMs < seen.askAfterMs) return { state: seen.live ? 'live' : state };
    const answer = await this.#question.ask({ silent: true });
    if (answer === 'idle') return { end: 'ended' };
    if (answer === 'live' || answer === null) return this.#judgeDead(seen, now, state);
    seen.excusedAt = now; // there is nothing that it could send
    if (answer === 'pictureless') return this.#blank(seen, now);
    return { state: answer === 'soundless' ? answer : 'held' };
  }

  /** There ought to be media. To rejoin is right only if that is so by then: an old answer may not know yet what befell all. */
  #judgeDead(seen, now, state) {
    const { answer, askedAt } = this.#question;
    const deadAt = Math.max(seen.flowingAt, seen.excusedAt) + (answer === 'live' ? DEAD_MS : UNKNOWN_MS) + seen.deadSpreadMs;
    if (now <= deadAt) return { state };
    if (askedAt > deadAt) return { end: 'gone' };
    this.#question.hurry();
    return { state };
  }

  /** Kept for the next session too; a running one uses them from its next ICE restart on. */
  #takeServers(link) {
    const servers = iceServersFromLink(link);
    if (JSON.stringify(servers) === JSON.stringify(this.iceServers)) return;
    this.iceServers = servers;
    this.#hasNewServers = servers.length > 0;
    this.#pc.setConfiguration({ bundlePolicy: 'max-bundle', iceServers: servers });
  }

  #startRestart() {
    if (this.#restart?.isOver) this.#restart = null;
    this.#restart?.resume();
    this.#restart ??= new IceRestart(this.#env, (signal) => this.#restartIce(signal), () => this.#poke());
  }

  /** An attempt that is under way goes on: the server may have answered it already. */
  #endRestart() {
    this.#restart?.stop();
  }

  /** One attempt; its result for IceRestart. */
  async #restartIce(signal) {
    this.#hasNewServers = false;
    await this.#describe({ iceRestart: true });
    const response = await this.#patch({ etag: '*', signal });
    if (this.#closed || !response) return null;
    if (response.status === 404) return 'gone';
    // 500: the server could not, and would not be able to again; others come from what is in between, or from a server that stops.
    if (response.status !== 200) return response.status > 500 || response.status === 429 ? null : 'refused';
    this.#etag = response.headers.get('ETag') ?? this.#etag;
    const answer = answerAfterRestart(this.#answer, await response.text());
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: answer });
    this.#answer = answer;
    if (this.#needsTrickle) await this.#trickle();
    return 'restarted';
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

  /** Returns null when the server was not reached. */
  async #patch({ etag = this.#etag ?? '*', signal } = {}) {
    if (!this.#resource) return null;
    const body = candidateFragment(this.#pc.localDescription.sdp, this.#candidates.splice(0));
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': etag };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    return this.#env.fetch(this.#resource, { method: 'PATCH', headers, body, signal }).catch(() => null);
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
