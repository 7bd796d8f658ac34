"""A viewer whose address changes under it: from Wi-Fi to mobile data, by a NAT that forgot it, after a time out of reach.

How long the picture stood is printed; the page has three seconds.
"""

import time

import pytest

from conftest import wait_until
from network import CLIENT_ADDRESS, link  # noqa: F401
from browser import browser, publish_recording, recording  # noqa: F401

SECOND_ADDRESS, THIRD_ADDRESS = "10.77.0.3", "10.77.0.4"


@pytest.fixture
def playing(link, airclassd, publish_recording, browser):
    """playing() starts a server and a student before it; returns both."""

    def start():
        with link.at_server():
            server = airclassd(link.server_options())
            publish_recording(server)
            with link.at_client():
                student = browser(link.url_of(server))
            student.wait_playing()
        return server, student

    return start


def viewers(link, server):
    with link.at_server():
        return server.get("/api/streams/live/stream/viewers", token=server.teacher_key).json["viewers"]


def address_of(viewer):
    host, port = viewer["address"].rsplit(":", 1)
    return host, int(port)


def see_return(student, what, change):
    """Makes the change, waits until pictures come steadily again, and tells how long they did not."""
    presented, since, longest = student.stats()["presented"], time.monotonic(), 0.0
    change()
    end_of_change = time.monotonic()
    steady_since = None

    def steady():
        nonlocal presented, since, longest, steady_since
        now = student.stats()["presented"]
        if now != presented:
            longest = max(longest, time.monotonic() - since)
            presented, since = now, time.monotonic()
            steady_since = steady_since or since
        elif time.monotonic() - since > 1:
            steady_since = None
        return steady_since and time.monotonic() - max(steady_since, end_of_change) > 3

    wait_until(steady, "the picture to come again", 60)
    print(f"{what}: the picture stood for {longest:.2f} s, {max(0, steady_since - end_of_change):.2f} s of it since the way was free")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_another_address(link, playing, transport, engine):
    """Wi-Fi to mobile data."""
    if transport == "tcp":
        if engine == "webrtcbin":
            pytest.skip("the second engine has no TCP")
        link.change("both", block="udp")
    server, student = playing()
    (viewer,) = viewers(link, server)
    assert viewer["transport"] == transport
    for address in (SECOND_ADDRESS, THIRD_ADDRESS):
        see_return(student, f"to another address by {transport}", lambda: link.move_client(address))
        wait_until(lambda: any(address_of(v)[0] == address and v["transport"] == transport for v in viewers(link, server)),
                   "the new address in the list")


def test_forgotten_by_a_nat(link, playing):
    """Nobody tells the browser: what it sends and is sent is lost. The page renews the path of its session."""
    server, student = playing()
    (viewer,) = viewers(link, server)
    port = address_of(viewer)[1]
    see_return(student, "a path that is lost silently", lambda: link.change("both", port=port))
    (now,) = viewers(link, server)
    assert now["viewer_id"] == viewer["viewer_id"], "the same session"
    assert address_of(now)[1] != port
    assert student.stats()["sessions"] == 1


@pytest.mark.parametrize("address", [CLIENT_ADDRESS, SECOND_ADDRESS], ids=["same", "other"])
def test_out_of_reach(link, playing, address):
    """Longer than the server waits: a new session, as soon as there is a way."""
    server, student = playing()

    def go_away():
        link.change("both", block="all")
        wait_until(lambda: not viewers(link, server), "the viewer to be given up", 30)
        link.move_client(address)
        link.heal()

    see_return(student, "out of reach", go_away)
    (now,) = viewers(link, server)
    assert address_of(now)[0] == address
