"""What a viewer is sent when its network cannot carry the stream: a smaller picture, then sound only, and back."""

import time

import pytest

from conftest import both_engines, wait_until
from narrow_peer import DEADLINE_S, check_one_timeline, narrow, sps_of, viewer_of, wait_level

MBIT = 1_000_000


def sps_sets(packets):
    """The parameter sets that came, in order, without repetition."""
    seen = []
    for packet in packets:
        sps = sps_of(packet)
        if sps and (not seen or seen[-1] != sps):
            seen.append(sps)
    return seen


def width_of(sps):
    """Of a baseline one (ITU-T H.264 §7.3.2.1.1), before cropping."""
    assert sps[1] == 66
    bits = "".join(f"{byte:08b}" for byte in sps[4:].replace(b"\0\0\3", b"\0\0"))
    at = 0

    def read_ue():
        nonlocal at
        zeros = bits.index("1", at) - at
        value = int(bits[at + zeros:at + 2 * zeros + 1], 2) - 1
        at += 2 * zeros + 1
        return value

    read_ue(), read_ue()  # identifier, frame numbers
    order = read_ue()
    assert order in (0, 2)
    if order == 0:
        read_ue()
    read_ue()  # reference frames
    at += 1
    return (read_ue() + 1) * 16


@both_engines
def test_down_and_up_again(airclassd, publish, narrow):
    server = airclassd()
    publish(server, zerolatency=True, video="testsrc2=size=1280x720:rate=30", encode=("-maxrate", "2000k", "-bufsize", "1000k"))
    peer = narrow(server)
    wait_until(lambda: len(peer.video()) > 500, "pictures", DEADLINE_S)
    assert viewer_of(server)["level"] == "full"
    peer.rate_bps = 0.9 * MBIT
    low = wait_level(server, "low")
    assert low["level_reason"] == "congestion"
    assert 0 < low["estimate_bps"] < 1.5 * MBIT
    wait_until(lambda: len(sps_sets(peer.video())) == 2, "the smaller picture", DEADLINE_S)
    switched = time.monotonic()
    wait_until(lambda: len(peer.video(switched)) > 100, "more of it", DEADLINE_S)

    peer.rate_bps = 0.2 * MBIT
    assert wait_level(server, "audio")["level_reason"] == "congestion"
    silent = time.monotonic()
    wait_until(lambda: len(peer.of_type(111, silent)) > 50, "sound without pictures", DEADLINE_S)
    assert not peer.video(silent + 0.5)

    peer.rate_bps = None
    assert wait_level(server, "low")["level_reason"] == "probing-succeeded"
    assert wait_level(server, "full")["level_reason"] == "probing-succeeded"
    wait_until(lambda: len(sps_sets(peer.video())) == 3, "the full picture", DEADLINE_S)
    check_one_timeline(peer.video())
    metrics = server.get("/metrics").text
    assert 'airclass_whep_level_changes_total{level="low",reason="congestion"} 1' in metrics
    assert server.metric("airclass_whep_viewer_estimate_bytes_per_second_count") > 0


@both_engines
@pytest.mark.parametrize("feedback, reason", [("remb", "congestion"), ("loss", "loss")])
def test_by_other_reports(airclassd, publish, narrow, feedback, reason):
    """Of players without transport-wide feedback."""
    server = airclassd()
    publish(server, zerolatency=True, video="testsrc2=size=1280x720:rate=30", encode=("-maxrate", "2000k", "-bufsize", "1000k"))
    peer = narrow(server, feedback=feedback)
    wait_until(lambda: len(peer.video()) > 500, "pictures", DEADLINE_S)
    assert viewer_of(server)["level"] == "full"
    peer.rate_bps = 0.9 * MBIT
    assert wait_level(server, "low")["level_reason"] == reason
    wait_until(lambda: len(sps_sets(peer.video())) == 2, "the smaller picture", DEADLINE_S)
    peer.rate_bps = None
    assert wait_level(server, "full")["level_reason"] == "probing-succeeded"
    wait_until(lambda: len(sps_sets(peer.video())) == 3, "the full picture", DEADLINE_S)
    check_one_timeline(peer.video())


@both_engines
def test_low_rung_ends_with_its_last_user(airclassd, publish, narrow):
    server = airclassd()
    publish(server, zerolatency=True, video="testsrc2=size=1280x720:rate=30", encode=("-maxrate", "2000k", "-bufsize", "1000k"))
    peer = narrow(server)
    wait_until(lambda: len(peer.video()) > 500, "pictures", DEADLINE_S)
    wait_until(lambda: server.metric("airclass_stream_renditions") == 1, "only the sound is made anew", DEADLINE_S)
    peer.rate_bps = 0.9 * MBIT
    wait_level(server, "low")
    wait_until(lambda: server.metric("airclass_stream_renditions") == 2, "the low rung", DEADLINE_S)
    peer.rate_bps = None
    wait_level(server, "full")
    wait_until(lambda: server.metric("airclass_stream_renditions") == 1, "the end of the low rung", DEADLINE_S)
    back = time.monotonic()
    wait_until(lambda: len(peer.video(back)) > 200, "the full picture goes on", DEADLINE_S)
    check_one_timeline(peer.video())


