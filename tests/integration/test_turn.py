"""STUN and TURN with Debian's coturn: players that get through by nothing else, and a server that does."""

import re
import time

import pytest

from conftest import both_engines, wait_until
from test_whep_clients import play
from turn_server import SECRET, SHARED, USER, TurnServer, own_address
from whep_client import Peer

QUOTED_SECRET = "s3cret%3Awith%40signs"
OFFER = {"Content-Type": "application/sdp"}


def options(turn, shared, **more):
    server = f"turn:{turn.address}:{turn.port}?transport=udp" if shared else f"turn:{USER}:{QUOTED_SECRET}@{turn.address}:{turn.port}?transport=udp"
    return {"whep-egress": {"ice_servers": server, **({"turn_secret": SHARED} if shared else {}), **more}}


def servers_in(answer):
    """[(url, {parameter: value})] of Link headers (RFC 8288, RFC 9725 §4.6)."""
    found = []
    for url, rest in re.findall(r'<([^>]*)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)', answer.headers.get("Link", "")):
        found.append((url, dict(re.findall(r';\s*([\w-]+)="((?:[^"\\]|\\.)*)"', rest))))
    return found


def viewer_addresses(server):
    return [v["address"] for v in server.get("/api/streams/live/stream/viewers", token=server.token("teacher")).json["viewers"]]


class LocalPeer(Peer):
    """Tells the server its one candidate and takes nothing but what comes from the server's relayed address."""

    def offer(self):
        candidate = f"a=candidate:1 1 udp 2130706431 {self.LOCAL} {self.socket.getsockname()[1]} typ host\r\na=mid:0"
        return super().offer().replace("a=mid:0", candidate)

    def read_answer(self, sdp):
        super().read_answer(sdp)
        ((ip, port),) = set(re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ relay", sdp, re.M | re.I))
        self.target = (ip, int(port))
        self.socket.connect(self.target)


@pytest.mark.parametrize("engine", ["webrtcbin"], indirect=True)
@pytest.mark.parametrize("shared", [False, True], ids=["fixed", "shared-secret"])
def test_server_behind_its_relay(airclassd, publish, run, tmp_path, shared):
    """The viewer's socket is bound to the server's relayed address: no datagram of another path comes in."""
    turn = TurnServer(run, tmp_path, shared)
    server = airclassd(options(turn, shared))
    publish(server, zerolatency=True)
    peer = LocalPeer(server, profile="SRTP_AES128_CM_SHA1_80")
    assert peer.post().status == 201
    assert peer.target[1] != turn.port
    # The server has to let the peer in first, which it does when it makes checks of its own.
    deadline = time.monotonic() + 20
    while peer.check(wait_s=0.5) != 0:
        assert time.monotonic() < deadline, turn.log[-3000:]
    assert peer.shake_hands()
    kinds, deadline = set(), time.monotonic() + 20  # the cached pictures come first, hundreds of packets
    while kinds != {96, 111} and time.monotonic() < deadline:
        kinds.add(peer.receive()[1] & 0x7F)
    assert kinds == {96, 111}
    assert "through a relay" in server.log_text()
    peer.close()
    for text in (SECRET, QUOTED_SECRET, SHARED):
        assert text not in server.log_text()


@both_engines
@pytest.mark.parametrize("shared", [False, True], ids=["fixed", "shared-secret"])
def test_player_behind_a_relay(airclassd, publish, run, tmp_path, shared):
    """GStreamer's player may use nothing but the relay, of which it asks with its token."""
    turn = TurnServer(run, tmp_path, shared, own_address())
    server = airclassd(options(turn, shared, udp_listen="0.0.0.0:0"))
    publish(server, video="testsrc=size=320x180:rate=30", zerolatency=True)
    code, said = play(server, "--relay")
    assert code == 0, (said, turn.log[-3000:])
    offered = re.findall(r"^a=candidate:.* typ (\w+)", said["offer"], re.M)
    assert offered and set(offered) == {"relay"}
    assert (said["width"], said["height"]) == (320, 180)
    relayed = set(re.findall(r"^a=candidate:\S+ \d+ UDP \d+ (\S+ \d+) typ relay", said["offer"], re.M))
    played = re.search(r"plays live/stream at (\S+):(\d+) ", server.log_text())
    assert played and f"{played[1]} {played[2]}" in relayed


def test_credentials_are_for_viewers(airclassd, publish, run):
    server = airclassd({"whep-egress": {"ice_servers": "stun:stun.example.org, turn:turn.example.org:443?transport=tcp",
                                        "turn_secret": SHARED, "turn_lifetime": "1h"}})
    publish(server, zerolatency=True)
    stranger = server.request("OPTIONS", "/live/stream/whep")
    assert servers_in(stranger) == [("stun:stun.example.org", {"rel": "ice-server"})]
    assert servers_in(server.request("OPTIONS", "/live/stream/whep", token="nonsense")) == servers_in(stranger)
    token = server.token()
    joined = [server.post("/live/stream/whep", body=Peer(server).offer(), headers=OFFER, token=token) for _ in range(2)]
    names = set()
    for answer in (server.request("OPTIONS", "/live/stream/whep", token=token), *joined):
        (_, _), (url, turn) = servers_in(answer)
        assert url == "turn:turn.example.org:443?transport=tcp"
        assert turn["rel"] == "ice-server" and turn["credential-type"] == "password" and turn["credential"]
        until, name = turn["username"].split(":")
        assert 3500 < int(until) - time.time() <= 3600
        names.add(name)
    assert len(names) == 3
    assert SHARED not in server.get("/api/system", token=server.teacher_key).text


@pytest.mark.parametrize("value, reason", [
    ("turn:turn.example.org", "needs USER:SECRET@"),
    ("turn://user:hidden@turn.example.org", "without //"),
    ("turn:hidden@turn.example.org", "USER:SECRET"),
    ("stun:user:hidden@stun.example.org", "no credentials"),
    ("turn:user:hidden@turn.example.org:0", "port"),
    ("turn:user:hidden@turn.example.org?transport=quic", "udp or tcp"),
    ("turn:user:hidden%0d%0a@turn.example.org", "USER:SECRET"),
    ("http://turn.example.org", "stun:"),
])
def test_what_is_no_server(airclassd, value, reason):
    """The plugin is left out with its reason, in which no secret stands."""
    server = airclassd({"whep-egress": {"ice_servers": value}}, wait=False)
    wait_until(lambda: "ice_servers" in server.log_text(), "the reason")
    assert reason in server.log_text()
    assert "hidden" not in server.log_text()
    wait_until(server.is_ready, "the server without viewers")
