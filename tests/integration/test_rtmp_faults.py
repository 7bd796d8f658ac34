"""What may go wrong on an RTMP connection: cuts, silence, broken and greedy peers, limits, and the end of the server."""

import base64
import hmac
import json
import socket
import struct
import time
from random import Random

import pytest

from conftest import TOP, wait_until
from rtmp_client import DATA, PING_REQUEST, PING_RESPONSE, USER_CONTROL, VIDEO, amf0, is_header, is_keyframe, make_flv
from test_rtmp import client, resident_bytes, server, tags, track, wait_tracks  # noqa: F401 (fixtures)


def test_half_open_publisher(airclassd, client, tags):
    """It says nothing more: it is pinged, then freed."""
    quick = airclassd({"rtmp-ingest": {"idle_timeout": "1s"}}, plugins=["rtmp-ingest"])
    publisher = client(quick).start_publishing()
    for tag in tags:
        publisher.send_tag(tag)
    wait_tracks(quick)
    ping = publisher.wait(lambda m: m.kind == USER_CONTROL and m.payload[:2] == struct.pack(">H", PING_REQUEST))
    assert len(ping.payload) == 6
    publisher.wait_closed()
    quick.wait_state("held")


def test_a_ping_answered_keeps_the_publisher(airclassd, client):
    quick = airclassd({"rtmp-ingest": {"idle_timeout": "1s"}}, plugins=["rtmp-ingest"])
    publisher = client(quick).start_publishing()
    for _ in range(3):
        ping = publisher.wait(lambda m: m.kind == USER_CONTROL and m.payload[:2] == struct.pack(">H", PING_REQUEST))
        publisher.send_message(USER_CONTROL, struct.pack(">H", PING_RESPONSE) + ping.payload[2:], chunk_stream=2)
    assert quick.metric("airclass_rtmp_publishers") == 1


def test_deadlines(airclassd, client):
    quick = airclassd({"rtmp-ingest": {"handshake_timeout": "500ms", "command_timeout": "500ms"}}, plugins=["rtmp-ingest"])
    silent = client(quick)
    half = client(quick)
    half.send(b"\x03" + bytes(100))
    shaken = client(quick)
    shaken.handshake()
    connected = client(quick)
    connected.handshake()
    connected.connect()
    for one in (silent, half, shaken, connected):
        one.wait_closed()
    wait_until(lambda: quick.metric("airclass_rtmp_connections") == 0, "all to be freed")


def test_not_rtmp(server, client):
    for greeting in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(2000), b"\x16\x03\x01" + bytes(2000), b"\x06" + bytes(1536)):
        stranger = client()
        stranger.send(greeting)
        stranger.wait_closed()
    wait_until(lambda: server.metric("airclass_rtmp_connections") == 0, "all to be freed")


def test_messages_over_the_cap(airclassd, client):
    small = airclassd({"rtmp-ingest": {"max_message": "100KiB", "max_connection_memory": "256KiB"}}, plugins=["rtmp-ingest"])
    large = client(small).start_publishing()
    large.send(b"\x06" + b"\0\0\0" + b"\xff\xff\xff" + b"\x09" + struct.pack("<I", 1) + bytes(64))
    status = large.wait_status()
    assert status["code"] == "NetStream.Publish.Rejected" and "102400" in status["description"]
    large.wait_closed()
    many = client(small).start_publishing()
    try:
        for chunk_stream in range(10, 60):
            many.send(bytes([chunk_stream]) + b"\0\0\0" + b"\x01\x80\x00" + b"\x09" + struct.pack("<I", 1) + bytes(128))
    except OSError:
        pass
    many.wait_closed()
    wait_until(lambda: small.metric("airclass_rtmp_connections") == 0, "both to be freed")


def test_strangers_have_little(server, client):
    """Before publish: no long messages, and not many short ones."""
    large = client()
    large.handshake()
    large.connect()
    large.send(b"\x06" + b"\0\0\0" + b"\x02\0\0" + b"\x09" + struct.pack("<I", 1) + bytes(64))
    large.wait_closed()
    assert "65536" in server.log_text()
    many = client()
    many.handshake()
    many.connect()
    empty = b"\x06" + b"\0\0\0" + b"\0\0\0" + b"\x09" + struct.pack("<I", 1) + b"\xc6" * 5000
    many.send(empty)
    many.wait_closed()
    assert "does not publish" in server.log_text()
    wait_until(lambda: server.metric("airclass_rtmp_connections") == 0, "both to be freed")


