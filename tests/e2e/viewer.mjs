// A student in Chromium for tests that are written elsewhere:
//
//   node viewer.mjs URL     opens URL/student, with sound
//
// Each line "stats" on standard input is answered by one line of JSON: what getStats() knows of picture, sound and path, summed
// over the sessions that the page has had; "chip" by what the page says of its connection. It ends with its input.
import { createInterface } from 'node:readline';
import { launch, open } from './harness.mjs';

const TOTALS = {
  video: ['framesDecoded', 'framesDropped', 'keyFramesDecoded', 'freezeCount', 'totalFreezesDuration', 'pauseCount', 'totalPausesDuration',
    'nackCount', 'pliCount', 'firCount', 'packetsReceived', 'packetsLost', 'bytesReceived', 'retransmittedPacketsReceived',
    'jitterBufferDelay', 'jitterBufferEmittedCount', 'totalInterFrameDelay', 'totalSquaredInterFrameDelay'],
  audio: ['concealedSamples', 'silentConcealedSamples', 'concealmentEvents', 'totalSamplesReceived', 'insertedSamplesForDeceleration',
    'removedSamplesForAcceleration', 'nackCount', 'packetsReceived', 'packetsLost', 'packetsDiscarded', 'fecPacketsReceived',
    'retransmittedPacketsReceived', 'jitterBufferDelay', 'jitterBufferEmittedCount', 'totalAudioEnergy', 'totalSamplesDuration'],
};

const stats = () => page.evaluate(async (names) => {
  const sums = { now: performance.now() / 1000, sessions: window.peers.length, video: {}, audio: {}, path: {} };
  const video = document.querySelector('video');
  sums.presented = video?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
  sums.width = video?.videoWidth ?? 0;
  sums.clock = video?.currentTime ?? 0;
  for (const peer of window.peers) {
    for (const report of (await peer.getStats()).values()) {
      if (report.type === 'inbound-rtp')
        for (const name of names[report.kind]) sums[report.kind][name] = (sums[report.kind][name] ?? 0) + (report[name] ?? 0);
      else if (report.type === 'candidate-pair' && report.nominated)
        sums.path = { state: report.state, rtt: report.currentRoundTripTime ?? null, bytes: report.bytesReceived };
    }
  }
  return sums;
}, TOTALS);

const url = process.argv[2];
if (!url) throw new Error('give the address of the server');
const browser = await launch();
const page = await open(browser, `${url}/student`);
// A gesture lets the page have sound; what is muted is not even decoded.
await page.mouse.click(5, 5);
await page.evaluate(() => {
  const unmute = () => document.querySelectorAll('video').forEach((video) => { video.muted = false; });
  unmute();
  new MutationObserver(unmute).observe(document.body, { childList: true, subtree: true });
});

const answers = {
  stats,
  chip: () => page.locator('.chip').first().innerText({ timeout: 5000 }).catch(() => ''),
};
for await (const line of createInterface({ input: process.stdin })) {
  const answer = answers[line.trim()];
  console.log(JSON.stringify(answer ? await answer() : { error: `unknown: ${line}` }));
}
await browser.close();
