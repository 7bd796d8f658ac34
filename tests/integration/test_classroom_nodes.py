"""One class on two servers that share a database and a Redis: a teacher on the one, a student on the other."""

import pytest
from broker_probe import redis  # noqa: F401 (fixture)
from class_client import School
from conftest import wait_until
from store_harness import ferretdb, mongodb_options

PLUGINS = ["store-mongodb", "broker-redis", "classroom"]
SECRET = "shared by the nodes, and long enough for HS256"


@pytest.fixture
def schools(airclassd, redis, tmp_path):  # noqa: F811
    with ferretdb(tmp_path) as database:
        options = {"auth": {"jwt_secret": SECRET}, "broker-redis": {"address": redis.address}, **mongodb_options(database.port)}
        schools = [School(airclassd(options, plugins=PLUGINS)) for _ in range(2)]
        yield schools
        for school in schools:
            school.close()
            school.server.stop()


def test_a_class_on_two_nodes(schools):
    here, there = schools
    made = here.make()
    wait_until(lambda: there.ask_token(class_id="algebra", pin=made["pin"]).status == 200, "the class to be known there")
    teacher = here.open("teacher", here.teacher())
    me = there.student(pin=made["pin"], name="민지")
    page = there.open("student", me["token"])
    assert page.snapshot["session"] is None
    session_id = here.start()
    assert page.wait("session")["session"]["session_id"] == session_id
    sessions = there.server.get("/api/sessions", token=there.teacher())
    assert sessions.status == 200 and [s["session_id"] for s in sessions.json["sessions"]] == [session_id], sessions.text

    assert page.ask(type="chat", text="한국어")["type"] == "ok"
    message = teacher.wait("chat", text="한국어")
    assert message["name"] == "민지"
    assert teacher.ask(type="chat_delete", message_id=message["message_id"])["type"] == "ok"
    page.wait("chat_deleted", message_id=message["message_id"])
    assert page.ask(type="hand", up=True)["type"] == "ok"
    teacher.wait("hand", user_id=me["user_id"], up=True)

    # What the one node says of somebody counts on the other.
    assert teacher.ask(type="mute", user_id=me["user_id"])["type"] == "ok"
    wait_until(lambda: page.ask(type="chat", text="x")["type"] == "error", "the mute to be known there")
    assert teacher.ask(type="ban", user_id=me["user_id"])["type"] == "ok"
    assert page.wait_closed() == 4409
    wait_until(lambda: there.server.post("/api/token/refresh", token=me["token"]).status == 401, "the ban to be known there")
    assert here.server.post("/api/token/refresh", token=me["token"]).status == 401

    other = there.open("student", there.student(pin=made["pin"])["token"])
    assert other.snapshot["session"]["session_id"] == session_id
    ended = here.server.post(f"/api/sessions/{session_id}/end", token=here.teacher())
    assert ended.status == 200, ended.text
    assert other.wait("session")["session"] is None

    # Another class under the same id is closed to the tokens of the first one, on both.
    old = there.teacher()
    assert here.server.request("DELETE", "/api/classes/algebra", token=here.server.teacher_key).status == 204
    assert other.wait_closed() == 4404
    made = here.make()
    for school in schools:
        wait_until(lambda: school.server.get("/api/classes/algebra", token=old).status == 401, "the new class to be known")
    new = there.teacher()
    assert here.server.get("/api/classes/algebra", token=new).json["pin"] == made["pin"]
