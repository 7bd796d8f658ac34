// A WHEP player that keeps playing: it waits for the class to begin, and comes back by itself after whatever ended a
// session. The page only shows `state` and plays the MediaStream of the last `stream` event.
//
// States: connecting, live, pictureless (only the sound plays: no picture comes, or none that this page could show), soundless
// (no sound comes, and nothing else is asked for), held (nothing comes from the publisher, which is still there or may return),
// reconnecting, waiting (nobody publishes), busy (the server asks to come later), offline (no network), blocked (media does not
// get through this network), denied (no right to watch), unsupported (this browser cannot play it), unplayable (no browser can:
// the publisher has to send something else), stopped.

import { backoffMs, Pause, retryAfterMs, spreadMs } from './backoff.js';
import { WhepError, WhepSession } from './whep-session.js';

const OFFER_LIFE_MS = 30_000; // an unused offer is made anew: the machine's addresses may have changed
const WAITING_MS = 2000;
/** The states in which WebRTC has a path. */
export const THROUGH = new Set(['live', 'pictureless', 'soundless', 'held']);
const FRESH = new Set(['connecting', 'waiting', 'busy', 'stopped']); // after these a new session is not a return
const WITHOUT_ANSWER = new Set(['network', 'lost', 'gone', 'unreachable']);
const UNPLAYABLE_MS = 5000; // the teacher is told, and may have changed it
const SLOW_MS = 10_000; // between attempts that will hardly succeed
const ALONE_MS = 250; // before the return of one who lost its way alone
const TOGETHER_MS = 2000; // … of those whose server has lost them all
const HURRY_MS = 5000;

/** What the player needs of the browser; tests give their own. */
export const browserEnv = () => ({
  RTCPeerConnection: globalThis.RTCPeerConnection,
  MediaStream: globalThis.MediaStream,
  fetch: (...args) => globalThis.fetch(...args),
  setTimeout: (...args) => globalThis.setTimeout(...args),
  clearTimeout: (id) => globalThis.clearTimeout(id),
  now: () => Date.now(),
  random: Math.random,
  online: () => navigator.onLine !== false,
  hidden: () => document.visibilityState === 'hidden',
});

export class WhepPlayer extends EventTarget {
  #options;
  #env;
  #session = null;
  #running = false;
  #loops = Promise.resolve();
  #pause;
  #audioOnly;
  #iceServers = []; // as the last answer named them
  #hurriedAt = -Infinity;
  #everThrough = false; // WebRTC had a path since the page was opened

  /**
   * @param {object} options
   * @param {function({fresh: boolean}): Promise<{url: string, token: string}>} options.endpoint where to POST; `fresh`
   *   asks for a new token because the last one was refused
   * @param {function({video: boolean, audio: boolean}): Promise<string|null>} options.status how the stream is at the server
   *   for one who gets that: an answer of answerOf(), or null when that is not known
   * @param {boolean} [options.audioOnly]
   */
  constructor({ endpoint, status, audioOnly = false, env = browserEnv() }) {
    super();
    this.#options = { endpoint, status };
    this.#env = env;
    this.#pause = new Pause(env);
    this.#audioOnly = audioOnly;
    this.state = 'stopped';
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    // a loop that has not noticed stop() yet goes on, and this one never begins: there is only ever one
    this.#loops = this.#loops.then(() => this.#loop());
  }

  stop() {
    this.#running = false;
    this.#session?.close();
    this.#pause.end();
    this.#set('stopped');
  }

