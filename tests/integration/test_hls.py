"""HLS (RFC 8216): what players get, seen by ffprobe and ffmpeg, and by what stands in the playlists."""

import json
import re
import subprocess
import urllib.parse

import pytest

from conftest import wait_until
from rtmp_client import AUDIO, RtmpClient
from test_openapi import Recorder
from test_rtmp import opus_head

PLUGINS = ["rtmp-ingest", "hls-egress"]
PLAYLIST, SEGMENT = "/{path}/index.m3u8", "/{path}/hls/{segment}"


class Playlist:
    """A media playlist, held against what RFC 8216 demands of each."""

    def __init__(self, text):
        self.text = text
        lines = text.splitlines()
        assert lines[0] == "#EXTM3U" and not text.startswith("\ufeff")
        self.target = int(re.search(r"^#EXT-X-TARGETDURATION:(\d+)$", text, re.M)[1])
        self.first = int(re.search(r"^#EXT-X-MEDIA-SEQUENCE:(\d+)$", text, re.M)[1])
        self.past_breaks = int(re.search(r"^#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)$", text, re.M)[1])
        self.ended = lines[-1] == "#EXT-X-ENDLIST"
        self.segments, duration, breaks = [], None, False
        for line in lines:
            if line.startswith("#EXTINF:"):
                duration = float(line.removeprefix("#EXTINF:").rstrip(","))
                assert 0 < duration and round(duration) <= self.target
            elif line == "#EXT-X-DISCONTINUITY":
                breaks = True
            elif not line.startswith("#"):
                self.segments.append((line, duration, breaks))
                duration, breaks = None, False

    @property
    def last(self):
        return self.first + len(self.segments) - 1


class Player:
    """Reads the playlist again and again, as a player does, and keeps all segments."""

    def __init__(self, server):
        self.server = server
        self.url = server.post("/api/token", json_body={"user_type": "student", "user_id": "tester"}).json["hls_url"]
        self.media, self.durations, self.breaks = {}, {}, {}
        self.playlist = None

    def read(self):
        answer = self.server.get(self.url)
        assert answer.status == 200, answer.text
        assert answer.headers["Content-Type"].split(";")[0] == "application/vnd.apple.mpegurl"
        playlist = Playlist(answer.text)
        if self.playlist:
            assert playlist.target == self.playlist.target and playlist.first >= self.playlist.first
        self.playlist = playlist
        for number, (uri, duration, breaks) in enumerate(playlist.segments, playlist.first):
            if number not in self.media:
                segment = self.server.get(urllib.parse.urljoin(self.url, uri))
                assert segment.status == 200 and segment.headers["Content-Type"] == "video/mp2t"
                self.media[number], self.durations[number], self.breaks[number] = segment.body, duration, breaks
        return playlist

    def has(self, count):
        self.read()
        return len(self.media) >= count


def packets(media, tmp_path):
    """What ffprobe finds: (kind, PTS in s, is a keyframe), and codec, width and height of each kind."""
    file = tmp_path / "media.ts"
    file.write_bytes(media)
    out = subprocess.run(["ffprobe", "-v", "error", "-show_packets", "-show_streams", "-of", "json", file], capture_output=True,
                         check=True, timeout=60).stdout
    found = json.loads(out)
    return ([(p["codec_type"], float(p["pts_time"]), "K" in p["flags"]) for p in found["packets"]],
            {s["codec_type"]: (s["codec_name"], s.get("width"), s.get("height")) for s in found["streams"]})


def decodes(media, tmp_path, kind="v"):
    """How many frames ffmpeg decodes; it may complain of nothing."""
    file = tmp_path / "decode.ts"
    file.write_bytes(media)
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", f"0:{kind}", "-f", "framecrc", "-"], capture_output=True,
                          check=True, timeout=60, text=True)
    assert done.stderr == ""
    return sum(not line.startswith("#") for line in done.stdout.splitlines())


@pytest.mark.parametrize("zerolatency", [True, False], ids=["plain", "b-frames"])
def test_segments(airclassd, publish, tmp_path, zerolatency):
    """Each begins with a keyframe, lasts as long as it says, and goes on where the last one ended."""
    server = airclassd(plugins=PLUGINS)
    publish(server, zerolatency=zerolatency, keyframe_frames=60)
    player = Player(server)
    wait_until(lambda: player.has(4), "four segments")
    numbers = sorted(player.media)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert not any(player.breaks.values())
    begins = []
    for number in numbers:
        found, streams = packets(player.media[number], tmp_path)
        assert streams == {"video": ("h264", 640, 360), "audio": ("aac", None, None)}
        pictures = [packet for packet in found if packet[0] == "video"]
        assert pictures[0][2], "a segment that does not begin with a keyframe"
        begins.append(pictures[0][1])
        assert decodes(player.media[number], tmp_path) == len(pictures)
    for number, begin, end in zip(numbers, begins, begins[1:]):
        assert abs(player.durations[number] - (end - begin)) < 0.001
    whole = b"".join(player.media[number] for number in numbers)
    found, _ = packets(whole, tmp_path)
    shown = sorted(pts for kind, pts, _ in found if kind == "video")
    heard = sorted(pts for kind, pts, _ in found if kind == "audio")
    assert max(b - a for a, b in zip(shown, shown[1:])) < 0.05, "a picture is missing"
    assert max(b - a for a, b in zip(heard, heard[1:])) < 0.05, "sound is missing"
    assert abs(shown[0] - heard[0]) < 0.1
    assert decodes(whole, tmp_path, "a") == len(heard)


