"""What happens below HTTP: strangers, half-finished handshakes, viewers who vanish, move, or say goodbye.

The peer is tests/integration/whep_client.py, which can leave out or falsify each step.
"""

import os
import pathlib
import struct
import subprocess
import threading
import time

import pytest
from OpenSSL import SSL

from conftest import both_engines, wait_until
from whep_client import IDENTITY, OTHER_IDENTITY, Peer


@pytest.fixture
def live(airclassd, publish):
    server = airclassd()
    publish(server, zerolatency=True)
    return server


@pytest.fixture
def peers(engine):
    made = []

    def make(*arguments, kind=Peer, **options):
        if engine == "webrtcbin":
            options.setdefault("profile", "SRTP_AES128_CM_SHA1_80")
        made.append(kind(*arguments, **options))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


def viewers(server):
    answer = server.get("/api/streams/live/stream/viewers", token=server.token("teacher"))
    assert answer.status == 200, answer.text
    return answer.json["viewers"]


def series(server, name, label):
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(name + "{") and f'"{label}"' in line:
            return float(line.rsplit(" ", 1)[1])
    return 0.0


class Watcher(threading.Thread):
    """An honest viewer: keeps consent fresh, reports, and notices every missing packet."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self.ended, self.received, self.missing, self.expected = peer, threading.Event(), 0, 0, {}

    def run(self):
        next_check = 0
        while not self.ended.is_set():
            if time.monotonic() >= next_check:
                self.peer.check(answered=False)
                self.peer.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, 7))  # an empty receiver report
                next_check = time.monotonic() + 2
            data = self.peer.wait_datagram(self.peer.is_rtp, self.peer.socket, time.monotonic() + 0.2)
            self.peer.plain.clear()
            if data is None:
                continue
            sequence, ssrc = struct.unpack(">H", data[2:4])[0], data[8:12]
            if ssrc in self.expected:
                self.missing += (sequence - self.expected[ssrc]) & 0xFFFF
            self.expected[ssrc] = (sequence + 1) & 0xFFFF
            self.received += 1

    def stop(self):
        self.ended.set()
        self.join(10)


@pytest.mark.parametrize("profile", ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"])
def test_media_flows_with_each_profile(live, peers, profile):
    peer = peers(live, profile=profile).connect()
    kinds = {}
    while len(kinds) < 2:
        packet = peer.receive()
        assert packet is not None, f"only {kinds} came"
        kinds[packet[1] & 0x7F] = packet
    assert set(kinds) == {96, 111}
    listed = wait_until(lambda: [v for v in viewers(live) if v["profile"]], "the viewer in the list")
    assert [v["profile"] for v in listed] == [profile]
    report = peer.receive(wanted=peer.is_rtcp)
    assert report is not None and report[1] == 200  # a sender report


@both_engines
def test_no_media_before_the_end_of_the_handshake(live, peers):
    """A viewer drops what it has no keys for: the first picture would be lost."""
    token = live.token()
    for _ in range(40):
        peer = peers(live)
        assert peer.post(token).status == 201
        assert peer.check() == 0 and peer.shake_hands()
        assert not [data for _, data in peer.plain if peer.is_rtp(data)]
        assert live.request("DELETE", peer.location).status == 200


@both_engines
def test_peer_that_waits_for_the_handshake(live, peers):
    """a=setup:passive: the server is the DTLS client."""
    peer = peers(live, setup="passive").connect()
    assert "a=setup:active" in peer.answer
    peer.close_dtls()
    wait_until(lambda: not viewers(live), "close_notify to free the viewer", 5)


def test_wrong_names_and_passwords(live, peers):
    peer = peers(live)
    assert peer.post().status == 201
    before = series(live, "airclass_whep_discarded_total", "unknown")
    assert peer.check(ufrag="nobody12", wait_s=1.2) is None
    wait_until(lambda: series(live, "airclass_whep_discarded_total", "unknown") > before, "the unknown name to be counted")
    assert peer.check(pwd="x" * 24) == 401
    assert peer.check(controlled=True) == 487
    # None of these made the address known: DTLS from there is dropped.
    before = series(live, "airclass_whep_discarded_total", "unvalidated")
    peer.say_hello()
    wait_until(lambda: series(live, "airclass_whep_discarded_total", "unvalidated") > before, "the ClientHello to be dropped")
    assert peer.wait_datagram(lambda d: 20 <= d[0] <= 63, peer.socket, time.monotonic() + 0.5) is None
    # The session took no harm.
    assert peer.check() == 0
    assert peer.shake_hands()


def test_strangers_are_dropped(live, peers):
    peer = peers(live).connect()
    stranger = peer.new_socket()
    before = series(live, "airclass_whep_discarded_total", "unvalidated")
    for datagram in (b"\x16\xfe\xfd" + bytes(60), b"\x80\xe0" + bytes(60), b"\x81\xc9\x00\x07" + bytes(60)):
        stranger.sendto(datagram, peer.target)
    for datagram in (b"", b"\x00", b"\x47" + bytes(30), bytes(1500), b"\xff" * 3000):
        stranger.sendto(datagram, peer.target)
    wait_until(lambda: series(live, "airclass_whep_discarded_total", "unvalidated") >= before + 3, "three datagrams to be dropped")
    assert peer.wait_datagram(lambda d: True, stranger, time.monotonic() + 0.3) is None
    assert peer.receive() is not None
    stranger.close()


def test_forged_feedback_changes_nothing(live, peers):
    peer = peers(live).connect()
    before = series(live, "airclass_whep_discarded_total", "forged")
    peer.socket.sendto(b"\x80\xcb\x00\x01" + bytes(40), peer.target)  # a BYE that nobody signed
    wait_until(lambda: series(live, "airclass_whep_discarded_total", "forged") > before, "the forged packet to be counted")
    assert len(viewers(live)) == 1


@both_engines
def test_absurd_reports_spoil_no_figures(live, peers):
    """Jitter of half a day, a path of more than all the world's: neither reaches the list and the metrics."""
    peer = peers(live).connect()
    packet = peer.receive(wanted=lambda data: peer.is_rtp(data) and data[1] & 0x7F == 96)
    (ssrc,) = struct.unpack(">I", packet[8:12])

    def report(lost, jitter, exponent, mantissa):
        peer.check(answered=False)
        peer.send_rtcp(struct.pack(">BBHIIIIIII", 0x81, 201, 7, 7, ssrc, lost << 24, 1, jitter, 0, 0)
                       + struct.pack(">BBHII4sBBHI", 0x8F, 206, 5, 7, 0, b"REMB", 1, exponent << 2 | mantissa >> 16, mantissa & 0xFFFF, ssrc))

    def figures():
        return [(v["loss"], v["jitter_ms"], v["estimate_bps"]) for v in viewers(live)]

    report(64, 900, 10, 3000)
    wait_until(lambda: figures() == [(0.25, 10, 3000 << 10)], "the report")
    for exponent, mantissa in ((46, 0x20000), (63, 0x3FFFF), (45, 0x3FFFF)):
        report(128, 0xFFFFFFFF, exponent, mantissa)
        wait_until(lambda: figures() == [(0.5, 10, 10_000_000_000)], "what is believed of it")
        report(64, 900, 10, 3000)
        wait_until(lambda: figures() == [(0.25, 10, 3000 << 10)], "the sane report")
    count = live.metric("airclass_whep_viewer_jitter_seconds_count")
    assert live.metric("airclass_whep_viewer_jitter_seconds_sum") <= 0.011 * count
    assert live.metric("airclass_whep_viewer_estimate_bytes_per_second_sum") >= 0


