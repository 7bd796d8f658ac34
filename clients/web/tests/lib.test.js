import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, call, playUrl, TokenKeeper } from '../src/lib/api.js';
import { backoffMs, retryAfterMs } from '../src/lib/backoff.js';
import { iceServersFromLink } from '../src/lib/ice-servers.js';
import { answerAfterRestart, candidateFragment, isIceLite, isSent, preferStereo } from '../src/lib/sdp.js';
import { classId } from '../src/lib/store.js';
import { isTcp, summarize } from '../src/lib/whep-stats.js';
import { ANSWER, FakeClock, FRAGMENT, OFFER, settle } from './fakes.js';

test('back-off doubles, is capped, and is anything up to that', () => {
  assert.equal(backoffMs(0, () => 0.5), 500);
  assert.equal(backoffMs(2, () => 0.5), 2000);
  assert.equal(backoffMs(50, () => 0.5), 8000);
  assert.equal(backoffMs(50, () => 0.999_999), 16_000);
  assert.equal(backoffMs(0, () => 0), 100);
});

test('Retry-After in seconds, as a date, and nonsense', () => {
  const now = () => Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfterMs('5', 2000, () => 0, now), 5000);
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:07 GMT', 2000, () => 0, now), 7000);
  assert.equal(retryAfterMs('soon', 2000, () => 0, now), 2000);
  assert.equal(retryAfterMs(null, 2000, () => 0, now), 2000);
  assert.equal(retryAfterMs('999999', 2000, () => 0, now), 60_000);
  assert.equal(retryAfterMs('10', 2000, () => 1, now), 15_000);
  assert.equal(retryAfterMs('1', 2000, () => 1, now), 2000, 'a second at least lies between the first and the last');
});

test('an ICE restart: the answer with new names and candidates, and all else as it was', () => {
  const renewed = answerAfterRestart(ANSWER, FRAGMENT);
  assert.deepEqual(renewed.match(/^a=ice-.*$/gm), ['a=ice-lite', ...Array(2).fill(['a=ice-ufrag:newname1', 'a=ice-pwd:newpassword']).flat()]);
  assert.deepEqual(renewed.match(/^a=candidate.*$/gm), ['a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host']);
  assert.ok(renewed.indexOf('a=candidate') < renewed.indexOf('m=audio'), 'in the first section');
  assert.deepEqual(renewed.match(/^(m=|a=(mid|sendonly)).*$/gm), ANSWER.match(/^(m=|a=(mid|sendonly)).*$/gm));
  assert.equal(answerAfterRestart(renewed, FRAGMENT), renewed);
});

test('ICE servers of a Link header', () => {
  assert.deepEqual(iceServersFromLink(null), []);
  assert.deepEqual(iceServersFromLink('<stun:stun.example.org:3478>; rel="ice-server"'), [{ urls: 'stun:stun.example.org:3478' }]);
  const header = '<turn:turn.example.org?transport=udp>; rel="ice-server"; username="a, \\"b\\""; credential="<;>,"; ' +
    'credential-type="password", <turns:turn.example.org>;rel=ice-server;username=u;credential=c, <https://other>; rel="next", ' +
    '<turn:no-credential.example>; rel="ice-server", <javascript:1>; rel="ice-server", <stun:s>; rel="ice-server"';
  assert.deepEqual(iceServersFromLink(header), [
    { urls: 'turn:turn.example.org?transport=udp', username: 'a, "b"', credential: '<;>,' },
    { urls: 'turns:turn.example.org', username: 'u', credential: 'c' },
    { urls: 'stun:s' },
  ]);
  assert.equal(iceServersFromLink(Array(50).fill('<stun:s>; rel="ice-server"').join(', ')).length, 8);
});

test('SDP: stereo once, ICE-lite, what is sent, trickle fragments', () => {
  assert.match(preferStereo(OFFER), /a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n/);
  assert.equal(preferStereo(preferStereo(OFFER)), preferStereo(OFFER));
  assert.equal(preferStereo('v=0\r\n'), 'v=0\r\n');
  assert.ok(isIceLite(ANSWER) && !isIceLite(OFFER));
  assert.ok(isSent(ANSWER, 'video') && isSent(ANSWER, 'audio'));
  assert.ok(!isSent(ANSWER.replace('m=video 9', 'm=video 0'), 'video'));
  assert.ok(!isSent(ANSWER.replace('a=sendonly', 'a=inactive'), 'video'));
  const fragment = candidateFragment(OFFER, [{ candidate: 'candidate:1 1 udp 1 192.0.2.1 5000 typ host', sdpMLineIndex: 0 }]);
  assert.deepEqual(fragment.split('\r\n'), ['a=ice-ufrag:abcd', 'a=ice-pwd:0123456789012345678901',
    'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', 'a=candidate:1 1 udp 1 192.0.2.1 5000 typ host', 'a=end-of-candidates', '']);
});

test('statistics are rates between two reports', () => {
  const report = (timestamp, bytes, frames, lost, delay, emitted) => [
    ['v', { type: 'inbound-rtp', kind: 'video', timestamp, bytesReceived: bytes, framesDecoded: frames, packetsReceived: bytes / 1000,
      packetsLost: lost, frameWidth: 1280, frameHeight: 720, codecId: 'c', jitterBufferDelay: delay, jitterBufferEmittedCount: emitted }],
    ['c', { type: 'codec', mimeType: 'video/H264' }],
    ['p', { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.04 }],
  ];
  const first = summarize(report(1000, 100_000, 10, 0, 1, 10), null);
  assert.equal(first.bitrateBps, 0);
  const second = summarize(report(2000, 350_000, 40, 25, 2.5, 40), first);
  assert.equal(second.bitrateBps, 2_000_000);
  assert.equal(second.fps, 30);
  assert.ok(Math.abs(second.lossShare - 25 / 275) < 1e-9);
  assert.equal(second.bufferMs, 50);
  assert.equal(second.delayMs, 70);
  assert.equal(second.videoCodec, 'H264');
  assert.equal(second.width, 1280);
  assert.equal(summarize([], second).bytes, 0);
});

