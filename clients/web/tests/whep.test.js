import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { WhepPlayer } from '../src/lib/whep.js';
import { answerOf } from '../src/lib/stream-question.js';
import { ANSWER, created, createdWith, FakeClock, FakePeer, FakeServer, refused, settle, unreachable } from './fakes.js';

let clock, server, states, status, asked, online, hidden, player, freshAsked;

const env = (random) => ({
  RTCPeerConnection: FakePeer,
  MediaStream: class { addTrack() {} },
  fetch: server.fetch,
  setTimeout: clock.setTimeout,
  clearTimeout: clock.clearTimeout,
  now: clock.now,
  random,
  online: () => online,
  hidden: () => hidden,
});

function start(options = {}) {
  player = new WhepPlayer({
    endpoint: async ({ fresh }) => {
      freshAsked.push(fresh);
      return { url: 'http://server/live/stream/whep', token: 'T' };
    },
    status: async (sends) => {
      asked.push(clock.time);
      return typeof status === 'string' ? status : answerOf(status, sends);
    },
    env: env(() => 0.5),
    ...options,
  });
  player.addEventListener('state', ({ detail }) => states.push(detail.state));
  player.start();
  return settle();
}

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeServer();
  states = [];
  freshAsked = [];
  status = 'live';
  asked = [];
  online = true;
  hidden = false;
  FakePeer.all = [];
});

async function goLive() {
  server.answers = [created];
  await start();
  FakePeer.last.play();
  await clock.advance(500);
  assert.equal(player.state, 'live');
}

test('plays: offer with the token, then live with the first frame', async () => {
  await goLive();
  const post = server.requests[0];
  assert.equal(post.headers.Authorization, 'Bearer T');
  assert.equal(post.headers['Content-Type'], 'application/sdp');
  assert.match(post.body, /stereo=1/);
  assert.deepEqual(states, ['connecting', 'live']);
});

test('waits for the class as the server asks, with one offer, and then plays', async () => {
  server.answers = [refused(409, { 'Retry-After': '3' }), refused(409, { 'Retry-After': '3' }), created];
  await start();
  assert.equal(player.state, 'waiting');
  await clock.advance(2900);
  assert.equal(server.count('POST'), 1, 'not before Retry-After');
  await clock.advance(6000);
  assert.equal(server.count('POST'), 3);
  assert.equal(FakePeer.all.length, 1);
  FakePeer.last.play();
  await clock.advance(500);
  assert.equal(player.state, 'live');
});

test('an offer that waited long is made anew', async () => {
  server.answers = [refused(409, { 'Retry-After': '20' })];
  await start();
  await clock.advance(60_000);
  assert.ok(FakePeer.all.length >= 2);
  assert.ok(FakePeer.all.slice(0, -1).every((peer) => peer.connectionState === 'closed'));
});

test('a full server is asked again later and says so', async () => {
  server.answers = [refused(503, { 'Retry-After': '4' }), created];
  await start();
  assert.equal(player.state, 'busy');
  await clock.advance(6000);
  assert.equal(server.count('POST'), 2);
});

test('the network fails: backs off, and tries at once when it is back', async () => {
  server.answers = [unreachable];
  online = false;
  await start();
  assert.equal(player.state, 'offline');
  await clock.advance(30_000);
  const before = server.count('POST');
  assert.ok(before < 12, 'it backs off');
  server.answers = [created];
  online = true;
  player.hurry();
  await settle();
  assert.equal(server.count('POST'), before + 1);
});

test('a publisher that dropped: held, and back without a new session', async () => {
  await goLive();
  status = 'held';
  FakePeer.last.flowing = false;
  await clock.advance(5000);
  assert.equal(player.state, 'held');
  await clock.advance(20_000);
  FakePeer.last.flowing = true;
  await clock.advance(2000);
  assert.equal(player.state, 'live');
  assert.equal(server.count('POST'), 1);
});

const warned = (...types) => ({ state: 'live', warnings: types.map((type) => ({ type })) });

