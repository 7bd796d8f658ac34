// Calls to the server, with its RFC 9457 problems as errors, and the token that they need.

import { backoffMs, retryAfterMs } from './backoff.js';

/** `status` is 0 when the server was not reached; `type` is the problem's slug. */
export class ApiError extends Error {
  constructor(status, { type = '', detail = '', retryAfter = null } = {}) {
    super(detail || `HTTP ${status}`);
    Object.assign(this, { status, type, detail, retryAfter });
  }
}

/** Fetches and checks; gives the Response. */
export async function call(path, { method = 'GET', body, token, signal, fetch = globalThis.fetch } = {}) {
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache: 'no-store' });
  } catch (error) {
    throw new ApiError(0, { detail: error.message });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(response.status, {
    type: String(problem.type ?? '').split('/').pop(),
    detail: problem.detail ?? problem.title ?? '',
    retryAfter: response.headers.get('Retry-After'),
  });
}

const REFRESH_SHARE = 0.8; // of the token's life
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Holds one token: gets it when first needed, refreshes it before it ends, and gets a new one when it is refused. */
export class TokenKeeper {
  #grant;
  #env;
  #current = null; // { token, url, hlsUrl, endsAt }
  #pending = null;
  #timer = null;
  #earlier;
  #onAnswer;
  #listeners = new Set();

  /**
   * @param {object} options
   * @param {object} options.grant the body of POST /api/token
   * @param {?string} [options.earlier] the token of an earlier visit, or null: each grant is asked for with the token before it,
   *   which proves that the user id is ours
   * @param {function(object)} [options.onAnswer] is given each answer that brings a token
   */
  constructor({ grant, earlier, onAnswer = () => {}, env = {} }) {
    this.#grant = grant;
    this.#earlier = earlier;
    this.#onAnswer = onAnswer;
    this.#env = {
      call,
      setTimeout: (...args) => globalThis.setTimeout(...args),
      clearTimeout: (id) => globalThis.clearTimeout(id),
      now: Date.now,
      random: Math.random,
      ...env,
    };
  }

  /** @returns {Promise<{token: string, url: string, hlsUrl: string}>} where this viewer plays: the answer's webrtc_url and hls_url. */
  async get({ fresh = false } = {}) {
    if (fresh && !this.#pending) this.#current = null;
    if (this.#current && this.#current.endsAt > this.#env.now()) return this.#current;
    this.#pending ??= this.#ask().finally(() => (this.#pending = null));
    return this.#pending;
  }

  /** Lets `listener` know each refreshed token; gives back how to end that. */
  onToken(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close() {
    this.#env.clearTimeout(this.#timer);
  }

  async #ask() {
    const earlier = this.#earlier;
    try {
      return await this.#request('/api/token', { body: this.#grant, ...(earlier ? { token: earlier } : {}) });
    } catch (error) {
      if (!earlier || error.status !== 401) throw error;
      this.#earlier = null; // it has ended: without it, then
      return this.#request('/api/token', { body: this.#grant });
    }
  }

  async #request(path, options) {
    const response = await this.#env.call(path, { method: 'POST', ...options });
    const answer = await response.json();
    const { token, expires_in: lifeS, webrtc_url: url, hls_url: hlsUrl } = answer;
    if (this.#earlier !== undefined) this.#earlier = token;
    this.#onAnswer(answer);
    this.#current = {
      token,
      url: url ?? this.#current?.url,
      hlsUrl: hlsUrl ?? this.#current?.hlsUrl,
      endsAt: this.#env.now() + lifeS * 1000,
    };
    this.#schedule(lifeS * 1000 * (REFRESH_SHARE - this.#env.random() / 10), 0);
    return this.#current;
  }

  #schedule(ms, attempt) {
    this.#env.clearTimeout(this.#timer);
    this.#timer = this.#env.setTimeout(() => this.#refresh(attempt), Math.min(ms, MAX_TIMER_MS));
  }

  async #refresh(attempt) {
    const { token, endsAt } = this.#current ?? {};
    if (!token) return;
    try {
      const { token: next } = await this.#request('/api/token/refresh', { token });
      for (const listener of this.#listeners) listener(next);
    } catch (error) {
      if (error.status === 401 || error.status === 403) this.#current = null; // the next get() asks anew
      else if (this.#env.now() < endsAt) {
        this.#schedule(retryAfterMs(error.retryAfter, backoffMs(attempt, this.#env.random), this.#env.random), attempt + 1);
      }
    }
  }
}

/** A URL to play without the token in its query (it goes into a header), on this page's scheme where the host is ours. */
export function playUrl(address, page = location.href) {
  const url = new URL(address, page);
  const here = new URL(page);
  url.searchParams.delete('jwt');
  if (url.host === here.host) url.protocol = here.protocol;
  return url.href;
}
