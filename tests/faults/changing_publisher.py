#!/usr/bin/python3
"""A publisher for the tests in a browser: changing_publisher.py HOST PORT sends pictures and sound, until a line on its standard
input tells it to go on with `sound` or `pictures` alone, with `nothing` (it is there, and answers the server's pings), or with `all` again. Its
clock goes on meanwhile. It ends with its standard input."""

import argparse
import contextlib
import pathlib
import queue
import select
import sys
import tempfile
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from publisher import Publisher  # noqa: E402
from rtmp_client import AUDIO, PING_REQUEST, PING_RESPONSE, USER_CONTROL, VIDEO, make_flv  # noqa: E402


def listen(lines):
    for line in sys.stdin:
        lines.put(line.strip())
    lines.put("end")


def wait_quietly(publisher, lines):
    begun = time.monotonic()
    while lines.empty():
        if not select.select([publisher.socket], [], [], 0.1)[0]:
            continue
        message = publisher.read_message()
        if message.kind == USER_CONTROL and int.from_bytes(message.payload[:2], "big") == PING_REQUEST:
            publisher.send_message(USER_CONTROL, PING_RESPONSE.to_bytes(2, "big") + message.payload[2:6], chunk_stream=2)
    publisher.clock_ms += round((time.monotonic() - begun) * 1000)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tags = make_flv(pathlib.Path(folder) / "plain.flv", seconds=2, size="640x360")
    alone = {kind: [tag for tag in tags if tag[0] == kind] for kind in (AUDIO, VIDEO)}
    sent = {"all": tags, "sound": alone[AUDIO], "pictures": alone[VIDEO]}
    lines, what = queue.Queue(), "all"
    threading.Thread(target=listen, args=(lines,), daemon=True).start()
    # the server ended
    with contextlib.suppress(ConnectionError), Publisher(None, address=(arguments.host, arguments.port)) as publisher:
        publisher.headers(tags)
        while what != "end":
            if what == "nothing":
                wait_quietly(publisher, lines)
            else:
                publisher.frames(sent[what], speed=1.0)
            if not lines.empty():
                what = lines.get()


if __name__ == "__main__":
    main()