  /** Whether the picture is left out, at the server too; a running session is replaced. */
  setAudioOnly(audioOnly) {
    if (this.#audioOnly === audioOnly) return;
    this.#audioOnly = audioOnly;
    this.#session?.close();
    this.#pause.end();
  }

  /** Called when the network or the page came back: no waiting now. */
  hurry() {
    this.#hurriedAt = this.#env.now();
    this.#session?.hurry();
    this.#pause.end();
  }

  /** Gives a refreshed token to the running session, for its later requests. */
  setToken(token) {
    this.#session?.setToken(token);
  }

  async #loop() {
    if (!this.#running) return;
    let attempt = 0;
    let outcome = { kind: 'start', wasLive: false };
    this.#set('connecting');
    while (this.#running) {
      outcome = await this.#playOnce(outcome);
      if (!this.#running) break;
      attempt = outcome.wasLive ? 0 : attempt + 1;
      const { state, waitMs } = this.#next(outcome, attempt);
      if (state) this.#set(state, outcome.error);
      await this.#pause.wait(waitMs);
    }
    this.#session?.close();
  }

  /** One attempt, from the token to the end of the session. */
  async #playOnce(last) {
    let wasLive = false;
    try {
      const { url, token } = await this.#options.endpoint({ fresh: last.kind === 'denied' });
      const session = this.#takeSession();
      await session.open(url, token);
      this.#iceServers = session.iceServers;
      this.dispatchEvent(new CustomEvent('stream', { detail: { stream: session.stream, sends: session.sends, statusUrl: session.statusUrl } }));
      const kind = await session.watch({
        onState: (state) => {
          wasLive ||= state === 'live';
          this.#everThrough ||= THROUGH.has(state);
          this.#set(state === 'connecting' ? this.#whileConnecting() : state);
        },
        onStats: (stats) => this.dispatchEvent(new CustomEvent('stats', { detail: stats })),
        status: this.#options.status,
      });
      this.#dropSession();
      return { kind, wasLive, last: last.kind };
    } catch (error) {
      const kind = error instanceof WhepError ? error.kind : 'network';
      if (kind !== 'waiting' && kind !== 'busy') this.#dropSession();
      return { kind, wasLive, error, last: last.kind };
    }
  }

  /** What to show, and how long to wait, after an attempt that ended with `outcome`. */
  #next({ kind, wasLive, error, last }, attempt) {
    const random = this.#env.random;
    if (WITHOUT_ANSWER.has(kind) && !this.#env.online()) return { state: 'offline', waitMs: backoffMs(attempt, random) };
    switch (kind) {
      case 'stopped': // replaced by setAudioOnly()
        return { state: null, waitMs: 0 };
      case 'waiting':
        return { state: 'waiting', waitMs: retryAfterMs(error.retryAfter, WAITING_MS, random, this.#env.now) };
      case 'busy':
        return { state: 'busy', waitMs: retryAfterMs(error.retryAfter, backoffMs(attempt, random), random, this.#env.now) };
      case 'denied': // once at once with a new token
        return last === 'denied' ? { state: 'denied', waitMs: SLOW_MS } : { state: null, waitMs: 0 };
      case 'unsupported':
        return { state: 'unsupported', waitMs: SLOW_MS };
      case 'unplayable':
        return { state: 'unplayable', waitMs: retryAfterMs(error.retryAfter, UNPLAYABLE_MS, random, this.#env.now) };
      case 'ended': // ask soon: the answer says whether the class is over
        return { state: 'reconnecting', waitMs: spreadMs(TOGETHER_MS, random) };
      case 'lost':
        return { state: 'reconnecting', waitMs: wasLive ? spreadMs(ALONE_MS, random) : backoffMs(attempt, random) };
      case 'gone': // the server may have been restarted, for everybody: but who just woke up comes alone
        return { state: 'reconnecting', waitMs: spreadMs(this.#isHurried() ? ALONE_MS : TOGETHER_MS, random) };
      case 'unreachable': // where it never came through, once is enough; else the network may be changing
        return { state: last === 'unreachable' || !this.#everThrough ? 'blocked' : 'reconnecting', waitMs: backoffMs(attempt, random) };
      default:
        return { state: 'reconnecting', waitMs: backoffMs(attempt, random) };
    }
  }

  /** A new session after trouble is shown as that trouble until it plays. */
  #whileConnecting() {
    if (FRESH.has(this.state)) return 'connecting';
    return this.state === 'offline' ? 'reconnecting' : this.state;
  }

  #isHurried() {
    return this.#env.now() - this.#hurriedAt < HURRY_MS;
  }

  #takeSession() {
    const old = this.#session;
    const usable = old && !old.closed && old.audioOnly === this.#audioOnly && this.#env.now() - old.madeAt < OFFER_LIFE_MS;
    if (usable) return old;
    old?.close();
    this.#session = new WhepSession({ audioOnly: this.#audioOnly, iceServers: this.#iceServers, env: this.#env });
    return this.#session;
  }

  #dropSession() {
    this.#session?.close();
    this.#session = null;
  }

  #set(state, error = null) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, error } }));
  }
}
