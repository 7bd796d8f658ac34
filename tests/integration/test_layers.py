"""Who may include whom: docs/architecture.md, held against the sources."""

import re

import pytest

from conftest import TOP

# Beside its own folder and include/airclass.
MAY_USE = {
    "util": set(),
    "ops": {"util"},
    "bus": {"ops", "util"},
    "data": {"bus", "ops", "util"},
    "auth": {"bus", "ops", "util"},
    "http": {"bus", "ops", "util"},
    "media": {"bus", "ops", "util"},
    "host": {"auth", "bus", "data", "http", "media", "ops", "util"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def sources(folder):
    return [path for path in folder.rglob("*.[ch]") if "build" not in path.relative_to(TOP).parts]


@pytest.mark.parametrize("layer", MAY_USE)
def test_core(layer):
    for path in sources(TOP / "core" / layer):
        for kind, name in INCLUDE.findall(path.read_text()):
            folder = name.split("/")[0]
            if kind == '"' and folder in MAY_USE:
                assert folder == layer or folder in MAY_USE[layer], f"{path} includes {name}"


def test_every_folder_of_core_has_its_layer():
    assert {path.name for path in (TOP / "core").iterdir() if path.is_dir()} == {*MAY_USE, "include"}


def test_public_headers_stand_alone():
    for path in sources(TOP / "core" / "include"):
        for kind, name in INCLUDE.findall(path.read_text()):
            assert kind == "<", f"{path} includes {name}"


def test_core_names_no_plugin():
    names = [path.name for path in (TOP / "plugins").iterdir() if path.is_dir()]
    assert names
    for path in sources(TOP / "core"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        text = re.sub(r'^#define AIR_\w+_SERVICE ".*"$', "", text, flags=re.M)  # whoever provides it
        for name in names:
            assert f'"{name}"' not in text, f"{path} names the plugin {name}"


def test_plugins_know_only_the_interface():
    plugins = [path for path in (TOP / "plugins").iterdir() if path.is_dir()]
    internals = {*MAY_USE, *(path.name for path in plugins)}
    for plugin in plugins:
        for path in sources(plugin):
            for kind, name in INCLUDE.findall(path.read_text()):
                beside = (path.parent / name).exists() or (plugin / name).exists()
                assert kind == "<" or beside or name.split("/")[0] not in internals, f"{path} includes {name}"
                assert ".." not in name or (path.parent / name).resolve().is_relative_to(plugin), f"{path} includes {name}"


def test_main_is_short():
    assert len((TOP / "core" / "host" / "main.c").read_text().splitlines()) < 100
