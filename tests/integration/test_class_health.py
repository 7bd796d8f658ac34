"""What a teacher is told of the class: viewers by level and quality, and a warning with the likely cause when it suffers.

The viewers are scripted peers that report what a bad network would make them report; the publishers are ffmpeg and a scripted one
that falls silent.
"""

import signal
import struct
import threading
import time

import pytest

from conftest import wait_until
from rtmp_client import RtmpClient, make_flv
from whep_client import Peer


def viewers(server, query=""):
    answer = server.get(f"/api/streams/live/stream/viewers{query}", token=server.token("teacher"))
    assert answer.status == 200, answer.text
    return answer.json


def warning(server, kind):
    return next((w for w in server.stream()["warnings"] if w["type"] == kind), None)


def series(server, name, label):
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(name + "{") and f'"{label}"' in line:
            return float(line.rsplit(" ", 1)[1])
    return None


class Reporter(threading.Thread):
    """A viewer that keeps its consent fresh and reports @loss (0 to 1) twice a second."""

    def __init__(self, server, user_id, loss=0.0):
        super().__init__(daemon=True)
        self.peer, self.loss, self.ended = Peer(server), loss, threading.Event()
        self.peer.connect(server.token(user_id=user_id))
        self.start()

    def run(self):
        video = None
        next_report = 0
        while not self.ended.is_set():
            packet = self.peer.receive(wait_s=0.5)
            if packet and packet[1] & 0x7F == 96:
                video = packet[8:12]
            if video and time.monotonic() > next_report:
                next_report = time.monotonic() + 0.5
                lost = struct.pack(">BBBB", int(self.loss * 256), 0, 0, 1)
                # RFC 3550 §6.4.2: one block, without a sender report to refer to
                block = video + lost + struct.pack(">IIII", 1, 900, 0, 0)
                self.peer.send_rtcp(struct.pack(">BBHI", 0x81, 201, 7, 7) + block)
                self.peer.check(wait_s=0.2)

    def stop(self):
        self.ended.set()
        self.join(10)
        self.peer.close()


@pytest.fixture
def reporters():
    made = []

    def make(*arguments, **options):
        made.append(Reporter(*arguments, **options))
        return made[-1]

    yield make
    for reporter in made:
        reporter.stop()


def test_a_suffering_student_is_found_and_told(airclassd, publish, reporters):
    server = airclassd()
    publish(server, zerolatency=True)
    good, bad = reporters(server, "good"), reporters(server, "bad", loss=0.3)
    wait_until(lambda: any(v["suffers"] for v in viewers(server)["viewers"]), "the loss to be seen")

    worst = viewers(server, "?sort=worst&limit=1")
    assert [v["user_id"] for v in worst["viewers"]] == ["bad"] and worst["next_cursor"] == "1"
    assert [v["user_id"] for v in viewers(server, "?sort=worst&limit=1&cursor=1")["viewers"]] == ["good"]
    summary = worst["summary"]
    assert (summary["viewers"], summary["playing"], summary["suffering"]) == (2, 2, 1)
    assert sum(summary["levels"].values()) == 2 and summary["loss"]["p95"] == pytest.approx(0.3, abs=0.01)

    status = server.get(bad.peer.location + "/status")
    assert status.status == 200 and status.json["loss"] == pytest.approx(0.3, abs=0.01)
    assert status.json["level"] in ("full", "reduced", "low", "audio") and "address" not in status.json
    assert status.headers["Access-Control-Allow-Origin"] == "*"

    told = wait_until(lambda: warning(server, "class-students"), "the warning")
    assert told["parameters"]["affected"] == 1 and told["parameters"]["watching"] == 2
    assert "1 of 2 students" in told["text"]
    assert "class-students" not in server.get("/api/streams/live/stream", token=server.token()).text
    assert series(server, "airclass_whep_class_health", "students") == 1
    assert sum(series(server, "airclass_whep_viewers_by_level", level) for level in ("full", "reduced", "low", "audio")) == 2
    assert "class live/stream: students" in server.log_text()
    # No series a viewer: their number would be a stranger's to choose.
    metrics = server.get("/metrics").text
    for viewer in viewers(server)["viewers"]:
        assert not any(str(viewer[key]) in metrics for key in ("viewer_id", "address"))
        assert f'"{viewer["user_id"]}"' not in metrics

    bad.loss = 0
    wait_until(lambda: not warning(server, "class-students"), "the warning to go")
    assert series(server, "airclass_whep_class_health", "healthy") == 1
    good.stop()
    for name in ("rtt_seconds", "loss_ratio", "jitter_seconds"):
        assert server.metric(f"airclass_whep_viewer_{name}_count") is not None


def test_many_at_one_place(airclassd, publish, reporters):
    server = airclassd()
    publish(server, zerolatency=True)
    for i in range(3):
        reporters(server, f"u{i}", loss=0.25)
    told = wait_until(lambda: warning(server, "class-place"), "the warning")
    assert told["parameters"]["place"] == Peer.LOCAL and told["parameters"]["affected"] == 3


def test_a_silent_publisher_is_the_uplink(airclassd, tmp_path):
    server = airclassd()
    tags = make_flv(tmp_path / "in.flv", seconds=8)
    with RtmpClient(server.endpoint("rtmp")) as publisher:
        publisher.start_publishing()
        publisher.metadata()
        begin = time.monotonic()
        for tag in tags:
            time.sleep(max(0, begin + tag[1] / 1000 - time.monotonic()))  # the pace of a camera
            publisher.send_tag(tag)
        told = wait_until(lambda: warning(server, "class-uplink"), "the warning")
        assert told["parameters"]["detail"] == "silent" and told["parameters"]["value"] >= 1.5
        assert "Nothing has come from you" in told["text"]
    wait_until(lambda: not warning(server, "class-uplink"), "another word: the stream is held")


def test_previews_of_teachers_are_no_students(airclassd, publish, reporters):
    server = airclassd()
    publish(server, zerolatency=True)
    reporters(server, "student")
    preview = Peer(server)
    preview.connect(server.token("teacher", user_id="t-1"))
    everybody, class_ = viewers(server), viewers(server, "?staff=false")
    assert {v["role"] for v in everybody["viewers"]} == {"student", "teacher"}
    assert [v["role"] for v in class_["viewers"]] == ["student"] and class_["summary"]["viewers"] == 1
    preview.close()


def test_stopping_while_lists_are_written(airclassd, publish, reporters):
    server = airclassd()
    publish(server, zerolatency=True)
    reporters(server, "student")
    token = server.token("teacher")
    answers = []

    def ask():
        try:
            while True:
                answers.append(server.get("/api/streams/live/stream/viewers", token=token).status)
        except OSError:
            pass

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) > 20, "answers")
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 503}
