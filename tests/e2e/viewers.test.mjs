// What a teacher sees of a class of some size, part of which suffers, against the real server and viewers that really lose packets.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { crowd, launch, layoutFaults, open, PHONE, publish, saysSoon, screenshot, Server, text, waitFor } from './harness.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser, server, publisher, page;
const ends = [];

before(async () => {
  browser = await launch();
  server = await new Server().start();
  publisher = await publish(server, { size: '320x180', encode: ['-bf', '0', '-b:v', '200k'] });
  ends.push(() => publisher.stop('SIGKILL'));
  const { token } = await (await fetch(`${server.url}/api/token?user_type=student&user_id=Minji`, { method: 'POST' })).json();
  for (const part of [crowd(server, { viewers: 58 }), crowd(server, { viewers: 2, loss: 20, token })]) ends.push(part.stop);
});
after(async () => {
  for (const end of ends) await end();
  await browser?.close();
  await server?.close();
});
afterEach(async () => {
  const complaints = page?.complaints ?? [];
  await page?.context().close();
  page = null;
  assert.deepEqual(complaints, []);
});

const teacherUrl = () => `${server.url}/teacher#key=${server.teacherKey}`;
async function openBroadcast(options) {
  const opened = await open(browser, teacherUrl(), options);
  await opened.getByRole('tab', { name: /^(Broadcast|방송)/ }).click();
  return opened;
}

async function seriousFindings() {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return violations.filter(({ impact }) => ['serious', 'critical', 'moderate'].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}

test('the class in a line, the worst off first, the likely cause in words', { timeout: 120_000 }, async () => {
  page = await openBroadcast();
  await saysSoon(page, '[data-summary]', /60 students watch/);
  await saysSoon(page, '[data-summary]', /2 have trouble/);
  await saysSoon(page, '[data-warning=class-students]', /2 students have a bad connection/);
  const rows = page.locator('tbody tr');
  await waitFor(async () => (await rows.count()) === 50, 'a capped table');
  await waitFor(async () => /has trouble\s*Minji/.test(await rows.first().locator('th').innerText()), 'who suffers to stand first');
  await saysSoon(page, '.more', /and 10 more/);
  assert.deepEqual(await layoutFaults(page), []);
  assert.deepEqual(await seriousFindings(), []);
  await screenshot(page, 'teacher-class-desktop-en', { fullPage: true });

  await page.getByRole('button', { name: 'Show more' }).click();
  await waitFor(async () => (await rows.count()) === 60, 'all of them');
  assert.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0);

  const header = page.getByRole('columnheader', { name: 'Loss' });
  await header.getByRole('button').click();
  await waitFor(async () => (await header.getAttribute('aria-sort')) === 'descending', 'the column to be sorted');
  await header.getByRole('button').click();
  await waitFor(async () => (await header.getAttribute('aria-sort')) === 'ascending', 'and turned round');
  await waitFor(async () => /Minji/.test(await rows.last().locator('th').innerText()), 'who suffers to stand last');
});

test('rows stay where they are while the pointer is among them', { timeout: 120_000 }, async () => {
  page = await openBroadcast();
  const rows = page.locator('tbody tr');
  await waitFor(async () => (await rows.count()) === 50, 'the table');
  await rows.nth(3).scrollIntoViewIfNeeded();
  await rows.nth(3).hover();
  const order = () => page.evaluate(() => {
    for (const row of document.querySelectorAll('tbody tr')) row.dataset.seen ??= `r${(window.seen = (window.seen ?? 0) + 1)}`;
    return [...document.querySelectorAll('tbody tr')].map((row) => row.dataset.seen).join();
  });
  await saysSoon(page, '.note.held', /rests/);
  const before = await order();
  let polls = 0;
  page.on('response', (response) => (polls += /\/viewers\?/.test(response.url())));
  await waitFor(() => polls >= 3, 'three more answers');
  assert.equal(await order(), before);
});

test('cards on a phone, in Korean and in the dark', { timeout: 120_000 }, async () => {
  page = await openBroadcast({ device: PHONE, locale: 'ko-KR', scheme: 'dark' });
  await saysSoon(page, '[data-summary]', /학생 60명/);
  await saysSoon(page, '[data-warning=class-students]', /학생 2명의 연결이 나쁩니다/);
  const cards = page.locator('.cards li');
  await waitFor(async () => (await cards.count()) === 8, 'few cards');
  await waitFor(async () => /Minji/.test(await cards.first().innerText()), 'the worst off first');
  assert.match(await text(page, '.more'), /52명/);
  assert.deepEqual(await layoutFaults(page), []);
  assert.deepEqual(await seriousFindings(), []);
  await screenshot(page, 'teacher-class-phone-ko', { fullPage: true });
  const asked = page.waitForResponse((response) => /\/viewers\?.*sort=-?bitrate/.test(response.url()) && response.ok());
  await page.getByLabel('정렬').selectOption({ label: '전송 속도' });
  const answer = await asked;
  const { viewers } = await answer.json();
  const turn = answer.url().includes('sort=-') ? -1 : 1;
  await waitFor(async () => (await cards.count()) === 8, 'the cards again');
  const rates = viewers.map(({ bitrate_bps: rate }) => rate);
  assert.deepEqual(rates, [...rates].sort((a, b) => turn * (a - b)));
});

test('a publisher that falls silent is told as the teacher’s own connection, once', { timeout: 120_000 }, async () => {
  page = await openBroadcast();
  await saysSoon(page, '.badge', /On air/);
  publisher.pause();
  await saysSoon(page, '[data-warning=class-uplink]', /your connection\s+Nothing has come from you/);
  assert.equal(await page.locator('[data-warning=stalled]').count(), 0);
  publisher.resume();
  await waitFor(async () => (await page.locator('[data-warning=class-uplink]').count()) === 0, 'the warning to go');
});
