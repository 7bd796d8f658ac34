"""Engagement with real sockets: the formulas over what pages do, the lost button and its alert, rights, the off switch, the end of a
session, and a restart in mid-session."""

import contextlib
import datetime
import json
import pathlib
import sqlite3
import urllib.parse

import pytest
from class_client import School
from conftest import wait_until

PLUGINS = ["store-sqlite", "broker-local", "classroom", "quiz", "engagement"]
FAST = {"first_score": "0", "alert_minimum": 1}


def make_school(airclassd, plugins=(), **options):
    school = School(airclassd({"engagement": {**FAST, **options}}, plugins=[*PLUGINS, *plugins]))
    school.make(pin=None)
    school.session = school.start()
    return school


@pytest.fixture
def school(airclassd):
    school = make_school(airclassd)
    yield school
    school.close()


def join(school, name, class_id="algebra"):
    """(token's answer, page) of a student who is there."""
    me = school.student(class_id, name=name)
    page = school.open("student", me["token"], class_id)
    assert page.snapshot["me"]["user_id"] == me["user_id"]
    return me, page


def get(school, what, token=None, session=None, student=None):
    path = f"/api/engagement/{what}/{session or school.session}" + (f"/{student}" if student else "")
    return school.server.get(path, token=token or school.teacher())


def figures(school, me):
    answer = get(school, "student", student=me["user_id"])
    assert answer.status == 200, answer.text
    return answer.json


# ---- The formulas


def test_participation_of_what_was_offered(school):
    me, page = join(school, "Ann")
    page.ask(type="chat", text="hello")
    page.ask(type="hand", up=True)
    page.ask(type="hand", up=False)
    page.ask(type="reaction", name="clap")
    mine = wait_until(lambda: (row := figures(school, me))["details"]["reaction"] == 1 and row, "the reaction to be counted")
    assert {key: mine["details"][key] for key in ("chat", "hand", "reaction", "polls_asked", "asked")} == {
        "chat": 1, "hand": 1, "reaction": 1, "polls_asked": 0, "asked": 0}
    # (1/5 + 1/2 + 1/5) / 3: polls were not asked. No picture, no question: nothing else counts.
    assert mine["components"] == {"on_page": None, "participation": 0.3, "response": None, "accuracy": None}
    assert mine["overall"] == 30 and mine["name"] == "Ann" and mine["present"] and mine["flagged"] is False
    assert mine["weights"] == {"on_page": 0.25, "participation": 0.25, "response": 0.25, "accuracy": 0.25}


def test_no_score_before_its_time(airclassd):
    school = make_school(airclassd, first_score="5 min")
    me, page = join(school, "Ann")
    page.ask(type="chat", text="hello")
    mine = wait_until(lambda: (row := figures(school, me))["details"]["chat"] == 1 and row, "the message to be counted")
    assert mine["overall"] is None and mine["trend"] is None and mine["components"]["participation"] is not None
    assert get(school, "session-stats").json["mean"] is None
    school.close()


def test_on_page(airclassd, publish):
    school = make_school(airclassd, ["rtmp-ingest"])
    me, page = join(school, "Ann")
    page.send(type="playback", visible=True, playing=True)
    page.settle()
    assert figures(school, me)["components"]["on_page"] is None
    publish(school.server, "live/algebra")
    page.send(type="playback", visible=True, playing=True)
    mine = wait_until(lambda: (row := figures(school, me))["details"]["watched_ms"] > 0 and row, "time on the page")
    assert mine["components"]["on_page"] == 1 and mine["details"]["watched_ms"] == mine["details"]["on_page_ms"]
    page.send(type="playback", visible=False, playing=True)
    wait_until(lambda: figures(school, me)["components"]["on_page"] < 1, "time away from the page")
    assert page.ask(type="playback", visible="yes", playing=True)["type"] == "error"
    school.close()