@both_engines
def test_half_finished_handshakes_are_freed(live, peers, engine):
    count = 300 if engine == "fanout" else 30
    honest = Watcher(peers(live).connect())
    honest.start()
    token = live.token()
    half = [peers(live) for _ in range(count)]
    for i, peer in enumerate(half):
        answer = peer.post(token)
        assert answer.status == 201, answer.text
        if i % 3 >= 1:
            assert peer.check() == 0
        if i % 3 == 2:
            peer.say_hello()
    wait_until(lambda: len(viewers(live)) == 1, "the half-finished handshakes to be freed", 20)
    assert series(live, "airclass_whep_left_total", "no-handshake") == count
    received = honest.received
    wait_until(lambda: honest.received > received + 30, "media to go on")
    honest.stop()
    assert honest.missing == 0


@both_engines
def test_one_user_does_not_take_all_places(airclassd, publish, peers):
    """When all places are taken, who has more than the share gives up those of which nothing comes for others, and no more than that."""
    server = airclassd({"whep-egress": {"max_viewers": 7, "fair_sessions_per_user": 3}})
    publish(server, zerolatency=True)
    token = server.token(user_id="greedy")
    playing = peers(server).connect(token)
    offers = [peers(server) for _ in range(6)]
    for peer in offers:
        assert peer.post(token).status == 201
    assert peers(server).post(token).status == 503
    honest = [peers(server) for _ in range(4)]
    for i, peer in enumerate(honest):
        assert peer.post(server.token(user_id=f"honest-{i}")).status == 201
    refused = peers(server).post(server.token(user_id="honest-4"))
    assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0
    assert [server.get(peer.location).status for peer in offers[:4]] == [404] * 4
    assert [server.get(peer.location).status for peer in [playing, *offers[4:], *honest]] == [200] * 7
    assert series(server, "airclass_whep_left_total", "replaced") == 4
    for peer in (honest[0], offers[4]):
        assert peer.check() == 0 and peer.shake_hands() and peer.receive() is not None
    assert playing.receive() is not None


