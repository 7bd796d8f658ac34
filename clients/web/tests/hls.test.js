import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { HlsFallback } from '../src/lib/hls-fallback.js';
import { HlsPlayer } from '../src/lib/hls-player.js';
import { FakeClock, refused, settle, unreachable } from './fakes.js';

const PLAYLIST = 'http://server/live/stream/index.m3u8';
const playlist = () => new Response('#EXTM3U\n');

class FakeVideo extends EventTarget {
  paused = false;
  currentTime = 0;
  srcObject = {};
  src = '';
  canPlayType = () => '';
  removeAttribute(name) {
    if (name === 'src') this.src = '';
  }
  load() {}
  plays() {
    this.dispatchEvent(new Event('loadeddata'));
  }
}

class FakeHls {
  static all = [];
  static Events = { ERROR: 'hlsError' };
  static ErrorTypes = { NETWORK_ERROR: 'networkError', MEDIA_ERROR: 'mediaError' };
  static isSupported = () => true;
  static get last() {
    return FakeHls.all.at(-1);
  }
  calls = [];
  constructor(config) {
    this.config = config;
    FakeHls.all.push(this);
  }
  on(name, handler) {
    assert.equal(name, 'hlsError');
    this.fail = (error) => handler(name, { fatal: true, ...error });
  }
  loadSource(url) {
    this.url = url;
  }
  attachMedia(video) {
    assert.equal(video.srcObject, null);
    this.video = video;
  }
  startLoad() {
    this.calls.push('startLoad');
  }
  recoverMediaError() {
    this.calls.push('recoverMediaError');
  }
  destroy() {
    this.calls.push('destroy');
  }
}

let clock, video, answers, requests, states, player, mediaSource, hidden, token, freshAsked, loads;

beforeEach(() => {
  clock = new FakeClock();
  video = new FakeVideo();
  answers = [playlist];
  requests = [];
  states = [];
  mediaSource = true;
  hidden = false;
  token = 'T1';
  freshAsked = [];
  loads = 0;
  FakeHls.all = [];
  player = new HlsPlayer({
    endpoint: async ({ fresh }) => {
      freshAsked.push(fresh);
      return { url: PLAYLIST, token };
    },
    env: {
      fetch: async (url, options) => {
        requests.push({ url, ...options });
        return (answers.length > 1 ? answers.shift() : answers[0])();
      },
      setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, now: clock.now, random: () => 0.5, hidden: () => hidden,
      hasMediaSource: () => mediaSource,
      loadHls: async () => {
        loads += 1;
        return FakeHls;
      },
    },
  });
  player.addEventListener('state', () => states.push(player.state));
});

async function play() {
  player.start();
  await settle();
  player.attach(video);
  await settle();
  video.plays();
}

/** Lets seconds pass in which the picture moves. */
async function watch(seconds) {
  for (let i = 0; i < seconds; i++) {
    video.currentTime += 1;
    await clock.advance(1000);
  }
}

test('it asks for the playlist, then for an element, and plays on it with the current token', async () => {
  player.start();
  await settle();
  assert.deepEqual(states, ['starting', 'ready']);
  assert.ok(player.wantsVideo);
  assert.equal(loads, 0, 'nothing is loaded before');
  assert.equal(requests[0].url, PLAYLIST);
  assert.equal(requests[0].headers.Authorization, 'Bearer T1');
  player.attach(video);
  await settle();
  assert.equal(FakeHls.last.url, PLAYLIST);
  assert.equal(FakeHls.last.video, video);
  assert.equal(FakeHls.last.config.enableWorker, false);
  video.plays();
  assert.equal(player.state, 'playing');
  token = 'T2';
  const sent = [];
  await FakeHls.last.config.xhrSetup({ open: (...args) => sent.push(args), setRequestHeader: (...args) => sent.push(args) }, '/segment.ts');
  assert.deepEqual(sent, [['GET', '/segment.ts', true], ['Authorization', 'Bearer T2']]);
  await watch(60);
  assert.equal(FakeHls.all.length, 1);
  player.stop();
  assert.deepEqual(FakeHls.last.calls, ['destroy']);
  assert.deepEqual([player.state, player.wantsVideo], ['stopped', false]);
});

test('nobody publishes: it waits as long as it is asked to, and plays once somebody does', async () => {
  answers = [refused(409, { 'Retry-After': '4' }), playlist];
  await play();
  assert.equal(player.state, 'waiting');
  await clock.advance(3900);
  assert.equal(requests.length, 1);
  await clock.advance(3000);
  video.plays();
  assert.equal(player.state, 'playing');
});

test('a server that is not ready is asked again', async () => {
  answers = [refused(503, { 'Retry-After': '1' }), playlist];
  await play();
  assert.equal(player.state, 'starting');
  await clock.advance(3000);
  video.plays();
  assert.equal(player.state, 'playing');
});

