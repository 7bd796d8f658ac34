// The student's page must open fast on a phone: everything it loads stays within 60 kB gzip. Needs `npm run build`.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const BUDGET = 60 * 1024;

/** What is loaded once picture and class are there, or with the teacher's pages. */
const LATER = /^(Chat|Question|MyData|Order|Bars|Reactions|icons-staff)-/;

/** The language files of teachers, which carry the same names as the others. */
const staff = new Set(existsSync(dist)
  ? readdirSync(join(dist, 'assets')).filter((name) => /^(en|ko)-.*\.js$/.test(name) && /ingest\b/.test(readFileSync(join(dist, 'assets', name), 'utf8')))
  : []);

/** The files that `name` needs, by the imports and preload lists in it. */
function needs(name, route, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  if (!name.endsWith('.js')) return seen;
  const text = readFileSync(join(dist, 'assets', name), 'utf8');
  const entry = name.startsWith('index-');
  for (const [, file] of text.matchAll(/["'](?:\.\/|assets\/|\.\.\/assets\/)?([\w.-]+\.(?:js|css))["']/g)) {
    if (!existsSync(join(dist, 'assets', file))) continue;
    const otherRoute = /^(Teacher|Landing|NotFound|Join|Monitor|Questions|Report)-/.test(file) && !file.startsWith(route);
    if (!(entry && otherRoute) && !staff.has(file) && !LATER.test(file)) needs(file, route, seen);
  }
  return seen;
}

test('student route within 60 kB gzip', { skip: !existsSync(dist) && 'not built' }, () => {
  const files = readdirSync(join(dist, 'assets'));
  const entry = files.find((name) => /^index-.*\.js$/.test(name));
  const size = (name) => gzipSync(readFileSync(join(dist, 'assets', name))).length;
  const loaded = needs(entry, 'Student');
  for (const css of files.filter((name) => /^index-.*\.css$/.test(name))) loaded.add(css);
  assert.ok([...loaded].some((name) => name.startsWith('Student-') && name.endsWith('.js')), 'the route was found');
  assert.equal(staff.size, 2);
  // a browser loads one language: the larger one is counted
  const languages = [...loaded].filter((name) => /^(en|ko)-.*\.js$/.test(name)).sort((a, b) => size(a) - size(b));
  assert.equal(languages.length, 2);
  loaded.delete(languages[0]);
  const sizes = [...loaded].map(size);
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0) + gzipSync(readFileSync(join(dist, 'index.html'))).length;
  console.log(`student route: ${(total / 1024).toFixed(1)} kB gzip in ${loaded.size + 1} files`);
  assert.ok(total <= BUDGET, `${total} bytes: ${[...loaded].map((name) => `${name} ${size(name)}`).join(", ")}`);
});

test('no inline scripts or styles, nothing from elsewhere', { skip: !existsSync(dist) && 'not built' }, () => {
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)/);
  assert.doesNotMatch(html, /<style|style=|\son\w+=/);
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
});
