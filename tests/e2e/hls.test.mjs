// A network that lets no WebRTC through, neither by UDP nor by TCP: the class comes by HLS, some seconds late, and the page says
// so, in both languages. Once WebRTC gets through, it is back there by itself.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { DESKTOP, grows, launch, layoutFaults, open, PHONE, publish, saysSoon, screenshot, Server, waitFor } from './harness.mjs';

let browser, server, publisher, page;

before(async () => {
  browser = await launch();
  server = await new Server().start();
  publisher = await publish(server, { encode: ['-g', '60'] });
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

/** A page that is told of no address of the server's, which by itself (ICE-lite) sends nothing. */
async function openBlocked(path, options) {
  page = await open(browser, 'about:blank', options);
  await page.route('**/whep', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace(/^a=candidate:.*\r\n/gm, '') });
  });
  await page.goto(server.url + path);
}

const shown = () => page.locator('video').evaluate((video) => ({
  byHls: video.srcObject === null && video.src !== '',
  time: video.currentTime,
  frames: video.getVideoPlaybackQuality().totalVideoFrames,
  sound: video.webkitAudioDecodedByteCount,
  muted: video.muted,
  width: video.videoWidth,
  opacity: getComputedStyle(video).opacity,
}));

/** Waits until what is shown grows from where it is. */
async function shownGrows(name) {
  const before = (await shown())[name];
  await waitFor(async () => (await shown())[name] > before, `${name} of the element to grow`);
}

async function playsByHls() {
  await shownGrows('time');
  await shownGrows('frames');
  const { byHls, width, opacity } = await shown();
  assert.deepEqual({ byHls, width, opacity }, { byHls: true, width: 640, opacity: '1' });
}

async function isBackOnWebRtc(live) {
  await page.unroute('**/whep');
  await saysSoon(page, '.chip', live);
  await grows(page, 'frames');
  await shownGrows('frames');
  const { byHls, opacity } = await shown();
  assert.deepEqual({ byHls, opacity }, { byHls: false, opacity: '1' });
}

for (const [locale, device, name, words] of [
  ['en', DESKTOP, 'desktop-en', { delayed: /Delayed/, live: /Live/, text: /This network blocks live video\. You are watching with a delay/ }],
  ['ko-KR', PHONE, 'phone-ko', { delayed: /지연 재생/, live: /실시간/, text: /이 네트워크에서는 실시간 영상이 막혀 있어/ }],
]) {
  test(`by HLS, and the page says so; by WebRTC once that gets through: ${name}`, { timeout: 240_000 }, async () => {
    await openBlocked('/student', { locale, device });
    await saysSoon(page, '.chip', words.delayed);
    await playsByHls();
    await page.getByRole('button', { name: /Tap for sound|눌러서 소리 켜기/ }).click();
    await waitFor(async () => !(await shown()).muted, 'the sound to be on');
    await shownGrows('sound');
    await saysSoon(page, '.tips', words.text);
    assert.deepEqual(await layoutFaults(page), []);
    await screenshot(page, `student-hls-${name}`);
    await page.locator('.chip').click();
    await saysSoon(page, '#connection', words.text);
    assert.equal(await page.locator('#connection dl').count(), 0, 'figures of WebRTC, which does not play');
    await screenshot(page, `student-hls-details-${name}`);
    await isBackOnWebRtc(words.live);
    assert.equal((await shown()).muted, false);
    await grows(page, 'energy');
    await waitFor(async () => (await page.getByText(words.text).count()) === 0, 'the page to say so no longer');
  });
}

test('sound only: the picture is hidden, and there again afterwards', { timeout: 240_000 }, async () => {
  await openBlocked('/student');
  await saysSoon(page, '.chip', /Delayed/);
  await playsByHls();
  const button = page.getByRole('button', { name: 'Sound only', exact: true });
  await button.click();
  await waitFor(async () => (await shown()).opacity === '0', 'the picture to be hidden');
  await shownGrows('sound');
  await button.click();
  await waitFor(async () => (await shown()).opacity === '1', 'the picture to be shown');
  await playsByHls();
});

test('the teacher’s preview', { timeout: 240_000 }, async () => {
  await openBlocked(`/teacher#key=${server.teacherKey}`);
  await saysSoon(page, 'section:has(video)', /This network blocks live video/);
  await playsByHls();
  await page.locator('section:has(video) button').click();
  await shownGrows('sound');
  await page.unroute('**/whep');
  await waitFor(async () => !(await shown()).byHls, 'WebRTC');
  await grows(page, 'frames');
  assert.equal(await page.getByText(/This network blocks/).count(), 0);
});
