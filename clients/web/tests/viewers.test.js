import assert from 'node:assert/strict';
import { test } from 'node:test';
import { direction, hostOf, isBad, isComplete, keepOrder, levelsOf, nameOf, nextSort, WORST } from '../src/routes/teacher/viewers.js';

test('a column is sorted by its worst, then turned round, then let go', () => {
  assert.equal(nextSort(WORST, 'loss'), '-loss');
  assert.equal(nextSort('-loss', 'loss'), 'loss');
  assert.equal(nextSort('loss', 'loss'), WORST);
  assert.equal(nextSort('-loss', 'estimate'), 'estimate');
  assert.equal(direction('-loss', 'loss'), 'descending');
  assert.equal(direction('loss', 'loss'), 'ascending');
  assert.equal(direction(WORST, 'loss'), 'none');
});

test('nobody moves while the order is kept; who is new comes last, who left is gone', () => {
  const rows = (ids) => [...ids].map((id) => ({ viewer_id: id }));
  const viewers = rows('dcae');
  assert.equal(keepOrder(rows('abc'), viewers).map(({ viewer_id: id }) => id).join(''), 'acde');
  assert.equal(keepOrder([], viewers).map(({ viewer_id: id }) => id).join(''), 'dcae');
});

test('who is missing has left only where the list has more than is shown, or all', () => {
  const list = (length, viewers) => ({ viewers: Array(length).fill({}), summary: { viewers } });
  assert.equal(isComplete(list(50, 60), 50), false);
  assert.equal(isComplete(list(60, 60), 50), true);
  assert.equal(isComplete(list(100, 1000), 50), true);
  assert.equal(isComplete(list(7, 7), 8), true);
});

test('addresses and names', () => {
  assert.equal(hostOf('192.0.2.1:5000'), '192.0.2.1');
  assert.equal(hostOf('[2001:db8::1]:5000'), '2001:db8::1');
  assert.equal(hostOf(''), '');
  assert.equal(nameOf('kim'), 'kim');
  assert.equal(nameOf('u-0123456789abcdef01234567'), '');
  assert.equal(nameOf(null), '');
});

test('what is bad, and the levels that there are', () => {
  assert.deepEqual(isBad({ loss: 0.06, rtt_ms: null, jitter_ms: 5 }), { loss: true, rtt: false, jitter: false });
  assert.deepEqual(levelsOf({ levels: { full: 26, reduced: 0, low: 1, audio: 1 } }), [['full', 26], ['low', 1], ['audio', 1]]);
});
