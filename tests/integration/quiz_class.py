"""A class with questions, for the tests of the quiz plugin: its teacher, students, pages (WebSockets)."""

import asyncio
import json

import websockets

from conftest import DEADLINE_S, wait_until

PLUGINS = ["store-sqlite", "broker-local", "classroom", "quiz"]

OPTIONS = [{"id": "A", "text": "one"}, {"id": "B", "text": "two"}, {"id": "C", "text": "three"}]
SINGLE = {"type": "single", "question": "How many?", "options": OPTIONS, "correct": ["B"]}


class QuizClass:
    """The class "algebra" of a running server. Students' tokens are kept: a name is asked for once."""

    def __init__(self, server, class_id="algebra", settings=None, session=True):
        self.server, self.class_id, self.tokens = server, class_id, {}
        body = {"class_id": class_id, "title": class_id, "settings": settings or {}}
        answer = server.post("/api/classes", json_body=body, token=server.teacher_key)
        assert answer.status == 201, answer.text
        self.teacher = server.token("teacher", f"teacher-{class_id}", class_id=class_id)
        self.monitor = server.token("monitor", f"monitor-{class_id}", class_id=class_id)
        self.session_id = self.begin() if session else None

    def begin(self):
        answer = self.server.post(f"/api/classes/{self.class_id}/sessions", json_body={}, token=self.teacher)
        assert answer.status == 201, answer.text
        return answer.json["session_id"]

    def end(self):
        answer = self.server.post(f"/api/sessions/{self.session_id}/end", token=self.teacher)
        assert answer.status == 200, answer.text

    def student(self, user_id):
        if user_id not in self.tokens:
            body = {"user_id": user_id, "class_id": self.class_id, "name": f"Name of {user_id}"}
            answer = self.server.post("/api/token", json_body=body)
            assert answer.status == 200, answer.text
            self.tokens[user_id] = answer.json["token"]
        return self.tokens[user_id]

    def ask(self, method, path, body=None, token=None, expect=200):
        answer = self.server.request(method, path, json_body=body, token=token or self.teacher)
        assert answer.status == expect, f"{method} {path}: {answer.status} {answer.text[:500]}"
        return answer.json if answer.body else None

    def create(self, **question):
        return self.ask("POST", "/api/quiz/create", {**SINGLE, **question} if "type" not in question else question, expect=201)

    def publish(self, quiz_id, **arguments):
        return self.ask("POST", "/api/quiz/publish", {"quiz_id": quiz_id, **arguments})

    def open(self, **question):
        return self.publish(self.create(**question)["quiz_id"])

    def close(self, quiz_id):
        return self.ask("POST", "/api/quiz/close", {"quiz_id": quiz_id})

    def reveal(self, quiz_id):
        return self.ask("POST", "/api/quiz/reveal", {"quiz_id": quiz_id})

    def respond(self, user_id, quiz_id, answer, expect=201):
        return self.ask("POST", "/api/quiz/response", {"quiz_id": quiz_id, "answer": answer}, self.student(user_id), expect)

    def quiz(self, quiz_id, token=None, expect=200):
        return self.ask("GET", f"/api/quiz/{quiz_id}", token=token, expect=expect)

    def statistics(self, quiz_id, token=None, expect=200):
        return self.ask("GET", f"/api/quiz/statistics/{quiz_id}", token=token, expect=expect)

    def responses(self, quiz_id):
        rows, cursor = [], ""
        while cursor is not None:
            page = self.ask("GET", f"/api/quiz/responses/{quiz_id}?limit=200{cursor}")
            rows += page["responses"]
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
        return rows

    def wait_state(self, quiz_id, state):
        return wait_until(lambda: (quiz := self.quiz(quiz_id))["state"] == state and quiz, f"the question to be {state}")

    def page(self, kind, token):
        return Page(f"{self.server.websocket_url}/ws/{kind}?class_id={self.class_id}&jwt={token}")

    def student_page(self, user_id):
        return self.page("student", self.student(user_id))


class Page:
    """One WebSocket, all of whose frames are kept: async with page: …"""

    def __init__(self, url):
        self.url, self.frames, self.texts = url, [], []

    async def __aenter__(self):
        self.socket = await websockets.connect(self.url, max_size=None)
        self.arrived = asyncio.Condition()
        self.reader = asyncio.ensure_future(self.read())
        return self

    async def __aexit__(self, *_):
        await self.socket.close()
        await asyncio.gather(self.reader, return_exceptions=True)

    async def read(self):
        try:
            async for text in self.socket:
                async with self.arrived:
                    self.texts.append(text)
                    self.frames.append(json.loads(text))
                    self.arrived.notify_all()
        except websockets.ConnectionClosed:
            pass
        async with self.arrived:
            self.arrived.notify_all()

    async def wait(self, kind, **members):
        """The first frame of that type with these members, whenever it came."""

        def find():
            return next((f for f in self.frames if f["type"] == kind and all(f.get(k) == v for k, v in members.items())), None)

        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: find() or self.socket.closed), DEADLINE_S)
        frame = find()
        assert frame, f"no {kind} {members}; closed with {self.socket.close_code}; came: {self.frames}"
        return frame

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def answer(self, quiz_id, answer, ref):
        """`ok`, or `error`."""
        await self.send(type="answer", quiz_id=quiz_id, answer=answer, ref=ref)
        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: any(f.get("ref") == ref for f in self.frames) or self.socket.closed), DEADLINE_S)
        return next(f for f in self.frames if f.get("ref") == ref)


async def in_thread(function, *arguments, **keywords):
    """HTTP while sockets are read."""
    return await asyncio.get_running_loop().run_in_executor(None, lambda: function(*arguments, **keywords))
