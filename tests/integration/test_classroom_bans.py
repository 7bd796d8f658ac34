"""A ban reaches every token of whoever is banned, at every door, whether it has been seen before or not."""

import json
import sqlite3

import pytest
from broker_probe import Node, plugin_folder
from class_client import School, algebra
from conftest import wait_until
from test_auth import forge, good_claims
from test_classroom import PLUGINS


@pytest.fixture
def school(airclassd):
    with algebra(airclassd(plugins=PLUGINS)) as school:
        yield school


def forged(school, user_id, **claims):
    """As another server that has this one's secret would make it: nobody here has seen it."""
    claims = good_claims(sub=user_id, role="student", **{"class": "algebra"}, path="live/algebra", action="read", **claims)
    return forge(claims, school.server.secret("jwt-secret"))


def refresh(school, token):
    return school.server.post("/api/token/refresh", token=token)


def is_shut_out(school, token, refused=401):
    """At the sockets, over HTTP, when refreshing, and when coming in again under another name or another user id."""
    assert school.open("student", token).wait_closed() == 4401
    assert school.server.get("/api/classes/algebra", token=token).status == 401
    assert refresh(school, token).status == 401
    for fields in ({"name": "somebody new"}, {"user_id": "another"}, {}):
        again = school.server.post("/api/token", token=token, json_body={"class_id": "algebra", **fields})
        assert again.status == 403, (fields, again.text)
    return True


def kept_bans(school):
    path = school.server.state / "store-sqlite" / "store.db"
    with sqlite3.connect(path) as database:
        (text,) = database.execute("SELECT document FROM c_classes WHERE key = 'algebra'").fetchone()
    return json.loads(text).get("banned", [])


def test_tokens_that_were_never_seen(school):
    school.start()
    teacher = school.open("teacher", school.teacher())
    me = school.student(name="first")
    derived = school.student(token=me["token"])["token"]  # the same person once more
    guest = school.student(token=me["token"], user_id="guest-of-mine")["token"]  # the same browser as somebody else
    refreshed = refresh(school, derived).json["token"]
    foreign = forged(school, me["user_id"])
    friend = school.student()["token"]
    page = school.open("student", me["token"])
    page.snapshot
    guests_page = school.open("student", guest)
    guests_page.snapshot
    assert teacher.ask(type="ban", user_id=me["user_id"])["type"] == "ok"
    assert page.wait_closed() == 4409
    assert guests_page.wait_closed() == 4401
    tokens = [me["token"], derived, refreshed, guest, foreign]
    for token in tokens:
        assert is_shut_out(school, token)
    assert school.open("student", friend).snapshot and refresh(school, friend).status == 200
    # A ban is for its class alone.
    assert school.server.post("/api/token", token=me["token"], json_body={"class_id": "stream"}).status == 200

    school.server.stop()
    school.server.start()
    for token in tokens:
        assert is_shut_out(school, token)
    assert school.ask_token(class_id="algebra", user_id=me["user_id"]).status == 403
    teacher = school.open("teacher", school.teacher())
    assert [one["user_id"] for one in teacher.snapshot["banned"]] == [me["user_id"]]
    assert teacher.ask(type="unban", user_id=me["user_id"])["type"] == "ok"
    for token in tokens:
        assert school.open("student", token).snapshot
    assert refresh(school, derived).status == 200 and kept_bans(school) == []