test('what a stream’s document says, for who gets the picture and for who gets the sound alone', () => {
  const both = { video: true, audio: true };
  const sound = { video: false, audio: true };
  assert.equal(answerOf({ state: 'idle' }, both), 'idle');
  assert.equal(answerOf({ state: 'held', warnings: [{ type: 'held' }] }, both), 'held');
  assert.equal(answerOf(warned('b-frames', 'long-keyframe-interval', 'slow-uplink'), both), 'live');
  assert.equal(answerOf(warned('no-audio'), both), 'live');
  assert.equal(answerOf(warned('no-audio'), sound), 'soundless');
  for (const type of ['no-keyframe', 'lost-keyframe', 'no-video']) {
    assert.equal(answerOf(warned(type), both), 'pictureless', type);
    assert.equal(answerOf(warned(type), sound), 'live', type);
    assert.equal(answerOf(warned(type, 'stalled'), both), 'stalled', type);
  }
  assert.equal(answerOf(warned('no-audio', 'stalled'), sound), 'stalled');
});

test('a publisher that is there and sends nothing: the page waits, and goes on without a new session', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  await clock.advance(2000); // the server finds it out later than the pages
  status = warned('stalled', 'class-uplink');
  await clock.advance(2000);
  assert.equal(player.state, 'held');
  await clock.advance(116_000);
  assert.deepEqual(states, ['connecting', 'live', 'reconnecting', 'held']);
  assert.ok(asked.length <= 20, `${asked.length} questions in two minutes`);
  FakePeer.last.flowing = true;
  await clock.advance(500);
  assert.equal(player.state, 'live');
  assert.equal(server.count('POST') + server.count('PATCH'), 1);
});

test('… half open: the server finds it out in the end, and the stream is held', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  status = warned('stalled');
  await clock.advance(8000);
  status = 'held';
  await clock.advance(20_000);
  status = 'live'; // it is back, and its first picture is on its way
  await clock.advance(7000);
  FakePeer.last.flowing = true;
  await clock.advance(500);
  assert.deepEqual(states, ['connecting', 'live', 'held', 'reconnecting', 'live']);
  assert.equal(server.count('POST'), 1);
});

test('… the way to the server may be lost meanwhile', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  status = warned('stalled');
  await clock.advance(20_000);
  assert.equal(player.state, 'held');
  FakePeer.last.restartsHelp = false;
  FakePeer.last.reachable = false;
  await clock.advance(1500);
  assert.equal(player.state, 'reconnecting');
  assert.equal(restarts().length, 1);
});

test('… who joins then is told and stays', async () => {
  server.answers = [created];
  status = warned('stalled');
  await start();
  FakePeer.last.play();
  await clock.advance(300);
  FakePeer.last.flowing = false; // only the cached pictures came
  await clock.advance(60_000);
  assert.deepEqual(states, ['connecting', 'live', 'held']);
  assert.equal(server.count('POST'), 1);
});

test('an answer from before is not taken for what befell the class since', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  await clock.advance(9800);
  assert.ok(clock.time - asked.at(-1) > 1000, 'the last answer is of a while ago');
  status = 'held';
  await clock.advance(600);
  assert.equal(player.state, 'held');
  await clock.advance(20_000);
  assert.equal(server.count('POST'), 1);
});

test('the stream ended: leaves the session and waits for the next class', async () => {
  await goLive();
  status = 'idle';
  server.answers = [refused(409)];
  FakePeer.last.flowing = false;
  await clock.advance(6000);
  assert.equal(player.state, 'waiting');
  assert.equal(server.count('DELETE'), 1);
});

test('a live stream from which nothing comes is joined anew', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  await clock.advance(8000);
  assert.equal(player.state, 'reconnecting');
  await clock.advance(5000);
  assert.equal(FakePeer.all.length, 2);
  FakePeer.last.play();
  await clock.advance(1000);
  assert.equal(player.state, 'live');
});

const restarts = () => server.requests.filter(({ method, headers }) => method === 'PATCH' && headers['If-Match'] === '*');

