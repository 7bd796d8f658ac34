// engine=webrtcbin in Chromium: the direct way, and through nothing but a TURN server of which the player asks beforehand.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { grows, launch, open, publish, Server } from './harness.mjs';

// From another interface a browser asks no server on loopback.
const address = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
let browser, server, publisher, turn, folder, token, page;

const freePort = () => new Promise((done) => {
  const socket = createSocket('udp4');
  socket.bind(0, address, () => {
    const { port } = socket.address();
    socket.close(() => done(port));
  });
});

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'airclass-turn-'));
  const port = await freePort();
  writeFileSync(join(folder, 'turnserver.conf'), [`listening-port=${port}`, `listening-ip=${address}`, `relay-ip=${address}`, 'realm=airclass.test',
    'fingerprint', 'use-auth-secret', 'static-auth-secret=shared', 'no-tls', 'no-dtls', 'no-cli', 'cli-password=unused', 'allow-loopback-peers',
    'log-file=stdout', `userdb=${join(folder, 'turndb')}`, `pidfile=${join(folder, 'pid')}`, ''].join('\n'));
  turn = spawn('turnserver', ['-c', join(folder, 'turnserver.conf')], { stdio: 'ignore' });
  browser = await launch();
  server = await new Server(['engine=webrtcbin', `ice_servers=turn:${address}:${port}?transport=udp`, 'turn_secret=shared']).start();
  publisher = await publish(server, { size: '640x360' });
  const body = { user_type: 'student', user_id: 'e2e', action: 'read', class_id: 'stream' };
  const answer = await fetch(`${server.url}/api/token`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  ({ token } = await answer.json());
});
after(async () => {
  await publisher?.stop('SIGKILL');
  await browser?.close();
  await server?.close();
  turn?.kill();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await page?.context().close();
  page = null;
});

for (const policy of ['all', 'relay']) {
  test(`picture and sound, iceTransportPolicy ${policy}`, { timeout: 120_000 }, async () => {
    page = await open(browser, `${server.url}/healthz`);
    const location = await page.evaluate(async ({ url, bearer, policy }) => {
      document.body.innerHTML = '<video muted autoplay playsinline onclick="this.muted = false" style="width: 320px; height: 180px"></video>';
      const headers = { Authorization: `Bearer ${bearer}` };
      const link = (await fetch(url, { method: 'OPTIONS', headers })).headers.get('Link');
      const [, urls, username, credential] = link.match(/<([^>]*)>; rel="ice-server"; username="([^"]*)"; credential="([^"]*)"/);
      const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceTransportPolicy: policy, iceServers: [{ urls, username, credential }] });
      peer.ontrack = ({ streams }) => { document.querySelector('video').srcObject = streams[0]; };
      for (const kind of ['audio', 'video']) peer.addTransceiver(kind, { direction: 'recvonly' });
      const gathered = new Promise((done) => { peer.onicecandidate = ({ candidate }) => candidate || done(); });
      await peer.setLocalDescription();
      await gathered;
      const posted = await fetch(url, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp });
      await peer.setRemoteDescription({ type: 'answer', sdp: await posted.text() });
      return new URL(posted.headers.get('Location'), url).href;
    }, { url: `${server.url}/live/stream/whep`, bearer: token, policy });
    await grows(page, 'frames');
    await page.click('video'); // what is muted is not even decoded
    await grows(page, 'energy');
    const pair = await page.evaluate(async () => {
      const reports = await window.peers.at(-1).getStats();
      const { selectedCandidatePairId } = [...reports.values()].find(({ type }) => type === 'transport');
      return reports.get(reports.get(selectedCandidatePairId).localCandidateId).candidateType;
    });
    if (policy === 'relay') assert.equal(pair, 'relay');
    else assert.notEqual(pair, 'relay');
    assert.equal((await fetch(location, { method: 'DELETE' })).status, 200);
  });
}
