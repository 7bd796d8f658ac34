// Questions of a bank: a new one, what is wrong with one, and reading and writing them as JSON and CSV. No page.

import { hasOptions, letterOf, parseNumber, TYPES } from './answers.js';
import { readCsv, writeCsv } from './csv.js';

export const MOST_OPTIONS = 8;
const MOST_QUESTIONS = 500; // of one file
const MOST_TEXT = 2000;
const COLUMNS = ['type', 'question', ...Array.from({ length: MOST_OPTIONS }, (_, i) => `option_${letterOf(i).toLowerCase()}`),
  'correct', 'points', 'time_limit_s', 'tolerance', 'mode', 'anonymous'];

/** A question as the editor has it: always with options and correct, whether its type needs them or not. */
export function newQuestion(type = 'single') {
  return {
    type, question: '', options: ['A', 'B'].map((id) => ({ id, text: '' })), correct: [], tolerance: 0,
    points: type === 'poll' ? 0 : 10, time_limit_s: 0, mode: 'accuracy', anonymous: false,
  };
}

/** A question of the server, or of a file, for the editor. */
export function edited(quiz) {
  const fresh = newQuestion(quiz.type);
  const options = Array.isArray(quiz.options) && quiz.options.length > 0 ? quiz.options.map(({ id, text }) => ({ id: String(id), text: String(text) })) : fresh.options;
  const correct = quiz.correct == null ? [] : [quiz.correct].flat();
  return {
    ...fresh, ...quiz, options, correct,
    tolerance: quiz.tolerance ?? 0, points: quiz.points ?? fresh.points, time_limit_s: quiz.time_limit_s ?? 0,
    mode: quiz.mode ?? 'accuracy', anonymous: quiz.anonymous ?? false,
  };
}

/** The first thing that is wrong: a key of `bank.wrong`, or null. */
export function problemOf(quiz) {
  if (!TYPES.includes(quiz.type)) return 'type';
  if (!quiz.question.trim()) return 'question';
  if (quiz.question.length > MOST_TEXT) return 'long';
  if (hasOptions(quiz.type) && quiz.type !== 'true_false') {
    if (quiz.options.filter(({ text }) => text.trim()).length < 2) return 'options';
    if (quiz.options.some(({ text }) => !text.trim())) return 'empty';
    if (new Set(quiz.options.map(({ text }) => text.trim())).size < quiz.options.length) return 'same';
  }
  if (quiz.type === 'single' && quiz.correct.length !== 1) return 'correct';
  if (quiz.type === 'multiple' && quiz.correct.length === 0) return 'correct';
  if (quiz.type === 'true_false' && quiz.correct.length !== 1) return 'correct';
  if (quiz.type === 'number' && parseNumber(quiz.correct[0] ?? '') === null) return 'number';
  if (quiz.type === 'text' && !quiz.correct.some((text) => String(text).trim())) return 'text';
  return null;
}

/** The body of POST /api/quiz/create. */
export function toServer(quiz) {
  const body = {
    type: quiz.type, question: quiz.question.trim(), points: Number(quiz.points) || 0, mode: quiz.mode, anonymous: quiz.anonymous,
  };
  if (quiz.time_limit_s > 0) body.time_limit_s = Number(quiz.time_limit_s);
  if (quiz.type === 'true_false') body.correct = quiz.correct.map(String);
  else if (hasOptions(quiz.type)) {
    body.options = quiz.options.map(({ id, text }) => ({ id, text: text.trim() }));
    // an order is right as the options stand in the editor
    if (quiz.type === 'order') body.correct = quiz.options.map(({ id }) => id);
    else if (quiz.type !== 'poll') body.correct = quiz.correct;
  } else if (quiz.type === 'number') {
    body.correct = [parseNumber(quiz.correct[0])];
    if (quiz.tolerance > 0) body.tolerance = Number(quiz.tolerance);
  } else body.correct = quiz.correct.map((text) => String(text).trim()).filter(Boolean);
  return body;
}

/** What of a question belongs into a file: not its ids and times. */
export const toFile = (quizzes) => JSON.stringify({ airclass_questions: 1, questions: quizzes.map((quiz) => toServer(edited(quiz))) }, null, 2);

export const toCsv = (quizzes) => writeCsv([COLUMNS, ...quizzes.map((quiz) => {
  const body = toServer(edited(quiz));
  return COLUMNS.map((name) => {
    if (name.startsWith('option_')) return body.options?.[COLUMNS.indexOf(name) - 2]?.text ?? '';
    if (name === 'correct') return (body.correct ?? []).map((id) => (body.options ? letterOf(body.options.findIndex((o) => o.id === id)) : id)).join('|');
    return body[name] ?? '';
  });
})]);

function fromRow(names, row) {
  const value = (name) => (row[names.indexOf(name)] ?? '').trim();
  const options = COLUMNS.filter((name) => name.startsWith('option_')).map(value).filter(Boolean).map((text, i) => ({ id: letterOf(i), text }));
  const type = value('type') || 'single';
  const correct = value('correct').split('|').map((one) => one.trim()).filter(Boolean);
  const upper = ['single', 'multiple', 'order', 'poll'].includes(type) ? correct.map((one) => one.toUpperCase()) : correct;
  const byCorrect = type === 'order' && upper.length === options.length
    ? upper.map((id) => options.find((option) => option.id === id)).filter(Boolean) : options;
  return edited({
    type, question: value('question'), options: byCorrect, correct: type === 'true_false' ? correct.map((one) => one.toLowerCase()) : upper,
    points: parseNumber(value('points')) ?? undefined, time_limit_s: parseNumber(value('time_limit_s')) ?? 0,
    tolerance: parseNumber(value('tolerance')) ?? 0, mode: value('mode') === 'speed' ? 'speed' : 'accuracy', anonymous: value('anonymous') === 'true',
  });
}

/**
 * Questions of a JSON or CSV file.
 * @returns {{questions: object[], faults: {at: number, problem: string}[]}} faults: which of them (1, 2, …) were left out, and why
 */
export function fromFile(text) {
  let found;
  const trimmed = text.replace(/^\ufeff/, '').trim();
  if (/^[[{]/.test(trimmed)) {
    let json;
    try {
      json = JSON.parse(trimmed);
    } catch {
      return { questions: [], faults: [{ at: 0, problem: 'json' }] };
    }
    const list = Array.isArray(json) ? json : json.questions;
    if (!Array.isArray(list)) return { questions: [], faults: [{ at: 0, problem: 'json' }] };
    found = list.map((one) => edited({ type: one?.type, question: String(one?.question ?? ''), ...defined(one ?? {}) }));
  } else {
    const [names = [], ...rows] = readCsv(text);
    const known = names.map((name) => name.trim().toLowerCase());
    if (!known.includes('question')) return { questions: [], faults: [{ at: 0, problem: 'csv' }] };
    found = rows.map((row) => fromRow(known, row));
  }
  const faults = [];
  if (found.length > MOST_QUESTIONS) faults.push({ at: MOST_QUESTIONS + 1, problem: 'many' });
  const questions = found.slice(0, MOST_QUESTIONS).filter((quiz, i) => {
    const problem = problemOf(quiz);
    if (problem) faults.push({ at: i + 1, problem });
    return !problem;
  });
  return { questions, faults };
}

/** Of a question in a file, the members that are of use here. */
function defined({ options, correct, points, time_limit_s: limit, tolerance, mode, anonymous }) {
  const all = { options, correct, points, time_limit_s: limit, tolerance, mode, anonymous };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value != null));
}
