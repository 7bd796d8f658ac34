"""Classes and sessions by HTTP: paging, changes, attendance and reports, and what is refused."""

import csv
import io

import pytest
from class_client import School
from conftest import wait_until
from test_classroom import PLUGINS


@pytest.fixture
def school(airclassd):
    school = School(airclassd(plugins=PLUGINS))
    yield school
    school.close()


def test_classes(school):
    server, key = school.server, school.server.teacher_key
    made = school.make("algebra", title="대수학", settings={"slow_mode_s": 5, "leaderboard": True})
    assert made["path"] == "live/algebra" and made["settings"] == {"slow_mode_s": 5, "leaderboard": True}
    again = server.post("/api/classes", token=key, json_body={"class_id": "algebra", "title": "x"})
    assert again.status == 409 and again.json["type"] == "/problems/class-exists"
    named = server.post("/api/classes", token=key, json_body={"title": "no id"}).json
    assert len(named["class_id"]) == 8 and server.get(f"/api/classes/{named['class_id']}", token=key).status == 200
    pages, cursor = [], ""
    while cursor is not None:
        answer = server.get(f"/api/classes?limit=1{cursor and '&cursor=' + cursor}", token=key).json
        pages += [c["class_id"] for c in answer["classes"]]
        cursor = answer["next_cursor"]
    assert pages == sorted(["algebra", "stream", named["class_id"]])
    changed = server.request("PATCH", "/api/classes/algebra", token=key, json_body={"title": "새 이름", "settings": {"chat": False}}).json
    assert changed["title"] == "새 이름" and changed["settings"] == {"slow_mode_s": 5, "leaderboard": True, "chat": False}
    for bad in ({"title": "\u202e"}, {"pin": "12"}, {"settings": {"slow_mode_s": -1}}, {"unknown": 1}, {}):
        assert server.request("PATCH", "/api/classes/algebra", token=key, json_body=bad).status == 400, bad
    for bad in ({}, {"title": ""}, {"title": "x", "class_id": "a/b"}, {"title": "x", "class_id": ".."}, {"title": "x", "pin": 123456}):
        assert server.post("/api/classes", token=key, json_body=bad).status == 400, bad
    server.stop()
    server.start()
    assert server.get("/api/classes/algebra", token=server.teacher_key).json["title"] == "새 이름"


def test_a_deleted_class(school):
    server, made = school.server, school.make("algebra")
    session = school.start()
    page = school.open("student", school.student(pin=made["pin"], name="a")["token"])
    page.snapshot
    assert server.request("DELETE", "/api/classes/algebra", token=school.teacher()).status == 204
    assert page.wait_closed() == 4404
    assert server.get("/api/classes/algebra", token=server.teacher_key).status == 404
    # Reports outlive the class.
    ended = server.get(f"/api/sessions/{session}", token=server.teacher_key).json
    assert ended["ended_reason"] == "class-deleted" and not ended["running"]
    report = server.get(f"/api/sessions/{session}/report", token=server.teacher_key).json
    assert [s["name"] for s in report["students"]] == ["a"]


def test_sessions(school):
    server = school.server
    school.make(pin=None)
    page = school.open("student", school.student()["token"])
    assert page.snapshot["session"] is None
    session = school.start()
    assert page.wait("session")["session"]["session_id"] == session
    assert server.post("/api/classes/algebra/sessions", token=school.teacher()).status == 409
    ended = server.post(f"/api/sessions/{session}/end", token=school.teacher())
    assert ended.status == 200 and ended.json["ended_reason"] == "teacher" and ended.json["counts"]["students"] == 1
    page.wait("session", session=None)
    assert server.post(f"/api/sessions/{session}/end", token=school.teacher()).json["ended_at"] == ended.json["ended_at"]
    second = server.post("/api/classes/algebra/sessions", token=school.teacher(), json_body={"title": "2교시"}).json
    assert second["title"] == "2교시" and second["running"]
    school.start("stream")
    listed = server.get("/api/sessions", token=school.teacher()).json["sessions"]
    assert [s["session_id"] for s in listed] == [second["session_id"], session]
    first = server.get("/api/sessions?limit=1", token=server.teacher_key).json
    rest = server.get(f"/api/sessions?limit=200&cursor={first['next_cursor']}", token=server.teacher_key).json
    assert len(first["sessions"]) == 1 and len(rest["sessions"]) == 2 and rest["next_cursor"] is None
    assert server.get("/api/sessions/nonsense", token=server.teacher_key).status == 404
    assert server.get("/api/sessions?cursor=nonsense", token=server.teacher_key).status == 400


