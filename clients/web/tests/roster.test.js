import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, sections } from '../src/routes/report/report.js';
import { linePoints, needsOf, openAlerts, sorted, withEngagement } from '../src/routes/teacher/roster.js';

const member = (user_id, more = {}) => ({ user_id, name: user_id, present: true, hand: false, lost: false, answered: false, ...more });
const ids = (list) => list.map(({ user_id: id }) => id).join(' ');

test('who needs something comes first, who is away last', () => {
  const roster = withEngagement([member('calm'), member('gone', { present: false, lost: true }), member('lost', { lost: true }), member('hand', { hand: true }), member('both', { hand: true, lost: true }), member('falls')],
    [{ student_id: 'falls', overall: 70, flagged: true, trend: -14 }, { student_id: 'calm', overall: 80, flagged: true, trend: 12 }]);
  assert.equal(ids(sorted(roster, 'need')), 'both hand lost falls calm gone');
  assert.deepEqual(needsOf(roster.find(({ user_id: id }) => id === 'calm')), [], 'who rises needs nothing');
  const answered = [member('a', { answered: true }), member('b')];
  assert.equal(ids(sorted(answered, 'need', { asking: true })), 'b a');
  assert.equal(ids(sorted(answered, 'need')), 'a b', 'nobody is waited for while nothing is asked');
});

test('by name, by score, by time; two of one name keep an order', () => {
  const roster = withEngagement([member('1', { name: '민지', since: '2026-01-01T10:00:00Z' }), member('2', { name: '가온', since: '2026-01-01T09:00:00Z' }), member('3', { name: '민지' })],
    [{ student_id: '1', overall: 90 }, { student_id: '2', overall: 20 }]);
  assert.equal(ids(sorted(roster, 'name')), '2 1 3');
  assert.equal(ids(sorted(roster, 'score')), '2 1 3', 'without a score: last');
  assert.equal(ids(sorted(roster, 'since')), '1 2 3');
});

test('alerts: those dealt with and put off are not shown, until they are due', () => {
  const now = Date.parse('2026-01-01T10:00:00Z');
  const alerts = [{ alert_id: 'old', at: '2026-01-01T09:00:00Z' }, { alert_id: 'seen', acked_at: 'x' }, { alert_id: 'later', snoozed_until: '2026-01-01T10:05:00Z', at: '2026-01-01T09:30:00Z' }];
  assert.deepEqual(openAlerts(alerts, now).map(({ alert_id: id }) => id), ['old']);
  assert.deepEqual(openAlerts(alerts, now + 301_000).map(({ alert_id: id }) => id), ['later', 'old']);
});

test('a curve stays in its box, with gaps left out', () => {
  assert.equal(linePoints([0, 5, null, 10], 30, 10, 10), '0.0,10.0 10.0,5.0 30.0,0.0');
  assert.equal(linePoints([20], 30, 10, 10), '0.0,0.0');
  assert.equal(linePoints([], 30, 10), '');
});

test('a report shows what there is', () => {
  assert.deepEqual(sections({ session: { title: 'x' } }), { session: { title: 'x' }, students: [], quizzes: [], counts: {}, summary: null });
  const { students } = sections({ students: [{ user_id: 'u', name: 'A' }], engagement: { students: [{ student_id: 'u', overall: 50, name: 'old' }] } });
  assert.deepEqual(students, [{ student_id: 'u', overall: 50, name: 'A', user_id: 'u', id: 'u' }]);
  assert.equal(sections({ students: [{ user_id: 'u', engagement: { overall: 61 } }] }).students[0].overall, 61);
  assert.equal(durationMs({ started_at: '2026-01-01T10:00:00Z', ended_at: '2026-01-01T10:01:00Z' }), 60_000);
  assert.equal(durationMs({ started_at: '2026-01-01T10:00:00Z' }), null);
});
