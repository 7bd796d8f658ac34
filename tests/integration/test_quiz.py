"""Questions to a class in a running server: each type from the bank to the reveal, who sees what, the bank, statistics."""

import asyncio

import pytest

from conftest import wait_until
from quiz_class import OPTIONS, PLUGINS, SINGLE, QuizClass, in_thread


@pytest.fixture
def algebra(airclassd):
    return QuizClass(airclassd(plugins=PLUGINS))


def run(coroutine):
    return asyncio.run(coroutine)


TYPES = {
    # question, right answer, another one with its credit
    "single": ({"options": OPTIONS, "correct": ["B"]}, "B", "A", 0),
    "multiple": ({"options": OPTIONS, "correct": ["A", "C"]}, ["C", "A"], ["A"], 1 - 2 / 3),
    "true_false": ({"correct": [False]}, False, True, 0),
    "text": ({"correct": ["세종대왕", "King Sejong"]}, " king  SEJONG", "이순신", 0),
    "number": ({"correct": [31.5], "tolerance": 0.5}, 32, 33, 0),
    "order": ({"options": OPTIONS, "correct": ["B", "C", "A"]}, ["B", "C", "A"], ["B", "A", "C"], 2 / 3),
    "poll": ({"options": OPTIONS}, "A", "B", None),
}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_from_the_bank_to_the_reveal(algebra, kind):
    members, right, other, credit = TYPES[kind]
    graded = kind != "poll"

    async def play():
        quiz = await in_thread(algebra.create, type=kind, question="무엇?", points=100, **members)
        assert quiz["state"] == "draft"
        quiz_id = quiz["quiz_id"]
        async with algebra.student_page("ann") as ann, algebra.student_page("ben") as ben, algebra.page("teacher", algebra.teacher) as teacher:
            for page in (ann, ben, teacher):
                assert (await page.wait("snapshot"))["quiz"] is None
            published = await in_thread(algebra.publish, quiz_id)
            assert published["state"] == "open" and published["session_id"] == algebra.session_id
            shown = (await ann.wait("quiz_published"))["quiz"]
            assert shown["quiz_id"] == quiz_id and shown["question"] == "무엇?" and shown["my_answer"] is None
            assert "correct" not in shown and "distribution" not in shown
            assert (await teacher.wait("quiz_published"))["quiz"]["not_answered"]
            assert (await ann.answer(quiz_id, right, "r1"))["type"] == "ok"
            receipt = await in_thread(algebra.respond, "ben", quiz_id, other)
            assert receipt["quiz_id"] == quiz_id and receipt["changed"] is False
            progress = await teacher.wait("quiz_progress", answered=2)
            assert progress["present"] == 2 and progress["not_answered"] == []
            await in_thread(algebra.close, quiz_id)
            await ann.wait("quiz_closed", quiz_id=quiz_id)
            await in_thread(algebra.reveal, quiz_id)
            results = [(await page.wait("quiz_revealed"))["my_result"] for page in (ann, ben)]
            if graded:
                assert results[0] == {"correct": True, "credit": 1, "points": 100}
                assert results[1]["credit"] == pytest.approx(credit) and results[1]["points"] == round(100 * credit)
                assert (await ann.wait("score"))["score"] == 100
            else:
                assert results == [None, None]
        return quiz_id

    quiz_id = run(play())
    statistics = algebra.statistics(quiz_id)
    assert (statistics["present"], statistics["answered"], statistics["not_answered"]) == (2, 2, [])
    assert statistics["correct"] == (1 if graded else None)
    assert statistics["correct_share"] == (0.5 if graded else None)
    rows = {row["student_id"]: row for row in algebra.responses(quiz_id)}
    assert rows["ann"]["correct"] == (1 if graded else None) and rows["ann"]["name"] == "Name of ann"
    assert rows["ben"]["correct"] == (pytest.approx(credit) if graded else None)
    seen = algebra.quiz(quiz_id, algebra.student("ann"))
    assert seen["state"] == "revealed" and "distribution" in seen
    if graded:
        assert seen["correct"] == algebra.quiz(quiz_id)["correct"]


