"""ICE-TCP: the same port by TCP, for networks without UDP (RFC 6544)."""

import re
import socket
import struct
import time

import pytest

from conftest import wait_until
from test_whep_transport import Watcher, live, peers, series, viewers  # noqa: F401
from whep_client import Peer, TcpPath

VIDEO = 96


def candidates(sdp):
    """[(transport, priority, address, port)] in the order of the answer."""
    found = re.findall(r"^a=candidate:(\S+) 1 (\S+) (\d+) (\S+) (\d+) typ host( tcptype passive)?\r?$", sdp, re.M)
    section = found[: len(found) // 2]  # both sections list the same
    assert len({foundation for foundation, *_ in section}) == len(section)
    assert all((kind == "tcp") == bool(passive) for _, kind, _, _, _, passive in section)
    return [(kind, int(priority), address, int(port)) for _, kind, priority, address, port, _ in section]


def is_video(data):
    return Peer.is_rtp(data) and data[1] & 0x7F == VIDEO


def begins_picture(packet):
    """Whether a decrypted packet holds parameter sets or the begin of an IDR picture (RFC 6184 §5.4)."""
    at = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        at += 4 + 4 * struct.unpack(">H", packet[at + 2:at + 4])[0]
    kind = packet[at] & 31
    if kind == 24:  # STAP-A
        kind = packet[at + 3] & 31
    return kind in (5, 7) or (kind == 28 and packet[at + 1] & 31 == 5)


def is_closed(path):
    """Reads what is still there."""
    try:
        while path.recv(0):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_answer_lists_tcp_below_udp(live, peers):
    peer = peers(live, tcp=True)
    assert peer.post().status == 201
    listed = candidates(peer.answer)
    by_udp, by_tcp = ([c for c in listed if c[0] == kind] for kind in ("udp", "tcp"))
    assert listed == by_udp + by_tcp
    assert [c[2:] for c in by_udp] == [c[2:] for c in by_tcp]
    priorities = [c[1] for c in listed]
    assert priorities == sorted(priorities, reverse=True)


def test_tcp_can_be_turned_off(airclassd, publish):
    server = airclassd({"whep-egress": {"tcp": "false"}})
    publish(server, zerolatency=True)
    peer = Peer(server)
    assert peer.post().status == 201
    assert "tcptype" not in peer.answer
    with pytest.raises(ConnectionRefusedError):
        TcpPath(peer.target)
    peer.close()


@pytest.mark.parametrize("loops", [1, 4])
def test_media_and_reports_flow(airclassd, publish, peers, loops):
    server = airclassd({"whep-egress": {"loops": loops}})
    publish(server, zerolatency=True)
    for _ in range(4):  # on whichever loop the kernel puts them
        peer = peers(server, tcp=True).connect()
        kinds = set()
        while kinds != {VIDEO, 111}:
            packet = peer.receive()
            assert packet is not None, f"only {kinds} came"
            kinds.add(packet[1] & 0x7F)
        report = peer.receive(wanted=peer.is_rtcp)
        assert report is not None and report[1] == 200
    listed = wait_until(lambda: (v := viewers(server)) and all(one["profile"] for one in v) and v, "the viewers in the list")
    assert [v["transport"] for v in listed] == ["tcp"] * 4
    wait_until(lambda: series(server, "airclass_whep_tcp_connections_total", "accepted") == 4, "four connections to be counted")


def test_lost_packets_come_again(live, peers):
    peer = peers(live, tcp=True).connect()
    raw = peer.wait_datagram(is_video, peer.socket, time.monotonic() + 10)
    sequence, ssrc = raw[2:4], raw[8:12]
    peer.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, 7) + struct.pack(">BBHI", 0x81, 205, 3, 7) + ssrc + sequence + b"\0\0")
    again = peer.wait_datagram(lambda d: is_video(d) and d[2:4] == sequence and d[8:12] == ssrc, peer.socket, time.monotonic() + 10)
    assert again == raw


def test_leaving_closes_the_connection(live, peers):
    by_http, by_dtls = peers(live, tcp=True).connect(), peers(live, tcp=True).connect()
    assert live.request("DELETE", by_http.location, token=live.token()).status == 200
    assert is_closed(by_http.socket)
    by_dtls.close_dtls()
    assert is_closed(by_dtls.socket)
    wait_until(lambda: not viewers(live), "both to be gone")