test('the way is lost: an ICE restart brings the same session back within three seconds', async () => {
  await goLive();
  FakePeer.last.cut();
  await clock.advance(1300);
  assert.equal(player.state, 'live', 'a moment is forgiven');
  await clock.advance(1200);
  assert.equal(player.state, 'live');
  assert.deepEqual(states, ['connecting', 'live', 'reconnecting', 'live']);
  assert.equal(restarts().length, 1);
  assert.match(restarts()[0].body, /^a=ice-ufrag:again1\r\n/);
  assert.match(FakePeer.last.remoteDescription.sdp, /a=ice-ufrag:newname1/);
  assert.equal(server.count('POST'), 1);

  player.setToken('T2');
  await settle();
  assert.equal(server.requests.at(-1).headers['If-Match'], '"2"', 'the session has a new tag');
});

test('the browser says that the way is lost: the restart comes sooner', async () => {
  await goLive();
  FakePeer.last.cut();
  FakePeer.last.setState('disconnected');
  await clock.advance(1100);
  assert.equal(restarts().length, 1);
  await clock.advance(500);
  assert.equal(player.state, 'live');
});

test('a restart that does not help: joins anew, also within three seconds', async () => {
  await goLive();
  FakePeer.last.restartsHelp = false;
  FakePeer.last.cut();
  player.hurry();
  await clock.advance(2900);
  assert.equal(server.count('POST'), 2);
  FakePeer.last.play();
  await clock.advance(300);
  assert.equal(player.state, 'live');
});

test('the server knows the session no more: joins anew after a while that differs, at once if only this page slept', async () => {
  await goLive();
  server.patched = refused(404);
  FakePeer.last.cut();
  await clock.advance(1800);
  assert.equal(restarts().length, 1);
  assert.equal(server.count('POST'), 1);
  await clock.advance(1200);
  assert.equal(server.count('POST'), 2);
  FakePeer.last.play();
  await clock.advance(500);
  assert.equal(player.state, 'live');

  FakePeer.last.cut();
  clock.time += 3_600_000; // the page slept
  player.hurry();
  await clock.advance(200);
  assert.equal(server.count('POST'), 3);
});

test('the server fails to restart ICE: joins anew, and lets go of the old session', async () => {
  await goLive();
  server.patched = refused(500);
  FakePeer.last.cut();
  await clock.advance(2500);
  assert.equal(restarts().length, 1);
  assert.equal(server.count('POST'), 2);
  assert.equal(server.count('DELETE'), 1);
  FakePeer.last.play();
  await clock.advance(500);
  assert.equal(player.state, 'live');
});

test('the way to the server is not whole yet: the restart is tried again', async () => {
  await goLive();
  server.patched = refused(502);
  FakePeer.last.cut();
  await clock.advance(2500);
  assert.ok(restarts().length >= 1);
  server.patched = new FakeServer().patched;
  await clock.advance(3000);
  assert.equal(player.state, 'live');
  assert.equal(server.count('POST'), 1);
});

test('no way to the server at all: asks with back-off, and goes on with the session if it comes back', async () => {
  await goLive();
  server.patched = unreachable;
  FakePeer.last.cut();
  await clock.advance(15_000);
  assert.equal(player.state, 'reconnecting');
  assert.ok(restarts().length >= 3 && restarts().length <= 8, `${restarts().length} restarts in 15 s`);
  FakePeer.last.play();
  await clock.advance(1000);
  assert.equal(player.state, 'live');
  assert.equal(server.count('POST'), 1);
  await clock.advance(60_000);
  const later = restarts().length;
  await clock.advance(60_000);
  assert.equal(restarts().length, later, 'and all is quiet again');
});

test('the server may have restarted ICE, but its answer was lost, and the picture is back: asked until it answers', async () => {
  await goLive();
  server.patched = unreachable;
  FakePeer.last.cut();
  await clock.advance(3000);
  FakePeer.last.play();
  await clock.advance(500);
  assert.equal(player.state, 'live');
  server.patched = new FakeServer().patched;
  const before = restarts().length;
  await clock.advance(30_000);
  assert.equal(restarts().length, before + 1);
  assert.equal(player.state, 'live');
  assert.equal(server.count('POST'), 1);
  FakePeer.last.cut(); // another time: anew
  await clock.advance(2500);
  assert.equal(restarts().length, before + 2);
});

