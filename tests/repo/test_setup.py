"""Setting up on a machine that is not as it should be: one clear sentence, no stamp, exit code not 0."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Machine:
    """A folder with the install script, and commands of its own in front of the real ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "requirements").mkdir()
        shutil.copy(ROOT / "requirements" / "install.sh", folder / "requirements")
        for lock in ("tools", "spark"):
            (folder / "requirements" / f"{lock}.txt").write_text("")

    def command(self, name: str, script: str) -> Path:
        """Put a command in front of PATH."""
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def install(self, name: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        """Run the install script for one environment."""
        return subprocess.run(
            ["sh", "requirements/install.sh", name, python, name],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )

    def stamped(self, name: str) -> bool:
        """Say whether the environment counts as installed."""
        return (self.folder / ".venvs" / ".stamps" / name).exists()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine of its own."""
    return Machine(tmp_path)


def test_a_full_disk_is_named_before_anything_is_written(machine: Machine) -> None:
    """Too little free disk stops the set-up with the number that is missing."""
    machine.command("df", "echo head; echo 'disk 1000 900 100 90% /'")

    result = machine.install("spark")

    assert 1 == result.returncode
    assert "2000 MB of free disk are needed here, 100 MB are left" in result.stderr
    assert not machine.stamped("spark")


def test_another_python_is_refused_by_its_version(machine: Machine) -> None:
    """A Python that is not 3.11 is named with its version."""
    python = machine.command("python-of-the-day", "echo 3.12")

    result = machine.install("spark", str(python))

    assert 1 == result.returncode
    assert "Python 3.11 is needed" in result.stderr
    assert "is 3.12" in result.stderr


@pytest.mark.parametrize(("target", "deleted"), [("clean", False), ("purge", True)])
def test_only_a_purge_deletes_data(target: str, deleted: bool) -> None:
    """`make clean` removes what was installed and no home of a local system; `make purge` removes those, too."""
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)

    assert (True, deleted) == ("rm -rf .venvs" in done.stdout, "rm -rf .pegel" in done.stdout)


def test_an_interrupted_installation_is_done_again(machine: Machine) -> None:
    """An environment without its stamp is not used; the same command repairs it."""
    machine.command("../.venvs/tools/bin/uv", "case $2 in sync) echo 'no space left on device' >&2; exit 2;; esac")

    first = machine.install("spark")
    stamped_after_first = machine.stamped("spark")
    machine.command("../.venvs/tools/bin/uv", "exit 0")
    second = machine.install("spark")

    assert 1 == first.returncode
    assert "no space left on device" in first.stderr
    assert "run the same command again" in first.stderr
    assert not stamped_after_first
    assert 0 == second.returncode
    assert machine.stamped("spark")


def test_the_log_says_what_was_installed(machine: Machine) -> None:
    """Each step is asked to tell what it does, and that stands in the log which the set-up names."""
    machine.command("../.venvs/tools/bin/uv", 'case " $* " in *" -q "*) ;; *) echo "$1 $2";; esac')

    result = machine.install("spark")

    assert "what happens stands in .venvs/spark.log" in result.stdout
    assert ["venv --clear", "pip sync", "pip install"] == (machine.folder / ".venvs/spark.log").read_text().splitlines()


def test_a_missing_python_is_told_by_make(tmp_path: Path) -> None:
    """`make` without Python 3.11 says how to name one."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "tools.txt").write_text("")

    result = subprocess.run(
        ["make", "-C", str(tmp_path), "PYTHON=python-not-there", "lint"], capture_output=True, text=True, check=False
    )

    assert 0 != result.returncode
    assert "python-not-there is needed and was not found; install Python 3.11" in result.stderr
