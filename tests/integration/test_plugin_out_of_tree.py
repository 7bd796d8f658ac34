"""A plugin of somebody else: built with gcc and pkg-config against the installed headers, loaded by the installed airclassd,
with an event of its own made by the installed generator."""

import json
import os
import shutil
import subprocess

import pytest

from conftest import BUILD, TOP, wait_until

PLUGIN = TOP / "plugins" / "example"

EVENT = {
    "type": "object",
    "description": "Somebody knocked.",
    "properties": {"type": {"const": "knock"}, "at": {"type": "string"}, "times": {"type": "integer", "minimum": 1}},
    "required": ["type", "at", "times"],
    "additionalProperties": False,
}

USES_EVENT = """
#include "knock.h"
#include <stdio.h>
int main (void)
{
  g_autoptr (AirEvent) event = air_event_knock_new (3);
  g_autoptr (JsonNode) node = air_event_to_json (event);
  g_autofree char *text = json_to_string (node, FALSE);
  puts (text);
  return 0;
}
"""


def run(command, **arguments):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Installs the build into a folder of its own; returns airclassd there and the environment in which it and pkg-config find
    everything."""
    destination = tmp_path_factory.mktemp("installed")
    run(["meson", "install", "-C", BUILD, "--destdir", destination, "--no-rebuild", "--quiet"])
    airclassd = next(destination.rglob("bin/airclassd"))
    pc_file = next(destination.rglob("airclass.pc"))
    # As if it had been configured with this folder as its prefix.
    lines = pc_file.read_text().splitlines()
    assert lines[0].startswith("prefix=")
    pc_file.write_text("\n".join([f"prefix={airclassd.parents[1]}", *lines[1:]]) + "\n")
    data = airclassd.parents[1] / "share" / "airclass"
    environment = {
        **os.environ,
        "PKG_CONFIG_PATH": str(pc_file.parent),
        "AIRCLASS_CORE_SCHEMA_DIR": str(data / "schemas"),
        "AIRCLASS_CORE_PIPELINE_DIR": str(data / "pipelines"),
        "AIRCLASS_HTTP_WEB_DIR": str(data / "web"),
        "G_DEBUG": "fatal-criticals",
    }
    return airclassd, environment


def flags(environment, *arguments):
    return run(["pkg-config", *arguments, "airclass"], env=environment).split()


def compile_with(installed, folder, *arguments):
    _, environment = installed
    options = json.loads((BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    sanitizers = next(option["value"] for option in options if option["name"] == "b_sanitize")
    sanitize = [] if sanitizers == "none" else [f"-fsanitize={sanitizers}"]  # as the library that it is linked with
    run(["gcc", *sanitize, "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-missing-field-initializers", *arguments,
         *flags(environment, "--cflags", "--libs")], cwd=folder)


def test_the_pages_are_installed(installed):
    binary, _ = installed
    pages = TOP / "clients" / "web" / "dist"
    if not pages.is_dir():
        pytest.skip("the pages are not built")
    folder = binary.parents[1] / "share" / "airclass" / "web"
    names = {p for p in (p.relative_to(pages) for p in pages.rglob("*") if p.is_file()) if not p.parts[-1].startswith(".") and p.parts[0] != ".vite"}
    assert {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()} == names


def test_plugin(installed, tmp_path):
    binary, environment = installed
    source = tmp_path / "source"
    shutil.copytree(PLUGIN, source)
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    compile_with(installed, source, "-shared", "-fPIC", "-fvisibility=hidden", "-o", plugins / "example.so", "example.c",
                 "frame-counter.c")
    config = tmp_path / "airclass.conf"
    config.write_text("[core]\nplugins=example\nplugin_dir=plugins\nstate_dir=state\n[http]\nlisten=127.0.0.1:0\n")
    listed = json.loads(run([binary, "--config", config, "--list-plugins", "--json"], env=environment))
    assert [(plugin["name"], plugin["state"]) for plugin in listed] == [("example", "enabled")]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([binary, "--config", config], stdout=log, stderr=log, env=environment)
    try:
        wait_until(lambda: (tmp_path / "state" / "run.json").exists() or process.poll() is not None, "the installed airclassd")
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert "plugin 'example' 1.0 runs" in (tmp_path / "log").read_text()
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_event_generator(installed, tmp_path):
    _, environment = installed
    (tmp_path / "knock.json").write_text(json.dumps(EVENT))
    (tmp_path / "main.c").write_text(USES_EVENT)
    generator = flags(environment, "--variable=event_codegen")[0]
    run([generator, "--header", "knock.h", "--source", "knock.c", "knock.json"], cwd=tmp_path)
    compile_with(installed, tmp_path, "-o", "knock", "main.c", "knock.c")
    libraries = run(["pkg-config", "--variable=libdir", "airclass"], env=environment).strip()
    document = json.loads(run([tmp_path / "knock"], env={**os.environ, "LD_LIBRARY_PATH": libraries}))
    assert document["type"] == "knock" and document["times"] == 3
