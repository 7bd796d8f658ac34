// A student's page against the real server: picture, sound, waiting, coming back.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { grows, launch, layoutFaults, media, open, PHONE, PHONE_ON_ITS_SIDE, publish, saysSoon, screenshot, Server, waitFor } from './harness.mjs';

const CHIP = '.chip';
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

/** The colours in the middle of the six inner stripes of ffmpeg's testsrc, where its circle inverts them. */
const STRIPES = [[0, 255, 255], [255, 0, 255], [0, 0, 255], [255, 255, 0], [0, 255, 0], [255, 0, 0]];

const colours = () => page.evaluate((count) => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  return Array.from({ length: count }, (_, i) => [...context.getImageData((canvas.width / 8) * (i + 1.5), canvas.height / 4, 1, 1).data].slice(0, 3));
}, STRIPES.length);

const onAir = async () => (publisher ??= await publish(server, { size: '1280x720' }));

async function playing() {
  await saysSoon(page, CHIP, /Live|실시간/);
  await grows(page, 'frames');
}

test('waits before the class, then shows picture and sound by itself', { timeout: 180_000 }, async () => {
  page = await open(browser, `${server.url}/student`);
  await saysSoon(page, '.message .title', /The class has not begun yet/);
  assert.match(await page.title(), /Waiting/);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'student-waiting-desktop-en');

  publisher = await publish(server, { size: '1280x720' });
  await playing();
  assert.equal(await page.evaluate(() => new Promise((done) => document.querySelector('video').requestVideoFrameCallback((_, { width, height }) => done(`${width}x${height}`)))), '1280x720');
  const seen = await waitFor(async () => {
    const now = await colours();
    return now.every((colour, i) => colour.every((value, k) => Math.abs(value - STRIPES[i][k]) < 60)) && now;
  }, 'the test picture');
  assert.equal(seen.length, STRIPES.length);

  assert.equal(await page.evaluate(() => document.querySelector('video').muted), true, 'starts muted');
  await screenshot(page, 'student-live-desktop-en');
  await page.getByRole('button', { name: 'Tap for sound' }).click();
  await grows(page, 'energy');
  assert.equal(await page.evaluate(() => document.querySelector('video').muted), false);
  assert.equal(await page.getByRole('button', { name: 'Tap for sound' }).count(), 0);

  await page.keyboard.press('m');
  assert.equal(await page.evaluate(() => document.querySelector('video').muted), true);
  await page.getByRole('button', { name: /^Live/ }).click();
  await saysSoon(page, '#connection', /1280 × 720[\s\S]*H264 \+ opus/);
  await screenshot(page, 'student-details-desktop-en');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#connection').isVisible(), false);
  assert.deepEqual(await layoutFaults(page), []);
});

test('a phone, in Korean: picture on top, details, sound only and back', { timeout: 120_000 }, async () => {
  await onAir();
  page = await open(browser, `${server.url}/student`, { device: PHONE, locale: 'ko-KR', scheme: 'dark' });
  await playing();
  assert.equal(await page.getAttribute('html', 'lang'), 'ko');
  assert.match(await page.title(), /실시간/);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'student-live-phone-ko');
  await page.getByRole('button', { name: '눌러서 소리 켜기' }).tap();
  await grows(page, 'energy');
  await page.locator(CHIP).tap();
  await saysSoon(page, '#connection', /초당 프레임/);
  await screenshot(page, 'student-details-phone-ko');
  await page.locator(CHIP).tap();

  await page.getByRole('button', { name: '소리만 듣기' }).tap();
  await saysSoon(page, '.message .title', /소리만 듣는 중/);
  await grows(page, 'energy');
  assert.equal((await media(page)).frames, 0, 'no picture is sent');
  await screenshot(page, 'student-audio-phone-ko');
  await page.getByRole('button', { name: '소리만 듣기' }).tap();
  await playing();

  await page.getByRole('button', { name: 'English' }).tap();
  await saysSoon(page, CHIP, /Live/);
  await page.reload();
  await saysSoon(page, CHIP, /Live/);
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
});

