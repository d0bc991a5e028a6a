"""What every detector promises, as checks: those of this package and those of an extension run through the same ones.

Each check takes a class and a seed, and raises AssertionError with a sentence when a promise is broken. Use them so::

    @pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
    def test_my_detector(check):
        check(MyDetector, 0)

The statistics that it needs must be registered, see `pegel.stats.statistic_registry`: samples are counted with them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.detect.detector import Detector, Evidence
from pegel.stats.layout import Layout, build_layout
from pegel.stats.statistic import keeps_columns
from pegel.stats.statistic_registry import statistics
from pegel.stats.summary import FeatureSummary, Summary

__all__ = ["DETECTOR_CHECKS", "DetectorCheck"]

DetectorCheck = Callable[[Callable[[], Detector], int], None]
Values = NDArray[np.float64]

TRAINED = 5_000
"""Rows of a sample's baseline."""
ROWS = 300
"""Rows of a sample's window."""
CLEAN = 100
"""Clean windows that are tested …"""
OFTEN = 27
"""… and how many of them may have a p-value below a tenth: more happen once in a million times."""
MARGINS = (0.0, 0.02, 0.1, 0.5)

SHAPES: Mapping[str, Callable[[Generator, int], Values]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "counts": lambda rng, n: rng.poisson(3, n).astype(np.float64),
    "switch": lambda rng, n: (rng.random(n) < 0.2).astype(np.float64),  # noqa: PLR2004 - one in five
    "constant": lambda _, n: np.ones(n),
}
"""Numbers of different kinds that a detector meets."""


def _expect(condition: bool, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)


def _layout(made: Detector, values: Values) -> Layout:
    return build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": values}, made.needs)


def _summary(layout: Layout, *parts: Values) -> Summary:
    """Return the rows of all parts, each counted alone, packed, unpacked and merged, as a stream does it."""
    whole = Summary.empty(layout)
    for part in parts:
        one = Summary.empty(layout)
        one.update(Columns(part.size, part[:, None], None, (), ()), Role.FEATURE)
        whole.merge(Summary.from_bytes(one.to_bytes(), layout))
    return whole


def _sides(made: Detector, shape: str, rng: Generator, *, changed: bool = False) -> tuple[FeatureSummary, ...]:
    """Return a baseline and a window of one shape; a changed window is stretched and shifted."""
    trained, now = SHAPES[shape](rng, TRAINED), SHAPES[shape](rng, ROWS)
    layout = _layout(made, trained)
    return tuple(_summary(layout, side).features["x"] for side in (trained, 1.5 * now + 1 if changed else now))


def _evidence(made: Detector, seed: int) -> list[Evidence]:
    """Return the tests of clean and of changed windows of every shape, where there is something to test."""
    rng = np.random.default_rng(seed)
    found = [made.test(*_sides(made, shape, rng, changed=changed)) for shape in SHAPES for changed in (False, True)]
    return [test for test in found if test is not None]


def it_has_a_name(kind: Callable[[], Detector], _seed: int) -> None:
    """The class has a name for the registry and for specs: one word in lower case."""
    name = kind().name
    _expect(name.isidentifier() and name == name.lower(), f"expected one word in lower case as name; given {name!r}")


def what_it_needs_can_be_kept(kind: Callable[[], Detector], _seed: int) -> None:
    """Every statistic that it needs is registered, and is one that is kept of single fields."""
    known = statistics()
    for need in kind().needs:
        _expect(need in known, f"expected a registered statistic, of {', '.join(known)}; given {need!r}")
        _expect(keeps_columns(known[need]), f"expected a statistic kept of single fields, with `start`; given {need!r}")


