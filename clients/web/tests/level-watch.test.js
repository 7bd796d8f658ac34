import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { cause, LevelWatch } from '../src/lib/level-watch.js';

let now, asked, answer, told, watch, stats;

beforeEach(() => {
  now = 1_000_000;
  asked = [];
  answer = { level: 'full', level_reason: 'start' };
  told = [];
  stats = { framesDecoded: 0, bytes: 0, height: 720, fps: 30, lossShare: 0 };
  watch = new LevelWatch({
    ask: async (url) => {
      asked.push(url);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    onLevel: (level) => told.push(level && `${level.level} ${level.level_reason}`),
    now: () => now,
    random: () => 0,
  });
  watch.open({ url: '/s/status', video: true });
});

/** Lets seconds of playing pass; `change` holds from now on. */
async function play(seconds, change = {}) {
  stats = { ...stats, ...change };
  for (let i = 0; i < seconds * 2; i++) {
    now += 500;
    stats = { ...stats, framesDecoded: stats.framesDecoded + stats.fps / 2, bytes: stats.bytes + 10_000 };
    await watch.take(stats);
  }
}

test('who plays well asks nothing', async () => {
  await play(120);
  assert.deepEqual([asked, told], [[], []]);
});

test('a smaller picture is asked about, then seldom, until all is well again', async () => {
  await play(10);
  answer = { level: 'low', level_reason: 'congestion' };
  await play(10, { height: 360 });
  assert.equal(asked.length, 1);
  assert.deepEqual(told, ['low congestion']);
  await play(60);
  assert.equal(asked.length, 5, 'every 15 s');
  answer = { level: 'full', level_reason: 'probing-succeeded' };
  await play(2, { height: 720 });
  assert.deepEqual(told, ['low congestion', null]);
  const before = asked.length;
  await play(120);
  assert.equal(asked.length, before);
});

test('sound without a picture is asked about; the first picture ends it without an answer', async () => {
  await play(10);
  answer = { level: 'audio', level_reason: 'loss' };
  await play(6, { fps: 0 });
  assert.deepEqual(told, ['audio loss']);
  answer = new Error('unreachable');
  await play(1, { fps: 30 });
  assert.deepEqual(told, ['audio loss', null]);
});

test('a whole stream that pauses is no reduced picture', async () => {
  await play(5);
  for (let i = 0; i < 20; i++) {
    now += 500;
    await watch.take(stats); // no bytes either
  }
  assert.deepEqual(asked, []);
});

test('few frames and loss are asked about, ever more seldom while nothing comes of it', async () => {
  await play(10);
  await play(120, { lossShare: 0.2 });
  assert.equal(asked.length, 5);
  assert.deepEqual(told, []);
  answer = { level: 'reduced', level_reason: 'congestion' };
  await play(50, { lossShare: 0, fps: 15 });
  assert.deepEqual(told, ['reduced congestion']);
});

test('a start with a small picture is asked about once', async () => {
  await play(30, { height: 360 });
  assert.equal(asked.length, 1);
});

test('a choice is no news, an old session neither, and sound by choice asks nothing', async () => {
  answer = { level: 'audio', level_reason: 'choice' };
  await play(5);
  await play(5, { fps: 0 });
  assert.deepEqual(told, []);
  watch.open({ url: '/s2/status', video: false });
  const before = asked.length;
  await play(20, { lossShare: 0.5 });
  assert.equal(asked.length, before);
});

test('the words for a reason', () => {
  assert.equal(cause({ level_reason: 'fixed' }), 'fixed');
  assert.equal(cause({ level_reason: 'start' }), 'start');
  for (const reason of ['congestion', 'loss', 'probing-succeeded']) assert.equal(cause({ level_reason: reason }), 'network');
});
