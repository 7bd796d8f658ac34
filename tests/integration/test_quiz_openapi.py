"""Each status that schemas/openapi/quiz.yaml describes is produced, and each answer has the form that it describes."""

import http.client

from quiz_class import PLUGINS, SINGLE, QuizClass
from test_openapi import Recorder

UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


class Asker:
    """Sends to a template whose variable is filled in."""

    def __init__(self, recorder, token):
        self.recorder, self.token = recorder, token

    def __call__(self, expect, method, template, quiz_id=None, **arguments):
        arguments.setdefault("token", self.token)
        path = (template, template.replace("{quiz_id}", quiz_id or ""))
        return self.recorder.send(method, path, expect=expect, **arguments)


def ask_bodies(ask, path, good, stranger):
    """What all that take a body answer."""
    ask(400, "POST", path, json_body={"nonsense": 1})
    ask(401, "POST", path, json_body=good, token=None)
    ask(403, "POST", path, json_body=good, token=stranger)
    ask(413, "POST", path, body=" " * 100000, headers={"Content-Type": "application/json"})
    ask(415, "POST", path, body="x", headers={"Content-Type": "text/plain"})


def ask_bank(ask, algebra, stranger):
    server = algebra.server
    draft = ask(201, "POST", "/api/quiz/create", json_body=SINGLE).json["quiz_id"]
    ask_bodies(ask, "/api/quiz/create", {**SINGLE, "class_id": "algebra"}, stranger)
    ask(404, "POST", "/api/quiz/create", json_body={**SINGLE, "class_id": "nowhere"}, token=server.teacher_key)
    ask(200, "GET", "/api/quiz/list")
    ask(400, "GET", "/api/quiz/list", query="?limit=0")
    ask(400, "GET", "/api/quiz/list", query="?state=lost")
    ask(400, "GET", "/api/quiz/list", query="?cursor=nonsense")
    ask(401, "GET", "/api/quiz/list", token=None)
    ask(403, "GET", "/api/quiz/list", query="?class_id=algebra", token=stranger)
    ask(404, "GET", "/api/quiz/list", query="?class_id=nowhere", token=server.teacher_key)
    one = "/api/quiz/{quiz_id}"
    patch = {"json_body": {"points": 7}}
    for method, arguments in (("GET", {}), ("PATCH", patch), ("DELETE", {})):
        ask(401, method, one, draft, token=None, **arguments)
        ask(403, method, one, draft, **{**arguments, "token": stranger})
        ask(404, method, one, "nothing", **arguments)
    ask(200, "GET", one, draft)
    ask(200, "PATCH", one, draft, **patch)
    ask(400, "PATCH", one, draft, json_body={})
    ask(413, "PATCH", one, draft, body=" " * 100000, headers={"Content-Type": "application/json"})
    ask(415, "PATCH", one, draft, body="x", headers={"Content-Type": "text/plain"})
    ask(204, "DELETE", one, draft)
    for path in ("/api/quiz/statistics/{quiz_id}", "/api/quiz/responses/{quiz_id}"):
        another = ask(201, "POST", "/api/quiz/create", json_body=SINGLE).json["quiz_id"]
        ask(409, "GET", path, another)
        ask(401, "GET", path, another, token=None)
        ask(403, "GET", path, another, token=stranger)
        ask(404, "GET", path, "nothing")


def ask_run(ask, algebra, stranger, student):
    quiz_id, draft = algebra.create(position=0)["quiz_id"], algebra.create()["quiz_id"]
    reference = {"quiz_id": quiz_id}
    ask(409, "POST", "/api/quiz/close", json_body={"quiz_id": draft})
    ask(409, "POST", "/api/quiz/reveal", json_body={"quiz_id": draft})
    for path in ("/api/quiz/publish", "/ws/broadcast/quiz"):
        ask(200, "POST", path, json_body=reference)
    for path in ("/api/quiz/response", "/quiz/respond"):
        good = {**reference, "answer": "B"}
        ask(201, "POST", path, json_body=good, token=student)
        ask_bodies(lambda status, *rest, **named: ask(status, *rest, **{"token": student, **named}), path, good, stranger)
        ask(404, "POST", path, json_body={**good, "quiz_id": "nothing"}, token=student)
    for state in ("open", "closed", "revealed"):
        if state != "open":
            ask(200, "POST", "/api/quiz/close" if state == "closed" else "/api/quiz/reveal", json_body=reference)
        for path in ("/api/quiz/{quiz_id}", "/api/quiz/statistics/{quiz_id}", "/api/quiz/responses/{quiz_id}"):
            ask(200, "GET", path, quiz_id)
        ask(200, "GET", "/api/quiz/{quiz_id}", quiz_id, token=student)
        ask(200, "GET", "/api/quiz/list", token=student)
    ask(400, "GET", "/api/quiz/responses/{quiz_id}", quiz_id, query="?cursor=x")
    for path in ("/api/quiz/response", "/quiz/respond"):
        ask(409, "POST", path, json_body={**reference, "answer": "A"}, token=student)
    for path in ("/api/quiz/publish", "/api/quiz/close", "/api/quiz/reveal", "/ws/broadcast/quiz"):
        ask_bodies(ask, path, reference, stranger)
        ask(404, "POST", path, json_body={"quiz_id": "nothing"})
    for path in ("/api/quiz/publish", "/ws/broadcast/quiz"):
        ask(409, "POST", path, json_body=reference)
    ask(409, "PATCH", "/api/quiz/{quiz_id}", quiz_id, json_body={"points": 1})
    ask(409, "DELETE", "/api/quiz/{quiz_id}", quiz_id)


def ask_socket(ask, algebra, student):
    path, good = "/api/quiz/ws/statistics/{quiz_id}", {**UPGRADE, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    ask(426, "GET", path, "x")
    ask(400, "GET", path, "x", headers={**UPGRADE, "Sec-WebSocket-Key": "short"})
    ask(401, "GET", path, "x", headers=good, token="a.b.c")
    ask(403, "GET", path, "x", headers=good, token=student)
    connection = http.client.HTTPConnection(*algebra.server.endpoint("http"), timeout=20)
    connection.request("GET", path.replace("{quiz_id}", "x"), headers={**good, "Authorization": f"Bearer {algebra.teacher}"})
    ask.recorder.seen.add((path, "get", str(connection.getresponse().status)))
    connection.close()


def test_a_full_bank(airclassd):
    algebra = QuizClass(airclassd({"quiz": {"max_questions": 1}}, plugins=PLUGINS))
    algebra.create()
    assert algebra.ask("POST", "/api/quiz/create", SINGLE, expect=409)["type"] == "/problems/quiz-bank-full"


def test_each_documented_status_can_be_produced(airclassd):
    server = airclassd({"quiz": {"max_questions": 8}}, plugins=PLUGINS)
    algebra, other = QuizClass(server), QuizClass(server, "biology")
    recorder = Recorder(server)
    ask = Asker(recorder, algebra.teacher)
    student, stranger = algebra.student("ann"), other.student("zoe")
    ask_bank(ask, algebra, stranger)
    ask_run(ask, algebra, stranger, student)
    ask_socket(ask, algebra, student)
    while recorder.send("POST", "/api/quiz/create", json_body=SINGLE, token=algebra.teacher).status == 201:
        pass
    assert ("/api/quiz/create", "post", "409") in recorder.seen
    missing = recorder.missing("openapi/quiz.yaml")
    assert not missing, sorted(missing)