test('a server without HLS is asked once', async () => {
  answers = [refused(404)];
  await play();
  await clock.advance(60_000);
  assert.deepEqual(states, ['starting', 'failed']);
  assert.equal(requests.length, 1);
  answers = [playlist];
  player.start();
  await settle();
  assert.equal(player.wantsVideo, true);
});

test('a refused token is replaced once', async () => {
  answers = [refused(401), playlist];
  await play();
  assert.deepEqual(freshAsked.slice(0, 2), [false, true]);
  assert.equal(player.state, 'playing');
  player.stop();
  freshAsked.length = 0;
  answers = [refused(403)];
  await play();
  assert.deepEqual(freshAsked, [false, true]);
  assert.equal(player.state, 'failed');
});

test('without an answer it gives up after some attempts', async () => {
  answers = [unreachable];
  await play();
  await clock.advance(10_000);
  assert.equal(player.state, 'starting');
  await clock.advance(300_000);
  assert.equal(player.state, 'failed');
  const { length } = requests;
  assert.ok(length > 4 && length < 12, `${length} requests`);
  await clock.advance(300_000);
  assert.equal(requests.length, length);
});

test('what hls.js gives up is taken up again', async () => {
  await play();
  FakeHls.last.fail({ fatal: false, type: 'networkError' });
  FakeHls.last.fail({ type: 'networkError' });
  assert.deepEqual(FakeHls.last.calls, []);
  await watch(2);
  FakeHls.last.fail({ type: 'mediaError' });
  assert.deepEqual(FakeHls.last.calls, ['startLoad', 'recoverMediaError']);
  assert.equal(player.state, 'playing');
  for (let i = 0; i < 5; i++) { // as often as it plays in between
    await watch(2);
    FakeHls.last.fail({ type: 'mediaError' });
  }
  await settle();
  assert.equal(FakeHls.all.length, 1);
  assert.equal(player.state, 'playing');
});

test('what does not recover begins anew', async () => {
  await play();
  for (let i = 0; i < 4; i++) FakeHls.last.fail({ type: 'mediaError' });
  await settle();
  assert.deepEqual(FakeHls.last.calls, [...Array(3).fill('recoverMediaError'), 'destroy']);
  assert.equal(player.state, 'stalled');
  assert.ok(player.wantsVideo, 'the element is not given back meanwhile');
  await clock.advance(2000);
  assert.equal(FakeHls.all.length, 2);
  video.plays();
  assert.equal(player.state, 'playing');
});

test('the publisher leaves while it plays', async () => {
  await play();
  answers = [refused(409)];
  FakeHls.last.fail({ type: 'networkError', response: { code: 409 } });
  await clock.advance(1500);
  assert.equal(player.state, 'waiting');
  answers = [playlist];
  await clock.advance(4000);
  video.plays();
  assert.equal(player.state, 'playing');
});

test('the playlist ends: the server says whether the class is over', async () => {
  await play();
  answers = [refused(409)];
  video.dispatchEvent(new Event('ended'));
  await clock.advance(1500);
  assert.equal(player.state, 'waiting');
});

test('a picture that stands is begun anew, but not one that is paused or hidden', async () => {
  await play();
  video.paused = true;
  await clock.advance(60_000);
  video.paused = false;
  hidden = true;
  await clock.advance(60_000);
  assert.equal(FakeHls.all.length, 1);
  hidden = false;
  await clock.advance(12_000);
  assert.equal(FakeHls.all.length, 2);
  assert.deepEqual(FakeHls.all[0].calls, ['destroy']);
});

test('without MediaSource the browser itself plays, with the token in the address', async () => {
  mediaSource = false;
  video.canPlayType = (type) => (type === 'application/vnd.apple.mpegurl' ? 'maybe' : '');
  await play();
  assert.equal(video.src, `${PLAYLIST}?jwt=T1`);
  assert.equal(video.srcObject, null);
  assert.equal(player.state, 'playing');
  assert.equal(loads, 0);
  token = 'T2'; // the old one has ended, and with it what the browser is let have
  video.dispatchEvent(new Event('error'));
  await clock.advance(2000);
  assert.equal(video.src, `${PLAYLIST}?jwt=T2`);
  player.stop();
  assert.equal(video.src, '');
});

test('a browser that can play none', async () => {
  mediaSource = false;
  await play();
  assert.equal(player.state, 'failed');
});

test('an element taken away and another one given', async () => {
  player.start();
  await settle();
  const detach = player.attach(video);
  await settle();
  detach();
  await settle();
  assert.deepEqual(FakeHls.last.calls, ['destroy']);
  const other = new FakeVideo();
  player.attach(other);
  await settle();
  assert.equal(FakeHls.last.video, other);
});