def it_tests_something(kind: Callable[[], Detector], seed: int) -> None:
    """It has a test of at least one kind of numbers, named like the detector, of rows that both sides have."""
    made = kind()
    found = _evidence(made, seed)
    _expect(bool(found), f"expected a test of one of {', '.join(SHAPES)}; given None for each of them")
    for test in found:
        _expect(test.name == made.name, f"expected a test named {made.name!r}; given {test.name!r}")
        _expect(0 < test.n <= ROWS, f"expected at most the {ROWS} rows of the window as n; given {test.n}")
        _expect(0 < test.m <= TRAINED, f"expected at most the {TRAINED} rows of the baseline as m; given {test.m}")


def its_numbers_are_plain(kind: Callable[[], Detector], seed: int) -> None:
    """P-values lie between 0 and 1, the statistic is finite, and `numbers` are what JSON carries, without NaN."""
    for test in _evidence(kind(), seed):
        _expect(0 <= test.p_value <= 1, f"expected a p-value between 0 and 1; given {test.p_value}")
        _expect(math.isfinite(test.statistic), f"expected a finite statistic; given {test.statistic}")
        try:
            json.dumps(test.numbers(), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"expected what JSON carries; given {test.numbers()}: {error}") from error


def a_larger_margin_is_harder_to_exceed(kind: Callable[[], Detector], seed: int) -> None:
    """The p-value of "the change is at most the margin" lies between 0 and 1 and never falls as the margin grows."""
    for test in _evidence(kind(), seed):
        found = [test.p_relevant(margin) for margin in MARGINS]
        _expect(all(0 <= p <= 1 for p in found), f"expected p-values between 0 and 1; given {found}")
        _expect(found == sorted(found), f"expected no smaller p-value for a larger margin; given {found} for {MARGINS}")


def clean_windows_are_quiet(kind: Callable[[], Detector], seed: int) -> None:
    """Of 100 windows without a change, at most 27 have a p-value below a tenth; 10 are to be expected."""
    made, rng = kind(), np.random.default_rng(seed)
    for shape, draw in SHAPES.items():
        trained = draw(rng, TRAINED)
        layout = _layout(made, trained)
        baseline = _summary(layout, trained).features["x"]
        found = [made.test(baseline, _summary(layout, draw(rng, ROWS)).features["x"]) for _ in range(CLEAN)]
        low = sum(test is not None and test.p_value < 0.1 for test in found)  # noqa: PLR2004 - a tenth
        _expect(low <= OFTEN, f"{low} of {CLEAN} clean windows ({shape}) have p below 0.1; expected at most {OFTEN}")


def any_split_gives_the_same(kind: Callable[[], Detector], seed: int) -> None:
    """A window that was counted in parts, in any order, gives what its rows give at once."""
    made, rng = kind(), np.random.default_rng(seed)
    for shape, draw in SHAPES.items():
        trained, now = draw(rng, TRAINED), draw(rng, ROWS) + 1
        layout = _layout(made, trained)
        baseline = _summary(layout, trained).features["x"]
        whole, split = (
            made.test(baseline, _summary(layout, *parts).features["x"])
            for parts in ([now], np.array_split(rng.permutation(now), [0, 3, 200]))
        )
        values = [None if test is None else test.p_value for test in (whole, split)]
        _expect(_close(*values), f"a window ({shape}) gave p = {values[0]} at once, {values[1]} in parts")


def it_says_the_same_twice(kind: Callable[[], Detector], seed: int) -> None:
    """A detector keeps nothing from one field to the next: asked again, and anew, it says the same."""
    made = kind()
    first, _, again = _evidence(made, seed), _evidence(made, seed + 1), _evidence(made, seed)
    numbers = [[test.numbers() for test in found] for found in (first, again, _evidence(kind(), seed))]
    _expect(numbers[0] == numbers[1] == numbers[2], f"asked again it said {numbers[1]}; before it said {numbers[0]}")


def _close(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-300)


DETECTOR_CHECKS: tuple[DetectorCheck, ...] = (
    it_has_a_name,
    what_it_needs_can_be_kept,
    it_tests_something,
    its_numbers_are_plain,
    a_larger_margin_is_harder_to_exceed,
    clean_windows_are_quiet,
    any_split_gives_the_same,
    it_says_the_same_twice,
)
