"""The database goes away and comes back: at the start, in mid-class, slowly, and with a crash in between."""

import asyncio

import pytest

import store_harness
from conftest import wait_until
from store_harness import StoreError

UPSERTS = 40


@pytest.fixture
def school(tmp_path):
    """(folder, FerretDB, Link before it)"""
    with store_harness.ferretdb(tmp_path) as database:
        link = store_harness.Link(database.port)
        yield tmp_path, database, link
        link.close()


def is_healthy(server):
    dependency = next(d for d in server.get("/readyz").json["dependencies"] if d["name"] == "store")
    return dependency["ok"]


def run(server, test):
    async def connected():
        async with store_harness.connect(server) as store:
            return await test(store)

    return asyncio.run(connected())


def upsert(store, number, key=None):
    return store.update("answers", {"quiz_id": "q", "student_id": f"s{number}"},
                        {"$inc": {"changes": 1}, "$setOnInsert": {"answer_id": key or f"a{number}"}}, upsert=True)


async def changes(store):
    return {document["answer_id"]: document["changes"] for document in await store.all("answers")}


def test_down_at_start_and_required(school):
    folder, _, link = school
    link.set_cut(True)
    server = store_harness.start_server(folder, "store-mongodb", store_harness.mongodb_options(link.port, required="true"))
    assert "plugin 'store-mongodb' is not running: cannot start: the database is away" in server.log_text()
    assert "plugin 'store-probe' is not running" in server.log_text()
    server.stop()


def test_down_at_start(school):
    folder, _, link = school
    link.set_cut(True)
    server = store_harness.start_server(folder, "store-mongodb", store_harness.mongodb_options(link.port))
    assert server.get("/readyz").status == 503 and not is_healthy(server)

    async def write(store):
        assert (await upsert(store, 1))["matched"] == 1
        for operation in (store.count("answers"), store.remove("answers", {"answer_id": "a1"}),
                          store.update("answers", {"quiz_id": "q"}, {"$inc": {"changes": 1}})):
            with pytest.raises(StoreError, match="unavailable"):
                await operation

    run(server, write)
    link.set_cut(False)
    wait_until(lambda: is_healthy(server), "the store to be back")
    assert server.get("/readyz").status == 200
    assert run(server, changes) == {"a1": 1}
    server.stop()


def test_down_in_mid_class(school):
    """Each answer counts once, in order, though the line was cut while they were written."""
    folder, _, link = school
    server = store_harness.start_server(folder, "store-mongodb", store_harness.mongodb_options(link.port))

    async def write(store):
        await asyncio.gather(*[upsert(store, number) for number in range(UPSERTS)])
        writing = [asyncio.ensure_future(upsert(store, number)) for number in range(UPSERTS) for _ in range(3)]
        link.set_cut(True)
        await asyncio.gather(*writing)
        # In its place in the order: later changes of the same document see it.
        await store.insert("answers", {"answer_id": "new", "quiz_id": "other", "student_id": "s", "changes": 5})
        await store.update("answers", {"answer_id": "new"}, {"$inc": {"changes": 2}})
        await store.update("answers", {"answer_id": "new"}, {"$max": {"changes": 6}})

    run(server, write)
    assert not is_healthy(server)
    assert server.metric("airclass_store_spooled_bytes") > 0
    link.set_cut(False)
    wait_until(lambda: is_healthy(server), "the store to be back")
    assert run(server, changes) == {"new": 7, **{f"a{number}": 4 for number in range(UPSERTS)}}
    assert server.metric("airclass_store_spooled_bytes") == 0
    server.stop()


def test_a_crash_with_the_spool_full_of_answers(school):
    """SIGKILL while the database is away, and again while the spool is replayed: each answer counts once."""
    folder, _, link = school
    server = store_harness.start_server(folder, "store-mongodb", store_harness.mongodb_options(link.port))
    link.set_cut(True)

    async def write(store):
        await asyncio.gather(*[upsert(store, number) for _ in range(5) for number in range(UPSERTS)])

    run(server, write)
    for _ in range(3):
        server.kill()
        (server.state / "run.json").unlink(missing_ok=True)
        link.set_cut(True)
        server.start()
        before = server.metric("airclass_store_replayed_total") or 0
        link.set_cut(False)
        wait_until(lambda: is_healthy(server) or server.metric("airclass_store_replayed_total") > before, "the replay to begin")
    wait_until(lambda: is_healthy(server), "the store to be back")
    assert run(server, changes) == {f"a{number}": 5 for number in range(UPSERTS)}
    server.stop()


def test_slow_by_five_seconds(school):
    """The main loop does not notice; answers are spooled, and count once."""
    folder, _, link = school
    server = store_harness.start_server(folder, "store-mongodb", store_harness.mongodb_options(link.port))

    async def write(store):
        await upsert(store, 0)
        link.delay_s = 5
        await asyncio.gather(*[upsert(store, number) for number in range(UPSERTS)])
        with pytest.raises(StoreError, match="unavailable"):
            await store.count("answers")

    server.reset = server.log_text()
    run(server, write)
    held = server.log_text()[len(server.reset):]
    assert '"store-mongodb" held the main loop' not in held and '"store-probe" held the main loop' not in held
    link.delay_s = 0
    wait_until(lambda: is_healthy(server), "the store to be back")
    assert run(server, changes) == {"a0": 2, **{f"a{number}": 1 for number in range(1, UPSERTS)}}
    server.stop()


def test_the_spool_is_bounded(school):
    folder, _, link = school
    server = store_harness.start_server(folder, "store-mongodb", store_harness.mongodb_options(link.port, spool_size="1 MiB"))
    link.set_cut(True)

    async def write(store):
        documents = [{"answer_id": f"a{number}", "quiz_id": "q", "student_id": f"s{number}", "answer": "x" * 100_000} for number in range(20)]
        results = []
        for document in documents:
            try:
                results.append(await store.insert("answers", document))
            except StoreError as error:
                results.append(error.code)
        assert results[0] is True and results[-1] == "limit"
        return results.count(True)

    taken = run(server, write)
    link.set_cut(False)
    wait_until(lambda: is_healthy(server), "the store to be back")
    assert run(server, lambda store: store.count("answers")) == taken
    server.stop()


def test_no_secret_in_the_log(tmp_path):
    options = {"store-mongodb": {"uri": "mongodb://teacher:hunter2@127.0.0.1:1", "database": "school"}}
    server = store_harness.start_server(tmp_path, "store-mongodb", options)
    assert "hunter2" not in server.log_text() and "hunter2" not in server.get("/readyz").text
    server.stop()
