"""The runner of the suites: which tests run where, and that slices of the long ones add up to all of them."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import wait_until

TESTS = """
import pytest

@pytest.mark.parametrize("n", range(20))
def test_usual(n): pass

@pytest.mark.long
@pytest.mark.parametrize("n", range(20))
def test_long(n): pass
"""


@pytest.fixture
def small(root: Path, tmp_path: Path) -> Path:
    """A tree with the settings and the conftest of this one, twenty usual tests and twenty long ones."""
    (tmp_path / "tests").mkdir()
    shutil.copy(root / "pyproject.toml", tmp_path)
    shutil.copy(root / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "test_some.py").write_text(TESTS)
    return tmp_path


def chosen(small: Path, *options: str) -> list[str]:
    """Return the names of the tests that pytest would run, in order."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", *options]
    done = subprocess.run(command, cwd=small, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return sorted(line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line)


def plan(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the runner with arguments that it refuses."""
    command = [sys.executable, "tests/run.py", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_slices_add_up(small: Path) -> None:
    """Without `-m` no long test is chosen; with it, each long test is in exactly one of two slices."""
    slices = [chosen(small, "-m", "long", f"--slice={part}/2") for part in (1, 2)]

    assert sorted(f"test_usual[{n}]" for n in range(20)) == chosen(small)
    assert sorted(f"test_long[{n}]" for n in range(20)) == sorted(name for some in slices for name in some)
    assert [True, True] == [len(some) > 0 for some in slices]


def test_a_mistyped_suite_runs_nothing(root: Path) -> None:
    """A suite that is not there ends the runner at once, with the names of those that are."""
    done = plan(root, "sprak")

    assert 2 == done.returncode
    assert "given sprak; nothing was run" in done.stderr
    assert "spark" in done.stderr


def test_a_slice_is_of_long_tests(root: Path) -> None:
    """`--slice` without `--long` is refused, because it would leave out usual tests unseen."""
    done = plan(root, "repo", "--slice", "1/2")

    assert 2 == done.returncode
    assert "nothing was run" in done.stderr


def test_every_folder_of_tests_is_a_suite(root: Path) -> None:
    """No folder below tests/ is left out by the runner."""
    tree = ast.parse((root / "tests" / "run.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Suite"]
    suites = {str(ast.literal_eval(call.args[0])).partition("-")[0] for call in calls}
    folders = {path.parent.relative_to(root / "tests").parts[0] for path in (root / "tests").rglob("test_*.py")}

    assert folders == suites


SLOW = """
import pathlib, time
import pytest

@pytest.fixture
def system():
    pathlib.Path("up").touch()
    yield
    pathlib.Path("down").touch()

def test_slow(system):
    time.sleep(60)
"""


def test_a_runner_that_is_told_to_end_ends_its_suites(root: Path, small: Path) -> None:
    """SIGTERM ends the tests that run as Ctrl-C does, with what they started, and begins no other suite."""
    (small / "tests" / "abuse").mkdir()
    (small / "tests" / "abuse" / "test_slow.py").write_text(SLOW)
    (small / ".venvs").mkdir()
    (small / ".venvs" / "serving").symlink_to(sys.prefix)
    shutil.copy(root / "tests" / "run.py", small / "tests")
    command = [sys.executable, "tests/run.py", "abuse"]

    with subprocess.Popen(command, cwd=small, stdout=subprocess.PIPE, text=True) as runner:
        assert wait_until((small / "up").exists, within_s=60)
        runner.terminate()
        output, _ = runner.communicate(timeout=30)

    assert (small / "down").exists()
    assert 1 == runner.returncode
    assert "FAILED  abuse" in output


def test_a_slice_without_tests_is_called_empty(root: Path, small: Path) -> None:
    """A part of the long tests in which there is none is no failure, and no success either."""
    (small / "tests" / "abuse").mkdir()
    (small / "tests" / "abuse" / "test_short.py").write_text("def test_short():\n    assert 1\n")
    (small / ".venvs").mkdir()
    (small / ".venvs" / "serving").symlink_to(sys.prefix)
    shutil.copy(root / "tests" / "run.py", small / "tests")
    command = [sys.executable, "tests/run.py", "abuse", "--long"]
    done = subprocess.run(command, cwd=small, capture_output=True, text=True, check=False)

    assert 0 == done.returncode
    assert "empty   abuse" in done.stdout