def test_two_pages_of_one_student(airclassd, publish):
    """Whoever has the class on one page is on it, whatever another one says after it; until that one is gone."""
    school = make_school(airclassd, ["rtmp-ingest"])
    publish(school.server, "live/algebra")
    me, watched = join(school, "Ann")
    hidden = school.open("student", me["token"])
    watched.ask(type="playback", visible=True, playing=True)
    hidden.ask(type="playback", visible=False, playing=False)
    mine = wait_until(lambda: (row := figures(school, me))["details"]["watched_ms"] > 1000 and row, "time on the page")
    assert mine["components"]["on_page"] == 1
    watched.close()
    wait_until(lambda: figures(school, me)["components"]["on_page"] < 1, "time away from the page")
    hidden.ask(type="playback", visible=True, playing=True)
    before = figures(school, me)["details"]["on_page_ms"]
    wait_until(lambda: figures(school, me)["details"]["on_page_ms"] > before, "time on the page that is left")
    school.close()


def test_questions_and_weights(school):
    server, teacher = school.server, school.teacher()
    (ann, ann_page), (ben, ben_page) = join(school, "Ann"), join(school, "Ben")
    for right in ("A", "B"):
        body = {"type": "single", "question": "?", "options": [{"id": "A", "text": "1"}, {"id": "B", "text": "2"}], "correct": [right]}
        quiz = server.post("/api/quiz/create", token=teacher, json_body=body)
        assert quiz.status == 201, quiz.text
        reference = {"quiz_id": quiz.json["quiz_id"]}
        assert server.post("/api/quiz/publish", token=teacher, json_body=reference).status == 200
        answer = server.post("/api/quiz/response", token=ann["token"], json_body={**reference, "answer": "A"})
        assert answer.status == 201, answer.text
        assert server.post("/api/quiz/reveal", token=teacher, json_body=reference).status == 200
    mine = wait_until(lambda: (row := figures(school, ann))["details"]["graded"] == 2 and row, "two answers to be graded")
    # One of two right, in a class with a mean of one half: (1 + 2 · .5) / 4
    assert mine["components"]["response"] == 1 and mine["components"]["accuracy"] == 0.5
    others = figures(school, ben)
    assert others["components"]["response"] == 0 and others["components"]["accuracy"] is None
    weights = {"on_page": 0, "participation": 0, "response": 1, "accuracy": 0}
    changed = server.request("PATCH", "/api/classes/algebra", token=teacher, json_body={"settings": {"weights": weights}})
    assert changed.status == 200, changed.text
    assert wait_until(lambda: (row := figures(school, ann))["overall"] == 100 and row, "the new weights")["weights"]["response"] == 1


