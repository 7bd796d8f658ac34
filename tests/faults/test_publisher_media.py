"""FAULTS 9, 10 and 11: what a publisher sends is not what one hopes for. No keyframe, B-frames, one track, a late one, headers
again and again; a viewer watches."""

import time

import pytest

from conftest import wait_until
from narrow_peer import NarrowPeer, check_one_timeline
from publisher import Broadcast, Publisher
from rtmp_client import AUDIO, VIDEO, is_header, is_keyframe, make_flv
from viewer import Viewer, resident_bytes

PICTURE_STEP_MS = 36
SOUND_STEP_MS = 45
REQUESTS = 'airclass_whep_feedback_total{kind="keyframe"}'


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    return make_flv(tmp_path_factory.mktemp("media") / "plain.flv", seconds=2)


def of_kind(tags, kind):
    return [tag for tag in tags if tag[0] == kind]


def warnings(server):
    return {warning["type"]: warning["text"] for warning in server.stream()["warnings"]}


def with_filler(tag, size):
    """The same picture with a filler NAL unit behind it."""
    kind, timestamp, body = tag
    return kind, timestamp, body + size.to_bytes(4, "big") + b"\x0c" + b"\xff" * (size - 2) + b"\x80"


# ---- 9


def test_9_never_a_keyframe(airclassd, tags):
    """200 MiB of pictures that nobody can decode: they are not kept, the teacher is told in words, sound plays, and so does the
    picture once there is a keyframe."""
    server = airclassd()
    with Publisher(server) as publisher:
        publisher.headers(tags)
        deltas = [tag for tag in tags if not is_header(tag) and not is_keyframe(tag)]
        publisher.frames(deltas)
        server.wait_state("live")
        before = resident_bytes(server)
        with Viewer(server) as viewer:
            padded = [with_filler(tag, 400_000) if tag[0] == VIDEO else tag for tag in deltas]
            publisher.set_chunk_size(65536)
            for _ in range(9):
                publisher.frames(padded)
            wait_until(lambda: "no-keyframe" in warnings(server), "the warning")
            assert "keyframe" in warnings(server)["no-keyframe"]
            status = server.get("/api/streams/live/stream", token=server.token()).json
            assert "no-keyframe" in {warning["type"] for warning in status["warnings"]}, "a student's page is not told"
            assert resident_bytes(server) - before < 48 << 20
            assert viewer.video.units == 0 and viewer.audio.units > 100
            publisher.frames(tags)
            viewer.wait_units(video=55)
            assert set(viewer.decode()) == {(320, 240)}
            assert "no-keyframe" not in warnings(server)


def test_9_returns_without_a_keyframe(airclassd, tags):
    """In mid-class: the picture stands, so teacher and students are told; sound goes on, and so does the picture once there is a
    keyframe. Who joins meanwhile fares no worse."""
    server = airclassd()
    publisher = Publisher(server).run(tags)
    deltas = [tag for tag in tags if is_header(tag) or not is_keyframe(tag)]
    with Viewer(server) as viewer:
        viewer.wait_units(video=1)
        publisher.frames(tags)
        viewer.wait_units(video=60)
        publisher.close()
        server.wait_state("held")
        publisher = Publisher(server)
        with Broadcast(publisher, deltas):
            server.wait_state("live")
            pictures = viewer.video.units
            wait_until(lambda: "no-keyframe" in warnings(server), "the warning")
            status = server.get("/api/streams/live/stream", token=server.token()).json
            assert status["state"] == "live" and "no-keyframe" in {warning["type"] for warning in status["warnings"]}
            with Viewer(server) as late:
                late.more(video=0, audio=30)
                viewer.more(video=0, audio=30)
                assert viewer.video.units == pictures, "a picture that nobody can decode"
            late.decode()
        publisher.run(tags)
        viewer.wait_units(video=pictures + 60)
        assert "no-keyframe" not in warnings(server)
        assert set(viewer.decode()) == {(320, 240)}
        assert server.get("/api/streams/live/stream", token=server.token()).json["state"] == "live"
    publisher.close()


def test_9_the_old_pictures_are_not_shown_again(airclassd, tags):
    """Browsers ask for a keyframe each 3 s while no picture comes. What is kept is the end of what they have seen: as an answer
    it would run again and again."""
    server = airclassd()
    deltas = [tag for tag in tags if is_header(tag) or not is_keyframe(tag)]
    publisher = Publisher(server).run(tags)
    peer = NarrowPeer(server).start()
    try:
        wait_until(lambda: peer.video(), "pictures")
        publisher.frames(tags)
        publisher.close()
        server.wait_state("held")
        for state in ("held", "live"):
            wait_until(lambda: time.monotonic() - peer.video()[-1].came_s > 2.5, "a browser to ask")
            shown, asked = len(peer.video()), server.metric(REQUESTS) or 0
            peer.ask_for_keyframe()
            wait_until(lambda: server.metric(REQUESTS) == asked + 1, "the request")
            heard = len(peer.of_type(111))
            if state == "held":
                publisher = Publisher(server)
                broadcast = Broadcast(publisher, deltas).__enter__()
            wait_until(lambda: len(peer.of_type(111)) > heard + 50, "sound")
            assert len(peer.video()) == shown, f"pictures that were shown before, while {state}"
        broadcast.__exit__()
        publisher.run(tags)
        wait_until(lambda: len({packet.timestamp for packet in peer.video()[shown:]}) >= 60, "the pictures of the new one")
        shown = len(peer.video())
        peer.ask_for_keyframe()
        wait_until(lambda: len(peer.video()) > shown, "an answer while pictures come")
        check_one_timeline(peer.video())
    finally:
        peer.stop()
    publisher.close()