@both_engines
def test_a_place_of_many_that_play(airclassd, publish, peers):
    server = airclassd({"whep-egress": {"max_viewers": 3, "fair_sessions_per_user": 2}})
    publish(server, zerolatency=True)
    token = server.token(user_id="greedy")
    playing = [peers(server).connect(token) for _ in range(3)]
    peers(server).connect(server.token(user_id="honest"))
    assert [server.get(peer.location).status for peer in playing] == [404, 200, 200]
    # The same name in another class is somebody else.
    publish(server, path="live/other", zerolatency=True)
    assert peers(server, path="live/other").post(server.token(user_id="greedy", class_id="other")).status == 503


@both_engines
def test_vanished_viewer_is_reaped(live, peers):
    peers(live).connect()
    stays = Watcher(peers(live).connect())
    stays.start()
    wait_until(lambda: len(viewers(live)) == 2, "both viewers")
    wait_until(lambda: len(viewers(live)) == 1, "the silent viewer to be freed", 20)
    assert series(live, "airclass_whep_left_total", "vanished") == 1
    stays.stop()


@both_engines
def test_goodbyes(live, peers):
    deleted, closed, bye = (peers(live).connect() for _ in range(3))
    wait_until(lambda: len(viewers(live)) == 3, "three viewers")
    assert live.request("DELETE", deleted.location, token=live.token()).status == 200
    wait_until(lambda: len(viewers(live)) == 2, "DELETE to free the viewer", 5)
    closed.close_dtls()
    wait_until(lambda: len(viewers(live)) == 1, "close_notify to free the viewer", 5)
    bye.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, 7) + struct.pack(">BBHI", 0x81, 203, 1, 7))
    wait_until(lambda: len(viewers(live)) == 0, "BYE to free the viewer", 5)
    assert series(live, "airclass_whep_left_total", "left") == 3


@both_engines
def test_a_goodbye_of_somebody_else(live, peers):
    """Only who has spoken can say BYE (RFC 3550 §6.6); others' are as unknown as their SSRC."""
    peer = peers(live).connect()
    packet = peer.receive(wanted=lambda data: peer.is_rtp(data) and data[1] & 0x7F == 96)
    peer.send_rtcp(rtcp(0, 201, b"\0\0\0\7"))
    peer.send_rtcp(rtcp(0, 201, b"\0\0\0\7") + rtcp(1, 203, b"\0\0\0\x99"))
    peer.send_rtcp(rtcp(0, 201, b"\0\0\0\7") + rtcp(1, 206, b"\0\0\0\7" + packet[8:12]))
    wait_until(lambda: [v["keyframe_requests"] for v in viewers(live)] == [1], "what it says afterwards to be heard")
    peer.send_rtcp(rtcp(0, 201, b"\0\0\0\x08") + rtcp(1, 203, b"\0\0\0\7"))
    wait_until(lambda: not viewers(live), "its own BYE to free it", 5)