def test_nothing_tells_before_the_reveal_whose_answer_was_right(airclassd):
    school = make_school(airclassd)
    server, teacher = school.server, school.teacher()
    monitor = school.open("monitor", server.token("monitor", user_id="wall", class_id="algebra"))
    (ann, ann_page), (ben, ben_page) = join(school, "Ann"), join(school, "Ben")

    def own(me, what="student"):
        answer = get(school, what, me["token"], student=me["user_id"])
        assert answer.status == 200, answer.text
        return {key: value for key, value in answer.json.items() if key in ("overall", "components", "trend", "flagged", "details")}

    quizzes = []
    for _ in range(2):
        body = {"type": "single", "question": "?", "options": [{"id": "A", "text": "1"}, {"id": "B", "text": "2"}], "correct": ["A"]}
        quiz = {"quiz_id": server.post("/api/quiz/create", token=teacher, json_body=body).json["quiz_id"]}
        quizzes.append(quiz)
        assert server.post("/api/quiz/publish", token=teacher, json_body=quiz).status == 200
        for me, answer in ((ann, "A"), (ben, "B")):
            assert server.post("/api/quiz/response", token=me["token"], json_body={**quiz, "answer": answer}).status == 201
        assert server.post("/api/quiz/close", token=teacher, json_body=quiz).status == 200
        for page in (ann_page, ben_page, monitor):
            page.wait("quiz_closed", **quiz)
    wait_until(lambda: own(ann)["details"]["answered"] == own(ben)["details"]["answered"] == 2, "both answers to count")
    # Who was right and who was wrong see the same, and so does everybody who looks at the class.
    assert own(ann) == own(ben) and own(ann)["details"]["graded"] == 0
    assert get(school, "confusion").json["confusion"]["level"] == 0
    for page in (ann_page, ben_page, monitor):
        page.settle()
        assert not [message for message in page.messages if {"correct", "distribution", "my_result", "score"} & message.keys()]
        assert not page.find("confusion", active=True)
    for quiz in quizzes:
        for me in (ann, ben):
            view = server.get(f"/api/quiz/{quiz['quiz_id']}", token=me["token"]).json
            assert "correct" not in view and "distribution" not in view and view["my_result"] is None
            assert server.get(f"/api/quiz/statistics/{quiz['quiz_id']}", token=me["token"]).status == 403
        assert server.post("/api/quiz/reveal", token=teacher, json_body=quiz).status == 200
    wait_until(lambda: own(ann)["details"]["right"] == 2 and own(ben)["details"]["graded"] == 2, "both answers to be graded")
    assert own(ben)["details"]["right"] == 0 and own(ben)["components"]["accuracy"] < own(ann)["components"]["accuracy"]
    assert get(school, "confusion").json["confusion"]["level"] == 0.5
    # The reveal is graded once, whoever asks for it again.
    assert server.post("/api/quiz/reveal", token=teacher, json_body=quizzes[0]).status == 200
    assert get(school, "session-stats").json["counts"]["graded"] == 4
    school.close()


def test_a_reveal_after_a_restart_is_graded(airclassd):
    school = make_school(airclassd)
    server, teacher, (me, _) = school.server, school.teacher(), join(school, "Ann")
    body = {"type": "true_false", "question": "?", "correct": ["true"]}
    quiz = {"quiz_id": server.post("/api/quiz/create", token=teacher, json_body=body).json["quiz_id"]}
    assert server.post("/api/quiz/publish", token=teacher, json_body=quiz).status == 200
    assert server.post("/api/quiz/response", token=me["token"], json_body={**quiz, "answer": "true"}).status == 201
    assert server.post("/api/quiz/close", token=teacher, json_body=quiz).status == 200
    wait_until(lambda: figures(school, me)["details"]["answered"] == 1, "the answer to count")
    server.stop()
    server.start()
    assert server.post("/api/quiz/reveal", token=teacher, json_body=quiz).status == 200
    row = wait_until(lambda: (r := figures(school, me)["details"])["graded"] == 1 and r, "the answer to be graded")
    assert (row["asked"], row["answered"], row["right"]) == (1, 1, 1)
    school.close()


def test_tracked_from_elsewhere(school):
    me, _ = join(school, "Ann")
    teacher, session = school.teacher(), school.session

    def track(what, token=teacher, **body):
        return school.server.post(f"/api/engagement/track/{what}", token=token, json_body={"session_id": session, **body})

    assert track("chat", student_id=me["user_id"], count=3).status == 202
    assert track("chat", me["token"], text="me too").json == {"session_id": session, "student_id": me["user_id"], "counted": True}
    assert track("chat", me["token"], student_id="somebody-else").status == 403
    answer = {"student_id": me["user_id"], "quiz_id": "paper-1", "correct": True}
    assert track("quiz-response", **answer).json["counted"] is True
    assert track("quiz-response", **answer).json["counted"] is False
    assert track("quiz-response", me["token"], **answer).status == 403
    assert track("quiz-response", student_id="x").status == 400
    row = figures(school, me)["details"]
    assert (row["chat"], row["answered"], row["right"]) == (4, 1, 1)
    assert track("chat", school.teacher("stream"), student_id="x").status == 403
    assert school.server.post("/api/engagement/track/chat", token=teacher, json_body={"session_id": "nowhere"}).status == 404
    # A teacher is no student of the class.
    assert school.server.post("/api/engagement/track/chat", token=teacher, json_body={"session_id": school.session}).status == 400


