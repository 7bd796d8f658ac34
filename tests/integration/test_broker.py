"""What every broker does alike: the same suite with each provider, and for Redis with two nodes, of which one does and the other sees."""

import time

import pytest

from broker_probe import redis, start_node  # noqa: F401 (fixtures)
from conftest import DEADLINE_S, wait_until

KEY_CHARACTERS = "az/AZ.09:-_"
EVENT = {"type": "chat-message", "at": "2026-03-01T09:30:00.123Z", "class_id": "a", "message_id": "m1", "user_id": "u1",
         "user_name": "Minji", "user_role": "student", "text": "안녕 \"<b>\"\n"}


@pytest.fixture(params=["broker-local", "broker-redis"])
def nodes(request, start_node):
    """(the one that does, the one that sees): the same one where there is only one."""
    if request.param == "broker-local":
        node = start_node("broker-local")
        return node, node
    options = {"address": request.getfixturevalue("redis").address}
    first, second = start_node("broker-redis", options), start_node("broker-redis", options)
    first.wait_in_touch()
    second.wait_in_touch()
    return first, second


VALUES = (None, True, 0, -5, 2.5, "", "text \"\\\n\u0001 한글", [], {}, {"b": {"a": [1, None]}, "a": ""}, [[[[[[[[[[1]]]]]]]]]])


def test_values_come_back(nodes):
    one, other = nodes
    for value in VALUES:
        one.ask("set", "k", value=value)
        assert other.ask("get", "k") == value


def test_a_value_is_replaced(nodes):
    one, other = nodes
    one.ask("set", "k", value=1)
    other.ask("set", "k", value=2)
    assert one.ask("get", "k") == 2
    one.ask("remove", "k")
    assert other.status("get", "k") == 404
    assert other.status("remove", "k") == 404


def test_keys_that_are_taken(nodes):
    one, other = nodes
    for key in (KEY_CHARACTERS, "x" * 256):
        one.ask("set", key, value=1)
        assert other.ask("get", key) == 1


def test_keys_that_are_refused(nodes):
    one, _ = nodes
    for key in ("", "x" * 257, "a b", "a*", "a[1]", "a\nb", "ü", "a?", "a'b", None):
        assert one.status("set", key, value=1) == 400, key
        for operation in ("get", "remove", "members") + (("list",) if key != "" else ()):
            assert one.status(operation, key) == 400, (operation, key)


def test_values_and_lifetimes_that_are_refused(nodes):
    one, _ = nodes
    one.ask("set", "k", value="x" * 65534)
    assert one.status("set", "k", value="x" * 65535) == 400
    assert one.status("set", "k") == 400
    for lifetime_ms in (0, -1, 367 * 86400 * 1000):
        assert one.status("set", "k", value=1, lifetime_ms=lifetime_ms) == 400
    assert one.ask("get", "k") == "x" * 65534


def test_lifetime(nodes):
    one, other = nodes
    began = time.monotonic()
    one.ask("set", "short", value=1, lifetime_ms=1500)
    one.ask("set", "long", value=1, lifetime_ms=DEADLINE_S * 10000)
    try:
        assert other.ask("get", "short") == 1
    except Exception:  # a machine that is that slow says nothing
        assert time.monotonic() - began > 1
    wait_until(lambda: "short" not in other.ask("list", ""), "the end of the lifetime")
    assert other.status("get", "short") == 404
    assert other.ask("get", "long") == 1
    other.ask("set", "short", value=2, only_new=True)


def test_a_lease_has_one_owner(nodes):
    one, other = nodes
    one.ask("set", "lease", value="one", only_new=True)
    assert other.status("set", "lease", value="other", only_new=True) == 409
    assert one.status("set", "lease", value="one", only_new=True) == 409
    assert other.status("remove", "lease", value="other") == 409
    assert other.ask("get", "lease") == "one"
    one.ask("set", "lease", value="one", lifetime_ms=90000)  # renewed
    one.ask("remove", "lease", value="one")
    other.ask("set", "lease", value="other", only_new=True)


def test_remove_compares_values_not_texts(nodes):
    one, other = nodes
    one.ask("set", "k", value={"a": 1, "b": {"x": [1, 2], "y": None}})
    assert other.status("remove", "k", value={"a": 1}) == 409
    assert other.status("remove", "k", value={"a": 1, "b": {"x": [2, 1], "y": None}}) == 409
    other.ask("remove", "k", value={"b": {"y": None, "x": [1, 2]}, "a": 1})
    assert one.status("get", "k") == 404


