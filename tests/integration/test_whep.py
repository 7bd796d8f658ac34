"""WHEP with a second, independent client: aiortc (AES-CM-SHA1, its own ICE and DTLS) plays what ffmpeg publishes; and every
HTTP rule of the resource."""

import asyncio
import json
import random
import re
import subprocess

import pytest

from class_client import School
from conftest import TOP, both_engines, wait_until
from rtmp_client import VIDEO, RtmpClient

aiortc = pytest.importorskip("aiortc")

OFFERS = TOP / "plugins" / "whep-egress" / "tests" / "offers"
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
PATH = "/live/stream/whep"
DEADLINE_S = 30


def offer(name="chrome"):
    return (OFFERS / f"{name}.sdp").read_bytes()


def viewers(server, path="live/stream"):
    answer = server.get(f"/api/streams/{path}/viewers", token=server.token("teacher"))
    assert answer.status == 200, answer.text
    return answer.json["viewers"]


async def until(condition, what, deadline_s=DEADLINE_S):
    """wait_until() that lets the player run."""
    end = asyncio.get_running_loop().time() + deadline_s
    while not (value := condition()):
        if asyncio.get_running_loop().time() > end:
            pytest.fail(f"waited in vain for {what}", pytrace=False)
        await asyncio.sleep(0.02)
    return value


class Player:
    """An aiortc peer that counts what it decodes."""

    def __init__(self, server, token=None, path="live/stream"):
        self.server, self.path = server, path
        self.token = token or server.token()
        self.frames = {"video": 0, "audio": 0}
        self.last = {}
        self.sizes = set()
        self.ended = set()

    async def __aenter__(self):
        self.peer = aiortc.RTCPeerConnection()
        self.peer.addTransceiver("video", direction="recvonly")
        self.peer.addTransceiver("audio", direction="recvonly")
        self.peer.on("track", lambda track: asyncio.ensure_future(self.read(track)))
        await self.peer.setLocalDescription(await self.peer.createOffer())
        body = self.offer()
        self.answer = await asyncio.to_thread(
            self.server.post, f"/{self.path}/whep", body=body, headers=SDP, token=self.token)
        assert self.answer.status == 201, self.answer.text
        self.location = self.answer.headers["Location"]
        await self.peer.setRemoteDescription(aiortc.RTCSessionDescription(self.answer.text, "answer"))
        return self

    async def __aexit__(self, *exception):
        await self.peer.close()

    def offer(self):
        return self.peer.localDescription.sdp

    def lose(self, share):
        """From now on that share of the media packets does not arrive; what is sent again may."""
        ice = self.peer.getReceivers()[0].transport.transport
        receive, random_ = ice._recv, random.Random(1)

        async def lossy():
            while True:
                data = await receive()
                is_media = 128 <= data[0] < 192 and not 192 <= data[1] < 224
                if not is_media or random_.random() >= share:
                    return data

        ice._recv = lossy

    async def ask_for_keyframe(self):
        (receiver,) = [r for r in self.peer.getReceivers() if r.track.kind == "video"]
        (source,) = receiver.getSynchronizationSources()
        await receiver._send_rtcp_pli(source.source)

    async def read(self, track):
        while True:
            try:
                frame = await track.recv()
            except aiortc.mediastreams.MediaStreamError:
                self.ended.add(track.kind)
                return
            self.frames[track.kind] += 1
            self.last[track.kind] = frame
            if track.kind == "video":
                self.sizes.add((frame.width, frame.height))

    async def more(self, video=30, audio=50):
        """Waits until so many further frames were decoded."""
        begin = dict(self.frames)
        await until(lambda: self.frames["video"] >= begin["video"] + video and self.frames["audio"] >= begin["audio"] + audio,
                    f"frames after {begin}, now {self.frames}")

    def loudness(self):
        return abs(self.last["audio"].to_ndarray().astype("int32")).mean()


