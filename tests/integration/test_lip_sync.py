"""Sound and picture leave together. A clock that flashes and beeps at each full second is published; aiortc decodes what comes
out, and the sender reports say when each of both is to be shown. Only timestamps are compared, never when something arrived."""

import asyncio
import re

import pytest

from conftest import wait_until

aiortc = pytest.importorskip("aiortc")
import aiortc.rtcrtpreceiver  # noqa: E402
from aiortc.codecs.opus import SAMPLE_RATE, TIME_BASE, OpusDecoder, ffi, lib  # noqa: E402
from av import AudioFrame  # noqa: E402
from test_whep import Player  # noqa: E402

CLOCK_RATE = {"video": 90000, "audio": 48000}
# One picture of light and 100 ms of sound at each full second; the rest is dark and silent.
FLASH = "color=black:size=320x180:rate=30,drawbox=t=fill:c=white:enable='lt(mod(n\\,30)\\,1)'"
BEEP = "aevalsrc='0.8*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.1)':sample_rate={rate}"
LIMIT_S = 0.040
SECONDS = 5


class UnmappedTimestamps:
    """In place of aiortc's own, which begin at 0: the timestamps as they were received."""

    def map(self, timestamp):
        return timestamp


class Watcher(Player):
    """Notes sender reports, when it flashes and when it beeps, both on the sender's clock in seconds."""

    def __init__(self, server):
        super().__init__(server)
        self.reports = {"video": [], "audio": []}  # (seconds of NTP time, RTP timestamp)
        self.flashes, self.beeps = [], []  # RTP timestamps
        self.dark = True
        self.silent_since = None

    def notice_reports(self):
        for receiver in self.peer.getReceivers():
            receiver._handle_rtcp_packet = self.note_reports(receiver.track.kind, receiver._handle_rtcp_packet)

    def note_reports(self, kind, handle):
        async def note(packet):
            if isinstance(packet, aiortc.rtcrtpreceiver.RtcpSrPacket):
                self.reports[kind].append((packet.sender_info.ntp_timestamp / 2**32, packet.sender_info.rtp_timestamp))
            await handle(packet)

        return note

    async def read(self, track):
        self.notice_reports_once()
        while True:
            try:
                frame = await track.recv()
            except aiortc.mediastreams.MediaStreamError:
                return
            self.look(frame) if track.kind == "video" else self.listen(frame)

    def notice_reports_once(self):
        if not getattr(self, "noticing", False):
            self.noticing = True
            self.notice_reports()

    def look(self, frame):
        picture = frame.to_ndarray(format="gray")
        dark = picture.mean() < 128
        if self.dark and not dark:
            self.flashes.append(frame.pts)
        self.dark = dark

    def listen(self, frame):
        left = frame.to_ndarray().reshape(-1)[0::2]
        for at, value in enumerate(left):
            now = frame.pts + at
            if abs(int(value)) < 4000:
                continue
            if self.silent_since is not None and now - self.silent_since > CLOCK_RATE["audio"] // 2:
                self.beeps.append(now)
            self.silent_since = now

    def when(self, kind, timestamp, report):
        """The sender's clock at an RTP timestamp, by one report."""
        ntp, rtp = report
        return ntp + ((timestamp - rtp + 2**31) % 2**32 - 2**31) / CLOCK_RATE[kind]


class LongPackets(Watcher):
    """Offers what a browser says of Opus."""

    def offer(self):
        return re.sub(r"a=rtpmap:(\d+) opus/48000/2\r\n", r"\g<0>a=fmtp:\1 minptime=10;useinbandfec=1\r\n", super().offer())


def decode_any(sizes):
    """aiortc's own counts on 20 ms a packet, and says so by saying nothing of Opus in its offer."""

    def decode(self, encoded):
        samples = ffi.new("int16_t[]", 2 * 5760)
        length = lib.opus_decode(self.decoder, encoded.data, len(encoded.data), samples, 5760, 0)
        assert length > 0, length
        sizes.add(length)
        frame = AudioFrame(format="s16", layout="stereo", samples=length)
        frame.planes[0].update(bytes(ffi.buffer(samples, 4 * length)))
        frame.pts, frame.sample_rate, frame.time_base = encoded.timestamp, SAMPLE_RATE, TIME_BASE
        return [frame]

    return decode


SOURCES = {
    "as-it-is": dict(zerolatency=True, rate=48000, keyframe_frames=30),
    "long-keyframe-interval": dict(zerolatency=True, rate=48000, keyframe_frames=300),
    "both-renditions": dict(zerolatency=False, rate=44100, keyframe_frames=60),
    "sound-waits": dict(zerolatency=True, rate=44100, keyframe_frames=60, waits=True),
}


@pytest.mark.parametrize("engine, source", [*(("fanout", source) for source in SOURCES), ("webrtcbin", "long-keyframe-interval")],
                         indirect=["engine"])
def test_flash_and_beep(airclassd, publish, monkeypatch, engine, source):
    monkeypatch.setattr(aiortc.rtcrtpreceiver, "TimestampMapper", UnmappedTimestamps)
    arguments = dict(SOURCES[source])
    waits = arguments.pop("waits", False)
    server = airclassd({"whep-egress": {"sound_waits_from": "1"}} if waits else {})
    rate = arguments.pop("rate")
    publish(server, video=FLASH, audio=BEEP.format(rate=rate), **arguments)
    wait_until(lambda: server.stream()["tracks"], "the tracks")

    sizes = set()
    monkeypatch.setattr(OpusDecoder, "decode", decode_any(sizes))

    async def play():
        async with (LongPackets if waits else Watcher)(server) as watcher:
            deadline = asyncio.get_running_loop().time() + 40
            while min(len(watcher.flashes), len(watcher.beeps)) < SECONDS or any(len(r) < 5 for r in watcher.reports.values()):
                assert asyncio.get_running_loop().time() < deadline, (watcher.flashes, watcher.beeps, watcher.reports)
                await asyncio.sleep(0.02)
            return watcher

    watcher = asyncio.run(play())
    assert sizes > {960} if waits else sizes == {960}
    # One straight line from RTP to NTP, the same at all times.
    for kind, reports in watcher.reports.items():
        for report in reports:
            assert abs(watcher.when(kind, reports[0][1], report) - reports[0][0]) < 0.001, (kind, reports)
    flashes = [watcher.when("video", flash, watcher.reports["video"][0]) for flash in watcher.flashes]
    beeps = [watcher.when("audio", beep, watcher.reports["audio"][0]) for beep in watcher.beeps]
    # The first second may lie before the one or behind the other, and what was cached has other timestamps.
    # A beep may be heard whose flash is still being decoded.
    late = [min((beep - flash for flash in flashes), key=abs) for beep in beeps[1:] if beep < flashes[-1] + 0.5]
    assert len(late) >= SECONDS - 2
    print(source, "beep after flash, ms:", [round(1000 * second, 1) for second in late])
    assert all(abs(second) <= LIMIT_S for second in late), late
