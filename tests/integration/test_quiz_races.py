"""Questions when it matters: answers at the same instant, late ones, a whole class at once, timers, a crash in mid-question."""

import asyncio
import concurrent.futures
import contextlib
import sqlite3
import threading

from conftest import wait_until
from quiz_class import PLUGINS, SINGLE, QuizClass, in_thread

STUDENTS = 450


def test_two_answers_at_the_same_instant(airclassd):
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    quiz_id = algebra.open()["quiz_id"]
    algebra.student("ann")
    barrier = threading.Barrier(8)

    def answer(option):
        barrier.wait(20)
        return algebra.respond("ann", quiz_id, option)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(answer, "ABCABCAB"))
    assert len({receipt["response_id"] for receipt in receipts}) == 1
    [row] = algebra.responses(quiz_id)
    assert row["response_id"] == receipts[0]["response_id"]
    statistics = algebra.statistics(quiz_id)
    assert statistics["answered"] == 1 and sum(statistics["distribution"].values()) == 1
    assert statistics["distribution"][row["answer"]] == 1


def test_the_same_answer_once_more_is_no_change(airclassd):
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    quiz_id = algebra.open()["quiz_id"]
    first, again, other = (algebra.respond("ann", quiz_id, answer) for answer in ("B", "B", "A"))
    assert again == first and not first["changed"]
    assert other["changed"] and other["response_id"] == first["response_id"]
    assert [row["changes"] for row in algebra.responses(quiz_id)] == [1]


def test_late_answers(airclassd):
    """Answers and the end race; what was acknowledged is counted, what was refused is not, and nothing after it."""
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    quiz_id = algebra.open()["quiz_id"]
    users = [f"s{i}" for i in range(40)]
    for user_id in users:
        algebra.student(user_id)

    def answer(user_id):
        reply = algebra.server.post("/api/quiz/response", json_body={"quiz_id": quiz_id, "answer": "B"}, token=algebra.tokens[user_id])
        return user_id, reply

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = [pool.submit(answer, user_id) for user_id in users[:20]]
        closing = pool.submit(algebra.close, quiz_id)
        replies += [pool.submit(answer, user_id) for user_id in users[20:]]
        closed = closing.result()
        results = [reply.result() for reply in replies]
    taken = {user_id for user_id, reply in results if reply.status == 201}
    for user_id, reply in results:
        assert reply.status in (201, 409), reply.text
        assert reply.status == 201 or reply.json["type"] == "/problems/quiz-closed"
    assert closed["answered"] == len(taken)
    assert {row["student_id"] for row in algebra.responses(quiz_id)} == taken
    assert answer("s0")[1].status == 409
    assert algebra.statistics(quiz_id)["answered"] == len(taken)


def test_a_whole_class_at_once(airclassd):
    """Each of 450 is acknowledged once, and the counts are right to the last digit."""
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    users = [f"s{i}" for i in range(STUDENTS)]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(algebra.student, users))
        quiz_id = algebra.open()["quiz_id"]

        async def watch():
            async with algebra.page("teacher", algebra.teacher) as teacher:
                await teacher.wait("snapshot")
                loop = asyncio.get_running_loop()
                answers = [loop.run_in_executor(pool, algebra.respond, user_id, quiz_id, "ABC"[i % 3]) for i, user_id in enumerate(users)]
                receipts = await asyncio.gather(*answers)
                last = await teacher.wait("quiz_progress", answered=STUDENTS)
                return receipts, last, [frame for frame in teacher.frames if frame["type"] == "quiz_progress"]

        receipts, last, progress = asyncio.run(watch())
    assert len({receipt["response_id"] for receipt in receipts}) == STUDENTS
    assert last["distribution"] == {"A": 150, "B": 150, "C": 150} and last["present"] == STUDENTS
    assert [frame["answered"] for frame in progress] == sorted(frame["answered"] for frame in progress)
    statistics = algebra.statistics(quiz_id)
    assert (statistics["answered"], statistics["correct"], statistics["correct_share"]) == (STUDENTS, 150, 150 / STUDENTS)
    rows = algebra.responses(quiz_id)
    assert {row["response_id"] for row in rows} == {receipt["response_id"] for receipt in receipts}
    assert {row["student_id"]: row["answer"] for row in rows} == {user_id: "ABC"[i % 3] for i, user_id in enumerate(users)}
    assert algebra.server.metric("airclass_quiz_answers_total") == STUDENTS