def test_strangers_are_cut(airclassd, publish, peers):
    live = airclassd({"whep-egress": {"loops": 1}})
    publish(live, zerolatency=True)
    honest = peers(live, tcp=True).connect()
    watcher = Watcher(honest)
    watcher.start()
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\x00\x0c\x80\xe0" + bytes(10), b"\xff\xff"):
        stranger = socket.create_connection(honest.target, timeout=10)
        stranger.sendall(garbage)
        try:
            assert stranger.recv(100) == b""
        except ConnectionResetError:
            pass
        stranger.close()
    wait_until(lambda: series(live, "airclass_whep_tcp_connections_total", "cut") == 4, "four to be counted")

    # One that knows a viewer's name, but not its password: answered, and nobody's; its DTLS ends it.
    impostor = peers(live, tcp=True)
    assert impostor.post().status == 201
    assert impostor.check(pwd="x" * 24) == 401
    impostor.say_hello()
    assert is_closed(impostor.socket)
    # Further silent ones cost a descriptor, for ten seconds.
    idle = [socket.create_connection(honest.target, timeout=10) for _ in range(300)]
    wait_until(lambda: series(live, "airclass_whep_tcp_connections_total", "refused") >= 44, "the oldest to give way")
    watcher.stop()
    assert watcher.received > 0 and watcher.missing == 0
    for one in idle:
        one.close()


def test_from_udp_to_tcp_and_back(live, peers):
    peer = peers(live).connect()
    by_tcp = TcpPath(peer.tcp_target())
    for path, transport in ((by_tcp, "tcp"), (peer.socket, "udp")):
        peer.forget(peer.socket)
        packet, deadline = None, time.monotonic() + 10
        while packet is None and time.monotonic() < deadline:
            assert peer.check(sock=path) == 0
            packet = peer.receive(sock=path, wait_s=0.3)
        assert packet is not None
        wait_until(lambda: [v["transport"] for v in viewers(live)] == [transport], "the new way in the list")
    by_tcp.close()


@pytest.mark.parametrize("loops", [1, 4])
def test_a_lost_connection_is_followed_by_another(airclassd, publish, peers, loops):
    """The address changed: the session goes on over a new connection, wherever that is accepted."""
    server = airclassd({"whep-egress": {"loops": loops}})
    publish(server, zerolatency=True)
    peer = peers(server, tcp=True).connect()
    for _ in range(4):
        peer.socket.close()
        peer.plain.clear()
        peer.socket = TcpPath(peer.target)
        assert peer.check() == 0
        assert peer.receive() is not None
    assert len(viewers(server)) == 1


def test_a_reader_that_stops_recovers_at_a_keyframe(live, peers):
    """What it does not take is not queued; when it reads again it gets the present, without a gap in the numbers."""
    neighbour = Watcher(peers(live, tcp=True).connect())
    neighbour.start()
    peer = peers(live, tcp=True)
    assert peer.post().status == 201
    peer.socket.close()
    peer.socket = TcpPath(peer.target, receive_buffer=4096)
    assert peer.check() == 0 and peer.shake_hands()
    assert peer.receive(wanted=is_video) is not None

    def sent():
        return sum(v["packets"] for v in viewers(live) if v["address"] == f"127.0.0.1:{peer.socket.getsockname()[1]}")

    seen = {"packets": -1, "since": 0.0}

    def stands():
        now = sent()
        if now != seen["packets"]:
            seen.update(packets=now, since=time.monotonic())
        peer.check(answered=False)
        return time.monotonic() - seen["since"] > 2.5

    wait_until(stands, "nothing more to be sent to it", 40)
    expected, timestamps, end = None, [], time.monotonic() + 30
    while time.monotonic() < end:
        data = peer.wait_datagram(is_video, peer.socket, time.monotonic() + 10)
        assert data is not None
        peer.plain.clear()
        sequence, timestamp = struct.unpack(">HI", data[2:8])
        assert expected in (None, sequence), "no gap"
        expected = (sequence + 1) & 0xFFFF
        if timestamps and (timestamp - timestamps[-1]) & 0xFFFFFFFF > 90000:
            assert begins_picture(peer.inbound.unprotect(data))
            break
        timestamps.append(timestamp)
    else:
        pytest.fail("it was never brought to the present")
    neighbour.stop()
    assert neighbour.received > 0 and neighbour.missing == 0
