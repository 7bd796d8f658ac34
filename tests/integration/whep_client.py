"""A WHEP client whose every step can be left out or done wrong: offer, ICE checks, DTLS, SRTP, RTCP.

One UDP socket a peer, one peer a thread. Nothing sleeps: each wait ends with the datagram it waits for or at its deadline.
"""

import binascii
import hashlib
import hmac
import os
import re
import select
import socket
import struct
import time

from OpenSSL import SSL, crypto
from pylibsrtp import Policy, Session

MAGIC = 0x2112A442
PROFILES = {
    "SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    "SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
# GStreamer 1.22's webrtcbin knows no GCM.
PROFILE = "SRTP_AES128_CM_SHA1_80" if os.environ.get("AIRCLASS_TEST_ENGINE") == "webrtcbin" else "SRTP_AEAD_AES_128_GCM"
STEP_S = 10.0


def own_loopback_address():
    """One that no other process uses: a server, of another test or of something else that runs here, goes on for a while to send to
    who vanished, and the system gives that port to the next that asks for any on the same address."""
    pid = os.getpid()
    return f"127.{64 | pid >> 16 & 63}.{pid >> 8 & 255}.{pid & 255}"


def make_certificate():
    """(key, certificate, "sha-256 AA:BB…")"""
    key = crypto.PKey()
    key.generate_key(crypto.TYPE_RSA, 2048)
    certificate = crypto.X509()
    certificate.get_subject().CN = "peer"
    certificate.set_serial_number(1)
    certificate.gmtime_adj_notBefore(-3600)
    certificate.gmtime_adj_notAfter(86400)
    certificate.set_issuer(certificate.get_subject())
    certificate.set_pubkey(key)
    certificate.sign(key, "sha256")
    return key, certificate, "sha-256 " + certificate.digest("sha256").decode()


IDENTITY = make_certificate()
OTHER_IDENTITY = make_certificate()


def build_stun(message_type, transaction, attributes, password=None):
    body = b"".join(struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)

    def header(extra):
        return struct.pack(">HHI", message_type, len(body) + extra, MAGIC) + transaction

    if password is not None:
        digest = hmac.new(password.encode(), header(24) + body, hashlib.sha1).digest()
        body += struct.pack(">HH", 8, 20) + digest
    checksum = binascii.crc32(header(8) + body) ^ 0x5354554E
    return header(8) + body + struct.pack(">HHI", 0x8028, 4, checksum)


def parse_stun(data):
    """(message type, transaction, {attribute: value})"""
    message_type, length, magic = struct.unpack(">HHI", data[:8])
    assert magic == MAGIC and length == len(data) - 20
    attributes, at = {}, 20
    while at < len(data):
        kind, size = struct.unpack(">HH", data[at:at + 4])
        attributes[kind] = data[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return message_type, data[8:20], attributes


class TcpPath:
    """A TCP connection in place of a UDP socket (RFC 6544): one frame (RFC 4571) a datagram."""

    def __init__(self, target, receive_buffer=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(STEP_S)
        self.socket.connect(target)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self):
        return self.socket.fileno()

    def getsockname(self):
        return self.socket.getsockname()

    def sendto(self, data, _target):
        self.socket.sendall(struct.pack(">H", len(data)) + data)

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("the server closed the connection")
            data += more
        return data

    def recv(self, _size):
        return self.read(struct.unpack(">H", self.read(2))[0])

    def recvfrom(self, size):
        return self.recv(size), self.socket.getpeername()

    def close(self):
        self.socket.close()


class Peer:
    """What a browser does, step by step: post(), check(), shake_hands(), then receive()."""

    LOCAL, SERVER = own_loopback_address(), "127."  # its own address; what the server's begins with

    def __init__(self, server, path="live/stream", profile=PROFILE, identity=IDENTITY, announced=None, setup="actpass",
                 tcp=False):
        self.server, self.path, self.profile, self.identity = server, path, profile, identity
        self.fingerprint, self.setup = announced or identity[2], setup
        self.ufrag, self.pwd = os.urandom(4).hex(), os.urandom(16).hex()
        self.tcp = tcp
        self.socket = None if tcp else self.new_socket()
        self.ssl = None
        self.location = None
        self.plain = []  # datagrams that a step did not want, with the socket they came to

    def new_socket(self):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.bind((self.LOCAL, 0))
        made.setblocking(False)
        return made

    def offer(self):
        session = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=msid-semantic: WMS"]
        common = [
            "c=IN IP4 0.0.0.0", "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize", f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.pwd}",
            "a=ice-options:trickle", f"a=fingerprint:{self.fingerprint}", f"a=setup:{self.setup}",
        ]
        video = ["m=video 9 UDP/TLS/RTP/SAVPF 96", *common, "a=mid:0", "a=rtpmap:96 H264/90000",
                 "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
                 "a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 ccm fir"]
        audio = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", *common, "a=mid:1", "a=rtpmap:111 opus/48000/2"]
        return "\r\n".join(session + video + audio) + "\r\n"

    def post(self, token=None):
        """Sends the offer; returns the HTTP answer, and reads it when it is 201."""
        answer = self.server.post(f"/{self.path}/whep", body=self.offer(), headers={"Content-Type": "application/sdp"},
                                  token=token or self.server.token())
        if answer.status == 201:
            self.location = answer.headers["Location"]
            self.read_answer(answer.text)
        return answer

    def read_answer(self, sdp):
        def attribute(name):
            return re.search(rf"^a={name}:(.*?)\r?$", sdp, re.M).group(1)

        self.answer = sdp
        self.server_ufrag, self.server_pwd = attribute("ice-ufrag"), attribute("ice-pwd")
        candidates = re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp, re.M | re.I)
        local = [(ip, int(port)) for ip, port in candidates if ip.startswith(self.SERVER)]
        self.target = (local or [(ip, int(port)) for ip, port in candidates if ":" not in ip])[0]
        if self.tcp and not self.socket:
            self.socket = TcpPath(self.tcp_target())

    def tcp_target(self):
        """The address and port of the UDP candidate, where the answer has it for TCP as well."""
        found = re.findall(r"^a=candidate:\S+ 1 tcp \d+ (\S+) (\d+) typ host tcptype passive", self.answer, re.M | re.I)
        assert (self.target[0], str(self.target[1])) in found, self.answer
        return self.target

    # ---- ICE

    def wait_datagram(self, wanted, sock, deadline, resend=None):
        """The first datagram for which wanted() holds; others are kept. resend() is called each 0.5 s. None at the deadline."""
        next_resend = time.monotonic() + 0.5
        while (now := time.monotonic()) < deadline:
            if resend and now >= next_resend:
                resend()
                next_resend = now + 0.5
            ready, _, _ = select.select([sock], [], [], max(0, min(deadline, next_resend if resend else deadline) - now))
            if not ready:
                continue
            data, source = sock.recvfrom(4096)
            if self.is_check(data):
                self.answer_check(sock, data, source)
                continue
            if wanted(data):
                return data
            self.plain.append((sock, data))
        return None

    @staticmethod
    def is_check(data):
        """A server with full ICE makes checks of its own."""
        return len(data) >= 20 and data[:2] == b"\0\x01" and data[4:8] == struct.pack(">I", MAGIC)

    def answer_check(self, sock, data, source):
        address = struct.unpack(">I", socket.inet_aton(source[0]))[0]
        mapped = struct.pack(">BBHI", 0, 1, source[1] ^ (MAGIC >> 16), address ^ MAGIC)
        sock.sendto(build_stun(0x0101, data[8:20], [(0x0020, mapped)], self.pwd), source)

    def check(self, nominate=True, sock=None, ufrag=None, pwd=None, controlled=False, wait_s=STEP_S, answered=True):
        """One ICE check. Returns 0 for a success response, its code for an error response, None when nothing came."""
        sock = sock or self.socket
        transaction = os.urandom(12)
        attributes = [
            (0x0006, f"{ufrag or self.server_ufrag}:{self.ufrag}".encode()),
            (0x0024, struct.pack(">I", 1845501695)),
            (0x8029 if controlled else 0x802A, os.urandom(8)),
        ]
        if nominate:
            attributes.append((0x0025, b""))
        request = build_stun(0x0001, transaction, attributes, pwd or self.server_pwd)
        sock.sendto(request, self.target)
        if not answered:
            return None
        data = self.wait_datagram(lambda d: d[0] < 4 and d[8:20] == transaction, sock, time.monotonic() + wait_s,
                                  lambda: sock.sendto(request, self.target))
        if data is None:
            return None
        message_type, _, attributes = parse_stun(data)
        if message_type == 0x0111:
            return attributes[9][2] * 100 + attributes[9][3]
        assert message_type == 0x0101
        family, port = attributes[0x20][1], struct.unpack(">H", attributes[0x20][2:4])[0] ^ (MAGIC >> 16)
        assert (family, port) == (1, sock.getsockname()[1])
        return 0

    # ---- DTLS

    def start_dtls(self):
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_privatekey(self.identity[0])
        context.use_certificate(self.identity[1])
        context.set_tlsext_use_srtp(self.profile.encode())
        self.ssl = SSL.Connection(context)
        self.ssl.set_ciphertext_mtu(1200)
        if self.setup == "passive":
            self.ssl.set_accept_state()
        else:
            self.ssl.set_connect_state()

    def flush_dtls(self):
        while True:
            try:
                self.socket.sendto(self.ssl.bio_read(1500), self.target)
            except SSL.WantReadError:
                return

    def say_hello(self):
        """Sends ClientHello and leaves it at that."""
        self.start_dtls()
        try:
            self.ssl.do_handshake()
        except SSL.WantReadError:
            self.flush_dtls()

    def shake_hands(self, wait_s=STEP_S):
        """Returns True when the handshake is done and the server's certificate is the announced one; raises SSL.Error on an alert."""
        arrived = [data for _, data in self.plain if 20 <= data[0] <= 63]
        self.plain = []
        deadline = time.monotonic() + wait_s
        self.start_dtls()
        while True:
            try:
                self.ssl.do_handshake()
                break
            except SSL.WantReadError:
                self.flush_dtls()
            data = arrived.pop(0) if arrived else self.wait_datagram(lambda d: 20 <= d[0] <= 63, self.socket, deadline)
            if data is None:
                return False
            self.ssl.bio_write(data)
        self.flush_dtls()
        announced = re.search(r"^a=fingerprint:sha-256 (\S+)", self.answer, re.M).group(1)
        assert self.ssl.get_peer_certificate().digest("sha256").decode() == announced
        self.take_keys()
        return True

    def take_keys(self):
        profile, key, salt = PROFILES[self.profile]
        material = self.ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client, server = material[:key], material[key:2 * key]
        client += material[2 * key:2 * key + salt]
        server += material[2 * key + salt:]
        if self.setup == "passive":
            client, server = server, client
        self.inbound = Session(Policy(key=server, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.outbound = Session(Policy(key=client, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))

    def close_dtls(self):
        try:
            self.ssl.shutdown()
        except SSL.Error:
            pass
        self.flush_dtls()

    def wait_closed(self, wait_s=STEP_S):
        """Returns whether the server's close_notify came in time."""
        deadline = time.monotonic() + wait_s
        arrived = [data for _, data in self.plain if 20 <= data[0] <= 63]
        while True:
            data = arrived.pop(0) if arrived else self.wait_datagram(lambda d: 20 <= d[0] <= 63, self.socket, deadline)
            if data is None:
                return False
            self.ssl.bio_write(data)
            try:
                self.ssl.recv(1)
            except SSL.ZeroReturnError:
                return True
            except SSL.WantReadError:
                pass

    # ---- Media

    @staticmethod
    def is_rtp(data):
        return len(data) >= 12 and 128 <= data[0] <= 191 and not 192 <= data[1] <= 223

    @staticmethod
    def is_rtcp(data):
        return len(data) >= 8 and 128 <= data[0] <= 191 and 192 <= data[1] <= 223

    def forget(self, sock):
        """What came to a UDP socket and was not looked at."""
        self.plain.clear()
        try:
            while True:
                sock.recv(4096)
        except BlockingIOError:
            pass

    def receive(self, sock=None, wait_s=STEP_S, wanted=None):
        """The next RTP packet (decrypted), or None at the deadline."""
        sock = sock or self.socket
        wanted = wanted or self.is_rtp
        for i, (came_to, data) in enumerate(self.plain):
            if came_to is sock and wanted(data):
                del self.plain[i]
                break
        else:
            data = self.wait_datagram(wanted, sock, time.monotonic() + wait_s)
        if data is None:
            return None
        return self.inbound.unprotect_rtcp(data) if self.is_rtcp(data) else self.inbound.unprotect(data)

    def send_rtcp(self, packet, sock=None):
        (sock or self.socket).sendto(self.outbound.protect_rtcp(packet), self.target)

    def connect(self, token=None):
        """All of it; returns self when the first packet of media came."""
        answer = self.post(token)
        assert answer.status == 201, answer.text
        assert self.check() == 0
        assert self.shake_hands()
        assert self.receive() is not None, "no media after the handshake"
        return self

    def close(self):
        if self.socket:
            self.socket.close()
