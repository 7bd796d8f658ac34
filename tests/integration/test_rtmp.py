"""The RTMP server, driven by ffmpeg, by GStreamer and by a scripted client that speaks as real publishers do."""

import json
import socket
import struct
import subprocess

import pytest

from conftest import ffmpeg_source, wait_until
from rtmp_client import (
    ABORT,
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AUDIO,
    COMMAND_AMF3,
    DATA,
    PING_REQUEST,
    PING_RESPONSE,
    SET_PEER_BANDWIDTH,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACK_SIZE,
    RtmpClient,
    enhanced_avc,
    is_header,
    is_keyframe,
    make_flv,
)


@pytest.fixture(scope="session")
def tags(tmp_path_factory):
    return make_flv(tmp_path_factory.mktemp("media") / "plain.flv")


@pytest.fixture
def server(airclassd):
    return airclassd(plugins=["rtmp-ingest"])


@pytest.fixture
def client(server):
    """A factory of scripted clients, closed at the end of the test."""
    clients = []

    def connect(to=None, protocol="rtmp", **arguments):
        made = RtmpClient((to or server).endpoint(protocol), tls=protocol == "rtmps", **arguments)
        clients.append(made)
        return made

    yield connect
    for made in clients:
        made.close()


def track(status, kind):
    return next((t for t in status["tracks"] if t["kind"] == kind), None)


def wait_tracks(server, path="live/stream", kinds=("video", "audio")):
    return wait_until(lambda: (s := server.stream(path))["state"] == "live" and all(track(s, k) for k in kinds) and s, f"tracks {kinds}")


def resident_bytes(server):
    return int(open(f"/proc/{server.process.pid}/statm").read().split()[1]) * 4096


def probe(path):
    command = ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", str(path)]
    streams = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)["streams"]
    return {s["codec_type"]: s for s in streams}


def record(server, path, seconds, *, url=None):
    """Plays with ffmpeg; returns what ffprobe sees in the file."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", url or server.rtmp_url(), "-t", str(seconds), "-c", "copy", "-y", str(path)]
    subprocess.run(command, check=True, timeout=60)
    return probe(path)


# ---- The commands that must simply work


def test_ffmpeg_with_bframes(server, run):
    run(ffmpeg_source(video="testsrc=size=1280x720:rate=30") + ["-f", "flv", server.rtmp_url()])
    status = wait_tracks(server)
    assert track(status, "video")["codec"] == "h264" and track(status, "video")["width"] == 1280
    assert track(status, "audio")["codec"] == "aac" and track(status, "audio")["sample_rate"] == 44100
    assert status["publisher"]["protocol"] == "rtmp"
    wait_until(lambda: any("b-frames" in w["type"].lower() for w in server.stream()["warnings"]), "the warning about B-frames")


def test_ffmpeg_copies_a_file(server, run, tmp_path):
    file = tmp_path / "file.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-f", "lavfi", "-i",
                    "sine", "-c:v", "libx264", "-c:a", "aac", "-t", "2", str(file)], check=True, timeout=60)
    run(["ffmpeg", "-nostdin", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-f", "flv", server.rtmp_url()])
    wait_tracks(server)


GST_FLVMUX_RTMPSINK = (
    "flvmux name=mux ! rtmpsink location={url} videotestsrc is-live=true ! x264enc speed-preset=ultrafast bitrate=3000 key-int-max=60 ! "
    "video/x-h264,profile=high ! mux. audiotestsrc is-live=true ! audioconvert ! avenc_aac ! mux."
)
GST_RTMP2SINK = "videotestsrc is-live=true ! x264enc tune=zerolatency ! h264parse ! flvmux streamable=true ! rtmp2sink location={url}"


def test_gstreamer_rtmpsink(server, run):
    run(["gst-launch-1.0", *GST_FLVMUX_RTMPSINK.format(url=server.rtmp_url()).split()])
    wait_tracks(server)


def test_gstreamer_rtmp2sink(server, run):
    run(["gst-launch-1.0", *GST_RTMP2SINK.format(url=server.rtmp_url()).split()])
    wait_tracks(server, kinds=["video"])


def test_ffmpeg_plays(server, publish, tmp_path):
    publish(server)
    streams = record(server, tmp_path / "out.mp4", 3)
    assert streams["video"]["codec_name"] == "h264" and streams["video"]["width"] == 640
    assert int(streams["video"]["nb_read_packets"]) >= 60
    assert streams["audio"]["codec_name"] == "aac" and int(streams["audio"]["nb_read_packets"]) >= 90
    assert server.metric("airclass_rtmp_bytes_total") > 0


def test_gstreamer_plays(server, publish, run):
    publish(server)
    player = run(["gst-launch-1.0", "rtmp2src", f"location={server.rtmp_url()}", "num-buffers=100", "!", "fakesink"])
    assert player.wait(30) == 0, player.log_path.read_text()


def test_play_of_nothing(server, tmp_path):
    player = subprocess.run(["ffmpeg", "-nostdin", "-i", server.rtmp_url("live/nothing"), "-f", "null", "-"], capture_output=True, timeout=30)
    assert player.returncode != 0
    assert b"Nobody publishes this stream" in player.stderr


def test_single_segment(server, run, publish):
    """rtmp://host/stream is the default class, as OBS with an empty key and ffmpeg say it."""
    run(ffmpeg_source(video="testsrc=size=320x240:rate=30") + ["-f", "flv", server.rtmp_url("stream")])
    wait_tracks(server, "live/stream")


