// An HLS player that keeps playing: it waits for the class to begin, and comes back by itself after whatever ended a session.
// It asks for the playlist itself first, because only the answer's status says why there is none.
//
// States: stopped, starting, ready (there is a playlist: an element is to be given by attach()), playing, stalled (it did play,
// and is being brought back), waiting (nobody publishes), failed (there is no HLS, or none comes through: it does not try again).

import { backoffMs, Pause, retryAfterMs } from './backoff.js';
import { HlsSession } from './hls-session.js';
import { kindOfStatus, WhepError } from './whep-session.js';
import { browserEnv as whepEnv } from './whep.js';

const PLAYLIST_MS = 10_000; // for an answer
const WAITING_MS = 2000;
const BUSY_MS = 2000;
const MOST_FAILURES = 8; // in a row
const FAILURES = new Set(['network', 'lost']);

/** What the player needs of the browser; tests give their own. */
const browserEnv = () => ({
  ...whepEnv(),
  hasMediaSource: () => Boolean(globalThis.ManagedMediaSource ?? globalThis.MediaSource),
  loadHls: async () => (await import('hls.js/light')).default,
});

export class HlsPlayer extends EventTarget {
  #endpoint;
  #env;
  #running = false;
  #loops = Promise.resolve();
  #video = null;
  #session = null;
  #abort = null;
  #hasPlayed = false;
  #pause;
  #onVideo = () => {};

  state = 'stopped';

  /** Whether it wants an element, or has one: from the first playlist on, until it stops or fails. */
  wantsVideo = false;

  /** @param {{endpoint: function({fresh: boolean}): Promise<{url: string, token: string}>}} options where the playlist is;
   *   `fresh` asks for a new token because the last one was refused */
  constructor({ endpoint, env = browserEnv() }) {
    super();
    this.#endpoint = endpoint;
    this.#env = env;
    this.#pause = new Pause(env);
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#hasPlayed = false;
    this.#set('starting');
    this.#loops = this.#loops.then(() => this.#loop()); // after one that has not noticed stop() yet
  }

  stop() {
    this.#finish('stopped');
  }

  /** Gives it the element on which to play; gives back how to take it away. */
  attach(video) {
    this.#video = video;
    this.#onVideo();
    return () => {
      this.#session?.close();
      this.#video = null;
    };
  }

  /** Called when the network or the page came back: no waiting now. */
  hurry() {
    this.#pause.end();
  }

  async #loop() {
    let failures = 0;
    let fresh = false;
    while (this.#running) {
      const { kind, retryAfter, played } = await this.#playOnce(fresh);
      if (!this.#running) break;
      failures = FAILURES.has(kind) ? (played ? 0 : failures) + 1 : 0;
      if (kind === 'missing' || kind === 'unsupported' || (kind === 'denied' && fresh) || failures > MOST_FAILURES) this.#finish('failed');
      else await this.#wait(kind, retryAfter, failures);
      fresh = kind === 'denied';
    }
  }

  /** Until the next attempt after one that ended with `kind`. */
  #wait(kind, retryAfter, failures) {
    const { random, now } = this.#env;
    if (kind === 'waiting') this.#set('waiting');
    else if (this.state === 'playing') this.#set('stalled');
    switch (kind) {
      case 'waiting':
        return this.#pause.wait(retryAfterMs(retryAfter, WAITING_MS, random, now));
      case 'busy':
        return this.#pause.wait(retryAfterMs(retryAfter, BUSY_MS, random, now));
      case 'network':
      case 'lost':
        return this.#pause.wait(backoffMs(failures, random));
      default: // denied: once at once with a new token; stopped: the element was taken away
        return undefined;
    }
  }

  /** One attempt, from the token to the end of the session. */
  async #playOnce(fresh) {
    try {
      const response = await this.#askForPlaylist(fresh);
      if (response.status === 404) return { kind: 'missing' };
      if (!response.ok) return { kind: kindOfStatus(response.status), retryAfter: response.headers.get('Retry-After') };
    } catch (error) {
      return { kind: error instanceof WhepError ? error.kind : 'network', retryAfter: error.retryAfter };
    }
    if (!this.#running) return { kind: 'stopped' };
    this.wantsVideo = true;
    this.#set(this.#hasPlayed ? 'stalled' : 'ready');
    while (this.#running && !this.#video) await new Promise((resolve) => (this.#onVideo = resolve));
    return this.#running ? this.#play() : { kind: 'stopped' };
  }

  async #askForPlaylist(fresh) {
    const { url, token } = await this.#endpoint({ fresh });
    const abort = (this.#abort = new AbortController());
    const timer = this.#env.setTimeout(() => abort.abort(), PLAYLIST_MS);
    try {
      const response = await this.#env.fetch(url, { headers: { Authorization: `Bearer ${token}` }, signal: abort.signal, cache: 'no-store' });
      await response.text(); // or it would keep the connection
      return response;
    } finally {
      this.#env.clearTimeout(timer);
    }
  }

  async #play() {
    let played = false;
    this.#session = new HlsSession({
      video: this.#video,
      env: this.#env,
      onPlaying: () => {
        played = this.#hasPlayed = true;
        this.#set('playing');
      },
    });
    this.#session.open(() => this.#endpoint({ fresh: false }));
    const kind = await this.#session.ended;
    this.#session.close();
    this.#session = null;
    return { kind, played };
  }

  #finish(state) {
    this.#running = false;
    this.wantsVideo = false;
    this.#abort?.abort();
    this.#session?.close();
    this.#onVideo();
    this.#pause.end();
    this.#set(state);
  }

  #set(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
