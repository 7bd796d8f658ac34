// Starts the real airclassd and ffmpeg, and opens its pages in Debian's Chromium. Nothing sleeps to synchronise: waitFor()
// polls a condition up to a deadline, and what a test started ends with it.
//
// AIRCLASS_BUILD_DIR   the build folder (default: build/ at the top of the tree)
// AIRCLASS_SCREENSHOTS a folder for pictures of the pages; none are made without it
// AIRCLASS_CHROMIUM    another browser

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const top = fileURLToPath(new URL('../../', import.meta.url));
const build = resolve(process.env.AIRCLASS_BUILD_DIR ?? join(top, 'build'));
const DEADLINE_MS = 60_000;

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
export const PHONE_ON_ITS_SIDE = { ...PHONE, viewport: { width: 844, height: 390 } };

/** The first truthy value of `condition`; throws after the deadline. */
export async function waitFor(condition, what, deadlineMs = DEADLINE_MS) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === 'function' ? what() : what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Ends a child process and waits for it. */
async function end(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}

function findServer() {
  const found = ['core/airclassd', 'core/host/airclassd', 'airclassd'].map((path) => join(build, path)).find(existsSync);
  if (!found) throw new Error(`no airclassd in ${build}: build first`);
  return found;
}

export class Server {
  #child = null;

  /** @param {string[]} options more lines of the configuration, "[section]" first */
  constructor(options = []) {
    this.options = options;
    this.folder = mkdtempSync(join(tmpdir(), 'airclass-e2e-'));
    this.state = join(this.folder, 'state');
    this.ports = { http: 0, rtmp: 0, udp: 0 };
  }

