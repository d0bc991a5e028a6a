"""Core on the other Pythons that its metadata names: installed from the tree, beside local, and tested."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


def uv(root: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run uv."""
    command = [root / ".venvs/tools/bin/uv", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def interpreter(root: Path, version: str) -> str:
    """Return the interpreter of a version of Python. Skips loudly if this machine has none; none is downloaded."""
    versions = Path.home() / ".pyenv" / "versions"
    places = [version, *(str(path / "bin" / "python") for path in sorted(versions.glob(f"{version}.*")))]
    for place in places:
        found = uv(root, "python", "find", "--no-python-downloads", "--no-project", place)
        if found.returncode == 0:
            return found.stdout.strip()
    pytest.skip(f"NOT TESTED ON PYTHON {version}: this machine has none, and none is downloaded")


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_core_works_on_other_pythons(root: Path, tmp_path: Path, version: str) -> None:
    """The quick tests of core pass on a Python that core's metadata allows."""
    python = tmp_path / "environment" / "bin" / "python"
    install = ("pip", "install", "-q", "--python", python)
    steps = [
        uv(root, "venv", "-q", "--python", interpreter(root, version), tmp_path / "environment"),
        uv(root, *install, "--require-hashes", "-r", "requirements/other-pythons.txt"),
        uv(root, *install, "--no-deps", "./core", "-e", "./local"),
    ]
    assert [0, 0, 0] == [step.returncode for step in steps], "\n".join(step.stderr for step in steps)

    tested = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow and not long", "tests/core"],
        cwd=root,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert re.search(r"\b\d{3,} passed", tested.stdout), tested.stdout[-3000:]
    assert 0 == tested.returncode, tested.stdout[-3000:]


def test_every_python_that_is_named_is_tested(root: Path) -> None:
    """Core says 3.11 to 3.13: the first runs in `make test`, the others above."""
    project = (root / "core" / "pyproject.toml").read_text()

    assert 'requires-python = ">=3.11,<3.14"' in project
