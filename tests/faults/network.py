"""The server behind a bad network: lossy-link's two namespaces, as a fixture.

    def test_it(link, airclassd, publish):
        link.change("down", loss=5)
        with link.at_server():
            server = airclassd(link.server_options())
            publish(server)
        with link.at_client():
            run_the_browser(link.url_of(server))

A thread that is `at_server()` or `at_client()` is inside that namespace, with all that it starts there: processes and sockets
stay where they were made. Without root or /dev/net/tun the tests are skipped, with the reason.
"""

import contextlib
import ctypes
import json
import os
import subprocess
import threading

import pytest

from conftest import BUILD

SERVER_ADDRESS = "10.77.0.1"
CLIENT_ADDRESS = "10.77.0.2"
CLONE_NEWNET = 0x40000000
CANNOT = 77

libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace):
    """The calling thread, in the network namespace of that path."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(os.open(namespace, os.O_RDONLY))
        yield
    finally:
        enter(home)


def enter(descriptor):
    """Takes the descriptor."""
    failed = libc.setns(descriptor, CLONE_NEWNET)
    code = ctypes.get_errno()
    os.close(descriptor)
    if failed:
        raise OSError(code, f"setns: {os.strerror(code)}")


class Link:
    """A running lossy-link."""

    def __init__(self, seed=1):
        program = BUILD / "tests" / "faults" / "lossy-link"
        self.lock = threading.Lock()
        self.process = subprocess.Popen([program, f"--seed={seed}", SERVER_ADDRESS, CLIENT_ADDRESS], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if not words:
            _, why = self.process.communicate()
            if self.process.returncode == CANNOT:
                pytest.skip(f"no network namespaces or TUN devices here: {why.strip()}")
            pytest.fail(f"lossy-link ended with {self.process.returncode}: {why}", pytrace=False)
        _, self.server_namespace, self.client_namespace = words

    def say(self, line):
        with self.lock:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
        assert not answer.startswith("error") and answer, f"{line}: {answer}"
        return answer

    def change(self, direction, **rules):
        """direction: down (to the client), up, both; the rules are those of link-lane.h."""
        if rules:
            self.say(" ".join([direction, *(f"{key}={value}" for key, value in rules.items())]))

    def heal(self):
        self.change("both", loss=0, burst=1, delay_ms=0, jitter_ms=0, rate_kbps=0, queue_ms=200, reorder=0, block="none", port=0)

    def move_client(self, address):
        self.say(f"address {address}")

    def counts(self):
        return json.loads(self.say("counts"))

    def at_server(self):
        return inside(self.server_namespace)

    def at_client(self):
        return inside(self.client_namespace)

    @staticmethod
    def server_options(more=None):
        """Listening on both the namespace's loopback and the link."""
        options = {"http": {"listen": "0.0.0.0:0"}, "whep-egress": {"udp_listen": "0.0.0.0:0"}}
        for section, values in (more or {}).items():
            options.setdefault(section, {}).update(values)
        return options

    @staticmethod
    def url_of(server):
        """As the client's side reaches it."""
        return f"http://{SERVER_ADDRESS}:{server.endpoint('http')[1]}"

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(10)
        why = self.process.stderr.read()
        assert code == 0 and not why, f"lossy-link ended with {code}: {why}"


@pytest.fixture
def link():
    made = Link()
    yield made
    made.close()
