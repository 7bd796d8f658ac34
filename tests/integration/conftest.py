"""Starts the real airclassd on free ports with a state folder of its own, and the publishers that tests need.

AIRCLASS_BUILD_DIR names the build folder (default: build/ at the top). Nothing here sleeps to synchronise: wait_until()
polls a condition up to a deadline, and every process has one.
"""

import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("AIRCLASS_BUILD_DIR", TOP / "build")).resolve()
DEADLINE_S = float(os.environ.get("AIRCLASS_TEST_DEADLINE", "30"))


def wait_until(condition, what="the condition", deadline_s=None):
    """Returns the first true value of condition(); fails after the deadline."""
    end = time.monotonic() + (deadline_s or DEADLINE_S)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited in vain for {what() if callable(what) else what}", pytrace=False)
        time.sleep(0.02)


PORTS = itertools.count(os.getpid() * 101)  # each test process begins elsewhere


def free_port(address="127.0.0.1", kind=socket.SOCK_STREAM):
    """A port for a server that cannot choose one itself. Not one of those that the system gives to whoever asks for any: between now and its
    start, or while it is down, another test's connection would take it."""
    first, end = 20000, 32768
    for _ in range(end - first):
        port = first + next(PORTS) % (end - first)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((address, port))
                return port
            except OSError:
                continue
    pytest.fail("no port is free", pytrace=False)


def find_airclassd():
    for candidate in (BUILD / "core" / "airclassd", BUILD / "core" / "host" / "airclassd", BUILD / "airclassd"):
        if candidate.is_file():
            return candidate
    pytest.fail(f"no airclassd in {BUILD}: build first", pytrace=False)


def resource_environment():
    """Points an uninstalled airclassd at the resources of the build and the source tree."""
    return {
        "AIRCLASS_CORE_PLUGIN_DIR": str(BUILD / "plugins"),
        "AIRCLASS_CORE_SCHEMA_DIR": str(BUILD / "schemas"),
        "AIRCLASS_CORE_PIPELINE_DIR": str(TOP / "pipelines"),
        "AIRCLASS_HTTP_WEB_DIR": str(TOP / "clients" / "web" / "dist"),
        "G_DEBUG": "fatal-criticals",
    }


