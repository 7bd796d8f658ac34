import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClassSocket } from '../src/lib/class-socket.js';
import { FakeClock, settle } from './fakes.js';

class FakeSocket {
  static all = [];
  readyState = 0;
  sent = [];
  closed = false;
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  lose(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

function make({ token = async () => 'T', random = () => 0.5 } = {}) {
  FakeSocket.all = [];
  const clock = new FakeClock();
  const seen = { states: [], messages: [], asked: [] };
  const it = new ClassSocket({
    role: 'student', classId: 'algebra',
    token: (options) => {
      seen.asked.push(options.fresh);
      return token(options);
    },
    onState: (state) => seen.states.push(state),
    onMessage: (message) => seen.messages.push(message),
    env: { WebSocket: FakeSocket, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, now: clock.now, random, base: 'https://class.example/student' },
  });
  return { it, clock, seen, get socket() { return FakeSocket.all.at(-1); } };
}

async function opened(options) {
  const made = make(options);
  made.it.start();
  await settle();
  made.socket.open();
  made.socket.say({ type: 'snapshot', id: '10' });
  return made;
}

test('the token goes first, in the frame and not in the address; the snapshot opens', async () => {
  const { it, seen, socket } = await opened();
  assert.equal(socket.url, 'wss://class.example/ws/student?class_id=algebra');
  assert.deepEqual(socket.sent, [{ type: 'auth', token: 'T' }]);
  assert.deepEqual(seen.states, ['connecting', 'open']);
  assert.deepEqual(seen.messages, [{ type: 'snapshot', id: '10' }]);
  it.start();
  assert.equal(FakeSocket.all.length, 1, 'once started, not twice');
});

test('a loss is repaired with a random wait that grows, resuming where it was', async () => {
  const { it, clock, seen, socket } = await opened();
  socket.say({ type: 'chat', id: '11', text: 'x' });
  socket.lose();
  assert.equal(it.state, 'reconnecting');
  await clock.advance(499);
  assert.equal(FakeSocket.all.length, 1);
  await clock.advance(1);
  assert.equal(FakeSocket.all.length, 2);
  assert.match(FakeSocket.all[1].url, /last_id=11$/);
  FakeSocket.all[1].lose();
  await clock.advance(999);
  assert.equal(FakeSocket.all.length, 2, 'the second wait is twice as long');
  await clock.advance(1);
  FakeSocket.all[2].open();
  FakeSocket.all[2].say({ type: 'resumed' });
  assert.deepEqual(seen.states, ['connecting', 'open', 'reconnecting', 'open']);
});

test('a socket that never answers is given up', async () => {
  const { clock, it } = make();
  it.start();
  await settle();
  await clock.advance(10_000);
  assert.equal(it.state, 'reconnecting');
  assert.ok(FakeSocket.all[0].closed);
});

test('silence is found out by pings', async () => {
  const { clock, it, socket } = await opened();
  await clock.advance(25_000);
  assert.deepEqual(socket.sent.at(-1), { type: 'ping' });
  socket.say({ type: 'pong' });
  await clock.advance(50_000);
  assert.equal(it.state, 'open');
  await clock.advance(25_000);
  assert.notEqual(it.state, 'open');
});

test('a page that is shown again: no wait, and a dead socket is found out at once', async () => {
  const { clock, it, socket } = await opened({ random: () => 1 });
  it.hurry();
  assert.deepEqual(socket.sent.at(-1), { type: 'ping' });
  await clock.advance(4000);
  assert.equal(it.state, 'reconnecting');
  it.hurry();
  await settle();
  assert.equal(FakeSocket.all.length, 2, 'without the wait');
  FakeSocket.all[1].open();
  FakeSocket.all[1].say({ type: 'resumed' });
  it.hurry();
  FakeSocket.all[1].say({ type: 'pong' });
  await clock.advance(4000);
  assert.equal(it.state, 'open', 'it answered');
});

test('refused: another token; not for this one, banned: no more attempts', async () => {
  const first = await opened();
  first.socket.lose(4401);
  await first.clock.advance(500);
  assert.deepEqual(first.seen.asked, [false, true]);
  for (const [code, state] of [[4403, 'denied'], [4409, 'banned']]) {
    const made = await opened();
    made.socket.lose(code);
    await made.clock.advance(100_000);
    assert.equal(made.it.state, state);
    assert.equal(FakeSocket.all.length, 1);
  }
  const refused = make({ token: async () => { throw Object.assign(new Error('no'), { status: 403 }); } });
  refused.it.start();
  await settle();
  assert.equal(refused.it.state, 'denied');
});

test('no such class: asked now and then whether there is one; with another token once the class is another one', async () => {
  const { it, seen, clock, socket } = await opened();
  socket.lose(4404);
  await clock.advance(25_000);
  assert.equal(it.state, 'missing');
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.all[1].lose(1006);
  assert.equal(it.state, 'missing', 'a loss meanwhile does not make it a class');
  await clock.advance(25_000);
  assert.equal(FakeSocket.all.length, 3);
  FakeSocket.all[2].lose(4401);
  await clock.advance(1000);
  assert.equal(seen.asked.at(-1), true);
  FakeSocket.all[3].open();
  FakeSocket.all[3].say({ type: 'snapshot' });
  assert.equal(it.state, 'open');
  const without = make({ token: async () => { throw Object.assign(new Error('no'), { status: 404 }); } });
  without.it.start();
  await settle();
  assert.equal(without.it.state, 'missing');
});

test('a server that is away for a token is tried again', async () => {
  let fails = 1;
  const { it, clock } = make({ token: async () => { if (fails-- > 0) throw Object.assign(new Error('away'), { status: 0 }); return 'T'; } });
  it.start();
  await settle();
  assert.equal(it.state, 'reconnecting');
  await clock.advance(500);
  assert.equal(FakeSocket.all.length, 1);
});

test('a refreshed token goes over the running socket', async () => {
  const { it, socket } = await opened();
  it.setToken('T2');
  assert.deepEqual(socket.sent.at(-1), { type: 'auth', token: 'T2' });
});

test('requests: ok, error, no answer, lost', async () => {
  const { it, clock, seen, socket } = await opened();
  const ok = it.request({ type: 'chat', text: 'a' });
  socket.say({ type: 'ok', ref: socket.sent.at(-1).ref });
  await ok;
  const refused = it.request({ type: 'chat', text: 'b' });
  socket.say({ type: 'error', ref: socket.sent.at(-1).ref, problem: 'muted', detail: 'you are muted' });
  await assert.rejects(refused, { problem: 'muted', message: 'you are muted' });
  const late = assert.rejects(it.request({ type: 'chat', text: 'c' }), { problem: 'timeout' });
  await clock.advance(10_000);
  await late;
  const lost = assert.rejects(it.request({ type: 'chat', text: 'd' }), { problem: 'offline' });
  socket.lose();
  await lost;
  await assert.rejects(it.request({ type: 'chat', text: 'e' }), { problem: 'offline' });
  assert.equal(seen.messages.length, 1, 'answers are not messages');
});

test('an error that answers nothing is a message; what is no JSON is ignored', async () => {
  const { seen, socket } = await opened();
  socket.onmessage({ data: '{' });
  socket.say({ type: 'error', problem: 'invalid' });
  assert.deepEqual(seen.messages.at(-1), { type: 'error', problem: 'invalid' });
});

test('stopped is stopped, also while it waits', async () => {
  const { it, clock, socket } = await opened();
  socket.lose();
  it.stop();
  await clock.advance(60_000);
  assert.equal(FakeSocket.all.length, 1);
  it.start();
  await settle();
  assert.equal(FakeSocket.all.length, 2);
});