test('no way to the server for long: the session is given up', async () => {
  await goLive();
  server.patched = unreachable;
  server.answers = [unreachable];
  FakePeer.last.cut();
  await clock.advance(30_000);
  assert.ok(server.count('POST') >= 2);
  server.answers = [created];
  player.hurry();
  await settle();
  FakePeer.last.play();
  await clock.advance(500);
  assert.equal(player.state, 'live');
});

test('a restart that hangs on the old address is tried anew when the network is back', async () => {
  await goLive();
  let hanging = 0;
  server.patched = ({ signal }) => new Promise((resolve, reject) => {
    hanging += 1;
    signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
  });
  FakePeer.last.cut();
  await clock.advance(1600);
  assert.equal(hanging, 1);
  server.patched = new FakeServer().patched;
  player.hurry();
  await clock.advance(500);
  assert.equal(player.state, 'live');
});

test('a teacher whose picture stalls: nobody restarts, nobody rejoins', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  await clock.advance(6000);
  assert.equal(player.state, 'reconnecting');
  FakePeer.last.flowing = true;
  await clock.advance(1000);
  assert.equal(player.state, 'live');
  assert.equal(server.count('PATCH'), 0);
  assert.equal(server.count('POST'), 1);
});

test('STUN and TURN servers of the answer: used by a restart if there is no way without, and by later sessions', async () => {
  server.answers = [createdWith({ Link: '<turn:t>; rel="ice-server"; username="u"; credential="c"' })];
  await start();
  const servers = [{ urls: 'turn:t', username: 'u', credential: 'c' }];
  assert.deepEqual(FakePeer.last.configuration.iceServers, servers);
  FakePeer.last.restartsHelp = false;
  await clock.advance(2000);
  assert.equal(restarts().length, 0);
  await clock.advance(1000);
  assert.equal(restarts().length, 1);
  await clock.advance(10_000);
  assert.equal(FakePeer.all.length, 2);
  assert.deepEqual(FakePeer.last.configuration.iceServers, servers);
});

/** `count` pages on one clock, all playing; `random` differs. */
async function fillClass(count) {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const arrivals = [];
  const players = [];
  server.answers = [() => (arrivals.push(clock.time), created())];
  for (let i = 0; i < count; i++) {
    const one = new WhepPlayer({
      endpoint: async () => ({ url: 'http://server/live/stream/whep', token: 'T' }),
      status: async () => {
        asked.push(clock.time);
        return status;
      },
      env: {
        RTCPeerConnection: FakePeer, MediaStream: class { addTrack() {} }, fetch: server.fetch, setTimeout: clock.setTimeout,
        clearTimeout: clock.clearTimeout, now: clock.now, random, online: () => true, hidden: () => false,
      },
    });
    one.start();
    players.push(one);
  }
  await settle();
  for (const peer of FakePeer.all) peer.play();
  await clock.advance(300);
  assert.ok(players.every((one) => one.state === 'live'));
  arrivals.length = 0;
  return { players, arrivals };
}

/** The most that arrived within any `windowMs`. */
const busiest = (arrivals, windowMs) =>
  Math.max(...arrivals.map((from) => arrivals.filter((at) => at >= from && at < from + windowMs).length));

test('500 students whose server was restarted come back one after the other', async () => {
  const { players, arrivals } = await fillClass(500);
  let up = false;
  server.patched = () => (up ? refused(404)() : unreachable());
  const admit = server.answers[0];
  server.answers = [() => (up ? admit() : unreachable())];
  const before = FakePeer.all.length;
  for (const peer of FakePeer.all) peer.cut();
  await clock.advance(3000);
  up = true;
  for (let second = 0; second < 16; second++) {
    await clock.advance(1000);
    for (const peer of FakePeer.all.slice(before)) if (!peer.flowing && peer.remoteDescription) peer.play();
  }
  assert.equal(arrivals.length, 500);
  assert.ok(players.every((one) => one.state === 'live'));
  assert.ok(busiest(arrivals, 100) <= 50, `${busiest(arrivals, 100)} of 500 within 100 ms`);
  for (const one of players) one.stop();
});

