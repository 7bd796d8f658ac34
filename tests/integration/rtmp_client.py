"""A scripted RTMP client in plain Python: it speaks as real publishers do, or as badly as a test wants.

Nothing here checks what the server does; tests do. Times are milliseconds. Every read has a deadline.
"""

import os
import socket
import ssl
import struct
import subprocess
import time

SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_ACK_SIZE, SET_PEER_BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, DATA_AMF3, COMMAND_AMF3, DATA, COMMAND, AGGREGATE = 8, 9, 15, 17, 18, 20, 22
STREAM_BEGIN, STREAM_EOF, PING_REQUEST, PING_RESPONSE = 0, 1, 6, 7
EXTENDED = 0xFFFFFF


class Undefined:
    """AMF's undefined; None is null."""

    def __repr__(self):
        return "undefined"


class EcmaArray(dict):
    """Written as an ECMA array instead of an object."""


UNDEFINED = Undefined()


def amf0(value):
    if value is None:
        return b"\x05"
    if value is UNDEFINED:
        return b"\x06"
    if isinstance(value, bool):
        return b"\x01" + bytes([value])
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\x02" + struct.pack(">H", len(data)) + data if len(data) < 65536 else b"\x0c" + struct.pack(">I", len(data)) + data
    if isinstance(value, (list, tuple)):
        return b"\x0a" + struct.pack(">I", len(value)) + b"".join(map(amf0, value))
    head = b"\x08" + struct.pack(">I", len(value)) if isinstance(value, EcmaArray) else b"\x03"
    return head + b"".join(amf0(name)[1:] + amf0(item) for name, item in value.items()) + b"\x00\x00\x09"


def amf0_read(data, at=0):
    """Returns (value, position after it)."""
    marker, at = data[at], at + 1
    if marker == 0:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if marker == 1:
        return bool(data[at]), at + 1
    if marker == 2:
        (length,) = struct.unpack_from(">H", data, at)
        return data[at + 2 : at + 2 + length].decode(), at + 2 + length
    if marker == 5:
        return None, at
    if marker == 6:
        return UNDEFINED, at
    if marker == 10:
        (count,) = struct.unpack_from(">I", data, at)
        items, at = [], at + 4
        for _ in range(count):
            item, at = amf0_read(data, at)
            items.append(item)
        return items, at
    if marker in (3, 8):
        result, at = (EcmaArray(), at + 4) if marker == 8 else ({}, at)
        while data[at : at + 3] != b"\x00\x00\x09":
            (length,) = struct.unpack_from(">H", data, at)
            name = data[at + 2 : at + 2 + length].decode()
            result[name], at = amf0_read(data, at + 2 + length)
        return result, at + 3
    raise ValueError(f"AMF0 marker {marker}")


def amf0_read_all(data):
    values, at = [], 0
    while at < len(data):
        value, at = amf0_read(data, at)
        values.append(value)
    return values


class Message:
    def __init__(self, kind, stream_id, timestamp, payload, chunk_stream=0):
        self.kind, self.stream_id, self.timestamp, self.payload, self.chunk_stream = kind, stream_id, timestamp, payload, chunk_stream

    @property
    def values(self):
        return amf0_read_all(self.payload)

    def __repr__(self):
        text = self.values if self.kind in (COMMAND, DATA) else f"{len(self.payload)} bytes"
        return f"<{self.kind} on {self.stream_id} at {self.timestamp}: {text}>"


class Closed(Exception):
    """The server closed the connection."""


