"""Streams as a teacher, a student and an operator see them: status, warnings, hold and return, roles, templates."""

import shutil
import subprocess

import pytest

from conftest import TOP, wait_until
from whep_client import Peer

CALM = {"zerolatency": True, "keyframe_frames": 60}


def warnings(status):
    return {warning["type"] for warning in status["warnings"]}


def track(status, kind):
    return next((track for track in status["tracks"] if track["kind"] == kind), None)


def read_rtmp(server, run, path="live/stream"):
    """A player that tells its progress on standard output."""
    return run(["ffmpeg", "-nostdin", "-loglevel", "error", "-i", server.rtmp_url(path), "-map", "0", "-c", "copy",
                "-progress", "pipe:1", "-f", "null", "-"], stdout=subprocess.PIPE)


def wait_progress(player, seconds):
    """Waits until @player has got as many seconds of media."""
    for line in player.stdout:
        key, _, value = line.decode().strip().partition("=")
        if key == "out_time_us" and value.lstrip("-").isdigit() and int(value) >= seconds * 1_000_000:
            return
    pytest.fail(f"the player ended before {seconds} s:\n{player.log_path.read_text()}", pytrace=False)


def test_status_of_a_healthy_stream(airclassd, publish, run):
    server = airclassd()
    publish(server, **CALM)
    player = read_rtmp(server, run)
    wait_progress(player, 0.5)
    status = wait_until(lambda: (s := server.stream())["keyframe_interval_ms"] and s, "the second keyframe")
    assert status["path"] == "live/stream"
    assert status["publisher"]["protocol"] == "rtmp"
    assert status["publisher"]["address"].startswith("127.0.0.1")
    video, audio = track(status, "video"), track(status, "audio")
    assert (video["codec"], video["width"], video["height"]) == ("h264", 640, 360)
    assert 29 < video["fps"] < 31
    assert video["bitrate_bps"] > 50_000
    assert (audio["codec"], audio["sample_rate"], audio["channels"]) == ("aac", 44100, 1)
    assert audio["bitrate_bps"] > 5_000
    assert 1900 < status["keyframe_interval_ms"] < 2100
    assert status["readers"]["rtmp"] == 1 and status["readers"]["whep"] == 0
    assert warnings(status) == set()
    assert server.metric("airclass_streams") == 1
    assert server.metric("airclass_stream_units_total") > 0
    player.terminate()
    wait_until(lambda: server.stream()["readers"]["rtmp"] == 0, "the player to be gone")


def test_warnings_of_bframes_and_long_keyframe_interval(airclassd, publish):
    server = airclassd()
    publish(server, keyframe_frames=240)
    wait_until(lambda: {"b-frames", "long-keyframe-interval"} <= warnings(server.stream()), "both warnings")
    for warning in server.stream()["warnings"]:
        assert len(warning["text"]) > 20


@pytest.mark.parametrize("missing", ["audio", "video"])
def test_warning_of_a_missing_track(airclassd, publish, missing):
    server = airclassd()
    publish(server, **CALM, **{missing: None})
    wait_until(lambda: f"no-{missing}" in warnings(server.stream()), f"the warning of no {missing}")
    assert track(server.stream(), missing) is None


def test_hold_and_return(airclassd, publish, run):
    server = airclassd()
    publisher = publish(server, **CALM)
    player = read_rtmp(server, run)
    wait_progress(player, 1)
    publisher.kill()
    publisher.wait()
    status = server.wait_state("held")
    assert status["publisher"] is None
    assert warnings(status) == {"held"}
    assert status["readers"]["rtmp"] == 1
    # The publisher returns with another size: the same player goes on.
    publish(server, video="testsrc=size=320x180:rate=30", **CALM)
    wait_until(lambda: (video := track(server.stream(), "video")) and video["width"] == 320, "the new size")
    wait_progress(player, 3)
    assert player.poll() is None
    assert server.stream()["readers"]["rtmp"] == 1


def test_end_of_hold(airclassd, publish, run):
    server = airclassd({"streams": {"hold": "200ms"}})
    publisher = publish(server, **CALM)
    player = read_rtmp(server, run)
    wait_progress(player, 0.5)
    publisher.kill()
    publisher.wait()
    server.wait_state("idle")
    player.stdout.read()
    player.wait(20)
    assert server.get("/api/streams", token=server.token("teacher")).json["streams"] == []


