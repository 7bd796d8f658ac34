"""A publisher that sends pictures which no other needs (temporal layers): a viewer on a narrow path gets the others, and no hole in
the numbers; all again when its path carries them."""

import time

import pytest

from conftest import wait_until
from h264_pictures import Depacketizer, decode
from narrow_peer import DEADLINE_S, NarrowPeer, check_one_timeline, viewer_of, wait_level
from publisher import Broadcast, Publisher
from temporal_layers import make_layered_flv

MBIT = 1_000_000
NEEDED, ALL = 15, 30  # pictures a second


@pytest.fixture(scope="module")
def layered(tmp_path_factory):
    """About 1 Mbit/s of each kind."""
    return make_layered_flv(tmp_path_factory.mktemp("layers"), kbps=(2000, 2000))


def pictures_of(packets):
    depacketizer = Depacketizer()
    for packet in packets:
        depacketizer.take(packet.payload, packet.marker)
    return depacketizer.pictures


def reference_of(picture):
    """nal_ref_idc of its slices: 0, no other needs it."""
    return max(nal[0] >> 5 for nal in picture.split(b"\0\0\0\1")[1:] if nal[0] & 31 in (1, 5))


def rate_of(packets):
    """Pictures a second by their own time."""
    span = ((packets[-1].timestamp - packets[0].timestamp) & 0xFFFFFFFF) / 90000
    return len({packet.timestamp for packet in packets}) / span


def test_without_what_no_other_needs(airclassd, layered):
    server = airclassd()
    publisher = Publisher(server)
    with Broadcast(publisher, layered):
        server.wait_state("live")
        wide, narrow = NarrowPeer(server).start(), NarrowPeer(server).start()
        try:
            wait_until(lambda: len(narrow.video()) > 600, "pictures", DEADLINE_S)
            assert viewer_of(server)["level"] == "full"
            narrow.rate_bps = 1.55 * MBIT
            wait_until(lambda: server.metric('airclass_whep_level_changes_total{level="reduced",reason="congestion"}'), "the reduced level", DEADLINE_S)
            since = time.monotonic()
            wait_until(lambda: len(narrow.video(since)) > 500, "what is needed", DEADLINE_S)
            until = time.monotonic()
            fewer = [packet for packet in narrow.video(since) if packet.came_s < until]
            assert abs(rate_of(fewer) - NEEDED) < 1.5
            assert 0 not in map(reference_of, pictures_of(fewer)[1:-1])
            every = [packet for packet in wide.video(since) if packet.came_s < until]
            assert abs(rate_of(every) - ALL) < 3, "another viewer gets less"
            assert server.metric('airclass_whep_level_changes_total{level="low",reason="congestion"}') in (None, 0)

            narrow.rate_bps = None
            wait_until(lambda: server.metric('airclass_whep_level_changes_total{level="full",reason="probing-succeeded"}'), "the full level", DEADLINE_S)
            again = time.monotonic()
            wait_until(lambda: len(narrow.video(again)) > 500, "all pictures", DEADLINE_S)
            assert abs(rate_of(narrow.video(again)) - ALL) < 3
            for peer in (wide, narrow):
                check_one_timeline(peer.video())
                pictures = pictures_of(peer.video())
                assert len(decode(pictures)) == len(pictures), "a picture that cannot be decoded"
        finally:
            wide.stop()
            narrow.stop()
    publisher.close()