def test_list(nodes):
    one, other = nodes
    assert one.ask("list", "") == {}
    for number in range(1200):  # more than one part of a scan
        one.ask("set", f"n/{number}", value=number)
    one.ask("set", "n", value="x")
    one.ask("set", "m/1", value="x")
    assert other.ask("list", "n/") == {f"n/{number}": number for number in range(1200)}
    assert other.ask("list", "m") == {"m/1": "x"}
    assert other.ask("list", "nothing") == {}
    assert len(other.ask("list", "")) == 1202


def test_a_list_that_is_too_long(nodes):
    one, other = nodes
    for number in range(280):
        one.ask("set", f"big/{number}", value="x" * 62000)
    assert other.status("list", "big/") == 503
    assert len(other.ask("list", "big/27")) == 11


def test_presence(nodes):
    one, other = nodes
    one.ask("enter", "room/one", member="u1", value={"name": "Minji"})
    one.ask("enter", "room/one", member="u2 \u00fc")
    one.ask("enter", "room/two", member="u1", value=[1])
    wait_until(lambda: other.members("room/one") == {"u1": {"name": "Minji"}, "u2 \u00fc": None}, "both members")
    assert one.members("room/one") == other.members("room/one")
    assert other.members("room/two") == {"u1": [1]}
    assert other.members("room/three") == {}
    wait_until(lambda: "room/one" in other.seen["presence"] and "room/two" in other.seen["presence"], "the signals")
    assert set(other.seen["presence_one"]) == {"room/one"}
    one.ask("enter", "room/one", member="u1", value={"name": "Min-ji"})
    wait_until(lambda: other.members("room/one")["u1"] == {"name": "Min-ji"}, "the new info")
    before = len(other.seen["presence_one"])
    one.ask("leave", "room/one", member="u1")
    one.ask("leave", "room/one", member="nobody")
    wait_until(lambda: list(other.members("room/one")) == ["u2 \u00fc"], "one to be left")
    wait_until(lambda: len(other.seen["presence_one"]) > before, "the signal of leaving")
    assert other.members("room/two") == {"u1": [1]}


def test_presence_that_is_left_out(nodes):
    one, _ = nodes
    one.ask("enter", "room/one", member="")
    one.ask("enter", "room/one", member="x" * 257)
    one.ask("enter", "room one", member="u1")
    one.ask("enter", "room/one", member="u1", value="x" * 4096)
    one.ask("enter", "room/one", member="u2")
    assert one.members("room/one") == {"u2": None}
    assert one.server.log_text().count("cannot enter a room") == 4


def test_events(nodes):
    one, other = nodes
    one.ask("publish", value=EVENT)
    seen = wait_until(lambda: other.seen["events"], "the event")
    assert seen == [{"remote": one is not other, "event": EVENT}]
    one.ask("publish", value={"type": "reader-count", "at": EVENT["at"], "path": "live/a", "protocol": "whep", "readers": 1})
    one.ask("publish", value={**EVENT, "message_id": "m2"})
    wait_until(lambda: len(other.seen["events"]) == 2, "the second event")
    # Each node sees it once, and only the one that it happened on would send it out.
    for node in {one, other}:
        assert [entry["event"]["message_id"] for entry in node.seen["events"]] == ["m1", "m2"]
    assert one.seen["outgoing"] == ["chat-message", "chat-message"]
    assert one is other or other.seen["outgoing"] == []


def test_events_of_another_node_that_are_refused(nodes):
    one, _ = nodes
    one.ask("publish-remote", value=EVENT)
    wait_until(lambda: one.seen["events"] == [{"remote": True, "event": EVENT}], "the event")
    assert one.status("publish-remote", value={**EVENT, "text": 1}) == 400
    assert one.status("publish-remote", value={**EVENT, "more": 1}) == 400
    assert one.status("publish-remote", value={**EVENT, "type": "no-such-event"}) == 404
    assert one.status("publish-remote", value={"type": "plugin-state", "at": EVENT["at"], "plugin": "x", "state": "running"}) == 400
    assert one.seen["outgoing"] == []