def test_a_ban_by_another_node(airclassd, tmp_path):
    """That node has written it, and tells; the tokens that only this one knows go with it, and come back with the ban's end."""
    environment = {"AIRCLASS_CORE_PLUGIN_DIR": str(plugin_folder(tmp_path / "plugins"))}
    school = School(airclassd(plugins=[*PLUGINS, "broker-probe"], environment=environment))
    school.make(pin=None)
    me = school.student()
    guest = school.student(token=me["token"], user_id="guest-of-mine")["token"]
    page = school.open("student", me["token"])
    page.snapshot

    def write(bans, action):
        at = "2026-03-01T09:30:00.000Z"
        with sqlite3.connect(school.server.state / "store-sqlite" / "store.db") as database:
            database.execute("UPDATE c_classes SET document = json_set(document, '$.banned', json(?)) WHERE key = 'algebra'", (json.dumps(bans),))
        event = {"type": "member-moderated", "at": at, "class_id": "algebra", "user_id": me["user_id"], "user_name": "x", "action": action,
                 "moderator_id": "ms-kim"}
        Node(school.server).ask("publish-remote", value=event)

    write([{"user_id": me["user_id"], "name": "x", "at": "2026-03-01T09:30:00.000Z", "by": "ms-kim"}], "ban")
    assert page.wait_closed() == 4409
    wait_until(lambda: refresh(school, me["token"]).status == 401, "the ban to be read")
    for token in (me["token"], guest):
        assert is_shut_out(school, token)
    write([], "unban")
    wait_until(lambda: refresh(school, me["token"]).status == 200, "the end of the ban to be read")
    assert school.open("student", guest).snapshot
    school.close()


def test_a_class_made_anew_has_no_bans(school):
    teacher, me = school.open("teacher", school.teacher()), school.student()
    page = school.open("student", me["token"])
    page.snapshot
    assert teacher.ask(type="ban", user_id=me["user_id"])["type"] == "ok"
    assert school.server.request("DELETE", "/api/classes/algebra", token=school.server.teacher_key).status == 204
    school.make(pin=None)
    again = school.student(token=me["token"], user_id=me["user_id"])
    assert again["user_id"] == me["user_id"] and school.open("student", again["token"]).snapshot


def test_refreshing_asks_the_class(airclassd):
    school = School(airclassd({"classroom": {"streams_without_class": "false"}}, plugins=PLUGINS))
    school.make(pin=None)
    me = school.student()
    assert refresh(school, me["token"]).status == 200
    assert school.server.request("DELETE", "/api/classes/algebra", token=school.server.teacher_key).status == 204
    assert refresh(school, me["token"]).status == 404
    assert refresh(school, school.teacher()).status == 200


def test_the_address_counts_at_the_socket(school):
    school.start()
    teacher = school.open("teacher", school.teacher())
    regular, loner, unseen = school.student(), school.student(), school.student()
    school.open("student", regular["token"], address="127.0.0.6").snapshot
    page = school.open("student", loner["token"], address="127.0.0.5")
    page.snapshot
    assert teacher.ask(type="ban", user_id=loner["user_id"])["type"] == "ok"
    assert page.wait_closed() == 4409
    assert school.open("student", unseen["token"], address="127.0.0.5").wait_closed() == 4409
    assert school.open("student", unseen["token"], address="127.0.0.7").snapshot
    assert school.open("student", regular["token"], address="127.0.0.5").snapshot  # who has been here may move


def test_a_page_that_shows_ever_new_tokens(school):
    """Of one person only so many families are kept; that person's tokens are refused by the user id all the same."""
    teacher, me = school.open("teacher", school.teacher()), school.student()
    page = school.open("student", me["token"], first_frame=True)
    page.snapshot
    tokens = [forged(school, me["user_id"], fam=f"family-{i:02}") for i in range(30)]
    for token in tokens:
        page.send(type="auth", token=token)
    assert page.settle().closed is None
    assert teacher.ask(type="ban", user_id=me["user_id"])["type"] == "ok"
    assert page.wait_closed() == 4409
    (ban,) = kept_bans(school)
    assert ban["families"] == [f"family-{i:02}" for i in range(22, 30)]
    for token in (tokens[0], tokens[-1]):
        assert is_shut_out(school, token)


def test_many_bans(school):
    """The bans of a class are few enough; banning the same person again adds nothing."""
    teacher, me = school.open("teacher", school.teacher()), school.student()
    school.open("student", me["token"]).snapshot
    school.start()
    for _ in range(5):
        assert teacher.ask(type="ban", user_id=me["user_id"])["type"] == "ok"
    assert len(kept_bans(school)) == 1
    wait_until(lambda: teacher.find("moderation", action="ban"), "the ban to be told")
