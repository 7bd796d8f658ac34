import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY, phase, reduce, remainingMs } from '../src/lib/class-state.js';

const NOW = Date.parse('2026-03-02T09:00:00.000Z');
const quiz = { quiz_id: 'q1', type: 'single', question: '1 + 1?', options: [{ id: 'A', text: '2' }, { id: 'B', text: '3' }], state: 'open',
  closes_at: '2026-03-02T09:01:05.000Z', remaining_ms: 60_000, my_answer: null };
const snapshot = (more = {}) => ({
  type: 'snapshot', id: '10', server_time: '2026-03-02T09:00:05.000Z', class: { class_id: 'algebra', title: 'Algebra' }, session: null,
  me: { user_id: 'u1', name: '민지', role: 'student', hand: false, lost: false, muted: false, score: 0 },
  chat: [{ type: 'chat', id: '9', user_id: 'u2', name: 'Kim', text: 'hello' }], roster_size: 2, ...more,
});
const run = (messages, state = reduce(EMPTY, snapshot(), NOW)) => messages.reduce((at, message) => reduce(at, message, NOW), state);
const teacher = (more) => reduce(EMPTY, snapshot({
  me: { user_id: 't1', role: 'teacher' },
  roster: [{ user_id: 'u1', name: '민지', role: 'student', present: true, hand: false, lost: false }, { user_id: 'u2', name: '민지', role: 'student', present: true }],
  ...more,
}), NOW);
const member = (state, id) => state.roster.find(({ user_id: one }) => one === id);

test('nothing happens before the snapshot, nothing by unknown or inherited names', () => {
  assert.equal(reduce(EMPTY, { type: 'chat', id: '1', text: 'x' }, NOW), EMPTY);
  const state = run([]);
  assert.equal(reduce(state, { type: 'constructor' }, NOW), state);
  assert.equal(reduce(state, { type: 'toString' }, NOW), state);
});

test('a state is never changed in place', () => {
  const freeze = (node) => {
    if (node && typeof node === 'object') Object.values(Object.freeze(node)).forEach(freeze);
    return node;
  };
  let state = freeze(teacher({ quiz, alerts: [] }));
  for (const message of [{ type: 'chat', id: '11', text: 'a' }, { type: 'chat_deleted', message_id: '9' }, { type: 'hand', user_id: 'u1', up: true },
    { type: 'presence', event: 'joined', user_id: 'u3', name: 'New', roster_size: 3 }, { type: 'quiz_progress', quiz_id: 'q1', present: 2, answered: 1, not_answered: [{ user_id: 'u2', name: '민지' }] },
    { type: 'alert', alert: { alert_id: 'a', text: 'x' } }, { type: 'reaction', name: 'clap', count: 3 }, { type: 'quiz_revealed', quiz_id: 'q1', correct: ['A'] }]) {
    state = freeze(reduce(state, message, NOW));
  }
  assert.equal(state.rosterSize, 3);
});

test('a snapshot replaces everything, and restores the running question with its time', () => {
  let state = run([{ type: 'chat', id: '11', text: 'gone' }, { type: 'reaction', name: 'clap' }]);
  state = reduce(state, snapshot({ quiz: { ...quiz, my_answer: 'B' }, me: { user_id: 'u1', hand: true, score: 120 } }), NOW);
  assert.deepEqual(state.chat.map(({ id }) => id), ['9']);
  assert.equal(state.quiz.my_answer, 'B');
  assert.equal(state.me.score, 120);
  assert.equal(state.me.hand, true);
  assert.equal(state.offsetMs, 5000);
  assert.equal(remainingMs(state, NOW), 60_000);
  assert.equal(remainingMs(state, NOW + 59_000), 1000);
  assert.equal(remainingMs(state, NOW + 90_000), 0);
});

test('the remaining time follows the server, however wrong the clock of the phone is', () => {
  const wrong = NOW - 3_600_000;
  const state = reduce(EMPTY, snapshot({ quiz }), wrong);
  assert.equal(remainingMs(state, wrong + 10_000), 50_000);
  const later = reduce(state, { type: 'quiz_published', quiz: { ...quiz, quiz_id: 'q2', closes_at: '2026-03-02T09:00:25.000Z' } }, wrong);
  assert.equal(remainingMs(later, wrong), 20_000);
  const byRest = reduce(EMPTY, snapshot({ quiz: { ...quiz, closes_at: undefined } }), wrong);
  assert.equal(remainingMs(byRest, wrong + 1000), 59_000);
  assert.equal(remainingMs(reduce(EMPTY, snapshot({ quiz: { ...quiz, closes_at: null, remaining_ms: null } }), wrong), wrong), null, 'no limit');
});

test('chat: no message twice, deleted ones go, only so many are kept', () => {
  const state = run([{ type: 'chat', id: '11', message_id: 'm1', text: 'a' }, { type: 'chat', id: '11', message_id: 'm1', text: 'a' }]);
  assert.equal(state.chat.length, 2);
  assert.equal(run([{ type: 'chat_deleted', message_id: 'm1' }, { type: 'chat_deleted', message_id: '9' }], state).chat.length, 0);
  const many = run(Array.from({ length: 400 }, (_, i) => ({ type: 'chat', id: String(100 + i), text: 'x' })));
  assert.equal(many.chat.length, 300);
  assert.equal(many.chat.at(-1).id, '499');
});

