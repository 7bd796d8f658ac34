"""The store in a running airclassd, driven through the plugin store-probe; over SQLite, and over MongoDB's protocol to a FerretDB that
the test starts."""

import asyncio
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest
import websockets

from conftest import BUILD, DEADLINE_S, Server, free_port, wait_until

HERE = pathlib.Path(__file__).resolve().parent / "store"


class StoreError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Store:
    """One connection to the probe; the operations are coroutines, and are sent in the order of the calls."""

    def __init__(self, connection):
        self.socket, self.ref, self.waiting = connection, 0, {}
        self.reader = asyncio.ensure_future(self.read())

    async def read(self):
        try:
            async for frame in self.socket:
                message = json.loads(frame)
                future = self.waiting.pop(message["ref"])
                if future.done():
                    continue
                if "error" in message:
                    future.set_exception(StoreError(message["error"], message["message"]))
                else:
                    future.set_result(message["result"])
        except websockets.ConnectionClosed:
            pass
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the server went away"))

    async def call(self, op, collection, **arguments):
        self.ref += 1
        future = self.waiting[self.ref] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"ref": self.ref, "op": op, "collection": collection, **arguments}))
        return await asyncio.wait_for(future, DEADLINE_S * 2)

    def insert(self, collection, document, **arguments):
        return self.call("insert", collection, document=document, **arguments)

    def get(self, collection, key):
        return self.call("get", collection, key=key)

    def find(self, collection, filter=None, **arguments):
        return self.call("find", collection, **({"filter": filter} if filter is not None else {}), **arguments)

    async def all(self, collection, filter=None, **arguments):
        """The documents of all pages."""
        documents, cursor = [], None
        while True:
            page = await self.find(collection, filter, **arguments, **({"cursor": cursor} if cursor else {}))
            documents += page["documents"]
            cursor = page["cursor"]
            if cursor is None:
                return documents

    def update(self, collection, filter, changes, **arguments):
        return self.call("update", collection, filter=filter, changes=changes, **arguments)

    def remove(self, collection, filter):
        return self.call("remove", collection, filter=filter)

    def count(self, collection, filter=None):
        return self.call("count", collection, **({"filter": filter} if filter is not None else {}))

    def aggregate(self, collection, filter, by, **values):
        return self.call("aggregate", collection, filter=filter, group={"by": by, "values": values})


@contextlib.asynccontextmanager
async def connect(server):
    async with websockets.connect(f"{server.websocket_url}/ws/store-probe", max_size=None, max_queue=None) as connection:
        store = Store(connection)
        yield store
        store.reader.cancel()


def folders(folder):
    """(plugin_dir, schema_dir): those of the build, with the probe and the collections of the tests."""
    plugins, schemas = folder / "plugins", folder / "schemas"
    for made, original in ((plugins, BUILD / "plugins"), (schemas, BUILD / "schemas")):
        made.mkdir(parents=True)
        for path in original.iterdir():
            if path.name != "store":
                (made / path.name).symlink_to(path)
    (plugins / "store-probe.so").symlink_to(BUILD / "tests" / "integration" / "store" / "store-probe.so")
    (schemas / "store").symlink_to(HERE / "schemas")
    return plugins, schemas


def start_server(folder, provider, options=None, wait=True):
    """An airclassd with that provider (a name of a plugin) and the probe."""
    plugins, schemas = folder / "plugins", folder / "schemas"
    if not plugins.exists():
        folders(folder)
    core = {"plugin_dir": plugins, "schema_dir": schemas}
    environment = {"AIRCLASS_CORE_PLUGIN_DIR": str(plugins), "AIRCLASS_CORE_SCHEMA_DIR": str(schemas)}
    server = Server(folder / "server", {"core": core, **(options or {})}, [provider, "store-probe"], environment)
    return server.start(wait)


FERRETDB = pathlib.Path(os.environ.get("AIRCLASS_FERRETDB", pathlib.Path.home() / ".cache/airclass/ferretdb-v1.24.0"))


class FerretDB:
    """A server of MongoDB's protocol, with its data in a folder."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder / "ferretdb", free_port(), None
        self.folder.mkdir()

    def start(self):
        command = [FERRETDB, "--handler=sqlite", f"--sqlite-url=file:{self.folder}/", f"--listen-addr=127.0.0.1:{self.port}",
                   "--debug-addr=-", "--telemetry=disable", f"--state-dir={self.folder}", "--log-level=ERROR"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        wait_until(self.answers, f"FerretDB; its log: {self.folder / 'log'}")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(DEADLINE_S)
            self.process = None


class Link:
    """A TCP proxy in front of a server, which can be cut, or delay each answer."""

    def __init__(self, port):
        self.target, self.cut, self.delay_s, self.connections = port, False, 0, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                if self.cut:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                if self.listener.fileno() < 0:
                    return
                client.close()
                continue
            self.connections |= {client, server}
            threading.Thread(target=self.copy, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, True), daemon=True).start()

    def copy(self, source, target, is_answer):
        try:
            while data := source.recv(65536):
                if is_answer and self.delay_s:
                    time.sleep(self.delay_s)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def set_cut(self, cut):
        self.cut = cut
        if cut:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.connections = set()

    def close(self):
        self.listener.close()
        self.set_cut(True)


def mongodb_options(port, **options):
    return {"store-mongodb": {"uri": f"mongodb://127.0.0.1:{port}", "database": "school", **options}}


@contextlib.contextmanager
def ferretdb(folder):
    if not FERRETDB.is_file():
        pytest.skip(f"no FerretDB in {FERRETDB}: packaging/test builds it")
    server = FerretDB(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def database(provider, folder):
    """The options of a server for its database, while it runs."""
    if provider == "store-sqlite":
        yield {}
        return
    with ferretdb(folder) as server:
        yield mongodb_options(server.port)