def test_timer(airclassd):
    algebra = QuizClass(airclassd(plugins=PLUGINS))

    async def play():
        async with algebra.student_page("ann") as ann:
            await ann.wait("snapshot")
            quiz = await in_thread(algebra.open, time_limit_s=2, mode="speed", points=1000)
            shown = (await ann.wait("quiz_published"))["quiz"]
            assert 0 < shown["remaining_ms"] <= 2000 and shown["closes_at"] > shown["published_at"]
            assert (await ann.answer(quiz["quiz_id"], "B", "r1"))["type"] == "ok"
            closed = await ann.wait("quiz_closed", quiz_id=quiz["quiz_id"])
            assert closed["reason"] == "time"
            late = await ann.answer(quiz["quiz_id"], "A", "r2")
            assert late["type"] == "error" and late["problem"] == "quiz-closed"
            return quiz["quiz_id"]

    quiz_id = asyncio.run(play())
    algebra.respond("ben", quiz_id, "B", expect=409)
    [row] = algebra.responses(quiz_id)
    elapsed = row["response_ms"]
    assert row["answer"] == "B" and 0 <= elapsed <= 2000
    assert row["points"] == (1000 if elapsed <= 500 else round(1000 * (1 - elapsed / 4000)))


def test_extra_time(airclassd):
    algebra = QuizClass(airclassd(plugins=PLUGINS))

    async def play():
        async with algebra.student_page("ann") as ann, algebra.student_page("ben") as ben:
            await ann.wait("snapshot")
            await ben.wait("snapshot")
            quiz = await in_thread(algebra.create, time_limit_s=3)
            quiz_id = quiz["quiz_id"]
            await in_thread(algebra.publish, quiz_id, extra_time=[{"student_id": "ann", "percent": 400}])
            ben_sees = (await ben.wait("quiz_published"))["quiz"]
            assert "extra_time" not in str(ben.frames)
            own = await in_thread(algebra.quiz, quiz_id, algebra.student("ann"))
            assert own["closes_at"] > ben_sees["closes_at"] and own["remaining_ms"] > 3000

            def has_ended_for_ben():
                return algebra.quiz(quiz_id, algebra.student("ben"))["state"] == "closed"

            await in_thread(wait_until, has_ended_for_ben, "Ben's time to end")
            assert (await in_thread(algebra.respond, "ben", quiz_id, "B", 409))["type"] == "/problems/quiz-closed"
            assert (await in_thread(algebra.quiz, quiz_id))["state"] == "open"
            assert (await ann.answer(quiz_id, "B", "r1"))["type"] == "ok"
            await in_thread(algebra.wait_state, quiz_id, "closed")
            # It stays until it is changed.
            following = await in_thread(algebra.open, time_limit_s=100)
            assert following["extra_time"] == [{"student_id": "ann", "percent": 400}]
            own = await in_thread(algebra.quiz, following["quiz_id"], algebra.student("ann"))
            assert own["remaining_ms"] > 400_000
            await in_thread(algebra.ask, "PATCH", f"/api/quiz/{following['quiz_id']}", {"extra_time": [{"student_id": "ben", "percent": 100}]})
            own = await in_thread(algebra.quiz, following["quiz_id"], algebra.student("ben"))
            assert own["remaining_ms"] > 150_000

    asyncio.run(play())


def test_late_joiners_are_let_in(airclassd):
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    quiz_id = algebra.open(time_limit_s=600)["quiz_id"]

    async def join():
        async with algebra.student_page("late") as page:
            quiz = (await page.wait("snapshot"))["quiz"]
            assert quiz["quiz_id"] == quiz_id and quiz["state"] == "open" and 0 < quiz["remaining_ms"] <= 600_000
            assert (await page.answer(quiz_id, "B", "r1"))["type"] == "ok"
            async with algebra.student_page("late") as again:
                assert (await again.wait("snapshot"))["quiz"]["my_answer"] == "B"

    asyncio.run(join())
    statistics = algebra.statistics(quiz_id)
    assert (statistics["present"], statistics["answered"]) == (1, 1)  # one person with two pages