def test_score_of_given_numbers(school):
    body = {"on_page_ms": 720000, "present_ms": 1200000, "network_lost_ms": 240000, "chat": 10, "hands": 1, "reactions": 0, "polls": 3,
            "asked": 4, "answered": 3, "graded": 4, "right": 3, "class_mean": 0.6}
    score = school.server.post("/api/engagement/score", token=school.teacher(), json_body=body).json
    assert score["components"] == {"on_page": 0.75, "participation": 0.625, "response": 0.75, "accuracy": 0.7}
    assert score["overall"] == 70.6 and score["attention"] == 0.75 and score["participation"] == 0.625
    nothing = school.server.post("/api/engagement/score", token=school.teacher(), json_body={}).json
    assert nothing["overall"] is None
    assert school.server.post("/api/engagement/score", json_body={}).status == 401
    assert school.server.post("/api/engagement/score", token=school.teacher(), json_body={"chat": -1}).status == 400


# ---- Confusion


def test_lost_button_and_alert(airclassd):
    school = make_school(airclassd, cool_down="1 h")
    monitor = school.open("monitor", school.server.token("monitor", user_id="wall", class_id="algebra"))
    assert monitor.snapshot["engagement"]["confusion"]["active"] is False and "students" not in monitor.snapshot["engagement"]
    _, page = join(school, "Ann")
    page.ask(type="lost", lost=True)
    message = monitor.wait("confusion", active=True)
    assert message["present"] == 1 and message["threshold"] == 1 and "students" not in message
    report = get(school, "confusion").json
    assert report["confusion"]["active"] and len(report["alerts"]) == 1 and report["alerts"][0]["ended_at"] is None
    assert report["alerts"][0]["stream_ms"] >= 0 and report["running"]
    page.ask(type="lost", lost=False)
    monitor.wait("confusion", active=False)
    # Within the cool-down it is no news.
    page.ask(type="lost", lost=True)
    report = wait_until(lambda: (r := get(school, "confusion").json)["confusion"]["level"] > 0.5 and r, "the button to count")
    assert len(report["alerts"]) == 1 and report["confusion"]["active"] is False
    assert school.server.metric("airclass_engagement_confusion_alerts_total") == 1
    school.close()


def test_without_cool_down_and_by_chat(airclassd):
    school = make_school(airclassd, cool_down="0", confusion_chat=100, confusion_hold="1 s")
    _, page = join(school, "지우")
    for count in (1, 2):
        page.ask(type="chat", text="잘 모르겠어요")
        wait_until(lambda: len(get(school, "confusion").json["alerts"]) == count, f"alert {count}")
        wait_until(lambda: not get(school, "confusion").json["confusion"]["active"], "the alert to end")
    school.close()


# ---- Sockets


def test_teachers_get_what_changed(school):
    teacher = school.open("teacher", school.teacher())
    assert teacher.snapshot["engagement"]["students"] == []
    me, page = join(school, "Ann")
    page.ask(type="hand", up=True)
    message = wait_until(lambda: next((m for m in teacher.messages if m["type"] == "engagement" and m["students"]
                                       and m["students"][0]["details"]["hand"] == 1), None), "an engagement message")
    assert message["session_id"] == school.session and message["students"][0]["student_id"] == me["user_id"]
    assert message["mean"] == message["students"][0]["overall"]
    again = school.open("teacher", school.teacher(user_id="mr-lee")).snapshot["engagement"]
    assert [row["student_id"] for row in again["students"]] == [me["user_id"]]
    assert "engagement" not in page.snapshot and page.find("engagement") is None and page.find("confusion") is None


