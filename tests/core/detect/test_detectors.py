"""Further detectors: found by name, checked, and judged with the others under one budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.detect.combine import OTHER, corrected, shares
from pegel.detect.count_tests import CountTest
from pegel.detect.detector import Detector, Evidence
from pegel.detect.detector_registry import DETECTORS, detector, detectors
from pegel.detect.exceeded import Tails
from pegel.detect.location import location
from pegel.detect.median import Median
from pegel.detect.scale import scale
from pegel.errors import NotFound, SetupError
from pegel.judge.comparison import kept_statistics
from pegel.judge.findings import Verdict
from pegel.judge.recomputation import explain
from pegel.spec.monitor_spec import Watch
from pegel.stats.summary import FeatureSummary, Summary
from pegel.testing import detector_checks as checks
from pegel.testing.detector_checks import DETECTOR_CHECKS, DetectorCheck

Install = Callable[[str, str, str], None]

PACKAGE = '''
"""A detector that needs a statistic, and is never alarmed."""

from pegel.detect.count_tests import CountTest


class Nothing:
    """Counts nothing among the rows of which moments are kept."""

    name = "nothing"
    needs = ("moment_sums",)

    def test(self, baseline, window):
        before, now = baseline.kept["moment_sums"].get(), window.kept["moment_sums"].get()
        if not before["count"] or not now["count"]:
            return None
        return CountTest(self.name, 0, now["count"], 0, before["count"])
'''


def by_name(check: DetectorCheck) -> str:
    """Return a check's name, for the names of the tests."""
    return check.__name__


@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=by_name)
@pytest.mark.parametrize("name", sorted(DETECTORS.built_in))
def test_every_detector_keeps_every_promise(name: str, check: DetectorCheck) -> None:
    """Each check passes on each detector of the package."""
    assert check(type(detector(name)), 0) is None  # type: ignore[func-returns-value]  # it raises otherwise


def test_every_detector_is_found() -> None:
    """There are two detectors and eight checks."""
    known: dict[str, type[Detector]] = {"median": Median, "tails": Tails}

    assert known == {name: type(made) for name, made in detectors().items()}
    assert (2, 8) == (len(DETECTORS.built_in), len(DETECTOR_CHECKS))


def test_an_unknown_name() -> None:
    """A name that nothing answers to is refused with the names that exist."""
    with pytest.raises(NotFound, match="expected a detector of median, tails; given 'guess': nothing answers to it"):
        detector("guess")


def test_an_installed_package_is_found(install: Install) -> None:
    """A detector named by an entry point of an installed package is found, checked, and known by what it needs."""
    install("harbour_detectors", PACKAGE, "[pegel.detectors]\nnothing = harbour_detectors:Nothing\n")
    made = detector("nothing")
    checked = [check(type(made), 0) for check in DETECTOR_CHECKS]

    assert ["median", "nothing", "tails"] == list(detectors())
    assert [None] * 8 == checked
    assert ("extremes", "moment_sums") == kept_statistics(Watch(detectors=("nothing",), statistics=("extremes",)))


def test_a_name_that_is_taken(install: Install) -> None:
    """A package cannot replace a detector unseen: two of one name are refused, and both places are named."""
    install("harbour_detectors", PACKAGE, "[pegel.detectors]\nmedian = harbour_detectors:Nothing\n")

    with pytest.raises(SetupError, match=r"pegel\.detect\.median:Median and harbour_detectors:Nothing"):
        detectors()


def test_shares_are_one_together() -> None:
    """The share of a further test is taken from the others: all shares sum to 1, and keep their proportions."""
    b, w = np.array([500, 500, 500]), np.array([10, 20, 60])
    usual: list[Evidence] = [location(b, w), scale(b, w), replace(location(b, w), name="shape")]
    further: list[Evidence] = [*usual, CountTest("tails", 5, 90, 10, 1_500)]
    weights = [0.6, 0.3, 0.1, OTHER]

    assert [0.6, 0.3, 0.1] == pytest.approx(shares(usual))
    assert [weight / 1.1 for weight in weights] == pytest.approx(shares(further))
    assert 1 == pytest.approx(sum(shares(further)))
    assert [min(1, t.p_value / s) for t, s in zip(further, shares(further), strict=True)] == corrected(further)


