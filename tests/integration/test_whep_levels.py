"""What a viewer is sent when its network cannot carry the stream: a smaller picture, then sound only, and back."""

import time

import pytest

from conftest import wait_until
from narrow_peer import NarrowPeer
from rtmp_client import VIDEO  # noqa: F401  (the fixtures' codec bytes)

MBIT = 1_000_000
DEADLINE_S = 60


def viewer_of(server, path="live/stream"):
    answer = server.get(f"/api/streams/{path}/viewers", token=server.token("teacher"))
    assert answer.status == 200, answer.text
    return answer.json["viewers"][0]


def wait_level(server, level):
    wait_until(lambda: viewer_of(server)["level"] == level, f"level {level}", DEADLINE_S)
    return viewer_of(server)


def sps_widths(packets):
    """The sizes announced by the parameter sets that came, in order, without repetition; told apart by their bytes."""
    seen = []
    for packet in packets:
        if packet.payload and packet.payload[0] & 31 == 24:
            size = packet.payload[1] << 8 | packet.payload[2]
            sps = bytes(packet.payload[3:3 + size])
            if sps[0] & 31 == 7 and (not seen or seen[-1] != sps):
                seen.append(sps)
    return seen


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


def has_rendition(server):
    return "low-rung" in server.get("/metrics").text or None


def test_down_and_up_again(airclassd, publish):
    server = airclassd()
    publish(server, zerolatency=True, video="testsrc2=size=1280x720:rate=30", encode=("-maxrate", "2000k", "-bufsize", "1000k"))
    peer = NarrowPeer(server).start()
    try:
        wait_until(lambda: len(peer.video()) > 500, "pictures", DEADLINE_S)
        assert viewer_of(server)["level"] == "full"
        peer.rate_bps = 0.9 * MBIT
        low = wait_level(server, "low")
        assert low["level_reason"] == "congestion"
        wait_until(lambda: len(sps_widths(peer.video())) == 2, "the smaller picture", DEADLINE_S)
        switched = time.monotonic()
        wait_until(lambda: len(peer.video(switched)) > 100, "more of it", DEADLINE_S)

        peer.rate_bps = 0.2 * MBIT
        assert wait_level(server, "audio")["level_reason"] == "congestion"
        silent = time.monotonic()
        wait_until(lambda: len(peer.of_type(111, silent)) > 50, "sound without pictures", DEADLINE_S)
        assert len({p.timestamp for p in peer.video(silent + 0.5)}) == 0

        peer.rate_bps = None
        assert wait_level(server, "low")["level_reason"] == "probing-succeeded"
        assert wait_level(server, "full")["level_reason"] == "probing-succeeded"
        wait_until(lambda: len(sps_widths(peer.video())) == 4 or len(sps_widths(peer.video())) == 3, "the full picture", DEADLINE_S)
        check_one_timeline(peer.video())
        metrics = server.get("/metrics").text
        assert 'airclass_whep_level_changes_total{level="low",reason="congestion"} 1' in metrics
    finally:
        peer.stop()