@both_engines
def test_keyframe_of_the_low_rung(airclassd, publish, narrow):
    """Asked for just after one, when the next is 60 pictures away."""
    server = airclassd({"whep-egress": {"levels": "low"}})
    publish(server, zerolatency=True, video="testsrc2=size=1280x720:rate=30")
    peer = narrow(server)
    wait_until(lambda: len(peer.video()) > 200, "pictures", DEADLINE_S)
    before = sum(sps_of(p) is not None for p in peer.video())
    wait_until(lambda: sum(sps_of(p) is not None for p in peer.video()) > before, "a keyframe", DEADLINE_S)
    asked = len(peer.video())
    peer.ask_for_keyframe()
    wait_until(lambda: any(sps_of(p) for p in peer.video()[asked:]), "the keyframe that was asked for", DEADLINE_S)
    came = peer.video()[asked:]
    first = next(i for i, p in enumerate(came) if sps_of(p))
    assert sum(p.marker for p in came[:first]) < 30
    assert {width_of(sps) for sps in sps_sets(peer.video())} == {640}
    check_one_timeline(peer.video())


@both_engines
def test_start_on_a_narrow_path(airclassd, publish, narrow):
    """The cached pictures of 10 s are not poured into a path that does not carry them: the first one, then what fits."""
    server = airclassd()
    publish(server, zerolatency=True, video="testsrc2=size=1280x720:rate=30", keyframe_frames=300,
            encode=("-maxrate", "2000k", "-bufsize", "1000k"))
    wide = narrow(server)
    wait_until(lambda: len(wide.video()) > 1200, "half a group of pictures", DEADLINE_S)
    slow = narrow(server, rate_bps=0.9 * MBIT)
    wait_until(lambda: len(sps_sets(slow.video())) == 2, "the smaller picture", DEADLINE_S)
    first = slow.video()[0].came_s
    early = [p for p in slow.video() if p.came_s < first + 1 and p.ssrc == slow.video()[0].ssrc]
    assert sum(len(p.payload) for p in early) < 250_000
    check_one_timeline(slow.video())
    # On a wide one all is there.
    again = narrow(server)
    wait_until(lambda: len(again.video()) > 1200, "the group of pictures", DEADLINE_S)
    check_one_timeline(again.video())
    assert {v["level"] for v in server.get("/api/streams/live/stream/viewers", token=server.token("teacher")).json["viewers"]
            if v["state"] == "playing" and v["address"].endswith(str(again.socket.getsockname()[1]))} == {"full"}


@both_engines
@pytest.mark.parametrize("level, size", [("low", 1), ("audio", 0), ("full", 1)])
def test_fixed_levels(airclassd, publish, narrow, level, size):
    server = airclassd({"whep-egress": {"levels": level}})
    publish(server, zerolatency=True, video="testsrc2=size=1280x720:rate=30")
    peer = narrow(server, rate_bps=0.3 * MBIT)
    wait_until(lambda: len(peer.of_type(111)) > 100, "sound", DEADLINE_S)
    viewer = viewer_of(server)
    assert (viewer["level"], viewer["level_reason"]) == (level, "fixed")
    if size:
        wait_until(lambda: len(peer.video()) > 200, "pictures", DEADLINE_S)
        check_one_timeline(peer.video())
    else:
        assert not peer.video()


def blocks_of(payload):
    """Of redundant sound: [(payload type, samples back, bytes)], the last one without the latter two (RFC 2198 §3)."""
    blocks, at = [], 0
    while payload[at] & 0x80:
        field = int.from_bytes(payload[at:at + 4], "big")
        blocks.append((field >> 24 & 127, field >> 10 & 0x3FFF, field & 0x3FF))
        at += 4
    blocks.append((payload[at] & 127, 0, len(payload) - at - 1 - sum(size for _, _, size in blocks)))
    return blocks


@both_engines
def test_sound_carries_earlier_sound(airclassd, publish, narrow):
    """When sound is lost, and not before."""
    server = airclassd({"whep-egress": {"levels": "full"}})
    publish(server, zerolatency=True)
    peer = narrow(server)
    wait_until(lambda: len(peer.of_type(111)) > 100, "sound", DEADLINE_S)
    assert not peer.of_type(63)

    def with_losses():
        peer.report_lost_sound(0.1)
        return len(peer.of_type(63)) > 50

    wait_until(with_losses, "sound that carries earlier sound", DEADLINE_S)
    packets = [(blocks_of(p.payload), p) for p in peer.of_type(63)]
    blocks, packet = next((b, p) for b, p in packets if len(b) == 3)
    assert [(kind, back) for kind, back, _ in blocks] == [(111, 1920), (111, 960), (111, 0)] and all(size > 0 for *_, size in blocks)
    by_sequence = {p.sequence: (b, p) for b, p in packets}
    earlier, before = by_sequence.get((packet.sequence + 1) & 0xFFFF), packet.payload[-blocks[-1][2]:]
    # What one packet carries for itself, the next one carries behind it.
    size = earlier[0][-1][2]
    assert earlier[1].payload[:-size].endswith(before)
