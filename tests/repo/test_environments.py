"""Core runs whole in one environment and in part in a second one; what these tests say makes that enough."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARIES = ("numpy", "pandas", "pyarrow", "pydantic", "sqlalchemy")
"""What core's behaviour depends on, and what the rooms hold to different versions."""
CORE_RUNS_IN = ("spark", "airflow")
"""Whole in the first, what is marked in the second: as `tests/run.py` says."""
BEHIND = {"pegel.store": "sqlalchemy", "pegel.featurestore": "pyarrow"}
"""Packages of core whose tests depend on a library without naming it."""

ELSEWHERE = {
    "tests/core/report/": "the room of Airflow shows the page and sends the mails, with its version of SQLAlchemy",
    "tests/core/exporter/": "it runs where the client of Prometheus is, which the environment of Airflow lacks",
    "tests/core/stream/": "records are counted with Spark's version of pyarrow alone",
}
"""Tests of core whose subject meets only one version there is, or meets the other in a suite of its own."""


@pytest.fixture(scope="module")
def locked(root: Path) -> dict[str, dict[str, str]]:
    """Return the locked version of each library by environment."""
    return {
        room: dict(
            re.findall(
                rf"^({'|'.join(LIBRARIES)})==(\S+)", (root / f"requirements/{room}.txt").read_text(), re.MULTILINE
            )
        )
        for room in ("airflow", "spark", "serving")
    }


@pytest.fixture(scope="module")
def differing(locked: dict[str, dict[str, str]]) -> set[str]:
    """Return the libraries whose versions differ where core is tested."""
    one, other = (locked[room] for room in CORE_RUNS_IN)
    return {library for library in LIBRARIES if one.get(library) != other.get(library)}


def marks(tree: ast.Module) -> Iterator[list[str]]:
    """Yield the arguments of each `pytest.mark.environments(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "environments":
            calls = [call for call in ast.walk(tree) if isinstance(call, ast.Call) and call.func is node]
            yield [str(ast.literal_eval(argument)) for call in calls for argument in call.args]


def imported(tree: ast.Module) -> set[str]:
    """Return the libraries that a test module depends on by its imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    direct = {name.partition(".")[0] for name in names} & set(LIBRARIES)
    behind = {library for door, library in BEHIND.items() for name in names if f"{name}.".startswith(f"{door}.")}
    return direct | behind


def test_every_mark_has_its_reason(root: Path, differing: set[str]) -> None:
    """`environments` names libraries, and each of them has different versions where core is tested."""
    given = {
        str(path.relative_to(root)): mark
        for path in sorted((root / "tests").rglob("test_*.py"))
        for mark in marks(ast.parse(path.read_text()))
    }

    assert {} == {path: mark for path, mark in given.items() if not mark or not set(mark) <= differing}
    assert len(given) >= 10


def test_whatever_depends_on_versions_is_marked(root: Path, differing: set[str]) -> None:
    """A test of core that imports a library of differing versions, or what stands before it, runs with both."""
    lacking = {}
    for path in sorted((root / "tests" / "core").rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        marked = {library for mark in marks(tree) for library in mark}
        name = str(path.relative_to(root))
        if (wanted := (imported(tree) & differing) - marked) and not name.startswith(tuple(ELSEWHERE)):
            lacking[name] = f"add pytest.mark.environments of {sorted(wanted)}"

    assert {} == lacking


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_version_of_any_room_is_left_out(locked: dict[str, dict[str, str]], library: str) -> None:
    """Each version that a room holds is one of those that core is tested with."""
    tested = {locked[room][library] for room in CORE_RUNS_IN}

    assert set() == {versions[library] for versions in locked.values()} - tested
