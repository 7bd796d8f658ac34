// What the server sends to this viewer, and why: asked for when the browser's own figures say that something has changed, and
// now and then while it is less than everything. A class of a thousand in good health asks nothing at all.

const STOPPED_MS = 2000; // without a picture though bytes come: the sound alone is sent
const LOSSY = 0.05;
const FEW_FRAMES = 0.65; // of the usual ones
const SMALL = 480; // lines: the first picture of a slow network is a small one
const LEAST_MS = 3000; // between two questions; twice as long after each that told nothing new
const MOST_MS = 48_000;
const SPREAD_MS = 1000; // what changes for a whole class is not asked by all at once
const AGAIN_MS = 15_000; // while it is less than everything
const USUAL_WEIGHT = 0.05;

export class LevelWatch {
  #ask;
  #onLevel;
  #now;
  #random;
  #session = null; // { url, video }
  #before = null; // the figures of the last time
  #usualFps = 0;
  #movedAt = 0; // when the picture last moved
  #dueAt = Infinity;
  #askedAt = -Infinity;
  #leastMs = LEAST_MS;
  #level = null;

  /**
   * @param {object} options
   * @param {function(string): Promise<object|null>} options.ask gets a WhepStatus; null when there is none to be had
   * @param {function(object|null)} options.onLevel is given the WhepStatus whenever it changes; null: not known, or all is sent
   */
  constructor({ ask, onLevel, now = Date.now, random = Math.random }) {
    this.#ask = ask;
    this.#onLevel = onLevel;
    this.#now = now;
    this.#random = random;
  }

  /** A new session begins (or none, without `url`). `video`: whether it is to bring a picture. */
  open({ url = null, video = false } = {}) {
    this.#session = url && video ? { url } : null;
    this.#before = null;
    this.#usualFps = 0;
    this.#dueAt = Infinity;
    this.#askedAt = -Infinity;
    this.#leastMs = LEAST_MS;
    this.#set(null);
  }

  /** The newest figures of a session that plays, twice a second or so; gives back a promise for tests. */
  take(stats) {
    if (!this.#session) return undefined;
    if (this.#hasChanged(stats)) this.#dueAt = Math.min(this.#dueAt, this.#soonest());
    this.#before = stats;
    return this.#now() >= this.#dueAt ? this.#question() : undefined;
  }

  #hasChanged(stats) {
    const now = this.#now();
    const before = this.#before;
    const moves = !before || stats.framesDecoded > before.framesDecoded;
    const stood = before && now - this.#movedAt > STOPPED_MS;
    if (moves) this.#movedAt = now;
    if (!before) return stats.height > 0 && stats.height < SMALL;
    if (moves && this.#level?.level === 'audio') {
      this.#set(null); // what is seen is not waited for
      this.#leastMs = LEAST_MS;
      return true;
    }
    const stops = !moves && stats.bytes > before.bytes && now - this.#movedAt > STOPPED_MS && this.#level?.level !== 'audio';
    const resized = stats.height !== before.height;
    if (resized) this.#leastMs = LEAST_MS;
    const fewer = stats.fps > 0 && stats.fps < this.#usualFps * FEW_FRAMES && !this.#level;
    if (stats.fps > 0 && !stood) {
      this.#usualFps = this.#usualFps ? this.#usualFps + (stats.fps - this.#usualFps) * USUAL_WEIGHT : stats.fps;
    }
    return resized || stops || fewer || stats.lossShare > LOSSY;
  }

  #soonest() {
    return Math.max(this.#now(), this.#askedAt + this.#leastMs) + this.#random() * SPREAD_MS;
  }

  async #question() {
    const session = this.#session;
    this.#dueAt = Infinity;
    this.#askedAt = this.#now();
    const status = await this.#ask(session.url).catch(() => null);
    if (session !== this.#session) return;
    const level = status && status.level !== 'full' && status.level_reason !== 'choice' ? status : null;
    this.#leastMs = this.#set(level) ? LEAST_MS : Math.min(this.#leastMs * 2, MOST_MS);
    if (level) this.#dueAt = Math.min(this.#dueAt, this.#now() + AGAIN_MS * (1 + this.#random() / 4));
  }

  #set(level) {
    if (level?.level === this.#level?.level && level?.level_reason === this.#level?.level_reason) return false;
    this.#level = level;
    this.#onLevel(level);
    return true;
  }
}

/** Which words fit: the network's fault, the server's setting, or only the beginning. */
export function cause(status) {
  if (status.level_reason === 'fixed') return 'fixed';
  return status.level_reason === 'start' ? 'start' : 'network';
}