def test_a_teacher_ends_the_publisher(airclassd, publish):
    """The publishing program is told and disconnected; viewers wait, and whoever publishes next goes on."""
    server = airclassd()
    path = "/api/streams/live/stream/publisher"
    assert server.request("DELETE", path, token=server.token("teacher")).status == 404
    publisher = publish(server, **CALM)
    assert server.request("DELETE", path, token=server.token()).status == 403
    assert server.stream()["state"] == "live"
    assert server.request("DELETE", path, token=server.token("teacher", user_id="ms kim")).status == 204
    server.wait_state("held")
    publisher.wait(20)
    assert 'its publisher is ended by "ms kim"' in server.log_text()
    publish(server, **CALM)


def test_who_may_see_what(airclassd, publish):
    server = airclassd()
    publish(server, **CALM)
    teacher, student = server.token("teacher"), server.token("student")
    assert server.get("/api/streams/live/stream").status == 401
    assert server.get("/api/streams").status == 401
    assert server.get("/api/streams", token=student).status == 403
    answer = server.get("/api/streams/live/stream", token=student)
    assert answer.status == 200 and answer.json["state"] == "live"
    assert "address" not in answer.json["publisher"]
    assert server.get("/api/streams/live/other", token=student).status == 403
    # A teacher's token is for the class that it names, the key for all of them.
    assert server.get("/api/streams/live/other", token=teacher).status == 403
    other = server.token("teacher", class_id="other")
    assert server.get("/api/streams/live/stream", token=other).status == 403
    assert server.get("/api/streams", token=other).json["streams"] == []
    assert [stream["path"] for stream in server.get("/api/streams", token=teacher).json["streams"]] == ["live/stream"]
    idle = server.get("/api/streams/live/other", token=server.teacher_key)
    assert idle.status == 200 and idle.json["state"] == "idle" and idle.json["tracks"] == []
    assert server.get("/api/streams/live/b%20d", token=teacher).status == 400
    assert server.get("/api/streams?limit=0", token=teacher).status == 400


def test_list_by_pages(airclassd, publish):
    server = airclassd()
    for name in ("a", "b", "c"):
        publish(server, path=f"live/{name}", video="testsrc=size=160x90:rate=10", **CALM)
    teacher = server.teacher_key
    seen, cursor = [], ""
    for _ in range(3):
        page = server.get(f"/api/streams?limit=1{cursor}", token=teacher).json
        seen += [stream["path"] for stream in page["streams"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["live/a", "live/b", "live/c"]
    assert page["next_cursor"] is None


def test_paths_that_may_be_published(airclassd, publish):
    server = airclassd({"streams": {"paths": "live/*"}})
    refused = publish(server, path="elsewhere/stream", wait=False, **CALM)
    assert refused.wait(20) != 0
    assert "elsewhere/stream" in server.log_text()
    publish(server, **CALM)


def test_broken_template_leaves_the_stream_alive(airclassd, publish, tmp_path):
    folder = tmp_path / "pipelines"
    shutil.copytree(TOP / "pipelines", folder, ignore=shutil.ignore_patterns("meson.build"))
    opus = folder / "opus.pipeline"
    opus.write_text(opus.read_text().replace("opusenc", "nosuchencoder"))
    server = airclassd(environment={"AIRCLASS_CORE_PIPELINE_DIR": str(folder)})
    wait_until(lambda: "nosuchencoder" in server.log_text(), "the start to name the broken template")
    assert str(opus) in server.log_text()
    publish(server, **CALM)
    peer = Peer(server)
    try:
        peer.connect()  # the picture comes
        wait_until(lambda: "rendition-failed" in warnings(server.stream()), "the warning")
        text = next(w["text"] for w in server.stream()["warnings"] if w["type"] == "rendition-failed")
        assert "opus" in text and "nosuchencoder" in text
        assert server.stream()["state"] == "live"
        of_student = server.get("/api/streams/live/stream", token=server.token()).json
        assert "rendition-failed" in warnings(of_student) and str(folder) not in str(of_student), "a student sees the server's files"
    finally:
        peer.close()


def test_rendition_starts_and_stops_with_its_readers(airclassd, publish):
    server = airclassd({"streams": {"rendition_grace": "0s"}})
    publish(server)  # B-frames
    wait_until(lambda: server.metric("airclass_stream_renditions_standby") == 1, "the decoder to stand by")
    assert server.metric("airclass_stream_renditions") == 0
    peer = Peer(server)
    try:
        peer.connect()
        wait_until(lambda: server.metric("airclass_stream_renditions") == 2, "Opus and the picture without B-frames")
    finally:
        server.request("DELETE", peer.location, token=server.token())
        peer.close()
    wait_until(lambda: server.metric("airclass_stream_renditions") == 0, "the pipelines to end")
    assert server.metric("airclass_stream_renditions_standby") == 1
    assert server.metric("airclass_stream_rendition_failures_total") == 0