def test_answers_never_leave_before_the_reveal(algebra):
    """What is right stands in all that students and the projector get only after the reveal, by whatever way they ask."""
    secret = "정답은-xyzzy-271828"
    before = []

    def read(token):
        for path in (f"/api/quiz/{quiz_id}", "/api/quiz/list?class_id=algebra", f"/api/quiz/statistics/{quiz_id}",
                     f"/api/quiz/responses/{quiz_id}"):
            before.append(algebra.server.get(path, token=token).text)

    quiz_id = algebra.create(type="text", question="?", correct=[secret])["quiz_id"]

    async def play():
        async with algebra.student_page("ann") as ann, algebra.page("monitor", algebra.monitor) as monitor:
            for token in (algebra.student("ann"), algebra.monitor):
                await in_thread(read, token)  # a draft
            await in_thread(algebra.publish, quiz_id)
            await ann.wait("quiz_published")
            await monitor.wait("quiz_published")
            assert (await ann.answer(quiz_id, "wrong-plugh", "r1"))["type"] == "ok"
            await in_thread(algebra.respond, "ben", quiz_id, secret)
            for token in (algebra.student("ann"), algebra.monitor):
                await in_thread(read, token)
            async with algebra.student_page("late") as late:
                await late.wait("snapshot")
                before.extend(late.texts)
            await in_thread(algebra.close, quiz_id)
            await ann.wait("quiz_closed")
            await monitor.wait("quiz_closed")
            for token in (algebra.student("ann"), algebra.monitor):
                await in_thread(read, token)
            before.extend(ann.texts + monitor.texts)
            await in_thread(algebra.reveal, quiz_id)
            revealed = await ann.wait("quiz_revealed")
            shown = await monitor.wait("quiz_revealed")
            assert revealed["correct"] == [secret] and shown["correct"] == [secret]
            # What somebody wrote is for that student and the teacher.
            assert revealed["distribution"] == shown["distribution"] == {secret: 1, "…": 1}
            assert not any("plugh" in text for text in monitor.texts)

    run(play())
    assert len(before) > 20
    for text in before:
        assert secret not in text and '"correct"' not in text and '"distribution"' not in text, text
    assert algebra.statistics(quiz_id)["distribution"] == {secret: 1, "wrong-plugh": 1}
    public = algebra.statistics(quiz_id, algebra.student("ann"))
    assert "not_answered" not in public and public["distribution"] == {secret: 1, "…": 1}


def test_order_is_not_shown_in_order(algebra):
    quiz = algebra.open(type="order", question="?", options=[{"text": text} for text in ("first", "second", "third", "fourth")])
    shown = algebra.quiz(quiz["quiz_id"], algebra.student("ann"))
    assert [option["id"] for option in shown["options"]] != quiz["correct"]
    assert sorted(option["text"] for option in shown["options"]) == ["first", "fourth", "second", "third"]
    assert algebra.respond("ann", quiz["quiz_id"], quiz["correct"])
    assert algebra.statistics(quiz["quiz_id"])["correct"] == 1


def test_roles_and_other_classes(algebra):
    server = algebra.server
    other = QuizClass(server, "biology")
    quiz_id, draft_id = algebra.open()["quiz_id"], algebra.create()["quiz_id"]
    ann, stranger = algebra.student("ann"), other.student("zoe")
    reference = {"quiz_id": quiz_id}
    for_teachers = [
        ("POST", "/api/quiz/create", {**SINGLE, "class_id": "algebra"}),
        ("POST", "/api/quiz/publish", reference),
        ("POST", "/api/quiz/publish", {"next": True, "class_id": "algebra"}),
        ("POST", "/api/quiz/close", reference),
        ("POST", "/api/quiz/reveal", reference),
        ("POST", "/ws/broadcast/quiz", reference),
        ("POST", "/ws/broadcast/quiz", {"class_id": "algebra", "quiz": SINGLE}),
        ("PATCH", f"/api/quiz/{draft_id}", {"points": 1}),
        ("DELETE", f"/api/quiz/{draft_id}", None),
        ("GET", f"/api/quiz/responses/{quiz_id}", None),
    ]
    for_students = [
        ("POST", "/api/quiz/response", {**reference, "answer": "A"}),
        ("POST", "/quiz/respond", {**reference, "answer": "A"}),
        ("GET", f"/api/quiz/{quiz_id}", None),
        ("GET", "/api/quiz/list?class_id=algebra", None),
    ]
    for method, path, body in for_teachers:
        assert server.request(method, path, json_body=body).status == 401, path
        for token in (ann, algebra.monitor, stranger, other.teacher):
            assert server.request(method, path, json_body=body, token=token).status == 403, path
    for method, path, body in for_students:
        assert server.request(method, path, json_body=body).status == 401, path
        for token in (stranger, other.teacher):
            assert server.request(method, path, json_body=body, token=token).status == 403, path
    for path in ("/api/quiz/response", "/quiz/respond"):
        for token in (algebra.monitor, algebra.teacher):
            assert server.post(path, json_body={**reference, "answer": "A"}, token=token).status == 403
        assert server.post(path, json_body={**reference, "answer": "A", "student_id": "ben"}, token=ann).status == 403
        assert server.post(path, json_body={**reference, "answer": "A", "student_id": "ann"}, token=ann).status == 201
    for method, path, body in (
        ("GET", "/api/quiz/nothing", None),
        ("PATCH", "/api/quiz/nothing", {"points": 1}),
        ("DELETE", "/api/quiz/nothing", None),
        ("GET", "/api/quiz/statistics/nothing", None),
        ("GET", "/api/quiz/responses/nothing", None),
        ("POST", "/api/quiz/publish", {"quiz_id": "nothing"}),
        ("POST", "/api/quiz/close", {"quiz_id": "nothing"}),
        ("POST", "/api/quiz/reveal", {"quiz_id": "nothing"}),
    ):
        assert server.request(method, path, json_body=body, token=algebra.teacher).status == 404, path
    # A draft does not exist for students, nor statistics before the reveal.
    assert server.get(f"/api/quiz/{draft_id}", token=ann).status == 404
    assert server.post("/api/quiz/response", json_body={"quiz_id": draft_id, "answer": "A"}, token=ann).status == 404
    assert server.get(f"/api/quiz/statistics/{quiz_id}", token=ann).status == 403
    assert [quiz["quiz_id"] for quiz in algebra.ask("GET", "/api/quiz/list", token=ann)["quizzes"]] == [quiz_id]