test('500 students who are told to come in two seconds do not come together', async () => {
  const { players, arrivals } = await fillClass(500);
  const admit = server.answers[0];
  server.answers = [...Array(500).fill(refused(503, { 'Retry-After': '2' })), admit];
  server.patched = refused(404);
  for (const peer of FakePeer.all) peer.cut();
  const from = clock.time;
  await clock.advance(9000);
  assert.equal(arrivals.length, 500);
  assert.ok(Math.min(...arrivals) >= from + 2000, 'nobody sooner than asked');
  assert.ok(busiest(arrivals, 100) <= 50, `${busiest(arrivals, 100)} of 500 within 100 ms`);
  for (const one of players) one.stop();
});

test('500 students from whom a live stream keeps its media come back one after the other', async () => {
  const { players, arrivals } = await fillClass(500);
  const before = FakePeer.all.length;
  for (const peer of FakePeer.all) peer.flowing = false;
  for (let second = 0; second < 18; second++) {
    await clock.advance(1000);
    for (const peer of FakePeer.all.slice(before)) if (!peer.flowing && peer.remoteDescription) peer.play();
  }
  assert.equal(arrivals.length, 500);
  assert.ok(players.every((one) => one.state === 'live'));
  assert.ok(busiest(arrivals, 1000) <= 180, `${busiest(arrivals, 1000)} of 500 within a second`);
  for (const one of players) one.stop();
});

test('back in the foreground with a dead session: rejoins within two seconds', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  clock.time += 60_000; // the page slept
  player.hurry();
  await clock.advance(2000);
  assert.equal(FakePeer.all.length, 2);
});

test('a refused token is replaced once at once, then shown', async () => {
  server.answers = [refused(401)];
  await start();
  assert.deepEqual(freshAsked.slice(0, 1), [false]);
  await clock.advance(100);
  assert.deepEqual(freshAsked, [false, true]);
  assert.equal(player.state, 'denied');
});

test('media that never arrives: the network blocks it', async () => {
  server.answers = [created];
  await start();
  await clock.advance(9000);
  assert.equal(player.state, 'connecting');
  await clock.advance(2000);
  assert.equal(player.state, 'blocked');
});

test('media that came once, and twice does not: only then the network blocks it', async () => {
  await goLive();
  FakePeer.last.flowing = false;
  let peers = null;
  player.addEventListener('state', ({ detail: { state } }) => {
    if (state === 'blocked') peers ??= FakePeer.all.length;
  });
  await clock.advance(60_000);
  assert.equal(player.state, 'blocked');
  assert.equal(peers, 3, 'the one that had played, and two more');
});

test('sound only is another session with one kind', async () => {
  await goLive();
  player.setAudioOnly(true);
  await clock.advance(100);
  assert.deepEqual(FakePeer.last.kinds, ['audio']);
  assert.equal(server.count('DELETE'), 1);
});

test('a refreshed token is shown to the running session', async () => {
  await goLive();
  player.setToken('T2');
  await settle();
  const patch = server.requests.find(({ method }) => method === 'PATCH');
  assert.equal(patch.url, 'http://server/sessions/1');
  assert.equal(patch.headers['If-Match'], '"1"');
  assert.equal(patch.headers.Authorization, 'Bearer T2');
  assert.match(patch.body, /^a=ice-ufrag:abcd\r\na=ice-pwd:/);
});

test('leaving deletes the session even while the page goes', async () => {
  await goLive();
  player.stop();
  await settle();
  const gone = server.requests.find(({ method }) => method === 'DELETE');
  assert.equal(gone.url, 'http://server/sessions/1');
  assert.equal(gone.keepalive, true);
  assert.equal(player.state, 'stopped');
  await clock.advance(60_000);
  assert.equal(server.count('POST'), 1);
});

test('stopped while the answer is on its way: nothing is left at the server', async () => {
  let answer;
  server.answers = [() => new Promise((resolve) => (answer = () => resolve(created())))];
  await start();
  player.stop();
  answer();
  await settle();
  assert.equal(server.count('DELETE'), 1);
});

