"""FAULTS 12 and 13: chunks of any size on any chunk stream, messages that are too large or never come, and Enhanced RTMP that is
not taken, while another class goes on in front of its viewer."""

import struct

import pytest

from conftest import wait_until
from publisher import Broadcast, Publisher
from rtmp_client import AUDIO, VIDEO, is_header, make_flv
from viewer import Viewer, resident_bytes


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    return make_flv(tmp_path_factory.mktemp("media") / "plain.flv", seconds=2)


@pytest.fixture
def server(airclassd):
    return airclassd({"rtmp-ingest": {"max_message": "1MiB", "max_connection_memory": "2MiB"}})


@pytest.fixture
def class_goes_on(server, tags):
    """Another class, whose viewer notices nothing."""
    publisher = Publisher(server, name="other")
    with Broadcast(publisher, tags) as broadcast:
        server.wait_state("live", "live/other")
        with Viewer(server, path="live/other") as viewer:
            viewer.more()
            yield
            viewer.more()
            assert max(viewer.video.live_steps_ms) < 250
        assert broadcast.error is None
    publisher.close()


# ---- 12


@pytest.mark.parametrize("size", [1, 128, 0xFFFFFF, 0x7FFFFFFF])
def test_12_chunk_sizes(server, tags, size):
    with Publisher(server) as publisher:
        publisher.set_chunk_size(size)
        publisher.run(tags)
        with Viewer(server) as viewer:
            publisher.frames(tags)
            viewer.wait_units(video=60, audio=60)
            assert set(viewer.decode()) == {(320, 240)}
    assert server.metric("airclass_rtmp_dropped_messages_total") in (None, 0)


@pytest.mark.parametrize("size", [0, 0x80000000, 0xFFFFFFFF])
def test_12_chunk_sizes_that_are_none(server, class_goes_on, size):
    """RTMP 1.0, 5.4.1: the most significant bit is 0, and a chunk has at least one byte."""
    with Publisher(server) as publisher:
        publisher.set_chunk_size(size)
        publisher.wait_closed()


@pytest.mark.parametrize("chunk_stream", [3, 63, 64, 319, 320, 65599])
def test_12_chunk_streams(server, tags, chunk_stream):
    with Publisher(server) as publisher:
        publisher.arguments = {"chunk_stream": chunk_stream, "form": 0}
        publisher.run(tags)
        with Viewer(server) as viewer:
            publisher.frames(tags)
            viewer.wait_units(video=60, audio=60)
            viewer.decode()


def test_12_many_chunk_streams(server, class_goes_on, tags):
    """A picture on each of thousands of chunk streams, none of them finished: refused when it is too much, and nothing grows."""
    before = resident_bytes(server)
    for _ in range(5):
        publisher = Publisher(server).run(tags, speed=50)
        try:
            for chunk_stream in range(2 + 6, 65600):
                publisher.send(publisher.basic_header(0, chunk_stream) + b"\0\0\0" + b"\0\x10\0" + b"\x09" + struct.pack("<I", 1)
                               + bytes(128))
        except OSError:
            pass
        publisher.wait_closed()
        publisher.close()
    wait_until(lambda: server.metric("airclass_rtmp_connections") == 1, "all to be freed")
    assert resident_bytes(server) - before < 32 << 20


def test_12_a_message_over_the_cap(server, class_goes_on):
    with Publisher(server) as publisher:
        publisher.send(b"\x06" + b"\0\0\0" + b"\xff\xff\xff" + b"\x09" + struct.pack("<I", 1) + bytes(64))
        status = publisher.wait_status()
        assert status["code"] == "NetStream.Publish.Rejected" and str(1 << 20) in status["description"]
        publisher.wait_closed()


def test_12_announced_and_never_sent(server, class_goes_on):
    """A chunk size of 2 GiB and the longest messages that are taken, of which a few bytes come."""
    before = resident_bytes(server)
    publishers = [Publisher(server, name=f"s{i}") for i in range(30)]
    for publisher in publishers:
        publisher.set_chunk_size(0x7FFFFFFF)
        for chunk_stream in range(8, 40):
            publisher.send(bytes([chunk_stream]) + b"\0\0\0" + b"\x0f\xff\xff" + b"\x09" + struct.pack("<I", 1) + bytes(10))
    for publisher in publishers:
        publisher.command("FCPublish", None, "x")  # whoever is still served answers
    assert resident_bytes(server) - before < 32 << 20
    for publisher in publishers:
        publisher.close()


# ---- 13

OPAQUE = bytes(40)
REFUSED = {
    "vp9": (VIDEO, b"\x90vp09" + OPAQUE, "vp09"),
    "vp8": (VIDEO, b"\x90vp08" + OPAQUE, "vp08"),
    "vvc": (VIDEO, b"\x90vvc1" + OPAQUE, "vvc1"),
    "ac3": (AUDIO, b"\x90ac-3" + OPAQUE, "ac-3"),
    "flac": (AUDIO, b"\x90fLaC" + OPAQUE, "fLaC"),
    "unprintable": (VIDEO, b"\x90\0\xff\r\n" + OPAQUE, "not taken"),
    "multitrack-of-a-later-kind": (VIDEO, b"\x96\x30avc1" + OPAQUE, "multitrack"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_13_enhanced_rtmp_that_is_not_taken(server, class_goes_on, name):
    kind, body, word = REFUSED[name]
    with Publisher(server) as publisher:
        publisher.send_message(kind, body, stream_id=1, chunk_stream=6)
        status = publisher.wait_status()
        assert (status["level"], status["code"]) == ("error", "NetStream.Publish.Rejected")
        assert word in status["description"] and "\n" not in status["description"]
        publisher.wait_closed()
    assert word in server.log_text()


def test_13_in_mid_class(server, tags):
    """A codec that is not taken, behind one that is: the publisher is told, and when it returns with the right one its viewers go
    on."""
    publisher = Publisher(server).run(tags)
    with Viewer(server) as viewer:
        viewer.wait_units(video=1)
        publisher.send_message(VIDEO, b"\x90vp09" + OPAQUE, stream_id=1, chunk_stream=6)
        assert publisher.wait_status()["code"] == "NetStream.Publish.Rejected"
        publisher.wait_closed()
        server.wait_state("held")
        units = viewer.video.units
        with Publisher(server) as again:
            again.run(tags)
            viewer.wait_units(video=units + 60)


def test_13_headers_cut_short(server, class_goes_on, tags):
    """Every length of every enhanced header: dropped or refused, nothing else."""
    picture = next(tag[2] for tag in tags if tag[0] == VIDEO and is_header(tag))[5:]
    whole = {
        "start": b"\x90avc1" + picture,
        "frames": b"\x91avc1\0\0\0" + b"\0\0\0\1\x65",
        "modifiers": b"\x97\x02\0\0\1\6" + b"\x10avc1\0" + picture,
        "wide-modifier": b"\x97\xff\x01\x00" + bytes(257) + b"\x00avc1",
        "many-codecs": b"\x96\x20avc1\0\0\0\4abcdvp09\1\0\0\4efgh",
        "sound": b"\x90mp4a\x12\x10",
    }
    for name, body in whole.items():
        kind = AUDIO if name == "sound" else VIDEO
        for length in range(min(len(body), 48)):
            publisher = Publisher(server, name="short")
            publisher.send_message(kind, body[:length], stream_id=1, chunk_stream=6)
            publisher.command("createStream", None)
            publisher.close()
    wait_until(lambda: server.metric("airclass_rtmp_connections") == 1, "all to be freed")
    assert server.get("/healthz").status == 200
