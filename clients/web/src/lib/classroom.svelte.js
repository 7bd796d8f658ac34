// A class as the pages see it: the socket and what it brought, as reactive state.

import { ClassSocket } from './class-socket.js';
import { EMPTY, reduce, remainingMs } from './class-state.js';

const TICK_MS = 200; // while a question has a limit

export class Classroom {
  state = $state.raw(EMPTY);
  link = $state('stopped');
  notice = $state.raw(null); // the last error that answered no request
  now = $state(Date.now());

  #socket;
  #keeper;
  #unlisten = [];

  /** @param {{role: string, classId: string, keeper: import('./api.js').TokenKeeper}} options */
  constructor({ role, classId, keeper }) {
    this.#keeper = keeper;
    this.#socket = new ClassSocket({
      role,
      classId,
      token: async (options) => (await keeper.get(options)).token,
      onState: (state) => (this.link = state),
      onMessage: (message) => {
        if (message.type === 'error') this.notice = message;
        else this.state = reduce(this.state, message);
      },
    });
  }

  get leftMs() {
    return remainingMs(this.state, this.now);
  }

  start() {
    const hurry = () => this.#socket.hurry();
    this.#listen(window, 'online', hurry);
    this.#listen(document, 'visibilitychange', () => document.visibilityState === 'visible' && hurry());
    this.#listen(document, 'resume', hurry);
    this.#listen(window, 'pagehide', () => this.#socket.stop());
    this.#listen(window, 'pageshow', () => this.#socket.start());
    this.#unlisten.push(this.#keeper.onToken((token) => this.#socket.setToken(token)));
    const ticking = setInterval(() => this.state.quiz?.endsAtMs != null && this.state.quiz.state === 'open' && (this.now = Date.now()), TICK_MS);
    this.#unlisten.push(() => clearInterval(ticking));
    this.#socket.start();
  }

  stop() {
    for (const undo of this.#unlisten.splice(0)) undo();
    this.#socket.stop();
  }

  /** Something suggests that it is worth trying again now. */
  hurry() {
    this.#socket.hurry();
  }

  send(message) {
    return this.#socket.send(message);
  }

  request(message) {
    return this.#socket.request(message);
  }

  /** What this page knows before the server says it: an acknowledged answer, an alert that was dealt with. */
  apply(message) {
    this.state = reduce(this.state, message);
  }

  #listen(target, name, handler) {
    target.addEventListener(name, handler);
    this.#unlisten.push(() => target.removeEventListener(name, handler));
  }
}