def rtcp(count, kind, body):
    return struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body


class AskingPeer(Peer):
    """Of the kind that wants to know its round trip."""

    def offer(self):
        return super().offer().replace("a=mid:0", "a=extmap:9 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\na=mid:0")


def ask_for_round_trip(peer, expected):
    """With each report, as browsers do: webrtcbin answers nothing before its first report. Returns the packet with what is expected."""
    def answer():
        peer.send_rtcp(rtcp(0, 201, b"\0\0\0\7") + rtcp(0, 207, b"\0\0\0\7\4\0\0\2" + b"\1\2\3\4\5\6\7\x08"))
        packet = peer.receive(wanted=peer.is_rtcp, wait_s=1)
        return packet and expected in packet and packet

    return wait_until(answer, "the answer")


@both_engines
def test_the_round_trip_is_told(live, peers):
    """RFC 3611 §4.4, §4.5: the reference time of a receiver comes back, and how long it was kept."""
    peer = peers(live, kind=AskingPeer).connect()
    ssrc = peer.receive(wanted=lambda data: peer.is_rtp(data) and data[1] & 0x7F == 96)[8:12]
    assert "a=rtcp-fb:96 rrtr" in peer.answer
    ask_for_round_trip(peer, ssrc + b"\5\0\0\3" + b"\0\0\0\7" + b"\3\4\5\6")  # the middle of the NTP time


class PlainPeer(AskingPeer):
    """One that takes compound RTCP only."""

    def offer(self):
        return super().offer().replace("a=rtcp-rsize\r\n", "")


@both_engines
def test_rtcp_is_compound_unless_reduced_size_was_negotiated(live, peers):
    """RFC 3550 §6.1: each begins with a report. RFC 5506 lets one go without where both said so."""
    for kind, first in ((PlainPeer, 201), (AskingPeer, 207)):
        peer = peers(live, kind=kind).connect()
        assert ("a=rtcp-rsize" in peer.answer) == (kind is AskingPeer)
        answer = ask_for_round_trip(peer, b"\3\4\5\6")
        assert answer[1] == first
        if kind is PlainPeer:
            assert answer[9] == 202  # with the CNAME


@both_engines
def test_odd_reports_do_no_harm(live, peers):
    """What is legal and useless, and what lies about its lengths: the viewer stays, and what it says properly counts."""
    peer = peers(live).connect()
    ssrc = peer.receive()[8:12]
    report = rtcp(0, 201, b"\0\0\0\7")
    for odd in (
        rtcp(0, 203, b""),  # BYE without sources (RFC 3550 §6.6)
        rtcp(0, 203, b"\3bye"),
        rtcp(3, 203, b""),  # BYE of sources that are not there
        rtcp(1, 202, b"\0\0\0\7\x08\x02\xff\0"),  # SDES PRIV: the prefix is longer than the item
        rtcp(1, 202, b"\0\0\0\7\x01\xff\0\0"),
        rtcp(31, 202, b""),
        rtcp(31, 201, b"\0\0\0\7"),
        rtcp(4, 206, b"\0\0\0\7" + bytes(4) + bytes(4)),  # FIR that ends in the middle
        rtcp(15, 205, b"\0\0\0\7" + ssrc + b"\0\1\xff\xff\0\0\0\0\x3f\xff\0\0"),  # transport-wide feedback without what it announces
        rtcp(0, 204, b""),
        rtcp(0, 207, b"\0\0\0\7\4\0\xff\xff"),
    ):
        for compound in (report + odd, odd + report, report + odd + report):
            peer.send_rtcp(compound)
        peer.socket.sendto(odd + bytes(20), peer.target)  # signed by nobody
    before = series(live, "airclass_whep_feedback_total", "keyframe")
    peer.send_rtcp(report + rtcp(0, 203, b"") + rtcp(1, 206, b"\0\0\0\7" + ssrc))
    wait_until(lambda: series(live, "airclass_whep_feedback_total", "keyframe") > before, "the PLI after a useless BYE to be heard")
    assert len(viewers(live)) == 1
    peer.send_rtcp(report + rtcp(1, 203, b"\0\0\0\7"))
    wait_until(lambda: not viewers(live), "BYE to free the viewer", 5)


