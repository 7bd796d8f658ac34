// Enter while Hangul is composed. Browsers differ: Chrome tells of Enter within the composition and ends it after, sometimes with a
// second Enter; Safari ends it first. One press sends once, and never needs a second.

const HANGUL = /[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]$/;

export class ComposedEnter {
  #composing = false;
  #pressed = false; // Enter came while composing
  #swallow = false; // this press has sent already

  start() {
    this.#composing = true;
    this.#pressed = false;
  }

  /** @returns {boolean} whether to send now; with other scripts Enter only chose a candidate */
  end(data = '') {
    const send = this.#composing && this.#pressed && HANGUL.test(data);
    this.#composing = false;
    this.#pressed = false;
    this.#swallow = send;
    return send;
  }

  /** @returns {'send'|'swallow'|'pass'} what an Enter without Shift is to do */
  enter({ isComposing = false, repeat = false } = {}) {
    if (this.#composing || isComposing) {
      this.#pressed = true;
      return 'pass';
    }
    if (this.#swallow || repeat) return 'swallow';
    return 'send';
  }

  /** Enter was let go. */
  release() {
    this.#swallow = false;
  }
}