def outliers(rng: np.random.Generator, n: int, share: float) -> dict[str, Any]:
    """Draw normal numbers of which a share lies far out, on both sides."""
    values = rng.normal(size=n)
    return {"x": np.where(rng.random(n) < share, 4 * values, values)}


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 20,000 rows of which two in a hundred may lie far out."""
    return learnt(outliers(np.random.default_rng(0), 20_000, 0.02))


def test_a_change_that_only_one_detector_sees(monitor: Callable[..., Any], trained: Baseline) -> None:
    """More extreme values are found by `tails` when the spec asks for it, and otherwise by nothing; it is explained."""
    one, without = monitor(trained, watch={"detectors": ["tails"]}), monitor(trained)
    window = outliers(np.random.default_rng(3), 1_000, 0.05)
    (found,) = one.see(window).findings
    numbers = found.evidence["tests"]

    assert Verdict.OK == without.see(window).verdict
    assert ("x", "drift", "tails") == (found.feature, found.detector, found.test)
    assert "values outside the middle 98 % of training 1.6 % -> 4 %" == found.what
    assert {"location", "scale", "shape", "tails"} == set(numbers)
    assert numbers["tails"]["p"] * 11 == pytest.approx(found.p_value)
    assert explain(found, one.summary, trained).agrees


def test_a_statistic_that_the_baseline_lacks(
    monitor: Callable[..., Any],
    learnt: Callable[..., Baseline],
    install: Install,
) -> None:
    """A detector whose statistic is not kept is not asked, and a note says why; everything else is judged as ever."""
    install("harbour_detectors", PACKAGE, "[pegel.detectors]\nnothing = harbour_detectors:Nothing\n")
    rng = np.random.default_rng(0)

    def rows(n: int) -> dict[str, Any]:
        return {"x": rng.normal(size=n), "c": np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, n)]}

    lacking, keeping = learnt(rows(5_000)), learnt(rows(5_000), kept=("moment_sums",))
    watch = {"detectors": ["nothing"]}
    judged = [monitor(one, watch=watch).see(rows(500)) for one in (lacking, keeping)]

    told = "the detector nothing is not asked: the baseline does not keep moment_sums; refresh it"

    assert [[Verdict.OK] * 2] * 2 == [[feature.verdict for feature in one.features] for one in judged]
    assert [True, False] == [told in one.notes for one in judged]


@pytest.mark.parametrize("name", ["distinct", "extremes", "histogram", "moment_sums", "quantiles"])
def test_kept_statistics_are_kept(learnt: Callable[..., Baseline], counted: Callable[..., Summary], name: str) -> None:
    """A statistic of `watch.statistics` is counted, and survives bytes, merging and the baseline's JSON."""
    rng = np.random.default_rng(0)
    first, second = ({"x": rng.normal(size=2_000), "y": rng.normal(size=2_000)} for _ in range(2))
    baseline = learnt(first, kept=(name,))
    copy = Baseline.from_json(json.loads(json.dumps(baseline.to_json())))
    one, other = counted(baseline.layout, first), counted(baseline.layout, second)
    both = Summary.from_bytes(one.to_bytes(), baseline.layout)
    both.merge(Summary.from_bytes(other.to_bytes(), baseline.layout))
    merged, again = both.features["x"].kept[name], Summary.from_bytes(both.to_bytes(), baseline.layout)

    assert (name,) == baseline.layout.kept
    assert baseline.features["y"].kept[name].get() == copy.features["y"].kept[name].get()
    assert baseline.id == copy.id == learnt(first, kept=(name,)).id
    assert merged.get() != one.features["x"].kept[name].get()
    assert merged.get() == again.features["x"].kept[name].get()


class Broken:
    """A detector that breaks the promise whose name it is given."""

    needs: tuple[str, ...] = ()

    def __init__(self, broken: str) -> None:
        """Break one promise."""
        self.name = "Two words" if broken == "name" else "broken"
        self.needs = ("guess",) if broken == "needs" else ()
        self.broken = broken
        self.asked = 0

    def test(self, baseline: FeatureSummary, window: FeatureSummary) -> Any:
        """Return a test that is fine but for one thing."""
        self.asked += 1
        above = baseline.cells.size // 2
        counts = (int(window.cells[above:].sum()), window.counted, int(baseline.cells[above:].sum()), baseline.counted)
        made = CountTest(self.name, *counts, two_sided=True)
        digits = round(window.moments.mean * 2**60)
        broken = {
            "nothing": None,
            "loud": replace(made, seen=window.counted, seen_in_baseline=baseline.counted // 2),
            "split": replace(made, seen=digits % window.counted),
            "memory": replace(made, seen=self.asked),
            "test name": replace(made, name="other"),
            "numbers": _Odd(made, statistic=float("nan")),
            "margin": _Odd(made, falling=True),
        }
        return broken.get(self.broken, made)


class _Odd:
    """A test with an undefined statistic, or one that is surer of a larger margin."""

    def __init__(self, made: CountTest, *, statistic: float = 0.0, falling: bool = False) -> None:
        self.name, self.n, self.m, self.p_value = made.name, made.n, made.m, made.p_value
        self.statistic, self.falling = statistic, falling

    def numbers(self) -> dict[str, float]:
        return {"p": self.p_value}

    def p_relevant(self, margin: float) -> float:
        return 1 - margin if self.falling else 0.0


@pytest.mark.parametrize(
    ("broken", "check", "sentence"),
    [
        ("name", checks.it_has_a_name, "expected one word in lower case as name; given 'Two words'"),
        ("needs", checks.what_it_needs_can_be_kept, "expected a registered statistic, of .*; given 'guess'"),
        ("nothing", checks.it_tests_something, "given None for each of them"),
        ("test name", checks.it_tests_something, "expected a test named 'broken'; given 'other'"),
        ("numbers", checks.its_numbers_are_plain, "expected a finite statistic; given nan"),
        ("margin", checks.a_larger_margin_is_harder_to_exceed, "expected no smaller p-value for a larger margin"),
        ("loud", checks.clean_windows_are_quiet, "100 of 100 clean windows .* have p below 0.1"),
        ("split", checks.any_split_gives_the_same, "a window .* gave p = .* at once, .* in parts"),
        ("memory", checks.it_says_the_same_twice, "asked again it said"),
    ],
)
def test_a_broken_promise_is_told(broken: str, check: DetectorCheck, sentence: str) -> None:
    """Each check catches the detector that breaks its promise, and passes a sound one."""
    assert check(lambda: Broken("nothing else"), 0) is None  # type: ignore[func-returns-value]  # it raises otherwise

    with pytest.raises(AssertionError, match=sentence):
        check(lambda: Broken(broken), 0)
