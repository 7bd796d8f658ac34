"""Debian's coturn as a process of the test's own: an address of this machine, free ports, nothing of the system's configuration."""

import re
import shutil
import socket

import pytest

from conftest import free_port, wait_until

USER, SECRET, SHARED = "viewer", "s3cret:with@signs", "shared between two servers"


def own_address():
    """One that is not loopback, where there is one: libnice asks no server on loopback from elsewhere, and gathers nothing there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


class TurnServer:
    """shared: credentials are made of SHARED, with a time (use-auth-secret), else USER and SECRET are good."""

    def __init__(self, run, folder, shared=False, address="127.0.0.1"):
        if not shutil.which("turnserver"):
            pytest.skip("coturn is not installed")
        self.address, self.port = address, free_port(address, socket.SOCK_DGRAM)
        config = folder / "turnserver.conf"
        config.write_text("\n".join([
            f"listening-port={self.port}", f"listening-ip={address}", f"relay-ip={address}", "realm=airclass.test", "fingerprint",
            *(["use-auth-secret", f"static-auth-secret={SHARED}"] if shared else ["lt-cred-mech", f"user={USER}:{SECRET}"]),
            "no-tls", "no-dtls", "no-cli", "allow-loopback-peers", "cli-password=unused", "verbose", "log-file=stdout",
            f"userdb={folder / 'turndb'}", f"pidfile={folder / 'turnserver.pid'}"]) + "\n")
        self.process = run(["turnserver", "-c", config])
        wait_until(self.answers, f"coturn to answer; its log: {self.process.log_path}")

    def answers(self):
        """A STUN binding request, which needs no credentials."""
        assert self.process.poll() is None, self.log
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.sendto(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), (self.address, self.port))
            try:
                return probe.recv(2048)[:2] == b"\1\1"
            except (TimeoutError, ConnectionRefusedError):
                return False

    @property
    def log(self):
        return self.process.log_path.read_text(errors="replace")

    def count(self, pattern):
        return len(re.findall(pattern, self.log))
