"""What holds for every test that the package offers, those written later included."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import pkgutil
from functools import partial
from typing import Any

import numpy as np
import pytest

import pegel.detect
from pegel.data.columns import Field, Kind
from pegel.detect.across_seasons import seasonal_tests
from pegel.detect.attribution_change import AttributionChange, RelevantTest
from pegel.detect.binary import binary
from pegel.detect.category_groups import CategoryGroups
from pegel.detect.count_tests import CountTest
from pegel.detect.detector import Evidence
from pegel.detect.location import location
from pegel.detect.performance_tests import performance_tests
from pegel.detect.scale import scale
from pegel.detect.shape import ShapeStatistic, pool_ordered, shape
from pegel.detect.single_category import single_category
from pegel.detect.sparse import SparseTest
from pegel.detect.tolerated import ToleratedShare
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.layout import NumericLayout
from pegel.stats.performance import Performance
from pegel.stats.performance_counts import PerformanceCounts

BASELINE = np.random.default_rng(0).multinomial(5_000, np.full(12, 1 / 12))


def shaped(baseline: Any, window: Any) -> ShapeStatistic:
    """Test the shape of ordered cells."""
    found = shape(baseline, window, pool_ordered(baseline, window))
    assert found is not None
    return found


def single(baseline: Any, window: Any) -> Any:
    """Test the one that changed most of twelve categories."""
    groups = CategoryGroups(baseline[None], window[None], np.zeros((1, 12), dtype=np.intp), np.array([[12, 0]]))
    return single_category(groups, 0)


def crossing(place: int) -> Any:
    """Return the test at a place of twelve ordered cells, as the only part of a window that may cross several."""
    layout = NumericLayout(
        Field("x", Kind.NUMERIC),
        edges=np.arange(11.0),
        discrete=False,
        groups=np.arange(12),
        scores=np.zeros(12, dtype=np.int64),
        correlated=False,
        dense=False,
        light_tails=True,
    )
    return lambda baseline, window: seasonal_tests(layout, [(baseline, window)])[place]


def mostly_usual(baseline: Any, window: Any) -> SparseTest:
    """Test how many rows lie above the first nine cells, as if these were one value."""
    ranks = location(*(np.array([side[:9].sum(), side[9:].sum()]) for side in (baseline, window)))
    return SparseTest(int(window[9:].sum()), ranks.n, int(baseline[9:].sum()), ranks.m, ranks)


def residuals(counts: Any) -> PerformanceCounts:
    """Count rows of a regressor that answers 0, with a label for each cell."""
    labels = np.repeat(np.arange(-5.5, 6.0), counts)
    times = np.zeros(len(labels), dtype="datetime64[us]")
    rows = LabelledRows.of_numbers(np.zeros(len(labels)), labels, event_time=times, arrived_at=times)
    return PerformanceCounts.of(rows)


def relevant(baseline: Any, window: Any) -> RelevantTest:
    """Test attributions in twelve cells, of which the output moves by a third of its standard deviation."""
    return RelevantTest(location(baseline, window), AttributionChange(0.3, 0.1, 0.1, 0.1, 2.5, 0.5))


def figure(place: int) -> Any:
    """Return the test at a place of those that residuals are held against training by."""
    return lambda baseline, window: performance_tests(Performance(residuals(baseline)), residuals(window))[place]


EXAMPLES: dict[str, list[Any]] = {
    "RankStatistic": [location, scale, partial(location, light_tails=True), crossing(0), crossing(1)],
    "ShapeStatistic": [shaped, crossing(2)],
    "BinaryTest": [lambda b, w: binary(np.array([b[:9].sum(), b[9:].sum()]), np.array([w[:9].sum(), w[9:].sum()]))],
    "SparseTest": [mostly_usual],
    "SingleCategory": [single],
    "FigureTest": [figure(0), figure(1)],
    "RelevantTest": [relevant],
    "CountTest": [lambda b, w: CountTest("last", int(w[-1]), int(w.sum()), int(b[-1]), int(b.sum()))],
}
"""How a test of each class is made of counts of baseline and window."""
CASES = [(name, make) for name, makers in EXAMPLES.items() for make in makers]


def window(tilt: float, seed: int = 1) -> Any:
    """Draw a window whose last cells are fuller by `tilt`."""
    shares = np.linspace(1 - tilt, 1 + tilt, 12)
    return np.random.default_rng(seed).multinomial(400, shares / shares.sum())


def test_every_test_is_here() -> None:
    """There are eight classes of tests against a baseline in the package, and each has an example above."""
    found, without_baseline = set(), {Evidence, ToleratedShare}
    for module in pkgutil.iter_modules(pegel.detect.__path__):
        for name, kind in inspect.getmembers(importlib.import_module(f"pegel.detect.{module.name}"), inspect.isclass):
            parts = ("p_value", "p_relevant", "numbers")
            if kind not in without_baseline and all(hasattr(kind, part) for part in parts):
                found.add(name)

    assert set(EXAMPLES) == found
    assert (8, 14) == (len(found), len(CASES))


@pytest.mark.parametrize(("name", "make"), CASES)
def test_values(name: str, make: Any) -> None:
    """A test names itself, knows its sizes, and gives numbers that JSON carries."""
    found: Evidence = make(BASELINE, window(0.3))

    assert name == type(found).__name__
    assert (400, 5_000) == (found.n, found.m)
    assert found.name
    assert 0 <= found.p_value <= 1
    assert math.isfinite(found.statistic)
    assert json.loads(json.dumps(found.numbers(), allow_nan=False))["p"] == found.p_value


@pytest.mark.parametrize(("name", "make"), CASES)
def test_clean_windows(name: str, make: Any) -> None:
    """Among 200 clean windows not many more than a tenth have a p-value below a tenth."""
    low = sum(make(BASELINE, window(0.0, seed)).p_value < 0.1 for seed in range(200))

    assert low <= 40, name


@pytest.mark.parametrize(("name", "make"), CASES)
def test_margins(name: str, make: Any) -> None:
    """The larger the margin, the less certain that the change exceeds it."""
    found: Evidence = make(BASELINE, window(0.8))
    certain = [found.p_relevant(margin) for margin in (0.0, 0.02, 0.1, 0.5)]

    assert certain == sorted(certain), name


@pytest.mark.parametrize(("name", "make"), CASES)
def test_making_it_changes_nothing(name: str, make: Any) -> None:
    """A test leaves the counts it is given as they are, and says the same when asked again."""
    before, now = BASELINE.copy(), window(0.3)
    first = make(before, now)

    assert first.numbers() == make(BASELINE, window(0.3)).numbers(), name
    assert (before == BASELINE).all()
    assert (now == window(0.3)).all()
