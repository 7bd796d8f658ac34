"""The dashboard with real sockets: overview, students, the rail of alerts (acknowledge, snooze), its WebSocket, figures over sessions,
rights on everything, and a restart in mid-session."""

import asyncio
import concurrent.futures
import contextlib
import json
import sqlite3

import pytest
import websockets
from class_client import Page, School
from conftest import wait_until

PLUGINS = ["store-sqlite", "broker-local", "classroom", "quiz", "engagement", "dashboard"]
ENGAGEMENT = {"first_score": "0", "alert_minimum": 1, "cool_down": "0", "save_interval": "5 s"}


def make_school(airclassd, plugins=(), **dashboard):
    school = School(airclassd({"engagement": ENGAGEMENT, "dashboard": dashboard}, plugins=[*PLUGINS, *plugins]))
    school.make(pin=None)
    school.session = school.start()
    return school


@pytest.fixture
def school(airclassd):
    school = make_school(airclassd)
    yield school
    school.close()


def join(school, name):
    me = school.student(name=name)
    page = school.open("student", me["token"])
    page.snapshot
    return me, page


def get(school, path, token=None):
    return school.server.get(path, token=token or school.teacher())


def alerts(school, query=""):
    answer = get(school, f"/api/dashboard/alerts/{school.session}{query}")
    assert answer.status == 200, answer.text
    return answer.json["alerts"]


def confuse(school, page):
    """A lost student, and the alert that it makes."""
    page.ask(type="lost", lost=True)
    return wait_until(lambda: next((a for a in alerts(school) if a["type"] == "confusion" and "ended_at" not in a), None), "the alert")


class Watcher(Page):
    """The dashboard's own socket."""

    def __init__(self, server, session, token):
        self.path = f"/api/dashboard/ws/session/{session}?jwt={token}"
        super().__init__(server, "unused")

    async def listen(self):
        self.url = self.url.split("/ws/")[0] + self.path
        await super().listen()


def watch(school, token=None, session=None):
    watcher = Watcher(school.server, session or school.session, token or school.teacher())
    school.pages.append(watcher)
    return watcher


# ---- A session


def test_overview_and_students(school):
    (ann, page), (ben, _) = join(school, "Ann"), join(school, "Ben")
    page.ask(type="chat", text="hello")
    overview = get(school, f"/api/dashboard/session/{school.session}/overview").json
    assert overview["present"] == 2 and overview["running"] and overview["ended_at"] is None and overview["title"] == "algebra"
    rows = get(school, f"/api/dashboard/session/{school.session}/students").json["students"]
    assert {row["student_id"] for row in rows} == {ann["user_id"], ben["user_id"]} and all(row["present"] for row in rows)
    wait_until(lambda: any(row["engagement"] and row["engagement"]["details"]["chat"] == 1
                           for row in get(school, f"/api/dashboard/session/{school.session}/students").json["students"]), "kept figures")
    one = get(school, f"/api/dashboard/session/{school.session}/student/{ann['user_id']}").json
    assert one["name"] == "Ann" and one["messages"] == 1 and len(one["attendance"]) == 1 and one["present"]
    # Who is there is seen until now, not until the stay was written last.
    assert one["attendance"][0]["left_at"] > one["attendance"][0]["joined_at"]
    assert all(row["left_at"] > row["joined_at"] for row in rows)
    assert "state" not in one["engagement"] and one["engagement"]["student_id"] == ann["user_id"]
    assert get(school, f"/api/dashboard/session/{school.session}/student/nobody").status == 404
    whole = get(school, f"/dashboard/session/{school.session}").json
    assert len(whole["students"]) == 2 and whole["quizzes"] == [] and whole["alerts"] == []


