"""A WHEP client at the end of a narrow path: packets reach it by loopback, but count as arrived when a bottleneck of rate_bps
would have let them through, which it reports by transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01), or
as players do that know of no such thing: by REMB (draft-alvestrand-rmcat-remb-03), or by the losses in its receiver reports only.
"""

import collections
import select
import socket
import struct
import threading
import time

import pytest

from conftest import wait_until
from whep_client import Peer

DEADLINE_S = 60
SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
Packet = collections.namedtuple("Packet", "ssrc payload_type sequence timestamp marker transport payload came_s")


def parse_rtp(data, came_s):
    first, second, sequence, timestamp, ssrc = struct.unpack(">BBHII", data[:12])
    at, transport = 12, None
    if first & 0x10:
        profile, words = struct.unpack(">HH", data[12:16])
        assert profile == 0xBEDE
        at, end = 16, 16 + 4 * words
        while at < end:
            if data[at] == 0:
                at += 1
                continue
            identifier, size = data[at] >> 4, (data[at] & 15) + 1
            if identifier == 3:
                transport = struct.unpack(">H", data[at + 1:at + 3])[0]
            at += 1 + size
        at = end
    return Packet(ssrc, second & 127, sequence, timestamp, bool(second & 128), transport, data[at:], came_s)


