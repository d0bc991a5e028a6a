"""The command lines of both doors: what an operator may move, as the page of the doors lists it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pegel_serving import proxy
from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.door_options import connection_limits
from pegel_serving.logger import __main__ as logger

PAGE = Path(__file__).parents[2] / "docs" / "doors.md"
NEEDED = {
    "proxy": ["--upstream", "http://x", "--logger", "http://x", "--name", "paint-v1"],
    "logger": ["--kafka", "x:9092", "--spool", "spool"],
}
PARSERS: dict[str, Callable[[list[str]], argparse.Namespace]] = {"proxy": proxy.parse, "logger": logger.parse}


@pytest.mark.parametrize("door", ["proxy", "logger"])
def test_without_options_the_limits_are_the_stated_ones(door: str) -> None:
    """The command line's defaults are those of the limits."""
    assert ConnectionLimits() == connection_limits(PARSERS[door](NEEDED[door]))


@pytest.mark.parametrize("door", ["proxy", "logger"])
def test_options_move_the_limits_of_connections(door: str) -> None:
    """At both doors alike."""
    moved = {"headers-within": 1, "body-within": 2, "write-within": 3, "idle": 4, "max-connections": 5}
    options = [text for name, value in moved.items() for text in (f"--{name}", str(value))]
    expected = ConnectionLimits(headers_within_s=1, body_within_s=2, write_within_s=3, idle_s=4, connections=5)

    assert expected == connection_limits(PARSERS[door]([*NEEDED[door], *options]))


def test_each_limit_has_a_reason_and_its_option_exists() -> None:
    """In the table, an option belongs to both doors unless it names one; what has none is fixed."""
    page = PAGE.read_text().split("## Limits at the doors")[1].split("Behind the doors")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in page.splitlines() if line[:2] == "| "]
    options = {(name, door) for row in rows for name, door in re.findall(r"`(--[a-z-]+)`(?: \((\w+)\))?", row[-1])}
    known = {
        (name, door)
        for name, named in options
        for door in ([named] if named else ["proxy", "logger"])
        if name.removeprefix("--").replace("-", "_") in vars(PARSERS[door](NEEDED[door]))
    }

    assert {5} == {len(row) for row in rows}
    assert [] == [row[0] for row in rows if not row[3]]
    assert {(name, door) for name, named in options for door in ([named] if named else ["proxy", "logger"])} == known
    assert 9 == len(options)
