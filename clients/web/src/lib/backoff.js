// Waiting times between attempts. Random, so that a class that lost its server does not return in one instant.

const FIRST_MS = 500;
const MOST_MS = 8000;

/** The wait before attempt number `attempt` (0, 1, …): doubling, capped, spread over half to one and a half of it. */
export function backoffMs(attempt, random = Math.random) {
  const base = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(base * (0.5 + random()));
}

/** What the server asked for in Retry-After, plus up to a quarter; `fallbackMs` where it asked for nothing sensible. */
export function retryAfterMs(header, fallbackMs, random = Math.random, now = Date.now) {
  let ms = fallbackMs;
  if (header) {
    const seconds = Number(header);
    const date = Date.parse(header);
    if (Number.isFinite(seconds)) ms = seconds * 1000;
    else if (Number.isFinite(date)) ms = date - now();
  }
  ms = Math.min(Math.max(ms, 500), 60_000);
  return Math.round(ms * (1 + random() / 4));
}