def test_broadcast(school):
    page, (me, student) = school.open("teacher", school.teacher()), join(school, "Ann")
    page.snapshot

    def post(token, **body):
        return school.server.post("/ws/broadcast/engagement", token=token, json_body=body)

    assert post(school.teacher(), data={"mood": 3}).json == {"class_id": "algebra", "sent": True}
    assert page.wait("engagement", external={"mood": 3})
    assert post(school.teacher("stream"), class_id="algebra", data={}).status == 403
    assert post(me["token"], class_id="algebra", data={}).status == 403
    assert post(None, class_id="algebra", data={}).status == 401
    assert post(school.server.teacher_key, data={}).status == 400
    assert post(school.server.teacher_key, class_id="nowhere", data={}).status == 404
    assert post(school.teacher(), data={"x": "y" * 20000}).status == 413
    assert student.settle().find("engagement") is None


# ---- Rights


def test_rights_on_every_route(school):
    (ann, _), (ben, _) = join(school, "Ann"), join(school, "Ben")
    monitor = school.server.token("monitor", user_id="wall", class_id="algebra")
    outsider = school.student("stream")["token"]
    for what in ("students", "session-stats", "confusion", "trend"):
        path = f"/api/engagement/{what}/{school.session}"
        assert get(school, what).status == 200
        assert school.server.get(path).status == 401
        assert get(school, what, ann["token"]).status == 403
        assert get(school, what, school.teacher("stream")).status == 403
        assert get(school, what, monitor).status == (200 if what == "confusion" else 403)
        assert get(school, what, session="nowhere").status == 404
    own = get(school, "student", ann["token"], student=ann["user_id"])
    assert own.status == 200 and own.json["name"] == "Ann"
    assert get(school, "student", ben["token"], student=ann["user_id"]).status == 403
    assert get(school, "student", outsider, student=ann["user_id"]).status == 403
    assert get(school, "student", monitor, student=ann["user_id"]).status == 403
    assert get(school, "student", school.teacher("stream"), student=ann["user_id"]).status == 403
    assert get(school, "student", student="nobody").status == 404
    assert school.server.get(f"/api/engagement/student/{school.session}/{ann['user_id']}").status == 401


def test_pages_of_the_list(school):
    ids = sorted(join(school, f"s{i}")[0]["user_id"] for i in range(5))
    seen, cursor = [], ""
    while cursor is not None:
        page = school.server.get(f"/api/engagement/students/{school.session}?limit=2" + (f"&cursor={cursor}" if cursor else ""),
                                 token=school.teacher()).json
        seen += [row["student_id"] for row in page["students"]]
        cursor = page["next_cursor"]
    assert seen == ids
    for bad in ("0", "201", "x"):
        assert school.server.get(f"/api/engagement/students/{school.session}?limit={bad}", token=school.teacher()).status == 400


def test_off_switch(school):
    me, page = join(school, "Ann")
    page.ask(type="hand", up=True)
    wait_until(lambda: figures(school, me)["details"]["hand"] == 1, "the hand to count")
    answer = school.server.request("PATCH", "/api/classes/algebra", token=school.teacher(), json_body={"settings": {"analysis": False}})
    assert answer.status == 200, answer.text
    wait_until(lambda: get(school, "students").json["analysis"] is False, "the analysis to end")
    page.ask(type="hand", up=False)
    page.ask(type="hand", up=True)
    page.ask(type="lost", lost=True)
    join(school, "Ben")
    rows = get(school, "students").json["students"]
    assert [row["name"] for row in rows] == ["Ann"] and rows[0]["details"]["hand"] == 1
    assert get(school, "confusion").json["confusion"]["level"] == 0
    assert "engagement" not in school.open("teacher", school.teacher()).snapshot
    track = {"session_id": school.session, "student_id": me["user_id"]}
    assert school.server.post("/api/engagement/track/chat", token=school.teacher(), json_body=track).status == 409


# ---- What stays


def end(school):
    assert school.server.post(f"/api/sessions/{school.session}/end", token=school.teacher()).status == 200
    wait_until(lambda: get(school, "session-stats").json["running"] is False, "the session to end")