def test_after_the_end(school):
    join(school, "Ann")
    assert school.server.post(f"/api/sessions/{school.session}/end", token=school.teacher()).status == 200
    overview = wait_until(lambda: (o := get(school, f"/api/dashboard/session/{school.session}/overview").json)["ended_at"] and o, "the end")
    assert overview["running"] is False and overview["present"] == 0 and overview["stream"] is None
    rows = get(school, f"/api/dashboard/session/{school.session}/students").json["students"]
    assert [(row["name"], row["present"]) for row in rows] == [("Ann", False)]
    summary = get(school, "/dashboard/summary").json
    assert [c["class_id"] for c in summary["classes"]] == ["algebra"] and summary["running"] == 0 and len(summary["sessions"]) == 1
    trend = wait_until(lambda: (t := get(school, "/dashboard/engagement/trend").json["points"]) and t[0]["ended_at"] and t, "the summary")
    assert trend[0]["session_id"] == school.session and trend[0]["students"] == 1
    assert get(school, "/dashboard/engagement/trend?from=2099-01-01T00:00:00.000Z").json["points"] == []
    for bad in ("from=yesterday", "limit=0", "limit=501"):
        assert get(school, f"/dashboard/engagement/trend?{bad}").status == 400


def test_question_figures(school):
    server, teacher = school.server, school.teacher()
    students = [join(school, f"s{i}")[0] for i in range(6)]
    answers = ["AAAAAA", "AAABBB", "AABBAB"]  # one letter a student; A is right
    for row in answers:
        body = {"type": "single", "question": row, "options": [{"id": "A", "text": "1"}, {"id": "B", "text": "2"}], "correct": ["A"]}
        reference = {"quiz_id": server.post("/api/quiz/create", token=teacher, json_body=body).json["quiz_id"]}
        assert server.post("/api/quiz/publish", token=teacher, json_body=reference).status == 200
        for me, letter in zip(students, row):
            assert server.post("/api/quiz/response", token=me["token"], json_body={**reference, "answer": letter}).status == 201
        assert server.post("/api/quiz/close", token=teacher, json_body=reference).status == 200
    found = {quiz["question"]: quiz for quiz in get(school, f"/dashboard/quiz/analytics?session_id={school.session}").json["quizzes"]}
    assert set(found) == set(answers)
    assert found["AAAAAA"]["correct_share"] == 1 and found["AAAAAA"]["difficulty"] == 0 and found["AAAAAA"]["discrimination"] is None
    # Rest of the second question: 1 1 .5 .5 1 .5. n Σxy − Σx Σy = 15 − 13.5; √((18 − 9)(22.5 − 20.25)) = 4.5
    assert found["AAABBB"]["difficulty"] == 0.5 and abs(found["AAABBB"]["discrimination"] - 1 / 3) < 0.001
    assert get(school, "/dashboard/quiz/analytics").json["complete"] is True
    students_rows = get(school, f"/api/dashboard/session/{school.session}/students").json["students"]
    assert all(row["answered"] == 3 for row in students_rows)


# ---- The rail


def test_lost_button_ack(school):
    teacher = school.open("teacher", school.teacher())
    assert teacher.snapshot["alerts"] == []
    _, page = join(school, "Ann")
    alert = confuse(school, page)
    shown = wait_until(lambda: next((m for m in teacher.messages if m["type"] == "alert"), None), "the alert on the page")["alert"]
    assert shown["alert_id"] == alert["alert_id"] and shown["stream_ms"] >= 0 and shown["details"]["present"] == 1
    assert page.settle().find("alert") is None
    assert [a["alert_id"] for a in school.open("teacher", school.teacher()).snapshot["alerts"]] == [alert["alert_id"]]
    answer = school.server.post(f"/api/dashboard/alerts/{alert['alert_id']}/ack", token=school.teacher())
    assert answer.status == 200 and answer.json["acked_by"] == "ms-kim" and answer.json["acked_at"]
    wait_until(lambda: any(m["type"] == "alert" and m["alert"].get("acked_at") for m in teacher.messages), "the acknowledged alert")
    assert school.open("teacher", school.teacher()).snapshot["alerts"] == []
    assert alerts(school, "?state=open") == [] and len(alerts(school)) == 1
    page.ask(type="lost", lost=False)
    wait_until(lambda: "ended_at" in alerts(school)[0], "the alert to end")
    # Acknowledged and over: what comes now is news.
    again = confuse(school, page)
    assert again["alert_id"] != alert["alert_id"] and len(alerts(school, "?state=open")) == 1