def test_crash_in_mid_question(airclassd):
    """Whatever was acknowledged is there again, with the question and its time; the class goes on."""
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    server = algebra.server
    revealed = algebra.open(points=30)["quiz_id"]
    algebra.respond("s0", revealed, "B")
    algebra.reveal(revealed)
    quiz = algebra.create(**{**SINGLE, "question": "after the crash?", "time_limit_s": 600, "anonymous": False})
    quiz_id = algebra.publish(quiz["quiz_id"])["quiz_id"]
    users = [f"s{i}" for i in range(60)]
    for user_id in users:
        algebra.student(user_id)
    acknowledged, lock, enough = {}, threading.Lock(), threading.Event()

    def answer(index):
        option = "ABC"[index % 3]
        try:
            reply = server.post("/api/quiz/response", json_body={"quiz_id": quiz_id, "answer": option}, token=algebra.tokens[users[index]])
        except OSError:
            return
        if reply.status == 201:
            with lock:
                acknowledged[users[index]] = option
                if len(acknowledged) >= 20:
                    enough.set()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for index in range(len(users)):
            pool.submit(answer, index)
        assert enough.wait(30)
        server.kill()
    server.start()
    shown = algebra.quiz(quiz_id)
    assert shown["state"] == "open" and 0 < shown["remaining_ms"] < 600_000
    rows = {row["student_id"]: row["answer"] for row in algebra.responses(quiz_id)}
    assert acknowledged.items() <= rows.items()

    async def go_on():
        user_id, option = next(iter(acknowledged.items()))
        async with algebra.student_page(user_id) as page:
            snapshot = await page.wait("snapshot")
            assert snapshot["quiz"]["my_answer"] == option and snapshot["session"]["session_id"] == algebra.session_id
            assert (await page.answer(quiz_id, "C" if option != "C" else "A", "r1"))["type"] == "ok"
        async with algebra.student_page("s0") as page:
            assert (await page.wait("snapshot"))["me"]["score"] == 30

    asyncio.run(go_on())
    assert algebra.respond("newcomer", quiz_id, "B")["changed"] is False
    assert len(algebra.responses(quiz_id)) == len(rows) + 1
    assert algebra.reveal(quiz_id)["answered"] == len(rows) + 1


def test_crash_over_the_end_of_the_time(airclassd):
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    quiz_id = algebra.open(time_limit_s=1, anonymous=True)["quiz_id"]
    algebra.respond("ann", quiz_id, "B")
    algebra.server.kill()
    algebra.server.start()
    assert algebra.wait_state(quiz_id, "closed")["closed_reason"] == "time"
    assert algebra.statistics(quiz_id)["answered"] == 1
    algebra.respond("ben", quiz_id, "B", expect=409)

    async def look():
        async with algebra.page("teacher", algebra.teacher) as page:
            return (await page.wait("snapshot"))["quiz"]

    assert asyncio.run(look())["state"] == "closed"


def test_published_in_the_store_and_on_no_page(airclassd):
    """The store went away between the write of a publishing and the reading after it: the teacher was told to try again."""
    algebra = QuizClass(airclassd(plugins=PLUGINS))
    quiz_id, other = algebra.create()["quiz_id"], algebra.open(question="meanwhile")["quiz_id"]
    published = "2026-03-01T09:30:00.000Z"
    with contextlib.closing(sqlite3.connect(algebra.server.state / "store-sqlite" / "store.db")) as database, database:
        changed = database.execute("UPDATE c_quizzes SET document = json_set(document, '$.state', 'open', '$.published_at', ?, "
                                   "'$.session_id', ?) WHERE key = ?", (published, algebra.session_id, quiz_id))
        assert changed.rowcount == 1
    algebra.respond("ann", quiz_id, "B", expect=409)

    async def lesson():
        async with algebra.student_page("ann") as page:
            await page.wait("snapshot")
            shown = await in_thread(algebra.publish, quiz_id)
            assert shown["state"] == "open" and shown["closed_quiz_id"] == other and shown["published_at"] > published
            await page.wait("quiz_published")
            assert (await page.answer(quiz_id, "B", "r1"))["type"] == "ok"

    asyncio.run(lesson())
    assert algebra.close(quiz_id)["answered"] == 1
    # One that has been published and closed stays so.
    algebra.ask("POST", "/api/quiz/publish", {"quiz_id": quiz_id}, expect=409)
    algebra.ask("POST", "/api/quiz/publish", {"quiz_id": other}, expect=409)
