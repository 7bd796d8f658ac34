"""What may happen to Redis, and what the nodes do then: each serves itself, and reconciles when Redis is back."""

import json
import signal
import socket
import subprocess
import threading

import pytest

from broker_probe import Redis, redis, start_node  # noqa: F401 (fixtures)
from conftest import free_port, wait_until
from test_broker import EVENT


@pytest.fixture
def two_nodes(redis, start_node):  # noqa: F811
    nodes = [start_node("broker-redis", {"address": redis.address}) for _ in range(2)]
    for node in nodes:
        node.wait_in_touch()
    return nodes


def wait_until_back(nodes, times=1):
    for node in nodes:
        wait_until(lambda: node.seen["reconnected"] == times, lambda: f"the signal: {node.seen['reconnected']}")
        node.wait_in_touch()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_redis_goes_and_comes_back_empty(redis, two_nodes, how):  # noqa: F811
    one, other = two_nodes
    one.ask("set", "before", value="one")
    one.ask("set", "removed", value="one")
    one.ask("enter", "room/one", member="u1")
    one.ask("enter", "room/one", member="leaves")
    other.ask("set", "theirs", value="other")
    other.ask("enter", "room/one", member="u2")
    wait_until(lambda: set(one.members("room/one")) == {"u1", "u2", "leaves"}, "all members")
    getattr(redis, how)()
    for node in two_nodes:
        node.wait_in_touch(False)
        assert node.server.get("/readyz").status == 200
        assert node.server.metric("airclass_broker_connected") == 0
    # Each node has what is its own, and does not pretend to know the rest.
    assert one.ask("get", "before") == "one"
    assert one.status("get", "theirs") == 503
    assert set(one.ask("list", "")) == {"before", "removed"}
    assert set(one.members("room/one")) == {"u1", "leaves"}
    one.ask("set", "before", value="changed")
    one.ask("set", "meanwhile", value="one")
    assert one.status("set", "lease", value="one", only_new=True) == 503
    one.ask("remove", "removed")
    assert one.status("remove", "theirs") == 503
    one.ask("leave", "room/one", member="leaves")
    one.ask("enter", "room/one", member="u3")
    one.ask("publish", value=EVENT)
    wait_until(lambda: one.seen["events"], "the event on its own node")
    wait_until(lambda: one.server.metric("airclass_broker_events_dropped_total") == 1, "the event to be counted as lost")
    redis.start()
    wait_until_back(two_nodes)
    for node in two_nodes:
        wait_until(lambda: node.ask("list", "") == {"before": "changed", "meanwhile": "one", "theirs": "other"},
                   lambda: f"the keys of both: {node.ask('list', '')}")
        wait_until(lambda: set(node.members("room/one")) == {"u1", "u2", "u3"}, lambda: f"all members: {node.members('room/one')}")
        assert node.server.metric("airclass_broker_reconnects_total") == 1
    assert other.seen["events"] == []
    one.ask("publish", value={**EVENT, "message_id": "m2"})
    wait_until(lambda: other.seen["events"], "the event after the outage")
    assert [entry["event"]["message_id"] for entry in other.seen["events"]] == ["m2"]