def test_rtmps(airclassd, client, tmp_path, tags):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    secure = airclassd({"http": {"tls_certificate": certificate, "tls_key": key, "tls_listen": "127.0.0.1:0"}}, plugins=["rtmp-ingest"])
    publisher = client(secure, "rtmps").start_publishing()
    for tag in tags:
        publisher.send_tag(tag)
    status = wait_tracks(secure)
    assert status["publisher"]["protocol"] == "rtmps"
    # A plain client on the TLS port, and rubbish, harm nobody.
    with socket.create_connection(secure.endpoint("rtmps")) as plain:
        plain.sendall(b"\x03" + bytes(1536))
        plain.settimeout(10)
        try:
            while plain.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert secure.stream()["state"] == "live"


# ---- Publishers of the field


def test_obs_like(server, client, tags):
    """Chunk size before connect, everything pipelined, compressed headers, Enhanced RTMP headers that were never announced."""
    obs = client()
    obs.handshake()
    obs.set_chunk_size(4096)
    obs.send(
        obs.command_bytes("connect", {"app": "live", "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; FMSc/1.0)",
                                      "swfUrl": server.rtmp_url("live"), "tcUrl": server.rtmp_url("live")})
        + obs.command_bytes("releaseStream", None, "stream") + obs.command_bytes("FCPublish", None, "stream")
        + obs.command_bytes("createStream", None)
        + obs.command_bytes("_checkbw", None)
        + obs.command_bytes("publish", None, "stream", "live", stream_id=1, chunk_stream=8)
    )
    assert obs.wait_status()["code"] == "NetStream.Publish.Start"
    obs.metadata()
    for tag in tags:
        obs.send_tag(enhanced_avc(tag), chunk_stream=4)
    status = wait_tracks(server)
    assert track(status, "video")["codec"] == "h264"
    obs.command("FCUnpublish", None, "stream")
    obs.command("deleteStream", None, 1)
    server.wait_state("held")


def test_rootencoder_like(server, client, tags):
    """Chunks of 128 bytes for ever, only type-0 headers, absolute time; and a codec header with every keyframe."""
    android = client().start_publishing()
    android.metadata(ecma=False)
    headers = [tag for tag in tags if is_header(tag)]
    for tag in tags:
        if is_keyframe(tag):
            for kind, _, body in headers:
                android.send_tag((kind, tag[1], body), form=0)
        android.send_tag(tag, form=0)
    status = wait_tracks(server)
    assert track(status, "video")["width"] == 320


