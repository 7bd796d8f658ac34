"""A class with real sockets: joining, roles, presence, snapshots and resuming, chat with moderation, signals; a restart in mid-session."""

import json

import pytest
from class_client import School
from conftest import wait_until

PLUGINS = ["store-sqlite", "broker-local", "classroom"]


@pytest.fixture
def school(airclassd):
    school = School(airclassd(plugins=PLUGINS))
    yield school
    school.close()


# ---- Joining


def test_default_class_is_open(school):
    me = school.student("stream", name="민지")
    page = school.open("student", me["token"], "stream")
    snapshot = page.snapshot
    assert snapshot["class"] == {"class_id": "stream", "title": "AIRClass", "path": "live/stream"}
    assert snapshot["me"]["user_id"] == me["user_id"] and snapshot["me"]["name"] == "민지" and snapshot["me"]["role"] == "student"
    assert snapshot["session"] is None and snapshot["roster_size"] == 1 and snapshot["stream"]["state"] == "idle"
    assert "roster" not in snapshot and "join" not in snapshot


def test_pin_and_link(school):
    made = school.make()
    assert len(made["pin"]) == 6 and made["pin"][0] != "0"
    assert school.ask_token(class_id="algebra").status == 401
    wrong = school.ask_token(class_id="algebra", pin="000000")
    assert wrong.status == 401 and "PIN" in wrong.json["detail"]
    assert school.student(pin=made["pin"], name=" A\u202e  b ")["name"] == "A b"
    secret = made["join_url"].rsplit("join=", 1)[1]
    token = school.student(join=secret)["token"]
    assert school.ask_token(class_id="algebra", join=secret[:-1]).status == 401
    assert school.open("student", token).snapshot["class"]["class_id"] == "algebra"
    # A PIN makes nobody a teacher, whatever is asked for with it.
    for role in ("teacher", "monitor", "admin"):
        assert school.ask_token(class_id="algebra", pin=made["pin"], user_type=role, user_id="x").status == 401
    assert school.ask_token(class_id="algebra", pin=made["pin"], action="publish").status == 403
    changed = school.server.request("PATCH", "/api/classes/algebra", token=school.teacher(), json_body={"new_pin": True, "new_join_link": True})
    assert changed.status == 200 and changed.json["join_url"] != made["join_url"]
    assert school.ask_token(class_id="algebra", join=secret).status == 401
    assert school.server.request("PATCH", "/api/classes/algebra", token=school.teacher(), json_body={"pin": None}).json["pin"] is None
    assert school.ask_token(class_id="algebra").status == 200


def test_guessing_is_slowed_down(school):
    made = school.make()
    secret = made["join_url"].rsplit("join=", 1)[1]
    answers = [school.ask_token(class_id="algebra", pin=f"{i:06}").status for i in range(100000, 100020)]
    assert answers[0] == 401 and answers[-1] == 429
    held = school.ask_token(class_id="algebra", pin=made["pin"])
    assert held.status == 429 and int(held.headers["Retry-After"]) >= 1
    # The link cannot be guessed, and the teacher's key is another matter.
    assert school.ask_token(class_id="algebra", join=secret).status == 200
    assert school.teacher()


def test_user_ids_are_not_given_away(school):
    school.make(pin=None)
    first = school.student(user_id="minji")
    assert first["user_id"] == "minji"
    assert school.student(user_id="minji")["user_id"] != "minji"
    assert school.student(user_id="minji", token=first["token"])["user_id"] == "minji"
    assert school.student(token=first["token"])["user_id"] == "minji"
    assert school.student("stream", user_id="minji", token=first["token"])["user_id"] == "minji"  # another class, another person


def test_name_survives_refresh(school):
    first = school.student("stream", name="지우")
    answer = school.server.post("/api/token/refresh", token=first["token"])
    assert answer.status == 200 and answer.json["name"] == "지우" and answer.json["user_id"] == first["user_id"]


@pytest.mark.parametrize("name", ["", " \u202e ", "x" * 65, "\u3164"])
def test_bad_names(school, name):
    assert school.ask_token(name=name).status == 400


