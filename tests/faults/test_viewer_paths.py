"""Viewers whose path ends or changes, in Chromium behind a real line: what the socket of a scripted viewer cannot show.

Half-finished handshakes, vanished and moved viewers with every step under control: ../integration/test_whep_transport.py.
"""

import pytest

from browser import browser, publish_recording, recording  # noqa: F401
from conftest import wait_until
from network import link  # noqa: F401


@pytest.fixture
def student(link, airclassd, publish_recording, browser):  # noqa: F811
    with link.at_server():
        server = airclassd(link.server_options())
        publish_recording(server)
        with link.at_client():
            watching = browser(link.url_of(server))
        watching.wait_playing()
        yield server, watching


def viewers(server):
    return server.get("/api/streams/live/stream/viewers", token=server.teacher_key).json["viewers"]


def wait_frames(watching, more):
    before = watching.stats()["video"]["framesDecoded"]
    wait_until(lambda: watching.stats()["video"].get("framesDecoded", 0) >= before + more, f"{more} more pictures", 60)


def test_15_dead_line(link, student):  # noqa: F811
    """Nothing comes through any more, in either direction: the viewer is freed, and is back when the line is."""
    server, watching = student
    assert len(viewers(server)) == 1
    link.change("both", block="all")
    wait_until(lambda: not viewers(server), "the viewer to be freed", 30)
    link.heal()
    wait_frames(watching, 30)


def test_17_new_address(link, student):  # noqa: F811
    """From Wi-Fi to 4G: the old address is gone, the page finds its way from the new one by itself."""
    server, watching = student
    link.move_client("10.77.0.77")
    wait_frames(watching, 60)
    wait_until(lambda: any(viewer["address"].startswith("10.77.0.77:") for viewer in viewers(server)), "the new address in the list")
    wait_until(lambda: len(viewers(server)) == 1, "one viewer to be left", 60)
