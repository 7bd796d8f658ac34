"""A WHEP viewer that watches through a fault: real ICE, DTLS and SRTP, in a thread, keeping consent fresh as a browser does.

It notes all that must never happen (another SSRC, a missing packet, a timestamp that goes back) and keeps the pictures, so that
a test can decode them. No network loses anything here: a packet that is missing was never sent.
"""

import select
import socket
import struct
import threading
import time

import pytest

from conftest import wait_until
from h264_pictures import Depacketizer, decode
from whep_client import Peer

VIDEO, AUDIO = 96, 111
CLOCK = {VIDEO: 90000, AUDIO: 48000}
SO_RCVBUFFORCE = 33
SQUEEZED_MS = 10


def signed(difference, bits):
    """@difference of two counters that wrap."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half


class Track:
    """What came of one kind, packet by packet."""

    def __init__(self, payload_type):
        self.clock = CLOCK[payload_type]
        self.ssrc = self.sequence = self.timestamp = None
        self.packets = self.units = 0
        self.position_ms = 0.0  # of the newest packet, from the first on
        self.steps_ms = []  # between access units
        self.faults = []

    def take(self, ssrc, sequence, timestamp):
        if self.ssrc is None:
            self.ssrc = ssrc
        else:
            step = signed(timestamp - self.timestamp, 32) * 1000 / self.clock
            if ssrc != self.ssrc:
                self.faults.append(f"SSRC {self.ssrc:08x} became {ssrc:08x}")
            if signed(sequence - self.sequence, 16) != 1:
                self.faults.append(f"packet {sequence} after {self.sequence}")
            if step < 0:
                self.faults.append(f"{-step:.1f} ms back in time at {self.position_ms:.0f} ms")
            if step:
                self.steps_ms.append(step)
                self.position_ms += step
        self.sequence, self.timestamp = sequence, timestamp
        self.packets += 1

    @property
    def live_steps_ms(self):
        """Without the start, where cached pictures come close together, up to the step that leads to the present."""
        start = next((i for i, step in enumerate(self.steps_ms) if step > SQUEEZED_MS), len(self.steps_ms))
        return self.steps_ms[start + 1 :]


class Viewer(threading.Thread):
    """with Viewer(server) as viewer: … ; at the end nothing may have gone wrong."""

    def __init__(self, server, path="live/stream"):
        super().__init__(daemon=True)
        self.peer = Peer(server, path)
        self.token = server.token(class_id=path.rpartition("/")[2])
        self.peer.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.tracks = {VIDEO: Track(VIDEO), AUDIO: Track(AUDIO)}
        self.video, self.audio = self.tracks[VIDEO], self.tracks[AUDIO]
        self.depacketizer = Depacketizer()
        self.pictures = self.depacketizer.pictures
        self.over = threading.Event()
        self.error = None

    def __enter__(self):
        answer = self.peer.post(self.token)
        assert answer.status == 201, answer.text
        assert self.peer.check() == 0
        assert self.peer.shake_hands()
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.join(10)
        self.peer.server.request("DELETE", self.peer.location, token=self.token)
        self.peer.close()
        if kind is None:
            self.assert_sound()

    # ---- In

    def run(self):
        try:
            next_check, early = 0, [data for _, data in self.peer.plain]
            while not self.over.is_set():
                if time.monotonic() >= next_check:
                    self.peer.check(answered=False)
                    next_check = time.monotonic() + 1
                for data in early or self.read():
                    if self.peer.is_rtp(data):
                        self.take(self.peer.inbound.unprotect(data))
                early = []
        except Exception as error:  # seen by assert_sound()
            self.error = error

    def read(self):
        ready, _, _ = select.select([self.peer.socket], [], [], 0.1)
        while ready:
            try:
                yield self.peer.socket.recv(4096)
            except BlockingIOError:
                return

    def take(self, packet):
        payload_type, marker = packet[1] & 127, packet[1] & 128
        sequence, timestamp, ssrc = struct.unpack_from(">HII", packet, 2)
        at = 12 + 4 * (packet[0] & 15)
        if packet[0] & 16:
            at += 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
        end = len(packet) - (packet[-1] if packet[0] & 32 else 0)
        track = self.tracks[payload_type]
        track.take(ssrc, sequence, timestamp)
        if payload_type == AUDIO:
            track.units += 1
            return
        track.units += self.depacketizer.take(packet[at:end], marker)

    # ---- What a test asks

    def wait_units(self, video=0, audio=0):
        """Waits until so many pictures and packets of sound have come in all."""
        wait_until(lambda: self.error or (self.video.units >= video and self.audio.units >= audio),
                   lambda: f"{video} pictures and {audio} packets of sound; {self.video.units} and {self.audio.units} came")
        self.assert_sound()

    def more(self, video=20, audio=20):
        """Waits for so many further ones."""
        self.wait_units(self.video.units + video, self.audio.units + audio)

    def decode(self, pictures=None):
        """[(width, height)] of each picture as a decoder shows it; fails when it complains."""
        return decode(self.pictures if pictures is None else pictures)

    def wait_size(self, size):
        """Waits until a decoder shows pictures of that size."""
        wait_until(lambda: size in self.decode()[-10:], f"a picture of {size}")

    def assert_sound(self):
        """Nothing went wrong so far."""
        if self.error:
            raise self.error
        for track in self.tracks.values():
            if track.faults:
                pytest.fail("; ".join(track.faults[:5]), pytrace=False)


def resident_bytes(server):
    return int(open(f"/proc/{server.process.pid}/statm").read().split()[1]) * 4096
