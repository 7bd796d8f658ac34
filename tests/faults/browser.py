"""A student in Chromium, behind the bad network: starts tests/e2e/viewer.mjs and asks it what it sees."""

import json
import os
import shutil
import subprocess
import time

import pytest

from conftest import TOP, wait_until

E2E = TOP / "tests" / "e2e"


class Browser:
    """Made inside the namespace where it shall live (link.at_client())."""

    def __init__(self, url, log):
        if not shutil.which("node") or not (E2E / "node_modules" / "playwright-core").exists():
            pytest.skip("no node, or no playwright-core: npm ci in tests/e2e")
        self.process = subprocess.Popen(["node", "viewer.mjs", url], cwd=E2E, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=log, text=True)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the browser ended with {self.process.wait(10)}"
        return json.loads(line)

    def stats(self):
        return self.ask("stats")

    def wait_playing(self, deadline_s=60):
        """Until pictures and sound come."""
        return wait_until(lambda: (s := self.stats())["video"].get("framesDecoded", 0) > 30
                          and s["audio"].get("totalSamplesReceived", 0) > 48000 and s, "picture and sound in the browser", deadline_s)

    def watch(self, seconds):
        """Looks on for so long; returns a Watched."""
        before = self.stats()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            assert self.process.poll() is None, "the browser ended"
        return Watched(before, self.stats())

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Watched:
    """What a browser saw between two looks."""

    def __init__(self, before, after):
        self.seconds = after["now"] - before["now"]
        self.sessions = after["sessions"]
        self.before, self.after = before, after
        self.video, self.audio = ({name: after[kind][name] - before[kind].get(name, 0) for name in after[kind]}
                                  for kind in ("video", "audio"))

    @staticmethod
    def ratio(part, whole):
        return part / whole if whole else 0.0

    @property
    def fps(self):
        return self.video["framesDecoded"] / self.seconds

    @property
    def frozen(self):
        """The share of the time for which the picture stood."""
        return self.video["totalFreezesDuration"] / self.seconds

    @property
    def concealed(self):
        """The share of the sound that was made up, at all and by silence."""
        return self.ratio(self.audio["concealedSamples"], self.audio["totalSamplesReceived"])

    @property
    def silent(self):
        return self.ratio(self.audio["silentConcealedSamples"], self.audio["totalSamplesReceived"])

    @property
    def video_loss(self):
        return self.ratio(self.video["packetsLost"], self.video["packetsLost"] + self.video["packetsReceived"])

    def __str__(self):
        return (f"{self.seconds:.0f} s: {self.fps:.1f} frames/s, frozen {self.frozen:.2%} ({self.video['freezeCount']}×), "
                f"lost {self.video_loss:.1%}, asked again {self.video['nackCount']}×, came again {self.video['retransmittedPacketsReceived']}, "
                f"keyframes asked for {self.video['pliCount']}×; sound made up {self.concealed:.2%}, silence {self.silent:.2%}; "
                f"buffers {self.buffer_ms('video'):.0f} and {self.buffer_ms('audio'):.0f} ms; {self.sessions} sessions")

    def buffer_ms(self, kind):
        counts = getattr(self, kind)
        return 1000 * self.ratio(counts["jitterBufferDelay"], counts["jitterBufferEmittedCount"])


@pytest.fixture
def browser(tmp_path):
    """browser(url) starts one; each is closed at the end of the test."""
    made = []

    def start(url):
        made.append(Browser(url, open(tmp_path / f"browser{len(made)}.log", "wb")))
        return made[-1]

    yield start
    for one in made:
        one.close()


def make_recording(folder, seconds=20, keyframe_frames=60, video_kbps=2000):
    """720p30 and AAC in a file, so that publishing it costs next to nothing: the noise makes it as large as a real class."""
    path = folder / f"class-{seconds}-{keyframe_frames}-{video_kbps}.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=14:allf=t",
                    "-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264",
                    "-preset", "veryfast", "-tune", "zerolatency", "-bf", "0", "-pix_fmt", "yuv420p", "-b:v", f"{video_kbps}k", "-maxrate", f"{video_kbps}k",
                    "-bufsize", f"{video_kbps // 2}k", "-g", str(keyframe_frames), "-sc_threshold", "0", "-c:a", "aac", "-b:a", "128k", str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    return make_recording(tmp_path_factory.mktemp("recording"))


def publish_command(recording, rtmp_url):
    return ["ffmpeg", "-nostdin", "-loglevel", "warning", "-re", "-stream_loop", "-1", "-i", recording, "-c", "copy", "-f", "flv", rtmp_url]


@pytest.fixture
def publish_recording(run, recording):
    """publish_recording(server) streams it without end."""

    def start(server, path="live/stream", file=None):
        process = run(publish_command(file or recording, server.rtmp_url(path)), env={**os.environ})
        server.wait_state("live", path)
        return process

    return start