@both_engines
def test_plays_picture_and_sound(airclassd, publish, engine):
    server = airclassd()
    publish(server, zerolatency=True, keyframe_frames=300)

    async def play():
        async with Player(server) as player:
            await player.more()
            assert player.sizes == {(640, 360)}
            assert player.loudness() > 100
            (viewer,) = await asyncio.to_thread(
                lambda: wait_until(lambda: [v for v in viewers(server) if v["bitrate_bps"] > 0], "the viewer's bitrate"))
            assert viewer["engine"] == engine and viewer["state"] == "playing"
            assert viewer["profile"] == "SRTP_AES128_CM_SHA1_80"
            assert viewer["user_id"] == "tester"
            assert re.fullmatch(r"\S+:\d+", viewer["address"])
            assert viewer["viewer_id"] not in player.location
            assert server.stream()["readers"]["whep"] == 1
            assert server.metric("airclass_whep_viewers") == 1
        await asyncio.to_thread(lambda: wait_until(lambda: viewers(server) == [], "the viewer to have left"))

    asyncio.run(play())
    wait_until(lambda: server.stream()["readers"]["whep"] == 0, "no reader to be left")
    assert server.metric("airclass_whep_viewers") == 0
    wait_until(lambda: server.metric("airclass_whep_packets_sent_total") > 0, "what was sent to be counted")


@both_engines
def test_bframes_and_aac_at_44100_hz(airclassd, publish):
    """The plain ffmpeg command of PROTOCOLS: x264's B-frames and 44.1 kHz AAC play all the same, in order."""
    server = airclassd()
    publish(server)

    async def play():
        async with Player(server) as player:
            await player.more(video=5)
            stamps = []
            for _ in range(40):
                seen = player.frames["video"]
                await until(lambda: player.frames["video"] > seen, "a further picture")
                stamps.append(player.last["video"].pts)
            assert stamps == sorted(stamps)
            assert player.loudness() > 100

    asyncio.run(play())


@pytest.mark.parametrize("bframes", ["drop", "refuse"])
def test_bframes_otherwise(airclassd, publish, bframes):
    server = airclassd({"whep-egress": {"bframes": bframes}})
    # One B-frame at a time is referred to by nothing: it can be left out.
    publish(server, encode=["-x264-params", "bframes=1:b-pyramid=none"])
    wait_until(lambda: any("b-frames" in w["type"] for w in server.stream()["warnings"]), "the B-frames to be seen")
    if bframes == "refuse":
        answer = server.post(PATH, body=offer(), headers=SDP, token=server.token())
        assert answer.status == 406 and answer.json["type"] == "/problems/stream-not-playable"
        assert "B-frames" in answer.json["detail"]
        return

    async def play():
        async with Player(server) as player:
            await player.more(video=20)

    asyncio.run(play())


@both_engines
def test_refusals(airclassd, publish):
    server = airclassd({"whep-egress": {"ice_servers": "stun:stun.example.org:3478"}})
    token = server.token()

    def post(body=offer(), headers=SDP, path=PATH, **arguments):
        return server.post(path, body=body, headers=headers, **arguments)

    idle = post(token=token)
    assert idle.status == 409 and idle.json["type"] == "/problems/not-live"
    assert int(idle.headers["Retry-After"]) > 0

    publish(server, zerolatency=True)
    assert post().status == 401
    assert post(token="nonsense").status == 401
    assert post(path="/live/other/whep", token=token).status in (401, 403)
    assert post(path=PATH + "?jwt=" + token).status == 201
    assert post(headers={"Content-Type": "text/plain"}, token=token).status == 415
    assert post(body=b"hello", token=token).status == 400
    assert post(body=b"v=0\r\n" * 20000, token=token).status == 413
    vp8_only = post(body=offer().replace(b"H264/90000", b"H266/90000"), token=token)
    assert vp8_only.status == 406 and vp8_only.headers["Content-Type"] == "application/problem+json"
    for client in ("chrome", "firefox", "safari", "gstreamer", "aiortc", "libdatachannel"):
        answer = post(body=offer(client), token=token)
        assert answer.status == 201, (client, answer.text)
        assert answer.headers["Content-Type"] == "application/sdp"
        assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])
        assert re.fullmatch(PATH + r"/[0-9a-f]{32}", answer.headers["Location"])
        assert answer.headers["Link"] == '<stun:stun.example.org:3478>; rel="ice-server"'
        assert "a=sendonly" in answer.text and "a=candidate:" in answer.text
    options = server.request("OPTIONS", PATH)
    assert options.status == 204 and options.headers["Accept-Post"] == "application/sdp"
    assert server.metric("airclass_whep_refused_total") >= 6


