"""The bad network itself: a test of bad networks that does not lose what it says would prove nothing."""

import socket
import time

from conftest import wait_until
from network import CLIENT_ADDRESS, SERVER_ADDRESS, link  # noqa: F401

COUNT = 2000


def sockets(link):
    with link.at_server():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.bind((SERVER_ADDRESS, 0))
    with link.at_client():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        client.bind((CLIENT_ADDRESS, 0))
    return server, client


def send_numbered(link, server, client, count=COUNT, size=1000):
    """Returns the numbers in the order of their arrival."""
    before = link.counts()["down"]
    for number in range(count):
        server.sendto(number.to_bytes(4, "big") + bytes(size - 4), client.getsockname())

    def settled():
        now = {name: value - before[name] for name, value in link.counts()["down"].items()}
        return now["packets"] == count and now["delivered"] + now["lost"] + now["overflowed"] + now["blocked"] == count

    wait_until(settled, "all packets to be accounted for")
    client.setblocking(False)
    arrived = []
    try:
        while True:
            arrived.append(int.from_bytes(client.recv(2000)[:4], "big"))
    except BlockingIOError:
        return arrived


def test_a_good_line_changes_nothing(link):
    server, client = sockets(link)
    assert send_numbered(link, server, client) == list(range(COUNT))
    client.sendto(b"back", server.getsockname())
    server.settimeout(10)
    assert server.recvfrom(100) == (b"back", client.getsockname())


def test_loss_by_chance_and_in_bursts(link):
    server, client = sockets(link)
    runs = {}
    for burst in (1, 5):
        link.change("down", loss=10, burst=burst)
        arrived = send_numbered(link, server, client)
        assert arrived == sorted(arrived)
        lost = set(range(COUNT)) - set(arrived)
        assert 0.05 < len(lost) / COUNT < 0.17
        runs[burst] = len(lost) / sum(1 for number in lost if number - 1 not in lost)
    assert runs[1] < 1.5 and runs[5] > 3
    assert send_back(server, client)  # the other direction is good


def send_back(server, client):
    client.sendto(b"back", server.getsockname())
    server.settimeout(10)
    return server.recv(100) == b"back"


def test_jitter_keeps_the_order_or_not(link):
    server, client = sockets(link)
    link.change("down", delay_ms=20, jitter_ms=50)
    assert send_numbered(link, server, client) == list(range(COUNT))
    link.change("down", reorder=1)
    arrived = send_numbered(link, server, client)
    assert sorted(arrived) == list(range(COUNT)) and arrived != sorted(arrived)


def test_delay_is_there(link):
    server, client = sockets(link)
    link.change("both", delay_ms=100)
    client.settimeout(10)
    start = time.monotonic()
    server.sendto(b"x", client.getsockname())
    client.recv(10)
    assert time.monotonic() - start >= 0.1  # never less; how much more is the machine's business


def test_a_full_line_drops(link):
    server, client = sockets(link)
    link.change("down", rate_kbps=10000, queue_ms=50)
    arrived = send_numbered(link, server, client)
    counts = link.counts()["down"]
    assert counts["overflowed"] > 0 and len(arrived) == COUNT - counts["overflowed"]


def test_a_line_that_stands_for_a_while(link):
    server, client = sockets(link)
    link.change("down", rate_kbps=20000, queue_ms=10000, stall_ms=1500)
    start = time.monotonic()
    assert send_numbered(link, server, client) == list(range(COUNT))
    assert time.monotonic() - start >= 1.5 and link.counts()["down"]["overflowed"] == 0
    start = time.monotonic()
    assert len(send_numbered(link, server, client, 100)) == 100
    assert time.monotonic() - start < 1.5, "it stood twice"


def test_blocks(link):
    server, client = sockets(link)
    link.change("down", block="udp")
    assert send_numbered(link, server, client, 10) == []
    link.change("down", block="tcp")
    assert len(send_numbered(link, server, client, 10)) == 10
    link.change("down", block="none", port=server.getsockname()[1])
    assert send_numbered(link, server, client, 10) == []
    link.heal()
    assert len(send_numbered(link, server, client, 10)) == 10


def test_the_client_moves(link):
    server, client = sockets(link)
    client.sendto(b"here", server.getsockname())
    server.settimeout(10)
    assert server.recvfrom(100)[1][0] == CLIENT_ADDRESS
    link.move_client("10.77.0.9")
    with link.at_client():
        moved = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    moved.sendto(b"there", server.getsockname())
    assert server.recvfrom(100) == (b"there", ("10.77.0.9", moved.getsockname()[1]))


def test_nothing_is_left_behind(link):
    with link.at_client():
        names = [name for _, name in socket.if_nameindex()]
    assert names == ["lo", "link0"]
    assert "link0" not in [name for _, name in socket.if_nameindex()]
