"""Which counts say whether the data of a field have gone bad: nulls, infinities, nonsense, values never seen before."""

from __future__ import annotations

from pegel.detect.count_tests import CountTest
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary

LEAST_NULL_DIFFERENCE = 0.001
"""A smaller change of the rate of nulls is not worth a page."""


def quality_tests(
    baseline: FeatureSummary, window: FeatureSummary, dispersion: Dispersion | None = None
) -> list[CountTest]:
    """Return the count tests of one field."""
    rows = (window.n, baseline.n)
    tests = [
        CountTest(
            "nulls",
            window.n_null + window.n_nan,
            window.n,
            baseline.n_null + baseline.n_nan,
            baseline.n,
            two_sided=True,
            least_difference=LEAST_NULL_DIFFERENCE,
            factor=1.0 if dispersion is None else dispersion.factor("nulls", window.n),
        ),
        _more("unparseable", window.n_unparseable, baseline.n_unparseable, rows),
    ]
    if isinstance(baseline.layout, NumericLayout):
        infinite = [side.n_posinf + side.n_neginf for side in (window, baseline)]
        return [*tests, _more("infinite", infinite[0], infinite[1], rows), *_numeric(baseline.layout, baseline, window)]
    vocabulary = baseline.layout.vocabulary
    if vocabulary.is_open:
        return tests
    # So many rows of the baseline would be unseen by all its other rows: those whose value occurs once.
    unseen, counted = int(window.cells[-1]), (window.counted, baseline.counted)
    return [*tests, _more("unseen", unseen, vocabulary.singletons, counted)]


def _numeric(layout: NumericLayout, baseline: FeatureSummary, window: FeatureSummary) -> list[CountTest]:
    counted = (window.counted, baseline.counted)
    if not layout.discrete:
        # None of the rows that gave the edges lies beyond them; rows counted later may.
        now, before = window.cells[[0, -1]].tolist(), baseline.cells[[0, -1]].tolist()
        return [_more("below", now[0], before[0], counted), _more("above", now[1], before[1], counted)]
    points = baseline.cells[layout.points]
    singletons = int((points == 1).sum())
    return [_more("unseen", int(window.cells[~layout.points].sum()), singletons, counted)]


def _more(name: str, seen: int, seen_in_baseline: int, rows: tuple[int, int]) -> CountTest:
    return CountTest(name, seen, rows[0], seen_in_baseline, rows[1])
