"""The HTTP server from outside: limits, deadlines, smuggling, TLS, CORS, caching, WebSocket violations.

Most tests speak through a bare socket, because no honest client sends what they send.
"""

import base64
import gzip
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import time

import pytest
from conftest import wait_until

QUICK = {"header_timeout": "400ms", "body_timeout": "600ms", "idle_timeout": "800ms"}


@pytest.fixture
def server(airclassd):
    return airclassd(plugins=["example"])


def connect(server, protocol="http", receive_buffer=None):
    host, port = server.endpoint(protocol)
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(20)
    client.connect((host, port))
    return client


def read_all(client):
    """Everything until the server closes."""
    data = b""
    try:
        while chunk := client.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def statuses(data):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


def exchange(server, request, protocol="http"):
    """Sends the bytes, reads to the end; the request should make the server close."""
    with connect(server, protocol) as client:
        client.sendall(request)
        return read_all(client)


def problem(data):
    return json.loads(data.split(b"\r\n\r\n", 1)[1])


# ---- Heads and bodies


@pytest.mark.parametrize(
    "request_head, status",
    [
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"POST /api/token HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST /api/token HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /api/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /api/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
        (b"POST /api/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX\r\n0\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\nHost: a\n\n", 400),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(150)) + b"\r\n", 431),
        (b"POST /api/token HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n", 413),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 413),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_bad_requests_are_refused(server, request_head, status):
    data = exchange(server, request_head)
    assert statuses(data) == [status], data[:500]
    assert b"application/problem+json" in data
    assert problem(data)["status"] == status