def test_9_a_group_of_pictures_without_end(airclassd, tags):
    """One keyframe, then none: what is kept for joiners is bounded, whoever watches goes on."""
    server = airclassd({"streams": {"gop_cache_bytes": "4MiB"}})
    with Publisher(server) as publisher:
        publisher.set_chunk_size(65536)
        publisher.run(tags)
        with Viewer(server) as viewer:
            viewer.wait_units(video=1)
            deltas = [tag for tag in tags if not is_header(tag) and not is_keyframe(tag)]
            before, units = resident_bytes(server), viewer.video.units
            for _ in range(6):
                publisher.frames([with_filler(tag, 100_000) if tag[0] == VIDEO else tag for tag in deltas])
            viewer.wait_units(video=units + 6 * 58)
            assert server.metric("airclass_stream_cache_bytes") <= 4 << 20
            assert resident_bytes(server) - before < 96 << 20  # the ring of packets for retransmission included
            assert "lost-keyframe" in warnings(server)


def test_9_intra_refresh(airclassd, tmp_path):
    """Encoders mark the points where it begins anew as keyframes, but no browser begins there. Who has the one real keyframe has
    the picture from it on; where it is missing all are told."""
    server = airclassd()
    tags = make_flv(tmp_path / "refresh.flv", seconds=4, encode=["-tune", "zerolatency", "-x264-params", "intra-refresh=1:keyint=30"])
    pictures = [tag for tag in of_kind(tags, VIDEO) if tag[2][1] == 1]
    marked = [index for index, tag in enumerate(pictures) if is_keyframe(tag)]
    assert len(marked) >= 3 and pictures[marked[0]] == pictures[0], "no intra refresh"
    half = next(index for index, tag in enumerate(tags) if tag == pictures[marked[2]])
    with Publisher(server) as publisher, Broadcast(publisher, [tag for tag in tags if is_header(tag)] + tags[half:]):
        wait_until(lambda: "no-keyframe" in warnings(server), "the warning")
        assert "intra refresh" in warnings(server)["no-keyframe"]
        with Viewer(server) as viewer:
            viewer.more(video=0, audio=30)
            assert viewer.video.units == 0, "a picture that nobody can decode"
    server.wait_state("held")
    with Publisher(server).run(tags[:half]) as publisher, Viewer(server) as viewer:
        publisher.frames(tags[half:])
        viewer.wait_units(video=len(pictures))
        assert viewer.decode() == [(320, 240)] * len(pictures)
        assert "no-keyframe" not in warnings(server)


def test_9_a_codec_header_that_cannot_be_used(airclassd, tags):
    """Parameter sets that are too large to go before each keyframe: refused in words. An empty one beside a good one is nothing."""
    server = airclassd()
    header = next(tag for tag in of_kind(tags, VIDEO) if is_header(tag))[2]
    sps_bytes = int.from_bytes(header[11:13], "big")
    at = 13 + sps_bytes + 1  # the length of the picture parameter set
    pps = header[at + 2 : at + 2 + int.from_bytes(header[at : at + 2], "big")]

    def with_sets(*sets):
        own = header[: at - 1] + bytes([len(sets)]) + b"".join(len(one).to_bytes(2, "big") + one for one in sets)
        return [(tag[0], tag[1], own) if tag[0] == VIDEO and is_header(tag) else tag for tag in tags]

    with Publisher(server) as publisher:
        publisher.headers(with_sets(pps + bytes(5000 - len(pps))))
        status = publisher.wait_status()
        assert status["code"] == "NetStream.Publish.Rejected" and "4096 bytes" in status["description"]
    wait_until(lambda: server.metric("airclass_rtmp_publishers") == 0, "the publisher to be gone")
    with Publisher(server) as publisher, Broadcast(publisher, with_sets(pps, b"")):
        server.wait_state("live")
        with Viewer(server) as viewer:
            viewer.more(video=40, audio=20)
            assert set(viewer.decode()) == {(320, 240)}
        assert server.get("/live/stream/index.m3u8", token=server.token()).status == 200


# ---- 10


@pytest.mark.parametrize("bframes", [1, 3])
def test_10_bframes(airclassd, tmp_path, bframes):
    """Viewers get pictures in order, made once for all of them; the teacher is told."""
    server = airclassd()
    tags = make_flv(tmp_path / "bframes.flv", seconds=3, bframes=bframes, keyframe_frames=300)
    assert any(tag[2][2:5] != tags[2][2][2:5] for tag in of_kind(tags, VIDEO)[1:]), "no B-frames in the file"
    publisher = Publisher(server)
    with Broadcast(publisher, tags):
        wait_until(lambda: "b-frames" in warnings(server), "the teacher to be told")
        with Viewer(server) as first, Viewer(server) as second:
            for viewer in (first, second):
                viewer.more(video=60, audio=60)
                assert max(viewer.video.live_steps_ms) < 250 and min(viewer.video.steps_ms) > 0
                assert set(viewer.decode()) == {(320, 240)}
            assert server.metric("airclass_stream_renditions") == 2, "Opus and one picture for both"
    publisher.close()


