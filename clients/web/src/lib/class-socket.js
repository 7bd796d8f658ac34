// The socket of a class: one for a page. It authenticates with its first frame, resumes where it was, comes back after any loss
// with a random wait, at once when the network or the page returns, and carries each refreshed token.

import { backoffMs } from './backoff.js';

const PING_MS = 25_000;
const SILENCE_MS = 60_000; // nothing for so long, not even a pong: the way is dead, whatever the socket says
const OPEN_MS = 10_000; // until the first frame
const ANSWER_MS = 10_000; // to a request
const STABLE_MS = 5000; // so long open: the next loss begins with the short wait again

const MISSING_MS = 20_000; // about so long until it is asked again whether there is such a class now

/** Close codes after which trying again is of no use. */
const FINAL = { 4403: 'denied', 4409: 'banned' };
const MISSING = 4404;
const REFUSED = 4401; // the token, not the person

export class ClassSocketError extends Error {
  /** @param {string} problem the server's slug, or `offline`, `timeout` */
  constructor(problem, detail = '') {
    super(detail || problem);
    this.problem = problem;
  }
}

export class ClassSocket {
  #options;
  #env;
  #socket = null;
  #generation = 0; // of attempts: what an older one still says is not heard
  #attempt = 0;
  #timers = {};
  #requests = new Map(); // ref → { resolve, reject, timer }
  #nextRef = 1;
  #heardAt = 0;
  #heard = 0; // frames
  #openedAt = 0;
  #fresh = false; // the token was refused: get another
  lastId = null;
  state = 'stopped';