def test_chunked_body_is_counted(server):
    with connect(server) as client:
        client.sendall(b"POST /api/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(1000):
                client.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert statuses(read_all(client)) == [413]


def test_chunked_body_arrives_whole(server):
    body = json.dumps({"user_type": "student", "user_id": "x"}).encode()
    chunks = b"".join(b"1;x=y\r\n" + body[i : i + 1] + b"\r\n" for i in range(len(body)))
    data = exchange(
        server,
        b"POST /api/token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
        b"\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n",
    )
    assert statuses(data) == [200], data


def test_expect_continue(server):
    body = b'{"user_id":"x"}'
    with connect(server) as client:
        client.sendall(
            b"POST /api/token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(body)
        assert statuses(read_all(client)) == [200]


def test_pipelined_requests_are_answered_in_order(server):
    one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    data = exchange(server, one * 20 + b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" + b"BAD\r\n\r\n")
    assert statuses(data) == [200] * 20 + [404, 400]


def test_a_flood_of_pipelined_requests_holds_up_nobody(server):
    one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    count = 5000
    with connect(server) as client:
        client.settimeout(0.2)
        unsent, data = one * (count - 1) + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b""
        while True:
            try:
                if unsent:
                    unsent = unsent[client.send(unsent[:65536]):]
                chunk = client.recv(1 << 20)
            except TimeoutError:
                continue
            if not chunk:
                break
            data += chunk
    assert statuses(data) == [200] * count


def test_http_1_0_and_close(server):
    assert statuses(exchange(server, b"GET /healthz HTTP/1.0\r\n\r\n")) == [200]
    data = exchange(server, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert statuses(data) == [200] and b"Connection: close" in data


def test_head_has_length_and_no_body(server):
    data = exchange(server, b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert statuses(data) == [200] and b"Content-Length: 15" in data and data.endswith(b"\r\n\r\n")


def test_methods(server):
    answer = server.request("PUT", "/healthz")
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    answer = server.request("OPTIONS", "/healthz")
    assert answer.status == 204 and answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert server.get("/nothing").json["type"] == "/problems/not-found"
    data = exchange(server, b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert statuses(data) == [204] and b"Allow: GET, HEAD, POST" in data


def test_json_bodies(server):
    def post(body, content_type="application/json"):
        return server.post("/api/token", body=body, headers={"Content-Type": content_type})

    assert post('{"user_id":"x"}', "text/plain").status == 415
    for bad in ('{"user_id":"x"', "{'user_id':'x'}", '{"user_id":"x","user_id":"y"}', '{"user_id":"\\u0000"}', "[" * 4000):
        answer = post(bad)
        assert answer.status == 400 and answer.json["type"] == "/problems/invalid-json", bad[:50]
    for bad in ('{"nothing":1}', '{"user_type":"king"}', '{"class_id":"a b"}', "[]"):
        answer = post(bad)
        assert answer.status == 400 and answer.json["type"] == "/problems/invalid-body", bad
    assert post('{"user_id":"x"}').status == 200
    assert post('{"user_id":"x"}', 'application/json; charset="UTF-8"').status == 200
    assert post('{"user_id":"x"}', "application/json; charset=iso-8859-1").status == 415
    answer = server.post("/api/token", body=gzip.compress(b"{}"),
                         headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert answer.status == 415 and answer.headers["Accept-Encoding"] == "identity"


# ---- Deadlines and caps (FAULTS 31)


def test_slow_clients(airclassd):
    server = airclassd({"http": QUICK}, plugins=[])
    with connect(server) as head, connect(server) as body, connect(server) as silent, connect(server) as idle:
        head.sendall(b"GET / HTTP/1.1\r\nHo")
        body.sendall(b"POST /api/token HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert statuses(read_all(head)) == [408]
        assert statuses(read_all(body)) == [408]
        assert read_all(silent) == b""
        assert statuses(read_all(idle)) == [200]
    assert server.get("/healthz").status == 200


def test_trickled_head_does_not_renew_its_time(airclassd):
    server = airclassd({"http": QUICK}, plugins=[])
    with connect(server) as client:
        client.settimeout(0.05)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        end, data = time.monotonic() + 20, b""
        while not data and time.monotonic() < end:
            try:
                client.sendall(b"X: y\r\n")
                data = client.recv(1000)
            except (BrokenPipeError, ConnectionResetError):
                break
            except TimeoutError:
                pass
        assert statuses(data) == [408]


def test_reader_that_does_not_read(airclassd, tmp_path):
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("page")
    (web / "large.bin").write_bytes(os.urandom(32 * 1024 * 1024))
    server = airclassd({"http": QUICK}, plugins=[], environment={"AIRCLASS_HTTP_WEB_DIR": str(web)})
    with connect(server, receive_buffer=4096) as client:
        client.sendall(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: server.metric("airclass_http_connections") == 2, "the connection")
        wait_until(lambda: server.metric("airclass_http_connections") == 1, "the connection to be given up")
    assert 'reason="write-timeout"' in server.get("/metrics").text


def test_caps(airclassd):
    server = airclassd({"http": {"max_connections": 20, "max_connections_per_address": 10}}, plugins=[])
    clients = [connect(server) for _ in range(10)]
    for client in clients:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in client.recv(10000)
    over = exchange(server, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert statuses(over) == [503] and b"Retry-After" in over
    for client in clients:
        client.close()
    wait_until(lambda: server.get("/healthz").status == 200, "a place to become free")
    assert 'reason="too-many-connections-of-address"' in server.get("/metrics").text


def memory_kib(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def settled_memory_kib(server):
    """Once what is loaded after the start is loaded."""
    readings = [0]

    def is_settled():
        readings.append(memory_kib(server))
        time.sleep(0.3)
        return abs(memory_kib(server) - readings[-1]) < 100 and len(readings) > 3

    wait_until(is_settled, "the memory to settle")
    return readings[-1]


def test_many_connections_cost_little(airclassd):
    """FAULTS 31, scaled: half-finished requests by the thousand are held in little memory, and others are served."""
    count = 1500
    server = airclassd({"http": {"max_connections_per_address": count + 100, "header_timeout": "60s"}}, plugins=[])
    assert server.get("/healthz").status == 200
    before = settled_memory_kib(server)
    clients = []
    try:
        for _ in range(count):
            client = connect(server)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1000)
            clients.append(client)
        wait_until(lambda: server.metric("airclass_http_connections") > count, "all connections")
        assert server.get("/healthz").status == 200
        if "ASAN_OPTIONS" not in os.environ:
            assert (memory_kib(server) - before) / count < 6, "KiB a connection"
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: server.metric("airclass_http_connections") < 5, "the connections to be gone")


def test_upload_memory_is_bounded(airclassd):
    server = airclassd({"http": {"max_upload_memory": "64KiB"}}, plugins=[])
    first = [connect(server) for _ in range(3)]
    for client in first:
        client.sendall(b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n" + b" " * 29000)
    answers = []
    for client in first:
        client.settimeout(1)
        try:
            answers += statuses(client.recv(1000))
        except TimeoutError:
            pass
        client.close()
    assert answers == [503]


def test_client_that_leaves(server):
    for _ in range(50):
        with connect(server) as client:
            client.sendall(b"GET /docs HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: server.metric("airclass_http_connections") == 1, "the connections to be gone")


# ---- Web app, caching, CORS, description


@pytest.fixture
def web_server(airclassd, tmp_path):
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html><title>x</title>" + " " * 2000)
    (web / "assets" / "index-abc123.js").write_text("console.log(1);" * 200)
    (web / ".secret").write_text("secret")
    (tmp_path / "outside").write_text("outside")
    (web / "link").symlink_to(tmp_path / "outside")
    return airclassd(plugins=[], environment={"AIRCLASS_HTTP_WEB_DIR": str(web)})


def test_web_app(web_server):
    for path in ("/", "/student", "/student?class_id=a", "/teacher", "/teacher/", "/join?class=a&join=s", "/monitor", "/questions", "/report"):
        answer = web_server.get(path, headers={"Accept": "text/html"})
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html"), path
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    asset = web_server.get("/assets/index-abc123.js")
    assert asset.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in asset.headers["Cache-Control"]
    assert web_server.get("/", headers={"Accept": "application/json"}).json["name"] == "AIRClass"
    posted = web_server.post("/student", body="x")
    assert posted.status == 405 and posted.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert web_server.request("OPTIONS", "/student").status == 204
    for path in ("/.secret", "/link", "/assets/", "/assets", "/index.html/x", "/students"):
        assert web_server.get(path).status == 404, path


def test_validators(web_server):
    first = web_server.get("/student")
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = web_server.get("/student", headers={"If-None-Match": known})
        assert again.status == 304 and again.body == b"" and again.headers["ETag"] == etag
    assert web_server.get("/student", headers={"If-None-Match": '"other"'}).status == 200


def test_compression(web_server):
    path = "/assets/index-abc123.js"
    plain = web_server.get(path)

    def get(accept):
        return web_server.get(path, headers={"Accept-Encoding": accept})

    packed = wait_until(lambda: (a := get("gzip")).headers["Content-Encoding"] == "gzip" and a, "the compressed form")
    assert gzip.decompress(packed.body) == plain.body and packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert get("gzip, br").headers["Content-Encoding"] == "br"
    assert get("gzip;q=0").headers["Content-Encoding"] is None
    assert get("br;q=0.5, gzip;q=0.8").headers["Content-Encoding"] == "gzip"
    assert len(get("br").body) < len(plain.body) / 4


def test_cors(server, airclassd):
    headers = {"Origin": "https://other.example", "Access-Control-Request-Method": "PATCH",
               "Access-Control-Request-Headers": "authorization,content-type,if-match"}
    answer = server.request("OPTIONS", "/live/stream/whep/x", headers=headers)
    assert answer.status == 204 and answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    for name in ("Authorization", "Content-Type", "If-Match"):
        assert name in answer.headers["Access-Control-Allow-Headers"]
    answer = server.get("/healthz", headers={"Origin": "https://other.example"})
    for name in ("Location", "ETag", "Link", "Retry-After"):
        assert name in answer.headers["Access-Control-Expose-Headers"]

    narrow = airclassd({"http": {"cors_origins": "https://class.example"}}, plugins=[])
    assert narrow.get("/healthz", headers={"Origin": "https://other.example"}).headers["Access-Control-Allow-Origin"] is None
    good = narrow.get("/healthz", headers={"Origin": "https://class.example"})
    assert good.headers["Access-Control-Allow-Origin"] == "https://class.example" and good.headers["Vary"] == "Origin"


def test_errors_tell_no_internals(server):
    answer = server.get("/api/streams")
    assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["type"] == "/problems/unauthorized"
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Referrer-Policy"] == "no-referrer"
    assert server.get("/api/streams", token="a.b.c").status == 401
    assert server.get("/api/qr.svg?text=x", token=server.token("student")).status == 403


def test_qr(server):
    token = server.token("teacher")
    answer = server.get("/api/qr.svg?text=https%3A%2F%2Fclass.example%2Fstudent", token=token)
    assert answer.status == 200 and answer.headers["Content-Type"] == "image/svg+xml" and answer.text.startswith("<svg ")
    assert server.get("/api/qr.svg", token=token).status == 400
    assert server.get("/api/qr.svg?text=" + "x" * 513, token=token).status == 400


def test_proxies(airclassd):
    options = {"http": {"trusted_proxies": "127.0.0.0/8", "max_connections_per_address": 3}}
    server = airclassd(options, plugins=[])
    # A proxy is exempt from the cap per address.
    clients = [connect(server) for _ in range(10)]
    wait_until(lambda: server.metric("airclass_http_connections") == 11, "all connections")
    for client in clients:
        client.close()
    answer = server.post("/api/token", json_body={"user_id": "x"},
                         headers={"Host": "class.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"})
    assert answer.json["webrtc_url"].startswith("https://class.example/")


@pytest.mark.parametrize(
    "lines, trusted",
    [
        (["10.1.1.1"], True),
        (["8.8.8.8"], False),
        (["8.8.8.8, 10.1.1.1"], True),
        (["10.1.1.1, 8.8.8.8"], False),
        # What the client pretends stands first, be it in the same line, in a line of its own, or in very many.
        (["10.1.1.1", "8.8.8.8"], False),
        (["8.8.8.8", "10.1.1.1"], True),
        ([", ".join(["10.1.1.1"] * 200), "8.8.8.8"], False),
        ([",".join(["10.1.1.1"] * 200) + ",8.8.8.8"], False),
        (["10.1.1.1, nonsense"], False),
    ],
)
def test_pretended_addresses(airclassd, lines, trusted):
    server = airclassd({"http": {"trusted_proxies": "127.0.0.1"}, "auth": {"trusted": "10.0.0.0/8"}}, plugins=["whep-egress"])
    forwarded = "".join(f"X-Forwarded-For: {line}\r\n" for line in lines)
    data = exchange(server, f"POST /live/stream/whep HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/sdp\r\n"
                            f"{forwarded}Content-Length: 3\r\n\r\nv=0".encode())
    assert statuses(data) == [400 if trusted else 401]


def test_public_url(airclassd):
    server = airclassd({"http": {"public_url": "HTTPS://class.example:444/air/"}}, plugins=[])
    links = server.post("/api/token", json_body={"user_id": "x"}).json
    assert links["webrtc_url"].startswith("https://class.example:444/air/live/stream/whep?jwt=")
    assert links["ws_url"].startswith("wss://class.example:444/air/ws/student?")


# ---- TLS


def make_certificate(folder, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", folder / "key.new", "-out", folder / "cert.new"],
        check=True, capture_output=True,
    )
    os.replace(folder / "key.new", folder / "key.pem")
    os.replace(folder / "cert.new", folder / "cert.pem")


def common_name(server):
    host, port = server.endpoint("https")
    pem = ssl.get_server_certificate((host, port), timeout=20)
    text = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True, check=True).stdout
    return text.strip().rsplit("= ", 1)[1]


def tls_request(server, path, headers=""):
    context = ssl._create_unverified_context()
    host, port = server.endpoint("https")
    with socket.create_connection((host, port), timeout=20) as plain, context.wrap_socket(plain) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n{headers}\r\n".encode())
        return read_all(client)


def test_certificate_is_reloaded(airclassd, tmp_path):
    make_certificate(tmp_path, "first.example")
    server = airclassd({"http": {"tls_listen": "127.0.0.1:0", "tls_certificate": tmp_path / "cert.pem",
                                 "tls_key": tmp_path / "key.pem", "redirect_to_https": "true"}}, plugins=[])
    assert common_name(server) == "first.example"
    assert statuses(tls_request(server, "/healthz")) == [200]
    # More than one TLS record, both ways.
    assert statuses(tls_request(server, "/docs", "X: " + "y" * 12000 + "\r\n")) == [200]
    make_certificate(tmp_path, "second.example")
    wait_until(lambda: common_name(server) == "second.example", "the new certificate")
    (tmp_path / "cert.pem").write_text("broken")
    wait_until(lambda: "is not used" in server.log_text(), "the warning")
    assert common_name(server) == "second.example"

    answer = server.get("/student?a=b", headers={"Host": "class.example:8000"})
    assert answer.status == 307
    assert answer.headers["Location"] == f"https://class.example:{server.endpoint('https')[1]}/student?a=b"
    assert server.get("/healthz").status == 200


def test_self_signed(airclassd):
    server = airclassd({"http": {"tls_listen": "127.0.0.1:0", "tls_self_signed": "true"}}, plugins=[])
    key = server.state / "http" / "key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    context = ssl.create_default_context(cafile=server.state / "http" / "certificate.pem")
    host, port = server.endpoint("https")
    with socket.create_connection((host, port), timeout=20) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1"):
        pass
    with socket.create_connection((host, port), timeout=20) as plain, context.wrap_socket(plain, server_hostname="localhost"):
        pass


def test_slow_handshakes(airclassd):
    server = airclassd({"http": {"tls_listen": "127.0.0.1:0", "tls_self_signed": "true", "tls_timeout": "500ms"}}, plugins=[])
    clients = [connect(server, "https") for _ in range(100)]
    for client in clients:
        client.sendall(b"\x16\x03\x01")
    assert statuses(tls_request(server, "/healthz")) == [200]
    for client in clients:
        assert read_all(client) == b""
        client.close()


def test_tls_misconfiguration_is_told(airclassd, tmp_path):
    server = airclassd({"http": {"tls_certificate": tmp_path / "none.pem", "tls_key": tmp_path / "none.key"}}, plugins=[],
                       wait=False)
    assert server.process.wait(20) != 0
    assert "none.pem" in server.log_text()
    server.process = None


# ---- WebSockets (FAULTS 32)


class WebSocket:
    def __init__(self, server, path="/ws/example", token=None, receive_buffer=None, headers=""):
        self.client = connect(server, receive_buffer=receive_buffer)
        query = f"?jwt={token}" if token else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.client.sendall(
            f"GET {path}{query} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n{headers}\r\n".encode()
        )
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            chunk = self.client.recv(65536)
            assert chunk, self.data
            self.data += chunk
        self.head, self.data = self.data.split(b"\r\n\r\n", 1)
        self.status = statuses(self.head)[0]

    def take(self, count):
        while len(self.data) < count:
            chunk = self.client.recv(65536)
            if not chunk:
                raise EOFError
            self.data += chunk
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def receive(self):
        first, length = self.take(2)
        if length == 126:
            length = struct.unpack("!H", self.take(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self.take(8))[0]
        return first & 15, self.take(length)

    def send(self, payload, opcode=1, final=True, masked=True, rsv=0):
        mask = b"\x01\x02\x03\x04"
        length = len(payload)
        header = bytes([(0x80 if final else 0) | rsv | opcode])
        bit = 0x80 if masked else 0
        if length < 126:
            header += bytes([bit | length])
        elif length < 65536:
            header += bytes([bit | 126]) + struct.pack("!H", length)
        else:
            header += bytes([bit | 127]) + struct.pack("!Q", length)
        body = bytes(b ^ mask[i & 3] for i, b in enumerate(payload)) if masked else payload
        self.client.sendall(header + (mask if masked else b"") + body)

    def receive_text(self):
        while True:
            opcode, payload = self.receive()
            if opcode == 1:
                return json.loads(payload)
            assert opcode != 8, payload

    def close_code(self):
        """Reads on until the close frame."""
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                return struct.unpack("!H", payload[:2])[0]


def test_websocket_talks(server):
    ws = WebSocket(server, token=server.token("teacher"))
    assert ws.status == 101
    assert ws.receive_text()["type"] == "greeting"
    ws.send(b"liv", final=False)
    ws.send(b"are you there", opcode=9)
    ws.send(b"e/x", opcode=0)
    assert ws.receive() == (10, b"are you there")
    assert ws.receive_text()["type"] == "error"
    ws.send(struct.pack("!H", 1000) + b"bye", opcode=8)
    assert ws.close_code() == 1000
    assert ws.client.recv(10) == b""


def test_websocket_tokens(server):
    assert WebSocket(server, token="a.b.c").status == 401
    assert WebSocket(server, token=server.token("student")).status == 403
    bearer = WebSocket(server, headers=f"Authorization: Bearer {server.token('teacher')}\r\n")
    assert bearer.status == 101 and bearer.receive_text()["type"] == "greeting"

    late = WebSocket(server)
    assert late.status == 101
    late.send(json.dumps({"type": "auth", "token": server.token("teacher")}).encode())
    assert late.receive_text()["type"] == "greeting"
    for first, code in (
        (b'{"type":"chat","text":"x"}', 4401),
        (b'{"type":"auth","token":"a.b.c"}', 4401),
        (json.dumps({"type": "auth", "token": server.token("student")}).encode(), 4403),
    ):
        ws = WebSocket(server)
        ws.send(first)
        assert ws.close_code() == code

    plain = server.get("/ws/example", token=server.token("teacher"))
    assert plain.status == 426 and plain.headers["Sec-WebSocket-Version"] == "13"


@pytest.mark.parametrize(
    "frame, code",
    [
        (dict(payload=b"x", masked=False), 1002),
        (dict(payload=b"x", rsv=0x40), 1002),
        (dict(payload=b"x", opcode=3), 1002),
        (dict(payload=b"x" * 126, opcode=9), 1002),
        (dict(payload=b"x", opcode=9, final=False), 1002),
        (dict(payload=b"x", opcode=0), 1002),
        (dict(payload=b"\xff"), 1007),
        (dict(payload=b"a\x00b"), 1007),
        (dict(payload=b"x", opcode=2), 1003),
        (dict(payload=b"x" * 20000), 1009),
        (dict(payload=b"\x03", opcode=8), 1002),
        (dict(payload=struct.pack("!H", 1005), opcode=8), 1002),
        (dict(payload=struct.pack("!H", 1000) + b"\xff", opcode=8), 1007),
    ],
)
def test_websocket_violations(server, frame, code):
    ws = WebSocket(server, token=server.token("teacher"))
    ws.send(**frame)
    assert ws.close_code() == code


def test_websocket_endless_fragments(server):
    ws = WebSocket(server, token=server.token("teacher"))
    ws.send(b"", final=False)
    try:
        for _ in range(5000):
            ws.send(b"", opcode=0, final=False)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert ws.close_code() == 1008
    ws = WebSocket(server, token=server.token("teacher"))
    ws.send(b"x" * 10000, final=False)
    ws.send(b"x" * 10000, opcode=0, final=False)
    assert ws.close_code() == 1009


def test_websocket_that_does_not_read(server):
    before = settled_memory_kib(server)
    ws = WebSocket(server, token=server.token("teacher"), receive_buffer=4096)
    ws.client.settimeout(20)
    frame = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"x"
    try:
        for _ in range(400):
            ws.client.sendall(frame * 1000)
    except (BrokenPipeError, ConnectionResetError):
        pass
    wait_until(lambda: server.metric("airclass_http_websockets") == 0, "the socket to be closed")
    if "ASAN_OPTIONS" not in os.environ:
        assert memory_kib(server) - before < 4 * 1024


def test_websocket_dead_peer_is_reaped(airclassd):
    server = airclassd({"http": {"websocket_ping": "300ms"}}, plugins=["example"])
    ws = WebSocket(server, token=server.token("teacher"))
    assert ws.receive_text()["type"] == "greeting"
    wait_until(lambda: server.metric("airclass_http_websockets") == 0, "the dead peer to be reaped")
    seen = []
    with pytest.raises((EOFError, ConnectionResetError)):
        while True:
            seen.append(ws.receive()[0])
    assert 9 in seen


def test_websockets_are_told_when_the_server_stops(airclassd):
    server = airclassd(plugins=["example"])
    ws = WebSocket(server, token=server.token("teacher"))
    ws.receive_text()
    server.stop()
    assert ws.close_code() == 1001


def test_metrics_are_well_formed(server):
    server.get("/nothing")
    server.get("/api/streams/live/x")
    text = server.get("/metrics").text
    assert 'airclass_http_requests_total{route="none",status="4xx"}' in text
    assert "airclass_http_request_seconds_bucket" in text
