// Fakes for the player's world: a clock that only moves when told, a server that answers from a list, a peer connection
// whose state and statistics the test sets.

// Node 18 has Event, but not CustomEvent
globalThis.CustomEvent ??= class extends Event {
  constructor(name, { detail } = {}) {
    super(name);
    this.detail = detail;
  }
};

export const OFFER = [
  'v=0', 'a=ice-ufrag:abcd', 'a=ice-pwd:0123456789012345678901', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', 'a=recvonly',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:1', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', '',
].join('\r\n');
export const ANSWER = [
  'v=0', 'a=ice-lite', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=ice-ufrag:oldname1', 'a=ice-pwd:oldpassword', 'a=mid:0', 'a=sendonly',
  'a=candidate:1 1 udp 2130706431 192.0.2.9 8189 typ host', 'a=end-of-candidates', 'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=ice-ufrag:oldname1', 'a=ice-pwd:oldpassword', 'a=mid:1', 'a=sendonly', 'a=end-of-candidates', '',
].join('\r\n');

export class FakeClock {
  time = 1_000_000;
  timers = new Map();
  next = 1;

  setTimeout = (run, ms) => {
    this.timers.set(this.next, { run, at: this.time + ms });
    return this.next++;
  };
  clearTimeout = (id) => this.timers.delete(id);
  now = () => this.time;

  /** Runs the timers of the next `ms`, letting promises settle between them. */
  async advance(ms) {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const due = [...this.timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].run();
    }
    this.time = end;
    await settle();
  }
}

/** Lets all promises that can settle do so. */
export async function settle() {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

export const FRAGMENT = [
  'a=ice-lite', 'a=ice-ufrag:newname1', 'a=ice-pwd:newpassword', 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0',
  'a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host', 'a=end-of-candidates', '',
].join('\r\n');

export class FakePeer extends EventTarget {
  static all = [];
  connectionState = 'new';
  stats = { bytes: 0, frames: 0, responses: 0 };
  flowing = false; // media comes
  reachable = false; // … or at least reports and answers
  pictures = true; // not the sound alone
  restartsHelp = true; // a renewed path works
  #offers = 0;

  constructor(configuration = {}) {
    super();
    this.configuration = configuration;
    FakePeer.all.push(this);
  }
  setConfiguration(configuration) {
    this.configuration = configuration;
  }
  static get last() {
    return FakePeer.all.at(-1);
  }
  kinds = [];
  addTransceiver(kind) {
    this.kinds.push(kind);
  }
  async createOffer({ iceRestart = false } = {}) {
    this.#offers += iceRestart;
    return { type: 'offer', sdp: this.#offers ? OFFER.replace('abcd', `again${this.#offers}`) : OFFER };
  }
  async setLocalDescription(description) {
    this.localDescription = description;
  }
  async setRemoteDescription(description) {
    if (this.remoteDescription && this.restartsHelp) this.play();
    this.remoteDescription = description;
  }
  setState(state) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
  play() {
    this.flowing = this.reachable = true;
    this.setState('connected');
  }
  /** The way has gone: nothing comes any more. */
  cut() {
    this.flowing = this.reachable = false;
  }
  async getStats() {
    if (this.flowing) {
      this.stats.bytes += 1000;
      this.stats.frames += this.pictures;
    }
    if (this.reachable) this.stats.responses += 1;
    return new Map([
      ['p', { type: 'candidate-pair', responsesReceived: this.stats.responses }],
      ['v', { type: 'inbound-rtp', kind: 'video', timestamp: 0, bytesReceived: this.stats.bytes, framesDecoded: this.stats.frames }],
    ]);
  }
  close() {
    this.connectionState = 'closed';
  }
}

export class FakeServer {
  answers = []; // functions for the next POSTs; the last one stays
  patched = () => new Response(FRAGMENT, { status: 200, headers: { ETag: '"2"' } }); // answers an ICE restart
  level = 'full'; // of each viewer's status
  requests = [];
  fetch = async (url, options = {}) => {
    this.requests.push({ url, method: options.method, headers: options.headers, keepalive: options.keepalive, body: options.body });
    if (options.method === 'PATCH' && options.headers['If-Match'] === '*') return this.patched(options);
    if (url.endsWith('/status')) return new Response(JSON.stringify({ level: this.level, level_reason: 'congestion' }));
    if (options.method !== 'POST') return new Response(null, { status: 204 });
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    return answer();
  };
  count(method) {
    return this.requests.filter((request) => request.method === method).length;
  }
}

export const createdWith = (headers) => () =>
  new Response(ANSWER, { status: 201, headers: { Location: 'http://server/sessions/1', ETag: '"1"', 'Content-Type': 'application/sdp', ...headers } });
export const created = createdWith({});
export const refused = (status, headers = {}) => () => new Response('{"detail":"no"}', { status, headers });
export const unreachable = () => {
  throw new TypeError('fetch failed');
};
