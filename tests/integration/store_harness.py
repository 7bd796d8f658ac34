"""The store in a running airclassd, driven through the plugin store-probe; over SQLite, and over MongoDB's protocol to a FerretDB that
the test starts."""

import asyncio
import contextlib
import json
import pathlib

import pytest
import websockets

from conftest import BUILD, DEADLINE_S, Server

HERE = pathlib.Path(__file__).resolve().parent / "store"


class StoreError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Store:
    """One connection to the probe; the operations are coroutines, and are sent in the order of the calls."""

    def __init__(self, socket):
        self.socket, self.ref, self.waiting = socket, 0, {}
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
    async with websockets.connect(f"{server.websocket_url}/ws/store-probe", max_size=None, max_queue=None) as socket:
        store = Store(socket)
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


@contextlib.contextmanager
def database(provider, folder):
    """The options of a server for its database, while it runs."""
    if provider == "store-sqlite":
        yield {}
        return
    pytest.skip("later")
