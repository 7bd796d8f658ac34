"""Every plugin's folder has its page, an example configuration that passes the check, and tests."""

import os
import subprocess

import pytest

from conftest import TOP, find_airclassd, resource_environment

PLUGINS = sorted(path.parent for path in (TOP / "plugins").glob("*/meson.build"))


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_page_and_tests(folder):
    assert (folder / "README.md").read_text().startswith(f"# {folder.name}\n")
    assert any((folder / "tests").iterdir())


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_example_configuration(folder, tmp_path):
    example = folder / f"{folder.name}.conf.example"
    assert f"[{folder.name}]" in example.read_text()
    environment = {**os.environ, **resource_environment(), "AIRCLASS_CORE_STATE_DIR": str(tmp_path)}
    result = subprocess.run([find_airclassd(), "--config", example, "--check-config"], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
