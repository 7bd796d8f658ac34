import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bars, inWords, isAnswered, moved, optionsOf, parseNumber, sameAnswer, toggled } from '../src/lib/answers.js';
import { edited, fromFile, newQuestion, problemOf, toCsv, toFile, toServer } from '../src/lib/bank.js';
import { ComposedEnter } from '../src/lib/composition.js';
import { readCsv, writeCsv } from '../src/lib/csv.js';

const options = ['서울', 'Busan', 'Jeju'].map((text, i) => ({ id: 'ABC'[i], text }));
const single = { type: 'single', question: 'Capital?', options, correct: ['A'], points: 10 };

test('every option has a letter and a shape, no two alike', () => {
  const drawn = optionsOf({ type: 'single', options: Array.from({ length: 8 }, (_, i) => ({ id: String(i), text: 'x' })) });
  assert.equal(new Set(drawn.map(({ letter }) => letter)).size, 8);
  assert.equal(new Set(drawn.map(({ shape }) => shape)).size, 8);
  assert.deepEqual(optionsOf({ type: 'true_false' }).map(({ id }) => id), ['true', 'false']);
});

test('picking: one replaces, many toggle in the order of the options', () => {
  assert.equal(toggled(single, 'A', 'B'), 'B');
  const multiple = { ...single, type: 'multiple' };
  assert.deepEqual(toggled(multiple, ['C'], 'A'), ['A', 'C']);
  assert.deepEqual(toggled(multiple, ['A', 'C'], 'A'), ['C']);
  assert.ok(!isAnswered(multiple, []) && isAnswered(multiple, ['A']) && !isAnswered(single, null));
  assert.ok(!isAnswered({ type: 'number' }, NaN) && isAnswered({ type: 'number' }, 0) && !isAnswered({ type: 'text' }, '  '));
  assert.ok(sameAnswer(['A', 'C'], ['A', 'C']) && !sameAnswer(['A'], ['C']) && sameAnswer(null, undefined));
});

test('moving keeps everything and stays within', () => {
  assert.deepEqual(moved(['a', 'b', 'c'], 0, 2), ['b', 'c', 'a']);
  assert.deepEqual(moved(['a', 'b', 'c'], 2, -5), ['c', 'a', 'b']);
  assert.deepEqual(moved(['a', 'b', 'c'], 1, 9), ['a', 'c', 'b']);
});

test('numbers as people type them', () => {
  for (const [text, value] of [['12.5', 12.5], ['12,5', 12.5], [' -3 ', -3], ['1,234.5', 1234.5], ['1e3', 1000], ['.5', 0.5], ['', null], ['12a', null], ['--1', null], ['Infinity', null]]) {
    assert.equal(parseNumber(text), value, text);
  }
});

test('bars: by option, or the most frequent texts; shares of those who answered', () => {
  const drawn = bars({ ...single, distribution: { A: 3, B: 1 }, answered: 4 });
  assert.deepEqual(drawn.map(({ id, count, share, correct }) => [id, count, share, correct]), [['A', 3, 0.75, true], ['B', 1, 0.25, false], ['C', 0, 0, false]]);
  const texts = bars({ type: 'text', correct: ['seoul'], distribution: { busan: 1, seoul: 5 }, answered: 6 });
  assert.deepEqual(texts.map(({ id, correct }) => [id, correct]), [['seoul', true], ['busan', false]]);
  assert.deepEqual(bars({ ...single, type: 'poll' }).map(({ correct }) => correct), [false, false, false]);
  const order = { type: 'order', options, correct: ['C', 'A', 'B'], answered: 9 };
  const orders = bars({ ...order, distribution: { 'C,A,B': 3, '…': 1, 'A,B,C': 5 } }, { rest: 'others' });
  assert.deepEqual(orders.map(({ text, count, correct }) => [text, count, correct]), [
    ['A. 서울 → B. Busan → C. Jeju', 5, false], ['C. Jeju → A. 서울 → B. Busan', 3, true], ['others', 1, false]]);
  assert.ok(orders.every(({ letter, share, count }) => letter === '' && share === count / 9));
  assert.equal(bars({ ...order, distribution: { 'C,X': 1 } })[0].text, 'C,X');
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`text ${i}`, 12 - i]));
  const few = bars({ type: 'text', correct: [], distribution: { ...many, '…': 2 }, answered: 80 });
  assert.deepEqual([few.length, few.at(-1).text, few.at(-1).count], [9, '…', 4 + 3 + 2 + 1 + 2]);
  assert.equal(inWords({ ...single, type: 'order' }, ['B', 'A']), 'B. Busan → A. 서울');
  assert.equal(inWords({ type: 'number' }, 12.5), '12.5');
  assert.equal(inWords(single, null), '');
});

