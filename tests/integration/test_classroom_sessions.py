"""The end of a session: by two nodes in the same moment, and while no server was there."""

import datetime
import json
import sqlite3
import threading

import pytest
from broker_probe import Node, plugin_folder
from class_client import School, algebra
from conftest import wait_until
from test_classroom import PLUGINS
from test_classroom_durable import busy_store


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def read_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def session_of(school, session):
    return school.server.get(f"/api/sessions/{session}", token=school.server.teacher_key).json


# ---- Two nodes


def test_two_nodes_end_a_session_at_once(airclassd, tmp_path):
    """While this node writes the end, another one tells that it has ended it: the next session can be ended all the same."""
    environment = {"AIRCLASS_CORE_PLUGIN_DIR": str(plugin_folder(tmp_path / "plugins"))}
    server = airclassd(plugins=[*PLUGINS, "broker-probe"], environment=environment)
    school = School(server)
    school.make(pin=None)
    session = school.start()
    page = school.open("student", school.student()["token"])
    page.snapshot
    answers, key = [], server.teacher_key

    def end():
        answers.append(server.post(f"/api/sessions/{session}/end", token=key, timeout=60))

    threads = [threading.Thread(target=end) for _ in range(2)]
    with busy_store(school):
        for thread in threads:
            thread.start()
        page.settle()
        event = {"type": "session-ended", "at": stamp(datetime.datetime.now(datetime.UTC)), "class_id": "algebra", "session_id": session,
                 "duration_ms": 1000}
        Node(server).ask("publish-remote", value=event)
        page.wait("session", session=None)
    for thread in threads:
        thread.join(60)
    assert [answer.status for answer in answers] == [200, 200]
    second = school.start()
    assert server.post(f"/api/sessions/{second}/end", token=key).status == 200
    ended = session_of(school, second)
    assert not ended["running"] and ended["ended_reason"] == "teacher"
    school.close()


def test_who_knows_of_the_end_finds_all_of_it(school):
    """Two tabs end it in the same moment; attendance is asked for as soon as either is answered."""
    server, key = school.server, school.server.teacher_key
    session = school.start()
    students = [school.student(name=f"s{i}") for i in range(20)]
    pages = [school.open("student", student["token"]) for student in students]
    for page in pages:
        page.wait("snapshot")
    wait_until(lambda: len(server.get(f"/api/sessions/{session}/attendance", token=key).json["students"]) == 20, "the stays")
    found = []

    def end():
        ended = server.post(f"/api/sessions/{session}/end", token=key, timeout=60).json
        found.append((ended, server.get(f"/api/sessions/{session}/attendance", token=key).json["students"]))

    threads = [threading.Thread(target=end) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    for ended, rows in found:
        assert ended["ended_at"] and ended["ended_reason"] == "teacher" and not ended["running"], ended
        assert len(rows) == 20
        for row in rows:
            assert [stay["left_at"] for stay in row["stays"]] == [ended["ended_at"]], row
            assert not row["present"] and 0 < row["present_ms"] <= ended["duration_ms"], row


# ---- No server


@pytest.fixture
def school(airclassd):
    with algebra(airclassd(plugins=[*PLUGINS, "quiz", "engagement"])) as school:
        yield school


def document(school, collection, key, change=None):
    """The document in the store of a server that does not run; @change is done to it."""
    with sqlite3.connect(school.server.state / "store-sqlite" / "store.db") as database:
        (text,) = database.execute(f"SELECT document FROM c_{collection} WHERE key = ?", (key,)).fetchone()
        found = json.loads(text)
        if change:
            change(found)
            database.execute(f"UPDATE c_{collection} SET document = ? WHERE key = ?", (json.dumps(found), key))
    return found


def be_away(school, session, minutes, how):
    """The server ends, and comes back after that time."""
    getattr(school.server, how)()
    now = datetime.datetime.now(datetime.UTC)
    times = {"started_at": stamp(now - datetime.timedelta(minutes=minutes + 30)), "seen_at": stamp(now - datetime.timedelta(minutes=minutes))}
    assert "seen_at" in document(school, "sessions", session)
    document(school, "sessions", session, lambda found: found.update(times))
    (school.server.state / "run.json").unlink(missing_ok=True)
    school.server.start()
    return times


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_an_hour_without_a_server_ends_the_session(school, how):
    session = school.start()
    me = school.student(name="a")
    page = school.open("student", me["token"])
    page.ask(type="hand", up=True)
    attendance = f"/api/sessions/{session}/attendance"
    wait_until(lambda: school.server.get(attendance, token=school.teacher()).json["students"], "the stay to be written")
    times = be_away(school, session, 60, how)
    ended = wait_until(lambda: (found := session_of(school, session))["ended_at"] and found, "the session to end")
    assert ended["ended_at"] == times["seen_at"] and ended["ended_reason"] == "abandoned" and not ended["running"]
    assert ended["duration_ms"] == (read_time(times["seen_at"]) - read_time(times["started_at"])) / datetime.timedelta(milliseconds=1)
    assert ended["counts"]["students"] == 1
    # Whoever comes back finds no session, and the next one is another.
    assert school.open("student", me["token"]).snapshot["session"] is None
    assert school.start() != session
    students = school.server.get(attendance, token=school.teacher()).json["students"]
    assert [len(one["stays"]) for one in students] == [1]
    school.server.stop()
    summary = document(school, "session_summaries", session)
    assert abs(read_time(summary["ended_at"]) - read_time(times["seen_at"])) <= datetime.timedelta(milliseconds=1), summary


def test_a_teacher_who_comes_before_the_end_is_written(school):
    session = school.start()
    be_away(school, session, 60, "stop")
    second = school.start()
    assert second != session and session_of(school, second)["running"]
    assert session_of(school, session)["ended_reason"] == "abandoned"


def test_a_shorter_absence_is_none(school):
    session = school.start()
    be_away(school, session, 10, "stop")
    page = school.open("teacher", school.teacher())
    assert page.snapshot["session"]["session_id"] == session
    assert school.server.post(f"/api/sessions/{session}/end", token=school.teacher()).json["ended_reason"] == "teacher"


def test_as_long_as_the_operator_wants(airclassd):
    school = School(airclassd({"classroom": {"away_timeout": "0"}}, plugins=PLUGINS))
    school.make(pin=None)
    session = school.start()
    be_away(school, session, 3 * 24 * 60, "stop")
    assert school.open("teacher", school.teacher()).snapshot["session"]["session_id"] == session
    school.close()