class RtmpClient:
    def __init__(self, address, tls=False, timeout_s=15):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.timeout_s = timeout_s
        self.address = address
        self.received = b""
        self.chunk_size_out = 128
        self.chunk_size_in = 128
        self.out = {}  # chunk stream → (timestamp, length, kind, stream id, delta or None)
        self.incoming = {}
        self.messages = []  # everything that came, for a look afterwards
        self.transaction = 0
        self.bytes_in = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- bytes

    def send(self, data):
        self.socket.sendall(data)

    def read(self, count):
        end = time.monotonic() + self.timeout_s
        while len(self.received) < count:
            if time.monotonic() > end:
                raise TimeoutError("the server says nothing")
            try:
                data = self.socket.recv(65536)
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not data:
                raise Closed("end of stream")
            self.bytes_in += len(data)
            self.received += data
        data, self.received = self.received[:count], self.received[count:]
        return data

    # ---- handshake

    def handshake(self, version=3, c1=None, c2=None):
        c1 = c1 or struct.pack(">II", 0, 0) + os.urandom(1528)
        self.send(bytes([version]) + c1)
        s0s1 = self.read(1537)
        s2 = self.read(1536)
        self.send(c2 if c2 is not None else s0s1[1:])
        return s0s1, s2

    # ---- chunks

    @staticmethod
    def basic_header(form, chunk_stream):
        if chunk_stream < 64:
            return bytes([form << 6 | chunk_stream])
        if chunk_stream < 320:
            return bytes([form << 6, chunk_stream - 64])
        return bytes([form << 6 | 1]) + struct.pack("<H", chunk_stream - 64)

    def chunks(self, kind, payload, timestamp=0, stream_id=0, chunk_stream=3, form=None, repeat_extended=True):
        """The bytes of one message. @form None: the shortest header that the last message allows."""
        last = self.out.get(chunk_stream)
        delta = (timestamp - last[0]) & 0xFFFFFFFF if last else None
        if form is None:
            if not last or last[3] != stream_id or delta > 0x7FFFFFFF:
                form = 0
            elif last[1] != len(payload) or last[2] != kind:
                form = 1
            elif last[4] != delta:
                form = 2
            else:
                form = 3
        field = timestamp if form == 0 else delta
        extended = struct.pack(">I", field) if field >= EXTENDED else b""
        header = self.basic_header(form, chunk_stream)
        if form <= 2:
            header += struct.pack(">I", min(field, EXTENDED))[1:]
        if form <= 1:
            header += struct.pack(">I", len(payload))[1:] + bytes([kind])
        if form == 0:
            header += struct.pack("<I", stream_id)
        result = [header, extended]
        for at in range(0, max(len(payload), 1), self.chunk_size_out):
            if at:
                result += [self.basic_header(3, chunk_stream), extended if repeat_extended else b""]
            result.append(payload[at : at + self.chunk_size_out])
        self.out[chunk_stream] = (timestamp, len(payload), kind, stream_id, None if form == 0 else delta)
        return b"".join(result)

    def send_message(self, kind, payload, **arguments):
        self.send(self.chunks(kind, payload, **arguments))

    def set_chunk_size(self, size):
        self.send_message(SET_CHUNK_SIZE, struct.pack(">I", size), chunk_stream=2)
        self.chunk_size_out = size

    def read_message(self):
        """The next message that is not about chunks; pings are answered."""
        while True:
            first = self.read(1)[0]
            form, chunk_stream = first >> 6, first & 63
            if chunk_stream == 0:
                chunk_stream = 64 + self.read(1)[0]
            elif chunk_stream == 1:
                chunk_stream = 64 + struct.unpack("<H", self.read(2))[0]
            state = self.incoming.setdefault(chunk_stream, {"payload": b""})
            if form <= 2:
                field = int.from_bytes(self.read(3), "big")
                if form <= 1:
                    state["length"] = int.from_bytes(self.read(3), "big")
                    state["kind"] = self.read(1)[0]
                if form == 0:
                    (state["stream_id"],) = struct.unpack("<I", self.read(4))
                state["extended"] = field == EXTENDED
                if state["extended"]:
                    (field,) = struct.unpack(">I", self.read(4))
                state["field"], state["absolute"] = field, form == 0
            elif state["extended"]:
                self.read(4)
            if not state["payload"]:
                state["time"] = state["field"] if state["absolute"] and form == 0 else state.get("time", 0) + state["field"]
            left = state["length"] - len(state["payload"])
            state["payload"] += self.read(min(left, self.chunk_size_in))
            if len(state["payload"]) < state["length"]:
                continue
            message = Message(state["kind"], state["stream_id"], state["time"], state["payload"], chunk_stream)
            state["payload"] = b""
            if message.kind == SET_CHUNK_SIZE:
                (self.chunk_size_in,) = struct.unpack(">I", message.payload)
                continue
            self.messages.append(message)
            return message

    def wait(self, condition):
        """Reads until a message for which condition(message) is true; raises Closed at the end."""
        while True:
            message = self.read_message()
            if condition(message):
                return message

    def wait_closed(self):
        try:
            while True:
                self.read_message()
        except Closed:
            pass

    # ---- commands

    def command_bytes(self, name, *arguments, transaction=None, stream_id=0, chunk_stream=3, kind=COMMAND):
        if transaction is None:
            self.transaction += 1
            transaction = self.transaction
        body = amf0(name) + amf0(transaction) + b"".join(map(amf0, arguments))
        if kind == COMMAND_AMF3:
            body = b"\x00" + body
        return self.chunks(kind, body, stream_id=stream_id, chunk_stream=chunk_stream)

    def command(self, name, *arguments, **keywords):
        """Sends a command; returns its transaction id."""
        self.send(self.command_bytes(name, *arguments, **keywords))
        return self.transaction

    def wait_answer(self, transaction):
        """The values of _result or _error."""
        answer = self.wait(lambda m: m.kind == COMMAND and m.values[0] in ("_result", "_error") and m.values[1] == transaction)
        return answer.values

    def wait_status(self):
        """The information object of the next onStatus."""
        return self.wait(lambda m: m.kind == COMMAND and m.values[0] == "onStatus").values[3]

    def connect(self, app="live", tc_url=None, **properties):
        tc_url = tc_url if tc_url is not None else f"rtmp://{self.address[0]}:{self.address[1]}/{app}"
        information = {"app": app, "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; scripted)", "tcUrl": tc_url, **properties}
        return self.wait_answer(self.command("connect", information))

    def create_stream(self):
        answer = self.wait_answer(self.command("createStream", None))
        assert answer[0] == "_result", answer
        return int(answer[3])

    def publish(self, name="stream", stream_id=1):
        """Returns the status that answers."""
        self.command("publish", None, name, "live", stream_id=stream_id)
        return self.wait_status()

    def start_publishing(self, app="live", name="stream", **properties):
        """Handshake to NetStream.Publish.Start."""
        self.handshake()
        answer = self.connect(app, **properties)
        assert answer[0] == "_result", answer
        self.command("releaseStream", None, name)
        self.command("FCPublish", None, name)
        status = self.publish(name, self.create_stream())
        assert status["code"] == "NetStream.Publish.Start", status
        return self

    # ---- media

    def metadata(self, values=None, ecma=True):
        values = values or {"width": 320, "height": 240, "videocodecid": 7, "audiocodecid": 10, "encoder": "scripted"}
        body = amf0("@setDataFrame") + amf0("onMetaData") + amf0(EcmaArray(values) if ecma else values)
        self.send_message(DATA, body, stream_id=1, chunk_stream=4)

    def send_tag(self, tag, offset=0, **arguments):
        kind, timestamp, body = tag
        arguments.setdefault("chunk_stream", 6 if kind == VIDEO else 4)
        self.send_message(kind, body, timestamp=(timestamp + offset) & 0xFFFFFFFF, stream_id=1, **arguments)


