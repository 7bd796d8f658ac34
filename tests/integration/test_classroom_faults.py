"""What a page of a class must not be able to do: not reading, endless and oversized frames, nonsense, floods."""

import json
import os
import socket
import struct

import pytest
from class_client import algebra
from conftest import wait_until
from test_classroom import PLUGINS


@pytest.fixture
def school(airclassd):
    with algebra(airclassd(plugins=PLUGINS)) as school:
        yield school


def raw_socket(server, path):
    """An open WebSocket without a library: the socket, after the handshake."""
    host, port = server.endpoint("http")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect((host, port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    assert b" 101 " in head, head
    return connection


def frame(opcode, payload, final=True):
    head = bytes([opcode | (0x80 if final else 0)])
    size = len(payload)
    head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack(">H", size) if size < 65536 else bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + bytes(4) + payload  # a mask of zeros


def read_close(connection):
    """The code of the close frame that ends what the server sends."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    at = 0
    while at < len(data):
        opcode, size = data[at] & 15, data[at + 1]
        at += 2
        if size in (126, 127):
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        if opcode == 8:
            return struct.unpack(">H", data[at : at + 2])[0]
        at += size
    return None


def memory_kib(server):
    return int(next(line for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmRSS")).split()[1])


def test_a_client_that_never_reads(school):
    teacher = school.open("teacher", school.teacher())
    deaf = raw_socket(school.server, f"/ws/student?class_id=algebra&jwt={school.student(name='deaf')['token']}")
    teacher.wait("presence", event="joined", name="deaf")
    text, before = "x" * 2000, memory_kib(school.server)
    sent = 0
    while not teacher.find("presence", event="left", name="deaf"):
        assert teacher.ask(type="chat", text=text)["type"] in ("ok", "error")
        sent += 1
        if teacher.messages[-1].get("problem") == "rate-limited":
            break
    # A teacher may write thirty times a minute; what waits for the deaf one has to be larger than that: snapshots are.
    pages = [school.open("student", school.student(name=f"n{i}")["token"]) for i in range(2)]
    for page in pages:
        page.snapshot
    assert memory_kib(school.server) - before < 64 * 1024
    deaf.close()
    teacher.wait("presence", event="left", name="deaf")


def test_oversized_and_endless(school):
    token = school.student()["token"]
    path = f"/ws/student?class_id=algebra&jwt={token}"
    large = raw_socket(school.server, path)
    large.sendall(frame(1, b"x" * 20000))
    assert read_close(large) == 1009
    endless = raw_socket(school.server, path)
    try:
        endless.sendall(frame(1, b"{", final=False))
        for _ in range(4000):
            endless.sendall(frame(0, b" ", final=False))
    except (BrokenPipeError, ConnectionResetError):
        return
    assert read_close(endless) in (1008, 1009)


def test_nonsense_is_answered(school):
    page = school.open("student", school.student()["token"])
    page.snapshot
    page.send_text("[" * 5000)
    page.wait("error", problem="invalid-json")
    page.send_text("[1]")
    wait_until(lambda: len([m for m in page.messages if m["type"] == "error"]) == 2, "a second error")
    page.send_text('{"type":"chat","text":"a","text":"b"}')
    wait_until(lambda: len([m for m in page.messages if m["type"] == "error"]) == 3, "a third error")
    for message in ({"type": "nothing"}, {"type": "chat"}, {"type": "chat", "text": 5}, {"type": "chat", "text": "x", "more": 1},
                    {"type": "hand", "up": "yes"}, {"type": "chat", "text": " \u202e\n"}, {"type": "chat", "text": "x" * 2001},
                    {"type": "chat_delete", "message_id": "0" * 16}, {"type": "rename", "name": "\u200b"}):
        assert page.ask(**message)["type"] == "error", message
    assert page.ask(type="chat", text="x" * 2000)["type"] == "ok"
    page.send(type="ping", ref="r" * 65)
    wait_until(lambda: page.find("error", detail="ref has at most 64 bytes"), "an error")
    assert page.settle().closed is None


def test_a_flood_is_stopped(school):
    page = school.open("student", school.student()["token"])
    page.snapshot
    answers = [page.ask(type="chat", text=f"{i}")["type"] for i in range(35)]
    assert answers.count("ok") >= 30 and answers[-1] == "error"
    page.close()
    flood = raw_socket(school.server, f"/ws/student?class_id=algebra&jwt={school.student()['token']}")
    flood.sendall(frame(1, b'{"type":"ping"}') * 1200)
    assert read_close(flood) == 1008


def test_too_many_pages_of_one(school):
    token = school.student()["token"]
    pages = [school.open("student", token) for _ in range(17)]
    wait_until(lambda: [p for p in pages if p.closed == 1008], "one of them to be closed")
    assert len([p for p in pages if p.closed is not None]) == 1


def test_a_full_class(school):
    school.server.request("PATCH", "/api/classes/algebra", token=school.teacher(), json_body={"settings": {"max_members": 1}})
    first = school.student()
    school.open("student", first["token"]).snapshot
    assert school.open("student", school.student()["token"]).wait_closed() == 1013
    assert school.open("student", first["token"]).snapshot


def test_kill_costs_no_session(school):
    session = school.start()
    me = school.student(name="a")
    school.open("student", me["token"]).snapshot
    server = school.server
    attendance = f"/api/sessions/{session}/attendance"
    wait_until(lambda: server.get(attendance, token=school.teacher()).json["students"], "the stay to be written")
    server.kill()
    (server.state / "run.json").unlink(missing_ok=True)
    server.start()
    students = server.get(attendance, token=school.teacher()).json["students"]
    assert [s["user_id"] for s in students] == [me["user_id"]] and not students[0]["present"]
    assert server.get(f"/api/sessions/{session}", token=school.teacher()).json["running"]


def test_wrong_clock_of_a_page(school):
    """Times are the server's: what a page claims is refused."""
    page = school.open("student", school.student()["token"])
    assert page.ask(type="chat", text="x", at="1999-01-01T00:00:00.000Z")["problem"] == "invalid"
    assert page.ask(type="chat", text="x", user_id="somebody")["problem"] == "invalid"


def test_secrets_stay_out_of_the_log(school):
    made = school.make("secret")
    school.ask_token(class_id="secret", pin="999999")
    school.ask_token(class_id="secret", pin=made["pin"])
    log = school.server.log_text()
    assert "999999" not in log and made["pin"] not in log and made["join_url"].rsplit("=", 1)[1] not in log
    assert os.stat(school.server.state / "classroom" / "node-id").st_mode & 0o077 == 0
    json.dumps(made)
