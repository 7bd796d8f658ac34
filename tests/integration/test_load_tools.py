"""The load tools do what they say, with few viewers for a few seconds: everybody joins, nothing is lost for good, nobody crashes. No timing."""

import json
import subprocess

import pytest

from conftest import BUILD, TOP, ffmpeg_source, wait_until

LOAD = BUILD / "tests" / "load"
pytestmark = pytest.mark.skipif(not (LOAD / "whep-load").is_file(), reason="the build has no load tools (-Dtests=true)")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four seconds of picture and sound with a keyframe each second."""
    path = tmp_path_factory.mktemp("load") / "film.flv"
    command = ffmpeg_source(video="testsrc=size=320x240:rate=30", zerolatency=True, keyframe_frames=30)
    subprocess.run([word for word in command if word != "-re"] + ["-t", "4", "-f", "flv", str(path)], check=True, timeout=60)
    return path


@pytest.fixture
def classroom(request, airclassd, run, film):
    """A server to which rtmp-load publishes the film again and again."""
    server = airclassd(getattr(request, "param", {}))
    run([LOAD / "rtmp-load", "--publishers=1", f"--file={film}", "--duration=600", server.rtmp_url()])
    server.wait_state("live")
    wait_until(lambda: server.stream().get("keyframe_interval_ms"), "a second keyframe")
    return server


def call(tool, server, *arguments):
    """(exit code, figures)"""
    done = subprocess.run([str(LOAD / tool), f"--state-dir={server.state}", "--json", *arguments], capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    assert "ERROR" not in done.stderr, done.stderr[-4000:]
    return done.returncode, json.loads(done.stdout)


def test_viewers_join_and_lose_nothing(classroom):
    code, figures = call("whep-load", classroom, "--viewers=6", "--duration=2", "--threads=2")
    assert code == 0, figures
    assert (figures["joined"], figures["failed"], figures["all"]["lost"], figures["all"]["unauthentic"]) == (6, 0, 0, 0)
    assert figures["first_picture_ms"]["n"] == 6
    assert figures["all"]["frames"] > 6 * 30 and figures["all"]["audio_packets"] > 6 * 50
    assert figures["threads"] > 0 and figures["rss_mib"] > 0
    wait_until(lambda: classroom.metric("airclass_whep_viewers") == 0, "all to have left")


@pytest.mark.parametrize("classroom", [{"whep-egress": {"sound_waits_from": "2"}}], indirect=True)
def test_sound_waits_for_the_picture_when_many_watch(classroom):
    """Then frames of 20 ms come joined, and most of them in the picture's message."""
    messages = {}
    for viewers, waits in ((1, False), (3, True)):
        code, figures = call("whep-load", classroom, f"--viewers={viewers}", "--duration=3", "--receive-offload")
        measured = figures["measured"]
        messages[waits] = measured["messages"] / measured["frames"]
        assert code == 0 and measured["lost"] == measured["audio_lost"] == 0, figures
        assert measured["frames"] > viewers * 2.5 * 30 and measured["audio_samples"] > viewers * 2.5 * 48000, figures
        assert (measured["audio_samples"] > measured["audio_packets"] * 960 * 1.1) == waits, figures
    assert messages[True] < messages[False] - 0.7, messages  # of 1.7 packets of sound a picture
    for kind in ("audio", "video"):
        assert classroom.metric(f'airclass_whep_delay_seconds_count{{kind="{kind}"}}') > 0


def test_what_is_dropped_is_asked_for_again(classroom):
    _, figures = call("whep-load", classroom, "--viewers=3", "--duration=3", "--loss=5")
    everything = figures["all"]
    # A retransmission that a busy machine brings after a second counts as lost.
    assert everything["dropped_here"] > 0 and everything["repaired"] > 10 * everything["lost"], figures


@pytest.mark.parametrize("classroom", [{"whep-egress": {"loops": "1"}}], indirect=True)
def test_what_many_drop_is_asked_for_again(classroom):
    """With so many on a loop their reports are read by the clock; those who come and go meanwhile are heard as ever."""
    _, figures = call("whep-load", classroom, "--viewers=120", "--duration=4", "--loss=5")
    assert (figures["joined"], figures["failed"]) == (120, 0), figures
    measured = figures["measured"]
    assert measured["dropped_here"] > 0 and measured["repaired"] > 10 * measured["lost"], figures
    wait_until(lambda: classroom.metric("airclass_whep_viewers") == 0, "all to have left")


def test_without_nack_losses_stay(classroom):
    code, figures = call("whep-load", classroom, "--viewers=2", "--duration=4", "--loss=5", "--no-nack")
    assert code == 1, figures
    assert figures["all"]["repaired"] == 0 and figures["all"]["lost"] > 0 and figures["all"]["plis"] > 0


def test_bad_clients_stop_half_way(classroom):
    for station in ("post", "checks", "dtls"):
        code, figures = call("whep-load", classroom, "--viewers=3", "--duration=0.5", "--settle=0", f"--stop-at={station}")
        assert (code, figures["joined"], figures["failed"], figures["stays"]) == (0, 0, 0, 3), figures
    wait_until(lambda: classroom.metric("airclass_whep_viewers") == 0, "all to be freed")