def test_haishinkit_like(server, client, tags):
    """The query in the app, chunk size 8192 after connect, delta headers."""
    apple = client()
    apple.handshake()
    assert apple.connect(f"live?key={server.stream_key}")[0] == "_result"
    apple.set_chunk_size(8192)
    stream = apple.create_stream()
    assert apple.publish("stream", stream)["code"] == "NetStream.Publish.Start"
    for tag in tags:
        apple.send_tag(tag)
    wait_tracks(server)
    apple.close()
    server.wait_state("held")


def test_flash_like(server, client, tags):
    """Commands in AMF3 messages, Abort, aggregate messages, an acknowledgement window and a ping."""
    flash = client()
    flash.handshake(c2=bytes(1536))  # an echo that does not match
    flash.send_message(WINDOW_ACK_SIZE, struct.pack(">I", 5000), chunk_stream=2)
    flash.send_message(SET_PEER_BANDWIDTH, struct.pack(">IB", 777777, 2), chunk_stream=2)
    flash.send_message(USER_CONTROL, struct.pack(">HI", PING_REQUEST, 4711), chunk_stream=2)
    flash.command("connect", {"app": "live", "objectEncoding": 3, "tcUrl": server.rtmp_url("live")}, kind=COMMAND_AMF3)
    assert flash.wait_answer(1)[0] == "_result"
    kinds = [(m.kind, m.payload) for m in flash.messages]
    assert (USER_CONTROL, struct.pack(">HI", PING_RESPONSE, 4711)) in kinds
    assert (WINDOW_ACK_SIZE, struct.pack(">I", 777777)) in kinds
    stream = flash.create_stream()
    flash.command("publish", None, "stream", "live", stream_id=stream, kind=COMMAND_AMF3)
    assert flash.wait_status()["code"] == "NetStream.Publish.Start"
    # A frame that is begun and taken back.
    flash.send(flash.chunks(VIDEO, bytes(1000), stream_id=1, chunk_stream=6)[:140])
    flash.send_message(ABORT, struct.pack(">I", 6), chunk_stream=2)
    for begin in range(0, len(tags), 5):
        group = tags[begin : begin + 5]
        body = b"".join(
            bytes([kind]) + struct.pack(">I", len(data))[1:] + struct.pack(">I", timestamp)[1:] + b"\0\0\0\0" + data
            + struct.pack(">I", len(data) + 11) for kind, timestamp, data in group)
        flash.send_message(AGGREGATE, body, timestamp=group[0][1], stream_id=1, chunk_stream=7)
    wait_tracks(server)
    acknowledgement = flash.wait(lambda m: m.kind == ACKNOWLEDGEMENT)
    assert struct.unpack(">I", acknowledgement.payload)[0] >= 5000


def test_chunk_sizes(server, client, tags):
    """1 byte, then 128, then the largest that can be said, in the middle of a stream."""
    publisher = client().start_publishing()
    third = len(tags) // 3
    for size, part in ((1, tags[:third]), (128, tags[third : 2 * third]), (0x7FFFFFFF, tags[2 * third :])):
        publisher.set_chunk_size(size)
        for tag in part:
            publisher.send_tag(tag)
    wait_tracks(server)
    wait_until(lambda: server.stream()["keyframe_interval_ms"] == 1000, "every frame to arrive")
    assert server.metric("airclass_rtmp_dropped_messages_total") in (None, 0)


# ---- Enhanced RTMP


def opus_head(channels=2):
    return b"OpusHead" + struct.pack("<BBHIHB", 1, channels, 312, 48000, 0, 0)


def test_enhanced_capabilities(client):
    enhanced = client()
    enhanced.handshake()
    answer = enhanced.connect(fourCcList=["hvc1", "av01", "vp09"], capsEx=15)
    for information in (answer[2], answer[3]):
        assert {"avc1", "hvc1", "av01", "Opus", "mp4a"} == set(information["fourCcList"])
        assert set(information["videoFourCcInfoMap"]) == {"avc1", "hvc1", "av01"}


