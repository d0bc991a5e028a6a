"""`docs/faults.md` says of each fault by which test it is known, and of each test of the chaos suites what it shows."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest


def test_what_to_do_about_a_loss_rests_on_tests(root: Path) -> None:
    """Each test that docs/disaster.md names is there."""
    named = set(re.findall(r"`(test_\w+)`", (root / "docs" / "disaster.md").read_text()))

    assert set() == named - names_of_tests(root / "tests")
    assert len(named) > 8


@pytest.fixture(scope="module")
def named(root: Path) -> set[str]:
    """Return the tests that the page names."""
    return set(re.findall(r"`(test_\w+)`", (root / "docs" / "faults.md").read_text()))


@cache
def names_of_tests(folder: Path) -> set[str]:
    """Return the names of all tests below a folder."""
    nodes = (node for path in folder.rglob("test_*.py") for node in ast.walk(ast.parse(path.read_text())))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def test_every_fault_has_its_test(root: Path, named: set[str]) -> None:
    """Each test that the page names is there."""
    assert set() == named - names_of_tests(root / "tests")
    assert len(named) > 15


def test_every_test_of_a_fault_is_on_the_page(root: Path, named: set[str]) -> None:
    """Whatever the chaos suites try, a reader finds what it costs."""
    assert set() == names_of_tests(root / "tests" / "chaos") - named
