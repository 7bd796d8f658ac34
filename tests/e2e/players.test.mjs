// Players that are not ours, on pages of another origin: the reader of a MediaMTX page (asks for ICE servers, trickles with
// "If-Match: *"), and a player of the old kind (one POST with everything, nothing else).
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { grows, launch, media, open, publish, Server } from './harness.mjs';

let browser, server, publisher, elsewhere, origin, token, page;

before(async () => {
  browser = await launch();
  server = await new Server(['ice_servers=stun:stun.example.org:3478']).start();
  publisher = await publish(server, { size: '640x360' });
  elsewhere = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>A player elsewhere</title><link rel="icon" href="data:,"><video muted autoplay playsinline onclick="this.muted = false"></video>');
  });
  await new Promise((done) => elsewhere.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${elsewhere.address().port}/`;
  const body = { user_type: 'student', user_id: 'e2e', action: 'read', class_id: 'stream' };
  const answer = await fetch(`${server.url}/api/token`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  ({ token } = await answer.json());
});
after(async () => {
  await publisher?.stop('SIGKILL');
  await browser?.close();
  elsewhere?.close();
  await server?.close();
});
afterEach(async () => {
  const complaints = page?.complaints ?? [];
  await page?.context().close();
  page = null;
  assert.deepEqual(complaints, []);
});

const ended = async (location) => assert.equal((await fetch(location, { method: 'DELETE' })).status, 200);

test('a reader that trickles plays', { timeout: 120_000 }, async () => {
  page = await open(browser, origin);
  const seen = await page.evaluate(async ({ url, bearer }) => {
    const headers = { Authorization: `Bearer ${bearer}` };
    const options = await fetch(url, { method: 'OPTIONS', headers });
    const peer = new RTCPeerConnection({ sdpSemantics: 'unified-plan' });
    const early = [];
    let send = (candidate) => early.push(candidate);
    peer.onicecandidate = ({ candidate }) => candidate && send(candidate);
    peer.ontrack = ({ streams }) => { document.querySelector('video').srcObject = streams[0]; };
    peer.addTransceiver('video', { direction: 'recvonly' });
    peer.addTransceiver('audio', { direction: 'recvonly' });
    peer.createDataChannel('');
    const { sdp } = await peer.createOffer();
    await peer.setLocalDescription({ type: 'offer', sdp });
    const posted = await fetch(url, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/sdp' }, body: sdp });
    const location = new URL(posted.headers.get('location'), url).toString();
    const trickled = (globalThis.trickled = []);
    const line = (name) => sdp.match(new RegExp(`^a=${name}:.*$`, 'm'))[0].trim();
    send = async ({ candidate, sdpMLineIndex }) => {
      const media = ['video', 'audio', 'application'][sdpMLineIndex];
      const fragment = `${line('ice-ufrag')}\r\n${line('ice-pwd')}\r\nm=${media} 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${sdpMLineIndex}\r\na=${candidate}\r\n`;
      trickled.push((await fetch(location, { method: 'PATCH', headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' }, body: fragment })).status);
    };
    await peer.setRemoteDescription({ type: 'answer', sdp: await posted.text() });
    await Promise.all(early.map(send));
    return { link: options.headers.get('link'), status: posted.status, etag: posted.headers.get('etag'), location };
  }, { url: `${server.url}/live/stream/whep`, bearer: token });
  assert.equal(seen.link, '<stun:stun.example.org:3478>; rel="ice-server"');
  assert.equal(seen.status, 201);
  assert.match(seen.etag, /^"[^"]+"$/);
  assert.ok(seen.location.startsWith(`${server.url}/live/stream/whep/`));
  // The browser takes its time to gather.
  const trickled = await (await page.waitForFunction(() => globalThis.trickled.length > 0 && globalThis.trickled)).jsonValue();
  assert.ok(trickled.every((status) => status === 204), `${trickled}`);
  await grows(page, 'frames');
  await page.click('video'); // what is muted is not even decoded
  await grows(page, 'energy');
  assert.equal((await media(page)).width, 640);
  await ended(seen.location);
});

for (const bundlePolicy of ['balanced', 'max-compat', 'max-bundle']) {
  test(`a player of one POST plays, ${bundlePolicy}`, { timeout: 120_000 }, async () => {
    page = await open(browser, origin);
    const location = await page.evaluate(async ({ url, policy }) => {
      const peer = new RTCPeerConnection({ bundlePolicy: policy });
      peer.ontrack = ({ streams }) => { document.querySelector('video').srcObject = streams[0]; };
      peer.addTransceiver('audio', { direction: 'recvonly' });
      peer.addTransceiver('video', { direction: 'recvonly' });
      await peer.setLocalDescription();
      const posted = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp; charset=utf-8', Accept: 'application/json' }, body: peer.localDescription.sdp });
      await peer.setRemoteDescription({ type: 'answer', sdp: await posted.text() });
      return new URL(posted.headers.get('Location'), url).href;
    }, { url: `${server.url}/live/stream/whep?jwt=${token}`, policy: bundlePolicy });
    await grows(page, 'frames');
    await page.click('video');
    await grows(page, 'energy');
    await ended(location);
  });
}

test('an offer without H.264 is refused in words', { timeout: 60_000 }, async () => {
  page = await open(browser, origin);
  const refused = await page.evaluate(async (url) => {
    const peer = new RTCPeerConnection();
    const transceiver = peer.addTransceiver('video', { direction: 'recvonly' });
    transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter(({ mimeType }) => /VP8|VP9|AV1/.test(mimeType)));
    await peer.setLocalDescription();
    const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp });
    return { status: answer.status, ...await answer.json() };
  }, `${server.url}/live/stream/whep?jwt=${token}`);
  page.complaints = page.complaints.filter((text) => !/status of 406/.test(text));
  assert.equal(refused.status, 406);
  assert.match(refused.detail, /H\.264/);
});
