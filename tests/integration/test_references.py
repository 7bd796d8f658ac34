"""The generated references in docs/ are what the option tables, metrics and event schemas say now."""

import subprocess
import sys

from conftest import BUILD, TOP


def test_references_are_current():
    command = [sys.executable, TOP / "docs" / "generate-references", BUILD, "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
