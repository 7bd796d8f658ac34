// A class being watched: token, players and the page's own events, as reactive state for the pages.

import { ApiError, call, playUrl, TokenKeeper } from './api.js';
import { HlsFallback } from './hls-fallback.js';
import { LevelWatch } from './level-watch.js';
import { answerOf } from './stream-question.js';
import { kindOfStatus, WhepError } from './whep-session.js';
import { WhepPlayer } from './whep.js';

/** What of an ApiError matters to the player. */
const asWhepError = (error) =>
  error instanceof ApiError
    ? new WhepError(kindOfStatus(error.status), { status: error.status, retryAfter: error.retryAfter, detail: error.detail })
    : error;

export const streamPath = (classId) => `live/${classId}`;

/** Begins to watch; to be called from a component's effect, which calls `stop()` at the end. */
export class Watch {
  state = $state('connecting');
  detail = $state('');
  stats = $state.raw(null);
  stream = $state.raw(null);
  sends = $state.raw({ video: true, audio: true });
  hls = $state.raw(null); // an HlsPlayer that wants the video element, instead of `stream`
  level = $state.raw(null); // what less than everything is sent, and why: a WhepStatus

  #player;
  #fallback;
  #levels = new LevelWatch({
    ask: async (url) => (await call(url)).json(),
    onLevel: (level) => (this.level = level),
  });
  #keeper;
  #ownsKeeper;
  #unlisten = [];

  /** @param {{classId: string, grant?: object, keeper?: TokenKeeper, audioOnly?: boolean}} options a grant, or a keeper
   *   that somebody else owns */
  constructor({ classId, grant, keeper, audioOnly = false }) {
    this.#ownsKeeper = !keeper;
    this.#keeper = keeper ?? new TokenKeeper({ grant });
    this.#unlisten.push(this.#keeper.onToken((token) => this.#player.setToken(token)));
    this.#player = new WhepPlayer({
      audioOnly,
      endpoint: (options) => this.#endpoint('url', options),
      status: async (sends) => {
        try {
          const { token } = await this.#keeper.get();
          return answerOf(await (await call(`/api/streams/${streamPath(classId)}`, { token })).json(), sends);
        } catch (error) {
          return error.status === 404 ? 'idle' : null;
        }
      },
    });
    this.#fallback = new HlsFallback({
      whep: this.#player,
      loadHls: async () => {
        const { HlsPlayer } = await import('./hls-player.js');
        return new HlsPlayer({ endpoint: (options) => this.#endpoint('hlsUrl', options) });
      },
    });
    this.#fallback.addEventListener('player', ({ detail }) => (this.hls = detail));
    this.#fallback.addEventListener('state', ({ detail: { state, error } }) => {
      this.state = state;
      this.detail = error?.message ?? '';
      if (state !== 'live') this.stats = null;
    });
    this.#player.addEventListener('stats', ({ detail }) => {
      if (this.hls) return; // they are of an attempt in the background
      this.stats = detail;
      if (this.state === 'live') this.#levels.take(detail);
    });
    this.#player.addEventListener('stream', ({ detail }) => {
      this.stream = detail.stream;
      this.sends = detail.sends;
      this.#levels.open({ url: detail.statusUrl, video: detail.sends.video });
    });
  }

  start() {
    const hurry = () => {
      this.#player.hurry();
      this.#fallback.hurry();
    };
    const shown = () => document.visibilityState === 'visible' && hurry();
    this.#listen(window, 'online', hurry);
    this.#listen(navigator.connection, 'change', hurry);
    this.#listen(document, 'visibilitychange', shown);
    this.#listen(document, 'resume', hurry); // thawed, after a browser had frozen the page
    this.#listen(window, 'pagehide', () => this.#player.stop());
    this.#listen(window, 'pageshow', () => this.#player.start()); // also from the back-forward cache
    this.#player.start();
  }

  stop() {
    for (const undo of this.#unlisten.splice(0)) undo();
    this.#player.stop();
    if (this.#ownsKeeper) this.#keeper.close();
  }

  setAudioOnly(audioOnly) {
    this.#player.setAudioOnly(audioOnly);
  }

  /** @param {'url'|'hlsUrl'} which of the keeper's */
  async #endpoint(which, { fresh }) {
    try {
      const answer = await this.#keeper.get({ fresh });
      return { token: answer.token, url: playUrl(answer[which]) };
    } catch (error) {
      throw asWhepError(error);
    }
  }

  #listen(target, name, handler) {
    target?.addEventListener?.(name, handler);
    this.#unlisten.push(() => target?.removeEventListener?.(name, handler));
  }
}