  /**
   * @param {object} options
   * @param {string} options.role student, teacher or monitor
   * @param {string} options.classId
   * @param {function({fresh: boolean}): Promise<string>} options.token an error with `status` 401 to 403 ends the attempts
   * @param {function(object)} options.onMessage every frame but pongs and answers to requests
   * @param {function(string)} options.onState connecting, open, reconnecting, denied, missing, banned, stopped
   */
  constructor({ env = {}, ...options }) {
    this.#options = options;
    this.#env = {
      WebSocket: globalThis.WebSocket,
      setTimeout: (...args) => globalThis.setTimeout(...args),
      clearTimeout: (id) => globalThis.clearTimeout(id),
      now: Date.now,
      random: Math.random,
      base: globalThis.location?.href,
      ...env,
    };
  }

  start() {
    if (this.#socket || this.#timers.retry !== undefined || this.state === 'connecting') return;
    this.#set('connecting');
    this.#attempt = 0;
    this.#connect();
  }

  stop() {
    this.#drop();
    this.#set('stopped');
  }

  /** The network came back, or the page was shown again: no waiting, and a socket that only looks alive is found out. */
  hurry() {
    if (this.state === 'open') this.#probe();
    else if (this.state === 'reconnecting' || this.state === 'missing') {
      this.#attempt = 0;
      this.#connect();
    }
  }

  setToken(token) {
    if (this.state === 'open') this.#write({ type: 'auth', token });
  }

  /** @returns {boolean} whether it was given to the socket */
  send(message) {
    if (this.state !== 'open') return false;
    this.#write(message);
    return true;
  }

  /** Sends, and waits for `ok` or `error`. */
  request(message) {
    const ref = `r${this.#nextRef++}`;
    return new Promise((resolve, reject) => {
      if (!this.send({ ...message, ref })) {
        reject(new ClassSocketError('offline'));
        return;
      }
      const timer = this.#env.setTimeout(() => this.#settle(ref, 'reject', new ClassSocketError('timeout')), ANSWER_MS);
      this.#requests.set(ref, { resolve, reject, timer });
    });
  }

  // ---- one attempt

  #url() {
    const { role, classId } = this.#options;
    const url = new URL(`/ws/${role}`, this.#env.base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('class_id', classId);
    if (this.lastId) url.searchParams.set('last_id', this.lastId);
    return url.href;
  }

  async #connect() {
    this.#drop();
    const generation = this.#generation;
    let token;
    try {
      token = await this.#options.token({ fresh: this.#fresh });
    } catch (error) {
      if (generation !== this.#generation) return;
      if (error.status === 404) this.#wait();
      else if (error.status === 401 || error.status === 403) this.#set('denied');
      else this.#retry();
      return;
    }
    if (generation !== this.#generation) return;
    this.#fresh = false;
    this.#timers.open = this.#env.setTimeout(() => generation === this.#generation && this.#retry(), OPEN_MS);
    const socket = new this.#env.WebSocket(this.#url());
    this.#socket = socket;
    socket.onopen = () => this.#socket === socket && this.#write({ type: 'auth', token });
    socket.onmessage = ({ data }) => this.#socket === socket && this.#read(data);
    socket.onclose = ({ code }) => this.#socket === socket && this.#closed(code);
    socket.onerror = () => {}; // a close follows
  }

  #read(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    this.#heardAt = this.#env.now();
    this.#heard += 1;
    if (this.state !== 'open' && (message.type === 'snapshot' || message.type === 'resumed')) this.#opened();
    if (message.id != null) this.lastId = String(message.id);
    const isAnswer = message.ref !== undefined && this.#requests.has(message.ref) && (message.type === 'ok' || message.type === 'error');
    if (isAnswer && message.type === 'ok') this.#settle(message.ref, 'resolve', message);
    else if (isAnswer) this.#settle(message.ref, 'reject', new ClassSocketError(message.problem, message.detail));
    else if (message.type !== 'pong') this.#options.onMessage(message);
  }

  #opened() {
    this.#env.clearTimeout(this.#timers.open);
    this.#openedAt = this.#env.now();
    this.#set('open');
    this.#schedulePing();
  }

  #closed(code) {
    if (code === REFUSED) this.#fresh = true;
    if (FINAL[code]) {
      this.#drop();
      this.#set(FINAL[code]);
    } else if (code === MISSING) this.#wait();
    else this.#retry();
  }

  /** There is no such class. One may be made. */
  #wait() {
    this.#drop();
    this.#set('missing');
    this.#timers.retry = this.#env.setTimeout(() => this.#connect(), MISSING_MS * (0.75 + this.#env.random() / 2));
  }

  #retry() {
    if (this.state === 'missing' && !this.#fresh) {
      this.#wait();
      return;
    }
    if (this.state === 'open' && this.#env.now() - this.#openedAt >= STABLE_MS) this.#attempt = 0;
    this.#drop();
    this.#set('reconnecting');
    this.#timers.retry = this.#env.setTimeout(() => this.#connect(), backoffMs(this.#attempt++, this.#env.random));
  }

  #schedulePing() {
    this.#timers.ping = this.#env.setTimeout(() => {
      if (this.#env.now() - this.#heardAt >= SILENCE_MS) this.#retry();
      else {
        this.#write({ type: 'ping' });
        this.#schedulePing();
      }
    }, PING_MS);
  }

  /** Asks for a sign of life now: a phone that slept may hold a socket that nobody answers any more. */
  #probe() {
    const before = this.#heard;
    this.#env.clearTimeout(this.#timers.probe);
    this.#write({ type: 'ping' });
    this.#timers.probe = this.#env.setTimeout(() => this.state === 'open' && this.#heard === before && this.#retry(), 4000);
  }

  #write(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #settle(ref, how, value) {
    const request = this.#requests.get(ref);
    if (!request) return;
    this.#requests.delete(ref);
    this.#env.clearTimeout(request.timer);
    request[how](value);
  }

  #drop() {
    this.#generation += 1;
    for (const timer of Object.values(this.#timers)) this.#env.clearTimeout(timer);
    this.#timers = {};
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const ref of [...this.#requests.keys()]) this.#settle(ref, 'reject', new ClassSocketError('offline'));
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState?.(state);
  }
}
