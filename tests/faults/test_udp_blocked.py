"""A network without UDP: media comes over TCP (RFC 6544), or else over HTTP (HLS), and the page says so."""

import pytest

from conftest import wait_until
from network import link  # noqa: F401
from browser import browser, publish_recording, recording  # noqa: F401


def test_plays_over_tcp_and_says_so(link, airclassd, publish_recording, browser, engine):
    if engine == "webrtcbin":
        pytest.skip("the second engine has no TCP")
    link.change("both", block="udp")
    with link.at_server():
        server = airclassd(link.server_options())
        publish_recording(server)
        with link.at_client():
            student = browser(link.url_of(server))
        student.wait_playing()
        viewer = wait_until(lambda: next((v for v in server.get("/api/streams/live/stream/viewers", token=server.token("teacher")).json["viewers"]
                                          if v["state"] == "playing"), None), "the viewer in the list")
        assert viewer["transport"] == "tcp"
        wait_until(lambda: "TCP" in student.ask("chip"), "the page to say so")
        watched = student.watch(10)
        print(f"over TCP: {watched.fps:.1f} fps, frozen {watched.frozen:.4f}, concealed {watched.concealed:.4f}, buffer "
              f"{watched.buffer_ms('video'):.0f}/{watched.buffer_ms('audio'):.0f} ms, sessions {watched.sessions}")
        assert watched.sessions == 1
        assert watched.video["framesDecoded"] > 30 and watched.audio["packetsReceived"] > 100


def test_plays_over_http_and_says_so(link, airclassd, publish_recording, browser):
    """Nothing but HTTP gets through. When the network lets UDP through again, the page is back at WebRTC by itself."""
    link.change("both", block="udp")
    with link.at_server():
        server = airclassd(link.server_options({"whep-egress": {"tcp": "no"}}))
        publish_recording(server)
        with link.at_client():
            student = browser(link.url_of(server))
        wait_until(lambda: "Delayed" in student.ask("chip"), "the page to say so", 60)
        wait_until(lambda: server.stream()["readers"]["hls"] > 0, "the reader")
        link.heal()
        student.wait_playing()
        wait_until(lambda: "Delayed" not in student.ask("chip"), "the page to say so", 60)