test('statistics: over what the media comes, and whether anything is heard', () => {
  const over = (candidate) => summarize([
    ['p', { type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: 'l', responsesReceived: 4 }],
    ['l', { type: 'local-candidate', ...candidate }],
    ['s', { type: 'remote-outbound-rtp', reportsSent: 3 }],
  ], null);
  assert.ok(isTcp(over({ protocol: 'tcp' })) && isTcp(over({ protocol: 'udp', relayProtocol: 'tls' })));
  assert.ok(!isTcp(over({ protocol: 'udp' })) && !isTcp(over({ protocol: 'tcp', relayProtocol: 'udp' })) && !isTcp(null));
  assert.equal(over({}).heard, 7);
});

test('the class in the address', () => {
  assert.equal(classId(''), 'stream');
  assert.equal(classId('?class=algebra-1'), 'algebra-1');
  for (const bad of ['..', 'a/b', '한국어', 'x'.repeat(65)]) assert.equal(classId(`?class=${encodeURIComponent(bad)}`), 'stream');
});

test('the WHEP URL loses its token and keeps to the page', () => {
  const page = 'https://class.example/student';
  assert.equal(playUrl('http://class.example/live/a/whep?jwt=x', page), 'https://class.example/live/a/whep');
  assert.equal(playUrl('https://node2.example/live/a/whep?jwt=x', page), 'https://node2.example/live/a/whep');
});

test('problems become errors with their type', async () => {
  const fetch = async () => new Response(JSON.stringify({ type: '/problems/not-found', detail: 'no such stream' }),
    { status: 404, headers: { 'Retry-After': '7' } });
  await assert.rejects(call('/x', { fetch }), (error) => error instanceof ApiError && error.status === 404 &&
    error.type === 'not-found' && error.detail === 'no such stream' && error.retryAfter === '7');
  await assert.rejects(call('/x', { fetch: async () => { throw new TypeError('down'); } }), { status: 0 });
  await assert.rejects(call('/x', { fetch: async () => new Response('<html>', { status: 502 }) }), { status: 502 });
});

function keeper(answers) {
  const clock = new FakeClock();
  const calls = [];
  const refreshed = [];
  const it = new TokenKeeper({
    grant: { user_type: 'student' },
    env: {
      now: clock.now, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, random: () => 0,
      call: async (path, options) => {
        calls.push({ path, ...options });
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (answer instanceof Error) throw answer;
        return new Response(JSON.stringify(answer));
      },
    },
  });
  it.onToken((token) => refreshed.push(token));
  return { it, clock, calls, refreshed };
}

test('a token is asked for once, and refreshed before it ends', async () => {
  const { it, clock, calls, refreshed } = keeper([{ token: 'A', expires_in: 100, webrtc_url: '/w', hls_url: '/h' }, { token: 'B', expires_in: 100 }]);
  const [one, two] = await Promise.all([it.get(), it.get()]);
  assert.equal(one.token, 'A');
  assert.equal(two.token, 'A');
  assert.equal(calls.length, 1);
  await clock.advance(81_000);
  assert.equal(calls[1].path, '/api/token/refresh');
  assert.equal(calls[1].token, 'A');
  assert.deepEqual(refreshed, ['B']);
  assert.deepEqual({ ...(await it.get()), endsAt: 0 }, { token: 'B', url: '/w', hlsUrl: '/h', endsAt: 0 });
});

test('a refresh that fails is tried again while the token lives, then a new one is got', async () => {
  const { it, clock, calls } = keeper([{ token: 'A', expires_in: 100, webrtc_url: '/w' }, new ApiError(0)]);
  await it.get();
  await clock.advance(95_000);
  assert.ok(calls.length >= 3);
  await clock.advance(20_000);
  await assert.rejects(it.get(), { status: 0 });
  assert.equal(calls.at(-1).path, '/api/token');
});

test('fresh replaces a token that was refused', async () => {
  const { it, calls } = keeper([{ token: 'A', expires_in: 100 }, { token: 'B', expires_in: 100 }]);
  await it.get();
  assert.equal((await it.get({ fresh: true })).token, 'B');
  assert.equal(calls[1].path, '/api/token');
  it.close();
  await settle();
});

test('a student keeps the user id: each grant is asked for with the token before it', async () => {
  const make = (answers) => {
    const calls = [];
    const it = new TokenKeeper({
      grant: { user_id: 'u' }, earlier: 'old',
      env: { setTimeout: () => 0, clearTimeout: () => {}, call: async (path, { token }) => {
        calls.push(token);
        const answer = answers.shift();
        if (answer instanceof Error) throw answer;
        return new Response(JSON.stringify(answer));
      } },
    });
    return { it, calls };
  };
  const known = make([{ token: 'A', expires_in: 100 }, { token: 'B', expires_in: 100 }]);
  await known.it.get();
  await known.it.get({ fresh: true });
  assert.deepEqual(known.calls, ['old', 'A']);
  const ended = make([new ApiError(401), { token: 'A', expires_in: 100 }]);
  assert.equal((await ended.it.get()).token, 'A');
  assert.deepEqual(ended.calls, ['old', undefined]);
  await assert.rejects(make([new ApiError(403)]).it.get(), { status: 403 });
});