def test_opus_passes_through(server, client, tags):
    """Opus goes to players that announced it, and only to them."""
    publisher = client().start_publishing()
    publisher.send_tag((AUDIO, 0, b"\x90Opus" + opus_head()))
    for tag in tags:
        if tag[0] == VIDEO:
            publisher.send_tag(tag)
            publisher.send_tag((AUDIO, tag[1], b"\x91Opus\xfc\xff\xfe"))
    status = wait_tracks(server)
    assert track(status, "audio")["codec"] == "opus"

    def play(**properties):
        player = client()
        player.handshake()
        player.connect(**properties)
        player.command("play", None, "stream", stream_id=player.create_stream())
        return player

    new = play(audioFourCcInfoMap={"Opus": 1})
    assert new.wait(lambda m: m.kind == AUDIO).payload == b"\x90Opus" + opus_head()
    assert new.wait(lambda m: m.kind == AUDIO).payload == b"\x91Opus\xfc\xff\xfe"
    old = play()
    old.wait(lambda m: m.kind == VIDEO and m.payload[0] == 0x27)
    assert not [m for m in old.messages if m.kind == AUDIO]


def mp4_box(data, name, at=0):
    """The content of the first box of that name, wherever it stands."""
    at = data.index(name, at)
    return data[at + 4 : at - 4 + struct.unpack_from(">I", data, at - 4)[0]]


@pytest.mark.parametrize("encoder, box, fourcc, codec", [("libx265", b"hvcC", b"hvc1", "h265"), ("libaom-av1", b"av1C", b"av01", "av1")])
def test_newer_codecs_pass_through(server, client, tmp_path, encoder, box, fourcc, codec):
    file = tmp_path / "video.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10", "-c:v", encoder,
                    *(["-cpu-used", "8", "-usage", "realtime"] if codec == "av1" else []), "-pix_fmt", "yuv420p", "-t", "0.5", str(file)],
                   check=True, timeout=60, capture_output=True)
    data = file.read_bytes()
    header = mp4_box(data, box)
    size = struct.unpack_from(">I", mp4_box(data, b"stsz"), 12)[0]
    begin = struct.unpack_from(">I", mp4_box(data, b"stco"), 8)[0]
    frame = data[begin : begin + size]
    composition = b"\0\0\0" if codec == "h265" else b""
    publisher = client().start_publishing()
    publisher.send_tag((VIDEO, 0, b"\x90" + fourcc + header))
    publisher.send_tag((VIDEO, 0, b"\x91" + fourcc + composition + frame))
    status = wait_tracks(server, kinds=["video"])
    assert track(status, "video")["codec"] == codec and track(status, "video")["width"] == 160
    player = client()
    player.handshake()
    player.connect(fourCcList=["*"])
    player.command("play", None, "stream", stream_id=player.create_stream())
    assert player.wait(lambda m: m.kind == VIDEO).payload == b"\x90" + fourcc + header
    assert player.wait(lambda m: m.kind == VIDEO).payload == b"\x91" + fourcc + composition + frame
    old = client()
    old.handshake()
    old.connect()
    old.command("play", None, "stream", stream_id=old.create_stream())
    status = old.wait_status()
    assert status["code"] == "NetStream.Play.Failed" and "Enhanced RTMP" in status["description"]


def test_unknown_codec_is_refused(server, client):
    for body, word in ((b"\x90vp09\x00\x00", "vp09"), (b"\x22\x00\x00", "Sorenson"), (b"\x14\x00", "VP6")):
        publisher = client().start_publishing()
        publisher.send_message(VIDEO, body, stream_id=1, chunk_stream=6)
        status = publisher.wait_status()
        assert status["code"] == "NetStream.Publish.Rejected" and word in status["description"]
        publisher.wait_closed()
        wait_until(lambda: server.metric("airclass_rtmp_publishers") == 0, "the publisher to be gone")
    publisher = client().start_publishing()
    publisher.send_message(AUDIO, b"\x2f\x00\x00", stream_id=1, chunk_stream=4)
    status = publisher.wait_status()
    assert status["code"] == "NetStream.Publish.Rejected" and "MP3" in status["description"]


