"""FAULTS 9 and 11 for those who watch by HLS: no keyframe, tracks that come late and fall silent."""

import threading
import time

import pytest

from conftest import wait_until
from publisher import Publisher
from rtmp_client import AUDIO, VIDEO, is_header, is_keyframe, make_flv
from test_hls import Player, decodes, packets

GAP_S = 0.25  # between two units of a track that goes on, over a discontinuity, too


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    return make_flv(tmp_path_factory.mktemp("media") / "plain.flv", seconds=6)


def of_kind(tags, kind):
    return [tag for tag in tags if tag[0] == kind]


class Viewer(threading.Thread):
    """A player that misses no segment."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.player = Player(server)
        self.over = threading.Event()
        self.error = None

    def __enter__(self):
        self.start()
        return self.player

    def run(self):
        try:
            while not self.over.is_set():
                self.player.read()
                time.sleep(0.3)
        except BaseException as error:
            self.error = error

    def __exit__(self, *_):
        self.over.set()
        self.join(30)
        if self.error:
            raise self.error


def runs(player, tmp_path):
    """The PTS of each kind, a pair of lists for each stretch between discontinuities; every segment decodes."""
    found = []
    for number in sorted(player.media):
        if not found or player.breaks[number]:
            found.append({"video": [], "audio": []})
        seen, _ = packets(player.media[number], tmp_path)
        for kind in {kind for kind, _, _ in seen}:
            assert decodes(player.media[number], tmp_path, kind[0]) > 0
        for kind, pts, _ in seen:
            found[-1][kind].append(pts)
    return found


def pauses(times):
    times = sorted(times)
    return [(a, b) for a, b in zip(times, times[1:]) if b - a >= GAP_S]


def test_11_tracks_come_and_go(airclassd, tags, tmp_path):
    """Sound alone, then a picture as well, the picture stops, comes back, the sound stops: what there is plays on."""
    server = airclassd()
    with Publisher(server) as publisher:
        publisher.headers(of_kind(tags, AUDIO))
        publisher.frames(of_kind(tags, AUDIO))
        server.wait_state("live")
        with Viewer(server) as player:
            publisher.headers(tags)
            for part in (tags, of_kind(tags, AUDIO), of_kind(tags, AUDIO), tags, tags, of_kind(tags, VIDEO), of_kind(tags, VIDEO), tags):
                publisher.frames(part)
            before = len(player.media)
            publisher.frames(tags)
            wait_until(lambda: len(player.media) > before, "the newest segments")
        found = runs(player, tmp_path)
        kinds = [{kind for kind in run if run[kind]} for run in found]
        assert {"audio"} in kinds and {"video"} in kinds and kinds[-1] == {"audio", "video"}
        assert len(found) <= 8
        for kind in ("video", "audio"):
            assert len(pauses(pts for run in found for pts in run[kind])) == 1, f"{kind}: there was one pause of the publisher's"


def test_9_never_a_keyframe(airclassd, tags, tmp_path):
    """Pictures that nobody can decode: the sound plays, in one stretch; then there is a keyframe, and the picture plays, too."""
    server = airclassd()
    deltas = [tag for tag in tags if not is_keyframe(tag) and not is_header(tag)]
    with Publisher(server) as publisher:
        publisher.headers(tags)
        publisher.frames(deltas)
        server.wait_state("live")
        with Viewer(server) as player:
            for _ in range(5):
                publisher.frames(deltas)
            wait_until(lambda: len(player.media) >= 5, "sound")
            assert not any(player.breaks.values())
            publisher.frames(tags)
            publisher.frames(tags)
            wait_until(lambda: any(player.breaks.values()), "the picture")
        found = runs(player, tmp_path)
        assert not found[0]["video"] and found[1]["video"]
        assert not pauses(found[0]["audio"])