@both_engines
def test_as_many_viewers_as_there_may_be(airclassd, publish):
    server = airclassd({"whep-egress": {"max_viewers": 2}})
    publish(server, zerolatency=True)
    token = server.token()
    sessions = [server.post(PATH, body=offer(), headers=SDP, token=token) for _ in range(3)]
    assert [s.status for s in sessions] == [201, 201, 503]
    assert int(sessions[2].headers["Retry-After"]) > 0
    assert server.request("DELETE", sessions[0].headers["Location"]).status == 200
    assert server.post(PATH, body=offer(), headers=SDP, token=token).status == 201


@both_engines
def test_session_rules(airclassd, publish):
    server = airclassd()
    publish(server, zerolatency=True)
    session = server.post(PATH, body=offer(), headers=SDP, token=server.token())
    location, etag = session.headers["Location"], session.headers["ETag"]
    trickle = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n" \
              "a=candidate:1 1 UDP 2130706431 6d0b2c2e-0000-4000-8000-000000000000.local 9 typ host\r\n"

    def patch(body=trickle, headers=FRAGMENT, where=location, if_match=None):
        return server.request("PATCH", where, body=body, headers={**headers, **({"If-Match": if_match} if if_match else {})})

    assert patch().status == 428
    assert patch(if_match='"stale"').status == 412
    assert patch(if_match=etag, headers=SDP).status == 415
    assert patch(if_match=etag, body="nonsense").status == 400
    assert patch(if_match="*", body="a=end-of-candidates\r\n").status == 400
    assert patch(if_match=etag, where=PATH + "/0123").status == 404
    taken = patch(if_match=etag)
    assert taken.status == 204 and "ETag" not in taken.headers

    restarted = patch(if_match="*")
    assert restarted.status == 200
    assert restarted.headers["Content-Type"] == "application/trickle-ice-sdpfrag"
    assert "a=ice-ufrag:" in restarted.text and "a=candidate:" in restarted.text
    assert restarted.headers["ETag"] != etag
    assert patch(if_match=etag).status == 412
    assert patch(if_match=restarted.headers["ETag"]).status == 204

    assert server.get(location).status == 200 and server.get(location).body == b""
    assert server.request("HEAD", location).status == 200
    assert server.request("OPTIONS", location).headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    assert server.get(PATH).status == 200 and server.get(PATH).body == b""
    assert server.request("HEAD", PATH).status == 200
    assert server.request("PUT", PATH).status == 405
    assert server.request("DELETE", location, headers={"If-Match": '"whatever"'}).status == 200
    assert server.request("DELETE", location).status == 404
    assert server.get(location).status == 404
    wait_until(lambda: viewers(server) == [], "the viewer to be gone")


@both_engines
def test_lost_packets_are_sent_again(airclassd, publish):
    server = airclassd()
    publish(server, zerolatency=True, keyframe_frames=300)

    async def play():
        async with Player(server) as player:
            await player.more(video=5, audio=5)
            player.lose(0.05)
            await until(lambda: viewers(server)[0]["retransmitted"] > 5, "retransmissions")
            await player.more(video=60)
            (viewer,) = viewers(server)
            assert viewer["nacks"] > 0

    asyncio.run(play())