def test_modifiers_and_multitrack(server, client, tags):
    """Nanosecond offsets before each packet, and two tracks of which the first is taken."""
    publisher = client().start_publishing()
    for kind, timestamp, body in tags:
        if kind == VIDEO:
            packet, data = body[1], (body[2:] if body[1] == 1 else body[5:])
            track_0 = b"\x00" + struct.pack(">I", len(data))[1:] + data
            track_1 = b"\x01" + struct.pack(">I", len(data))[1:] + bytes(len(data))
            body = bytes([0x80 | body[0] & 0x70 | 7]) + b"\x02\x00\x01\x00\x06" + bytes([1 << 4 | packet]) + b"avc1" + track_0 + track_1
        publisher.send_tag((kind, timestamp, body))
    status = wait_tracks(server)
    assert track(status, "video")["width"] == 320
    assert server.metric("airclass_rtmp_dropped_messages_total") in (None, 0)


# ---- Play


def test_play_begins_with_the_cached_picture(server, client, tags):
    publisher = client().start_publishing()
    for tag in tags:
        publisher.send_tag(tag)
    wait_tracks(server)
    player = client()
    player.handshake()
    player.connect()
    player.command("play", None, "stream", -2000, stream_id=player.create_stream())
    assert player.wait_status()["code"] == "NetStream.Play.Reset"
    assert player.wait_status()["code"] == "NetStream.Play.Start"
    metadata = player.wait(lambda m: m.kind == DATA and m.values[0] == "onMetaData").values[1]
    assert (metadata["width"], metadata["height"], metadata["audiosamplerate"]) == (320, 240, 44100)
    assert player.wait(lambda m: m.kind == VIDEO).payload[:2] == b"\x17\x00"
    first = player.wait(lambda m: m.kind == VIDEO)
    assert first.payload[:2] == b"\x17\x01"
    assert server.stream()["readers"]["rtmp"] == 1
    # The publisher goes and comes back: the same player goes on.
    publisher.close()
    server.wait_state("held")
    back = client().start_publishing()
    for tag in tags:
        back.send_tag(tag)
    again = player.wait(lambda m: m.kind == VIDEO and m.payload[:2] == b"\x17\x01" and m.timestamp > first.timestamp + 1500)
    times = [m.timestamp for m in player.messages if m.kind == VIDEO]
    assert times == sorted(times) and again.timestamp < 60000


def test_play_pause(server, client, publish):
    publish(server)
    player = client()
    player.handshake()
    player.connect()
    player.command("play", None, "stream", stream_id=player.create_stream())
    player.wait(lambda m: m.kind == VIDEO)
    player.command("pause", None, True, 0, stream_id=1)
    while player.wait_status()["code"] != "NetStream.Pause.Notify":
        pass
    player.command("pause", None, False, 0, stream_id=1)
    assert player.wait_status()["code"] == "NetStream.Unpause.Notify"
    player.wait(lambda m: m.kind == VIDEO and m.payload[:2] == b"\x17\x01")
    player.command("seek", None, 5, stream_id=1)
    assert player.wait_status()["code"] == "NetStream.Seek.Failed"


def test_player_is_told_of_the_end(airclassd, client, tags):
    short = airclassd({"streams": {"hold": "1s"}}, plugins=["rtmp-ingest"])
    publisher = client(short).start_publishing()
    for tag in tags:
        publisher.send_tag(tag)
    wait_tracks(short)
    player = client(short)
    player.handshake()
    player.connect()
    player.command("play", None, "stream", stream_id=player.create_stream())
    player.wait(lambda m: m.kind == VIDEO)
    publisher.close()
    player.wait(lambda m: m.kind == 20 and m.values[0] == "onStatus" and m.values[3]["code"] == "NetStream.Play.UnpublishNotify")
    player.wait_closed()