test('a question: published, answered, closed, revealed', () => {
  let state = run([{ type: 'quiz_published', quiz }]);
  assert.equal(phase(state, 60_000), 'answer');
  assert.equal(phase(state, 0), 'locked', 'the time is over before the server says so');
  assert.equal(phase(state, null), 'answer', 'no limit');
  state = run([{ type: 'answered', quiz_id: 'q1', answer: 'A' }, { type: 'quiz_closed', quiz_id: 'older' }], state);
  assert.equal(state.quiz.my_answer, 'A');
  assert.equal(phase(state, 1000), 'answer', 'the end of another question');
  state = run([{ type: 'quiz_closed', quiz_id: 'q1' }], state);
  assert.equal(phase(state, 1000), 'locked');
  state = run([{ type: 'quiz_revealed', quiz_id: 'q1', correct: ['A'], distribution: { A: 3, B: 1 }, my_result: { correct: 1, points: 10 } }, { type: 'score', score: 10 }], state);
  assert.equal(phase(state), 'result');
  assert.deepEqual(state.quiz.my_result, { correct: 1, points: 10 });
  assert.equal(state.quiz.my_answer, 'A', 'what was not sent again stays');
  assert.equal(state.me.score, 10);
  assert.equal(phase(run([])), 'none');
});

test('the roster is by id: two of the same name stay two', () => {
  let state = run([{ type: 'hand', user_id: 'u2', name: '민지', up: true }, { type: 'lost', user_id: 'u1', name: '민지', lost: true }], teacher());
  assert.deepEqual([member(state, 'u1').hand, member(state, 'u2').hand], [false, true]);
  assert.deepEqual([member(state, 'u1').lost, Boolean(member(state, 'u2').lost)], [true, false]);
  state = run([{ type: 'presence', event: 'left', user_id: 'u2', roster_size: 1 }], state);
  assert.equal(member(state, 'u2').present, false);
  assert.equal(member(state, 'u2').hand, false, 'who has left holds no hand up');
  assert.equal(state.rosterSize, 1);
  state = run([{ type: 'presence', event: 'joined', user_id: 'u9', name: 'New', roster_size: 2 }, { type: 'member', user_id: 'u9', name: 'Newer' }], state);
  assert.equal(member(state, 'u9').name, 'Newer');
});

test('progress says who has answered, and a new question asks everybody again', () => {
  let state = run([{ type: 'quiz_published', quiz }, { type: 'quiz_progress', quiz_id: 'q1', present: 2, answered: 1, not_answered: [{ user_id: 'u2', name: '민지' }], distribution: { A: 1 } }], teacher());
  assert.deepEqual([member(state, 'u1').answered, member(state, 'u2').answered], [true, false]);
  assert.equal(state.quiz.answered, 1);
  state = run([{ type: 'quiz_published', quiz: { ...quiz, quiz_id: 'q2' } }], state);
  assert.deepEqual([member(state, 'u1').answered, member(state, 'u2').answered], [false, false]);
});

test('a reload knows who has answered', () => {
  const state = teacher({ quiz: { ...quiz, present: 2, answered: 1, not_answered: [{ user_id: 'u1', name: '민지' }] } });
  assert.deepEqual([member(state, 'u1').answered, member(state, 'u2').answered], [false, true]);
});

test('a student page keeps no names of others', () => {
  const state = run([{ type: 'presence', event: 'joined', user_id: 'u3', name: 'X', roster_size: 3 }, { type: 'hand', user_id: 'u3', up: true }]);
  assert.equal(state.roster, null);
  assert.equal(state.rosterSize, 3);
  assert.equal(state.me.hand, false);
});

test('moderation, alerts, confusion, settings', () => {
  const state = run([{ type: 'moderation', action: 'mute', user_id: 'u1' }, { type: 'moderation', action: 'slow_mode', seconds: 10 }, { type: 'moderation', action: 'mute', user_id: 'someone' }]);
  assert.equal(state.me.muted, true);
  assert.equal(state.chatSettings.slow_mode_s, 10);
  assert.equal(run([{ type: 'moderation', action: 'unmute', user_id: 'u1' }], state).me.muted, false);
  const board = run([{ type: 'alert', alert: { alert_id: 'a', text: 'first' } }, { type: 'alert', alert: { alert_id: 'b', text: 'second' } },
    { type: 'alert', alert: { alert_id: 'a', text: 'first', acked_at: 'now' } }, { type: 'engagement', confusion: { level: 4, threshold: 3, active: true } }], teacher());
  assert.deepEqual(board.alerts.map(({ alert_id: id, acked_at: acked }) => [id, acked]), [['a', 'now'], ['b', undefined]]);
  assert.equal(board.engagement.confusion.active, true);
  assert.equal(run([{ type: 'moderation', action: 'ban', user_id: 'u2' }], board).roster[1].banned, true);
});

test('the end of a session takes its question away', () => {
  const state = run([{ type: 'session', session: { session_id: 's' } }, { type: 'quiz_published', quiz }]);
  assert.equal(state.session.session_id, 's');
  const ended = run([{ type: 'session', session: null }], state);
  assert.deepEqual([ended.session, ended.quiz], [null, null]);
});