def test_after_the_end(school):
    (ann, page), (ben, _) = join(school, "Ann"), join(school, "Ben")
    page.ask(type="chat", text="hello")
    page.ask(type="lost", lost=True)
    wait_until(lambda: figures(school, ann)["details"]["chat"] == 1, "the message to count")
    end(school)
    # A moment later it is the store that answers: the metric tells.
    wait_until(lambda: school.server.metric("airclass_engagement_sessions") == 0, "the session to leave the memory")
    stored = get(school, "students").json
    assert stored["running"] is False and {row["name"] for row in stored["students"]} == {"Ann", "Ben"}
    mine = get(school, "student", ann["token"], student=ann["user_id"]).json
    assert mine["details"]["chat"] == 1 and mine["present"] is False and "state" not in mine
    assert get(school, "student", ben["token"], student=ann["user_id"]).status == 403
    stats = get(school, "session-stats").json
    assert stats["students"] == 2 and stats["counts"]["chat"] == 1
    confusion = get(school, "confusion").json
    assert confusion["running"] is False and confusion["alerts"][0]["ended_at"]
    assert get(school, "trend").json["points"] == []
    late = {"session_id": school.session, "student_id": ann["user_id"]}
    assert school.server.post("/api/engagement/track/chat", token=school.teacher(), json_body=late).status == 409
    assert get(school, "student", student="nobody").status == 404
    for what in ("students", "session-stats", "confusion", "trend"):
        assert get(school, what, school.teacher("stream")).status == 403
    assert school.server.get(f"/api/engagement/students/{school.session}?cursor=nonsense", token=school.teacher()).status == 400


def test_rights_end_with_the_class(school):
    me, _ = join(school, "Ann")
    end(school)
    teacher = school.teacher()
    assert school.server.request("DELETE", "/api/classes/algebra", token=school.server.teacher_key).status in (200, 204)
    admin = school.server.token("admin", user_id="root")
    for what, student in (("students", None), ("session-stats", None), ("confusion", None), ("trend", None), ("student", me["user_id"])):
        assert get(school, what, teacher, student=student).status == 404
        assert get(school, what, admin, student=student).status == 200
    assert get(school, "student", me["token"], student=me["user_id"]).status == 404


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_restart_in_mid_session(airclassd, how):
    school = make_school(airclassd, save_interval="5 s", cool_down="1 h")
    server, (me, page) = school.server, join(school, "Ann")
    page.ask(type="chat", text="hello")
    page.ask(type="lost", lost=True)
    wait_until(lambda: get(school, "confusion").json["confusion"]["active"], "the alert")
    before = figures(school, me)
    if how == "kill":
        # What was there longer than save_interval is in the store: present_ms tells how long that is.
        wait_until(lambda: figures(school, me)["present_ms"] > before["present_ms"] + 8000, "the figures to be kept")
        server.kill()
        (server.state / "run.json").unlink(missing_ok=True)
    else:
        server.stop()
    server.start()
    after = figures(school, me)
    assert after["details"]["chat"] == 1
    assert after["overall"] == before["overall"]
    assert after["present_ms"] >= before["present_ms"]
    report = get(school, "confusion").json
    assert len(report["alerts"]) == 1 and report["running"]
    again = school.open("student", me["token"])
    assert again.snapshot["me"]["lost"] is True
    again.ask(type="chat", text="back")
    wait_until(lambda: figures(school, me)["details"]["chat"] == 2 and figures(school, me)["present"], "counting to go on")
    assert get(school, "session-stats").json["students"] == 1
    school.close()


