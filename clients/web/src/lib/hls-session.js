// HLS on one <video> element until it ends: by hls.js, loaded only now, or by the browser itself where it has no MediaSource.
// Who wants a picture that comes back by itself uses HlsPlayer (hls-player.js), which makes one of these after the other.

import { backoffMs } from './backoff.js';

const MIME = 'application/vnd.apple.mpegurl';
const CHECK_MS = 1000;
const START_MS = 20_000; // for a first picture, some segments of a slow network
const STALLED_MS = 8000; // without anything new to play
const MOST_RECOVERIES = 3; // while the clock of the picture stands
const CONFIG = {
  enableWorker: false, // it would be a script from a blob, which the Content-Security-Policy forbids
  lowLatencyMode: false,
  liveSyncDurationCount: 2, // segments behind the newest
  liveMaxLatencyDurationCount: 6, // further behind, after a pause of the browser's, it jumps
  backBufferLength: 10,
};

export class HlsSession {
  #env;
  #video;
  #onPlaying;
  #hls = null;
  #native = false;
  #closed = false;
  #loaded = false;
  #recoveries = 0;
  #position = 0;
  #movedAt;
  #timers = new Set();
  #unlisten = [];
  #end;

  /** How it ended: 'lost', 'unsupported', 'stopped'. */
  ended = new Promise((resolve) => (this.#end = resolve));

  /** @param {{video: HTMLVideoElement, onPlaying: function(), env: object}} options `env`: see hls-player.js */
  constructor({ video, onPlaying, env }) {
    this.#video = video;
    this.#onPlaying = onPlaying;
    this.#env = env;
  }

  /** @param {function(): Promise<{url: string, token: string}>} endpoint the playlist, and the token of each request */
  async open(endpoint) {
    try {
      if (this.#env.hasMediaSource()) await this.#openHls(endpoint);
      else if (this.#video.canPlayType(MIME)) await this.#openNative(endpoint);
      else this.#end('unsupported');
    } catch { // neither hls.js nor a token was to be had
      this.#end('lost');
    }
  }

  close() {
    this.#closed = true;
    this.#end('stopped');
    for (const timer of this.#timers) this.#env.clearTimeout(timer);
    for (const undo of this.#unlisten.splice(0)) undo();
    this.#hls?.destroy();
    this.#hls = null;
    if (!this.#native) return;
    this.#native = false;
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  async #openHls(endpoint) {
    const [Hls, { url }] = await Promise.all([this.#env.loadHls(), endpoint()]);
    if (this.#closed) return;
    if (!Hls.isSupported()) {
      this.#end('unsupported');
      return;
    }
    this.#takeVideo();
    this.#hls = new Hls({
      ...CONFIG,
      xhrSetup: async (xhr, address) => {
        const { token } = await endpoint();
        xhr.open('GET', address, true);
        xhr.setRequestHeader('Authorization', `Bearer ${token}`);
      },
    });
    this.#hls.on(Hls.Events.ERROR, (_, error) => error.fatal && this.#recover(error, Hls.ErrorTypes));
    this.#hls.loadSource(url);
    this.#hls.attachMedia(this.#video);
  }

  /** The browser asks without headers: the token goes into the query, from where the server takes it to the segments. */
  async #openNative(endpoint) {
    const { url, token } = await endpoint();
    if (this.#closed) return;
    this.#takeVideo();
    this.#native = true;
    this.#listen('error', () => this.#end('lost'));
    const source = new URL(url);
    source.searchParams.set('jwt', token);
    this.#video.src = source.href;
  }

  #takeVideo() {
    this.#video.srcObject = null; // it would go before any other source
    this.#movedAt = this.#env.now();
    this.#listen('loadeddata', () => {
      this.#loaded = true;
      this.#movedAt = this.#env.now();
      this.#onPlaying();
    });
    this.#listen('ended', () => this.#end('lost')); // the publisher has left: whether for good, the player asks
    this.#after(CHECK_MS, () => this.#check());
  }

  /** hls.js has given up, after retries of its own. */
  #recover({ type, response }, { NETWORK_ERROR, MEDIA_ERROR }) {
    const refused = response?.code >= 400; // why, the player asks
    const recoverable = !refused && this.#recoveries < MOST_RECOVERIES;
    if (recoverable && type === MEDIA_ERROR) this.#hls.recoverMediaError();
    else if (recoverable && type === NETWORK_ERROR) this.#after(backoffMs(this.#recoveries, this.#env.random), () => this.#hls.startLoad());
    else this.#end('lost');
    this.#recoveries += 1;
  }

  #check() {
    const now = this.#env.now();
    const { paused, currentTime } = this.#video;
    if (currentTime !== this.#position) {
      this.#position = currentTime;
      this.#movedAt = now;
      this.#recoveries = 0;
    }
    // one that waits for a tap is not stalled, and hidden pages may be held back
    if (this.#loaded && (paused || this.#env.hidden())) this.#movedAt = now;
    if (now - this.#movedAt > (this.#loaded ? STALLED_MS : START_MS)) this.#end('lost');
    else this.#after(CHECK_MS, () => this.#check());
  }

  #after(ms, run) {
    const timer = this.#env.setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  #listen(name, handler) {
    this.#video.addEventListener(name, handler);
    this.#unlisten.push(() => this.#video.removeEventListener(name, handler));
  }
}