def test_a_player(airclassd, publish):
    """ffmpeg plays it, with the token of the address alone, and is counted as a reader."""
    server = airclassd(plugins=PLUGINS)
    publish(server, zerolatency=True)
    url = Player(server).url
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", url, "-t", "8", "-map", "0:v", "-map", "0:a", "-f", "framecrc", "-"],
                          capture_output=True, check=True, timeout=60, text=True)
    assert done.stderr == ""
    assert sum(line.startswith("0,") for line in done.stdout.splitlines()) >= 8 * 30 - 1
    assert server.stream()["readers"]["hls"] >= 1


def test_long_keyframe_interval(airclassd, publish, tmp_path):
    """A keyframe each 20 s: what is cut without one plays on."""
    server = airclassd(plugins=PLUGINS)
    publish(server, zerolatency=True, keyframe_frames=600)
    player = Player(server)
    wait_until(lambda: player.has(3), "three segments", 60)
    whole = b"".join(player.media[number] for number in sorted(player.media))
    found, _ = packets(whole, tmp_path)
    assert decodes(whole, tmp_path) == sum(kind == "video" for kind, _, _ in found) > 200


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_one_track(airclassd, publish, tmp_path, kind):
    server = airclassd(plugins=PLUGINS)
    publish(server, zerolatency=True, **{"audio" if kind == "video" else "video": None})
    player = Player(server)
    wait_until(lambda: player.has(2), "two segments")
    for media in player.media.values():
        _, streams = packets(media, tmp_path)
        assert set(streams) == {kind}
        assert decodes(media, tmp_path, kind[0]) > 30


def test_publisher_returns(airclassd, publish, tmp_path):
    """With another size: the same playlist goes on, and says where it breaks; when the class is over it says so, too."""
    server = airclassd({"streams": {"hold": "5 s"}}, plugins=PLUGINS)
    publisher = publish(server, zerolatency=True)
    player = Player(server)
    wait_until(lambda: player.has(2), "two segments")
    publisher.kill()
    publisher.wait(20)
    server.wait_state("held")
    before = player.read().last
    publisher = publish(server, zerolatency=True, video="testsrc2=size=320x240:rate=30")
    wait_until(lambda: player.read().last >= before + 3, "segments after the return")
    breaking = [number for number, breaks in player.breaks.items() if breaks]
    assert len(breaking) == 1
    for number, media in player.media.items():
        found, streams = packets(media, tmp_path)
        assert streams["video"][1:] == ((640, 360) if number < breaking[0] else (320, 240))
        assert decodes(media, tmp_path) == sum(kind == "video" for kind, _, _ in found)
    publisher.kill()
    publisher.wait(20)
    wait_until(lambda: player.read().ended, "the end of the playlist")
    before = player.playlist.text
    assert player.read().text == before, "an ended playlist never changes"
    publish(server, zerolatency=True)
    again = Player(server)
    wait_until(lambda: again.has(1), "a new class")
    names = [{uri.split("?")[0] for uri, _, _ in each.playlist.segments} for each in (player, again)]
    assert not again.playlist.ended and not names[0] & names[1], "a cache would take the one for the other"


def test_each_documented_status_can_be_produced(airclassd, publish):
    server = airclassd({"hls-egress": {"max_streams": 1}}, plugins=PLUGINS)
    recorder = Recorder(server)
    student, stranger = server.token(), server.token(class_id="other")
    segment = (SEGMENT, "/live/stream/hls/none.ts")
    recorder.send("GET", PLAYLIST, expect=409, token=student)
    recorder.send("GET", segment, expect=404, token=student)
    with RtmpClient(server.endpoint("rtmp")) as publisher:
        publisher.start_publishing(name="opus")
        publisher.send_tag((AUDIO, 0, b"\x90Opus" + opus_head()))
        publisher.send_tag((AUDIO, 0, b"\x91Opus\xfc\xff\xfe"))
        server.wait_state("live", "live/opus")
        answer = recorder.send("GET", (PLAYLIST, "/live/opus/index.m3u8"), expect=406, token=server.token(class_id="opus"))
        assert "H.264 and AAC" in answer.json["detail"]
    publish(server, zerolatency=True)
    publish(server, "live/other", zerolatency=True)
    answer = recorder.send("GET", PLAYLIST, expect=200, token=student)
    assert "jwt" not in answer.text, "the token of a header is not for addresses"
    uri = Playlist(answer.text).segments[0][0]
    recorder.send("GET", (SEGMENT, f"/live/stream/{uri}"), expect=200, token=student)
    refused = recorder.send("GET", (PLAYLIST, "/live/other/index.m3u8"), expect=503, token=stranger)
    assert refused.headers["Retry-After"] and "as many streams" in refused.json["detail"]
    for template, real in ((PLAYLIST, "/live/stream/index.m3u8"), segment):
        recorder.send("GET", (template, real.replace("live/stream", "a%20b")), expect=400, token=student)
        recorder.send("GET", (template, real), expect=401)
        recorder.send("GET", (template, real), expect=403, token=stranger)
    recorder.send("GET", segment, expect=404, token=student)
    for path in ((PLAYLIST, "/live/stream/index.m3u8"), segment):
        assert any(recorder.send("GET", path, token="a.b.c").status == 429 for _ in range(100)), path
    missing = recorder.missing("openapi/hls.yaml")
    assert not missing, sorted(missing)
