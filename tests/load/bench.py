"""What the load scripts share: a server of their own on free ports, a publisher, the tools. Nothing but Python's own library.

All processes are ended by their id. Nothing here asserts a timing.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
KEYFRAME_SECONDS = (2, 10)


class Failure(Exception):
    """Something that an operator is told in one line."""


def wait_until(condition, what, deadline_s=20):
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {deadline_s} s in vain for {what}")
        time.sleep(0.05)


def numbers(bits=16, side=40):
    """A filter that draws the number of the frame: boxes, bit 0 at the left, white is 1."""
    boxes = [f"drawbox=x={bit * side}:y=0:w={side}:h={side}:color=white:t=fill:enable='mod(floor(n/{1 << bit}),2)'" for bit in range(bits)]
    return ",".join([f"drawbox=x=0:y=0:w={bits * side}:h={side}:color=black:t=fill", *boxes])


def media_file(keyframe_s, seconds=30, slices=1, numbered=False):
    """1280x720, 30 frames a second, H.264 baseline at a constant 2 Mbit/s, AAC: made once, kept in the user's cache."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "airclass-load"
    path = cache / (f"720p30-2M-key{keyframe_s}-{seconds}" + (f"-slices{slices}" if slices > 1 else "") + ("-numbered" if numbered else "") + ".flv")
    if path.is_file():
        return path
    if not shutil.which("ffmpeg"):
        raise Failure("ffmpeg is needed to make the picture that is published: apt install ffmpeg")
    cache.mkdir(parents=True, exist_ok=True)
    print(f"making {path} (once)", file=sys.stderr)
    unfinished = path.with_suffix(".unfinished.flv")
    frames = str(keyframe_s * 30)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i",
         "testsrc2=size=1280x720:rate=30" + ("," + numbers() if numbered else ""), "-f", "lavfi", "-i",
         "sine=frequency=1000:sample_rate=44100", "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline",
         "-pix_fmt", "yuv420p", "-g", frames, "-keyint_min", frames, "-sc_threshold", "0", "-b:v", "2000k", "-minrate", "2000k",
         "-maxrate", "2000k", "-bufsize", "1000k", "-x264-params", f"nal-hrd=cbr:force-cfr=1:slices={slices}", "-c:a", "aac", "-b:a", "128k", "-ac", "2",
         "-f", "flv", str(unfinished)], check=True)
    unfinished.rename(path)
    return path


class Bench:
    """A server with a state folder of its own, in a temporary folder that goes when all is done."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="airclass-load-"))
        self.state = self.folder / "state"
        self.processes = []
        for name in ("core/airclassd", "tests/load/class-load", "tests/load/whep-load", "tests/load/rtmp-load"):
            if not (self.build / name).is_file():
                raise Failure(f"{self.build / name} is missing: meson setup {self.build} && ninja -C {self.build}")

    def spawn(self, command, **arguments):
        arguments.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([str(word) for word in command], **arguments)
        self.processes.append(process)
        return process

    def end(self, process, patience_s=10):
        """SIGTERM, then SIGKILL; by id."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.remove(process)
        return process.returncode

    def start_server(self, options=()):
        config = self.folder / "airclass.conf"
        config.write_text(
            f"[core]\nstate_dir={self.state}\n[http]\nlisten=127.0.0.1:0\n"
            "max_connections=30000\nmax_connections_per_address=30000\n" # all come from one address
            "[auth]\ntoken_lifetime=24h\n" # whep-load takes one token, and a soak may last long
            "[rtmp-ingest]\nlisten=127.0.0.1:0\ntls_listen=127.0.0.1:0\n"
            "[whep-egress]\nudp_listen=127.0.0.1:0\nmax_viewers=20000\n")
        environment = {
            **os.environ,
            "AIRCLASS_CORE_PLUGIN_DIR": str(self.build / "plugins"),
            "AIRCLASS_CORE_SCHEMA_DIR": str(self.build / "schemas"),
            "AIRCLASS_CORE_PIPELINE_DIR": str(TOP / "pipelines"),
            "AIRCLASS_HTTP_WEB_DIR": str(TOP / "clients" / "web" / "dist"),
            **dict(options),
        }
        self.log_path = self.folder / "airclassd.log"
        with open(self.log_path, "wb") as log:
            self.server = self.spawn([self.build / "core/airclassd", "--config", config], stdout=log, stderr=log, env=environment)
        wait_until(self.is_ready, f"airclassd; its log is {self.log_path}")

    def is_ready(self):
        if self.server.poll() is not None:
            raise Failure(f"airclassd ended with {self.server.returncode}:\n{self.log_path.read_text(errors='replace')[-2000:]}")
        try:
            self.run = json.loads((self.state / "run.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return self.run["ready"]

    def endpoint(self, protocol):
        return next((e["host"], e["port"]) for e in self.run["endpoints"] if e["protocol"] == protocol)

    def url(self, protocol, path):
        host, port = self.endpoint(protocol)
        return f"{protocol}://{host}:{port}{path}"

    def metric(self, name):
        """The sum of all series; 0 when there is none."""
        with urllib.request.urlopen(self.url("http", "/metrics"), timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + " ", name + "{")))

    def publish(self, media, path="/live/stream", duration_s=14400):
        """One publisher, in the background."""
        with open(self.folder / "publisher.log", "ab") as log:
            process = self.spawn([self.build / "tests/load/rtmp-load", "--publishers=1", f"--file={media}", f"--duration={duration_s}",
                                  self.url("rtmp", path)], stdout=log, stderr=log)
        return process

    def wait_live(self, path="live/stream"):
        key = (self.state / "auth" / "teacher-key").read_text().strip()
        request = urllib.request.Request(self.url("http", f"/api/streams/{path}"), headers={"Authorization": f"Bearer {key}"})

        def live():
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=10) as answer:
                document = json.load(answer)
                return document["state"] == "live" and document.get("keyframe_interval_ms")

        return wait_until(live, f"{path} to be live with two keyframes", 40)

    def token(self):
        """A student's."""
        request = urllib.request.Request(self.url("http", "/api/token"), data=b'{"user_type": "student"}', headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["token"]

    def tool(self, name, *arguments):
        """Starts whep-load, rtmp-load or class-load; collect() has its figures."""
        return self.spawn([self.build / "tests/load" / name, f"--state-dir={self.state}", "--json", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def collect(self, process):
        out, errors = process.communicate()
        self.processes.remove(process)
        if process.returncode not in (0, 1) or not out:
            raise Failure(errors.strip() or f"{process.args[0]} ended with {process.returncode}")
        return json.loads(out)

    def close(self, keep_log=False):
        """Ends all that runs. Returns: the server's exit code."""
        code = None
        for process in reversed(list(self.processes)):
            ended = self.end(process)
            if process is getattr(self, "server", None):
                code = ended
        if not keep_log:
            shutil.rmtree(self.folder, ignore_errors=True)
        return code
