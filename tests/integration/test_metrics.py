"""/metrics as Prometheus wants it."""

import shutil
import subprocess

import pytest

from conftest import wait_until


def check(server):
    exposition = server.get("/metrics")
    assert exposition.status == 200
    assert exposition.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert exposition.text.endswith("\n")
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    result = subprocess.run(["promtool", "check", "metrics"], input=exposition.body, capture_output=True, timeout=30)
    assert (result.returncode, result.stdout + result.stderr) == (0, b"")
    return exposition.text


def test_promtool_is_silent(airclassd):
    server = airclassd(plugins=["rtmp-ingest", "whep-egress", "example"])
    server.get("/nothing")
    server.get("/api/streams", token=server.token("teacher"))
    server.post("/api/token", json_body={"user_type": "teacher", "key": "wrong"})
    text = check(server)
    for name in ("airclass_build_info{version=", "process_cpu_seconds_total ", "process_resident_memory_bytes ", "process_open_fds ",
                 "process_max_fds ", "process_threads ", "process_start_time_seconds ", "airclass_main_loop_lag_seconds_count ",
                 "airclass_auth_refusals_total{", "airclass_log_lines_total{"):
        assert "\n" + name in text, name


def test_promtool_is_silent_while_a_stream_is_live(airclassd, publish):
    server = airclassd()
    publish(server)
    check(server)


def test_the_watchdog_measures(airclassd):
    server = airclassd(plugins=[])
    wait_until(lambda: server.metric("airclass_main_loop_lag_seconds_count"), "a probe of the main loop")


def test_the_process_is_measured(airclassd):
    server = airclassd(plugins=[])
    assert server.metric("process_resident_memory_bytes") > 1 << 20
    assert 5 < server.metric("process_open_fds") < 200
    assert server.metric("process_threads") >= 2