test('what is wrong with a question is said', () => {
  const wrong = (change, type = 'single') => problemOf({ ...newQuestion(type), question: 'x', options, correct: ['A'], ...change });
  assert.equal(wrong({}), null);
  assert.equal(wrong({ question: ' ' }), 'question');
  assert.equal(wrong({ options: options.slice(0, 1) }), 'options');
  assert.equal(wrong({ options: [...options, { id: 'D', text: '' }] }), 'empty');
  assert.equal(wrong({ options: [...options, { id: 'D', text: 'Jeju ' }] }), 'same');
  assert.equal(wrong({ correct: ['A', 'B'] }), 'correct');
  assert.equal(wrong({ correct: [] }, 'multiple'), 'correct');
  assert.equal(wrong({ correct: ['x'] }, 'number'), 'number');
  assert.equal(wrong({ correct: ['', ' '] }, 'text'), 'text');
  assert.equal(wrong({ correct: [] }, 'order'), null);
  assert.equal(wrong({ correct: [] }, 'poll'), null);
  assert.equal(wrong({ type: 'essay' }), 'type');
});

test('the server is sent what its type needs and no more', () => {
  assert.deepEqual(toServer(edited({ ...single, quiz_id: 'q', state: 'draft' })), {
    type: 'single', question: 'Capital?', points: 10, mode: 'accuracy', anonymous: false, options, correct: ['A'],
  });
  assert.deepEqual(toServer(edited({ ...single, type: 'order', correct: [] })).correct, ['A', 'B', 'C']);
  assert.equal(toServer(edited({ ...single, type: 'poll' })).correct, undefined);
  assert.deepEqual(toServer(edited({ type: 'number', question: 'π?', correct: '3,14', tolerance: 0.01 })).correct, [3.14]);
  assert.equal(toServer(edited({ type: 'text', question: '?', correct: 'a' })).options, undefined);
});

const bank = [
  { ...single, time_limit_s: 30 },
  { type: 'multiple', question: 'Say "hi", =SUM(A1)', options, correct: ['A', 'C'], points: 5 },
  { type: 'true_false', question: 'True?', correct: ['true'], points: 1 },
  { type: 'text', question: '수도?', correct: ['서울', 'Seoul'], points: 2 },
  { type: 'number', question: 'π?', correct: [3.14], tolerance: 0.01, points: 2 },
  { type: 'order', question: 'Order', options, correct: ['A', 'B', 'C'], points: 3 },
  { type: 'poll', question: 'Coffee?\nor tea', options, points: 0, anonymous: true },
];

test('a bank survives the way through both kinds of file', () => {
  const wanted = bank.map((quiz) => toServer(edited(quiz)));
  for (const write of [toFile, toCsv]) {
    const { questions, faults } = fromFile(write(bank));
    assert.deepEqual(faults, []);
    assert.deepEqual(questions.map(toServer), wanted, write.name);
  }
});

test('a file with faults: the good ones come in, the others are named', () => {
  const { questions, faults } = fromFile('type;question;option_a;option_b;correct\nsingle;Q1;x;y;a\nsingle;;x;y;A\nnumber;Q3;;;abc\n');
  assert.deepEqual(questions.map(({ question, correct }) => [question, correct]), [['Q1', ['A']]]);
  assert.deepEqual(faults, [{ at: 2, problem: 'question' }, { at: 3, problem: 'number' }]);
  for (const nonsense of ['{', '{"a":1}', 'a,b\n1,2', '']) {
    const result = fromFile(nonsense);
    assert.equal(result.questions.length, 0);
    assert.equal(result.faults.length, 1, nonsense);
  }
  assert.deepEqual(fromFile('[null, 5, {"type":"single","question":"x","options":[1]}]').questions, []);
  assert.equal(fromFile(JSON.stringify(Array(600).fill(single))).questions.length, 500);
});

test('CSV: a mark, quotes doubled, nothing a spreadsheet would run, and back', () => {
  const rows = [['=1+1', '+x', '-5', '@a'], ['say "hi"', 'a,b', 'line\nbreak', '']];
  const text = writeCsv(rows);
  assert.ok(text.startsWith('\ufeff'));
  assert.ok(text.includes("'=1+1,'+x,'-5,'@a"));
  assert.ok(text.includes('"say ""hi""","a,b"'));
  assert.deepEqual(readCsv(text), rows);
});

test('Enter while Hangul is composed sends once, in each order that browsers have', () => {
  const once = () => {
    const keys = new ComposedEnter();
    keys.start();
    return keys;
  };
  let keys = once(); // Chrome: within the composition, which then ends
  assert.equal(keys.enter({ isComposing: true }), 'pass');
  assert.equal(keys.end('녕'), true);
  assert.equal(keys.enter(), 'swallow', 'the second Enter of the same press');
  keys.release();
  assert.equal(keys.enter(), 'send', 'the next press');
  keys = once(); // Safari: it ends first
  assert.equal(keys.end('녕'), false);
  assert.equal(keys.enter(), 'send');
  keys = once(); // composed, then typed on
  assert.equal(keys.end('녕'), false);
  keys = once(); // Japanese: Enter chose a candidate
  assert.equal(keys.enter({ isComposing: true }), 'pass');
  assert.equal(keys.end('日本'), false);
  assert.equal(keys.enter({ repeat: true }), 'swallow', 'a key held down is not many messages');
});
