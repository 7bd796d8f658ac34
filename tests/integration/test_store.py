"""What every provider of the store does alike, through the real plugin in a running server."""

import asyncio
import contextlib
import json
import sqlite3
import time

import pytest

import store_harness
from conftest import DEADLINE_S
from store_harness import StoreError


@pytest.fixture(scope="module", params=["store-sqlite", "store-mongodb"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with store_harness.database(request.param, folder) as options:
        server = store_harness.start_server(folder, request.param, options)
        yield server
        server.stop()


# Of limits that are the core's: with one provider.
embedded = pytest.mark.parametrize("server", ["store-sqlite"], indirect=True)


async def empty(store):
    """A database on a busy machine may need longer than the store waits for it; then it is away for a moment."""
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            await store.remove("things", {"thing_id": {"$exists": True}})
            await store.remove("answers", {"answer_id": {"$exists": True}})
            return
        except StoreError as error:
            if error.code != "unavailable" or time.monotonic() > end:
                raise
        await asyncio.sleep(0.1)


def against(server, test, *arguments):
    """Runs the coroutine test(store, …) over empty collections."""

    async def run():
        async with store_harness.connect(server) as store:
            await empty(store)
            await test(store, *arguments)

    asyncio.run(run())


def thing(number, **members):
    return {"thing_id": f"t{number:04}", "class_id": "algebra", "student_id": f"s{number}", **members}


async def fill(store, documents):
    await asyncio.gather(*[store.insert("things", document) for document in documents])


async def keys(store, filter=None, **arguments):
    return [document["thing_id"] for document in await store.all("things", filter, **arguments)]


async def refused(awaitable, code="invalid", containing=""):
    with pytest.raises(StoreError) as caught:
        await awaitable
    assert caught.value.code == code, caught.value
    assert containing in caught.value.message


# ---- Inserting, getting


def test_a_document_comes_back_as_it_went(server):
    document = thing(1, at="2026-03-01T09:30:00.123Z", points=1.5, count=-3, mark=None, done=True, text="Grüße, \"世界\"\n\t\\ \u0001 🎉",
                     tags=["a", "b"], any={"deep": [1, {"x": None}, 9007199254740993]}, settings={"chat": False})

    async def test(store):
        assert await store.insert("things", document) is True
        assert await store.get("things", "t0001") == document
        assert (await store.find("things"))["documents"] == [document]
        await refused(store.get("things", "t0002"), "not-found")

    against(server, test)


def test_a_unique_index_and_the_key(server):
    async def test(store):
        await store.insert("things", thing(1))
        await refused(store.insert("things", thing(1, student_id="other")), "conflict")
        await refused(store.insert("things", {**thing(2), "student_id": "s1"}), "conflict")
        await store.insert("things", thing(2))
        await refused(store.update("things", {"thing_id": "t0002"}, {"$set": {"student_id": "s1"}}), "conflict")
        assert (await store.get("things", "t0002"))["student_id"] == "s2"
        assert await store.count("things") == 2

    against(server, test)


def test_one_bad_write_among_good_ones(server):
    """They share a transaction; the bad one alone is taken back."""

    async def test(store):
        await store.insert("things", thing(50))
        writes = [store.insert("things", thing(number)) for number in range(100)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [number for number, result in enumerate(results) if result is not True] == [50]
        assert results[50].code == "conflict"
        assert await store.count("things") == 100

    against(server, test)


@pytest.mark.parametrize("document, containing", [
    ({"thing_id": "t", "class_id": "c"}, "student_id"),
    ({"thing_id": 5, "class_id": "c", "student_id": "s"}, ""),
    ({"thing_id": "", "class_id": "c", "student_id": "s"}, ""),
    ({"thing_id": "k" * 257, "class_id": "c", "student_id": "s"}, ""),
    (thing(1, unknown=1), "unknown"),
    (thing(1, points="many"), "points"),
    (thing(1, any={"$where": 1}), "$where"),
    (thing(1, any={"a.b": 1}), "a.b"),
    (thing(1, any={"": 1}), ""),
    ([], "object"),
])
def test_a_document_that_does_not_fit(server, document, containing):
    async def test(store):
        await refused(store.insert("things", document), containing=containing)
        assert await store.count("things") == 0

    against(server, test)


def test_limits_of_a_document(server):
    async def test(store):
        await store.insert("things", thing(1), pad=1024 * 1024 - 4096)
        assert len((await store.get("things", "t0001"))["text"]) == 1024 * 1024 - 4096
        await refused(store.insert("things", thing(2), pad=1024 * 1024), containing="1 MiB")
        await store.insert("things", thing(3), nest=30)
        assert json.dumps(await store.get("things", "t0003")).count('"d"') == 29
        await refused(store.insert("things", thing(4), nest=32), containing="32 levels")
        assert await store.count("things") == 2

    against(server, test)


@embedded
def test_too_much_at_once(server):
    """The 64 MiB that may wait; what was taken is there, what was not has an error. FerretDB takes longer for so much than the store waits."""

    async def test(store):
        writes = [store.insert("things", thing(number), pad=900_000) for number in range(200)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        good = [number for number, result in enumerate(results) if result is True]
        assert len(good) >= 64
        assert {result.code for result in results if result is not True} <= {"limit"}
        assert await store.count("things") == len(good)

    against(server, test)


def test_no_such_collection(server):
    async def test(store):
        await refused(store.insert("nothing", {"a": 1}), containing="nothing")
        await refused(store.find("sqlite_schema"))
        await refused(store.count("things; DROP TABLE c_things"))

    against(server, test)


# ---- Filters

FILTER_THINGS = [
    thing(0, points=1, done=True, text="b", tags=["x", "y"], settings={"level": 1, "chat": True}, any=True),
    thing(1, points=2.5, done=False, text="a", tags=[], settings={"level": 2, "chat": False}, any=1),
    thing(2, points=10, mark=None, any="1"),
    thing(3, points=-1, mark=5, text="", tags=["y"], any=[1, "two", None]),
    thing(4, text="ä", settings={}, class_id="geometry", any={"one": 1}),
    thing(5, points=0, any="[1]"),
]


@pytest.mark.parametrize("filter, numbers", [
    ({}, "012345"),
    ({"thing_id": "t0003"}, "3"),
    ({"thing_id": {"$gte": "t0004"}}, "45"),
    ({"class_id": "algebra", "points": 1}, "0"),
    ({"points": 1.0}, "0"),
    ({"points": {"$gt": 1}}, "12"),
    ({"points": {"$gt": 1, "$lte": 2.5}}, "1"),
    ({"points": {"$gte": -1, "$lt": 1}}, "35"),
    ({"points": {"$ne": 1}}, "12345"),
    ({"points": {"$in": [1, 10, 77]}}, "02"),
    ({"points": {"$in": []}}, ""),
    ({"points": {"$nin": [1, 10]}}, "1345"),
    ({"points": {"$in": [0, None]}}, "45"),
    ({"points": {"$exists": True}}, "01235"),
    ({"points": {"$exists": False}}, "4"),
    ({"points": None}, "4"),
    ({"points": {"$ne": None}}, "01235"),
    ({"points": {"$gt": "a"}}, ""),
    ({"mark": None}, "01245"),
    ({"mark": {"$exists": True}}, "23"),
    ({"done": True}, "0"),
    ({"done": False}, "1"),
    ({"done": {"$ne": True}}, "12345"),
    ({"done": 1}, ""),
    ({"text": {"$gte": "a"}}, "014"),
    ({"text": {"$gt": "b"}}, "4"),
    ({"text": ""}, "3"),
    ({"tags": "y"}, "03"),
    ({"tags": {"$in": ["x", "z"]}}, "0"),
    ({"tags": {"$ne": "y"}}, "1245"),
    ({"tags": {"$gt": "x"}}, "03"),
    ({"settings.level": 2}, "1"),
    ({"settings.level": {"$gte": 1}}, "01"),
    ({"settings.chat": False}, "1"),
    ({"settings.chat": {"$exists": False}}, "2345"),
    ({"any": 1}, "13"),
    ({"any": True}, "0"),
    ({"any": "1"}, "2"),
    ({"any": "two"}, "3"),
    ({"any": "[1]"}, "5"),
    ({"any": None}, "3"),
    ({"any.one": 1}, "4"),
    ({"$or": [{"points": 1}, {"text": "a"}]}, "01"),
    ({"$and": [{"points": {"$gt": 0}}, {"points": {"$lt": 3}}]}, "01"),
    ({"class_id": "algebra", "$or": [{"points": {"$lt": 0}}, {"$and": [{"done": True}, {"text": "b"}]}]}, "03"),
])
def test_filter(server, filter, numbers):
    async def test(store):
        await fill(store, FILTER_THINGS)
        assert await keys(store, filter) == [f"t000{number}" for number in numbers]
        assert await store.count("things", filter) == len(numbers)

    against(server, test)


@pytest.mark.parametrize("filter", [
    [], "text", {"$where": "1"}, {"$or": []}, {"$or": {}}, {"$and": [1]}, {"$nor": [{}]},
    {"points": {"$regex": "."}}, {"points": {}}, {"points": {"a": 1}}, {"points": []}, {"points": {"$in": 1}},
    {"points": {"$in": [{}]}}, {"points": {"$gt": None}}, {"points": {"$gt": True}}, {"points": {"$exists": 1}},
    {"points": {"$gt": {"$gt": 1}}}, {"unknown": 1}, {"settings.unknown": 1}, {"text.x": 1}, {"a' OR 1=1 --": 1}, {"any.\"": 1},
    {"any.$x": 1}, {"any..x": 1}, {".any": 1}, {"": 1}, {"any.a.a.a.a.a.a.a.a": 1}, {"points": {"$in": list(range(1001))}},
    {"$and": [{"points": number} for number in range(101)]},
])
def test_a_bad_filter(server, filter):
    async def test(store):
        await store.insert("things", thing(1))
        await refused(store.find("things", filter))
        await refused(store.count("things", filter))
        await refused(store.remove("things", filter))
        await refused(store.update("things", filter, {"$set": {"points": 1}}))
        await refused(store.aggregate("things", filter, [], n={"$sum": 1}))
        assert await store.count("things") == 1

    against(server, test)


def test_a_text_is_never_code(server):
    async def test(store):
        nasty = "'; DROP TABLE c_things; -- \" $where {}"
        await store.insert("things", thing(1, text=nasty))
        assert await keys(store, {"text": nasty}) == ["t0001"]
        await refused(store.get("things", nasty), "not-found")

    against(server, test)


# ---- Sorting, paging


@pytest.mark.parametrize("sort, numbers", [
    (None, "012345"), ("points", "435012"), ("-points", "210534"), ("class_id,-points", "210534"), ("-class_id,points", "435012"),
    ("text", "253104"), ("-thing_id", "543210"), ("-class_id", "401235"),
])
def test_sort(server, sort, numbers):
    async def test(store):
        await fill(store, FILTER_THINGS)
        expected = [f"t000{number}" for number in numbers]
        order = {"sort": sort} if sort else {}
        assert await keys(store, **order) == expected
        for limit in (1, 2, 4, 6):
            assert await keys(store, limit=limit, **order) == expected
        assert (await store.find("things", limit=6, **order))["cursor"] is None

    against(server, test)


def test_a_bad_sort_or_cursor(server):
    async def test(store):
        await fill(store, FILTER_THINGS)
        for sort in ("", ",", "unknown", "points,", "tags", "any", "done", "points desc", "--points", "points,text,at,count,class_id"):
            await refused(store.find("things", sort=sort))
        page = await store.find("things", {"class_id": "algebra"}, limit=2, sort="points")
        await store.find("things", {"class_id": "algebra"}, limit=2, sort="points", cursor=page["cursor"])
        for other in ({"filter": {"class_id": "geometry"}, "sort": "points"}, {"filter": {"class_id": "algebra"}, "sort": "-points"},
                      {"filter": {"class_id": "algebra"}}):
            await refused(store.find("things", limit=2, cursor=page["cursor"], **other), containing="cursor")
        for cursor in ("", "x", "e30", "W10", page["cursor"][:-3], "ä", "A" * 100000):
            await refused(store.find("things", {"class_id": "algebra"}, sort="points", cursor=cursor), containing="cursor")

    against(server, test)


def test_paging_while_others_write(server):
    """What was there from start to end comes exactly once."""

    async def test(store):
        await fill(store, [thing(number, points=number % 7, at=f"2026-01-01T00:00:{number % 60:02}.000Z") for number in range(0, 400, 2)])

        async def write():
            for number in range(1, 400, 2):
                await store.insert("things", thing(number, points=number % 7))
                await store.remove("things", {"thing_id": f"t{number:04}"})

        writing = asyncio.ensure_future(write())
        for sort in ("points", "-points,at", "thing_id", "-thing_id"):
            found = await keys(store, {"class_id": "algebra"}, sort=sort, limit=7)
            stable = [key for key in found if int(key[1:]) % 2 == 0]
            assert sorted(stable) == [f"t{number:04}" for number in range(0, 400, 2)]
            assert len(found) == len(set(found))
        await writing
        assert await store.count("things") == 200

    against(server, test)


@embedded
def test_a_page_of_large_documents_is_bounded(server):
    """FerretDB takes longer to remove as much than the store waits."""

    async def test(store):
        for number in range(24):
            await store.insert("things", thing(number), pad=1_000_000)
        page = await store.find("things")
        assert 16 <= len(page["documents"]) < 24 and page["cursor"]
        assert len(await keys(store)) == 24

    against(server, test)


# ---- Changes


@pytest.mark.parametrize("before, changes, after", [
    ({}, {"$set": {"points": 5}}, {"points": 5}),
    ({"points": 5}, {"$set": {"points": 6, "text": "x"}}, {"points": 6, "text": "x"}),
    ({}, {"$set": {"settings.level": 3}}, {"settings": {"level": 3}}),
    ({"settings": {"chat": True}}, {"$set": {"settings.deep.er.still": 1}}, {"settings": {"chat": True, "deep": {"er": {"still": 1}}}}),
    ({"points": 5, "text": "x"}, {"$unset": {"text": ""}}, {"points": 5}),
    ({"settings": {"chat": True}}, {"$unset": {"settings.chat": 1}}, {"settings": {}}),
    ({"points": 5}, {"$inc": {"points": 2, "count": -3}}, {"points": 7, "count": -3}),
    ({"points": 0.5}, {"$inc": {"points": 0.25}}, {"points": 0.75}),
    ({"points": 5, "text": "b"}, {"$max": {"points": 4, "count": 1, "text": "c"}}, {"points": 5, "count": 1, "text": "c"}),
    ({"points": 5, "text": "b"}, {"$min": {"points": 4, "count": 1, "text": "c"}}, {"points": 4, "count": 1, "text": "b"}),
    ({}, {"$push": {"tags": "a"}}, {"tags": ["a"]}),
    ({"tags": ["a"]}, {"$push": {"tags": "a"}}, {"tags": ["a", "a"]}),
    ({"tags": ["a"]}, {"$addToSet": {"tags": "b"}}, {"tags": ["a", "b"]}),
    ({}, {"$addToSet": {"tags": "b"}}, {"tags": ["b"]}),
    ({"tags": ["a", "b", "a"]}, {"$pull": {"tags": "a"}}, {"tags": ["b"]}),
    ({"points": 5}, {"$set": {"mark": None}}, {"points": 5, "mark": None}),
    ({"points": 1}, {"$inc": {"points": 1}, "$set": {"done": True}, "$push": {"tags": "z"}, "$unset": {"text": 1}},
     {"points": 2, "done": True, "tags": ["z"]}),
    # nothing changes
    ({"points": 5}, {"$set": {"points": 5}}, None),
    ({"points": 5}, {"$max": {"points": 1}}, None),
    ({"tags": ["a"]}, {"$addToSet": {"tags": "a"}}, None),
    ({"tags": ["a"]}, {"$pull": {"tags": "b"}}, None),
    ({}, {"$pull": {"tags": "b"}}, None),
    ({}, {"$unset": {"text": 1}}, None),
    ({"points": 5}, {"$setOnInsert": {"points": 6}}, None),
])
def test_change(server, before, changes, after):
    async def test(store):
        await store.insert("things", thing(1, **before))
        result = await store.update("things", {"thing_id": "t0001"}, changes)
        assert result == {"matched": 1, "modified": 0 if after is None else 1, "inserted": False}
        assert await store.get("things", "t0001") == thing(1, **(before if after is None else after))

    against(server, test)


def test_one_and_many(server):
    async def test(store):
        await fill(store, [thing(number, points=number) for number in range(10)])
        filter, changes = {"points": {"$gte": 3}}, {"$inc": {"points": 100}}
        assert await store.update("things", filter, changes) == {"matched": 1, "modified": 1, "inserted": False}
        assert await store.count("things", {"points": {"$gte": 100}}) == 1
        assert (await store.update("things", {"points": {"$lt": 100}}, {"$max": {"points": 5}}, many=True)) == {
            "matched": 9, "modified": 9 - sum(1 for d in await store.all("things", {"points": {"$gt": 5, "$lt": 100}})) - 1,
            "inserted": False}
        assert await store.update("things", {"points": -1}, changes, many=True) == {"matched": 0, "modified": 0, "inserted": False}

    against(server, test)


@pytest.mark.parametrize("changes", [
    {}, [], None, {"points": 1}, {"$set": 1}, {"$rename": {"points": "text"}}, {"$set": {"unknown": 1}}, {"$set": {"points": "x"}},
    {"$set": {"count": -2000}}, {"$set": {"settings.level": "x"}}, {"$set": {"settings": {"unknown": 1}}}, {"$set": {"thing_id": "other"}},
    {"$unset": {"class_id": 1}}, {"$inc": {"text": 1}}, {"$inc": {"points": "1"}}, {"$push": {"text": "x"}}, {"$push": {"tags": 5}},
    {"$push": {"tags": {"$each": ["a"]}}}, {"$max": {"done": True}}, {"$set": {"points": 1}, "$inc": {"points": 1}},
    {"$set": {"settings": {}, "settings.level": 1}}, {"$set": {"any": {"$x": 1}}}, {"$pull": {"tags": {"$in": ["a"]}}},
    {"$set": {"any.a": {"b.c": 1}}},
])
def test_a_bad_change(server, changes):
    async def test(store):
        await store.insert("things", thing(1, points=1))
        await refused(store.update("things", {"thing_id": "t0001"}, changes))
        assert await store.get("things", "t0001") == thing(1, points=1)

    against(server, test)


@pytest.mark.parametrize("changes", [{"$inc": {"any": 1}}, {"$push": {"any": 1}}, {"$set": {"any.x": 1}}])
def test_a_change_that_does_not_fit_what_is_there(server, changes):
    async def test(store):
        await store.insert("things", thing(1, any="text"))
        await refused(store.update("things", {"thing_id": "t0001"}, changes))
        assert await store.get("things", "t0001") == thing(1, any="text")

    against(server, test)


# ---- Upserts


def test_upsert(server):
    async def test(store):
        filter = {"class_id": "algebra", "student_id": "s1"}
        changes = {"$set": {"text": "A"}, "$inc": {"count": 1}, "$setOnInsert": {"thing_id": "t0001", "at": "first"}}
        assert await store.update("things", filter, changes, upsert=True) == {"matched": 0, "modified": 0, "inserted": True}
        assert await store.get("things", "t0001") == thing(1, text="A", count=1, at="first")
        changes = {"$set": {"text": "B"}, "$inc": {"count": 1}, "$setOnInsert": {"thing_id": "t0002", "at": "second"}}
        assert await store.update("things", filter, changes, upsert=True) == {"matched": 1, "modified": 1, "inserted": False}
        assert await store.all("things") == [thing(1, text="B", count=2, at="first")]
        by_key = {"thing_id": "t0009"}
        assert (await store.update("things", by_key, {"$set": {"class_id": "c", "student_id": "s", "settings.level": 1}}, upsert=True))["inserted"]
        assert await store.get("things", "t0009") == {"thing_id": "t0009", "class_id": "c", "student_id": "s", "settings": {"level": 1}}

    against(server, test)


def test_a_bad_upsert(server):
    async def test(store):
        await refused(store.update("things", {"class_id": "c", "student_id": "s"}, {"$set": {"text": "A"}}, upsert=True), containing="thing_id")
        await refused(store.update("things", {"thing_id": "t"}, {"$set": {"text": "A"}}, upsert=True), containing="class_id")
        await refused(store.update("things", {"thing_id": "t"}, {"$set": {"class_id": "c", "student_id": "s"}}, upsert=True, many=True))
        assert await store.count("things") == 0
        await store.insert("things", thing(1))
        await refused(store.update("things", {"class_id": "algebra", "student_id": "s2"}, {"$setOnInsert": {"thing_id": "t0001"}}, upsert=True),
                      "conflict")

    against(server, test)


def test_upserts_race(server):
    """Of all that are in the air at once, one inserts, and each counts."""

    async def test(store):
        def upsert(number):
            return store.update("things", {"class_id": "algebra", "student_id": "s1"},
                                {"$inc": {"count": 1}, "$setOnInsert": {"thing_id": f"t{number:04}"}}, upsert=True)

        results = await asyncio.gather(*[upsert(number) for number in range(200)])
        assert sum(result["inserted"] for result in results) == 1
        [document] = await store.all("things")
        assert document["count"] == 200

    against(server, test)


def test_writes_keep_their_order(server):
    async def test(store):
        await store.insert("things", thing(1, tags=[]))
        pushes = [store.update("things", {"thing_id": "t0001"}, {"$push": {"tags": str(number)}}) for number in range(200)]
        await asyncio.gather(*pushes)
        assert (await store.get("things", "t0001"))["tags"] == [str(number) for number in range(200)]
        await asyncio.gather(store.insert("things", thing(2)), store.remove("things", {"thing_id": "t0002"}),
                             store.insert("things", thing(2, text="again")))
        assert (await store.get("things", "t0002"))["text"] == "again"

    against(server, test)


# ---- Removing, grouping


def test_remove(server):
    async def test(store):
        await fill(store, FILTER_THINGS)
        assert await store.remove("things", {"points": {"$gte": 1}}) == 3
        assert await store.remove("things", {"points": {"$gte": 1}}) == 0
        assert await keys(store) == ["t0003", "t0004", "t0005"]
        for filter in ({}, None):
            await refused(store.call("remove", "things", **({"filter": filter} if filter is not None else {})))
        assert await store.count("things") == 3

    against(server, test)


def test_aggregate(server):
    async def test(store):
        await fill(store, FILTER_THINGS)
        values = {"n": {"$sum": 1}, "points": {"$sum": "points"}, "mean": {"$avg": "points"}, "least": {"$min": "points"},
                  "last": {"$max": "text"}}
        assert await store.aggregate("things", {}, ["class_id"], **values) == [
            {"class_id": "algebra", "n": 5, "points": 12.5, "mean": 2.5, "least": -1, "last": "b"},
            {"class_id": "geometry", "n": 1, "points": 0, "mean": None, "least": None, "last": "ä"}]
        assert await store.aggregate("things", {"points": {"$gt": 0}}, [], **values) == [
            {"n": 3, "points": 13.5, "mean": 4.5, "least": 1, "last": "b"}]
        assert await store.aggregate("things", {"class_id": "nobody's"}, ["class_id"], n={"$sum": 1}) == []
        assert await store.aggregate("things", {"class_id": "algebra"}, ["done", "class_id"], n={"$sum": 1}) == [
            {"done": None, "class_id": "algebra", "n": 3}, {"done": False, "class_id": "algebra", "n": 1},
            {"done": True, "class_id": "algebra", "n": 1}]

    against(server, test)


@pytest.mark.parametrize("group", [
    {}, [], {"by": []}, {"by": "class_id", "values": {}}, {"by": ["unknown"], "values": {}}, {"by": ["tags"], "values": {}},
    {"by": ["settings.level"], "values": {}}, {"by": [], "values": {"n": 1}}, {"by": [], "values": {"n": {"$sum": 2}}},
    {"by": [], "values": {"n": {"$push": "text"}}}, {"by": [], "values": {"n": {"$sum": "unknown"}}}, {"by": [], "values": {"a b": {"$sum": 1}}},
    {"by": ["class_id"], "values": {"class_id": {"$sum": 1}}}, {"by": [], "values": {"n": {"$avg": 1}}}, {"by": [], "values": {}, "more": 1},
])
def test_a_bad_group(server, group):
    async def test(store):
        await refused(store.call("aggregate", "things", group=group))

    against(server, test)


# ---- From outside


def test_health_and_metrics(server):
    async def test(store):
        await store.insert("things", thing(1))
        await refused(store.insert("things", thing(1)), "conflict")

    against(server, test)
    ready = server.get("/readyz").json
    assert {"name": "store", "ok": True, "required": True}.items() <= next(d for d in ready["dependencies"] if d["name"] == "store").items()
    metrics = server.get("/metrics").text
    assert 'airclass_store_operations_total{operation="insert",result="error"}' in metrics
    assert 'airclass_store_seconds_count{operation="insert"}' in metrics
    assert "airclass_store_waiting 0" in metrics


# ---- Bulk writes


@embedded
def test_bulk_writes_let_the_others_pass(server):
    async def test(store):
        order = []

        def write(name, thing_id, points, **arguments):
            changes = {"$set": {"points": points, "class_id": "algebra", "student_id": thing_id}}
            future = asyncio.ensure_future(store.update("things", {"thing_id": thing_id}, changes, upsert=True, **arguments))
            future.add_done_callback(lambda _: order.append(name))
            return future

        path = server.state / "store-sqlite" / "store.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
            # The disk is slow: all that is called waits.
            database.execute("BEGIN IMMEDIATE")
            writes = [write("bulk", f"t{i % 50}", i, bulk=True) for i in range(400)]
            await until_waiting(server, 400)
            writes.append(write("answer", "answer", 1))
            await until_waiting(server, 401)
            database.execute("ROLLBACK")
        await asyncio.gather(*writes)
        # Only what was being written before it came is done first: a group of 32.
        assert order.index("answer") <= 32
        # Among one another they were done in their order.
        assert {d["thing_id"]: d["points"] for d in await store.all("things")} == {**{f"t{i}": 350 + i for i in range(50)}, "answer": 1}

    against(server, test)


async def until_waiting(server, count):
    end = time.monotonic() + DEADLINE_S
    while await asyncio.get_running_loop().run_in_executor(None, server.metric, "airclass_store_waiting") != count:
        assert time.monotonic() < end, f"{server.metric('airclass_store_waiting')} operations wait, not {count}"
        await asyncio.sleep(0.02)