def test_an_answer_counts_once_whatever_a_crash_left(airclassd):
    """The session's document is older than the student's: the crash came between their writes."""
    school = make_school(airclassd, save_interval="5 s")
    server, teacher, (me, _) = school.server, school.teacher(), join(school, "Ann")
    path = server.state / "store-sqlite" / "store.db"

    def stored(table, key):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            row = database.execute(f"SELECT json(document) FROM c_{table} WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else {}

    body = {"type": "true_false", "question": "?", "correct": ["true"]}
    quiz = {"quiz_id": server.post("/api/quiz/create", token=teacher, json_body=body).json["quiz_id"]}
    assert server.post("/api/quiz/publish", token=teacher, json_body=quiz).status == 200
    older = wait_until(lambda: (doc := stored("session_summaries", school.session)).get("state", {}).get("quizzes") and doc,
                       "the question to be kept")
    assert server.post("/api/quiz/response", token=me["token"], json_body={**quiz, "answer": "true"}).status == 201
    wait_until(lambda: stored("engagement_data", f"{school.session}:{me['user_id']}").get("details", {}).get("answered") == 1,
               "the answer to be kept")
    server.kill()
    (server.state / "run.json").unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE c_session_summaries SET document = ? WHERE key = ?", (json.dumps(older), school.session))
    server.start()
    assert server.post("/api/quiz/reveal", token=teacher, json_body=quiz).status == 200
    row = wait_until(lambda: (r := figures(school, me)["details"])["graded"] == 1 and r, "the answer to be graded")
    assert (row["asked"], row["answered"], row["right"]) == (1, 1, 1)
    school.close()


def test_reboot_in_mid_session(airclassd):
    """The machine starts anew: the session began before its monotonic clock did."""
    school = make_school(airclassd)
    server, (me, page) = school.server, join(school, "Ann")
    page.ask(type="chat", text="hello")
    page.ask(type="lost", lost=True)
    wait_until(lambda: get(school, "confusion").json["confusion"]["active"], "the alert")
    server.stop()
    before_boot = datetime.timedelta(seconds=float(pathlib.Path("/proc/uptime").read_text().split()[0]) + 3600)
    began = (datetime.datetime.now(datetime.timezone.utc) - before_boot).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with contextlib.closing(sqlite3.connect(server.state / "store-sqlite" / "store.db")) as database, database:
        for table in ("sessions", "session_summaries"):
            changed = database.execute(f"UPDATE c_{table} SET document = json_set(document, '$.started_at', ?) WHERE key = ?",
                                       (began, school.session))
            assert changed.rowcount == 1
        database.execute("UPDATE c_session_summaries SET document = json_set(document, '$.alerts[0].at', ?)", (began,))
    server.start()
    again = school.open("student", me["token"])
    said = again.ask(type="chat", text="back")
    assert said["type"] == "ok", said
    wait_until(lambda: figures(school, me)["details"]["chat"] == 2, lambda: f"counting to go on; is {figures(school, me)}")
    report = get(school, "confusion").json
    assert report["alerts"][0]["at"] == began and report["alerts"][0]["stream_ms"] == 0
    end(school)
    wait_until(lambda: server.metric("airclass_engagement_sessions") == 0, "the session to leave the memory")
    # What the store has now was written after the start.
    assert get(school, "session-stats").json["counts"]["chat"] == 2
    assert server.metric("airclass_engagement_store_errors_total") in (None, 0)
    assert get(school, "confusion").json["alerts"][0]["at"] == began
    school.close()


@pytest.mark.parametrize("user_id", ["a/b", "한 국/ㄱ", "?#%+&=", "SCHOOL\\kim"])
def test_own_figures_whatever_the_id(school, user_id):
    """An id is one segment of a path, percent-encoded."""
    me = school.student(user_id=user_id)
    school.open("student", me["token"]).wait("snapshot")
    path = f"/api/engagement/student/{school.session}/{urllib.parse.quote(user_id, safe='')}"
    answer = wait_until(lambda: (a := school.server.get(path, token=me["token"])).status == 200 and a, "the own figures")
    assert answer.json["student_id"] == user_id
    assert school.server.get(path, token=school.student(user_id="other")["token"]).status == 403


def test_ids_that_no_path_can_have(school):
    for user_id in (".", "..", "a/../b", "./a"):
        assert school.ask_token(class_id="algebra", user_id=user_id).status == 400
