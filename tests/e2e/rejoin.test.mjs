// How a student's page comes back by itself: over a renewed path, to a full server, and without a stampede.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { grows, launch, layoutFaults, media, open, PHONE, publish, saysSoon, screenshot, Server, waitFor } from './harness.mjs';

const CHIP = '.chip';
let browser, server, publisher;
const pages = [];

before(async () => {
  browser = await launch();
  server = await new Server(['max_viewers=1']).start();
  publisher = await publish(server);
});
after(async () => {
  await publisher?.stop('SIGKILL');
  await browser?.close();
  await server?.close();
});
afterEach(async () => {
  const complaints = pages.flatMap((page) => page.complaints);
  for (const page of pages.splice(0)) await page.context().close();
  assert.deepEqual(complaints, []);
});

/** A student's page; `page.calls` lists its WHEP requests. */
async function join(options) {
  const page = await open(browser, 'about:blank', options);
  page.calls = [];
  page.on('request', (request) => {
    if (/\/whep(\/|$)/.test(new URL(request.url()).pathname)) page.calls.push({ method: request.method(), at: Date.now() });
  });
  pages.push(page);
  await page.goto(`${server.url}/student`);
  return page;
}

const count = (page, method) => page.calls.filter((call) => call.method === method).length;

async function playing(page) {
  await saysSoon(page, CHIP, /Live|실시간/);
  await grows(page, 'frames');
}

/** What tells one path, and one handshake, from another. */
const transport = (page) => page.evaluate(async () => {
  const peer = window.peers.at(-1);
  const ufrag = (description) => /^a=ice-ufrag:(.*)$/m.exec(description.sdp)[1].trim();
  const reports = [...(await peer.getStats()).values()];
  const { dtlsState, selectedCandidatePairId: pair, bytesReceived } = reports.find(({ type }) => type === 'transport');
  return { local: ufrag(peer.localDescription), remote: ufrag(peer.remoteDescription), dtlsState, pair, bytesReceived };
});

test('a path on which nothing is heard is renewed by an ICE restart: same session, same handshake', { timeout: 120_000 }, async () => {
  const page = await join();
  await playing(page);
  const before = await transport(page);
  // the page sees the same statistics again and again, as if nothing arrived any more
  await page.evaluate(() => {
    const peer = window.peers.at(-1);
    const seen = peer.getStats();
    peer.getStats = () => seen;
  });
  await waitFor(() => count(page, 'PATCH') > 0, 'an ICE restart');
  await page.evaluate(() => delete window.peers.at(-1).getStats);
  const now = await waitFor(async () => {
    const state = await transport(page);
    return state.remote !== before.remote && state.pair !== before.pair && state;
  }, 'the new path');
  assert.notEqual(now.local, before.local);
  assert.equal(now.dtlsState, 'connected');
  assert.ok(now.bytesReceived >= before.bytesReceived, 'the same transport goes on');
  await playing(page);
  assert.equal((await media(page)).sessions, 1);
  assert.equal(count(page, 'POST'), 1);
});

test('a teacher who sends nothing for a while: the page waits, and leaves its path as it is', { timeout: 120_000 }, async (t) => {
  const page = await join();
  await playing(page);
  publisher.pause();
  t.after(() => publisher.resume());
  await saysSoon(page, CHIP, /Reconnecting|Interrupted/);
  // the server's reports keep coming, and are all that does
  const reports = () => page.evaluate(async () => [...(await window.peers.at(-1).getStats()).values()]
    .reduce((sum, report) => sum + (report.reportsSent ?? 0), 0));
  const before = await reports();
  await waitFor(async () => (await reports()) > before, 'reports of the server');
  assert.equal(count(page, 'PATCH'), 0);
  publisher.resume();
  await playing(page);
  assert.equal(count(page, 'PATCH'), 0);
  assert.equal(count(page, 'POST'), 1);
});

test('a full server: the page waits its turn as long as the server asks, and is let in', { timeout: 180_000 }, async () => {
  const first = await join();
  await playing(first);
  const second = await join({ device: PHONE, locale: 'ko-KR', scheme: 'dark' });
  await saysSoon(second, CHIP, /입장 대기/);
  await waitFor(() => count(second, 'POST') >= 3, 'three attempts');
  const posts = second.calls.filter(({ method }) => method === 'POST').map(({ at }) => at);
  assert.ok(posts.every((at, i) => i === 0 || at - posts[i - 1] >= 1500), `not sooner than Retry-After, which is 2 s: ${posts}`);
  assert.deepEqual(await layoutFaults(second), []);
  await screenshot(second, 'student-busy-phone-ko');
  await first.context().close();
  await playing(second);
});

test('the server is killed and started again: all is said, and the picture returns', { timeout: 180_000 }, async () => {
  const page = await join();
  await playing(page);
  await publisher.stop('SIGKILL');
  await server.stop('SIGKILL');
  await saysSoon(page, '.message .title', /Reconnecting/);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'student-reconnecting-desktop-en');
  await server.start();
  publisher = await publish(server);
  await playing(page);
});