def test_bad_questions_and_answers(algebra):
    for fault in ({"correct": ["Z"]}, {"correct": []}, {"options": OPTIONS[:1]}, {"question": " "}, {"mode": "speed"}, {"points": -1},
                  {"time_limit_s": 0}, {"colour": "red"}, {"type": "riddle"}):
        algebra.ask("POST", "/api/quiz/create", {**SINGLE, **fault}, expect=400)
    quiz_id = algebra.open()["quiz_id"]
    for answer in ("Z", ["A"], 1, True, "x" * 3000):
        algebra.respond("ann", quiz_id, answer, expect=400)
    assert algebra.statistics(quiz_id)["answered"] == 0
    text = algebra.open(type="text", question="?", correct=["a"])
    assert text["closed_quiz_id"] == quiz_id  # one at a time
    algebra.respond("ann", text["quiz_id"], "x" * 501, expect=400)
    algebra.respond("ann", text["quiz_id"], "x" * 500)


def test_the_bank(algebra):
    first, second, third = (algebra.create(question=text) for text in ("first", "second", "third"))
    algebra.ask("PATCH", f"/api/quiz/{third['quiz_id']}", {"position": 0.5, "question": "세 번째", "time_limit_s": 30})
    drafts = algebra.ask("GET", "/api/quiz/list?state=draft")["quizzes"]
    assert [quiz["question"] for quiz in drafts] == ["세 번째", "first", "second"]
    page = algebra.ask("GET", "/api/quiz/list?state=draft&limit=2")
    rest = algebra.ask("GET", f"/api/quiz/list?state=draft&limit=2&cursor={page['next_cursor']}")
    assert [quiz["quiz_id"] for quiz in page["quizzes"] + rest["quizzes"]] == [quiz["quiz_id"] for quiz in drafts]
    algebra.ask("PATCH", f"/api/quiz/{third['quiz_id']}", {"time_limit_s": None})
    assert "time_limit_s" not in algebra.quiz(third["quiz_id"])
    algebra.ask("PATCH", f"/api/quiz/{first['quiz_id']}", {"correct": ["Z"]}, expect=400)
    changed = algebra.ask("PATCH", f"/api/quiz/{first['quiz_id']}", {"type": "text", "correct": ["x"]})
    assert changed["type"] == "text" and changed["options"] == [] and algebra.quiz(first["quiz_id"])["correct"] == ["x"]
    algebra.ask("DELETE", f"/api/quiz/{second['quiz_id']}", expect=204)
    algebra.quiz(second["quiz_id"], expect=404)
    assert algebra.ask("POST", "/api/quiz/publish", {"next": True})["quiz_id"] == third["quiz_id"]
    again = algebra.ask("POST", "/api/quiz/publish", {"next": True})
    assert again["quiz_id"] == first["quiz_id"] and again["closed_quiz_id"] == third["quiz_id"]
    assert algebra.ask("POST", "/api/quiz/publish", {"next": True}, expect=409)["type"] == "/problems/quiz-none-left"
    for path, body in (("publish", {"quiz_id": third["quiz_id"]}), ("close", {"quiz_id": algebra.create()["quiz_id"]})):
        assert algebra.ask("POST", f"/api/quiz/{path}", body, expect=409)["type"].startswith("/problems/quiz-")
    assert algebra.publish(first["quiz_id"])["state"] == "open"  # clicked twice
    algebra.ask("PATCH", f"/api/quiz/{first['quiz_id']}", {"points": 5}, expect=409)
    algebra.ask("DELETE", f"/api/quiz/{first['quiz_id']}", expect=409)


