// The student's page must open fast on a phone: everything it loads stays within 60 kB gzip. Needs `npm run build`.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const BUDGET = 60 * 1024;

/** The files that `name` needs, by the imports and preload lists in it. */
function needs(name, route, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  if (!name.endsWith('.js')) return seen;
  const text = readFileSync(join(dist, 'assets', name), 'utf8');
  const entry = name.startsWith('index-');
  for (const [, file] of text.matchAll(/["'](?:\.\/|assets\/|\.\.\/assets\/)?([\w.-]+\.(?:js|css))["']/g)) {
    if (!existsSync(join(dist, 'assets', file))) continue;
    const otherRoute = /^(Teacher|Landing|NotFound)-/.test(file) && !file.startsWith(route);
    if (!(entry && otherRoute)) needs(file, route, seen);
  }
  return seen;
}

test('student route within 60 kB gzip', { skip: !existsSync(dist) && 'not built' }, () => {
  const files = readdirSync(join(dist, 'assets'));
  const entry = files.find((name) => /^index-.*\.js$/.test(name));
  const loaded = needs(entry, 'Student');
  for (const css of files.filter((name) => /^index-.*\.css$/.test(name))) loaded.add(css);
  assert.ok([...loaded].some((name) => name.startsWith('Student-') && name.endsWith('.js')), 'the route was found');
  const sizes = [...loaded].map((name) => gzipSync(readFileSync(join(dist, 'assets', name))).length);
  const total = sizes.reduce((sum, size) => sum + size, 0) + gzipSync(readFileSync(join(dist, 'index.html'))).length;
  console.log(`student route: ${(total / 1024).toFixed(1)} kB gzip in ${loaded.size + 1} files (both languages counted)`);
  assert.ok(total <= BUDGET, `${total} bytes`);
});

test('no inline scripts or styles, nothing from elsewhere', { skip: !existsSync(dist) && 'not built' }, () => {
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)/);
  assert.doesNotMatch(html, /<style|style=|\son\w+=/);
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
});
