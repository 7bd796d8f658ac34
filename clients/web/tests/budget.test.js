// The student's page must open fast on a phone: what it loads to show the class stays within 60 kB gzip; chat, questions and one's
// own data come after the picture. Needs `npm run build`.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const BUDGET = 60 * 1024;

const size = (file) => gzipSync(readFileSync(join(dist, file))).length;

/** The files of the chunk `name` and of all that it imports, from Vite's manifest. */
function filesOf(manifest, name, seen = new Map()) {
  if (seen.has(name)) return seen;
  const { file, css = [], imports = [] } = manifest[name];
  seen.set(name, [file, ...css]);
  for (const other of imports) filesOf(manifest, other, seen);
  return seen;
}

test('student route within 60 kB gzip', { skip: !existsSync(dist) && 'not built' }, () => {
  const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));
  const seen = filesOf(manifest, 'index.html');
  filesOf(manifest, Object.keys(manifest).find((name) => /\bStudent\b/.test(manifest[name].file) && manifest[name].file.endsWith('.js')), seen); // Vite names it as it likes
  // a browser loads one language: the larger one is counted
  const languages = ['ko', 'en'].map((tag) => manifest[`src/locales/${tag}.json`].file).sort((a, b) => size(b) - size(a));
  const loaded = new Set(['index.html', languages[0], ...[...seen.values()].flat()]);
  const names = [...seen.keys()].join(' ');
  assert.doesNotMatch(names, /staff|teacher|Teacher/, 'nothing of the teacher’s');
  assert.doesNotMatch(names, /hls/, 'what plays where WebRTC is blocked');
  assert.ok(Object.keys(manifest).some((name) => /hls\.light/.test(name)), 'that is there, too');
  const total = [...loaded].reduce((sum, file) => sum + size(file), 0);
  console.log(`student route: ${(total / 1024).toFixed(1)} kB gzip in ${loaded.size} files`);
  assert.ok(total <= BUDGET, `${total} bytes: ${[...loaded].map((file) => `${file} ${size(file)}`).join(', ')}`);
});

test('no inline scripts or styles, nothing from elsewhere', { skip: !existsSync(dist) && 'not built' }, () => {
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)/);
  assert.doesNotMatch(html, /<style|style=|\son\w+=/);
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
});