def test_streams_without_class(school, airclassd):
    assert school.ask_token(class_id="nowhere").status == 200
    strict = airclassd({"classroom": {"streams_without_class": "false"}}, plugins=PLUGINS)
    assert strict.post("/api/token", json_body={"class_id": "nowhere"}).status == 404


# ---- Roles


def test_sockets_tell_why(school):
    school.make(pin=None)
    student, other = school.student()["token"], school.student("stream")["token"]
    assert school.open("student", "a.b.c").wait_closed() == 4401
    assert school.open("teacher", student).wait_closed() == 4403
    assert school.open("monitor", student).wait_closed() == 4403
    assert school.open("student", school.teacher()).wait_closed() == 4403
    for kind in ("student", "teacher", "monitor"):
        assert school.open(kind, other).wait_closed() == 4403
    assert school.open("teacher", school.teacher("stream")).wait_closed() == 4403
    assert school.open("teacher", school.teacher("nowhere"), "nowhere").wait_closed() == 4404
    silent = school.open("student", None)
    assert silent.wait_closed() == 4401
    wrong = school.open("student", None)
    wrong.send(type="chat", text="x")
    assert wrong.wait_closed() == 4401


def test_three_ways_of_the_token(school):
    token = school.student("stream")["token"]
    for arguments in ({}, {"first_frame": True}, {"header": True}):
        page = school.open("student", token, "stream", **arguments)
        assert page.snapshot["me"]["role"] == "student"
        page.send(type="auth", token=token)  # a fresh one in time
        assert page.settle().closed is None
        page.send(type="auth", token=school.student("stream")["token"])
        assert page.wait_closed() == 4403


def test_the_servers_key_opens_pages(school):
    """As for everything else: in the header, or in the first frame; an address ends up in logs, so that it is not taken from there."""
    school.make()
    key = school.server.teacher_key
    for kind in ("teacher", "monitor"):
        for arguments in ({"header": True}, {"first_frame": True}):
            page = school.open(kind, key, **arguments)
            assert page.snapshot["class"]["class_id"] == "algebra" and page.snapshot["join"]["pin"]
    teacher = school.open("teacher", key, header=True)
    assert teacher.ask(type="slow_mode", seconds=5)["type"] == "ok"
    assert school.open("student", key, header=True).wait_closed() == 4403
    assert school.open("teacher", key).wait_closed() == 4401
    assert school.open("teacher", key[:-1] + "x" if key[-1] != "x" else key[:-1] + "y", header=True).wait_closed() == 4401


def test_another_classs_token_on_every_route(school):
    school.make(pin=None)
    session = school.start()
    stranger, student = school.teacher("stream"), school.student()["token"]
    routes = [("GET", "/api/classes/algebra", None), ("PATCH", "/api/classes/algebra", {"title": "x"}), ("DELETE", "/api/classes/algebra", None),
              ("GET", "/api/classes/algebra/qr.svg", None), ("POST", "/api/classes/algebra/sessions", None), ("GET", f"/api/sessions/{session}", None),
              ("POST", f"/api/sessions/{session}/end", None), ("GET", f"/api/sessions/{session}/attendance", None),
              ("GET", f"/api/sessions/{session}/report", None), ("GET", "/api/sessions?class_id=algebra", None)]
    for method, path, body in routes:
        assert school.server.request(method, path, token=stranger, json_body=body).status == 403, (method, path)
        if (method, path) != ("GET", "/api/classes/algebra"):
            assert school.server.request(method, path, token=student, json_body=body).status == 403, (method, path)
        assert school.server.request(method, path, json_body=body).status == 401, (method, path)
    seen = school.server.get("/api/classes/algebra", token=student).json
    assert "pin" not in seen and "join_url" not in seen and seen["session"]["session_id"] == session
    assert [c["class_id"] for c in school.server.get("/api/classes", token=stranger).json["classes"]] == ["stream"]


# ---- Presence, snapshot, resume