def test_10_open_groups_of_pictures(airclassd, tmp_path):
    """Only the first keyframe is an IDR picture. Where it was missed the pictures are made anew from the next I picture on."""
    server = airclassd({"streams": {"max_standby": 0}})
    encode = ["-preset", "veryfast", "-x264-params", "open-gop=1:keyint=30:scenecut=0"]
    tags = make_flv(tmp_path / "open.flv", seconds=4, bframes=2, encode=encode)
    first = next(index for index, tag in enumerate(tags) if is_keyframe(tag))
    publisher = Publisher(server)
    with Broadcast(publisher, tags[:first] + tags[first + 1 :]):
        server.wait_state("live")
        with Viewer(server) as viewer:
            viewer.more(video=40, audio=20)
            viewer.wait_size((320, 240))
        assert "no-keyframe" not in warnings(server)
    publisher.close()


# ---- 11


@pytest.mark.parametrize("kind", [VIDEO, AUDIO], ids=["picture", "sound"])
def test_11_one_track_only(airclassd, tags, kind):
    server = airclassd()
    publisher = Publisher(server)
    with Broadcast(publisher, of_kind(tags, kind)):
        server.wait_state("live")
        with Viewer(server) as viewer:
            viewer.more(video=60 if kind == VIDEO else 0, audio=60 if kind == AUDIO else 0)
            missing = "no-audio" if kind == VIDEO else "no-video"
            wait_until(lambda: missing in warnings(server), "the teacher to be told")
        assert (viewer.audio if kind == VIDEO else viewer.video).units == 0
    publisher.close()


@pytest.mark.parametrize("late", [AUDIO, VIDEO], ids=["sound", "picture"])
def test_11_a_track_that_starts_late(airclassd, tags, late):
    """The viewer who was there before sees and hears it, at the time at which it belongs."""
    server = airclassd()
    with Publisher(server) as publisher:
        early = of_kind(tags, VIDEO if late == AUDIO else AUDIO)
        publisher.run(early)
        with Viewer(server) as viewer:
            publisher.frames(early)
            publisher.run(tags)
            publisher.frames(tags)
            viewer.wait_units(video=100, audio=100)
            first = viewer.audio if late == VIDEO else viewer.video
            assert max(first.live_steps_ms) <= 2 * PICTURE_STEP_MS, "what was there before is not disturbed"
        assert {track["kind"] for track in server.stream()["tracks"]} == {"video", "audio"}


@pytest.mark.parametrize("kind", [VIDEO, AUDIO], ids=["picture", "sound"])
def test_11_a_track_that_stops(airclassd, tags, kind):
    """The other one goes on; the teacher and the pages are told as long as it is away, and of nothing else when it is back."""
    server = airclassd()
    stops = "no-video" if kind == VIDEO else "no-audio"
    publisher = Publisher(server)
    with Broadcast(publisher, tags), Viewer(server) as viewer:
        viewer.more(video=60, audio=60)
        assert warnings(server) == {}
    with Broadcast(publisher, of_kind(tags, AUDIO if kind == VIDEO else VIDEO)), Viewer(server):
        wait_until(lambda: stops in warnings(server), "the teacher to be told")
        status = server.get("/api/streams/live/stream", token=server.token()).json
        assert stops in {warning["type"] for warning in status["warnings"]}, "a student's page is not told"
    with Broadcast(publisher, tags), Viewer(server) as viewer:
        viewer.more(video=20, audio=20)
        assert warnings(server) == {}
    publisher.close()


def test_11_headers_again_and_again(airclassd, tags):
    """Many encoders repeat them each second; one in front of each keyframe, and one in front of each picture."""
    server = airclassd()
    headers = {kind: next(tag[2] for tag in tags if is_header(tag) and tag[0] == kind) for kind in (VIDEO, AUDIO)}
    with Publisher(server) as publisher:
        publisher.run(tags)
        with Viewer(server) as viewer:
            viewer.wait_units(video=1)
            for each in (is_keyframe, lambda tag: True):

                def repeated(tag):
                    if each(tag):
                        for kind, body in headers.items():
                            publisher.send_tag((kind, tag[1], body), offset=publisher.clock_ms - tags[2][1])
                    return tag

                publisher.frames(tags, change=repeated)
            viewer.wait_units(video=150, audio=150)
            assert max(viewer.video.live_steps_ms) <= PICTURE_STEP_MS and max(viewer.audio.live_steps_ms) <= SOUND_STEP_MS
            assert server.metric("airclass_stream_renditions") == 1
            assert server.metric("airclass_stream_rendition_restarts_total") in (None, 0)
            viewer.decode()