def test_an_alert_ends_while_it_is_acknowledged(school):
    server, (_, page), teacher = school.server, join(school, "Ann"), school.teacher()
    alert = confuse(school, page)

    def answered_gets():
        lines = [line for line in server.get("/metrics").text.splitlines() if line.startswith("airclass_store_operations_total{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if 'operation="get"' in line)

    before = answered_gets()
    with contextlib.closing(sqlite3.connect(server.state / "store-sqlite" / "store.db")) as database:
        # The disk is slow: the acknowledgement has read the alert, and waits to be written.
        database.execute("BEGIN IMMEDIATE")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            ack = pool.submit(server.post, f"/api/dashboard/alerts/{alert['alert_id']}/ack", token=teacher)
            wait_until(lambda: answered_gets() > before, "the alert to be read")
            page.send(type="lost", lost=False)
            wait_until(lambda: not get(school, f"/api/engagement/confusion/{school.session}").json["confusion"]["active"], "the alert to end")
            assert not ack.done()
            database.rollback()
            answer = ack.result()
    assert answer.status == 200 and answer.json["acked_at"] and answer.json["ended_at"], answer.text
    wait_until(lambda: "ended_at" in alerts(school)[0] and "acked_at" in alerts(school)[0], "the alert to be kept")
    # Acknowledged and over: what comes now is news.
    assert confuse(school, page)["alert_id"] != alert["alert_id"]


def test_snooze_and_return(school):
    _, page = join(school, "Ann")
    alert = confuse(school, page)
    snooze = f"/api/dashboard/alerts/{alert['alert_id']}/snooze"
    answer = school.server.post(snooze, token=school.teacher(), json_body={"minutes": 5})
    assert answer.status == 200 and answer.json["snoozed_until"] > alert["at"]
    assert school.open("teacher", school.teacher()).snapshot["alerts"] == []
    page.ask(type="lost", lost=False)
    wait_until(lambda: "ended_at" in alerts(school)[0], "the alert to end")
    # Back within repeat_after: the same one, put off all the same.
    assert confuse(school, page)["alert_id"] == alert["alert_id"]
    assert school.open("teacher", school.teacher()).snapshot["alerts"] == []
    for bad in ({"minutes": 0}, {"minutes": 121}, {"minutes": "x"}, {"until": "later"}):
        assert school.server.post(snooze, token=school.teacher(), json_body=bad).status == 400
    assert school.server.post("/api/dashboard/alerts/nothing/ack", token=school.teacher()).status == 404


def test_held_stream(airclassd, publish):
    school = make_school(airclassd, ["rtmp-ingest"])
    publisher = publish(school.server, "live/algebra")
    publisher.kill()
    publisher.wait()
    alert = wait_until(lambda: next((a for a in alerts(school) if a["type"] == "stream_held"), None), "the alert")
    assert "ended_at" not in alert
    publish(school.server, "live/algebra")
    wait_until(lambda: "ended_at" in alerts(school)[0], "the alert to end")
    school.close()


def test_alerts_can_be_off(airclassd):
    school = make_school(airclassd, alert_confusion="false")
    _, page = join(school, "Ann")
    page.ask(type="lost", lost=True)
    wait_until(lambda: get(school, f"/api/engagement/confusion/{school.session}").json["confusion"]["active"], "the confusion")
    assert alerts(school) == []
    school.close()


# ---- The socket


def test_socket(school):
    watcher = watch(school)
    assert watcher.snapshot["overview"]["session_id"] == school.session and watcher.snapshot["alerts"] == []
    me, page = join(school, "Ann")
    assert watcher.wait("presence", event="joined")["user_id"] == me["user_id"]
    alert = confuse(school, page)
    assert wait_until(lambda: watcher.find("alert"), "the alert")["alert"]["alert_id"] == alert["alert_id"]
    assert wait_until(lambda: watcher.find("engagement"), "figures")["confusion"] > 0
    watcher.send(type="ping")
    watcher.wait("pong")
    watcher.send_text("nonsense")
    watcher.wait("error")
    assert school.server.post(f"/api/sessions/{school.session}/end", token=school.teacher()).status == 200
    watcher.wait("session", ended=True)


def refused(school, token):
    """The HTTP status with which the handshake is answered."""
    async def knock():
        with pytest.raises(websockets.InvalidStatusCode) as refusal:
            await websockets.connect(f"{school.server.websocket_url}/api/dashboard/ws/session/{school.session}?jwt={token}")
        return refusal.value.status_code

    return asyncio.run(knock())


def test_socket_rights(school):
    me, _ = join(school, "Ann")
    assert watch(school, school.teacher("stream")).wait_closed() == 4403
    assert refused(school, me["token"]) == 403
    assert refused(school, "a.b.c") == 401
    assert watch(school, session="nowhere").wait_closed() == 4404
    watcher = watch(school)
    watcher.snapshot
    assert school.server.request("DELETE", "/api/classes/algebra", token=school.server.teacher_key).status in (200, 204)
    assert watcher.wait_closed() == 4404


# ---- Rights


def test_rights_on_every_route(school):
    me, page = join(school, "Ann")
    monitor = school.server.token("monitor", user_id="wall", class_id="algebra")
    alert = confuse(school, page)
    session, server = school.session, school.server
    of_session = [f"/api/dashboard/session/{session}/overview", f"/api/dashboard/session/{session}/students",
                  f"/api/dashboard/session/{session}/student/{me['user_id']}", f"/api/dashboard/alerts/{session}",
                  f"/dashboard/session/{session}"]
    of_class = ["/dashboard/summary", "/dashboard/engagement/trend", "/dashboard/quiz/analytics"]
    for path in of_session + [path + "?class_id=algebra" for path in of_class]:
        assert get(school, path).status == 200, path
        assert server.get(path).status == 401, path
        for token in (me["token"], monitor, school.teacher("stream")):
            assert get(school, path, token).status == 403, path
    for path in of_session:
        assert get(school, path.replace(session, "nowhere")).status == 404
    for path in of_class:
        assert get(school, path + "?class_id=nowhere", server.teacher_key).status == 404
        assert get(school, path, server.teacher_key).status == 200
    for what in ("ack", "snooze"):
        path = f"/api/dashboard/alerts/{alert['alert_id']}/{what}"
        body = {"json_body": {}} if what == "snooze" else {}
        assert server.post(path, **body).status == 401
        for token in (me["token"], monitor, school.teacher("stream")):
            assert server.post(path, token=token, **body).status == 403
    assert "acked_at" not in alerts(school)[0] and "snoozed_until" not in alerts(school)[0]
    teacher = school.teacher()
    assert server.request("DELETE", "/api/classes/algebra", token=server.teacher_key).status in (200, 204)
    admin = server.token("admin", user_id="root")
    for path in of_session:
        assert get(school, path, teacher).status == 404, path
        assert get(school, path, admin).status == 200, path
    for path in of_class:
        assert get(school, path + "?class_id=algebra", teacher).status == 404, path
    assert server.post(f"/api/dashboard/alerts/{alert['alert_id']}/ack", token=teacher).status == 404


def ask_question(school, answers, **fields):
    """A question of the class, answered by tokens, closed; its id."""
    server, teacher = school.server, school.teacher()
    body = {"type": "true_false", "question": "?", "correct": ["true"], **fields}
    quiz_id = server.post("/api/quiz/create", token=teacher, json_body=body).json["quiz_id"]
    assert server.post("/api/quiz/publish", token=teacher, json_body={"quiz_id": quiz_id}).status == 200
    for token, answer in answers.items():
        assert server.post("/api/quiz/response", token=token, json_body={"quiz_id": quiz_id, "answer": answer}).status == 201
    assert server.post("/api/quiz/close", token=teacher, json_body={"quiz_id": quiz_id}).status == 200
    return quiz_id


def test_an_anonymous_answer_is_nobodys(school):
    server, (me, _) = school.server, join(school, "Ann")
    named = ask_question(school, {me["token"]: "true"})
    hidden = ask_question(school, {me["token"]: "false"}, anonymous=True)
    admin = server.token("admin", user_id="root")
    # Under which name the store has it: also who knows that finds nothing under it.
    with sqlite3.connect(f"file:{server.state}/store-sqlite/store.db?mode=ro", uri=True) as database:
        [alias] = [row["student_id"] for (text,) in database.execute("SELECT json(document) FROM c_quiz_responses")
                   if (row := json.loads(text))["quiz_id"] == hidden]
    assert alias.startswith("anonymous-")
    report = get(school, f"/api/sessions/{school.session}/report").json
    assert [(row["user_id"], row["answered"], list(row["answers"])) for row in report["students"]] == [(me["user_id"], 1, [named])]
    asked = {question["quiz_id"]: question for question in report["questions"]}
    assert asked[named]["anonymous"] is False and asked[hidden]["anonymous"] is True and asked[hidden]["answered"] == 1
    csv = get(school, f"/api/sessions/{school.session}/report?format=csv").text
    assert "anonymous-" not in csv and "Q2 (anonymous): ?" in csv.splitlines()[0] and len(csv.strip().splitlines()) == 2
    for token in (school.teacher(), admin):
        assert get(school, f"/api/dashboard/session/{school.session}/student/{alias}", token).status == 404
        own = get(school, f"/api/dashboard/session/{school.session}/student/{me['user_id']}", token).json
        assert [answer["quiz_id"] for answer in own["answers"]] == [named]
        students = get(school, f"/api/dashboard/session/{school.session}/students", token).json["students"]
        assert [(row["student_id"], row["answered"]) for row in students] == [(me["user_id"], 1)]
        for path in (f"/dashboard/session/{school.session}", f"/api/quiz/responses/{hidden}", f"/api/engagement/students/{school.session}"):
            assert "anonymous-" not in get(school, path, token).text, path
        assert get(school, f"/api/engagement/student/{school.session}/{alias}", token).status == 404
    [answer] = get(school, f"/api/quiz/responses/{hidden}").json["responses"]
    assert answer.keys() == {"quiz_id", "answer", "correct", "points"}
    row = get(school, f"/api/engagement/student/{school.session}/{me['user_id']}").json
    assert row["details"]["asked"] == 1


def test_a_class_made_again_inherits_nothing(school):
    server, key, session = school.server, school.server.teacher_key, school.session
    me, page = join(school, "Ann")
    alert = confuse(school, page)
    quiz_id = ask_question(school, {me["token"]: "true"})
    draft = server.post("/api/quiz/create", token=school.teacher(),
                        json_body={"type": "true_false", "question": "draft", "correct": ["true"]}).json["quiz_id"]
    old_teacher, admin = school.teacher(), server.token("admin", user_id="root")
    assert server.post(f"/api/sessions/{session}/end", token=old_teacher).status == 200
    wait_until(lambda: server.metric("airclass_engagement_sessions") == 0, "the figures to be kept")
    report = f"/api/sessions/{session}/report"
    assert get(school, report, old_teacher).json["students"][0]["engagement"]["student_id"] == me["user_id"]

    assert server.request("DELETE", "/api/classes/algebra", token=key).status == 204
    # The report stays for its teacher, without figures: the rights to them end with the class.
    for token, has_figures in ((old_teacher, False), (key, False), (admin, True)):
        rows = get(school, report, token).json["students"]
        assert [row["name"] for row in rows] == ["Ann"] and (rows[0]["engagement"] is not None) == has_figures
    assert "engagement" in get(school, report + "?format=csv", admin).text.splitlines()[0]

    school.make(pin=None)
    school.session = school.start()
    teacher = school.teacher()
    stale = [report, f"/api/sessions/{session}", f"/api/sessions/{session}/attendance", f"/api/dashboard/session/{session}/overview",
             f"/api/dashboard/session/{session}/students", f"/api/dashboard/alerts/{session}", f"/dashboard/session/{session}",
             f"/api/engagement/students/{session}", f"/api/engagement/session-stats/{session}", f"/api/engagement/trend/{session}",
             f"/api/engagement/student/{session}/{me['user_id']}", f"/api/quiz/{quiz_id}", f"/api/quiz/{draft}",
             f"/api/quiz/responses/{quiz_id}", f"/api/quiz/statistics/{quiz_id}"]
    for path in stale:
        assert get(school, path, teacher).status == 404, path
        assert get(school, path, old_teacher).status == 401, path
    assert get(school, f"/api/engagement/student/{session}/{me['user_id']}", me["token"]).status == 401
    assert server.post(f"/api/dashboard/alerts/{alert['alert_id']}/ack", token=teacher).status == 404
    assert server.post("/api/quiz/publish", token=teacher, json_body={"quiz_id": draft}).status == 404
    assert server.post("/api/quiz/publish", token=teacher, json_body={"next": True}).status == 409
    assert watch(school, teacher, session).wait_closed() == 4404

    assert [s["session_id"] for s in get(school, "/api/sessions", teacher).json["sessions"]] == [school.session]
    assert get(school, "/api/quiz/list", teacher).json["quizzes"] == []
    for token in (teacher, key):
        summary = get(school, "/dashboard/summary?class_id=algebra", token).json
        assert summary["classes"][0]["sessions"] <= 1 and summary["open_alerts"] == 0
        assert [s["session_id"] for s in summary["sessions"]] == [school.session]
        points = get(school, "/dashboard/engagement/trend?class_id=algebra", token).json["points"]
        assert session not in [point["session_id"] for point in points]
        assert get(school, "/dashboard/quiz/analytics?class_id=algebra", token).json["quizzes"] == []
    # An admin sees both, and the later class works as any other.
    for path in stale[:11]:
        assert get(school, path, admin).status == 200, path
    ben, _ = join(school, "Ben")
    later = ask_question(school, {ben["token"]: "false"})
    assert [quiz["quiz_id"] for quiz in get(school, "/api/quiz/list", teacher).json["quizzes"]] == [later]
    assert [row["name"] for row in get(school, f"/api/sessions/{school.session}/report", teacher).json["students"]] == ["Ben"]
    assert get(school, f"/api/engagement/students/{school.session}", teacher).status == 200


def test_restart_in_mid_session(school):
    _, page = join(school, "Ann")
    alert = confuse(school, page)
    school.server.stop()
    school.server.start()
    assert [a["alert_id"] for a in school.open("teacher", school.teacher()).snapshot["alerts"]] == [alert["alert_id"]]
    assert school.server.post(f"/api/dashboard/alerts/{alert['alert_id']}/ack", token=school.teacher()).status == 200
    assert school.open("teacher", school.teacher()).snapshot["alerts"] == []


def test_who_saw_an_alert_first(school):
    _, page = join(school, "Ann")
    alert = confuse(school, page)
    path = f"/api/dashboard/alerts/{alert['alert_id']}/ack"
    first = school.server.post(path, token=school.teacher())
    second = school.server.post(path, token=school.server.teacher_key)
    assert first.status == 200 and second.status == 200
    assert (second.json["acked_by"], second.json["acked_at"]) == (first.json["acked_by"], first.json["acked_at"]) and first.json["acked_by"] == "ms-kim"
    assert alerts(school)[0]["acked_by"] == "ms-kim"
