"""How many are there, as pages that come in are told: whoever has answered counts, there or not."""

import pytest
from class_client import algebra
from conftest import wait_until
from quiz_class import PLUGINS, SINGLE


@pytest.fixture
def school(airclassd):
    with algebra(airclassd(plugins=PLUGINS)) as school:
        school.start()
        yield school


def ask(school, path, body):
    answer = school.server.post(f"/api/quiz/{path}", json_body=body, token=school.teacher())
    assert answer.status in (200, 201), answer.text
    return answer.json


def join(school, token=None):
    token = token or school.student()["token"]
    page = school.open("student", token)
    seen = page.snapshot["quiz"]
    return token, page, (seen["present"], seen["answered"])


def test_who_comes_in_sees_how_many_are_there(school):
    teacher = school.open("teacher", school.teacher())
    quiz = ask(school, "create", SINGLE)["quiz_id"]
    ask(school, "publish", {"quiz_id": quiz})
    pages = []
    for number in range(1, 6):
        token, page, counts = join(school)
        pages.append((token, page))
        assert counts == (number, 0)
    assert pages[0][1].ask(type="answer", quiz_id=quiz, answer="B")["type"] == "ok"
    assert pages[1][1].ask(type="answer", quiz_id=quiz, answer="A")["type"] == "ok"
    teacher.wait("quiz_progress", present=5, answered=2)
    # One who has answered goes, one who has not goes; two who are new come.
    pages[0][1].close()
    pages[2][1].close()
    teacher.wait("quiz_progress", present=4, answered=2)
    assert join(school)[2] == (5, 2)
    _, late, counts = join(school)
    assert counts == (6, 2)
    # Who has answered comes back: nobody is counted twice.
    assert pages[0][0] and join(school, pages[0][0])[1].snapshot["quiz"]["my_answer"] == "B"
    wait_until(lambda: [m for m in teacher.messages if m["type"] == "quiz_progress"][-1]["present"] == 6, "the progress")
    assert join(school, pages[0][0])[2] == (6, 2)
    monitor = school.open("monitor", school.server.token("monitor", user_id="beamer", class_id="algebra"))
    assert (monitor.snapshot["quiz"]["present"], monitor.snapshot["quiz"]["answered"]) == (6, 2)
    assert late.settle().closed is None
