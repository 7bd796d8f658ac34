"""SIGKILL in the middle of answers: what was acknowledged is there after a restart."""

import asyncio

import pytest

import store_harness


@pytest.mark.parametrize("provider", ["store-sqlite", "store-mongodb"])
def test_acknowledged_answers_survive(provider, tmp_path):
    with store_harness.database(provider, tmp_path) as options:
        server = store_harness.start_server(tmp_path, provider, options)
        acknowledged, begun = {}, set()

        async def answer(store, student):
            for number in range(1000):
                key = f"a{student}-{number}"
                begun.add(key)
                await store.update("answers", {"quiz_id": f"q{number}", "student_id": f"s{student}"},
                                   {"$set": {"answer": "A"}, "$inc": {"changes": 1}, "$setOnInsert": {"answer_id": key}}, upsert=True)
                acknowledged[key] = "A"
                if len(acknowledged) == 300:
                    server.process.kill()

        async def run():
            async with store_harness.connect(server) as store:
                await asyncio.gather(*[answer(store, student) for student in range(40)], return_exceptions=True)

        try:
            asyncio.run(run())
        finally:
            server.kill()
        assert len(acknowledged) >= 300
        (server.state / "run.json").unlink(missing_ok=True)
        server.start()

        async def compare():
            async with store_harness.connect(server) as store:
                found = {document["answer_id"]: document for document in await store.all("answers")}
                assert set(acknowledged) <= set(found) <= begun
                assert all(document["changes"] == 1 for document in found.values())

        asyncio.run(compare())
        server.stop()
