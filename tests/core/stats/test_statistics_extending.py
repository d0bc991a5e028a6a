"""The page docs/extending.md says the truth: its code runs as it stands."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pegel.baseline.baseline import Baseline
from pegel.detect.detector_registry import DETECTORS, detector
from pegel.judge.findings import Verdict
from pegel.stats.statistic_registry import GROUP
from pegel.testing.detector_checks import DETECTOR_CHECKS
from pegel.testing.statistic_checks import STATISTIC_CHECKS, sample_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "extending.md").read_text()
BEGIN = PAGE.index("## A detector from nothing")
STATISTIC, DETECTOR = PAGE[PAGE.index("## A statistic from nothing") : BEGIN], PAGE[BEGIN:]
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


@pytest.mark.parametrize("text", [STATISTIC, DETECTOR])
def test_a_class_is_short(text: str) -> None:
    """Each class on the page, with its imports and without blank lines, has at most thirty lines."""
    block = next(block for block in blocks("python", text) if "class " in block)
    lines = [line for line in block.splitlines() if line.strip()]

    assert len(lines) <= LINES


def test_the_entry_point_of_the_page(written: dict[str, Any]) -> None:
    """The line for pyproject.toml is in the group that the registry reads, under the name of the class."""
    (text,) = blocks("toml", STATISTIC)

    assert {GROUP: {written["ZeroShare"].name: "harbour.statistics:ZeroShare"}} == tomllib.loads(text)["project"][
        "entry-points"
    ]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Install the classes of the page as the package that it speaks of; return the entry points that it names."""
    (text,) = blocks("toml", DETECTOR)
    groups: dict[str, Any] = tomllib.loads(text)["project"]["entry-points"]
    package, info = tmp_path / "harbour", tmp_path / "harbour-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    for name, part in (("statistics", STATISTIC), ("detectors", DETECTOR)):
        (package / f"{name}.py").write_text(blocks("python", part)[0])
        monkeypatch.delitem(sys.modules, f"harbour.{name}", raising=False)
    monkeypatch.delitem(sys.modules, "harbour", raising=False)
    (package / "__init__.py").touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harbour\nVersion: 1.0\n")
    lines = [f"[{group}]\n{name} = {place}\n" for group, parts in groups.items() for name, place in parts.items()]
    (info / "entry_points.txt").write_text("".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    return groups


def test_the_detector_of_the_page_keeps_every_promise(installed: dict[str, Any]) -> None:
    """Once both are installed, the rest of the page runs: the detector is found and passes every check."""
    names: dict[str, Any] = {"__name__": "extending"}
    for block in blocks("python", DETECTOR):
        exec(compile(block, "docs/extending.md", "exec", dont_inherit=True), names)  # noqa: S102 - our own page

    assert ({GROUP, DETECTORS.group}, "zeros") == (set(installed), names["Zeros"].name)
    assert ("harbour.detectors", names["DETECTOR_CHECKS"]) == (type(detector("zeros")).__module__, DETECTOR_CHECKS)


def test_the_spec_of_the_page(
    installed: dict[str, Any], learnt: Callable[..., Baseline], monitor: Callable[..., Any]
) -> None:
    """A monitor with the spec of the page finds a sensor that goes quiet, at a share of nine percent."""
    (text,) = blocks("yaml", DETECTOR)
    rng = np.random.default_rng(0)

    def rows(n: int, quiet: float) -> dict[str, Any]:
        return {"x": np.where(rng.random(n) < quiet, 0.0, rng.normal(size=n))}

    training = rows(5_000, 0.01)
    told, lacking = (monitor(learnt(training, kept=kept), **yaml.safe_load(text)) for kept in (("zero_share",), ()))
    window = rows(500, 0.08)
    (found,) = told.see(window).findings
    judged = lacking.see(window)

    assert ("zeros", "drift") == (found.test, found.detector)
    assert found.what.startswith("zeros 1")
    assert 1 / 11 == pytest.approx(found.evidence["tests"]["zeros"]["p"] / found.p_value)
    assert Verdict.OK == judged.verdict
    assert [True] == [
        note.endswith("the baseline does not keep zero_share; refresh it") for note in judged.notes if "zero" in note
    ]