def build_transport_cc(base, arrivals, count, now):
    """arrivals: for each packet from base on, its time of arrival in s or None."""
    reference = int(next((a for a in arrivals if a is not None), now) / 0.064)
    symbols, deltas, at_us = [], b"", reference * 64000
    for arrival in arrivals:
        if arrival is None:
            symbols.append(0)
            continue
        ticks = round((arrival * 1e6 - at_us) / 250)
        at_us += ticks * 250
        small = 0 <= ticks <= 255
        symbols.append(1 if small else 2)
        deltas += struct.pack(">B", ticks) if small else struct.pack(">h", max(-32768, min(32767, ticks)))
    chunks = b""
    for i in range(0, len(symbols), 7):
        chunk = 0xC000
        for j, symbol in enumerate(symbols[i:i + 7]):
            chunk |= symbol << (12 - 2 * j)
        chunks += struct.pack(">H", chunk)
    body = struct.pack(">IIHH", 1, 0, base, len(arrivals)) + struct.pack(">I", (reference & 0xFFFFFF) << 8 | count & 255)
    body += chunks + deltas
    body += bytes(-len(body) % 4)
    return struct.pack(">BBH", 0x8F, 205, len(body) // 4) + body


def build_receiver_report(ssrc, lost, highest):
    """lost: 0 to 1, of the packets since the last one (RFC 3550 §6.4.2)."""
    return struct.pack(">BBHIIIIIII", 0x81, 201, 7, 1, ssrc, min(255, int(lost * 256)) << 24, highest, 0, 0, 0)


def build_remb(ssrc, bps):
    exponent = max(0, int(bps).bit_length() - 18)
    return struct.pack(">BBHII4sBBHI", 0x8F, 206, 5, 1, 0, b"REMB", 1, exponent << 2 | int(bps) >> exponent >> 16,
                       int(bps) >> exponent & 0xFFFF, ssrc)


class NarrowPeer(Peer):
    """rate_bps may be changed at any time; None: as wide as it is. Between start() and stop() a thread receives and reports.
    feedback: "transport-cc", "remb" or "loss"."""

    FEEDBACK_S = {"transport-cc": 0.1, "remb": 0.5, "loss": 1.0}
    QUEUE_S = 0.3  # where what does not fit is lost, which transport-wide feedback has no need of
    WIDE_BPS = 20_000_000

    def __init__(self, *args, rate_bps=None, feedback="transport-cc", **options):
        super().__init__(*args, **options)
        self.feedback, self.lost, self.kept, self.highest = feedback, 0, 0, 0
        self.rate_bps, self.free_s = rate_bps, 0.0
        self.under_way = collections.deque()  # (arrival, transport number)
        self.packets, self.lock, self.feedbacks = [], threading.Lock(), 0
        self.running, self.thread = False, None
        self.requests = collections.deque()  # RTCP that the thread is to send
        self.next_report, self.next_transport = 0.0, None

    def offer(self):
        sdp = super().offer()
        sdp = sdp.replace("m=video 9 UDP/TLS/RTP/SAVPF 96", "m=video 9 UDP/TLS/RTP/SAVPF 96 97").replace(
            "a=rtcp-fb:96 nack\r\n", f"a=extmap:3 {TRANSPORT_CC}\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 nack\r\n"
            "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n").replace(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 111 63").replace(
            "a=rtpmap:111 opus/48000/2", f"a=extmap:3 {TRANSPORT_CC}\r\na=rtcp-fb:111 transport-cc\r\na=rtpmap:111 opus/48000/2\r\n"
            "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111")
        if self.feedback == "transport-cc":
            return sdp
        lines = [line for line in sdp.split("\r\n") if TRANSPORT_CC not in line and "transport-cc" not in line]
        return "\r\n".join(lines).replace("a=rtcp-fb:96 nack\r\n", "a=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 nack\r\n")

    def start(self):
        answer = self.post()
        assert answer.status == 201, answer.text
        assert self.check() == 0
        assert self.shake_hands()
        self.running = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.running = False
        self.thread.join()
        self.close()

    def receive(self):
        """(datagram, source, when it came). The kernel's time: how late this thread is must not look like a queue on the path."""
        data, control, _, source = self.socket.recvmsg(4096, 64)
        late_s = 0.0
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, ns = struct.unpack("@qq", value[:16])
                late_s = max(0.0, time.time() - seconds - ns / 1e9)
        return data, source, time.monotonic() - late_s

    def run(self):
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        pending = [(data, time.monotonic()) for _, data in self.plain]
        next_check = time.monotonic() + 2
        while self.running:
            for data, came_s in pending:
                self.take(data, came_s)
            pending = []
            if select.select([self.socket], [], [], 0.01)[0]:
                try:
                    while len(pending) < 256:
                        data, source, came_s = self.receive()
                        if self.is_check(data):
                            self.answer_check(self.socket, data, source)
                        else:
                            pending.append((data, came_s))
                except BlockingIOError:
                    pass
            while self.requests:
                self.send_rtcp(self.requests.popleft())
            now = time.monotonic()
            if now >= self.next_report:
                self.next_report = now + self.FEEDBACK_S[self.feedback]
                if self.feedback == "transport-cc":
                    self.report(now)
                else:
                    self.report_losses()
            if now >= next_check:
                next_check = now + 2
                self.check(answered=False)

    def take(self, data, now):
        if not self.is_rtp(data):
            return
        packet = parse_rtp(self.inbound.unprotect(data), now)
        with self.lock:
            self.packets.append(packet)
        if self.feedback != "transport-cc":
            self.take_shortly_queued(data, packet, now)
            return
        self.free_s = max(now, self.free_s) + (len(data) * 8 / self.rate_bps if self.rate_bps else 0)
        self.under_way.append((self.free_s, packet.transport))

    def take_shortly_queued(self, data, packet, now):
        fits = not self.rate_bps or self.free_s < now + self.QUEUE_S
        if fits:
            self.free_s = max(now, self.free_s) + (len(data) * 8 / self.rate_bps if self.rate_bps else 0)
        if packet.payload_type == 96:
            self.kept, self.lost, self.highest = self.kept + fits, self.lost + (not fits), packet.sequence

    def report_losses(self):
        """Of the video; of nothing while none came."""
        if not self.video():
            return
        ssrc, lost = self.video()[-1].ssrc, self.lost / max(1, self.lost + self.kept)
        self.lost = self.kept = 0
        if self.feedback == "remb":  # such a receiver makes the sender slow down before it loses
            self.send_rtcp(build_receiver_report(ssrc, 0, self.highest) + build_remb(ssrc, self.rate_bps or self.WIDE_BPS))
        else:
            self.send_rtcp(build_receiver_report(ssrc, lost, self.highest))

    def report_lost_sound(self, lost):
        """lost: the share of the sound's packets."""
        last = (self.of_type(111) + self.of_type(63))[-1]
        self.requests.append(build_receiver_report(last.ssrc, lost, last.sequence))

    def report(self, now):
        arrived = {}
        while self.under_way and self.under_way[0][0] <= now:
            arrival, number = self.under_way.popleft()
            if number is not None:
                arrived[number] = arrival
        if not arrived:
            return
        if self.next_transport is None:
            self.next_transport = min(arrived)
        base = self.next_transport
        count = max((number - base) & 0xFFFF for number in arrived) + 1
        for at in range(0, count, 500):
            part = [arrived.get((base + i) & 0xFFFF) for i in range(at, min(count, at + 500))]
            self.feedbacks += 1
            self.send_rtcp(build_transport_cc((base + at) & 0xFFFF, part, self.feedbacks, now))
        self.next_transport = (base + count) & 0xFFFF

    def ask_for_keyframe(self):
        """PLI (RFC 4585 §6.3.1)."""
        self.requests.append(struct.pack(">BBHII", 0x81, 206, 2, 1, self.video()[-1].ssrc))

    def command_keyframe(self, number):
        """FIR (RFC 5104 §4.3.1): the same number is the same command."""
        self.requests.append(struct.pack(">BBHIIIBxxx", 0x84, 206, 4, 1, 0, self.video()[-1].ssrc, number))

    # ---- What came

    def video(self, since_s=0.0):
        """The packets of the video's own SSRC, by arrival."""
        with self.lock:
            return [p for p in self.packets if p.payload_type == 96 and p.came_s >= since_s]

    def of_type(self, payload_type, since_s=0.0):
        with self.lock:
            return [p for p in self.packets if p.payload_type == payload_type and p.came_s >= since_s]


@pytest.fixture
def narrow(engine):
    """A factory of started peers, stopped at the end."""
    made = []

    def make(server, **options):
        if engine == "webrtcbin":
            options.setdefault("profile", "SRTP_AES128_CM_SHA1_80")
        made.append(NarrowPeer(server, **options).start())
        return made[-1]

    yield make
    for peer in made:
        peer.stop()


def sps_of(packet):
    """The sequence parameter set that opens a keyframe (RFC 6184 §5.7.1); None: it opens none."""
    if packet.payload and packet.payload[0] & 31 == 24:
        sps = bytes(packet.payload[3:3 + (packet.payload[1] << 8 | packet.payload[2])])
        return sps if sps[0] & 31 == 7 else None
    return None


def viewer_of(server, path="live/stream"):
    answer = server.get(f"/api/streams/{path}/viewers", token=server.token("teacher"))
    assert answer.status == 200, answer.text
    return answer.json["viewers"][0]


def wait_level(server, level):
    wait_until(lambda: viewer_of(server)["level"] == level, f"level {level}", DEADLINE_S)
    return viewer_of(server)


def check_one_timeline(packets):
    """One SSRC, no gap in sequence numbers, timestamps that never go back, a keyframe wherever the picture changes its kind."""
    assert len({p.ssrc for p in packets}) == 1
    ordered = {}
    for packet in packets:
        assert ordered.setdefault(packet.sequence, packet.timestamp) == packet.timestamp
    for before, packet in zip(packets, packets[1:]):
        assert packet.sequence == (before.sequence + 1) & 0xFFFF
        step = (packet.timestamp - before.timestamp) & 0xFFFFFFFF
        assert step < 1 << 31, "back in time"
        if before.marker:
            assert step > 0, "one picture's time twice"
        else:
            assert step == 0
