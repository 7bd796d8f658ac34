// A student whose network lets no UDP through: picture and sound come by TCP, and the page says so, in both languages.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { DESKTOP, grows, launch, layoutFaults, open, PHONE, publish, saysSoon, screenshot, Server, waitFor } from './harness.mjs';

let browser, server, publisher, page;

before(async () => {
  browser = await launch();
  server = await new Server().start();
  publisher = await publish(server);
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

/** A page to which no datagram gets through: it is told of no address to which it could send one. */
async function openWithoutUdp(options) {
  page = await open(browser, 'about:blank', options);
  await page.route('**/whep', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace(/^a=candidate:\S+ 1 udp .*\r\n/gm, '') });
  });
  await page.goto(`${server.url}/student`);
}

const selectedProtocol = () => page.evaluate(async () => {
  const reports = await window.peers.at(-1).getStats();
  const transport = [...reports.values()].find(({ type }) => type === 'transport');
  return reports.get(reports.get(transport?.selectedCandidatePairId)?.localCandidateId)?.protocol;
});

for (const [locale, device, name, says] of [
  ['en', DESKTOP, 'desktop-en', /Connected over TCP: this network blocks UDP/],
  ['ko-KR', PHONE, 'phone-ko', /TCP로 연결됨/],
]) {
  test(`by TCP, and the page says so: ${name}`, { timeout: 120_000 }, async () => {
    await openWithoutUdp({ locale, device });
    await saysSoon(page, '.chip', /TCP/);
    assert.equal(await selectedProtocol(), 'tcp');
    await grows(page, 'frames');
    await page.getByRole('button', { name: /Tap for sound|눌러서 소리 켜기/ }).click();
    await grows(page, 'energy');
    await saysSoon(page, '.tips', says);
    assert.deepEqual(await layoutFaults(page), []);
    await screenshot(page, `student-tcp-${name}`);
    await page.locator('.chip').click();
    await saysSoon(page, '#connection', says);
    await screenshot(page, `student-tcp-details-${name}`);
  });
}

test('where UDP works, TCP is not used', { timeout: 120_000 }, async () => {
  page = await open(browser, `${server.url}/student`);
  await saysSoon(page, '.chip', /Live/);
  await grows(page, 'frames');
  await waitFor(async () => (await selectedProtocol()) === 'udp', 'a path by UDP');
  assert.doesNotMatch(await page.locator('.chip').innerText(), /TCP/);
});
