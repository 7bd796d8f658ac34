"""Packets of H.264 (RFC 6184) made into pictures, and what a decoder says of these."""

import subprocess

START_CODE = b"\0\0\0\1"


class Depacketizer:
    """Single NAL units, STAP-A and FU-A; `pictures` are Annex B."""

    def __init__(self):
        self.pictures = []
        self.picture = self.fragments = b""

    def take(self, payload, marker):
        """Returns whether a picture ends with this packet."""
        kind = payload[0] & 31
        if kind == 24:
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                self.picture += START_CODE + payload[at + 2 : at + 2 + size]
                at += 2 + size
        elif kind == 28:
            if payload[1] & 0x80:
                self.fragments = bytes([payload[0] & 0xE0 | payload[1] & 31])
            self.fragments += payload[2:]
            if payload[1] & 0x40:
                self.picture += START_CODE + self.fragments
        else:
            self.picture += START_CODE + payload
        if marker:
            self.pictures.append(self.picture)
            self.picture = b""
        return bool(marker)


def decode(pictures):
    """[(width, height)] of each picture as a decoder shows it; fails when it complains."""
    command = ["ffprobe", "-v", "error", "-f", "h264", "-show_frames", "-show_entries", "frame=width,height", "-of", "csv=p=0", "-"]
    result = subprocess.run(command, input=b"".join(pictures), capture_output=True, timeout=60)
    assert not result.stderr and result.returncode == 0, result.stderr.decode()[:2000]
    lines = [line.split(",") for line in result.stdout.decode().splitlines() if line[:1].isdigit()]
    return [(int(line[0]), int(line[1])) for line in lines]
