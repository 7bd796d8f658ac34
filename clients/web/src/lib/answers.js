// The types of question: what is answered, how it is drawn, what counts as an answer. No page.

export const TYPES = ['single', 'multiple', 'true_false', 'text', 'number', 'order', 'poll'];
export const SHAPES = ['circle', 'square', 'triangle', 'diamond', 'pentagon', 'star', 'hexagon', 'cross'];
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

export const letterOf = (i) => LETTERS[i] ?? String(i + 1);
export const shapeOf = (i) => SHAPES[i % SHAPES.length];

/** Whether one picks among options. */
export const hasOptions = (type) => !['text', 'number'].includes(type);
export const picksMany = ({ type, multiple }) => type === 'multiple' || (type === 'poll' && multiple === true);

/** The options to draw: [{id, text, letter, shape, at}]; a true/false question needs none of its own. */
export function optionsOf(quiz, words = { true: 'True', false: 'False' }) {
  const own = Array.isArray(quiz.options) && quiz.options.length > 0 ? quiz.options : null;
  const options = own ?? (quiz.type === 'true_false' ? [{ id: 'true', text: words.true }, { id: 'false', text: words.false }] : []);
  return options.map((option, at) => ({
    ...option,
    text: quiz.type === 'true_false' && words[option.id] ? words[option.id] : option.text,
    letter: letterOf(at),
    shape: shapeOf(at),
    at,
  }));
}

/** The answer after a tap on the option `id`. */
export function toggled(quiz, answer, id) {
  if (!picksMany(quiz)) return id;
  const picked = Array.isArray(answer) ? answer : [];
  const next = picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id];
  const order = (quiz.options ?? []).map((option) => option.id);
  return next.sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

export const isPicked = (answer, id) => (Array.isArray(answer) ? answer.includes(id) : String(answer ?? '') === String(id));

/** `list` with the item at `from` moved to `to`. */
export function moved(list, from, to) {
  const next = [...list];
  const [item] = next.splice(from, 1);
  next.splice(Math.max(0, Math.min(to, next.length)), 0, item);
  return next;
}

/** A number as people type it, also with a decimal comma; null when it is none. */
export function parseNumber(text) {
  const plain = String(text).trim().replace(/\s/g, '').replace(/^(-?\d+),(\d+)$/, '$1.$2').replace(/,(?=\d{3}(\D|$))/g, '');
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
}

export function isAnswered(quiz, answer) {
  if (answer == null) return false;
  if (quiz.type === 'number') return Number.isFinite(answer);
  if (quiz.type === 'text') return String(answer).trim() !== '';
  return Array.isArray(answer) ? answer.length > 0 : answer !== '';
}

export const sameAnswer = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

const MOST_LINES = 8;
const REST = '…';

/** How often each text, number or order was given, the most frequent first; what is beyond the lines that are drawn is the rest. */
function mostGiven(counts) {
  const given = Object.keys(counts).filter((id) => id !== REST).sort((a, b) => counts[b] - counts[a]);
  const rest = given.slice(MOST_LINES).reduce((sum, id) => sum + counts[id], counts[REST] ?? 0);
  return { ids: [...given.slice(0, MOST_LINES), ...(rest > 0 ? [REST] : [])], rest };
}

/** An order of the distribution ("C,A,B") in words; as it came when it names no order of the options. */
function orderInWords(quiz, id, words) {
  const ids = id.split(',');
  const known = new Set((quiz.options ?? []).map((option) => String(option.id)));
  return ids.every((one) => known.has(one)) ? inWords(quiz, ids, words) : id;
}

/**
 * [{id, text, letter, shape, count, share, correct}] of a distribution; texts, numbers and orders by how often they were given, the rest
 * under the word `words.rest`.
 */
export function bars(quiz, words) {
  const counts = quiz.distribution ?? {};
  const right = (Array.isArray(quiz.correct) ? quiz.correct : quiz.correct == null ? [] : [quiz.correct]).map(String);
  const correct = quiz.type === 'order' ? [right.join(',')] : right;
  const total = Math.max(1, quiz.answered ?? 0, ...Object.values(counts));
  const line = (option) => ({
    ...option,
    count: counts[option.id] ?? 0,
    share: (counts[option.id] ?? 0) / total,
    correct: quiz.type !== 'poll' && correct.includes(String(option.id)),
  });
  if (hasOptions(quiz.type) && quiz.type !== 'order') return optionsOf(quiz, words).map(line);
  const { ids, rest } = mostGiven(counts);
  return ids.map((id, at) => {
    if (id === REST) return { id, text: words?.rest ?? REST, letter: '', shape: '', at, count: rest, share: rest / total, correct: false };
    return { ...line({ id, text: quiz.type === 'order' ? orderInWords(quiz, id, words) : id, at }), letter: '', shape: '' };
  });
}

/** An answer in words. */
export function inWords(quiz, answer, words) {
  if (answer == null || answer === '') return '';
  const options = optionsOf(quiz, words);
  const one = (id) => {
    const option = options.find((candidate) => String(candidate.id) === String(id));
    return option ? `${option.letter}. ${option.text}` : String(id);
  };
  if (!hasOptions(quiz.type)) return [answer].flat().join(', ');
  return [answer].flat().map(one).join(quiz.type === 'order' ? ' → ' : ', ');
}
