// Waiting times between attempts. Random, so that a class that lost its server does not return in one instant.

const FIRST_MS = 1000;
const MOST_MS = 16_000;
const LEAST_MS = 100;

/** The wait before attempt number `attempt` (0, 1, …): anything up to a limit that doubles and is capped (full jitter). */
export function backoffMs(attempt, random = Math.random) {
  return Math.max(LEAST_MS, spreadMs(Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10)), random));
}

/** Anything up to `ms`: what many do for the same reason, they do not do at once. */
export const spreadMs = (ms, random = Math.random) => Math.round(ms * random());

/** What the server asked for in Retry-After, and up to half as long again, at least a second, so that those who were told
 * the same do not return together; `fallbackMs` where it asked for nothing sensible. */
export function retryAfterMs(header, fallbackMs, random = Math.random, now = Date.now) {
  let ms = fallbackMs;
  if (header) {
    const seconds = Number(header);
    const date = Date.parse(header);
    if (Number.isFinite(seconds)) ms = seconds * 1000;
    else if (Number.isFinite(date)) ms = date - now();
  }
  ms = Math.min(Math.max(ms, 500), 60_000);
  return ms + spreadMs(Math.max(1000, ms / 2), random);
}

/** Waiting that can be cut short. `env`: the browser's clock, or a test's. */
export class Pause {
  #env;

  /** Ends the wait, if there is one. */
  end = () => {};

  constructor(env) {
    this.#env = env;
  }

  wait(ms) {
    return new Promise((resolve) => {
      this.end = () => {
        this.#env.clearTimeout(timer);
        this.end = () => {};
        resolve();
      };
      const timer = this.#env.setTimeout(this.end, ms);
    });
  }
}
