import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { chooseLanguage, translate } from '../src/lib/i18n-core.js';

const source = fileURLToPath(new URL('../src/', import.meta.url));
const file = (name) => JSON.parse(readFileSync(join(source, 'locales', name), 'utf8'));
const read = (tag) => ({ ...file(`${tag}.json`), ...file(`staff/${tag}.json`) });
const en = read('en');
const ko = read('ko');
const PLURALS = new Set(['zero', 'one', 'two', 'few', 'many', 'other']);

const isPlural = (node) => typeof node === 'object' && 'other' in node && Object.keys(node).every((key) => PLURALS.has(key));

/** Every message: key → its texts. */
function leaves(node, prefix = '') {
  return Object.entries(node).flatMap(([name, value]) => {
    const key = prefix ? `${prefix}.${name}` : name;
    if (typeof value === 'string') return [[key, [value]]];
    if (Array.isArray(value)) return [[`${key}[${value.length}]`, value]];
    return isPlural(value) ? [[key, Object.values(value)]] : leaves(value, key);
  });
}

test('Korean and English have the same keys and placeholders', () => {
  const english = new Map(leaves(en));
  const korean = new Map(leaves(ko));
  assert.deepEqual([...korean.keys()].sort(), [...english.keys()].sort());
  const names = (texts) => [...new Set(texts.join(' ').match(/\{\w+\}/g) ?? [])].sort();
  for (const [key, texts] of english) assert.deepEqual(names(korean.get(key)), names(texts), key);
});

test('what only teachers read is in no student’s file', () => {
  for (const tag of ['en', 'ko']) {
    const staff = Object.keys(file(`staff/${tag}.json`));
    assert.deepEqual(staff.filter((name) => name in file(`${tag}.json`)), [], 'one would hide the other');
    assert.ok(staff.includes('teacher'));
  }
});

test('every plural has the forms of its language', () => {
  for (const [tag, messages] of [['en', en], ['ko', ko]]) {
    const needed = new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
    for (const key of ['teacher.viewers.count', 'teacher.viewers.more']) {
      const forms = key.split('.').reduce((node, part) => node[part], messages);
      assert.deepEqual(Object.keys(forms).sort(), [...needed].sort(), `${tag} ${key}`);
    }
  }
});

test('every literal key in the code exists', () => {
  const files = readdirSync(source, { recursive: true }).map(String).filter((name) => /\.(svelte|js)$/.test(name));
  const missing = [];
  for (const file of files) {
    for (const [, key] of readFileSync(join(source, file), 'utf8').matchAll(/\bt\('([\w.]+)'/g)) {
      if (translate(en, 'en', key, { count: 1 }) === undefined) missing.push(`${file}: ${key}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('every warning of the server has words', () => {
  const status = readFileSync(new URL('../../../core/media/stream-status.c', import.meta.url), 'utf8');
  const types = [...status.matchAll(/add_warning \(json, "([\w-]+)"/g)].map(([, type]) => type);
  assert.ok(types.length > 5);
  const health = readFileSync(new URL('../../../plugins/whep-egress/health/class-health.c', import.meta.url), 'utf8');
  const causes = /names\[\] = \{ "healthy", ([^}]+) \}/.exec(health)[1].match(/\w+/g);
  assert.ok(causes.length >= 4);
  assert.deepEqual(causes.filter((cause) => !en.warning[`class-${cause}`]), []);
  const details = [...health.matchAll(/detail = (?:\w+ \? )?"(\w+)"/g)].map(([, detail]) => detail);
  assert.ok(details.length >= 7);
  const told = { ...en.warning['class-uplink'].details, ...en.warning['class-server'].details };
  assert.deepEqual(details.filter((detail) => !told[detail]), []);
  // `held` is what the preview says, not a warning in the list
  assert.deepEqual(types.filter((type) => type !== 'held' && !en.warning[type]), []);
});

test('translate: placeholders, numbers, plurals, missing keys', () => {
  const messages = { a: { b: 'Hello {name}, {n}' }, v: { one: '{count} viewer', other: '{count} viewers' } };
  assert.equal(translate(messages, 'en', 'a.b', { name: 'Kim', n: 1200 }), 'Hello Kim, 1,200');
  assert.equal(translate(messages, 'en', 'a.b'), 'Hello {name}, {n}');
  assert.equal(translate(messages, 'en', 'v', { count: 1 }), '1 viewer');
  assert.equal(translate(messages, 'en', 'v', { count: 3 }), '3 viewers');
  assert.equal(translate(messages, 'en', 'nothing.here'), undefined);
});

test('the language is the chosen one, else the first wanted one that is known', () => {
  assert.equal(chooseLanguage('ko', ['en-US'], ['en', 'ko']), 'ko');
  assert.equal(chooseLanguage(null, ['fr-FR', 'ko-KR', 'en'], ['en', 'ko']), 'ko');
  assert.equal(chooseLanguage('xx', ['de'], ['en', 'ko']), 'en');
  assert.equal(chooseLanguage(null, undefined, ['en', 'ko']), 'en');
});