test('a browser without WebRTC is told', async () => {
  server.answers = [created];
  await start({ env: { ...{ now: clock.now, random: () => 0, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout,
    online: () => true, MediaStream: class {} } } });
  assert.equal(player.state, 'unsupported');
});

test('a stream that no browser can play is the teacher’s to change, and is asked for again', async () => {
  const problem = { type: '/problems/stream-not-playable', title: 'Not Acceptable', status: 406, detail: 'B-frames' };
  server.answers = [() => new Response(JSON.stringify(problem), { status: 406 }), created];
  await start();
  assert.equal(player.state, 'unplayable');
  await clock.advance(8000);
  assert.equal(server.count('POST'), 2);
});

test('a network that carries the sound alone: live without a picture, and the picture may come later', async () => {
  server.answers = [created];
  server.level = 'audio';
  await start();
  FakePeer.last.pictures = false;
  FakePeer.last.play();
  await clock.advance(5000);
  assert.equal(player.state, 'live');
  await clock.advance(60_000);
  assert.equal(player.state, 'live');
  assert.equal(FakePeer.all.length, 1, 'the same session');
  assert.equal(server.requests.filter(({ url }) => url.endsWith('/status')).length, 1);
});

test('a picture that never comes though it is sent is joined anew', async () => {
  server.answers = [created];
  await start();
  FakePeer.last.pictures = false;
  FakePeer.last.play();
  await clock.advance(14_000);
  assert.equal(player.state, 'connecting');
  await clock.advance(5000);
  assert.ok(FakePeer.all.length >= 2);
});

test('a publisher without a picture to begin with: one session stays and says so, and shows the picture once it comes', async () => {
  server.answers = [created];
  status = 'pictureless';
  await start();
  FakePeer.last.pictures = false;
  FakePeer.last.play();
  await clock.advance(60_000);
  assert.equal(player.state, 'pictureless');
  assert.equal(FakePeer.all.length, 1);
  status = 'live';
  FakePeer.last.pictures = true;
  await clock.advance(500);
  assert.deepEqual(states, ['connecting', 'pictureless', 'live']);
});

test('a publisher without a picture to begin with, nor sound', async () => {
  server.answers = [created];
  status = 'pictureless';
  await start();
  FakePeer.last.reachable = true;
  FakePeer.last.setState('connected');
  await clock.advance(60_000);
  assert.equal(player.state, 'pictureless');
  assert.equal(FakePeer.all.length, 1);
  FakePeer.last.play();
  await clock.advance(500);
  assert.equal(player.state, 'live');
});

for (const type of ['no-video', 'lost-keyframe']) {
  test(`the picture stops in mid-class, the sound goes on (${type}): said within ten seconds, until pictures come`, async () => {
    await goLive();
    FakePeer.last.pictures = false;
    await clock.advance(5000); // by then the server has found it out
    status = warned(type);
    await clock.advance(5000);
    assert.equal(player.state, 'pictureless');
    await clock.advance(60_000);
    FakePeer.last.pictures = true;
    await clock.advance(500);
    assert.deepEqual(states, ['connecting', 'live', 'pictureless', 'live']);
    assert.equal(server.count('POST'), 1);
  });

  test(`who joins meanwhile (${type}) keeps the session and reads why there is no picture`, async () => {
    server.answers = [created];
    status = warned(type);
    await start();
    FakePeer.last.pictures = false;
    FakePeer.last.play();
    await clock.advance(60_000);
    FakePeer.last.pictures = true;
    await clock.advance(500);
    assert.deepEqual(states, ['connecting', 'pictureless', 'live']);
    assert.equal(server.count('POST'), 1);
  });
}

test('the sound stops of which a page gets nothing else: it says so and stays', async () => {
  const soundAlone = ANSWER.replace('a=mid:0\r\na=sendonly', 'a=mid:0\r\na=inactive');
  server.answers = [() => new Response(soundAlone, { status: 201, headers: { Location: 'http://server/sessions/1' } })];
  await start({ audioOnly: true });
  FakePeer.last.pictures = false;
  FakePeer.last.play();
  await clock.advance(2000);
  FakePeer.last.flowing = false;
  await clock.advance(5000);
  status = warned('no-audio');
  await clock.advance(60_000);
  assert.equal(player.state, 'soundless');
  FakePeer.last.flowing = true;
  await clock.advance(500);
  assert.deepEqual(states, ['connecting', 'live', 'reconnecting', 'soundless', 'live']);
  assert.equal(server.count('POST'), 1);
});

