"""The scripted publisher of the fault tests: it sends a file's tags at the pace of a camera, from any clock."""

import threading
import time

from rtmp_client import VIDEO, RtmpClient, is_header

FRAME_MS = 33


class Publisher(RtmpClient):
    """A published stream. The clock it sends by is its own: `clock_ms` moves on with each run of tags, or as a test sets it."""

    def __init__(self, server, name="stream", begin=True, address=None, **properties):
        super().__init__(address or server.endpoint("rtmp"))
        self.clock_ms = 0
        self.arguments = {}  # of every message: form, repeat_extended, chunk_stream
        if begin:
            self.start_publishing(name=name, **properties)

    def headers(self, tags):
        for kind, _, body in filter(is_header, tags):
            self.send_tag((kind, self.clock_ms, body), **self.arguments)

    def frames(self, tags, speed=4.0, change=lambda tag: tag):
        """Sends the pictures and the sound of @tags once, @speed times as fast as they play, and moves the clock on."""
        media = [tag for tag in tags if not is_header(tag)]
        first, begun = media[0][1], time.monotonic()
        for tag in media:
            wait_s = (tag[1] - first) / 1000 / speed - (time.monotonic() - begun)
            if wait_s > 0:
                time.sleep(wait_s)  # the camera's pace
            self.send_tag(change(tag), offset=self.clock_ms - first, **self.arguments)
        pictures = [tag for tag in media if tag[0] == VIDEO] or media
        self.clock_ms += pictures[-1][1] - pictures[0][1] + FRAME_MS

    def run(self, tags, **arguments):
        self.headers(tags)
        self.frames(tags, **arguments)
        return self


class Broadcast(threading.Thread):
    """Sends @tags again and again until it is stopped, while the test does something else."""

    def __init__(self, publisher, tags, **arguments):
        super().__init__(daemon=True)
        self.publisher, self.tags, self.arguments = publisher, tags, arguments
        self.over = threading.Event()
        self.error = None

    def __enter__(self):
        self.publisher.headers(self.tags)
        self.start()
        return self

    def run(self):
        try:
            while not self.over.is_set():
                self.publisher.frames(self.tags, speed=1.0, **self.arguments)
        except OSError as error:  # the server closed it, or the test did
            self.error = error

    def __exit__(self, *_):
        self.over.set()
        self.join(30)
