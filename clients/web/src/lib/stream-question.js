// How the stream is at the server: asked for when media stop, and ever less often while the answer stays the same. That they come
// again they tell themselves, so a class of hundreds that waits for its picture asks next to nothing.

import { spreadMs } from './backoff.js';

const FIRST_MS = 2000; // between two questions; twice as long after each that told nothing new
const MOST_MS = 30_000;
const MOST_SILENT_MS = 8000; // without any media: that the class is over only the server tells
const ANSWER_MS = 1500; // no answer in time is an answer, too
const SETTLED = new Set(['held', 'stalled', 'pictureless', 'soundless']); // up to the teacher: nobody waits for news on a hidden page
const WITHOUT_PICTURE = ['no-keyframe', 'lost-keyframe', 'no-video'];

/**
 * What a stream's document says to one who gets `sends` of it:
 * - idle, held, live: its state;
 * - stalled: it is live, and nothing comes from its publisher;
 * - pictureless: it is live, and has no picture now for one who has none yet, or whose picture stands;
 * - soundless: it is live without sound, which is all that this one gets.
 */
export function answerOf({ state, warnings = [] }, sends) {
  const warned = (...types) => warnings.some(({ type }) => types.includes(type));
  if (state !== 'live') return state;
  if (warned('stalled')) return 'stalled';
  if (sends.video) return warned(...WITHOUT_PICTURE) ? 'pictureless' : state;
  return warned('no-audio') ? 'soundless' : state;
}

export class StreamQuestion {
  answer = null;
  askedAt = -Infinity; // when that question was put
  #env;
  #status;
  #waitMs = FIRST_MS;
  #dueAt = 0;

  /** @param {function(): Promise<string|null>} status asks the server: see WhepSession.watch() */
  constructor(env, status) {
    this.#env = env;
    this.#status = status;
  }

  /** The newest answer, after a question if it is time for one. `silent`: no media come at all. */
  async ask({ silent = false } = {}) {
    const now = this.#env.now();
    if (now < this.#dueAt || (SETTLED.has(this.answer) && this.#env.hidden())) return this.answer;
    const before = this.answer;
    this.askedAt = now;
    let timer;
    const late = new Promise((resolve) => (timer = this.#env.setTimeout(() => resolve(null), ANSWER_MS)));
    this.answer = await Promise.race([this.#status(), late]);
    this.#env.clearTimeout(timer);
    const most = silent ? MOST_SILENT_MS : MOST_MS;
    this.#waitMs = this.answer === before ? Math.min(this.#waitMs * 2, most) : FIRST_MS;
    this.#dueAt = now + this.#waitMs * 0.75 + spreadMs(this.#waitMs / 2, this.#env.random);
    return this.answer;
  }

  /** The network or the page came back, or much depends on the answer: the next question is not put off. */
  hurry() {
    this.#dueAt = 0;
  }

  /** All is well: the next trouble is another one. */
  reset() {
    this.answer = null;
    this.#waitMs = FIRST_MS;
    this.#dueAt = 0;
  }
}
