"""What a teacher does is answered when the store has it: not before, and with an error when the store refuses."""

import contextlib
import sqlite3
import threading

import pytest
from class_client import algebra
from conftest import wait_until
from test_classroom import PLUGINS


@pytest.fixture
def school(airclassd):
    with algebra(airclassd(plugins=PLUGINS)) as school:
        yield school


@contextlib.contextmanager
def busy_store(school):
    """The database is being written to by somebody else; what reads it goes on."""
    path = school.server.state / "store-sqlite" / "store.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        with contextlib.suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        database.close()


@pytest.fixture
def scene(school):
    """A teacher, a student and a message."""
    teacher, me = school.open("teacher", school.teacher()), school.student(name="loud")
    page = school.open("student", me["token"])
    assert page.ask(type="chat", text="rude")["type"] == "ok"
    message = teacher.wait("chat", text="rude")
    return teacher, page, me["user_id"], message["message_id"]


def actions(user_id, message_id):
    return [{"type": "mute", "user_id": user_id}, {"type": "unmute", "user_id": user_id}, {"type": "slow_mode", "seconds": 10},
            {"type": "chat_enabled", "enabled": False}, {"type": "chat_delete", "message_id": message_id}, {"type": "ban", "user_id": user_id}]


def answer_to(page, ref):
    return page.find("ok", ref=ref) or page.find("error", ref=ref)


def test_ok_comes_with_the_store(school, scene):
    teacher, page, user_id, message_id = scene
    told = ("moderation", "chat_deleted")
    with busy_store(school):
        for number, action in enumerate(actions(user_id, message_id)):
            teacher.send(ref=f"a{number}", **action)
        teacher.settle()
        assert not any(message["type"] in ("ok", "error", *told) for message in teacher.messages), teacher.messages
        assert not any(message["type"] in told for message in page.settle().messages)
    for number, action in enumerate(actions(user_id, message_id)):
        teacher.wait("ok", ref=f"a{number}")
    assert page.wait_closed() == 4409
    # In the order in which they were asked for, each made of what the one before has left.
    assert [m["ref"] for m in teacher.messages if m["type"] == "ok" and m["ref"] != "a4"] == ["a0", "a1", "a2", "a3", "a5"]
    school.server.kill()
    school.server.start()
    snapshot = school.open("teacher", school.teacher()).snapshot
    assert snapshot["chat_settings"] == {"enabled": False, "slow_mode_s": 10}
    assert [one["user_id"] for one in snapshot["banned"]] == [user_id]


def test_error_when_the_store_refuses(school, scene):
    teacher, page, user_id, message_id = scene
    asked = [action for action in actions(user_id, message_id) if action["type"] in ("slow_mode", "chat_delete", "ban")]
    refs = [action["type"] for action in asked]
    with busy_store(school):
        for ref, action in zip(refs, asked, strict=True):
            teacher.send(ref=ref, **action)
        wait_until(lambda: all(answer_to(teacher, ref) for ref in refs), lambda: f"all answers; came: {teacher.messages}", deadline_s=120)
    assert [answer_to(teacher, ref)["type"] for ref in refs] == ["error"] * 3
    # Nothing has changed.
    assert not any(message["type"] in ("moderation", "chat_deleted") for message in page.settle().messages)
    assert page.closed is None and page.ask(type="chat", text="I may still")["type"] == "ok"
    assert school.open("student", school.student()["token"]).snapshot["chat_settings"] == {"enabled": True, "slow_mode_s": 0}
    assert teacher.ask(type="ban", user_id=user_id)["type"] == "ok"
    assert page.wait_closed() == 4409


def test_changes_in_flight_do_not_undo_each_other(school, scene):
    """The teacher's page and a request change settings in the same moment: both hold."""
    teacher, _, _, _ = scene
    answers, key = [], school.server.teacher_key

    def patch():
        answers.append(school.server.request("PATCH", "/api/classes/algebra", token=key, json_body={"settings": {"leaderboard": True}, "pin": "4711"}))

    with busy_store(school):
        teacher.send(ref="slow", type="slow_mode", seconds=30)
        teacher.settle()
        request = threading.Thread(target=patch)
        request.start()
        teacher.settle()
    request.join(60)
    teacher.wait("ok", ref="slow")
    assert answers[0].status == 200, answers[0].text
    assert answers[0].json["settings"] == {"leaderboard": True, "slow_mode_s": 30} and answers[0].json["pin"] == "4711"


def test_a_class_deleted_while_its_changes_wait(school, scene):
    teacher, _, user_id, _ = scene
    answers, key = [], school.server.teacher_key
    with busy_store(school):
        for number in range(3):
            teacher.send(ref=f"m{number}", type="mute", user_id=user_id)
        teacher.settle()
        request = threading.Thread(target=lambda: answers.append(school.server.request("DELETE", "/api/classes/algebra", token=key, timeout=60)))
        request.start()
        teacher.settle()
    request.join(60)
    assert answers[0].status == 204, answers[0].text
    assert teacher.wait_closed() == 4404
    assert school.server.get("/readyz").status == 200
