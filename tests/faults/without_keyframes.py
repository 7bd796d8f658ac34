#!/usr/bin/python3
"""A publisher for the tests in a browser: without_keyframes.py HOST PORT [--silent] [--returns] sends pictures but never a
keyframe, until a line comes on its standard input; then it sends them with keyframes. With --returns it first sends them with
keyframes, until another line comes: then it drops the connection and comes back without. It ends with its standard input."""

import argparse
import contextlib
import pathlib
import sys
import tempfile
import threading

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from publisher import Publisher  # noqa: E402
from rtmp_client import VIDEO, is_keyframe, make_flv  # noqa: E402


def listen(lines, over):
    for line in lines:
        sys.stdin.readline()
        line.set()
    sys.stdin.read()
    over.set()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--silent", action="store_true", help="without sound")
    parser.add_argument("--returns", action="store_true", help="with keyframes at first")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tags = make_flv(pathlib.Path(folder) / "plain.flv", seconds=2, size="640x360", audio=not arguments.silent)
    drops, keyframes, over = threading.Event(), threading.Event(), threading.Event()
    threading.Thread(target=listen, args=([drops, keyframes] if arguments.returns else [keyframes], over), daemon=True).start()
    deltas = [tag for tag in tags if tag[0] != VIDEO or not is_keyframe(tag)]
    address = (arguments.host, arguments.port)
    with contextlib.suppress(ConnectionError):  # the server ended
        if arguments.returns:
            with Publisher(None, address=address) as publisher:
                publisher.headers(tags)
                while not drops.is_set() and not over.is_set():
                    publisher.frames(tags, speed=1.0)
        with Publisher(None, address=address) as publisher:
            publisher.headers(tags)
            while not over.is_set():
                publisher.frames(tags if keyframes.is_set() else deltas, speed=1.0)


if __name__ == "__main__":
    main()
