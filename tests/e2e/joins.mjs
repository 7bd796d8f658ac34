// Joins of one WHEP stream in Chromium, for tests/load/browser-joins:
//
//   node joins.mjs SERVER_URL TOKEN
//
// A first viewer watches all along. Each line "join" on standard input lets another one come for some seconds, and is answered
// by one line of JSON: how both fared. The picture shows the number of its frame: at the top, sixteen boxes of 40 pixels, bit 0
// at the left, white is 1.
import { createInterface } from 'node:readline';
import { launch, open } from './harness.mjs';

const [url, token] = process.argv.slice(2);
if (!token) throw new Error('give the address of the server, and a token');
const browser = await launch();
const page = await open(browser, `${url}/docs`); // any page of that origin
await page.evaluate(({ token }) => {
  const BITS = 16;
  const FRAME_MS = 1000 / 30;
  const context = Object.assign(document.createElement('canvas'), { width: BITS, height: 1 }).getContext('2d', { willReadFrequently: true });
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

  class Viewer {
    #peer = new RTCPeerConnection();
    #video = Object.assign(document.createElement('video'), { muted: true, autoplay: true, playsInline: true });
    #session;
    reading = true; // numbers, which takes the browser some time
    firstAt; // when a frame was first presented, ms
    frames = []; // of the others, { at, age }: when it was presented, and that time less its place in the stream; ms

    async join() {
      const stream = new MediaStream();
      for (const kind of ['video', 'audio']) this.#peer.addTransceiver(kind, { direction: 'recvonly' });
      this.#peer.ontrack = ({ track }) => stream.addTrack(track);
      this.#video.srcObject = stream;
      document.body.prepend(this.#video);
      await this.#peer.setLocalDescription();
      const postedAt = performance.now();
      // At the first one a canvas still gets the black that was there before: its number cannot be read.
      const first = new Promise((resolve) => this.#video.requestVideoFrameCallback((now, { presentationTime }) => {
        this.firstAt = presentationTime;
        this.#video.requestVideoFrameCallback((now, frame) => this.#present(frame));
        resolve();
      }));
      const headers = { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` };
      const answer = await fetch('/live/stream/whep', { method: 'POST', headers, body: this.#peer.localDescription.sdp });
      if (answer.status !== 201) throw new Error(`POST was answered ${answer.status}`);
      this.#session = answer.headers.get('Location');
      await this.#peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      await first;
      return postedAt;
    }

    #present({ presentationTime }) {
      this.#video.requestVideoFrameCallback((now, frame) => this.#present(frame));
      if (!this.reading) return;
      context.drawImage(this.#video, 0, 0, BITS * 40, 40, 0, 0, BITS, 1);
      const { data } = context.getImageData(0, 0, BITS, 1);
      let number = 0;
      for (let bit = 0; bit < BITS; bit++) number += (data[4 * bit] > 128) << bit;
      this.frames.push({ at: presentationTime, age: presentationTime - number * FRAME_MS });
    }

    ages(from) {
      return this.frames.filter(({ at }) => at >= from).map(({ age }) => age);
    }

    async stats() {
      for (const report of (await this.#peer.getStats()).values())
        if (report.type === 'inbound-rtp' && report.kind === 'video') return report;
      return null;
    }

    async leave() {
      await fetch(this.#session, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } });
      this.#peer.close();
      this.#video.remove();
    }
  }

  /** How long pictures waited in the browser between two reports, ms. */
  const buffered = (before, after) =>
    1000 * (after.jitterBufferDelay - before.jitterBufferDelay) / (after.jitterBufferEmittedCount - before.jitterBufferEmittedCount);

  const LENGTH_MS = 30_000; // of the file, whose numbers begin again
  const apart = (ages, other) => {
    const ms = (ages - other) % LENGTH_MS;
    return ms > LENGTH_MS / 2 ? ms - LENGTH_MS : ms < -LENGTH_MS / 2 ? ms + LENGTH_MS : ms;
  };

  const first = new Viewer();
  window.begin = async () => {
    await first.join();
    first.reading = false;
    await sleep(12_000); // past a keyframe, and settled
  };
  window.join = async () => {
    const viewer = new Viewer();
    const firstBefore = await first.stats();
    const postedAt = await viewer.join();
    const presentedMs = viewer.firstAt - postedAt;
    await sleep(5000);
    first.reading = true;
    const [before, firstMiddle, from] = [await viewer.stats(), await first.stats(), performance.now()];
    await sleep(2000);
    const [after, firstAfter] = [await viewer.stats(), await first.stats()];
    const settled = median(first.ages(from));
    const caughtUp = viewer.frames.find(({ age }) => apart(age, settled) < 2 * FRAME_MS);
    const result = {
      presented_ms: presentedMs,
      live_ms: caughtUp ? caughtUp.at - postedAt : null,
      later_than_first_ms: apart(median(viewer.ages(from)), settled),
      buffer_ms: buffered(before, after),
      buffer_first_ms: buffered(firstMiddle, firstAfter),
      lost: after.packetsLost,
      lost_first: firstAfter.packetsLost - firstBefore.packetsLost,
      frozen: after.freezeCount ?? 0,
      frozen_first: (firstAfter.freezeCount ?? 0) - (firstBefore.freezeCount ?? 0),
    };
    await viewer.leave();
    first.reading = false;
    first.frames.splice(0);
    return result;
  };
}, { token });

await page.evaluate(() => window.begin());
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(line.trim() === 'join' ? await page.evaluate(() => window.join()) : { error: `unknown: ${line}` }));
await browser.close();
