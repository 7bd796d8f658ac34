"""WHEP as other people's clients do it: GStreamer's webrtcbin, readers of other servers that trickle with "If-Match: *", players
with odd headers, and publishers whose H.264 no browser decodes."""

import json
import re
import subprocess

import pytest

from conftest import TOP, both_engines

PLAYER = TOP / "tests" / "integration" / "gst_whep_player.py"
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
PCMU = "application/x-rtp,media=audio,encoding-name=PCMU,payload=0,clock-rate=8000"
DEADLINE_S = 45


@pytest.fixture
def live(airclassd, publish):
    """libnice gathers no loopback addresses, so this server listens on all."""
    server = airclassd({"whep-egress": {"udp_listen": "0.0.0.0:0"}})
    publish(server, video="testsrc=size=320x180:rate=30", zerolatency=True)
    return server


def play(server, *arguments):
    """Runs the GStreamer player; returns (exit code, what it says)."""
    pytest.importorskip("gi")
    done = subprocess.run(["/usr/bin/python3", PLAYER, f"{server.url}/live/stream/whep", server.token(), *arguments],
                          capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@both_engines
@pytest.mark.parametrize("policy", ["max-bundle", "max-compat"])
def test_gstreamer(live, policy):
    code, said = play(live, "--bundle", policy)
    assert code == 0, said
    assert (said["width"], said["height"]) == (320, 180)


def test_gstreamer_picture_only(live):
    """One section needs no BUNDLE."""
    code, said = play(live, "--bundle", "none", "--audio", "", "--buffers", "0")
    assert code == 0, said


@both_engines
def test_gstreamer_without_bundle_is_told(live):
    code, said = play(live, "--bundle", "none")
    assert code == 3 and said["status"] == 406 and "bundle-policy=max-bundle" in said["problem"]["detail"], said


def test_transport_of_the_section_that_is_taken(live):
    """Each section offers its own; the first is refused for its codec."""
    code, said = play(live, "--bundle", "none", "--audio", PCMU, "--buffers", "0")
    assert code == 0, said


@both_engines
def test_trickle_with_any_etag(airclassd, publish):
    """MediaMTX's reader sends its candidates with "*" and the credentials of the offer: that restarts nothing."""
    server = airclassd()
    publish(server, video="testsrc=size=320x180:rate=30", zerolatency=True)
    offer = (TOP / "plugins/whep-egress/tests/offers/chrome.sdp").read_text()
    session = server.post("/live/stream/whep", body=offer, headers={"Content-Type": "application/sdp; charset=utf-8",
                                                                    "Accept": "application/json, text/plain, */*"}, token=server.token())
    assert session.status == 201 and session.headers["Content-Type"] == "application/sdp"
    etag = session.headers["ETag"]
    credentials = "".join(line + "\r\n" for line in re.findall(r"a=ice-(?:ufrag|pwd):\S+", offer)[:2])
    candidates = "m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host\r\n"

    def patch(body, if_match):
        return server.request("PATCH", session.headers["Location"], body=body, headers={**FRAGMENT, "If-Match": if_match})

    assert patch(credentials + candidates, "*").status == 204
    assert patch(credentials + candidates, etag).status == 204
    restart = patch("a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n", "*")
    assert restart.status == 200 and restart.headers["ETag"] != etag
    assert patch("a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n", "*").status == 204, "the same restart again"
    assert patch(credentials, "*").status == 200, "and back"


def test_offers_are_asked_for_in_vain(live):
    answer = live.post("/live/stream/whep", body="", headers={"Content-Type": "application/sdp"}, token=live.token())
    assert answer.status == 400 and "makes no offers" in answer.json["detail"]


@pytest.mark.parametrize("pixels, size", [("yuv444p", "321x181"), ("yuv420p10le", "320x180")])
def test_foreign_profiles_are_made_anew(airclassd, publish, pixels, size):
    """4:4:4 in an odd size and 10 bit: no browser decodes them, so that they are converted and the teacher is told."""
    server = airclassd({"whep-egress": {"udp_listen": "0.0.0.0:0"}})
    publish(server, video=f"testsrc=size={size}:rate=30", zerolatency=True, encode=("-pix_fmt", pixels))
    code, said = play(server)
    assert code == 0, said
    assert (said["width"], said["height"]) == (320, 180)
    assert "unsupported-video-profile" in {w["type"] for w in server.stream()["warnings"]}