def test_announced_and_never_sent(server, client):
    """A chunk size of 2 GiB and the longest messages, of which next to nothing comes: no memory is spent on them."""
    publishers = [client().start_publishing(name=f"s{i}") for i in range(20)]
    before = resident_bytes(server)
    for publisher in publishers:
        publisher.set_chunk_size(0x7FFFFFFF)
        for chunk_stream in range(8, 40):
            publisher.send(bytes([chunk_stream]) + b"\0\0\0" + b"\x7f\xff\xff" + b"\x09" + struct.pack("<I", 1) + bytes(10))
    alive = client()
    alive.handshake()
    alive.connect()
    assert resident_bytes(server) - before < 16 * 1024 * 1024


def test_broken_protocol(server, client):
    """Rubbish after the handshake ends the connection, not the server."""
    for rubbish in (b"\xc7" * 10, b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\0", b"\x03\0\0\0\0\0\x03\x14\0\0\0\0\xff\xff\xff",
                    b"\x03\0\0\0\0\0\x0a\x14\0\0\0\0" + amf0("play")[:7] + bytes(3)):
        stranger = client()
        stranger.handshake()
        try:
            stranger.send(rubbish)
        except OSError:
            pass
        stranger.wait_closed()
    early = client()
    early.handshake()
    early.command("createStream", None)
    early.wait_closed()
    assert server.get("/healthz").status == 200


def test_stored_inputs(server, client):
    """The inputs of the chunk fuzzer, and variations of them, against the running server."""
    files = sorted((TOP / "tests" / "fuzz" / "rtmp").glob("chunks-*.bin"))
    assert files
    for number, file in enumerate(files):
        random = Random(number)
        for variation in range(10):
            data = bytearray(file.read_bytes())
            for _ in range(variation):
                data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
            stranger = client()
            stranger.handshake()
            try:
                stranger.send(bytes(data))
                stranger.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            stranger.wait_closed()
            stranger.close()
    wait_until(lambda: server.metric("airclass_rtmp_connections") == 0, "all to be freed")
    assert server.get("/healthz").status == 200


def test_asks_and_never_reads(server, client):
    """Pings without end, whose answers are never read: bounded, then closed."""
    flood = client()
    flood.handshake()
    flood.connect()
    flood.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    flood.socket.settimeout(0.5)
    ping = flood.chunks(USER_CONTROL, struct.pack(">HI", PING_REQUEST, 1), chunk_stream=2, form=0) * 1000
    deadline = time.monotonic() + 20
    with pytest.raises(OSError):
        while time.monotonic() < deadline:
            flood.send(ping)
    wait_until(lambda: server.metric("airclass_rtmp_connections") == 0, "it to be freed")


def test_a_player_asks_and_never_reads(server, client, publish):
    """The same from a player: its pictures wait within bounds, its answers do not wait without end."""
    publish(server, video="testsrc2=size=1280x720:rate=30", encode=["-b:v", "8000k"])
    flood = client()
    flood.handshake()
    flood.connect()
    flood.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    flood.command("play", None, "stream", stream_id=flood.create_stream())
    flood.wait(lambda m: m.kind == VIDEO)
    before = resident_bytes(server)
    ping = flood.chunks(USER_CONTROL, struct.pack(">HI", PING_REQUEST, 1), chunk_stream=2, form=0) * 1000
    with pytest.raises(OSError):
        for _ in range(20_000):
            flood.send(ping)
    assert resident_bytes(server) - before < 64 * 1024 * 1024
    wait_until(lambda: server.metric("airclass_rtmp_players") == 0, "it to be freed")


def test_connection_limits(airclassd, client):
    narrow = airclassd({"rtmp-ingest": {"max_connections_per_address": 3}}, plugins=["rtmp-ingest"])
    kept = [client(narrow).start_publishing(name=f"s{i}") for i in range(3)]
    extra = client(narrow)
    extra.wait_closed()
    kept.pop().close()
    wait_until(lambda: narrow.metric("airclass_rtmp_connections") == 2, "one place to be free")
    client(narrow).start_publishing(name="s9")


