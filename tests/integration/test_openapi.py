"""The description of the interface and the running server agree: every route is described, everything described is served,
every answer has a status and a form that the description names, and each named status can be produced."""

import http.client
import json

import jsonschema
import pytest
import yaml
from conftest import BUILD, TOP, Answer

# The parts of the product that are built; the answers of each have a test of their own (test_openapi_NAME.py).
PARTS = [name for name in ("hls-egress", "store-sqlite", "broker-local", "classroom", "quiz", "engagement", "dashboard")
         if (BUILD / "plugins" / name / f"{name}.so").exists()]
PLUGINS = ["rtmp-ingest", "whep-egress", "example", *PARTS]
METHODS = ("get", "put", "post", "patch", "delete", "options")
OFFER_OF_NOTHING = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 NOTHING/90000\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
)
OFFER = OFFER_OF_NOTHING.replace(
    "a=rtpmap:96 NOTHING/90000", "a=rtpmap:96 H264/90000\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
)

# (path, method, status): why this test does not produce it; some are produced elsewhere.
ELSEWHERE = {
    ("/api/streams/{path}/publisher", "delete", "204"): "it ends the class (test_streams)",
    ("/readyz", "get", "503"): "a dependency must be down (test_host)",
    ("/{path}/whep", "post", "503"): "the server must be full",
    ("/api/token", "post", "404"): "only classes may be asked for (test_classroom)",
    ("/api/token", "post", "501"): "the server must check another issuer's tokens (test_auth)",
    ("/api/token/refresh", "post", "403"): "the session must have lasted as long as it may",
    ("/api/auth/mediamtx", "post", "403"): "the caller must be in another network (below)",
    ("/api/token/refresh", "post", "404"): "the class must be gone where every stream needs one (test_classroom_bans)",
    ("/api/token/refresh", "post", "501"): "the server must check another issuer's tokens (test_auth)",
}


def load_document():
    return json.loads((BUILD / "schemas" / "openapi.json").read_text())


def operations(document):
    return {(path, method): item[method] for path, item in document["paths"].items() for method in METHODS if method in item}