def test_two_tabs_are_one_person(school):
    school.make(pin=None)
    teacher = school.open("teacher", school.teacher())
    assert teacher.snapshot["roster"] == [] and teacher.snapshot["join"]["pin"] is None
    me = school.student(name="김민지")
    first = school.open("student", me["token"])
    joined = teacher.wait("presence", event="joined", user_id=me["user_id"])
    assert joined["name"] == "김민지" and joined["roster_size"] == 1
    second = school.open("student", me["token"])
    assert second.snapshot["roster_size"] == 1
    first.close()
    assert second.settle() and not teacher.settle().find("presence", event="left")
    second.close()
    assert teacher.wait("presence", event="left", user_id=me["user_id"])["roster_size"] == 0


def test_others_learn_only_the_number(school):
    school.make(pin=None)
    watcher = school.open("student", school.student()["token"])
    watcher.snapshot
    school.open("student", school.student(name="secret")["token"]).snapshot
    assert set(watcher.wait("presence", roster_size=2)) == {"type", "id", "at", "roster_size"}


def test_monitor_only_shows(school):
    school.make()
    monitor = school.open("monitor", school.server.token("monitor", user_id="beamer", class_id="algebra"))
    assert monitor.snapshot["join"]["pin"] and "roster" not in monitor.snapshot
    assert monitor.ask(type="chat", text="x")["problem"] == "forbidden"
    assert school.server.get("/api/classes/algebra/qr.svg", token=school.server.token("monitor", user_id="b", class_id="algebra")).text.startswith("<svg")


def test_resume_and_reload(school):
    school.make(pin=None)
    school.start()
    me, other = school.student(name="a"), school.student(name="b")
    page, talker = school.open("student", me["token"]), school.open("student", other["token"])
    assert page.ask(type="hand", up=True)["type"] == "ok"
    talker.ask(type="chat", text="before")
    last = page.wait("chat", text="before")["id"]
    page.close()
    for i in range(3):
        talker.ask(type="chat", text=f"missed {i}")
    talker.wait("chat", text="missed 2")
    again = school.open("student", me["token"], last_id=last)
    again.wait("chat", text="missed 2")
    assert again.messages[0]["type"] == "resumed" and again.messages[0]["id"] == last
    assert [m["text"] for m in again.messages if m["type"] == "chat"] == ["missed 0", "missed 1", "missed 2"]
    ids = [int(m["id"]) for m in again.messages]
    assert ids == sorted(ids)
    reloaded = school.open("student", me["token"])
    assert [m["text"] for m in reloaded.snapshot["chat"]] == ["before", "missed 0", "missed 1", "missed 2"]
    assert reloaded.snapshot["me"]["hand"] is True
    assert school.open("student", me["token"], last_id="5").snapshot  # of an earlier run: all anew
    assert school.open("student", me["token"], last_id=str(10**18)).snapshot


# ---- Chat and moderation


def test_chat_stays_in_its_room(school):
    school.make(pin=None)
    school.make("biology", pin=None)
    here, there = school.open("student", school.student()["token"]), school.open("student", school.student("biology")["token"], "biology")
    there.snapshot
    assert here.ask(type="chat", text="한국어 <b>&amp;</b> \u202eabc\u0007")["type"] == "ok"
    message = here.wait("chat")
    assert message["text"] == "한국어 <b>&amp;</b> abc" and message["role"] == "student"
    assert not there.settle().find("chat")


def test_moderation(school):
    school.make(pin=None)
    school.start()
    teacher, me = school.open("teacher", school.teacher()), school.student(name="loud")
    page = school.open("student", me["token"])
    assert page.ask(type="ban", user_id="x")["problem"] == "forbidden"
    page.ask(type="chat", text="rude")
    message = teacher.wait("chat", text="rude")
    assert teacher.ask(type="chat_delete", message_id=message["message_id"])["type"] == "ok"
    page.wait("chat_deleted", message_id=message["message_id"])
    assert school.open("student", me["token"]).snapshot["chat"] == []
    assert "rude" not in json.dumps(school.open("student", me["token"], last_id=str(int(message["id"]) - 1)).settle().messages)
    teacher.ask(type="mute", user_id=me["user_id"])
    page.wait("moderation", action="mute")
    assert page.ask(type="chat", text="x")["problem"] == "forbidden"
    teacher.ask(type="unmute", user_id=me["user_id"])
    assert page.ask(type="chat", text="again")["type"] == "ok"
    teacher.ask(type="slow_mode", seconds=600)
    page.wait("moderation", action="chat_settings", chat_settings={"enabled": True, "slow_mode_s": 600})
    assert page.ask(type="chat", text="too soon")["problem"] == "rate-limited"
    teacher.ask(type="slow_mode", seconds=0)
    teacher.ask(type="chat_enabled", enabled=False)
    assert page.ask(type="chat", text="off")["problem"] == "forbidden"
    assert teacher.ask(type="chat", text="I may")["type"] == "ok"


