"""For the tests of brokers: a Redis of the test's own, and servers that have the plugin broker-probe.

Debian's redis-tools has the whole of Redis under another name: it is the server when it is called redis-server. So no service has to be
installed on the machine that runs the tests."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import BUILD, free_port, wait_until


class Redis:
    """One Redis on a free port of the loopback with its data in a folder of its own."""

    def __init__(self, folder, arguments=()):
        program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        assert program, "redis-tools is not installed (packaging/packages/test)"
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.program = self.folder / "redis-server"
        self.program.symlink_to(program)
        self.arguments, self.process = arguments, None
        self.port = free_port()  # the same again after a restart

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", *self.arguments],
                stdout=log, stderr=log)
        wait_until(lambda: self.ask("PING").strip() in ("PONG", "NOAUTH Authentication required."), "Redis to answer")
        return self

    def ask(self, *words, user=()):
        result = subprocess.run(["redis-cli", "-p", str(self.port), *user, *words], capture_output=True, text=True, timeout=30)
        return result.stdout

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()


class Problem(Exception):
    def __init__(self, answer):
        super().__init__(answer.text)
        self.status = answer.status


class Node:
    """A server whose broker can be asked."""

    def __init__(self, server):
        self.server = server

    def ask(self, op, key=None, **rest):
        body = {"op": op, **({} if key is None else {"key": key}), **rest}
        answer = self.server.post("/api/probe", json_body=body)
        if answer.status != 200:
            raise Problem(answer)
        return answer.json["value"]

    def status(self, *arguments, **rest):
        """Of what must fail."""
        with pytest.raises(Problem) as problem:
            self.ask(*arguments, **rest)
        return problem.value.status

    @property
    def seen(self):
        return self.server.get("/api/probe").json

    @property
    def health(self):
        for dependency in self.server.get("/readyz").json["dependencies"]:
            if dependency["name"] == "redis":
                return dependency
        return None

    def wait_in_touch(self, in_touch=True):
        wait_until(lambda: self.health["ok"] is in_touch, lambda: f"the node to be {'in' if in_touch else 'out of'} touch: {self.health}")

    def members(self, room):
        return self.ask("members", room)


def plugin_folder(folder):
    """The plugins of the build, and the probe."""
    folder = pathlib.Path(folder)
    if not folder.exists():
        folder.mkdir()
        for plugin in (BUILD / "plugins").iterdir():
            (folder / plugin.name).symlink_to(plugin)
        (folder / "broker-probe.so").symlink_to(BUILD / "tests" / "integration" / "broker-probe.so")
    return folder


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.fixture
def start_node(airclassd, tmp_path):
    """start_node(provider, options) returns a Node."""

    # Without the pages: compressing them would be most of the work of servers that live for a second.
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("<!doctype html><title>x</title>")

    def start(provider, options=None, wait=True):
        environment = {"AIRCLASS_CORE_PLUGIN_DIR": str(plugin_folder(tmp_path / "plugins")), "AIRCLASS_HTTP_WEB_DIR": str(web)}
        sections = {provider: options} if options else None
        return Node(airclassd(sections, plugins=[provider, "broker-probe"], environment=environment, wait=wait))

    return start
