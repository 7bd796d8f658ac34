"""--export-store and --import-store: a school moves from one store to another."""

import asyncio
import json
import subprocess

import pytest

import store_harness
from conftest import find_airclassd

THINGS = [{"thing_id": f"t{number:05}", "class_id": "algebra", "student_id": f"s{number}", "points": number / 2, "text": "Grüße\n\"世界\"",
           "any": [None, {"x": 9007199254740993}]} for number in range(450)]


def transfer(server, option, path):
    return subprocess.run([find_airclassd(), "--config", server.config, option, path], env=server.environ(), capture_output=True, text=True,
                          timeout=120)


def run(server, test):
    async def connected():
        async with store_harness.connect(server) as store:
            return await test(store)

    server.start()
    try:
        return asyncio.run(connected())
    finally:
        server.stop()


async def fill(store):
    await asyncio.gather(*[store.insert("things", document) for document in THINGS])
    await store.insert("answers", {"answer_id": "a", "quiz_id": "q", "student_id": "s"})
    await store.insert("things", {"thing_id": "x", "class_id": "large", "student_id": "s"}, pad=1_000_000)


async def everything(store):
    return await store.all("things"), await store.all("answers")


def make_server(folder, provider, options=None):
    server = store_harness.start_server(folder, provider, options)
    server.stop()
    return server


@pytest.mark.parametrize("target", ["store-sqlite", "store-mongodb"])
def test_a_school_moves(tmp_path, target):
    source = make_server(tmp_path / "source", "store-sqlite")
    run(source, fill)
    file, again = tmp_path / "school.jsonl", tmp_path / "again.jsonl"
    exported = transfer(source, "--export-store", file)
    assert exported.returncode == 0 and "452 documents exported" in exported.stdout, exported.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    with store_harness.database(target, tmp_path) as options:
        server = make_server(tmp_path / "target", target, options)
        for _ in range(2):  # once more does nothing
            imported = transfer(server, "--import-store", file)
            assert imported.returncode == 0 and "452 documents imported" in imported.stdout, imported.stderr
        assert run(server, everything) == run(source, everything)
        assert transfer(server, "--export-store", again).returncode == 0
    first, second = ([json.loads(line) for line in path.read_text().splitlines()[1:]] for path in (file, again))
    assert first == second


def test_not_while_the_server_runs(tmp_path):
    server = store_harness.start_server(tmp_path, "store-sqlite")
    for option in ("--export-store", "--import-store"):
        result = transfer(server, option, tmp_path / "file")
        assert result.returncode == 1 and "is in use by another airclassd" in result.stderr
    assert not (tmp_path / "file").exists()
    server.stop()


def test_a_bad_file(tmp_path):
    server = make_server(tmp_path, "store-sqlite")
    header, good = '{"airclass_store":1}', '{"collection":"answers","document":{"answer_id":"a","quiz_id":"q","student_id":"s"}}'
    end = '{"end":true,"documents":1}'
    for lines, fault in [
        ([], "line 0"), (["{}"], "line 1"), (['{"airclass_store":2}'], "line 1"), ([header], "line 1: the file ends here"),
        ([header, good], "line 2: the file ends here"), ([header, "nonsense"], "line 2"), ([header, good, '{"collection":"answers"}'], "line 3"),
        ([header, good, good.replace('"quiz_id":"q",', "")], "line 3"), ([header, good.replace("answers", "nothing")], "line 2"),
        ([header, good, good.replace('"s"', '"other"')], "line 3: there is another document"),
        ([header, end], "line 2: the file has 1 documents less"), ([header, good, end, good], "line 4"),
        ([header, "[" * 100_000], "line 2"), ([header, "x" * 2_000_000], "line 2: it is longer"),
    ]:
        file = tmp_path / "bad"
        file.write_text("".join(line + "\n" for line in lines))
        result = transfer(server, "--import-store", file)
        assert result.returncode == 1 and fault in result.stderr, (lines[-1:], result.stderr)
    missing = transfer(server, "--import-store", tmp_path / "missing")
    assert missing.returncode == 1 and "missing" in missing.stderr
    (tmp_path / "good").write_text("\n".join([header, json.dumps(json.loads(good), indent=None), end, ""]))
    assert transfer(server, "--import-store", tmp_path / "good").returncode == 0
