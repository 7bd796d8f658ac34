// Where no WebRTC gets through, HLS plays instead, some seconds late: it begins when the WHEP player is blocked, and ends when
// that plays after all, for which it goes on trying meanwhile. The HLS player is loaded only when it is needed.
//
// `state` is what a page shows: the WHEP player's own, and `delayed` while HLS plays. Events: `state` with { state, error }, and
// `player` with the HlsPlayer that wants the video element, or null when it gives it back.

import { THROUGH } from './whep.js';

const OVER = new Set(['stopped', 'denied', 'unsupported', 'unplayable']); // HLS would do no better

export class HlsFallback extends EventTarget {
  #whep;
  #load;
  #loading = null;
  #wanted = false;
  #hls = null;
  #player = null;
  #error = null; // of the WHEP player's state

  state = 'stopped';

  /** @param {{whep: WhepPlayer, loadHls: function(): Promise<HlsPlayer>}} players */
  constructor({ whep, loadHls }) {
    super();
    this.#whep = whep;
    this.#load = loadHls;
    whep.addEventListener('state', ({ detail: { state, error } }) => {
      this.#error = error;
      if (state === 'blocked') this.#begin();
      else if (THROUGH.has(state) || OVER.has(state)) this.#end();
      this.#update();
    });
  }

  /** Called when the network or the page came back: no waiting now. */
  hurry() {
    this.#hls?.hurry();
  }

  async #begin() {
    this.#wanted = true;
    if (!this.#hls) {
      this.#loading ??= this.#loadPlayer();
      await this.#loading;
    }
    if (this.#wanted) this.#hls?.start();
  }

  async #loadPlayer() {
    try {
      this.#hls = await this.#load();
      this.#hls.addEventListener('state', () => this.#update());
    } catch {
      this.#loading = null; // it stays blocked, and is loaded the next time
    }
  }

  #end() {
    this.#wanted = false;
    this.#hls?.stop();
  }

  #update() {
    const player = this.#hls?.wantsVideo ? this.#hls : null;
    if (this.#player !== player) {
      this.#player = player;
      this.dispatchEvent(new CustomEvent('player', { detail: player }));
    }
    const state = this.#shown();
    if (this.state === state) return;
    this.state = state;
    const error = state === this.#whep.state ? this.#error : null;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, error } }));
  }

  /** While HLS does not play, it is heard only where it knows better than that WebRTC is blocked. */
  #shown() {
    const { state } = this.#whep;
    if (this.#hls?.state === 'playing') return 'delayed';
    if (state !== 'blocked') return state;
    return { stalled: 'reconnecting', waiting: 'waiting' }[this.#hls?.state] ?? state;
  }
}