class Answer:
    """An HTTP answer: status, headers (case-insensitive), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


class Server:
    """One running airclassd. Options are {section: {key: value}}; ports are free ones unless given."""

    DEFAULTS = {
        "http": {"listen": "127.0.0.1:0"},
        "rtmp-ingest": {"listen": "127.0.0.1:0", "tls_listen": "127.0.0.1:0"},
        "whep-egress": {"udp_listen": "127.0.0.1:0"},
    }

    def __init__(self, folder, options=None, plugins=None, environment=None, arguments=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state"
        self.log_path = self.folder / "airclassd.log"
        self.config = self.folder / "airclass.conf"
        self.arguments = arguments
        self.environment = environment or {}
        self.process = None
        merged = {"core": {"state_dir": self.state}, **{k: dict(v) for k, v in self.DEFAULTS.items()}}
        if plugins is not None and not set(plugins) & {"rtmp-ingest", "whep-egress", "example"}:
            # Without streams there is nothing to warm up, which takes the better part of a second with a sanitizer.
            no_templates = self.folder / "no-pipelines"
            no_templates.mkdir(exist_ok=True)
            self.environment = {"AIRCLASS_CORE_PIPELINE_DIR": str(no_templates), **self.environment}
        if plugins is not None:
            merged["core"]["plugins"] = ",".join(plugins)
            merged = {k: v for k, v in merged.items() if k not in ("rtmp-ingest", "whep-egress") or k in plugins}
        for section, values in (options or {}).items():
            merged.setdefault(section, {}).update(values)
        self.write_config(merged)

    def write_config(self, options):
        self.options = options
        lines = []
        for section, values in options.items():
            lines.append(f"[{section}]")
            lines += [f"{key}={value}" for key, value in values.items() if value is not None]
        self.config.write_text("\n".join(lines) + "\n")

    def environ(self):
        environment = {**os.environ, **resource_environment(), **self.environment}
        options = environment.get("ASAN_OPTIONS", "")
        # Freed memory is kept aside for a while, to find who uses it still: by default up to 256 MiB, which tests of memory
        # that grows would take for a leak.
        if self.options.get("whep-egress", {}).get("engine") == "webrtcbin":
            # What OpenSSL keeps for GStreamer's threads looks like a leak when they outlive it.
            supp = TOP / "tests" / "lsan-webrtcbin.supp"
            environment["LSAN_OPTIONS"] = f"{environment.get('LSAN_OPTIONS', '')}:suppressions={supp}"
        environment["ASAN_OPTIONS"] = f"{options}:quarantine_size_mb=8:log_path={self.folder}/sanitizer"
        environment["UBSAN_OPTIONS"] = f"print_stacktrace=1:halt_on_error=1:log_path={self.folder}/sanitizer"
        tsan_glib = BUILD / "tests" / "libtsan-glib.so"  # in a build with -Db_sanitize=thread
        if tsan_glib.is_file():
            environment["LD_PRELOAD"] = " ".join([str(tsan_glib), *environment.get("LD_PRELOAD", "").split()])
            environment["G_SLICE"] = "always-malloc"  # else the sanitizer does not see memory change hands
            environment["TSAN_OPTIONS"] = (f"suppressions={TOP}/tests/tsan.supp:ignore_noninstrumented_modules=1:exitcode=0:"
                                           f"log_path={self.folder}/sanitizer")
        return environment

    def start(self, wait=True):
        self.log = open(self.log_path, "ab")
        command = [str(find_airclassd()), "--config", str(self.config), *self.arguments]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=self.environ())
        if wait:
            wait_until(self.is_ready, f"airclassd to be ready; its log:\n{self.log_path}")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            pytest.fail(f"airclassd ended with {self.process.returncode}:\n{self.log_text()}", pytrace=False)
        try:
            self.run = json.loads((self.state / "run.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return self.run["pid"] == self.process.pid and self.run["ready"]

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def endpoint(self, protocol):
        """(host, port) of the first endpoint of that protocol."""
        for endpoint in self.run["endpoints"]:
            if endpoint["protocol"] == protocol:
                host = endpoint["host"]
                return ("127.0.0.1" if host in ("0.0.0.0", "::") else host, endpoint["port"])
        pytest.fail(f"no endpoint {protocol} in {self.run}", pytrace=False)

    @property
    def url(self):
        host, port = self.endpoint("http")
        return f"http://{host}:{port}"

    @property
    def websocket_url(self):
        return self.url.replace("http://", "ws://")

    def rtmp_url(self, path="live/stream"):
        host, port = self.endpoint("rtmp")
        return f"rtmp://{host}:{port}/{path}"

    def secret(self, name):
        return (self.state / "auth" / name).read_text().strip()

    @property
    def teacher_key(self):
        return self.secret("teacher-key")

    @property
    def stream_key(self):
        return self.secret("stream-key")

    def request(self, method, path, body=None, headers=None, token=None, json_body=None, timeout=20):
        headers = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        url = path if "://" in path else self.url + path
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        try:
            with urllib.request.build_opener(NoRedirect).open(request, timeout=timeout) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path, **arguments):
        return self.request("GET", path, **arguments)

    def post(self, path, **arguments):
        return self.request("POST", path, **arguments)

    def token(self, role="student", user_id="tester", action="read", class_id="stream"):
        """A token of that role, as a page gets it."""
        body = {"user_type": role, "user_id": user_id, "action": action, "class_id": class_id}
        if role != "student":
            body["key"] = self.teacher_key
        answer = self.post("/api/token", json_body=body)
        assert answer.status == 200, answer.text
        return answer.json["token"]

    def stream(self, path="live/stream"):
        """The status document, as the teacher sees it: the key is good for every class, a token for its own."""
        answer = self.get(f"/api/streams/{path}", token=self.teacher_key)
        assert answer.status == 200, answer.text
        return answer.json

    def wait_state(self, state, path="live/stream"):
        return wait_until(lambda: (s := self.stream(path))["state"] == state and s, f"{path} to be {state}")

    def metric(self, name):
        """The sum of all series of a metric."""
        values = [
            float(line.rsplit(" ", 1)[1])
            for line in self.get("/metrics").text.splitlines()
            if line.startswith((name + " ", name + "{"))
        ]
        return sum(values) if values else None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        """Ends it as an operator does, and looks for what must never happen."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"airclassd did not end on SIGTERM:\n{self.log_text()[-4000:]}", pytrace=False)
        self.process = None
        self.log.close()
        reports = "".join(p.read_text(errors="replace") for p in self.folder.glob("sanitizer.*"))
        if not self.is_search_that_failed(reports):
            assert not reports, reports[:8000]
            assert code == 0, f"exit code {code}:\n{self.log_text()[-4000:]}"
        assert not (self.state / "run.json").exists(), "run.json was left behind"

    def is_search_that_failed(self, reports):
        """The search for leaks, after the end of main(), stumbles over threads of GStreamer's that are just ending: then it has found
        nothing, and there was nothing else."""
        return ("LeakSanitizer has encountered a fatal error" in reports and "ERROR:" not in reports and "runtime error" not in reports
                and self.options.get("whep-egress", {}).get("engine") == "webrtcbin")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None