def test_the_end_is_told(live, peers):
    """By close_notify: a browser that hears only BYE goes on waiting. webrtcbin has no safe way to send it."""
    peer = peers(live).connect()
    assert live.request("DELETE", peer.location, token=live.token()).status == 200
    assert peer.wait_closed()


@both_engines
def test_who_left_leaves_nothing_behind(live, peers):
    """Some with media, some half-way, some by HTTP only: descriptors are as before."""
    token = live.token()

    def come_and_go():
        crowd = [peers(live) for _ in range(9)]
        for i, peer in enumerate(crowd):
            assert peer.post(token).status == 201
            if i % 3 >= 1:
                assert peer.check() == 0
            if i % 3 == 2:
                assert peer.shake_hands() and peer.receive() is not None
        for peer in crowd:
            assert live.request("DELETE", peer.location).status == 200
        wait_until(lambda: not viewers(live), "all to have left")

    def descriptors():
        return len(os.listdir(f"/proc/{live.process.pid}/fd"))

    come_and_go()
    before = descriptors()
    for _ in range(3):
        come_and_go()
    wait_until(lambda: descriptors() <= before + 3, "descriptors to be closed")


@both_engines
def test_wrong_certificate(live, peers):
    peer = peers(live, announced=OTHER_IDENTITY[2])
    assert peer.post().status == 201
    assert peer.check() == 0
    try:
        media = peer.shake_hands() and peer.receive(wait_s=2)
    except SSL.Error:
        media = None
    assert not media
    wait_until(lambda: not viewers(live), "the impostor to be freed", 5)
    assert series(live, "airclass_whep_left_total", "dtls-failed") == 1


@both_engines
def test_several_certificates(live, peers):
    """RFC 8122 §5: any of those that are announced."""
    announced = [f"sha-1 {':'.join(['00'] * 20)}", OTHER_IDENTITY[2], IDENTITY[2]]
    peer = peers(live, announced="\r\na=fingerprint:".join(announced)).connect()
    assert [v["state"] for v in viewers(live)] == ["playing"]
    peer.close_dtls()


def test_new_address(live, peers):
    """Wi-Fi to 4G: a nomination from elsewhere takes the media along."""
    peer = peers(live).connect()
    moved = peer.new_socket()
    deadline = time.monotonic() + 10
    packet = None
    while packet is None and time.monotonic() < deadline:
        assert peer.check(sock=moved) == 0
        packet = peer.receive(sock=moved, wait_s=0.3)
    assert packet is not None
    address = f"{peer.LOCAL}:{moved.getsockname()[1]}"
    wait_until(lambda: [v["address"] for v in viewers(live)] == [address], "the new address in the list")
    # Feedback from there counts as well.
    before = series(live, "airclass_whep_feedback_total", "keyframe")
    ssrc = packet[8:12]
    peer.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, 7) + struct.pack(">BBHI", 0x81, 206, 2, 7) + ssrc, moved)
    wait_until(lambda: series(live, "airclass_whep_feedback_total", "keyframe") > before, "the PLI to be heard")
    moved.close()