def test_a_player_that_does_not_read(server, client, publish):
    """It costs bounded memory, it skips, and the others do not notice."""
    publish(server, video="testsrc2=size=1280x720:rate=30", encode=["-b:v", "8000k"])
    slow = client()
    slow.handshake()
    slow.connect()
    slow.command("play", None, "stream", stream_id=slow.create_stream())
    slow.wait(lambda m: m.kind == VIDEO)
    before = resident_bytes(server)
    fast = client()
    fast.handshake()
    fast.connect()
    fast.command("play", None, "stream", stream_id=fast.create_stream())
    for _ in range(150):
        fast.wait(lambda m: m.kind == VIDEO)
    assert resident_bytes(server) - before < 64 * 1024 * 1024
    # Once it reads again it gets pictures that begin with a keyframe, not the whole of what it missed.
    slow.wait(lambda m: m.kind == VIDEO and m.payload[:2] == b"\x17\x01")


# ---- Who may


def test_strangers_need_a_key(airclassd, client, tags):
    strict = airclassd({"rtmp-ingest": {"trusted": ""}}, plugins=["rtmp-ingest"])

    def publish(app="live", name="stream", tc_url=None):
        publisher = client(strict)
        publisher.handshake()
        assert publisher.connect(app, tc_url)[0] == "_result"
        return publisher, publisher.publish(name, publisher.create_stream())

    for name in ("stream", "stream?key=wrong", "stream?key=", "stream?jwt=a.b.c"):
        publisher, status = publish(name=name)
        assert (status["level"], status["code"]) == ("error", "NetStream.Publish.Unauthorized")
        assert status["description"]
        publisher.wait_closed()
    assert strict.metric("airclass_rtmp_refused_total") == 4
    key = strict.stream_key
    host = "rtmp://127.0.0.1"
    token = strict.token("teacher", action="publish")
    forms = [
        dict(name=f"stream?key={key}"),
        dict(app=f"live?key={key}"),
        dict(tc_url=f"{host}/live?key={key}"),
        dict(tc_url=f"{host.replace('//', '//teacher:' + key + '@')}/live"),
        dict(name=f"stream?user=teacher&pass={key}"),
        dict(name=f"stream?jwt={token}"),
        dict(app=f"stream?key={key}", name=""),
    ]
    for form in forms:
        publisher, status = publish(**form)
        assert status["code"] == "NetStream.Publish.Start", (form, status)
        publisher.close()
        wait_until(lambda: strict.metric("airclass_rtmp_publishers") == 0, "the publisher to be gone")
    publisher, status = publish(app="other", name=f"path?key={key}")
    assert status["code"] == "NetStream.Publish.Unauthorized", "the key of one class is not good for another"
    player = client(strict)
    player.handshake()
    player.connect()
    player.command("play", None, "stream", stream_id=player.create_stream())
    assert player.wait_status()["code"] == "NetStream.Play.Failed"
    log = strict.log_text()
    assert key not in log and token not in log


def test_bad_paths(server, client):
    for name in ("a b", "../x", "x" * 200, "a/../b", "한글", "a\r\nb"):
        publisher = client()
        publisher.handshake()
        publisher.connect()
        assert publisher.publish(name, publisher.create_stream())["code"] == "NetStream.Publish.BadName"
        publisher.wait_closed()


def test_bad_connect(client):
    publisher = client()
    publisher.handshake()
    answer = publisher.wait_answer(publisher.command("connect", {"tcUrl": "rtmp://host/live"}))
    assert answer[0] == "_error" and answer[3]["code"] == "NetConnection.Connect.Rejected"
    publisher.wait_closed()


def test_silent_publisher_makes_room(airclassd, client, tags):
    """A phone that changed networks is back before its old connection is known to be dead."""
    patient = airclassd({"rtmp-ingest": {"idle_timeout": "10min"}}, plugins=["rtmp-ingest"])
    client(patient).start_publishing()

    def returns():
        phone = client(patient)
        phone.handshake()
        phone.connect()
        return phone.publish("stream", phone.create_stream())["code"] == "NetStream.Publish.Start"

    wait_until(returns, "the silent publisher to make room")
    wait_until(lambda: patient.metric("airclass_rtmp_publishers") == 1, "one publisher")
