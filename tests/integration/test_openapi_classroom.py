"""The description of the classroom's interface and what the server answers agree: each named status is produced, in the form named."""

from test_openapi import Recorder

CLASS, SESSION = "/api/classes/{class_id}", "/api/sessions/{session_id}"


def refuse(recorder, method, path, student, stranger, **arguments):
    """401, 403 for a student, 403 for the teacher of another class."""
    recorder.send(method, path, expect=401, **arguments)
    recorder.send(method, path, expect=403, token=student, **arguments)
    recorder.send(method, path, expect=403, token=stranger, **arguments)


def ask_classes(recorder, key, student, stranger):
    recorder.send("POST", "/api/classes", expect=401, json_body={"title": "x"})
    recorder.send("POST", "/api/classes", expect=403, token=student, json_body={"title": "x"})
    recorder.send("POST", "/api/classes", expect=201, token=key, json_body={"title": "x", "class_id": "algebra", "settings": {"chat": True}})
    recorder.send("POST", "/api/classes", expect=409, token=key, json_body={"title": "x", "class_id": "algebra"})
    recorder.send("POST", "/api/classes", expect=400, token=key, json_body={"title": 5})
    recorder.send("POST", "/api/classes", expect=413, token=key, body=" " * 100000, headers={"Content-Type": "application/json"})
    recorder.send("POST", "/api/classes", expect=415, token=key, body="x", headers={"Content-Type": "text/plain"})
    recorder.send("GET", "/api/classes", "?limit=1", expect=200, token=key)
    recorder.send("GET", "/api/classes", "?limit=x", expect=400, token=key)
    recorder.send("GET", "/api/classes", expect=401)
    recorder.send("GET", "/api/classes", expect=403, token=student)
    one, gone = (CLASS, "/api/classes/algebra"), (CLASS, "/api/classes/nowhere")
    recorder.send("GET", one, expect=200, token=key)
    recorder.send("GET", (CLASS, "/api/classes/stream"), expect=200, token=student)
    recorder.send("GET", gone, expect=404, token=key)
    refuse(recorder, "GET", one, student, stranger)
    change = {"json_body": {"title": "y"}}
    recorder.send("PATCH", one, expect=200, token=key, **change)
    recorder.send("PATCH", gone, expect=404, token=key, **change)
    recorder.send("PATCH", one, expect=400, token=key, json_body={})
    recorder.send("PATCH", one, expect=413, token=key, body=" " * 100000, headers={"Content-Type": "application/json"})
    recorder.send("PATCH", one, expect=415, token=key, body="x", headers={"Content-Type": "text/plain"})
    refuse(recorder, "PATCH", one, student, stranger, **change)
    qr = CLASS + "/qr.svg"
    recorder.send("GET", (qr, one[1] + "/qr.svg"), expect=200, token=key)
    recorder.send("GET", (qr, gone[1] + "/qr.svg"), expect=404, token=key)
    refuse(recorder, "GET", (qr, one[1] + "/qr.svg"), student, stranger)


def ask_sessions(recorder, key, student, stranger):
    template = CLASS + "/sessions"
    start, nowhere = (template, "/api/classes/algebra/sessions"), (template, "/api/classes/nowhere/sessions")
    refuse(recorder, "POST", start, student, stranger)
    session_id = recorder.send("POST", start, expect=201, token=key).json["session_id"]
    recorder.send("POST", start, expect=409, token=key)
    recorder.send("POST", nowhere, expect=404, token=key)
    recorder.send("POST", start, expect=400, token=key, json_body={"title": 5})
    recorder.send("POST", start, expect=413, token=key, body=" " * 100000, headers={"Content-Type": "application/json"})
    recorder.send("POST", start, expect=415, token=key, body="x", headers={"Content-Type": "text/plain"})
    recorder.send("GET", "/api/sessions", expect=200, token=key)
    recorder.send("GET", "/api/sessions", "?limit=0", expect=400, token=key)
    refuse(recorder, "GET", ("/api/sessions", "/api/sessions?class_id=algebra"), student, stranger)
    for suffix, method in (("", "GET"), ("/attendance", "GET"), ("/report", "GET"), ("/end", "POST")):
        template, one, gone = SESSION + suffix, f"/api/sessions/{session_id}{suffix}", f"/api/sessions/nothing{suffix}"
        refuse(recorder, method, (template, one), student, stranger)
        recorder.send(method, (template, one), expect=200, token=key)
        recorder.send(method, (template, gone), expect=404, token=key)
        if method == "POST":
            recorder.send(method, (template, one), expect=413, token=key, body="x")
    report = (SESSION + "/report", f"/api/sessions/{session_id}/report")
    recorder.send("GET", report, "?format=csv", expect=200, token=key)
    recorder.send("GET", report, "?format=xml", expect=400, token=key)


def ask_sockets(recorder, key):
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    for kind in ("student", "monitor", "teacher"):
        path = f"/ws/{kind}"
        recorder.send("GET", path, expect=426, token=key)
        recorder.send("GET", path, expect=400, token=key, headers={**upgrade, "Sec-WebSocket-Key": "short"})
        recorder.seen.add((path, "get", "101"))  # test_classroom opens them


def test_each_documented_status_can_be_produced(airclassd):
    server = airclassd(plugins=["store-sqlite", "broker-local", "classroom"])
    recorder = Recorder(server)
    key, student, stranger = server.teacher_key, server.token("student"), server.token("teacher", class_id="stream")
    ask_classes(recorder, key, student, stranger)
    ask_sessions(recorder, key, student, stranger)
    ask_sockets(recorder, key)
    one = (CLASS, "/api/classes/algebra")
    refuse(recorder, "DELETE", one, student, stranger)
    recorder.send("DELETE", one, expect=413, token=key, body="x")
    recorder.send("DELETE", one, expect=204, token=key)
    recorder.send("DELETE", one, expect=404, token=key)
    missing = recorder.missing("openapi/classroom.yaml")
    assert not missing, sorted(missing)