def test_many_addresses(airclassd, publish, peers):
    """A phone with Wi-Fi, 4G, a VPN and IPv6 checks from each of them: feedback from the one that was nominated is heard all the same."""
    server = airclassd({"whep-egress": {"loops": "2"}})
    publish(server, zerolatency=True)
    for _ in range(3):
        peer = peers(server).connect()
        packet = peer.receive(wanted=lambda data: peer.is_rtp(data) and data[1] & 0x7F == 96)
        others = [peer.new_socket() for _ in range(9)]
        before = series(server, "airclass_whep_feedback_total", "keyframe")
        dropped = series(server, "airclass_whep_discarded_total", "unvalidated")
        for other in others:
            assert peer.check(nominate=False, sock=other) == 0
            peer.send_rtcp(struct.pack(">BBHI", 0x81, 206, 2, 7) + packet[8:12])
        wait_until(lambda: series(server, "airclass_whep_feedback_total", "keyframe") == before + len(others), "all to be heard")
        assert series(server, "airclass_whep_discarded_total", "unvalidated") == dropped
        assert server.request("DELETE", peer.location, token=server.token()).status == 200
        for other in others:
            other.close()


def loop_processors(server):
    """The processors of each of its loops."""
    found = []
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "whep-fanout":
            found.append(os.sched_getaffinity(int(task.name)))
    return found


def test_loops_stand_apart(airclassd):
    """Of as many loops as there are processors no two may share one; of more, and one that is alone, each may be anywhere."""
    everywhere = os.sched_getaffinity(0)
    for count in (1, min(len(everywhere), 8), 8):
        server = airclassd({"whep-egress": {"loops": str(count)}})
        wait_until(lambda: len(loop_processors(server)) == count, "all loops to run")
        if count <= len(everywhere):
            wait_until(lambda: sum(map(len, loop_processors(server))) == len(everywhere), "each loop to have its share")
            assert set().union(*loop_processors(server)) == everywhere
        else:
            assert all(each == everywhere for each in loop_processors(server))


def test_many_loops(airclassd, publish, peers):
    """Three threads with sockets of their own: viewers spread over them, and one that moves is found by the thread that has it."""
    server = airclassd({"whep-egress": {"loops": "3"}})
    publish(server, zerolatency=True)
    for peer in [peers(server) for _ in range(4)]:
        peer.connect()
        # The kernel gives some of the new addresses to other threads than the viewer's.
        for _ in range(3):
            moved = peer.new_socket()
            deadline = time.monotonic() + 10
            packet = None
            while packet is None and time.monotonic() < deadline:
                assert peer.check(sock=moved) == 0
                packet = peer.receive(sock=moved, wait_s=0.3)
            assert packet is not None
            before = series(server, "airclass_whep_feedback_total", "keyframe")
            peer.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, 7) + struct.pack(">BBHI", 0x81, 206, 2, 7) + packet[8:12], moved)
            wait_until(lambda: series(server, "airclass_whep_feedback_total", "keyframe") > before, "the PLI to be heard")
            peer.socket.close()
            peer.socket = moved
        assert server.request("DELETE", peer.location, token=server.token()).status in (200, 204)
    forwarded = [float(line.split()[1]) for line in server.get("/metrics").text.splitlines()
                 if line.startswith("airclass_whep_forwarded_total ")]
    assert forwarded and forwarded[0] > 0
    # A restart before the first check, and one by a viewer of whichever thread.
    waiting, watching = peers(server), peers(server).connect()
    assert waiting.post().status == 201
    for peer in (waiting, watching):
        peer.ufrag = peer.ufrag[::-1]
        fragment = f"a=ice-ufrag:{peer.ufrag}\r\na=ice-pwd:{peer.pwd}\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\n"
        answer = server.request("PATCH", peer.location, body=fragment, token=server.token(),
                                headers={"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"})
        assert answer.status == 200, answer.text
        lines = dict(line[2:].split(":", 1) for line in answer.text.splitlines() if line.startswith(("a=ice-ufrag:", "a=ice-pwd:")))
        peer.server_ufrag, peer.server_pwd = lines["ice-ufrag"], lines["ice-pwd"]
        assert peer.check() == 0
    assert waiting.shake_hands() and waiting.receive() is not None
    # Whoever is removed goes at once, on whichever thread it is; so does one whom no thread has yet.
    nobodys = peers(server)
    assert nobodys.post().status == 201
    for peer in (waiting, watching, nobodys):
        assert server.request("DELETE", peer.location, token=server.token()).status in (200, 204)
    wait_until(lambda: not viewers(server), "all viewers to be gone", 5)


