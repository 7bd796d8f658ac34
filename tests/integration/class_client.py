"""A page of a class: a WebSocket client that keeps what it has heard. Runs its own loop on a thread, so that tests stay plain calls."""

import asyncio
import contextlib
import json
import threading

import websockets
from conftest import DEADLINE_S, wait_until


class Page:
    """One open socket. messages: all that came, as objects; closed: the close code, or None."""

    def __init__(self, server, kind, token=None, class_id="stream", last_id=None, first_frame=None, header=None,
                 address=None):
        query = f"?class_id={class_id}" if class_id else "?"
        if token and not first_frame and not header:
            query += f"&jwt={token}"
        if last_id is not None:
            query += f"&last_id={last_id}"
        self.url = f"{server.websocket_url}/ws/{kind}{query}"
        self.headers = {"Authorization": f"Bearer {token}"} if header else {}
        self.local = {"local_addr": (address, 0)} if address else {}  # of the loopback's many
        self.messages, self.closed, self.reason = [], None, None
        self.socket, self.opened = None, threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.opened.wait(DEADLINE_S) and self.socket, f"the socket did not open: {self.reason}"
        if first_frame:
            self.send(type="auth", token=token)

    def run(self):
        self.loop.run_until_complete(self.listen())
        self.loop.close()

    async def listen(self):
        try:
            self.socket = await websockets.connect(self.url, extra_headers=self.headers, max_size=None, ping_interval=None,
                                                   **self.local)
        except Exception as problem:  # told by the thread that waits
            self.reason = str(problem)
            return
        finally:
            self.opened.set()
        try:
            async for text in self.socket:
                self.messages.append(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        self.reason = self.socket.close_reason
        self.closed = self.socket.close_code

    def send(self, **message):
        self.send_text(json.dumps(message))

    def send_text(self, text):
        future = asyncio.run_coroutine_threadsafe(self.socket.send(text), self.loop)
        # The loop ends with the connection: a sending that is under way then never comes back.
        wait_until(lambda: future.done() or not self.thread.is_alive(), "the message to be sent")

    def close(self):
        if self.closed is None:
            # Not its result: the loop ends with the connection.
            asyncio.run_coroutine_threadsafe(self.socket.close(), self.loop)
            self.wait_closed()

    def find(self, type, **fields):
        for message in list(self.messages):
            if message["type"] == type and all(message.get(key) == value for key, value in fields.items()):
                return message
        return None

    def wait(self, type, **fields):
        """The first message of that type and with these fields, past or to come."""
        found = []

        def look():
            message = self.find(type, **fields)
            if message is None and self.closed is not None:
                raise AssertionError(f"closed with {self.closed} {self.reason!r} before {type} {fields}; came: {self.messages}")
            found[:] = [message]
            return message

        wait_until(look, lambda: f"{type} {fields}; came: {self.messages[-20:]}")
        return found[0]

    def wait_closed(self):
        return wait_until(lambda: self.closed, "the socket to close")

    @property
    def snapshot(self):
        return self.wait("snapshot")

    def ask(self, **message):
        """Sends with a ref of its own; the ok or error that answers."""
        ref = f"r{id(message)}-{len(self.messages)}"
        self.send(ref=ref, **message)
        return wait_until(lambda: self.find("ok", ref=ref) or self.find("error", ref=ref), lambda: f"an answer to {message}")

    def settle(self):
        """All that the server sent before it read this ping has come."""
        ref = f"p{len(self.messages)}"
        self.send(type="ping", ref=ref)
        self.wait("pong", ref=ref)
        return self


class School:
    """A server with classes, tokens and pages; closes the pages at the end."""

    def __init__(self, server):
        self.server, self.pages = server, []

    def make(self, class_id="algebra", **fields):
        answer = self.server.post("/api/classes", token=self.server.teacher_key, json_body={"class_id": class_id, "title": class_id, **fields})
        assert answer.status == 201, answer.text
        return answer.json

    def ask_token(self, **fields):
        return self.server.post("/api/token", json_body=fields)

    def student(self, class_id="algebra", token=None, **fields):
        answer = self.server.post("/api/token", json_body={"class_id": class_id, **fields}, token=token)
        assert answer.status == 200, answer.text
        return answer.json

    def teacher(self, class_id="algebra", user_id="ms-kim"):
        return self.server.token("teacher", user_id=user_id, class_id=class_id, action="publish")

    def open(self, kind, token, class_id="algebra", **arguments):
        page = Page(self.server, kind, token, class_id, **arguments)
        self.pages.append(page)
        return page

    def start(self, class_id="algebra"):
        answer = self.server.post(f"/api/classes/{class_id}/sessions", token=self.teacher(class_id))
        assert answer.status == 201, answer.text
        return answer.json["session_id"]

    def close(self):
        for page in self.pages:
            with contextlib.suppress(Exception):
                page.close()


@contextlib.contextmanager
def algebra(server):
    """A School with the class "algebra", which everybody may join."""
    school = School(server)
    school.make(pin=None)
    try:
        yield school
    finally:
        school.close()