  /** Starts it on free ports; after a stop() on the same ones, so that open pages find it again. */
  async start() {
    const { http, rtmp, udp } = this.ports;
    const config = join(this.folder, 'airclass.conf');
    writeFileSync(config, [
      '[core]', `state_dir=${this.state}`, '[http]', `listen=127.0.0.1:${http}`, '[rtmp-ingest]', `listen=127.0.0.1:${rtmp}`,
      'tls_listen=127.0.0.1:0', '[whep-egress]', `udp_listen=127.0.0.1:${udp}`, ...this.options, '',
    ].join('\n'));
    const log = openSync(join(this.folder, 'log'), 'a');
    const child = spawn(findServer(), ['--config', config], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        AIRCLASS_CORE_PLUGIN_DIR: join(build, 'plugins'),
        AIRCLASS_CORE_SCHEMA_DIR: join(build, 'schemas'),
        AIRCLASS_CORE_PIPELINE_DIR: join(top, 'pipelines'),
        AIRCLASS_HTTP_WEB_DIR: join(top, 'clients/web/dist'),
        G_DEBUG: 'fatal-criticals',
      },
    });
    closeSync(log);
    this.#child = child;
    const run = await waitFor(() => {
      if (child.exitCode !== null) throw new Error(`airclassd ended with ${child.exitCode}:\n${this.log}`);
      try {
        const document = JSON.parse(readFileSync(join(this.state, 'run.json'), 'utf8'));
        return document.ready && document.pid === child.pid && document;
      } catch {
        return false;
      }
    }, () => `airclassd to be ready:\n${this.log}`);
    const port = (protocol) => run.endpoints.find((endpoint) => endpoint.protocol === protocol)?.port ?? 0;
    this.ports = { http: port('http'), rtmp: port('rtmp'), udp: port('webrtc-udp') };
    this.url = `http://127.0.0.1:${this.ports.http}`;
    return this;
  }

  get log() {
    return readFileSync(join(this.folder, 'log'), 'utf8').split('\n').slice(-60).join('\n');
  }

  /** A request with the teacher's key; JSON out. */
  api(method, path, body) {
    const headers = { Authorization: `Bearer ${this.teacherKey}`, 'Content-Type': 'application/json' };
    return fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
  }

  get teacherKey() {
    return readFileSync(join(this.state, 'auth/teacher-key'), 'utf8').trim();
  }

  get streamKey() {
    return readFileSync(join(this.state, 'auth/stream-key'), 'utf8').trim();
  }

  /** Ends it; SIGKILL is the crash that pages must survive. */
  stop(signal) {
    return end(this.#child, signal);
  }

  async close() {
    if (this.#child) await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What OBS sends with its defaults: B-frames, AAC at 44.1 kHz; a keyframe only every 250 frames. A small picture, for several browsers share the
 * machine with its encoders. */
export async function publish(server, { size = '640x360', path = 'live/stream', sampleRate = 44100, encode = [] } = {}) {
  const url = `rtmp://127.0.0.1:${server.ports.rtmp}/${path}`;
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', '-re', '-f', 'lavfi', '-i', `testsrc=size=${size}:rate=30`,
    '-f', 'lavfi', '-i', `sine=frequency=1000:sample_rate=${sampleRate}`, '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p',
    '-b:v', '2000k', ...encode, '-c:a', 'aac', '-b:a', '128k', '-f', 'flv', url], { stdio: 'ignore' });
  await waitFor(async () => {
    if (child.exitCode !== null) throw new Error(`ffmpeg ended with ${child.exitCode}; the server says:\n${server.log}`);
    const { token } = await (await fetch(`${server.url}/api/token?user_type=student&user_id=e2e`, { method: 'POST' })).json();
    const status = await fetch(`${server.url}/api/streams/${path}`, { headers: { Authorization: `Bearer ${token}` } });
    return status.ok && (await status.json()).state === 'live';
  }, () => `the stream to be live:\n${server.log}`);
  return { stop: (signal) => end(child, signal), pause: () => child.kill('SIGSTOP'), resume: () => child.kill('SIGCONT') };
}

/** Many viewers in one process, by the project's own load tool; those that are to suffer lose `loss` per cent of what comes. */
export function crowd(server, { viewers, loss = 0, token = '' }) {
  const tool = join(build, 'tests/load/whep-load');
  if (!existsSync(tool)) throw new Error(`no whep-load in ${build}: build first`);
  const child = spawn(tool, ['-n', viewers, '-d', '120', `--loss=${loss}`, ...(token ? [`--token=${token}`] : []), `${server.url}/live/stream/whep`].map(String),
    { stdio: 'ignore' });
  return { stop: () => end(child, 'SIGTERM') };
}

/** A name for the server that no browser takes for this machine: over http its pages are not a secure context, as in a LAN. */
export const PLAIN_HOST = 'class.test';

export async function launch() {
  return chromium.launch({
    executablePath: process.env.AIRCLASS_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`],
  });
}

/** The browser logs each refused request as an error: a page that waits for a class is refused, a lost server does not
 * answer, and the session of a server that crashed is not there any more when the page leaves it. */
const EXPECTED =
  /Failed to load resource: (the server responded with a status of (409|401|503)|net::ERR_(CONNECTION|EMPTY|SOCKET))|WebSocket connection to .* failed: .*net::ERR_CONNECTION/;
const isExpected = (message) => EXPECTED.test(message.text()) ||
  (message.text().includes('status of 404') && /\/whep\/\w+$/.test(message.location().url));

/** Opens a page in a fresh profile; `page.complaints` collects what must not be there. */
export async function open(browser, url, { device = DESKTOP, locale = 'en', scheme = 'light' } = {}) {
  const context = await browser.newContext({ ...device, locale, colorScheme: scheme });
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !isExpected(message)) page.complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    const host = new URL(request.url()).hostname;
    if (/^https?:/.test(request.url()) && host !== '127.0.0.1' && host !== PLAIN_HOST) page.complaints.push(`request elsewhere: ${request.url()}`);
  });
  await page.addInitScript(() => {
    window.peers = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...args) {
        super(...args);
        window.peers.push(this);
      }
    };
  });
  await page.goto(url);
  return page;
}

/** Totals of the newest peer connection: frames decoded, sound heard. */
export const media = (page) => page.evaluate(async () => {
  const totals = { frames: 0, energy: 0, width: 0, sessions: window.peers.length };
  for (const report of (await window.peers.at(-1)?.getStats())?.values() ?? []) {
    if (report.type !== 'inbound-rtp') continue;
    totals.frames += report.framesDecoded ?? 0;
    totals.energy += report.totalAudioEnergy ?? 0;
    totals.width ||= report.frameWidth ?? 0;
  }
  return totals;
});

/** Waits until a count of media() grows from where it is. */
export async function grows(page, name) {
  const before = (await media(page))[name];
  await waitFor(async () => (await media(page))[name] > before, `${name} to grow`);
}

export const text = (page, selector) => page.locator(selector).innerText();

export async function saysSoon(page, selector, pattern) {
  let last = '';
  await waitFor(async () => {
    last = await page.locator(selector).first().innerText({ timeout: 2000 }).catch(() => '');
    return pattern.test(last);
  }, () => `${selector} to say ${pattern}; it says "${last}"`);
}

export async function screenshot(page, name, options) {
  const folder = process.env.AIRCLASS_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), ...options });
}

/** Nothing to scroll sideways, and all that can be tapped is at least 44 by 44 (WCAG 2.5.5) but links within text. */
export const layoutFaults = (page) => page.evaluate(() => {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const element of document.querySelectorAll('button, a, input, summary, select')) {
    const { width, height } = element.getBoundingClientRect();
    const shown = element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
    if (shown && width > 0 && (height < 43.5 || width < 43.5)) faults.push(`${element.outerHTML.slice(0, 80)} is ${width}×${height}`);
  }
  return faults;
});