test('stopped while the playlist is on its way: nothing begins', async () => {
  let arrive;
  answers = [() => new Promise((resolve) => (arrive = resolve))];
  player.start();
  await settle();
  player.stop();
  assert.ok(requests[0].signal.aborted);
  arrive(playlist());
  await clock.advance(30_000);
  assert.deepEqual(states, ['starting', 'stopped']);
  assert.equal(requests.length, 1);
});

// what a page shows of both

class FakeWhep extends EventTarget {
  state = 'stopped';
  become(state, error = null) {
    this.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, error } }));
  }
}

let whep, shown, given, loading;

function fallback() {
  whep = new FakeWhep();
  shown = [];
  given = [];
  loading = 0;
  const it = new HlsFallback({
    whep,
    loadHls: async () => {
      loading += 1;
      return player;
    },
  });
  it.addEventListener('state', ({ detail }) => shown.push(detail.state));
  it.addEventListener('player', ({ detail }) => {
    given.push(detail);
    if (detail) detail.attach(video);
  });
  return it;
}

async function becomeDelayed() {
  whep.become('connecting');
  whep.become('reconnecting');
  whep.become('blocked');
  await settle();
  video.plays();
}

test('blocked: HLS plays, and WebRTC again as soon as it gets through', async () => {
  fallback();
  whep.become('connecting');
  whep.become('live');
  whep.become('reconnecting');
  await settle();
  assert.equal(loading, 0, 'no HLS as long as it is not needed');
  shown.length = 0;
  await becomeDelayed();
  assert.deepEqual(shown, ['connecting', 'reconnecting', 'blocked', 'delayed']);
  assert.deepEqual(given, [player]);
  whep.become('reconnecting');
  whep.become('blocked');
  await watch(5);
  assert.equal(shown.at(-1), 'delayed', 'attempts in the background are not shown');
  whep.become('live');
  assert.deepEqual(shown.slice(4), ['live']);
  assert.deepEqual(given, [player, null]);
  assert.deepEqual(FakeHls.last.calls, ['destroy']);
  await becomeDelayed();
  assert.equal(shown.at(-1), 'delayed');
  assert.equal(loading, 1);
});

test('a server without HLS: it stays blocked, and is asked again when it becomes so again', async () => {
  answers = [refused(404)];
  fallback();
  await becomeDelayed();
  assert.deepEqual(shown, ['connecting', 'reconnecting', 'blocked']);
  assert.deepEqual(given, []);
  answers = [playlist];
  whep.become('reconnecting');
  await settle();
  assert.equal(requests.length, 1);
  await becomeDelayed();
  assert.equal(shown.at(-1), 'delayed');
});

test('stopped, or without a right to watch: HLS ends, too', async () => {
  for (const state of ['stopped', 'denied', 'unplayable']) {
    const it = fallback();
    await becomeDelayed();
    const error = new Error('why');
    let told;
    it.addEventListener('state', ({ detail }) => (told = detail.error));
    whep.become(state, error);
    assert.equal(shown.at(-1), state);
    assert.equal(told, error);
    assert.equal(player.state, 'stopped');
    assert.equal(given.at(-1), null);
    await settle();
  }
});

test('stopped while the HLS player is being loaded: it does not begin', async () => {
  fallback();
  whep.become('blocked');
  whep.become('stopped');
  await settle();
  assert.equal(loading, 1);
  assert.deepEqual(requests, []);
});

test('nobody publishes any more on a blocked network: the page waits, and is delayed again', async () => {
  fallback();
  await becomeDelayed();
  answers = [refused(409)];
  video.dispatchEvent(new Event('ended'));
  await clock.advance(1500);
  assert.equal(shown.at(-1), 'waiting');
  whep.become('waiting');
  answers = [playlist];
  await clock.advance(4000);
  video.plays();
  assert.equal(shown.at(-1), 'delayed');
});

test('HLS that stalls is shown as that, not as blocked', async () => {
  fallback();
  await becomeDelayed();
  answers = [unreachable];
  await clock.advance(10_000);
  assert.equal(shown.at(-1), 'reconnecting');
  await clock.advance(300_000);
  assert.equal(shown.at(-1), 'blocked');
  assert.equal(given.at(-1), null);
});

test('a player that cannot be loaded is loaded the next time', async () => {
  whep = new FakeWhep();
  let fails = true;
  const it = new HlsFallback({
    whep,
    loadHls: async () => {
      if (fails) throw new TypeError('fetch failed');
      return player;
    },
  });
  whep.become('blocked');
  await settle();
  assert.equal(it.state, 'blocked');
  fails = false;
  whep.become('reconnecting');
  whep.become('blocked');
  await settle();
  assert.equal(player.state, 'ready');
});