def test_the_end_of_a_session_closes_its_question(algebra):
    quiz_id = algebra.open()["quiz_id"]
    algebra.respond("ann", quiz_id, "B")
    algebra.end()
    assert algebra.wait_state(quiz_id, "closed")["closed_reason"] == "session"
    algebra.respond("ann", quiz_id, "A", expect=409)
    assert algebra.reveal(quiz_id)["distribution"] == {"A": 0, "B": 1, "C": 0}

    async def look():
        async with algebra.student_page("ann") as page:
            return (await page.wait("snapshot"))["quiz"]

    assert run(look()) is None
    algebra.ask("DELETE", f"/api/quiz/{quiz_id}", expect=204)
    algebra.quiz(quiz_id, expect=404)


def test_scores_and_leaderboard(airclassd):
    algebra = QuizClass(airclassd(plugins=PLUGINS), settings={"leaderboard": True})

    async def play():
        async with algebra.student_page("ann") as ann, algebra.page("monitor", algebra.monitor) as monitor, \
                algebra.page("teacher", algebra.teacher) as teacher:
            quiz_id = (await in_thread(algebra.open, points=70))["quiz_id"]
            for user_id in ("ann", "ben", "cho", "dan", "eve", "fay"):
                await in_thread(algebra.respond, user_id, quiz_id, "A" if user_id == "dan" else "B")
            async with algebra.student_page("ben") as ben:
                assert (await ben.wait("snapshot"))["me"]["score"] == 0  # not before the reveal
            await in_thread(algebra.reveal, quiz_id)
            board = (await teacher.wait("quiz_revealed"))["leaderboard"]
            assert len(board) == 5 and board[0] == {"name": "Name of ann", "rank": 1, "score": 70}
            assert all(entry["rank"] == 1 for entry in board)
            for page in (ann, monitor):
                shown = (await page.wait("quiz_revealed"))["leaderboard"]
                assert shown == [{"name": entry["name"], "rank": 1} for entry in board]
            assert (await ann.wait("score"))["score"] == 70
            async with algebra.student_page("ben") as ben:
                snapshot = await ben.wait("snapshot")
                assert snapshot["me"]["score"] == 70 and snapshot["quiz"]["my_result"]["points"] == 70

    run(play())


def test_live_statistics(algebra):
    quiz_id = algebra.open()["quiz_id"]

    async def play():
        from quiz_class import Page
        url = f"{algebra.server.websocket_url}/api/quiz/ws/statistics"
        async with Page(f"{url}/{quiz_id}?jwt={algebra.teacher}") as page:
            assert (await page.wait("statistics"))["answered"] == 0
            await in_thread(algebra.respond, "ann", quiz_id, "B")
            frame = await page.wait("statistics", answered=1)
            assert frame["distribution"] == {"A": 0, "B": 1, "C": 0} and frame["quiz_type"] == "single"
            await in_thread(algebra.reveal, quiz_id)
            await page.wait("statistics", state="revealed")
        other = QuizClass(algebra.server, "biology")
        for path, token, code in ((quiz_id, other.teacher, 4403), ("nothing", algebra.teacher, 4404)):
            async with Page(f"{url}/{path}?jwt={token}") as page:
                await asyncio.wait_for(page.reader, 20)
                assert page.socket.close_code == code and not page.frames

    run(play())


def test_anonymous(algebra):
    quiz_id = algebra.create(anonymous=True)["quiz_id"]

    async def play():
        async with algebra.student_page("ann") as ann, algebra.student_page("ben") as ben, algebra.page("teacher", algebra.teacher) as teacher:
            await ben.wait("snapshot")
            await in_thread(algebra.publish, quiz_id)
            assert (await ann.answer(quiz_id, "A", "r1"))["type"] == "ok"
            assert (await ann.answer(quiz_id, "B", "r2"))["type"] == "ok"
            progress = await teacher.wait("quiz_progress", answered=1)
            assert progress["present"] == 2 and progress["not_answered"] == []
            assert (await in_thread(algebra.quiz, quiz_id, algebra.student("ann")))["my_answer"] == "B"
            await in_thread(algebra.reveal, quiz_id)
            assert (await ann.wait("quiz_revealed"))["my_result"]["points"] == 100
            about = [frame for frame in teacher.frames if frame["type"].startswith("quiz")]
            assert len(about) >= 4 and "Name of" not in str(about) and "ann" not in str(about)
            async with algebra.student_page("ann") as again:
                assert (await again.wait("snapshot"))["me"]["score"] == 0  # a score would tell

    run(play())
    [row] = algebra.responses(quiz_id)
    assert row == {"quiz_id": quiz_id, "answer": "B", "correct": 1, "points": 100}
    statistics = algebra.statistics(quiz_id)
    assert (statistics["answered"], statistics["present"], statistics["not_answered"]) == (1, 2, [])
    assert "item" not in statistics
    assert "anonymous_key" not in str(algebra.quiz(quiz_id))


