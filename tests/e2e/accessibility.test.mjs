// axe-core on every page, in both colour schemes: no serious or critical finding (WCAG 2.2 AA).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { DESKTOP, launch, layoutFaults, open, PHONE, publish, saysSoon, screenshot, Server } from './harness.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser, server;

before(async () => {
  browser = await launch();
  server = await new Server().start();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return violations.filter(({ impact }) => ['serious', 'critical', 'moderate'].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ''}`).join(' | ')}`);
}

async function check(name, path, options, ready) {
  const page = await open(browser, server.url + path, options);
  await ready(page);
  assert.deepEqual(await findings(page), [], name);
  assert.deepEqual(await layoutFaults(page), [], name);
  assert.deepEqual(page.complaints, [], name);
  await screenshot(page, name);
  await page.context().close();
}

const has = (selector, pattern) => (page) => saysSoon(page, selector, pattern);
const unlocked = async (page) => {
  await saysSoon(page, '.chip', /Live|실시간/);
  await page.locator('.chip').click();
  await page.locator('#connection dl').waitFor();
};
const staff = (page) => `${page}#key=${server.teacherKey}`;
const teacher = () => staff('/teacher');
const tab = (name, selector, pattern) => async (page) => {
  await page.getByRole('tab', { name }).click();
  await saysSoon(page, selector, pattern);
};

for (const [scheme, device, locale] of [['light', DESKTOP, 'en'], ['dark', PHONE, 'ko-KR']]) {
  const options = { scheme, device, locale };
  test(`pages before the class, ${scheme}`, { timeout: 300_000 }, async () => {
    await check(`landing-${scheme}`, '/', options, has('h1', /./));
    await check(`missing-${scheme}`, '/student/nothing-here', options, has('h1', /./));
    await check(`student-waiting-${scheme}`, '/student', options, has('.message .title', /not begun|시작되지/));
    await check(`teacher-login-${scheme}`, '/teacher', options, has('h1', /./));
    await check(`teacher-idle-${scheme}`, teacher(), options, has('.badge', /Off air|방송 전/));
    await check(`join-${scheme}`, '/join?class=stream', options, has('h1', /stream/));
    await check(`teacher-class-${scheme}`, teacher(), options, tab(/^(Class|수업)/, '#queue-title', /./));
    await check(`teacher-settings-${scheme}`, teacher(), options, tab(/^(Settings|설정)/, '#join-title', /./));
    await check(`student-chat-${scheme}`, '/student', options, tab(/^(Chat|채팅)/, '[role=log]', /./));
    await check(`student-me-${scheme}`, '/student', options, tab(/^(Me|나)$/, '.me h2', /./));
    await check(`monitor-${scheme}`, staff('/monitor'), options, has('.url', /join/));
    await check(`questions-${scheme}`, staff('/questions'), options, has('h1', /./));
    await check(`question-editor-${scheme}`, staff('/questions'), options, async (page) => {
      await page.locator('#new-question').click();
      await page.locator('.editor').waitFor();
    });
    await check(`report-${scheme}`, staff('/report'), options, has('h1', /./));
  });
}

test('pages during the class, both schemes', { timeout: 180_000 }, async (t) => {
  const publisher = await publish(server, { size: '640x360' });
  t.after(() => publisher.stop('SIGKILL'));
  for (const [scheme, device, locale] of [['light', PHONE, 'en'], ['dark', DESKTOP, 'ko-KR']]) {
    const options = { scheme, device, locale };
    await check(`student-live-${scheme}`, '/student', options, has('.chip', /Live|실시간/));
    await check(`student-details-${scheme}`, '/student', options, unlocked);
    await check(`teacher-live-${scheme}`, teacher(), options, tab(/^(Broadcast|방송)/, '[data-fact=fps] dd', /\d/));
  }
});