test('a publisher that comes back without a picture to begin with: the page says so while the sound plays, until one comes', async () => {
  await goLive();
  status = 'held';
  FakePeer.last.flowing = false;
  await clock.advance(5000);
  FakePeer.last.flowing = true;
  FakePeer.last.pictures = false;
  status = 'pictureless';
  await clock.advance(60_000);
  assert.equal(player.state, 'pictureless');
  FakePeer.last.pictures = true;
  await clock.advance(500);
  assert.deepEqual(states, ['connecting', 'live', 'held', 'live', 'pictureless', 'live']);
  assert.equal(server.count('POST'), 1, 'the same session');
});

test('… nor sound: nobody joins anew for it', async () => {
  await goLive();
  status = 'pictureless';
  FakePeer.last.flowing = false;
  await clock.advance(120_000);
  assert.equal(player.state, 'pictureless');
  assert.equal(server.count('POST'), 1);
  FakePeer.last.flowing = true;
  await clock.advance(500);
  assert.equal(player.state, 'live');
});

test('a picture that stands because this viewer gets the sound alone is nothing to speak of', async () => {
  await goLive();
  FakePeer.last.pictures = false;
  await clock.advance(600_000);
  assert.deepEqual(states, ['connecting', 'live']);
  assert.ok(asked.length < 30, `${asked.length} questions in ten minutes`);
});

const WITHOUT_PICTURE = {
  'from the start': async () => {
    server.answers = [created];
    status = 'pictureless';
    await start();
    FakePeer.last.pictures = false;
    FakePeer.last.play();
  },
  'in mid-class': async () => {
    await goLive();
    status = 'pictureless';
    FakePeer.last.pictures = false;
  },
};
for (const [name, begin] of Object.entries(WITHOUT_PICTURE)) {
  test(`without a picture ${name} it is asked ever less often, and on a hidden page not at all`, async () => {
    await begin();
    await clock.advance(60_000);
    assert.equal(player.state, 'pictureless');
    assert.ok(asked.length <= 7, `${asked.length} questions in the first minute`);
    const first = asked.length;
    await clock.advance(540_000);
    assert.ok(asked.length - first <= 20, `${asked.length - first} questions in nine minutes`);
    hidden = true;
    const before = asked.length;
    await clock.advance(600_000);
    assert.equal(asked.length, before);
    hidden = false;
    player.hurry();
    await clock.advance(500);
    assert.equal(asked.length, before + 1, 'who looks again is told the news');
    FakePeer.last.pictures = true;
    await clock.advance(500);
    assert.equal(player.state, 'live');
  });
}

test('a class that waits for its publisher asks ever less often, sees it at once, and still learns of the end', async () => {
  await goLive();
  status = 'held';
  FakePeer.last.flowing = false;
  await clock.advance(30_000);
  assert.equal(player.state, 'held');
  assert.ok(asked.length <= 6, `${asked.length} questions in half a minute`);
  FakePeer.last.flowing = true;
  await clock.advance(500);
  assert.equal(player.state, 'live');
  FakePeer.last.flowing = false;
  await clock.advance(30_000);
  status = 'idle';
  server.answers = [refused(409)];
  await clock.advance(15_000);
  assert.equal(player.state, 'waiting');
});

test('what a whole class asks it does not ask in one instant', async () => {
  const at = [];
  for (const random of [0, 1]) {
    clock = new FakeClock();
    asked = [];
    status = 'pictureless';
    server.answers = [created];
    await start({ env: env(() => random) });
    FakePeer.last.play();
    await clock.advance(500);
    FakePeer.last.pictures = false;
    await clock.advance(60_000);
    at.push(asked.slice(0, 3));
  }
  assert.ok(at[1][0] - at[0][0] >= 1500 && at[1][2] - at[0][2] >= 4000, JSON.stringify(at));
});
