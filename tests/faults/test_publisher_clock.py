"""FAULTS 6, 7 and 8: a publisher's clock that jumps, crosses 0xFFFFFF ms, or wraps, in front of a viewer."""

import pytest

from publisher import Publisher
from rtmp_client import make_flv
from viewer import Viewer

HOUR_MS = 3600_000
# Whole milliseconds come in, a frame of 1024 samples at 44.1 kHz is 23.2 ms, Opus goes out in 20 ms; a re-based clock goes on with
# what its track's last step was.
PICTURE_STEP_MS = 36
SOUND_STEP_MS = 45


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    return make_flv(tmp_path_factory.mktemp("media") / "plain.flv", seconds=2)


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS, -5_000, 70_000], ids=["+1h", "-1h", "-5s", "+70s"])
def test_jumps(airclassd, tags, jump_ms):
    server = airclassd()
    with Publisher(server) as publisher:
        publisher.clock_ms = 2 * HOUR_MS
        publisher.run(tags)
        with Viewer(server) as viewer:
            viewer.wait_units(video=1)
            publisher.frames(tags)
            for way in (jump_ms, -jump_ms):
                publisher.clock_ms += way
                publisher.frames(tags)
            viewer.wait_units(video=3 * 60, audio=250)
            assert max(viewer.video.live_steps_ms) < 250 and max(viewer.audio.live_steps_ms) < 250
            assert viewer.video.position_ms < 12_000, "an hour of nothing"
            assert len(viewer.decode()) >= 3 * 60
    assert server.metric("airclass_stream_rebases_total") >= 2


@pytest.mark.parametrize("repeat", [True, False], ids=["repeated", "not-repeated"])
@pytest.mark.parametrize("form", [0, None], ids=["absolute", "deltas"])
@pytest.mark.parametrize("edge", [0xFFFFFF, 1 << 31, 1 << 32], ids=["2^24", "2^31", "2^32"])
def test_edges(airclassd, tags, edge, form, repeat):
    """4 h 39 min, 24.8 days and 49.7 days after the encoder's start, with and without an extended timestamp on type-3 chunks."""
    server = airclassd()
    with Publisher(server) as publisher:
        publisher.arguments = {"form": form, "repeat_extended": repeat}
        publisher.clock_ms = edge - 3000
        publisher.run(tags)
        with Viewer(server) as viewer:
            viewer.wait_units(video=1)
            publisher.frames(tags)
            viewer.wait_units(video=60, audio=60)
            assert publisher.clock_ms > edge
            assert max(viewer.video.live_steps_ms) <= PICTURE_STEP_MS and max(viewer.audio.live_steps_ms) <= SOUND_STEP_MS
            viewer.decode()
    assert server.metric("airclass_stream_rebases_total") in (None, 0)
    assert server.metric("airclass_rtmp_dropped_messages_total") in (None, 0)