@pytest.fixture
def engine(request):
    """By which engine airclassd serves viewers: see both_engines(). AIRCLASS_TEST_ENGINE=webrtcbin runs all others with that one."""
    return getattr(request, "param", os.environ.get("AIRCLASS_TEST_ENGINE", "fanout"))


def both_engines(test):
    """For tests of what every engine must do alike."""
    return pytest.mark.parametrize("engine", ["fanout", "webrtcbin"], indirect=True)(pytest.mark.usefixtures("engine")(test))


@pytest.fixture
def airclassd(tmp_path, engine):
    """A factory: airclassd(options, plugins=[…]) returns a running Server; each is stopped at the end of the test."""
    servers = []

    def start(options=None, plugins=None, environment=None, wait=True, arguments=()):
        if engine != "fanout":
            options = {**(options or {}), "whep-egress": {"engine": engine, **(options or {}).get("whep-egress", {})}}
        server = Server(tmp_path / f"server{len(servers)}", options, plugins, environment, arguments)
        servers.append(server)
        return server.start(wait)

    yield start
    problems = []
    for server in servers:
        try:
            server.stop()
        except BaseException as problem:  # stop the others too
            problems.append(problem)
            server.kill()
    if problems:
        raise problems[0]


@pytest.fixture
def run(tmp_path):
    """A factory of background processes, ended by their id at the end of the test: run([...]) returns a Popen."""
    processes = []

    def start(command, **arguments):
        log = open(tmp_path / f"process{len(processes)}.log", "wb")
        arguments.setdefault("stdin", subprocess.DEVNULL)
        arguments.setdefault("stdout", log)
        arguments.setdefault("stderr", log)
        process = subprocess.Popen([str(word) for word in command], **arguments)
        process.log_path = pathlib.Path(log.name)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ffmpeg_source(video="testsrc=size=1280x720:rate=30", audio="sine=frequency=1000:sample_rate=44100", encode=(), zerolatency=False,
                  keyframe_frames=60):
    """The arguments of an ffmpeg that makes a live test picture with sound. As a plain command line gives it, x264's default has
    B-frames; zerolatency gives none."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "warning", "-re"]
    if video:
        command += ["-f", "lavfi", "-i", video]
    if audio:
        command += ["-f", "lavfi", "-i", audio]
    if video:
        command += ["-c:v", "libx264", "-preset", "ultrafast" if zerolatency else "veryfast", "-b:v", "2000k", "-pix_fmt", "yuv420p",
                    "-g", str(keyframe_frames)]
        if zerolatency:
            command += ["-tune", "zerolatency"]
    if audio:
        command += ["-c:a", "aac", "-b:a", "128k"]
    return command + list(encode)


@pytest.fixture
def publish(run):
    """publish(server, path, …) starts ffmpeg as the publisher and waits until the stream is live."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")

    def start(server, path="live/stream", wait=True, query="", **arguments):
        arguments.setdefault("video", "testsrc=size=640x360:rate=30")
        process = run(ffmpeg_source(**arguments) + ["-f", "flv", server.rtmp_url(path) + query])
        if wait:
            server.wait_state("live", path)
        return process

    return start