def flv_tags(path):
    """[(kind, timestamp, body)] of an FLV file's audio and video tags."""
    data = open(path, "rb").read()
    assert data[:3] == b"FLV"
    tags, at = [], struct.unpack_from(">I", data, 5)[0] + 4
    while at + 11 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        timestamp = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        if kind in (AUDIO, VIDEO):
            tags.append((kind, timestamp, data[at + 11 : at + 11 + size]))
        at += 11 + size + 4
    return tags


def make_flv(path, seconds=3, size="320x240", rate=30, keyframe_frames=30, bframes=0, sample_rate=44100, video=True, audio=True,
             encode=()):
    """Encodes a test picture with sound; returns its tags, headers first."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]
    if video:
        command += ["-f", "lavfi", "-i", f"testsrc=size={size}:rate={rate}"]
    if audio:
        command += ["-f", "lavfi", "-i", f"sine=frequency=1000:sample_rate={sample_rate}"]
    if video:
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", str(keyframe_frames), "-bf", str(bframes)]
    if audio:
        command += ["-c:a", "aac"]
    subprocess.run(command + [*encode, "-t", str(seconds), "-f", "flv", str(path)], check=True, timeout=60)
    return flv_tags(path)


def is_header(tag):
    """Whether a tag of make_flv() is a codec header."""
    return tag[2][1] == 0


def is_keyframe(tag):
    return tag[0] == VIDEO and tag[2][0] >> 4 == 1 and tag[2][1] == 1


def enhanced_avc(tag):
    """The same H.264 tag as Enhanced RTMP carries it (fourcc avc1)."""
    kind, timestamp, body = tag
    if kind != VIDEO:
        return tag
    return kind, timestamp, bytes([0x80 | body[0] & 0x70 | body[1]]) + b"avc1" + (body[2:] if body[1] == 1 else body[5:])