def test_an_address_that_another_viewer_had(live, peers):
    """A NAT gave the port to somebody else: what arrives there is the newcomer's, and the other's media no longer goes there."""
    former, newcomer = peers(live).connect(), peers(live)
    own = newcomer.socket
    newcomer.socket = former.socket
    assert newcomer.post().status == 201
    assert newcomer.check() == 0
    newcomer.forget(former.socket)
    assert newcomer.shake_hands()
    newcomer.forget(former.socket)
    for _ in range(200):
        data = newcomer.wait_datagram(newcomer.is_rtp, newcomer.socket, time.monotonic() + 10)
        assert newcomer.inbound.unprotect(data)  # the former one's would not be authentic
    # The other one comes back from elsewhere.
    former.socket = own
    assert former.check() == 0
    assert former.receive() is not None
    newcomer.socket.close()


def test_an_address_that_another_viewer_has(airclassd, publish, peers):
    """One check with somebody's address as the sender's, which is easily forged, does not take the media of who is heard there."""
    server = airclassd({"whep-egress": {"loops": "1"}})
    publish(server, zerolatency=True)
    viewer, thief, unclaimed = peers(server).connect(), peers(server).connect(), peers(server)
    assert unclaimed.post().status == 201
    before = series(server, "airclass_whep_discarded_total", "held")
    for _ in range(6):
        assert viewer.check() == 0
        for claimant in (thief, unclaimed):
            claimant.check(sock=viewer.socket, answered=False)
        assert viewer.check() == 0
        viewer.forget(viewer.socket)
        assert viewer.receive() is not None  # decrypts what comes: another's would not be authentic
    wait_until(lambda: series(server, "airclass_whep_discarded_total", "held") == before + 12, "the claims to be counted")
    assert thief.receive() is not None
    address = "%s:%d" % viewer.socket.getsockname()
    assert [v["address"] for v in viewers(server)].count(address) == 1
    assert unclaimed.check() == 0 and unclaimed.shake_hands()


@both_engines
def test_lost_packets_come_again(live, peers):
    """NACK on the media's own SSRC: the very same bytes once more, since the nonce is the same (RFC 7714 §8.4)."""
    peer = peers(live).connect()

    def is_video(data):
        return peer.is_rtp(data) and data[1] & 0x7F == 96

    raw = peer.wait_datagram(is_video, peer.socket, time.monotonic() + 10)
    sequence, ssrc = raw[2:4], raw[8:12]
    peer.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, 7) + struct.pack(">BBHI", 0x81, 205, 3, 7) + ssrc + sequence + b"\0\0")
    again = peer.wait_datagram(lambda d: is_video(d) and d[2:4] == sequence and d[8:12] == ssrc, peer.socket, time.monotonic() + 10)
    assert again == raw


def ask_for_restart(server, peer, ufrag):
    fragment = f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{peer.pwd}\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\n"
    return server.request("PATCH", peer.location, body=fragment, token=server.token(),
                          headers={"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"})


def restart_ice(server, peer, ufrag):
    """Returns the server's new credentials."""
    answer = ask_for_restart(server, peer, ufrag)
    assert answer.status == 200, answer.text
    lines = dict(line[2:].split(":", 1) for line in answer.text.splitlines() if line.startswith(("a=ice-ufrag:", "a=ice-pwd:")))
    return lines["ice-ufrag"], lines["ice-pwd"]


@both_engines
def test_ice_restart_from_elsewhere(live, peers):
    """A new address and new credentials, the same DTLS: twice, for one restart is not the last."""
    peer = peers(live).connect()
    for ufrag in ("elsewhere1", "elsewhere2"):
        peer.server_ufrag, peer.server_pwd = restart_ice(live, peer, ufrag)
        peer.ufrag = ufrag
        before, peer.socket = peer.socket, peer.new_socket()
        before.close()
        deadline = time.monotonic() + 10
        packet = None
        while packet is None and time.monotonic() < deadline:
            assert peer.check() == 0
            packet = peer.receive(wait_s=0.3)
        assert packet is not None
        address = f"{peer.LOCAL}:{peer.socket.getsockname()[1]}"
        wait_until(lambda: [v["address"] for v in viewers(live)] == [address], "the new address in the list")


