"""The command line, the configuration, what is left out and why (FAULTS 30), reload, signals, and the routes of the host."""

import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

from conftest import BUILD, find_airclassd, free_port, resource_environment, wait_until

# Plugins made with faults for the loader's unit tests.
FAULTY = BUILD / "tests" / "unit" / "host"


def run(*arguments, environment=None):
    """airclassd with arguments that make it end at once."""
    variables = {**os.environ, **resource_environment(), **(environment or {})}
    return subprocess.run([find_airclassd(), *map(str, arguments)], env=variables, capture_output=True, text=True, timeout=60)


def write(folder, text):
    path = folder / "test.conf"
    path.write_text(text)
    return path


# ---- Questions


def test_version_and_help():
    assert run("--version").stdout.startswith("airclassd 0.")
    help_text = run("--help").stdout
    for option in ("--config", "--check-config", "--list-plugins", "--list-metrics", "--describe", "--print-config", "--json"):
        assert option in help_text


def test_unknown_argument():
    for arguments in (["--chek-config"], ["airclass.conf"]):
        result = run(*arguments)
        assert result.returncode == 1
        assert "--help" in result.stderr


def test_describe():
    result = run("--describe", "http")
    assert result.returncode == 0
    assert "listen=0.0.0.0:8000" in result.stdout
    document = json.loads(run("--describe", "example", "--json").stdout)
    assert document["name"] == "example" and not document["built_in"]
    options = {option["key"]: option for option in document["options"]}
    assert options["interval"]["range"] == "100 ms to 1 min"
    assert options["greeting"]["live"]
    by_path = json.loads(run("--describe", BUILD / "plugins" / "example" / "example.so", "--json").stdout)
    assert by_path == document


def test_describe_unknown():
    result = run("--describe", "exmaple")
    assert result.returncode == 1
    assert "did you mean 'example'?" in result.stderr


def test_list_plugins(tmp_path):
    config = write(tmp_path, "[core]\nplugins=example,nowhere\n")
    listed = {plugin["name"]: plugin for plugin in json.loads(run("--config", config, "--list-plugins", "--json").stdout)}
    assert listed["example"]["state"] == "enabled"
    assert listed["nowhere"]["state"] == "broken"
    assert listed["rtmp-ingest"]["state"] == "disabled"
    assert "nowhere" in run("--config", config, "--list-plugins").stdout


