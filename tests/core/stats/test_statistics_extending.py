"""The page docs/extending.md says the truth: its code runs as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pegel.stats.registry import GROUP
from pegel.testing.statistics import STATISTIC_CHECKS, sample_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "extending.md").read_text()
STATISTIC = PAGE[PAGE.index("## A statistic from nothing") : PAGE.index("## A detector from nothing")]
LINES = 30


def blocks(language: str, text: str) -> list[str]:
    """Return the code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def written() -> dict[str, Any]:
    """Run the Python of the part about statistics from top to bottom; return the names it leaves."""
    names: dict[str, Any] = {"__name__": "extending"}
    for block in blocks("python", STATISTIC):
        exec(compile(block, "docs/extending.md", "exec", dont_inherit=True), names)  # noqa: S102 - our own page
    return names


def test_the_statistic_of_the_page_keeps_every_promise(written: dict[str, Any]) -> None:
    """The class on the page runs, passes every check, and says what the page says."""
    kind = written["ZeroShare"]
    found = kind()
    empty = found.get()
    found.update(np.array([0.0, 1.0, -0.0, 2.0]))

    assert [None] * len(STATISTIC_CHECKS) == [check(sample_of(kind), 1) for check in STATISTIC_CHECKS]
    assert ({"n": 0, "share": None}, {"n": 4, "share": 0.5}) == (empty, found.get())


def test_a_statistic_is_short() -> None:
    """The class on the page, with its imports and without blank lines, has at most thirty lines."""
    block = next(block for block in blocks("python", STATISTIC) if "class " in block)
    lines = [line for line in block.splitlines() if line.strip()]

    assert len(lines) <= LINES


def test_the_entry_point_of_the_page(written: dict[str, Any]) -> None:
    """The line for pyproject.toml is in the group that the registry reads, under the name of the class."""
    (text,) = blocks("toml", STATISTIC)

    assert {GROUP: {written["ZeroShare"].name: "harbour.statistics:ZeroShare"}} == tomllib.loads(text)["project"][
        "entry-points"
    ]