def test_a_ban_survives_a_rename(school):
    school.make(pin=None)
    school.start()
    teacher, me = school.open("teacher", school.teacher()), school.student(name="first")
    friend = school.open("student", school.student()["token"])
    page = school.open("student", me["token"])
    assert page.ask(type="rename", name="second")["type"] == "ok"
    teacher.wait("member", user_id=me["user_id"], name="second")
    assert teacher.ask(type="ban", user_id=me["user_id"])["type"] == "ok"
    assert page.wait_closed() == 4409
    # Neither the token nor its kin, nor the user id with another name.
    assert school.open("student", me["token"]).wait_closed() == 4401
    assert school.server.post("/api/token/refresh", token=me["token"]).status == 401
    assert school.ask_token(class_id="algebra", user_id=me["user_id"], name="third").status == 403
    # Others of the same address go on, and may come: a school has one.
    assert friend.ask(type="hand", up=True)["type"] == "ok"
    assert school.ask_token(class_id="algebra").status == 200
    assert teacher.ask(type="unban", user_id=me["user_id"])["type"] == "ok"
    assert school.open("student", me["token"]).snapshot["me"]["user_id"] == me["user_id"]


def test_the_address_of_a_banned_loner(school):
    school.make(pin=None)
    school.start()
    me = school.student()
    page = school.open("student", me["token"])
    page.snapshot
    # The teacher has another address (IPv4 loopback has many).
    teacher = school.open("teacher", school.teacher())
    assert teacher.snapshot["roster"][0]["user_id"] == me["user_id"]
    page.ask(type="lost", lost=True)
    assert teacher.wait("lost", user_id=me["user_id"], lost=True)
    assert teacher.ask(type="ban", user_id=me["user_id"])["type"] == "ok"
    assert page.wait_closed() == 4409


def test_signals(school):
    school.make(pin=None)
    teacher, me = school.open("teacher", school.teacher()), school.student(name="a")
    page, other = school.open("student", me["token"]), school.open("student", school.student()["token"])
    for _ in range(5):
        page.ask(type="reaction", name="clap")
    wait_until(lambda: sum(m["count"] for m in other.messages if m["type"] == "reaction" and m["name"] == "clap") == 5, "five claps")
    assert page.ask(type="reaction", name="skull")["problem"] == "invalid"
    page.ask(type="hand", up=True)
    teacher.wait("hand", user_id=me["user_id"], up=True)
    assert not other.settle().find("hand")
    teacher.ask(type="lower_hand", user_id=me["user_id"])
    page.wait("hand", up=False)


# ---- A restart in mid-session


def test_restart_in_mid_session(school):
    made, server = school.make(), school.server
    session = school.start()
    me = school.student(pin=made["pin"], name="수아")
    page = school.open("student", me["token"])
    page.ask(type="hand", up=True)
    page.ask(type="chat", text="kept")
    last = page.wait("chat", text="kept")["id"]
    server.stop()
    assert page.wait_closed() in (1001, 1012)
    server.start()
    again = school.open("student", me["token"], last_id=last)
    snapshot = again.snapshot
    assert snapshot["session"]["session_id"] == session and snapshot["me"]["hand"] is True and snapshot["me"]["name"] == "수아"
    assert [m["text"] for m in snapshot["chat"]] == ["kept"]
    assert int(snapshot["id"]) >= int(last)
    assert school.ask_token(class_id="algebra", pin=made["pin"], user_id=me["user_id"]).json["user_id"] != me["user_id"]
    attendance = lambda: server.get(f"/api/sessions/{session}/attendance", token=school.teacher()).json["students"]
    wait_until(lambda: [(len(one["stays"]), one["present"]) for one in attendance()] == [(2, True)], "the second stay to be kept")