def test_a_session_without_anybody_ends(airclassd):
    school = School(airclassd({"classroom": {"session_timeout": "1s"}}, plugins=PLUGINS))
    school.make(pin=None)
    session = school.start()
    answer = wait_until(lambda: (a := school.server.get(f"/api/sessions/{session}", token=school.teacher()).json)["ended_at"] and a,
                        "the session to end by itself")
    assert answer["ended_reason"] == "abandoned"


def test_a_teacher_keeps_a_session(airclassd):
    school = School(airclassd({"classroom": {"session_timeout": "1s"}}, plugins=PLUGINS))
    school.make(pin=None)
    session = school.start()
    teacher = school.open("teacher", school.teacher())
    teacher.snapshot
    alone = school.start("stream")
    wait_until(lambda: school.server.get(f"/api/sessions/{alone}", token=school.server.teacher_key).json["ended_at"], "the other to end")
    assert school.server.get(f"/api/sessions/{session}", token=school.teacher()).json["running"]
    school.close()


def test_attendance_is_a_union(school):
    server = school.server
    school.make(pin=None)
    session = school.start()
    me, twin = school.student(name="같은 이름"), school.student(name="같은 이름")
    tabs = [school.open("student", me["token"]) for _ in range(2)]
    school.open("student", twin["token"]).snapshot
    for tab in tabs:
        tab.snapshot
        tab.close()
    school.open("student", me["token"]).snapshot
    ended = server.post(f"/api/sessions/{session}/end", token=school.teacher()).json
    students = {s["user_id"]: s for s in server.get(f"/api/sessions/{session}/attendance", token=school.teacher()).json["students"]}
    assert set(students) == {me["user_id"], twin["user_id"]}
    assert {s["name"] for s in students.values()} == {"같은 이름"}
    mine = students[me["user_id"]]
    assert len(mine["stays"]) == 2 and not mine["present"]
    assert 0 <= mine["present_ms"] <= ended["duration_ms"]
    assert mine["stays"][0]["left_at"] <= mine["stays"][1]["joined_at"]


def test_report(school):
    server = school.server
    school.make(pin=None)
    session = school.start()
    names = ['=HYPERLINK("http://x","y")', "김, 민지", "+1", "@x", "-2", "plain"]
    for name in names:
        page = school.open("student", school.student(name=name)["token"])
        assert page.ask(type="chat", text="hello")["type"] == "ok"
        page.wait("chat", name=name)
    answer = server.get(f"/api/sessions/{session}/report?format=csv", token=school.teacher())
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="session-{session}.csv"'
    assert answer.body.startswith(b"\xef\xbb\xbf") and b"\r\n" in answer.body
    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))
    assert len(rows) == len(names)
    assert {row["name"].lstrip("'") for row in rows} == set(names)
    assert not any(row["name"][0] in "=+-@" for row in rows)
    assert all(row["messages"] == "1" for row in rows)
    report = server.get(f"/api/sessions/{session}/report", token=school.teacher()).json
    assert {s["name"] for s in report["students"]} == set(names) and report["questions"] == []
    assert server.get(f"/api/sessions/{session}/report?format=xml", token=school.teacher()).status == 400


def test_more_rows_than_a_page_of_the_store(school):
    """All rows: the chat of a session has more messages than the store gives at once."""
    import sqlite3

    server = school.server
    school.make(pin=None)
    session = school.start()
    page = school.open("student", school.student(user_id="writer", name="a")["token"])
    page.ask(type="chat", text="first")
    page.wait("chat", text="first")
    server.stop()
    path = next(p for p in (server.state / "store-sqlite").rglob("*") if p.is_file() and p.read_bytes()[:6] == b"SQLite")
    with sqlite3.connect(path) as database:
        tables = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
        table = next(t for t in tables if "chat_messages" in t)
        columns = [row[1] for row in database.execute(f'pragma table_info("{table}")')]
        row = dict(zip(columns, database.execute(f'select * from "{table}"').fetchone()))
        for i in range(1500):
            key = f"{i:016}"
            copy = {name: value.replace(old_id, key) if isinstance(value, str) and (old_id := find_id(row)) in value else value
                    for name, value in row.items()}
            database.execute(f'insert into "{table}" ({",".join(columns)}) values ({",".join("?" * len(columns))})', list(copy.values()))
    server.start()
    report = server.get(f"/api/sessions/{session}/report", token=school.teacher()).json
    assert report["students"][0]["messages"] == 1501


def find_id(row):
    import json

    document = next(value for value in row.values() if isinstance(value, (str, bytes)) and b"message_id" in (value if isinstance(value, bytes) else value.encode()))
    return json.loads(document)["message_id"]
