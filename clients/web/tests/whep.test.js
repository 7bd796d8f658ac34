import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { WhepPlayer } from '../src/lib/whep.js';
import { created, FakeClock, FakePeer, FakeServer, refused, settle, unreachable } from './fakes.js';

let clock, server, states, status, online, player, freshAsked;

function start(options = {}) {
  player = new WhepPlayer({
    endpoint: async ({ fresh }) => {
      freshAsked.push(fresh);
      return { url: 'http://server/live/stream/whep', token: 'T' };
    },
    status: async () => status,
    env: {
      RTCPeerConnection: FakePeer,
      MediaStream: class { addTrack() {} },
      fetch: server.fetch,
      setTimeout: clock.setTimeout,
      clearTimeout: clock.clearTimeout,
      now: clock.now,
      random: () => 0.5,
      online: () => online,
      hidden: () => false,
    },
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
  online = true;
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
  assert.equal(FakePeer.all.length, 2);
  FakePeer.last.play();
  await clock.advance(1000);
  assert.equal(player.state, 'live');
});

test('ICE disconnected for a moment is forgiven, for longer it rejoins', async () => {
  await goLive();
  FakePeer.last.setState('disconnected');
  await clock.advance(1500);
  assert.equal(player.state, 'reconnecting');
  FakePeer.last.setState('connected');
  await clock.advance(1500);
  assert.equal(player.state, 'live');
  FakePeer.last.setState('disconnected');
  await clock.advance(5000);
  assert.equal(FakePeer.all.length, 2);
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

test('media that never arrives twice: the network blocks it', async () => {
  server.answers = [created];
  await start();
  await clock.advance(11_000);
  assert.equal(player.state, 'reconnecting');
  await clock.advance(14_000);
  assert.equal(player.state, 'blocked');
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