def test_ice_restart(live, peers):
    """A restart that nobody follows keeps the session; one that is followed moves it."""
    peer = peers(live).connect()
    old = peer.server_ufrag, peer.server_pwd
    restart_ice(live, peer, "unused12")
    assert peer.check(ufrag=old[0], pwd=old[1]) == 0
    new = restart_ice(live, peer, peer.ufrag)
    assert new != old
    assert peer.check(ufrag=old[0], pwd=old[1]) == 0
    assert peer.check(ufrag=new[0], pwd=new[1]) == 0
    assert peer.check(ufrag=old[0], pwd=old[1], wait_s=1.2) is None
    peer.plain.clear()
    assert peer.receive() is not None


# The plugin's libraries are its own: those behind this one are not asked for the function.
FAILS_ONCE = """
#include <dlfcn.h>
int
nice_agent_restart_stream (void *agent, unsigned stream)
{
  static int calls;
  void *nice = dlopen ("libnice.so.10", RTLD_LAZY | RTLD_NOLOAD);
  int (*real) (void *, unsigned) = (int (*) (void *, unsigned)) dlsym (nice, "nice_agent_restart_stream");
  return calls++ > 0 && real (agent, stream);
}
"""


@pytest.mark.parametrize("engine", ["webrtcbin"], indirect=True)
def test_ice_restart_that_fails(airclassd, publish, peers, tmp_path):
    """RFC 9725 §4.3.3: it does not end the session, which goes on as it was; the next may succeed."""
    (tmp_path / "fails.c").write_text(FAILS_ONCE)
    library = tmp_path / "fails.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", library, tmp_path / "fails.c"], check=True, timeout=60)
    server = airclassd(environment={"LD_PRELOAD": str(library),
                                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
    publish(server, zerolatency=True)
    peer = peers(server).connect()
    before = server.get(peer.location).headers["ETag"]
    answer = ask_for_restart(server, peer, "elsewhere1")
    assert answer.status == 500 and answer.json["type"] == "/problems/internal-error"
    assert server.get(peer.location).headers["ETag"] == before
    peer.forget(peer.socket)
    assert peer.check() == 0 and peer.receive() is not None
    assert server.request("PATCH", peer.location, body="a=end-of-candidates\r\n",
                          headers={"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": before}).status == 204
    peer.server_ufrag, peer.server_pwd = restart_ice(server, peer, "elsewhere2")
    peer.ufrag = "elsewhere2"
    assert server.get(peer.location).headers["ETag"] != before
    assert peer.check() == 0
    peer.forget(peer.socket)
    assert peer.receive() is not None
    assert server.request("DELETE", peer.location).status == 200
    assert ask_for_restart(server, peer, "elsewhere3").status == 404


@both_engines
def test_the_tokens_end_is_the_viewers_end_unless_refreshed(airclassd, publish, peers):
    server = airclassd({"auth": {"token_lifetime": "10s"}})
    publish(server, zerolatency=True)
    kept, left = server.token(user_id="kept"), server.token(user_id="left")
    watchers = [Watcher(peers(server).connect(token)) for token in (kept, left)]
    for watcher in watchers:
        watcher.start()
    middle = time.time() + 5
    wait_until(lambda: time.time() > middle, "half of the tokens' time")
    assert server.post("/api/token/refresh", token=kept).status == 200
    wait_until(lambda: series(server, "airclass_whep_left_total", "expired") == 1, "the first token's end")
    assert len(viewers(server)) == 1
    received = watchers[0].received
    wait_until(lambda: watchers[0].received > received + 30, "media to go on for the other")
    for watcher in watchers:
        watcher.stop()