def test_no_video_header(server, client, tags):
    """Frames before the codec header, broken frames and broken metadata are dropped and counted; the rest plays."""
    publisher = client().start_publishing()
    publisher.send_message(DATA, b"\x02\x00", stream_id=1, chunk_stream=4)
    publisher.send_tag(next(tag for tag in tags if is_keyframe(tag)))
    publisher.send_message(VIDEO, b"\x17", stream_id=1, chunk_stream=6)
    publisher.send_message(VIDEO, b"", stream_id=1, chunk_stream=6)
    for tag in tags:
        publisher.send_tag(tag)
    publisher.send_message(VIDEO, b"\x17\x01\0\0\0" + b"\xff" * 100, timestamp=5000, stream_id=1, chunk_stream=6)
    wait_tracks(server)
    wait_until(lambda: server.metric("airclass_rtmp_dropped_messages_total") == 4, "four drops")


def test_broken_codec_header(server, client):
    publisher = client().start_publishing()
    publisher.send_message(VIDEO, b"\x17\x00\0\0\0\x01\x64", stream_id=1, chunk_stream=6)
    assert publisher.wait_status()["code"] == "NetStream.Publish.Rejected"
    publisher.wait_closed()


def test_repeated_and_changed_headers(server, client, tags, tmp_path):
    publisher = client().start_publishing()
    headers = [tag for tag in tags if is_header(tag)]
    for tag in tags:
        if not is_header(tag):
            for kind, _, body in headers:
                publisher.send_tag((kind, tag[1], body))
        publisher.send_tag(tag)
    assert track(wait_tracks(server), "video")["width"] == 320
    offset = tags[-1][1] + 33
    for tag in make_flv(tmp_path / "other.flv", seconds=1, size="640x360", sample_rate=48000):
        publisher.send_tag(tag, offset=offset)
    wait_until(lambda: track(server.stream(), "video")["width"] == 640, "the new size")
    wait_until(lambda: track(server.stream(), "audio")["sample_rate"] == 48000, "the new sample rate")


def make_token(secret, lifetime_s):
    """A teacher's token that is good for a moment only."""

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    now = int(time.time())
    claims = {"iss": "airclass", "aud": "airclass", "sub": "teacher", "role": "teacher", "class": "stream", "path": "live/stream",
              "action": "publish", "jti": "short", "iat": now, "nbf": now, "exp": now + lifetime_s, "auth_time": now}
    signed = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
    return (signed + b"." + encode(hmac.new(secret.encode(), signed, "sha256").digest())).decode()


def test_expired_token_ends_the_publisher(airclassd, client, tags):
    strict = airclassd({"rtmp-ingest": {"trusted": ""}}, plugins=["rtmp-ingest"])
    publisher = client(strict)
    publisher.handshake()
    publisher.connect()
    status = publisher.publish(f"stream?jwt={make_token(strict.secret('jwt-secret'), 2)}", publisher.create_stream())
    assert status["code"] == "NetStream.Publish.Start"
    status = publisher.wait_status()
    assert status["code"] == "NetStream.Publish.Unauthorized" and "expired" in status["description"]
    publisher.wait_closed()


def test_stop_asks_to_reconnect(server, client, tags):
    """Clients that can reconnect are asked to, the others are told; the server is gone within its time."""
    modern = client()
    modern.handshake()
    modern.connect(capsEx=1)
    assert modern.publish("stream", modern.create_stream())["code"] == "NetStream.Publish.Start"
    old = client().start_publishing(name="other")
    server.stop()
    status = modern.wait_status()
    assert status["code"] == "NetConnection.Connect.ReconnectRequest" and status["tcUrl"].endswith("/live")
    assert old.wait_status()["code"] == "NetConnection.Connect.AppShutdown"
    for one in (modern, old):
        one.wait_closed()


def test_reload(server, client, tags):
    first = client().start_publishing()
    server.options["rtmp-ingest"]["duplicate"] = "takeover"
    server.write_config(server.options)
    server.reload()

    def second_may():
        second = client()
        second.handshake()
        second.connect()
        return second.publish("stream", second.create_stream())["code"] == "NetStream.Publish.Start"

    wait_until(second_may, "the new policy")
    assert first.wait_status()["code"] == "NetStream.Publish.BadName"