@pytest.fixture
def full(airclassd, tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<!doctype html><title>x</title>")
    environment = {"AIRCLASS_HTTP_WEB_DIR": str(tmp_path / "web")}
    return airclassd({"auth": {"hook_clients": "127.0.0.0/8"}}, plugins=PLUGINS, environment=environment)


def test_routes_and_document_agree(full):
    written, served = operations(load_document()), operations(full.get("/openapi.json").json)
    made_up = [f"{method} {path}" for (path, method), operation in served.items() if "operationId" not in operation]
    assert not made_up, "routes that schemas/openapi.yaml does not describe"
    missing = [f"{method} {path}" for path, method in written if (path, method) not in served]
    assert not missing, "described, but no route"


def test_document_is_cut_to_what_is_loaded(airclassd):
    paths = airclassd(plugins=[]).get("/openapi.json").json["paths"]
    assert "/api/token" in paths and "/{path}/whep" not in paths and "/api/example/{path}" not in paths


def test_references_and_ids_are_good():
    document = load_document()

    def look_up(reference):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        return node

    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                look_up(node["$ref"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(ids) == len(set(ids))
    for (path, method), operation in operations(document).items():
        assert operation["summary"] and operation["tags"] and operation["responses"], (path, method)


class Recorder:
    """Sends requests and holds each answer against the description."""

    def __init__(self, server):
        self.server = server
        self.document = load_document()
        self.operations = operations(self.document)
        self.seen = set()

    def missing(self, source, elsewhere=()):
        """What schemas/@source describes and has not been seen."""
        paths = yaml.safe_load((TOP / "schemas" / source).read_text())["paths"]
        documented = {(path, method, status) for (path, method), operation in self.operations.items() if path in paths
                      for status in operation["responses"]}
        return documented - self.seen - set(elsewhere)

    def response(self, path, method, status):
        described = self.operations[path, method]["responses"]
        assert status in described, f"{method} {path} answered {status}, which is not described"
        response = described[status]
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        return response

    def check_content(self, answer, content):
        media_type = answer.headers["Content-Type"].split(";")[0]
        assert media_type in content, f"{media_type} is not described"
        schema = content[media_type]["schema"]
        if media_type.endswith("json"):
            jsonschema.Draft202012Validator({**self.document, **schema}).validate(answer.json)

    def upgrade(self, path, headers, token):
        """As urllib cannot: it insists on Connection: close."""
        connection = http.client.HTTPConnection(*self.server.endpoint("http"), timeout=20)
        connection.request("GET", path, headers={**headers, "Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def send(self, method, path, query="", expect=None, headers=None, **arguments):
        """@path: a path template, filled from {path}=live/stream unless given as (template, actual)."""
        template, actual = path if isinstance(path, tuple) else (path, path.replace("{path}", "live/stream"))
        if headers and "Upgrade" in headers:
            answer = self.upgrade(actual + query, headers, **arguments)
        else:
            answer = self.server.request(method, actual + query, headers=headers, **arguments)
        status = str(answer.status)
        assert expect is None or answer.status == expect, f"{method} {actual}{query}: {status} {answer.body[:300]}"
        response = self.response(template, method.lower(), status)
        if answer.body and "content" in response:
            self.check_content(answer, response["content"])
        assert not answer.body or "content" in response, f"{method} {actual}: {status} has a body that is not described"
        for name, header in response.get("headers", {}).items():
            header = self.document["components"]["headers"][header["$ref"].rsplit("/", 1)[1]] if "$ref" in header else header
            assert answer.headers[name] is not None or not header.get("required"), f"{method} {actual}: {status} lacks {name}"
        self.seen.add((template, method.lower(), status))
        return answer


def ask_host(recorder, teacher, student):
    recorder.send("GET", "/healthz", expect=200)
    recorder.send("GET", "/readyz", expect=200)
    recorder.send("GET", "/metrics", expect=200)
    recorder.send("GET", "/api/system", expect=200)
    recorder.send("GET", "/cluster/nodes", expect=200, token=teacher)
    recorder.send("GET", "/cluster/nodes", expect=401)
    recorder.send("GET", "/cluster/nodes", expect=403, token=student)
    recorder.send("GET", "/", expect=200, headers={"Accept": "application/json"})
    for path in ("/", "/openapi.json", "/docs"):
        etag = recorder.send("GET", path, expect=200).headers["ETag"]
        recorder.send("GET", path, expect=304, headers={"If-None-Match": etag})
    recorder.send("GET", "/api/qr.svg", "?text=x", expect=200, token=teacher)
    recorder.send("GET", "/api/qr.svg", expect=400, token=teacher)
    recorder.send("GET", "/api/qr.svg", "?text=x", expect=401)
    recorder.send("GET", "/api/qr.svg", "?text=x", expect=403, token=student)


def ask_tokens(recorder, server, student):
    post = {"Content-Type": "application/json"}
    recorder.send("POST", "/api/token", expect=200, json_body={"user_id": "x"})
    recorder.send("POST", "/api/token", expect=400, json_body={"user_type": "king"})
    recorder.send("POST", "/api/token", expect=403, json_body={"user_id": "x", "action": "publish"})
    recorder.send("POST", "/api/token", expect=413, body=" " * 100000, headers=post)
    recorder.send("POST", "/api/token", expect=415, body="x", headers={"Content-Type": "text/plain"})
    recorder.send("POST", "/api/token/refresh", expect=200, token=student)
    recorder.send("POST", "/api/token/refresh", expect=401)
    recorder.send("POST", "/api/token/refresh", expect=413, token=student, body="x")
    hook = {"action": "publish", "path": "live/stream", "protocol": "rtmp", "ip": "192.0.2.9", "id": None}
    recorder.send("POST", "/api/auth/mediamtx", expect=200, json_body={**hook, "query": f"key={server.stream_key}"})
    recorder.send("POST", "/api/auth/mediamtx", expect=400, json_body={"path": 1})
    recorder.send("POST", "/api/auth/mediamtx", expect=401, json_body=hook)
    recorder.send("POST", "/api/auth/mediamtx", expect=413, body=" " * 100000, headers=post)
    recorder.send("POST", "/api/auth/mediamtx", expect=415, body="x", headers={"Content-Type": "text/plain"})


def ask_streams(recorder, server, teacher, student):
    other = server.token("teacher", class_id="other")
    for path in ("/api/streams/{path}", "/api/streams/{path}/ingest", "/api/streams/{path}/viewers"):
        bad = path.replace("{path}", "a%20b")
        recorder.send("GET", path, expect=200, token=teacher)
        recorder.send("GET", (path, bad), expect=400, token=teacher)
        recorder.send("GET", path, expect=401)
        recorder.send("GET", path, expect=403, token=other)
    end = "/api/streams/{path}/publisher"
    recorder.send("DELETE", (end, end.replace("{path}", "a%20b")), expect=400, token=teacher)
    recorder.send("DELETE", end, expect=401)
    recorder.send("DELETE", end, expect=403, token=other)
    recorder.send("DELETE", (end, end.replace("{path}", "live/nobody")), expect=404, token=server.teacher_key)
    for query in ("?sort=quality", "?sort=--loss", "?limit=0", "?limit=2001", "?cursor=x", "?staff=maybe"):
        recorder.send("GET", "/api/streams/{path}/viewers", query, expect=400, token=teacher)
    recorder.send("GET", "/api/streams", expect=200, token=teacher)
    recorder.send("GET", "/api/streams", "?limit=0", expect=400, token=teacher)
    recorder.send("GET", "/api/streams", expect=401)
    recorder.send("GET", "/api/streams", expect=403, token=student)
    recorder.send("GET", "/api/example/{path}", expect=401)
    recorder.send("GET", "/api/example/{path}", expect=403, token=student)
    recorder.send("GET", "/api/example/{path}", expect=404, token=teacher)


def ask_whep_before_the_stream(recorder, server, student):
    sdp = {"Content-Type": "application/sdp"}
    recorder.send("OPTIONS", "/{path}/whep", expect=204)
    recorder.send("GET", "/{path}/whep", expect=200)
    recorder.send("POST", "/{path}/whep", expect=409, body=OFFER, headers=sdp, token=student)
    recorder.send("POST", "/{path}/whep", expect=400, body="nonsense", headers=sdp, token=student)
    recorder.send("POST", "/{path}/whep", expect=401, body=OFFER, headers=sdp)
    recorder.send("POST", "/{path}/whep", expect=403, body=OFFER, headers=sdp, token=server.token(class_id="other"))
    recorder.send("POST", "/{path}/whep", expect=413, body=OFFER + " " * 100000, headers=sdp, token=student)
    recorder.send("POST", "/{path}/whep", expect=415, body=OFFER, headers={"Content-Type": "text/plain"}, token=student)


def ask_whep(recorder, student):
    sdp = {"Content-Type": "application/sdp"}
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag"}
    recorder.send("POST", "/{path}/whep", expect=406, body=OFFER_OF_NOTHING, headers=sdp, token=student)
    created = recorder.send("POST", "/{path}/whep", expect=201, body=OFFER, headers=sdp, token=student)
    template = "/{path}/whep/{session_id}"
    location = created.headers["Location"]
    session, gone = (template, location[location.index("/live/"):]), (template, "/live/stream/whep/0123456789abcdef")
    etag = created.headers["ETag"]
    trickle = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    restart = trickle.replace("abcd\r\n", "efgh\r\n", 1)
    recorder.send("OPTIONS", session, expect=204)
    recorder.send("GET", session, expect=200)
    recorder.send("GET", gone, expect=404)
    status = template + "/status"
    recorder.send("GET", (status, session[1] + "/status"), expect=200)
    recorder.send("GET", (status, gone[1] + "/status"), expect=404)
    recorder.send("PATCH", session, expect=204, body=trickle, headers={**fragment, "If-Match": etag})
    recorder.send("PATCH", session, expect=400, body="\0nonsense", headers={**fragment, "If-Match": etag})
    recorder.send("PATCH", session, expect=412, body=trickle, headers={**fragment, "If-Match": '"other"'})
    recorder.send("PATCH", session, expect=413, body=trickle + " " * 100000, headers={**fragment, "If-Match": etag})
    recorder.send("PATCH", session, expect=415, body=trickle, headers={"Content-Type": "text/plain", "If-Match": etag})
    recorder.send("PATCH", session, expect=428, body=trickle, headers=fragment)
    recorder.send("PATCH", session, expect=200, body=restart, headers={**fragment, "If-Match": "*"})
    recorder.send("PATCH", gone, expect=404, body=trickle, headers={**fragment, "If-Match": "*"})
    recorder.send("DELETE", session, expect=200)
    recorder.send("DELETE", session, expect=404)


def ask_sockets(recorder, teacher, student):
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    good = {**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    recorder.send("GET", "/ws/example", expect=426, token=teacher)
    recorder.send("GET", "/ws/example", expect=400, token=teacher, headers={**upgrade, "Sec-WebSocket-Key": "short"})
    recorder.send("GET", "/ws/example", expect=401, token="a.b.c", headers=good)
    recorder.send("GET", "/ws/example", expect=403, token=student, headers=good)
    recorder.seen.add(("/ws/example", "get", "101"))  # test_http opens it


def exhaust_patience(recorder):
    """Failed tries end in 429, for each resource that looks at credentials without a route's role."""
    for path, arguments in (
        ("/api/token", {"json_body": {"user_type": "teacher", "user_id": "x", "key": "wrong"}}),
        ("/api/token/refresh", {"token": "a.b.c"}),
        ("/{path}/whep", {"token": "a.b.c", "body": OFFER, "headers": {"Content-Type": "application/sdp"}}),
    ):
        assert any(recorder.send("POST", path, **arguments).status == 429 for _ in range(100)), path


def test_each_documented_status_can_be_produced(full, publish):
    recorder = Recorder(full)
    teacher, student = full.token("teacher", action="publish"), full.token("student")
    ask_host(recorder, teacher, student)
    ask_tokens(recorder, full, student)
    ask_streams(recorder, full, teacher, student)
    ask_sockets(recorder, teacher, student)
    ask_whep_before_the_stream(recorder, full, student)
    publish(full, zerolatency=True)
    ask_whep(recorder, student)
    recorder.send("GET", "/api/streams/{path}", expect=200, token=teacher)
    recorder.send("GET", "/api/example/{path}", expect=200, token=teacher)
    exhaust_patience(recorder)
    missing = recorder.missing("openapi.yaml", ELSEWHERE)
    assert not missing, sorted(missing)


def test_hook_of_a_stranger(airclassd):
    server = airclassd({"auth": {"hook_clients": "192.0.2.0/24"}}, plugins=[])
    Recorder(server).send("POST", "/api/auth/mediamtx", expect=403, json_body={"action": "read"})
