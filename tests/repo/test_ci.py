"""What CI runs is what a developer runs, also on a bare machine."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest


class BareMachine:
    """A checkout with `.ci/run` and nothing else, where each command writes down that it was called."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.calls = folder / "calls"
        self.script = folder / ".ci" / "run"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.script.parent.mkdir()
        shutil.copy(root / ".ci" / "run", self.script)
        for name in ("bash", "dirname"):
            (self.bin / name).symlink_to(str(shutil.which(name)))
        self.command("make")

    def command(self, name: str, *, code: int = 0, says: str = "") -> None:
        """Add a command."""
        script = self.bin / name
        script.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\necho "{says}"\nexit {code}\n')
        script.chmod(0o755)

    def run(self) -> tuple[str, list[str]]:
        """Run CI; return what it said on standard error, and the commands it called. Fails if CI does."""
        done = subprocess.run([self.script], env={"PATH": str(self.bin)}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr, self.calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path, root: Path) -> BareMachine:
    """A machine without a browser."""
    return BareMachine(tmp_path, root)


DAYS = {3: ["make test-credit"], 6: ["make test-cookbook"]}
TARGETS = [
    *("make check", "make test", "make test-long SLICE=today", "make test-pages", "make test-k8s"),
    *DAYS.get(datetime.now(UTC).isoweekday(), []),
]
"""The longest pages are followed on one day of the week each."""


def test_a_missing_browser_is_installed(machine: BareMachine) -> None:
    """Where root can install Debian's packages, chromium is installed before anything is tested."""
    machine.command("apt-get")
    machine.command("id", says="0")
    said, calls = machine.run()
    installing = [call for call in calls if call.startswith("apt-get")]

    assert ["update", "install"] == [call.split()[2] for call in installing]
    assert installing[-1].endswith(" chromium")
    assert (TARGETS, "") == (calls[-len(TARGETS) :], said)


@pytest.mark.parametrize(("user", "code"), [("1000", 0), ("0", 100)], ids=["not root", "no archive"])
def test_a_browser_that_cannot_be_had_is_a_loud_line(machine: BareMachine, user: str, code: int) -> None:
    """Without the right or the means to install it, everything is tested all the same, and a line says what is not."""
    machine.command("apt-get", code=code)
    machine.command("id", says=user)
    said, calls = machine.run()

    assert TARGETS == calls[-len(TARGETS) :]
    assert "NO BROWSER" in said


def test_a_browser_that_is_there_is_left_alone(machine: BareMachine) -> None:
    """With chromium on the path nothing is installed."""
    machine.command("chromium")

    assert ("", TARGETS) == machine.run()