def test_only_the_connections_are_lost(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("set", "kept", value=1)
    one.ask("set", "gone", value=1)
    other.ask("remove", "gone")
    for kind in ("normal", "pubsub"):
        redis.ask("CLIENT", "KILL", "TYPE", kind)
    for node in two_nodes:
        wait_until(lambda: node.seen["reconnected"] >= 1, "the signal")
        node.wait_in_touch()
    # Redis did not lose anything: what another node removed is not written again.
    for node in two_nodes:
        assert node.ask("list", "") == {"kept": 1}
    one.ask("publish", value=EVENT)
    wait_until(lambda: other.seen["events"], "the event")


def test_a_lease_that_another_node_has_meanwhile(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("set", "lease", value="one", only_new=True)
    one.ask("set", "lease", value="one", lifetime_ms=600000)
    one.server.process.send_signal(signal.SIGSTOP)
    try:
        redis.kill()
        other.wait_in_touch(False)
        redis.start()
        wait_until_back([other])
        other.ask("set", "lease", value="other", only_new=True)
    finally:
        one.server.process.send_signal(signal.SIGCONT)
    wait_until_back([one])
    assert one.ask("get", "lease") == other.ask("get", "lease") == "other"
    assert one.status("remove", "lease", value="one") == 409


def test_a_lease_is_renewed_only_by_its_owner(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("set", "lease", value={"by": "one", "n": 1}, only_new=True)
    one.ask("set", "lease", value={"by": "one", "n": 2})
    redis.ask("DEL", "airclass:k:lease")  # as if it had run out
    other.ask("set", "lease", value="other", only_new=True)
    assert one.status("set", "lease", value={"by": "one", "n": 3}) == 409
    other.ask("set", "lease", value="other", lifetime_ms=90000)
    # Renewed while Redis is away, with another value: it is still the owner's.
    redis.process.send_signal(signal.SIGSTOP)
    try:
        other.wait_in_touch(False)
        other.ask("set", "lease", value="other still")
    finally:
        redis.process.send_signal(signal.SIGCONT)
    wait_until_back([other])
    assert one.ask("get", "lease") == "other still"


def test_a_newer_value_of_another_node_stays(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("set", "k", value="old")
    other.ask("set", "k", value="new")
    redis.kill()
    for node in two_nodes:
        node.wait_in_touch(False)
    redis.start()
    wait_until_back(two_nodes)
    for node in two_nodes:
        wait_until(lambda: node.ask("get", "k") == "new", "the newer value")


def test_redis_hangs(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("set", "k", value=1)
    redis.process.send_signal(signal.SIGSTOP)
    try:
        for node in two_nodes:
            node.wait_in_touch(False)
        assert "does not answer" in one.health["detail"]
        assert one.ask("get", "k") == 1
        one.ask("set", "k", value=2)
    finally:
        redis.process.send_signal(signal.SIGCONT)
    wait_until_back(two_nodes)
    wait_until(lambda: other.ask("get", "k") == 2, "what was set meanwhile")


def test_many_keys_are_written_in_parts(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    for number in range(1300):
        one.ask("set", f"n/{number}", value=number)
    redis.kill()
    one.wait_in_touch(False)
    redis.start()
    wait_until_back(two_nodes)
    assert other.ask("list", "n/") == {f"n/{number}": number for number in range(1300)}


def test_a_node_stops(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("enter", "room/one", member="u1")
    wait_until(lambda: "u1" in other.members("room/one"), "the member")
    before = len(other.seen["presence_one"])
    one.server.stop()
    assert other.members("room/one") == {}
    wait_until(lambda: len(other.seen["presence_one"]) > before, "the signal")


def test_a_node_is_killed(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("enter", "room/one", member="u1")
    wait_until(lambda: "room/one" in other.seen["presence"], "the other node to hear of it")
    before = len(other.seen["presence_one"])
    one.server.kill()
    assert "u1" in other.members("room/one")
    wait_until(lambda: other.members("room/one") == {}, "the member to be gone", 60)
    wait_until(lambda: len(other.seen["presence_one"]) > before, "the signal", 60)


def test_presence_outlives_its_lifetime(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    one.ask("enter", "room/one", member="u1")
    wait_until(lambda: "u1" in other.members("room/one"), "the member")
    redis.ask("FLUSHALL")
    wait_until(lambda: "u1" in other.members("room/one"), "the member to be written again")
    key = redis.ask("KEYS", "airclass:p:*").strip()
    redis.ask("PEXPIRE", key, "12000")
    wait_until(lambda: int(redis.ask("PTTL", key)) > 13000, "the lifetime to be renewed")


def test_what_is_no_event(redis, two_nodes):  # noqa: F811
    one, other = two_nodes
    junk = ["", "x", "x {", "x " + "[" * 1000, "x " + json.dumps({**EVENT, "text": 5}), "x " + json.dumps({"type": "plugin-state"}),
            "x " + json.dumps({**EVENT, "type": "of-tomorrow"})]
    for text in junk:
        redis.ask("PUBLISH", "airclass:events", text)
    for text in ("", "x", "x ", "x " + "y" * 10000):
        redis.ask("PUBLISH", "airclass:presence", text)
    redis.ask("SET", "airclass:k:odd", "no stamp")
    redis.ask("LPUSH", "airclass:k:list", "1")
    wait_until(lambda: other.server.metric("airclass_broker_events_dropped_total") == len(junk), "the junk to be counted")
    assert other.status("get", "odd") == 400
    assert other.status("get", "list") == 503
    assert other.ask("list", "") in ({}, {"odd": None})
    one.ask("publish", value=EVENT)
    wait_until(lambda: other.seen["events"] == [{"remote": True, "event": EVENT}], "the event")


# ---- Logging in, and what may be at the address instead

def test_password_user_and_database(tmp_path, start_node):  # noqa: F811
    arguments = ["--requirepass", "s3cret-default", "--user", "class", "on", ">s3cret-class", "~*", "&*", "+@all"]
    redis = Redis(tmp_path / "redis", arguments).start()  # noqa: F811
    try:
        wrong = start_node("broker-redis", {"address": redis.address, "password": "s3cret-wrong", "required": "true"}, wait=False)
        wait_until(wrong.server.is_ready, "the server")
        wait_until(lambda: "WRONGPASS" in wrong.health["detail"], lambda: f"the reason: {wrong.health}")
        assert wrong.server.get("/readyz").status == 503
        wrong.ask("set", "k", value=1)
        assert "s3cret" not in wrong.server.log_text()
        right = start_node("broker-redis", {"address": redis.address, "password": "s3cret-default", "database": 3, "prefix": "school"})
        user = start_node("broker-redis", {"address": redis.address, "user": "class", "password": "s3cret-class", "database": 3,
                                           "prefix": "school"})
        for node in (right, user):
            node.wait_in_touch()
        right.ask("set", "k", value=2)
        assert user.ask("get", "k") == 2
        found = redis.ask("-n", "3", "GET", "school:k:k", user=("--no-auth-warning", "-a", "s3cret-default"))
        assert found.strip().endswith(" 2")
    finally:
        redis.kill()


def test_unix_socket(tmp_path, start_node):  # noqa: F811
    path = tmp_path / "s"
    redis = Redis(tmp_path / "redis", ["--unixsocket", str(path)]).start()  # noqa: F811
    try:
        node = start_node("broker-redis", {"address": path})
        node.wait_in_touch()
        node.ask("set", "k", value=1)
    finally:
        redis.kill()


def test_tls(tmp_path, start_node):  # noqa: F811
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out",
                    tmp_path / "cert.pem"], check=True, capture_output=True)
    port = free_port()
    redis = Redis(tmp_path / "redis", ["--tls-port", str(port), "--tls-cert-file", str(tmp_path / "cert.pem"), "--tls-key-file",  # noqa: F811
                                       str(tmp_path / "key.pem"), "--tls-auth-clients", "no"]).start()
    try:
        options = {"address": f"127.0.0.1:{port}", "tls": "true", "tls_ca": tmp_path / "cert.pem"}
        node = start_node("broker-redis", options)
        node.wait_in_touch()
        node.ask("set", "k", value=1)
        # Without the certificate that vouches for it, nothing is said to it.
        doubting = start_node("broker-redis", {**options, "tls_ca": None})
        doubting.wait_in_touch(False)
        wait_until(lambda: "certificate" in doubting.health["detail"].lower(), lambda: f"the reason: {doubting.health}")
    finally:
        redis.kill()


class Impostor:
    """Accepts, says something, and may answer every read with something."""

    def __init__(self, greeting, answer=b"", close=False):
        self.greeting, self.answer, self.close = greeting, answer, close
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.socket.getsockname()[1]

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            connection.sendall(self.greeting)
            if self.close:
                connection.close()
                return
            while connection.recv(65536):
                connection.sendall(self.answer)
        except OSError:
            pass

    def end(self):
        self.socket.close()
        for connection in self.open:
            connection.close()


IMPOSTORS = {
    "silent": (b"",),
    "closes": (b"", b"", True),
    "smtp": (b"220 mail.example.org ESMTP\r\n", b"500 what?\r\n"),
    "pop3": (b"+OK ready\r\n", b"-ERR what?\r\n"),
    "http": (b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "binary": (bytes(range(256)) * 64, b"\0" * 100),
    "full": (b"-ERR max number of clients reached\r\n", b"", True),
    "unasked": (b"+PONG\r\n" * 1000, b"+PONG\r\n" * 1000),
    "pong-then-odd": (b"", b"+PONG\r\n*1\r\n$1\r\nx\r\n*0\r\n*-1\r\n"),
    "nested": (b"*1\r\n" * 100, b""),
    "huge-text": (b"$536870000\r\n", b"x" * 60000),
    "huge-array": (b"*1000000\r\n", b":1\r\n"),
    "negative": (b"$-5\r\n*-7\r\n", b""),
    "message": (b"*3\r\n$7\r\nmessage\r\n:1\r\n*0\r\n", b"*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$1\r\ny\r\n"),
}


@pytest.mark.parametrize("kind", IMPOSTORS)
def test_something_else_at_the_address(start_node, kind):  # noqa: F811
    impostor = Impostor(*IMPOSTORS[kind])
    try:
        node = start_node("broker-redis", {"address": impostor.address, "timeout": "500 ms"})
        wait_until(lambda: impostor.connections >= 4, lambda: f"more tries: {impostor.connections}")
        assert node.health["ok"] is False and node.health["required"] is False
        assert node.health["detail"]
        node.ask("set", "k", value=1)
        assert node.ask("get", "k") == 1
        node.ask("enter", "room/one", member="u1")
        assert node.members("room/one") == {"u1": None}
        # One warning for the outage, not one for each try.
        assert node.server.log_text().count("is away, and this node serves itself") == 1
    finally:
        impostor.end()


def test_a_name_that_nobody_has(start_node):  # noqa: F811
    node = start_node("broker-redis", {"address": "no-such-host.invalid:6379"})
    node.wait_in_touch(False)
    wait_until(lambda: node.health["detail"] not in ("", "connecting"), "a reason")
    node.ask("set", "k", value=1)


@pytest.mark.parametrize("option", ["address=", "address=:6379", "address=a:b:c", "address=a:x", "prefix=a*", "prefix=", "prefix=" + "x" * 65])
def test_options_that_are_refused(start_node, option):  # noqa: F811
    key, value = option.split("=")
    node = start_node("broker-redis", {key: value})
    assert f"{key}='{value}'" in node.server.log_text()
    assert node.health is None
