// Brings the media path of a WHEP session back by ICE restarts (RFC 9725 §4.3.2), one after the other until the server
// has answered one: until then nothing else could reach it either, and the old path may come back by itself. Where it does, and the
// server may have restarted without our knowing, it is asked until it answers: with full ICE it takes nothing from the old path then,
// and would take us for gone.

import { backoffMs } from './backoff.js';

const PATCH_MS = 1500; // for the first answer: what hangs, hangs on a connection of the old address
const MOST_PATCH_MS = 8000;
const MOST_LATER = 5; // attempts after the old path came back

export class IceRestart {
  /** null: under way; restarted, gone (the server does not know the session), refused (it takes no restart). */
  result = null;
  resultAt = 0;
  #env;
  #attempt;
  #done;
  #stopped = false;
  #ended = false;
  #running = true;
  #hurried = false;
  #abort = null; // of the attempt under way
  #endWait = () => {};

  /** @param {function(AbortSignal): Promise<string|null>} attempt one PATCH; its result, or null when the server was not reached
   * @param {function()} done called once there is a result */
  constructor(env, attempt, done) {
    this.#env = env;
    this.#attempt = attempt;
    this.#done = done;
    this.startedAt = env.now();
    this.#run();
  }

  /** The network came back: what is under way may hang, and there is nothing to wait for. */
  hurry() {
    this.#hurried = true;
    this.#abort?.abort();
    this.#endWait();
  }

  /** The old path is there again. */
  stop() {
    this.#stopped = true;
  }

  /** It is gone again. */
  resume() {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.startedAt = this.#env.now();
  }

  /** Leaves: no further attempt. */
  end() {
    this.#ended = true;
    this.#endWait();
  }

  /** Whether it was stopped, and nothing of it is under way any more. */
  get isOver() {
    return this.#stopped && !this.#running;
  }

  async #run() {
    for (let count = 0, later = 0; !this.#ended && !this.result && later < MOST_LATER; count++) {
      this.#hurried = false;
      await this.#try(count);
      if (!this.#ended && !this.result && !this.#hurried) await this.#wait(backoffMs(count, this.#env.random));
      later = this.#stopped ? later + 1 : 0;
    }
    this.#running = false;
    this.#done();
  }

  async #try(count) {
    const abort = (this.#abort = new AbortController());
    const timer = this.#env.setTimeout(() => abort.abort(), Math.min(PATCH_MS * 2 ** count, MOST_PATCH_MS));
    this.result = await this.#attempt(abort.signal).catch(() => (abort.signal.aborted ? null : 'refused'));
    this.resultAt = this.#env.now();
    this.#env.clearTimeout(timer);
    this.#abort = null;
  }

  #wait(ms) {
    return new Promise((resolve) => {
      const timer = this.#env.setTimeout(resolve, ms);
      this.#endWait = () => {
        this.#env.clearTimeout(timer);
        resolve();
      };
    });
  }
}
