// The teacher's page against the real server: signing in, the state of the stream, addresses and keys.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { launch, layoutFaults, media, open, PHONE, PLAIN_HOST, publish, saysSoon, screenshot, Server, text, waitFor } from './harness.mjs';

let browser, server, publisher, page;

before(async () => {
  browser = await launch();
  server = await new Server().start();
});
after(async () => {
  await publisher?.stop('SIGKILL');
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
const broadcast = (name = 'Broadcast') => page.getByRole('tab', { name }).click();
const images = () => page.evaluate(() => [...document.querySelectorAll('.paper img')].map((image) => image.naturalWidth > 0));

test('a wrong key is refused in words, the right one opens the page', { timeout: 60_000 }, async () => {
  page = await open(browser, `${server.url}/teacher`);
  await waitFor(async () => /Sign in/.test(await page.title()), 'the title');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await saysSoon(page, '[role=alert]', /Please enter the key/);
  await page.getByLabel('Teacher’s key', { exact: true }).fill('not-the-key');
  await page.keyboard.press('Enter');
  await saysSoon(page, '[role=alert]', /This key is not right/);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'teacher-login-desktop-en');
  await page.getByLabel('Teacher’s key', { exact: true }).fill(server.teacherKey);
  await page.keyboard.press('Enter');
  await saysSoon(page, '.badge', /Off air/);
  await page.reload();
  await saysSoon(page, '.badge', /Off air/);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Teacher’s key', { exact: true }).waitFor();
});

test('before the class: addresses, keys and codes', { timeout: 60_000 }, async () => {
  page = await open(browser, teacherUrl());
  await saysSoon(page, '.message .title', /Nobody is sending yet/);
  assert.doesNotMatch(page.url(), /key=/, 'the key has left the address bar');
  const value = (label) => page.getByLabel(label, { exact: true }).inputValue();
  await page.getByLabel('Stream key', { exact: true }).waitFor();
  assert.match(await value('Server'), new RegExp(`^rtmp://.+:${server.ports.rtmp}/live$`));
  assert.equal(await value('Stream key'), `stream?key=${server.streamKey}`);
  assert.equal(await value('Full address'), `${await value('Server')}/stream?key=${server.streamKey}`);
  assert.equal(await page.getByLabel('Stream key', { exact: true }).getAttribute('type'), 'password');
  assert.match(await value('Link for students'), /\/student$/);
  await waitFor(async () => (await images()).join() === 'true', 'the code of the link');
  await screenshot(page, 'teacher-idle-desktop-en', { fullPage: true });
  await page.getByRole('button', { name: 'Show the key' }).click();
  assert.equal(await page.getByLabel('Stream key', { exact: true }).getAttribute('type'), 'text');
  await waitFor(async () => (await images()).join() === 'true,true', 'the code for the phone');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy: Stream key' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `stream?key=${server.streamKey}`);
  assert.deepEqual(await layoutFaults(page), []);
});

test('on air: preview, figures, the B-frame warning, viewers; interrupted and back', { timeout: 180_000 }, async () => {
  publisher = await publish(server, { size: '1280x720' });
  const student = await open(browser, `${server.url}/student`);
  await saysSoon(student, '.chip', /Live/);
  page = await open(browser, teacherUrl(), { scheme: 'dark' });
  await saysSoon(page, '.badge', /On air/);
  await broadcast();
  await waitFor(async () => (await media(page)).frames > 0, 'the preview');
  await saysSoon(page, '[data-warning=b-frames]', /Your encoder sends B-frames/);
  const fact = (name) => text(page, `[data-fact=${name}] dd`);
  await waitFor(async () => (await fact('viewers')) === '1', 'one viewer: the student, not the preview');
  await waitFor(async () => /^(29|30|31)/.test(await fact('fps')), 'the frame rate');
  await waitFor(async () => /[1-9].* [kM]bit\/s/.test(await fact('bitrate')), 'the data rate');
  assert.equal(await fact('size'), '1280 × 720');
  assert.match(await fact('sound'), /44\.1 kHz/);
  assert.equal(await fact('codecs'), 'H.264 + AAC');
  await waitFor(async () => (await page.locator('tbody tr').count()) === 1, 'the student in the table');
  await waitFor(async () => /sec/.test(await fact('keyframe')), 'the keyframe interval');
  await saysSoon(page, '[data-warning=long-keyframe-interval]', /Keyframes are far apart/);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'teacher-live-desktop-en', { fullPage: true });
  await page.getByRole('button', { name: 'Listen' }).click();
  await page.getByRole('meter').waitFor();
  await student.context().close();
  await waitFor(async () => (await fact('viewers')) === '0', 'the student to be gone');

  await publisher.stop('SIGKILL');
  await saysSoon(page, '.badge', /Interrupted/);
  await saysSoon(page, '.message .title', /Your picture stopped coming/);
  await screenshot(page, 'teacher-held-desktop-en');
  publisher = await publish(server);
  await saysSoon(page, '.badge', /On air/);
  await waitFor(async () => !(await page.locator('.message').count()), 'the preview to return');
  assert.deepEqual(student.complaints, []);
});

test('on a phone, in Korean', { timeout: 60_000 }, async () => {
  page = await open(browser, teacherUrl(), { device: PHONE, locale: 'ko-KR' });
  await saysSoon(page, '.badge', /방송 중/);
  await broadcast('방송');
  await saysSoon(page, '[data-warning=b-frames]', /B-프레임/);
  await waitFor(async () => (await media(page)).frames > 0, 'the preview');
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'teacher-live-phone-ko', { fullPage: true });
});

test('in a LAN over plain http: preview, copying, the right addresses', { timeout: 60_000 }, async () => {
  const plain = server.url.replace('127.0.0.1', PLAIN_HOST);
  page = await open(browser, `${plain}/teacher#key=${server.teacherKey}`);
  await waitFor(async () => (await media(page)).frames > 0, 'the preview');
  await broadcast();
  assert.equal(await page.evaluate(() => isSecureContext), false);
  const field = page.getByLabel('Server', { exact: true });
  await field.waitFor();
  assert.equal(await field.inputValue(), `rtmp://${PLAIN_HOST}:${server.ports.rtmp}/live`);
  assert.equal(await page.getByLabel('Link for students', { exact: true }).inputValue(), `${plain}/student`);
  await page.evaluate(() => document.addEventListener('copy', () => (window.copied = String(document.activeElement.value))));
  await page.getByRole('button', { name: 'Copy: Server' }).click();
  await page.getByText('Copied').first().waitFor();
  assert.equal(await page.evaluate(() => window.copied), `rtmp://${PLAIN_HOST}:${server.ports.rtmp}/live`);
});
