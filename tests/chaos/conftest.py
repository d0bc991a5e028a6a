"""What both chaos suites share: a table of faults that is printed and written at the end of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lib"))

from fault_outcomes import FaultOutcome, table, write

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "build" / "chaos"
_outcomes = pytest.StashKey[dict[str, list[FaultOutcome]]]()
"""By suite, which is the name of a folder beside this file."""


def pytest_configure(config: pytest.Config) -> None:
    """Begin with an empty table."""
    config.stash[_outcomes] = {}


@pytest.fixture
def outcomes(request: pytest.FixtureRequest) -> list[FaultOutcome]:
    """The table to which a test adds what its fault did, before it asserts what it should have done."""
    suite = request.path.relative_to(HERE).parts[0]
    return request.config.stash[_outcomes].setdefault(suite, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and write it below `build/chaos/`."""
    for suite, rows in config.stash[_outcomes].items():
        write(rows, RESULTS, suite)
        terminalreporter.section(f"faults of the {suite}", "-")
        terminalreporter.write(table(rows))
