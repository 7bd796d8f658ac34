"""The end of a session by two nodes in the same moment."""

import datetime
import threading

from broker_probe import Node, plugin_folder
from class_client import School
from conftest import wait_until
from test_classroom import PLUGINS
from test_classroom_durable import busy_store


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def session_of(school, session):
    return school.server.get(f"/api/sessions/{session}", token=school.server.teacher_key).json


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
        # One is answered at once, because the other one's end is being written.
        wait_until(lambda: answers, "the second end to be answered")
        assert answers[0].status == 200 and answers[0].json["running"]
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