@both_engines
def test_a_keyframe_is_answered_from_the_cache(airclassd, publish):
    """The publisher sends a keyframe every 10 s; a viewer that asks has one at once, and is not thrown back for good."""
    server = airclassd()
    publish(server, zerolatency=True, keyframe_frames=300)

    async def play():
        async with Player(server) as player:
            await player.more()
            await player.ask_for_keyframe()
            await until(lambda: viewers(server)[0]["keyframe_requests"] > 0, "the request to be counted")
            await until(lambda: server.metric("airclass_whep_replays_total") == 1, "the answer")
            pts = player.last["video"].pts
            await player.more(video=60)
            assert player.last["video"].pts > pts

    asyncio.run(play())


def test_viewers_are_for_the_teacher(airclassd):
    server = airclassd()
    assert server.get("/api/streams/live/stream/viewers").status == 401
    assert server.get("/api/streams/live/stream/viewers", token=server.token()).status == 403
    assert viewers(server) == []


@both_engines
def test_the_end_of_the_token_ends_the_session(airclassd, publish):
    server = airclassd()
    publish(server, zerolatency=True)
    token = short_token(server, 4)

    async def play():
        async with Player(server, token=token) as player:
            await player.more(video=5, audio=5)
            await until(lambda: player.ended == {"video", "audio"}, "both tracks to end")
            assert server.get(player.location).status == 404

    asyncio.run(play())
    assert "expired" in server.log_text()


@both_engines
def test_a_ban_ends_the_session(airclassd, publish, engine):
    """By a token that no socket has ever seen: of the same person, and of the same browser under another user id."""
    server = airclassd()
    publish(server, zerolatency=True)
    school = School(server)
    me = school.student("stream", name="loud")
    twin = school.student("stream", token=me["token"])["token"]
    guest = school.student("stream", token=me["token"], user_id="guest-of-mine")["token"]
    teacher = school.open("teacher", school.teacher("stream"), "stream")
    page = school.open("student", me["token"], "stream")
    page.snapshot

    async def play():
        async with Player(server, token=twin) as first, Player(server, token=guest) as second, Player(server) as friend:
            for player in (first, second, friend):
                await player.more(video=5, audio=5)
            answer = await asyncio.to_thread(teacher.ask, type="ban", user_id=me["user_id"])
            assert answer["type"] == "ok", answer
            for player in (first, second):
                await until(lambda: player.ended == {"video", "audio"}, "both tracks to end")
                assert server.get(player.location).status == 404
                assert server.post("/live/stream/whep", body=offer(), headers=SDP, token=player.token).status == 401
            await friend.more(video=5, audio=5)
            assert [viewer["user_id"] for viewer in viewers(server)] == ["tester"]

    asyncio.run(play())
    school.close()