def test_churn(classroom):
    _, figures = call("whep-load", classroom, "--viewers=4", "--duration=3", "--stay=1", "--vanish=50", "--join-rate=20")
    assert figures["stays"] > 4 and figures["failed"] == 0, figures
    wait_until(lambda: classroom.metric("airclass_whep_viewers") == 0, "those who vanished to be freed")


def test_nobody_publishes(airclassd):
    code, figures = call("whep-load", airclassd(), "--viewers=1", "--duration=1")
    assert code == 1 and figures["failures"] == {"POST answered 409": 1}


def test_many_publishers(airclassd, film):
    server = airclassd()
    code, figures = call("rtmp-load", server, "--publishers=5", f"--file={film}", "--duration=2")
    assert (code, figures["live"], figures["failed"]) == (0, 5, 0), figures
    assert figures["megabits_per_s"] > 0
    paths = {stream["path"] for stream in server.get("/api/streams", token=server.teacher_key).json["streams"]}
    assert paths >= {f"live/load{i}" for i in range(5)}


@pytest.mark.parametrize("answers", ["http", "socket"])
def test_a_class(airclassd, answers):
    server = airclassd()
    code, figures = call("class-load", server, "--students=8", "--listeners=4", "--messages=5", "--join-seconds=0.5", "--answer-seconds=0.2",
                         "--chat-interval=0.05", f"--answers={answers}")
    assert (code, figures["failed"], figures["failures"], figures["problems"]) == (0, 0, {}, []), figures
    assert (figures["joined"], figures["acknowledged"], figures["progress"]) == (12, 8, 8), figures
    heard = {name: figures[f"{name}_ms"]["n"] for name in ("join", "published", "acknowledged", "chat")}
    assert heard == {"join": 12, "published": 8, "acknowledged": 8, "chat": 5 * (1 + 8 + 4)}, figures
    assert figures["rss_mib"] > 0 and figures["threads"] > 0
    # It takes its class away again.
    assert not [c for c in server.get("/api/classes", token=server.teacher_key).json["classes"] if c["class_id"].startswith("load-")]


def test_a_class_that_is_too_small_for_all(airclassd):
    """Who is turned away is told, and fails the run."""
    server = airclassd({"http": {"max_connections_per_address": "6"}})
    code, figures = call("class-load", server, "--students=12", "--messages=0", "--join-seconds=0.2", "--patience=2", "--answers=socket")
    assert code == 1 and figures["problems"] and figures["joined"] < 12, figures


@pytest.mark.parametrize("arguments, told", [
    (["class-load", "--students=0", "http://127.0.0.1:1/"], "--students"),
    (["class-load", "--students=1", "--messages=26", "http://127.0.0.1:1/"], "--messages"),
    (["class-load", "--answers=pigeon", "http://127.0.0.1:1/"], "pigeon"),
    (["class-load"], "say where"),
    (["class-load", "http://127.0.0.1:1/"], "--key"),
    (["class-load", "--state-dir=/nowhere"], "/nowhere"),
    (["whep-load", "--viewers=0", "http://127.0.0.1:1/x"], "--viewers"),
    (["whep-load"], "say where"),
    (["whep-load", "ftp://x/"], "ftp://x/"),
    (["whep-load", "--state-dir=/nowhere"], "/nowhere"),
    (["whep-load", "--stop-at=lunch", "http://127.0.0.1:1/x"], "lunch"),
    (["rtmp-load", "--file=/nowhere.flv", "rtmp://127.0.0.1/live/x"], "/nowhere.flv"),
    (["rtmp-load", "--file=/etc/passwd", "rtmp://127.0.0.1/live/x"], "not an FLV"),
    (["rtmp-load", "--file=x", "http://127.0.0.1/"], "http://127.0.0.1/"),
])
def test_what_is_wrong_is_said(arguments, told):
    done = subprocess.run([str(LOAD / arguments[0]), *arguments[1:]], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and told in done.stderr, done.stderr


@pytest.mark.parametrize("command, shown", [
    (["run", "viewers", "3", "--duration=1"], "viewers joined"),
    (["run", "joins", "3", "--duration=1", "--watching=2"], "who watched meanwhile"),
    (["run", "publishers", "3", "--duration=1"], "CPU-ms per publisher-second"),
    (["run", "class", "3", "--listeners=2", "--join-seconds=0.5", "--viewers=2"], "who watched meanwhile"),
    (["soak", "--duration=8", "--viewers=4", "--steady=2", "--stay=1", "--publisher-every=4"], "the server ended with 0"),
])
def test_scripts(command, shown, tmp_path_factory, monkeypatch):
    """What they measure is not asserted: flatness within seconds least of all."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    done = subprocess.run([str(TOP / "tests" / "load" / command[0]), f"--build={BUILD}", *command[1:]], capture_output=True, text=True, timeout=180)
    assert done.returncode in (0, 1) and shown in done.stdout, done.stdout + done.stderr
