// What a publisher's faults look like on the pages: it returns as another one, or sends no picture that can be shown.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { grows, launch, layoutFaults, media, open, PHONE, publish, saysSoon, screenshot, Server, text, waitFor } from './harness.mjs';

const WITHOUT_KEYFRAMES = fileURLToPath(new URL('../faults/without_keyframes.py', import.meta.url));
const CHANGING = fileURLToPath(new URL('../faults/changing_publisher.py', import.meta.url));
let browser, server, pages;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());
afterEach(async () => {
  const complaints = pages.flatMap((page) => page.complaints);
  for (const page of pages) await page.context().close();
  await server?.close();
  assert.deepEqual(complaints, []);
});

async function begin(options) {
  pages = [];
  server = await new Server(options).start();
}

async function show(path, options) {
  const page = await open(browser, `${server.url}${path}`, options);
  pages.push(page);
  return page;
}

/** Sends pictures but no keyframe, until next(); with --returns at first with keyframes, and drops at a first next(). */
function publishWithoutKeyframes(t, ...options) {
  const child = spawn('/usr/bin/python3', [WITHOUT_KEYFRAMES, '127.0.0.1', String(server.ports.rtmp), ...options],
    { stdio: ['pipe', 'ignore', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return { next: () => child.stdin.write('\n') };
}

/** Sends what it is told to by say(): `all`, as at first, `sound`, `pictures`, or `nothing`. */
function publishWhatIsSaid(t) {
  const child = spawn('/usr/bin/python3', [CHANGING, '127.0.0.1', String(server.ports.rtmp)], { stdio: ['pipe', 'ignore', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return { say: (what) => child.stdin.write(`${what}\n`) };
}

/** The WHEP requests of all pages, as methods. */
function watchRequests() {
  const methods = [];
  for (const page of pages) page.on('request', (request) => /\/whep(\/\w+)?$/.test(new URL(request.url()).pathname) && methods.push(request.method()));
  return methods;
}

/** Counts the pictures that the page presents, and keeps the size of the newest. */
const watchPictures = (page) => page.evaluate(() => {
  const video = document.querySelector('video');
  window.shown = { count: 0, size: '' };
  const next = () => video.requestVideoFrameCallback((_, { width, height }) => {
    window.shown = { count: window.shown.count + 1, size: `${width}x${height}` };
    next();
  });
  next();
});
const shown = (page) => page.evaluate(() => window.shown);

async function showsMore(page, size) {
  const { count } = await waitFor(async () => {
    const now = await shown(page);
    return now.size === size && now;
  }, `pictures of ${size}`);
  await waitFor(async () => (await shown(page)).count > count + 30, 'more pictures');
}

for (const [name, first] of [['without B-frames', ['-bf', '0', '-profile:v', 'high']], ['with B-frames', ['-profile:v', 'main']]]) {
  test(`the publisher returns with another size, profile and sample rate; before ${name}`, { timeout: 180_000 }, async (t) => {
    await begin();
    const before = await publish(server, { size: '1280x720', encode: first });
    t.after(() => before.stop('SIGKILL'));
    const page = await show('/student', { device: PHONE });
    await saysSoon(page, '.chip', /Live/);
    await page.getByRole('button', { name: 'Tap for sound' }).tap();
    await watchPictures(page);
    await showsMore(page, '1280x720');
    await grows(page, 'energy');
    await page.evaluate(() => (window.mark = 'not reloaded'));

    await before.stop('SIGKILL');
    await saysSoon(page, '.message .title', /The teacher’s broadcast is interrupted/);
    const other = await publish(server, { size: '640x480', sampleRate: 48000, encode: ['-bf', '0', '-profile:v', 'baseline'] });
    t.after(() => other.stop('SIGKILL'));
    await saysSoon(page, '.chip', /Live/);
    await showsMore(page, '640x480');
    assert.deepEqual(await page.evaluate(() => {
      const { videoWidth, videoHeight, paused, muted } = document.querySelector('video');
      return { videoWidth, videoHeight, paused, muted, mark: window.mark };
    }), { videoWidth: 640, videoHeight: 480, paused: false, muted: false, mark: 'not reloaded' });
    await grows(page, 'energy');
    assert.equal((await media(page)).sessions, 1, 'the same session went on');
    const { token } = await (await fetch(`${server.url}/api/token?user_type=student&user_id=e2e`, { method: 'POST' })).json();
    const stream = await (await fetch(`${server.url}/api/streams/live/stream`, { headers: { Authorization: `Bearer ${token}` } })).json();
    assert.equal(stream.tracks.find(({ kind }) => kind === 'audio').sample_rate, 48000);
  });
}

test('without a keyframe the student is told in words, hears the sound, and sees the picture once one comes', { timeout: 180_000 }, async (t) => {
  await begin();
  const publisher = publishWithoutKeyframes(t);
  const [korean, english, teacher] = [
    await show('/student', { device: PHONE, locale: 'ko-KR' }),
    await show('/student', { device: PHONE }),
    await show(`/teacher#key=${server.teacherKey}`, { device: PHONE }),
  ];
  await saysSoon(korean, '.message .title', /지금은 보여 줄 수 있는 화면이 없습니다/);
  await saysSoon(english, '.message .title', /No picture can be shown now/);
  await saysSoon(english, '.chip', /No picture/);
  await saysSoon(teacher, '[data-warning=no-keyframe]', /No keyframe has come yet[\s\S]*Nobody can see the picture/);
  await saysSoon(teacher, 'main', /No picture can be shown now/);
  for (const page of pages) assert.deepEqual(await layoutFaults(page), []);
  await screenshot(korean, 'student-no-keyframe-phone-ko');
  await screenshot(english, 'student-no-keyframe-phone-en');
  await screenshot(teacher, 'teacher-no-keyframe-phone-en', { fullPage: true });
  await english.getByRole('button', { name: 'Tap for sound' }).tap();
  await grows(english, 'energy');
  await waitFor(() => english.evaluate(() => document.querySelector('video').currentTime > 0), 'the sound to play');
  await screenshot(english, 'student-no-keyframe-sound-phone-en');
  assert.match(await text(english, '.message .title'), /No picture can be shown now/);
  await teacher.getByRole('button', { name: '한국어' }).tap();
  await saysSoon(teacher, '[data-warning=no-keyframe]', /아무도 화면을 볼 수 없습니다/);

  publisher.next();
  for (const page of [korean, english]) {
    await saysSoon(page, '.chip', /Live|실시간/);
    await waitFor(() => page.evaluate(() => document.querySelector('video').videoWidth === 640), 'the picture');
    assert.equal((await media(page)).sessions, 1, 'the same session went on');
  }
  await waitFor(async () => (await teacher.locator('[data-warning=no-keyframe]').count()) === 0, 'the warning to go');
});

test('without a keyframe and without sound the student is told, too', { timeout: 180_000 }, async (t) => {
  await begin();
  const publisher = publishWithoutKeyframes(t, '--silent');
  const page = await show('/student', { device: PHONE });
  await saysSoon(page, '.message .title', /No picture can be shown now/);
  publisher.next();
  await saysSoon(page, '.chip', /Live/);
  await grows(page, 'frames');
  assert.equal((await media(page)).sessions, 1, 'the same session went on');
});

for (const [name, options] of [['with sound', []], ['without sound', ['--silent']]]) {
  test(`a publisher that comes back without a keyframe, ${name}: student and teacher are told until one comes`, { timeout: 180_000 }, async (t) => {
    await begin();
    const publisher = publishWithoutKeyframes(t, '--returns', ...options);
    const student = await show('/student', { device: PHONE });
    const teacher = await show(`/teacher#key=${server.teacherKey}`, { device: PHONE });
    await saysSoon(student, '.chip', /Live/);
    await grows(student, 'frames');
    if (options.length === 0) await student.getByRole('button', { name: 'Tap for sound' }).tap();
    await watchPictures(student);
    publisher.next();
    await saysSoon(student, '.message .title', /No picture can be shown now/);
    await saysSoon(student, '.chip', /No picture/);
    await saysSoon(teacher, '[data-warning=no-keyframe]', /No keyframe has come yet/);
    await saysSoon(teacher, 'main', /No picture can be shown now/);
    assert.deepEqual(await layoutFaults(student), []);
    await screenshot(student, `student-returned-without-keyframe-${options.length}`);
    if (options.length === 0) {
      await grows(student, 'energy');
      const at = () => student.evaluate(() => document.querySelector('video').currentTime);
      const before = await at();
      await waitFor(async () => (await at()) > before + 0.5, 'the sound to play on');
      assert.match(await text(student, '.message .title'), /No picture can be shown now/);
    }
    const late = await show('/student', { device: PHONE, locale: 'ko-KR' });
    await saysSoon(late, '.message .title', /지금은 보여 줄 수 있는 화면이 없습니다/);

    publisher.next();
    for (const page of [student, late]) await saysSoon(page, '.chip', /Live|실시간/);
    await showsMore(student, '640x360');
    await grows(late, 'frames');
    for (const page of [student, late]) assert.equal((await media(page)).sessions, 1, 'the same session went on');
    await waitFor(async () => (await teacher.locator('[data-warning=no-keyframe]').count()) === 0, 'the warning to go');
  });
}

/** Two students and the teacher's preview, all of them with a picture, and a publisher that does what it is told. */
async function watchTogether(t) {
  await begin();
  const publisher = publishWhatIsSaid(t);
  const [korean, english, teacher] = [
    await show('/student', { device: PHONE, locale: 'ko-KR' }),
    await show('/student'),
    await show(`/teacher#key=${server.teacherKey}`),
  ];
  for (const page of pages) await grows(page, 'frames');
  for (const page of [korean, english]) await saysSoon(page, '.chip', /Live|실시간/);
  return { publisher, korean, english, teacher, requests: watchRequests() };
}

async function goesOn({ korean, english, teacher, requests }) {
  for (const page of [korean, english]) await saysSoon(page, '.chip', /Live|실시간/);
  await waitFor(async () => (await teacher.locator('.stage .message').count()) === 0, 'the preview to return');
  for (const page of pages) {
    await grows(page, 'frames');
    assert.equal((await media(page)).sessions, 1, 'the same session went on');
  }
  assert.deepEqual(requests, []);
}

test('a publisher that is there and sends nothing for twenty seconds: all are told, and nobody joins anew', { timeout: 180_000 }, async (t) => {
  const shown = await watchTogether(t);
  const { publisher, korean, english, teacher } = shown;
  publisher.say('nothing');
  await saysSoon(korean, '.message .title', /선생님의 방송이 잠시 끊겼습니다/);
  await saysSoon(english, '.message .title', /The teacher’s broadcast is interrupted/);
  await saysSoon(teacher, '.stage .title', /Your picture stopped coming/);
  const silence = async () => {
    const { state, warnings } = await (await server.api('GET', '/api/streams/live/stream')).json();
    assert.equal(state, 'live');
    return Number(/for (\d+) seconds/.exec(warnings.find(({ type }) => type === 'stalled')?.text)?.[1] ?? 0);
  };
  await waitFor(async () => (await silence()) >= 20, 'twenty seconds of silence');
  for (const page of [korean, english]) assert.match(await text(page, '.chip'), /Interrupted|잠시 끊김/);
  for (const page of pages) {
    assert.deepEqual(await layoutFaults(page), []);
    assert.equal((await media(page)).sessions, 1, 'the same session waits');
  }
  await screenshot(korean, 'student-stalled-phone-ko');
  await screenshot(english, 'student-stalled-desktop-en');
  await screenshot(teacher, 'teacher-stalled-desktop-en', { fullPage: true });
  publisher.say('all');
  await goesOn(shown);
});

test('the picture stops in mid-class and the sound goes on: all are told until it comes again', { timeout: 180_000 }, async (t) => {
  const shown = await watchTogether(t);
  const { publisher, korean, english, teacher } = shown;
  publisher.say('sound');
  await saysSoon(korean, '.message .title', /지금은 보여 줄 수 있는 화면이 없습니다/);
  await saysSoon(english, '.message .title', /No picture can be shown now/);
  await saysSoon(teacher, '.stage .title', /No picture can be shown now/);
  await saysSoon(teacher, '[data-warning=no-video]', /No picture is coming in/);
  await english.getByRole('button', { name: 'Tap for sound' }).click();
  await grows(english, 'energy');
  for (const page of pages) assert.deepEqual(await layoutFaults(page), []);
  await screenshot(korean, 'student-picture-stopped-phone-ko');
  await screenshot(english, 'student-picture-stopped-desktop-en');
  await screenshot(teacher, 'teacher-picture-stopped-desktop-en', { fullPage: true });
  publisher.say('all');
  await goesOn(shown);
});

test('a keyframe that is long past: who joins is told, and sees the picture with the next one', { timeout: 180_000 }, async (t) => {
  await begin(['[streams]', 'gop_cache_duration=2s']);
  const publisher = await publish(server, { encode: ['-g', '900', '-sc_threshold', '0', '-bf', '0'] });
  t.after(() => publisher.stop('SIGKILL'));
  const warnings = async () => (await (await server.api('GET', '/api/streams/live/stream')).json()).warnings.map(({ type }) => type);
  await waitFor(async () => (await warnings()).includes('lost-keyframe'), 'the keyframe to be past');
  const student = await show('/student', { device: PHONE });
  await saysSoon(student, '.message .title', /No picture can be shown now/);
  const teacher = await show(`/teacher#key=${server.teacherKey}`, { device: PHONE });
  await saysSoon(teacher, '[data-warning=lost-keyframe]', /The last keyframe was too long ago/);
  await saysSoon(teacher, '.stage .title', /No picture can be shown now/);
  await screenshot(teacher, 'teacher-lost-keyframe-phone-en', { fullPage: true });
  await screenshot(student, 'student-lost-keyframe-phone-en');
  await saysSoon(student, '.chip', /Live/);
  await grows(student, 'frames');
  assert.equal((await media(student)).sessions, 1, 'the same session went on');
});

test('the sound stops in mid-class: who chose the sound alone is told until it comes again', { timeout: 180_000 }, async (t) => {
  await begin();
  const publisher = publishWhatIsSaid(t);
  const page = await show('/student', { device: PHONE });
  const teacher = await show(`/teacher#key=${server.teacherKey}`, { device: PHONE, locale: 'ko-KR' });
  await saysSoon(page, '.chip', /Live/);
  await page.getByRole('button', { name: 'Tap for sound' }).tap();
  await page.getByRole('button', { name: 'Sound only' }).tap();
  await waitFor(async () => (await media(page)).sessions === 2, 'another session');
  await grows(page, 'energy');
  publisher.say('pictures');
  await saysSoon(page, '.message .title', /No sound is coming right now/);
  await saysSoon(teacher, '[data-warning=no-audio]', /소리가 들어오지 않습니다/);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'student-sound-stopped-phone-en');
  await screenshot(teacher, 'teacher-sound-stopped-phone-ko', { fullPage: true });
  publisher.say('all');
  await saysSoon(page, '.chip', /Live/);
  await grows(page, 'energy');
  assert.equal((await media(page)).sessions, 2, 'the same session went on');
});