test('a phone on its side: the picture fills the screen', { timeout: 120_000 }, async () => {
  await onAir();
  page = await open(browser, `${server.url}/student`, { device: PHONE_ON_ITS_SIDE, locale: 'ko-KR' });
  await playing();
  const box = await page.locator('.frame').boundingBox();
  assert.deepEqual([box.width, box.height], [844, 390]);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'student-live-side-ko');
});

test('the publisher drops and returns: the page says so and goes on by itself', { timeout: 180_000 }, async () => {
  await onAir();
  page = await open(browser, `${server.url}/student`, { device: PHONE });
  await playing();
  await publisher.stop('SIGKILL');
  await saysSoon(page, '.message .title', /The teacher’s broadcast is interrupted/);
  await screenshot(page, 'student-held-phone-en');
  publisher = await publish(server);
  await playing();
  assert.equal((await media(page)).sessions, 1, 'the same session went on');
});

test('who joins while the publisher is away waits, and sees it return', { timeout: 180_000 }, async () => {
  await onAir();
  await publisher.stop('SIGKILL');
  page = await open(browser, `${server.url}/student`);
  await saysSoon(page, '.message .title', /The teacher’s broadcast is interrupted|The class has not begun yet/);
  publisher = await publish(server);
  await playing();
});

test('a token that would end is refreshed, and the session with it', { timeout: 180_000 }, async (t) => {
  const short = await new Server(['[auth]', 'token_lifetime=10s']).start();
  t.after(() => short.close());
  const other = await publish(short, { size: '640x360' });
  t.after(() => other.stop('SIGKILL'));
  page = await open(browser, 'about:blank');
  let refreshed = 0;
  page.on('response', (response) => (refreshed += response.url().endsWith('/api/token/refresh') && response.ok()));
  await page.goto(`${short.url}/student`);
  await playing();
  await waitFor(() => refreshed >= 2, 'two refreshes: the first token has ended');
  await playing();
  assert.equal((await media(page)).sessions, 1);
});

test('less than the full picture is said in the chip and below, sound alone in place of the picture', { timeout: 180_000 }, async (t) => {
  for (const [level, short, words] of [['low', /Smaller picture/, /set to send a smaller picture/], ['audio', /Sound only/, /set to send the sound only/]]) {
    const fixed = await new Server([`levels=${level}`]).start(); // the last section is [whep-egress]
    t.after(() => fixed.close());
    const other = await publish(fixed, { encode: ['-bf', '0', '-g', '60'] });
    t.after(() => other.stop('SIGKILL'));
    page = await open(browser, `${fixed.url}/student`, { device: PHONE });
    await saysSoon(page, CHIP, short);
    await saysSoon(page, level === 'low' ? '.tips .less' : '.message', words);
    await page.getByRole('button', { name: 'Tap for sound' }).tap();
    await grows(page, 'energy');
    const { frames, height } = await page.evaluate(async () => {
      const reports = [...(await window.peers.at(-1).getStats()).values()];
      const video = reports.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
      return { frames: video?.framesDecoded ?? 0, height: video?.frameHeight ?? 0 };
    });
    assert.deepEqual(level === 'low' ? [frames > 0, height <= 360] : [frames > 0, height], level === 'low' ? [true, true] : [false, 0]);
    assert.deepEqual(await layoutFaults(page), []);
    await screenshot(page, `student-${level}-phone-en`);
    const { complaints } = page;
    await page.context().close();
    assert.deepEqual(complaints, []);
  }
  page = null;
});

test('what no browser can play is said, and the class begins once the publisher has changed it', { timeout: 180_000 }, async (t) => {
  const strict = await new Server(['bframes=refuse']).start(); // the last section is [whep-egress]
  t.after(() => strict.close());
  const wrong = await publish(strict, { size: '640x360' });
  t.after(() => wrong.stop('SIGKILL'));
  page = await open(browser, `${strict.url}/student`);
  await saysSoon(page, CHIP, /Not playable/);
  await saysSoon(page, 'main', /The picture cannot be shown/);
  await wrong.stop('SIGKILL');
  const right = await publish(strict, { size: '640x360', encode: ['-bf', '0'] });
  t.after(() => right.stop('SIGKILL'));
  await playing();
  page.complaints = page.complaints.filter((text) => !/status of 406/.test(text));
});