def test_what_a_question_is_worth(algebra):
    """Ann, Ben and Cho are good at everything, Dan, Eve and Fay at nothing but the last question, which tells nothing."""
    students = ["ann", "ben", "cho", "dan", "eve", "fay"]
    ids = []
    for right in (students[:3], students[:3], students[:4], ["ann", "dan"]):
        quiz_id = algebra.open()["quiz_id"]
        for user_id in students:
            algebra.respond(user_id, quiz_id, "B" if user_id in right else "A")
        algebra.close(quiz_id)
        ids.append(quiz_id)
    item = algebra.statistics(ids[0])["item"]
    assert item["share_correct"] == 0.5 and item["difficulty"] == 0.5 and item["discrimination"] == pytest.approx(0.745356)
    assert abs(algebra.statistics(ids[3])["item"]["discrimination"]) < 0.5


def test_push_from_outside(algebra):
    made = algebra.ask("POST", "/ws/broadcast/quiz", {"class_id": "algebra", "quiz": SINGLE})
    assert made["state"] == "open"
    draft = algebra.create()
    pushed = algebra.ask("POST", "/ws/broadcast/quiz", {"quiz_id": draft["quiz_id"]})
    assert pushed["state"] == "open" and pushed["closed_quiz_id"] == made["quiz_id"]
    algebra.ask("POST", "/ws/broadcast/quiz", {"quiz_id": draft["quiz_id"], "quiz": SINGLE}, expect=400)
    wait_until(lambda: algebra.server.metric("airclass_quiz_published_total") == 2, "the metric")


def responses_of(algebra, quiz_id):
    return {row["student_id"]: row for row in algebra.ask("GET", f"/api/quiz/responses/{quiz_id}")["responses"]}


@pytest.mark.parametrize("number", [1e17, 1e21, -1e308, 1e-300, 0.1])
def test_numbers_of_every_size(algebra, number):
    """What a student answers is stored and shown as the same number, and is JSON everywhere."""
    quiz_id = algebra.create(type="number", question="?", correct=[number], tolerance=0)["quiz_id"]
    algebra.ask("PATCH", f"/api/quiz/{quiz_id}", {"correct": [number]})
    algebra.publish(quiz_id)

    async def play():
        async with algebra.student_page("ben") as ben, algebra.page("teacher", algebra.teacher) as teacher:
            assert (await ben.answer(quiz_id, number, "r1"))["type"] == "ok"
            await in_thread(algebra.respond, "ann", quiz_id, number)
            await in_thread(algebra.reveal, quiz_id)
            for page in (ben, teacher):
                assert (await page.wait("quiz_revealed"))["correct"] == [number]

    run(play())
    rows = responses_of(algebra, quiz_id)
    assert [(rows[who]["answer"], rows[who]["correct"]) for who in ("ann", "ben")] == [(number, 1), (number, 1)]
    report = algebra.server.get(f"/api/sessions/{algebra.session_id}/report?format=csv", token=algebra.teacher).text
    cells = report.replace('"', "").replace("'", "").replace("\r\n", ",").split(",")
    assert cells.count(str(number)) == 2, report


def test_halves_of_a_point(algebra):
    """Nine of twenty wrong leave a credit of exactly 0.1, half a point of five: it is rounded up, as all halves."""
    letters = "ABCDEFGHIJKLMNOPQRST"
    options = [{"id": letter, "text": letter} for letter in letters]
    quiz_id = algebra.open(type="multiple", question="?", options=options, correct=list(letters[:10]), points=5)["quiz_id"]
    expected = {9: 1, 7: 2, 1: 5, 10: 0}
    for wrong in expected:
        algebra.respond(f"s{wrong}", quiz_id, list(letters[:10 + wrong]))
    rows = responses_of(algebra, quiz_id)
    assert {wrong: rows[f"s{wrong}"]["points"] for wrong in expected} == expected
