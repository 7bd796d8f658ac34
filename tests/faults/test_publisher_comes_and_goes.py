"""FAULTS 1 to 5: a publisher that is cut off, vanishes, returns, returns as another, or meets a second one. A viewer watches."""

import socket
import struct
import time

import pytest

from conftest import wait_until
from network import SERVER_ADDRESS, link  # noqa: F401
from publisher import Broadcast, Publisher
from rtmp_client import AUDIO, VIDEO, is_header, make_flv
from viewer import Viewer, resident_bytes

FREED_WITHIN_S = 10


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """media(name, **make_flv's arguments): each file is encoded once."""
    folder, made = tmp_path_factory.mktemp("media"), {}

    def get(name, **arguments):
        if name not in made:
            made[name] = make_flv(folder / f"{name}.flv", **{"seconds": 2, **arguments})
        return made[name]

    return get


@pytest.fixture
def tags(media):
    return media("plain")


def reset(publisher):
    """Closes with a TCP reset instead of a FIN."""
    publisher.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    publisher.close()


def close(publisher):
    publisher.close()


# ---- 1


@pytest.mark.parametrize("end", [close, reset], ids=["fin", "rst"])
def test_1_cut_in_the_middle_of_a_frame(airclassd, tags, end):
    server = airclassd()
    publisher = Publisher(server).run(tags)
    with Viewer(server) as viewer:
        viewer.wait_units(video=1)
        publisher.frames(tags)
        wait_until(lambda: server.metric("airclass_stream_units_total") >= 2 * 60, "all frames to be taken")
        sent = publisher.clock_ms
        frame = next(tag[2] for tag in tags if tag[0] == VIDEO and tag[2][1] == 1)
        part = publisher.chunks(VIDEO, frame * 4, timestamp=sent, stream_id=1, chunk_stream=6)
        publisher.send(part[: len(part) // 2])
        end(publisher)
        server.wait_state("held")
        before = viewer.video.units
        assert set(viewer.decode()) == {(320, 240)}, "the partial frame is dropped"
        with Publisher(server) as again:
            again.run(tags)
            viewer.wait_units(video=before + 60)
            viewer.decode()


def test_1_ffmpeg_is_killed(airclassd, publish):
    server = airclassd()
    first = publish(server, zerolatency=True, video="testsrc2=size=640x360:rate=30")
    with Viewer(server) as viewer:
        viewer.more()
        for _ in range(2):
            first.kill()
            first.wait()
            server.wait_state("held")
            first = publish(server, zerolatency=True, video="testsrc2=size=640x360:rate=30")
            viewer.more()
        assert set(viewer.decode()) == {(640, 360)}


# ---- 2


def test_2_half_open_publisher(link, airclassd, tags):
    """Its network is gone without a FIN or a reset: after 10 s its place is free, and the viewer is still there."""
    with link.at_server():
        server = airclassd({"rtmp-ingest": {"listen": "0.0.0.0:0", "trusted": "127.0.0.0/8,10.77.0.0/24"}})
        with link.at_client():
            phone = Publisher(server, address=(SERVER_ADDRESS, server.endpoint("rtmp")[1]))
        phone.run(tags)
        with Viewer(server) as viewer:
            viewer.wait_units(video=1)
            link.change("both", loss=100)
            lost = time.monotonic()
            wait_until(lambda: server.stream()["state"] == "held", "the publisher to be given up", FREED_WITHIN_S)
            print(f"given up after {time.monotonic() - lost:.1f} s")
            assert server.metric("airclass_rtmp_publishers") == 0
            assert "silent" in server.log_text()
            pictures, sound = viewer.video.units, viewer.audio.units
            with Publisher(server) as local:
                local.run(tags)
                viewer.wait_units(pictures + 30, sound + 30)
        link.heal()
        phone.close()


# ---- 3 and 4


def test_3_returns_within_the_hold_time(airclassd, tags):
    server = airclassd()
    Publisher(server).run(tags).close()
    server.wait_state("held")
    publisher = Publisher(server).run(tags)
    with Viewer(server) as viewer:
        viewer.wait_units(video=1)
        for clock_ms in (0, 5_000, 3600_000):
            publisher.close()
            server.wait_state("held")
            units = viewer.video.units
            publisher = Publisher(server)
            publisher.clock_ms = clock_ms
            publisher.run(tags)
            viewer.wait_units(video=units + 60)
        assert set(viewer.decode()) == {(320, 240)}
        assert max(viewer.video.live_steps_ms) < 10_000
        publisher.close()


RETURNS = {
    "larger": {"size": "640x360"},
    "smaller": {"size": "160x120"},
    "b-frames": {"bframes": 2},
    "48kHz": {"sample_rate": 48000},
    "22kHz": {"sample_rate": 22050},
    "no-sound": {"audio": False},
}


@pytest.mark.parametrize("name", RETURNS)
def test_4_returns_as_another(airclassd, tags, media, name):
    """Another size, profile or sample rate, and back: the decoder shows it, the same packets go on."""
    server = airclassd()
    other = media(name, **RETURNS[name])
    size = tuple(map(int, RETURNS[name].get("size", "320x240").split("x")))
    publisher = Publisher(server)
    with Broadcast(publisher, tags):
        server.wait_state("live")
        viewer = Viewer(server)
        with viewer:
            viewer.more()
            for then, shown in ((other, size), (tags, (320, 240))):
                publisher.close()
                server.wait_state("held")
                publisher = Publisher(server)
                heard = 0 if then is other and name == "no-sound" else 20
                with Broadcast(publisher, then):
                    viewer.more(video=30, audio=heard)
                    viewer.wait_size(shown)
    publisher.close()


def test_4_changes_without_a_break(airclassd, tags, media):
    """The encoder is set anew while it is connected: only headers tell."""
    server = airclassd()
    with Publisher(server) as publisher:
        publisher.run(tags)
        with Viewer(server) as viewer:
            viewer.wait_units(video=1)
            for other, size in ((media("larger", size="640x360"), (640, 360)), (tags, (320, 240))):
                publisher.run(other)
                viewer.wait_size(size)


def test_4_returns_with_sound_that_can_be_decoded(airclassd, tags):
    """What was wrong with the sound before says nothing of what comes then: it is heard, and nothing is told of it any more."""
    server = airclassd()
    no_channels = bytes.fromhex("1180")  # an AudioSpecificConfig that tells of none (ISO/IEC 14496-3 1.6.2.1)
    broken = [(*tag[:2], tag[2][:2] + no_channels) if tag[0] == AUDIO and is_header(tag) else tag for tag in tags]
    publisher = Publisher(server)
    with Broadcast(publisher, broken):
        server.wait_state("live")
        with Viewer(server) as viewer:
            wait_until(lambda: server.metric("airclass_stream_rendition_failures_total"), "the sound to be given up")
            assert "rendition-failed" in {warning["type"] for warning in server.stream()["warnings"]}
            publisher.close()
            server.wait_state("held")
            publisher = Publisher(server)
            with Broadcast(publisher, tags):
                wait_until(lambda: viewer.audio.units >= 20, "the sound", 10)
                assert "rendition-failed" not in {warning["type"] for warning in server.stream()["warnings"]}
    publisher.close()


# ---- 5


def test_5_a_second_publisher_is_refused(airclassd, tags):
    server = airclassd()
    publisher = Publisher(server)
    with Broadcast(publisher, tags):
        server.wait_state("live")
        with Viewer(server) as viewer:
            viewer.more()
            second = Publisher(server, begin=False)
            second.handshake()
            second.connect()
            status = second.publish("stream", second.create_stream())
            assert (status["level"], status["code"]) == ("error", "NetStream.Publish.BadName")
            second.wait_closed()
            viewer.more(video=30, audio=30)
            assert max(viewer.video.live_steps_ms) < 250, "nothing was noticed"
        assert "live/stream" in server.log_text() and "refused" in server.log_text()
    publisher.close()


def test_5_a_second_publisher_takes_over(airclassd, tags, media):
    server = airclassd({"rtmp-ingest": {"duplicate": "takeover"}})
    first = Publisher(server)
    with Broadcast(first, tags) as broadcast:
        server.wait_state("live")
        with Viewer(server) as viewer:
            viewer.more()
            with Broadcast(Publisher(server), media("larger", size="640x360")) as second:
                viewer.wait_size((640, 360))
                wait_until(lambda: broadcast.error, "the first one to be closed")
                assert second.error is None
                assert server.metric("airclass_rtmp_publishers") == 1
            second.publisher.close()
    assert "ended: Another publisher took over" in server.log_text()


# ---- Memory


def test_coming_and_going_leaves_nothing(airclassd, tags):
    server = airclassd()
    with Publisher(server) as publisher:
        publisher.run(tags, speed=20)
        with Viewer(server) as viewer:
            viewer.wait_units(video=1)
            for turn in range(40):
                if turn == 10:
                    before = resident_bytes(server)
                publisher.close()
                server.wait_state("held")
                publisher = Publisher(server).run(tags, speed=50)
                server.wait_state("live")
        assert resident_bytes(server) - before < 24 << 20
        publisher.close()