def short_token(server, seconds):
    """A token as the server signs it, that ends soon."""
    import base64
    import hashlib
    import hmac
    import time

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head, body, _ = server.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["exp"] = int(time.time()) + seconds
    signed = head.encode() + b"." + encode(json.dumps(claims).encode())
    secret = server.secret("jwt-secret")
    return (signed + b"." + encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


@both_engines
def test_publisher_returns_to_the_same_viewers(airclassd, publish):
    server = airclassd()
    first = publish(server, zerolatency=True)

    async def play():
        async with Player(server) as player:
            await player.more()
            first.terminate()
            await asyncio.to_thread(server.wait_state, "held")
            # A held stream takes viewers; they wait with the last picture.
            assert server.post(PATH, body=offer(), headers=SDP, token=server.token()).status == 201
            before = player.last["video"].pts
            await asyncio.to_thread(publish, server, zerolatency=True, video="testsrc=size=320x240:rate=30")
            await player.more()
            assert player.peer.connectionState == "connected"
            assert player.last["video"].pts > before
            await until(lambda: (320, 240) in player.sizes, "the new size")

    asyncio.run(play())


@both_engines
def test_publisher_returns_with_bframes_and_without(airclassd, publish):
    """What viewers get changes over to the rendition and back; the picture stays in order."""
    server = airclassd()

    async def play():
        publisher = await asyncio.to_thread(publish, server, zerolatency=True)
        async with Player(server) as player:
            await player.more()
            for zerolatency in (False, True):
                publisher.terminate()
                await asyncio.to_thread(server.wait_state, "held")
                publisher = await asyncio.to_thread(publish, server, zerolatency=zerolatency)
                await player.more(video=60)
            assert player.peer.connectionState == "connected"

    asyncio.run(play())


@both_engines
@pytest.mark.parametrize("kind", ["video", "audio"])
def test_only_picture_or_only_sound(airclassd, publish, kind):
    server = airclassd()
    publish(server, zerolatency=True, **({"audio": None} if kind == "video" else {"video": None}))

    async def play():
        async with Player(server) as player:
            await player.more(video=20 if kind == "video" else 0, audio=20 if kind == "audio" else 0)

    asyncio.run(play())


def test_sound_that_starts_late(airclassd, publish):
    """The publisher comes back with sound; viewers that came before hear it."""
    server = airclassd()
    first = publish(server, zerolatency=True, audio=None)

    async def play():
        async with Player(server) as player:
            await player.more(audio=0)
            first.terminate()
            await asyncio.to_thread(server.wait_state, "held")
            await asyncio.to_thread(publish, server, zerolatency=True)
            await player.more()
            assert player.loudness() > 100

    asyncio.run(play())


def test_hevc_is_refused_in_words(airclassd, tmp_path):
    server = airclassd()
    file = tmp_path / "hevc.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10", "-t", "0.5",
                    "-c:v", "libx265", "-pix_fmt", "yuv420p", str(file)], check=True, timeout=60, capture_output=True)
    data = file.read_bytes()
    box = data.index(b"hvcC")
    header = data[box + 4 : box - 4 + int.from_bytes(data[box - 4 : box], "big")]
    with RtmpClient(server.endpoint("rtmp")) as publisher:
        publisher.start_publishing()
        publisher.send_tag((VIDEO, 0, b"\x90hvc1" + header))
        publisher.send_tag((VIDEO, 0, b"\x91hvc1" + bytes(3) + bytes([0, 0, 0, 2, 0x26, 0x01])))
        server.wait_state("live")
        answer = server.post(PATH, body=offer(), headers=SDP, token=server.token())
        assert answer.status == 406 and answer.json["type"] == "/problems/stream-not-playable"
        assert "h265" in answer.json["detail"]


@both_engines
def test_the_end_of_the_stream_ends_viewers(airclassd, publish):
    server = airclassd({"streams": {"hold": "1s"}})
    publisher = publish(server, zerolatency=True)

    async def play():
        async with Player(server) as player:
            await player.more(video=5, audio=5)
            publisher.terminate()
            await until(lambda: player.ended == {"video", "audio"}, "both tracks to end")

    asyncio.run(play())
    assert "stream-ended" in server.log_text()


@both_engines
def test_unfinished_and_vanished_viewers_are_freed(airclassd, publish):
    server = airclassd()
    publish(server, zerolatency=True)
    assert server.post(PATH, body=offer(), headers=SDP, token=server.token()).status == 201

    async def vanish():
        async with Player(server) as player:
            await player.more(video=5, audio=5)
            for transceiver in player.peer.getTransceivers():
                await transceiver.receiver.transport.transport.stop()
            await asyncio.to_thread(lambda: wait_until(lambda: viewers(server) == [], "both to be freed"))

    asyncio.run(vanish())
    assert "no-handshake" in server.log_text()
    assert "vanished" in server.log_text()
