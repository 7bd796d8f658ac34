"""The log of the real server: one line an entry, whatever strangers send."""

import json

from conftest import wait_until


def test_json(airclassd):
    server = airclassd({"log": {"format": "json"}}, plugins=[])
    server.post("/api/token", json_body={"user_type": "teacher", "key": "wrong\"\n{}"})
    entries = [json.loads(line) for line in server.log_text().splitlines()]
    assert entries
    for entry in entries:
        assert set(entry) == {"at", "level", "domain", "message"}
    assert any(entry["domain"] == "air-auth" and "refused" in entry["message"] for entry in entries)


def test_a_line_stays_a_line(airclassd, run):
    server = airclassd({"log": {"level": "debug"}}, plugins=["rtmp-ingest"])
    forged = "2026-01-01T00:00:00.000Z error   air-auth: forged"
    server.get("/%0d%0a" + forged.replace(" ", "%20"), headers={"User-Agent": "x\x1b[2J"})
    server.post("/api/auth/mediamtx", json_body={"action": f"a\r\n{forged}"[:32], "ip": f"\n{forged}", "token": f"ey\n{forged}.a.b"})
    publisher = run(["ffmpeg", "-nostdin", "-loglevel", "quiet", "-f", "lavfi", "-i", "color=size=64x64:rate=5", "-t", "1", "-f", "flv",
                     server.rtmp_url(f"a\r\n{forged}/b")])
    publisher.wait(30)
    lines = server.log_text().splitlines()
    assert lines and all(line[:4].isdigit() and line[10] == "T" for line in lines)
    assert not any(line.startswith("2026-01-01T00:00:00.000Z") for line in lines)
    assert "\x1b" not in server.log_text()


def test_a_flood_is_cut_and_counted(airclassd):
    server = airclassd(plugins=[])
    for _ in range(200):
        server.get("/api/streams", token="eyJhbGciOiJIUzI1NiJ9.e30.AAAA")
    assert server.log_text().count("refused") < 100
    assert server.metric("airclass_log_lines_left_out_total") > 50
    assert server.metric("airclass_auth_refusals_total") == 200


def test_level_changes_live(airclassd):
    server = airclassd({"log": {"level": "error"}}, plugins=[])
    server.post("/api/token", json_body={"user_type": "teacher", "key": "wrong-1"})
    assert "air-auth" not in server.log_text()
    options = dict(server.options)
    options["log"] = {"level": "info"}
    server.write_config(options)
    server.reload()

    def is_logged():
        server.post("/api/token", json_body={"user_type": "teacher", "key": "wrong-2"})
        return "air-auth" in server.log_text()

    wait_until(is_logged, "the new level")


def test_a_missing_journal_is_no_silence(airclassd):
    server = airclassd({"log": {"format": "journald"}}, plugins=[])
    assert "journal" in server.log_text() or "ready" not in server.log_text()