def test_print_config_blots_secrets(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef-secret\n")
    config = write(tmp_path, f"[core]\nplugins=\nstate_dir=here\n[auth]\njwt_secret_file={secret}\n")
    result = run("--config", config, "--print-config")
    assert result.returncode == 0, result.stderr
    assert f"state_dir={tmp_path}/here\n" in result.stdout
    assert "jwt_secret=***" in result.stdout
    assert "-secret" not in result.stdout
    # What is printed is a configuration again.
    again = write(tmp_path, result.stdout.replace("jwt_secret=***\n", ""))
    assert run("--config", again, "--check-config").returncode == 0


# ---- Faults in the configuration


@pytest.mark.parametrize(
    "text, expected",
    [
        ("[http]\nlisten=127.0.0.1:0\nlisten=127.0.0.1:0\n", "test.conf:3: 'listen' is already set on line 2"),
        ("[http]\nlisen=127.0.0.1:0\n", "test.conf:2: unknown key 'lisen' in [http]; did you mean 'listen'?"),
        ("[htpp]\n", "test.conf:1: unknown section [htpp]; did you mean [http]?"),
        ("[log]\nlevel=loud\n", "test.conf:2: [log] level: 'loud' is none of: "),
        ("[core]\nlag_warning=1\nplugins\n", "test.conf:3: expected [section] or key=value"),
        ("[core]\nlag_warning=2 days\n", "test.conf:2: [core] lag_warning: '2 days' is not a duration"),
        ("[core]\nplugins=\n[example]\nintervall=3\n", "test.conf:4: unknown key 'intervall' in [example]; did you mean 'interval'?"),
        ("[core]\nplugins=example,example\n", "test.conf:2: [core] plugins: 'example' is named twice"),
        ("[auth]\naudience=\"class\"\n", 'test.conf:2: [auth] audience: "class": a value is written without quotes'),
        ("[http]\nlisten=127.0.0.1:0 # here\n", "(a comment needs a line of its own)"),
        *(
            (f"[http]\npublic_url={url}\n", f"test.conf:2: [http] public_url: '{url}' is not an address such as")
            for url in ("x", "class.example", "ftp://class.example", "https://", "https://a b", "https://a/?b", "https://a/#b",
                        "https://user@a", "https:///x", "//a")
        ),
        ("[auth]\njwt_secret_file=nowhere\n", "test.conf:2: [auth] jwt_secret: "),
    ],
)
def test_bad_configuration_starts_nothing(tmp_path, text, expected):
    state = tmp_path / "state"
    config = write(tmp_path, text)
    for arguments in (["--check-config"], []):
        result = run("--config", config, *arguments, environment={"AIRCLASS_CORE_STATE_DIR": str(state)})
        assert result.returncode == 1
        assert expected in result.stderr
    assert not state.exists()


def test_secret_files(tmp_path):
    secret = tmp_path / "secret"
    config = write(tmp_path, "[core]\nplugins=\n[auth]\njwt_secret_file=secret\n")
    secret.write_text("\n")
    result = run("--config", config, "--check-config")
    assert result.returncode == 1 and "secret' is empty" in result.stderr
    secret.write_text("s" * 40 + "\n")
    secret.chmod(0o644)
    result = run("--config", config, "--check-config")
    assert result.returncode == 0 and "secret' can be read by everybody" in result.stderr
    secret.chmod(0o640)
    assert "can be read" not in run("--config", config, "--check-config").stderr


def test_all_faults_at_once(tmp_path):
    config = write(tmp_path, "[http]\nlisen=1\n[cor]\n[log]\nlevel=loud\nformat=nice\n")
    lines = [line for line in run("--config", config, "--check-config").stderr.splitlines() if "test.conf:" in line]
    assert len(lines) == 4


def test_missing_configuration(tmp_path):
    result = run("--config", tmp_path / "nowhere.conf")
    assert result.returncode == 1
    assert "nowhere.conf: cannot be read" in result.stderr


def test_mistyped_environment_is_told(tmp_path):
    config = write(tmp_path, "[core]\nplugins=\n")
    result = run("--config", config, "--check-config", environment={"AIRCLASS_HTTP_LISEN": "1"})
    assert "environment AIRCLASS_HTTP_LISEN: there is no such option; did you mean 'AIRCLASS_HTTP_LISTEN'?" in result.stderr


# ---- Plugins that are left out


def test_faulty_plugins_are_left_out(airclassd):
    names = ["wrong-version", "no-symbol", "not-elf", "nowhere", "needs-circle", "circle-a", "circle-b", "fail-create",
             "fail-start", "needs-fail-start", "provider", "needs-provider"]
    server = airclassd(plugins=names, environment={"AIRCLASS_CORE_PLUGIN_DIR": str(FAULTY)})
    plugins = {plugin["name"]: plugin for plugin in server.get("/api/system").json["plugins"]}
    for name, state, reason in (
        ("wrong-version", "skipped", "version 999 of the plugin interface"),
        ("no-symbol", "skipped", "is not a plugin"),
        ("not-elf", "skipped", "cannot be loaded"),
        ("nowhere", "skipped", "there is no nowhere.so"),
        ("circle-a", "skipped", "circle-a → circle-b → circle-a"),
        ("needs-circle", "skipped", "needs the service 'a'"),
        ("fail-create", "failed", "cannot be created: no wish to be"),
        ("fail-start", "failed", "cannot start: the port is taken"),
        ("needs-fail-start", "skipped", "needs the service 'start' of 'fail-start'"),
    ):
        assert plugins[name]["state"] == state, plugins[name]
        assert reason in plugins[name]["reason"]
        assert f"plugin '{name}' is not running: " in server.log_text()
    assert plugins["provider"]["state"] == plugins["needs-provider"]["state"] == "running"
    readiness = server.get("/readyz")
    assert readiness.status == 200
    assert {d["name"] for d in readiness.json["dependencies"] if not d["ok"]} >= {"fail-start", "not-elf"}


def test_check_config_names_what_would_not_start(tmp_path):
    config = write(tmp_path, "[core]\nplugins=wrong-version,needs-provider\n")
    result = run("--config", config, "--check-config", environment={"AIRCLASS_CORE_PLUGIN_DIR": str(FAULTY)})
    assert result.returncode == 1
    assert "plugin 'wrong-version': " in result.stderr
    assert "plugin 'needs-provider': needs the service 'thing', which no enabled plugin provides" in result.stderr


def test_taken_port_ends_the_host(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = write(tmp_path, f"[core]\nplugins=\nstate_dir=state\n[http]\nlisten=127.0.0.1:{taken.getsockname()[1]}\n")
        result = run("--config", config)
    assert result.returncode == 1
    assert "cannot listen on 127.0.0.1" in result.stderr
    assert not (tmp_path / "state" / "run.json").exists()


def test_state_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "state").write_text("a file")
    config = write(tmp_path, "[core]\nplugins=\nstate_dir=state/deeper\n")
    result = run("--config", config)
    assert result.returncode == 1
    assert "state/deeper' cannot be written" in result.stderr


def test_state_folder_of_another_server(airclassd, tmp_path):
    first = airclassd(plugins=[])
    config = write(tmp_path, f"[core]\nplugins=\nstate_dir={first.state}\n[http]\nlisten=127.0.0.1:0\n")
    result = run("--config", config)
    assert result.returncode == 1
    assert f"the state folder '{first.state}' is in use by another airclassd" in result.stderr
    assert json.loads((first.state / "run.json").read_text())["pid"] == first.process.pid
    assert run("--config", config, "--check-config").returncode == 0


# ---- Running


def test_every_address_that_was_bound_is_told(airclassd):
    server = airclassd({"http": {"listen": "127.0.0.1:0,127.0.0.2:0"}}, plugins=["example"])
    bound = [(e["host"], e["port"]) for e in server.run["endpoints"] if e["protocol"] == "http"]
    assert [host for host, _ in bound] == ["127.0.0.1", "127.0.0.2"]
    for host, port in bound:
        assert server.get(f"http://{host}:{port}/healthz").status == 200


def test_routes_of_the_host(airclassd):
    server = airclassd(plugins=["example"])
    assert server.get("/healthz").json == {"status": "ok"}
    assert server.get("/readyz").json["ready"] is True
    system = server.get("/api/system").json
    assert system["name"] == "AIRClass"
    assert system["endpoints"] == server.run["endpoints"]
    assert [plugin["name"] for plugin in system["plugins"]] == ["example"]
    metrics = server.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert metrics.text.endswith("\n")
    if shutil.which("promtool"):
        check = subprocess.run(["promtool", "check", "metrics"], input=metrics.text, capture_output=True, text=True)
        assert check.returncode == 0 and not check.stdout + check.stderr, check.stdout + check.stderr


def test_state_is_private(airclassd):
    server = airclassd(plugins=[])
    assert stat.S_IMODE(server.state.stat().st_mode) == 0o700
    wait_until(lambda: f"ready {server.url}/" in server.log_text(), "the line for people")
    assert server.teacher_key not in server.log_text()


def test_environment_overrides_the_file(airclassd):
    server = airclassd({"example": {"greeting": "file"}}, plugins=["example"], environment={"AIRCLASS_EXAMPLE_GREETING": "environment"})
    result = run("--config", server.config, "--print-config", environment={"AIRCLASS_EXAMPLE_GREETING": "environment"})
    assert "# environment AIRCLASS_EXAMPLE_GREETING\ngreeting=environment\n" in result.stdout


def test_reload(airclassd):
    server = airclassd({"log": {"level": "info"}}, plugins=["example"])
    server.options["log"]["level"] = "debug"
    server.options["example"] = {"interval": "2 s", "greeting": "new"}
    server.write_config(server.options)
    server.reload()
    wait_until(lambda: "example.interval changed, but needs a restart" in server.log_text(), "the reload to be told")
    assert "reloaded: log.level changed" in server.log_text()
    assert "reloaded: example.greeting changed" in server.log_text()


def test_reload_of_a_broken_file_changes_nothing(airclassd):
    server = airclassd({"log": {"level": "info"}}, plugins=["example"])
    server.options["log"]["level"] = "debug"
    server.options["example"] = {"greting": "new"}
    server.write_config(server.options)
    server.reload()
    wait_until(lambda: "not reloaded: the configuration has 1 fault; everything stays as it was" in server.log_text(), "the refusal")
    assert "unknown key 'greting' in [example]" in server.log_text()
    assert "log.level changed" not in server.log_text()
    assert server.get("/healthz").status == 200


def test_a_signal_while_it_starts_ends_it_in_order(airclassd):
    """It comes while plugins are loaded, before the main loop turns."""
    server = airclassd(wait=False)
    maps = pathlib.Path(f"/proc/{server.process.pid}/maps")
    deadline = time.monotonic() + 20
    while "rtmp-ingest.so" not in maps.read_text():
        assert time.monotonic() < deadline
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert "ready http" not in server.log_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(airclassd, number):
    server = airclassd(plugins=["example"])
    server.process.send_signal(number)
    assert server.process.wait(30) == 0
    assert not (server.state / "run.json").exists()


@pytest.mark.parametrize("listen", ["0.0.0.0:{0},[::]:{0}", "[::]:{0},0.0.0.0:{0}", "[::]:{0}"])
def test_both_families(airclassd, listen):
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    http, rtmp = free_port(), free_port()
    airclassd({"http": {"listen": listen.format(http)}, "rtmp-ingest": {"listen": listen.format(rtmp)}}, plugins=["rtmp-ingest"])
    for host in ("127.0.0.1", "::1"):
        for port in (http, rtmp):
            socket.create_connection((host, port), timeout=10).close()


def test_impatience_is_no_force(airclassd):
    server = airclassd(plugins=["example"])
    signals = 0
    while server.process.poll() is None and signals < 1000000:
        server.process.send_signal(signal.SIGTERM)
        signals += 1
    assert server.process.wait(30) == 0, signals


def test_plugin_that_blocks_the_main_loop_is_named(airclassd):
    environment = {"AIRCLASS_CORE_PLUGIN_DIR": str(FAULTY)}
    server = airclassd({"core": {"lag_warning": "100 ms"}}, plugins=["blocker", "provider"], environment=environment)
    series = 'airclass_main_loop_blocked_total{plugin="blocker"} 1\n'
    wait_until(lambda: series in server.get("/metrics").text, "the metric to name the plugin")
    assert any("blocker" in line and "warning" in line for line in server.log_text().splitlines())


def test_plugin_that_does_not_stop(tmp_path):
    """It does not keep the process from ending, and the exit status tells."""
    config = write(tmp_path, "[core]\nplugins=hang-stop,provider\nstate_dir=state\n[http]\nlisten=127.0.0.1:0\n")
    environment = {**os.environ, **resource_environment(), "AIRCLASS_CORE_PLUGIN_DIR": str(FAULTY)}
    process = subprocess.Popen([find_airclassd(), "--config", config], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_until((tmp_path / "state" / "run.json").exists, "airclassd to be ready")
        process.terminate()
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "'hang-stop' did not stop in time and is left as it is" in log


def test_systemd_is_told(airclassd, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(30)
        server = airclassd(plugins=[], environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert notify.recv(100) == b"READY=1"
        server.reload()
        assert notify.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert notify.recv(100) == b"READY=1"
        server.process.send_signal(signal.SIGTERM)
        assert notify.recv(100) == b"STOPPING=1"
