"""The suite that follows from a baseline: what later rows should be like, if nothing changes.

Shares are tolerated up to the upper limit, at 99.9 %, of what the training rows let expect, so that a baseline that is
a sample is not taken for the truth. Ranges are those of training, up to what is the same in float32.

Source of the limits: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
the American Statistical Association 22 (1927).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Kind, Role
from pegel.detect.effect import percent_of
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_words import bounds, number
from pegel.spec.minimums import MIN_BASELINE, MIN_WINDOW
from pegel.spec.suites import DERIVED
from pegel.stats.layout import CategoricalLayout, NumericLayout
from pegel.stats.summary import FeatureSummary

CERTAIN = 3.090
"""Standard normal quantile of 99.9 %."""
LEAST_TOLERATED = 0.001
"""A smaller share of values out of range or domain is not worth a page."""
UNPARSEABLE = 0.1
"""Share of values of another type that is tolerated at least."""
LARGEST_DOMAIN = 50
"""Of more categories than this no list is made."""
BAND = 5.0
"""Moments may differ by so many standard errors, of the baseline and of a window of the usual size together."""


@lru_cache(maxsize=16)
def derived(baseline: Baseline, rows: int) -> tuple[Expectation, ...]:
    """Return what a baseline lets expect of windows of `rows` rows: columns first, then each field in schema order."""
    known = baseline.features
    # A column without a single value in training may well be without one later.
    fields = baseline.layout.schema.of_role(Role.FEATURE)
    names = [field.name for field in fields if known[field.name].n_null < known[field.name].n]
    columns = [Expectation(kinds.COLUMN_SET, {"column_set": names, "exact_match": False}, DERIVED)] if names else []
    of_fields = (found for name, field in known.items() for found in _of_field(name, field, baseline, rows))
    return (*columns, *of_fields)


def upper_limit(seen: int, n: int) -> float:
    """Return the largest share that `seen` of `n` rows leave possible, at 99.9 %: Wilson's limit.

    >>> round(upper_limit(0, 10_000), 6), round(upper_limit(100, 10_000), 4), upper_limit(0, 0)
    (0.000954, 0.0136, 1.0)
    """
    if not n:
        return 1.0
    share, more = seen / n, CERTAIN**2 / n
    spread = CERTAIN * math.sqrt(share * (1 - share) / n + more / (4 * n))
    return min(1.0, (share + more / 2 + spread) / (1 + more))


def _of_field(name: str, field: FeatureSummary, baseline: Baseline, rows: int) -> Iterator[Expectation]:
    if not field.n:
        return
    absent = field.n_null + field.n_nan + field.n_unparseable
    trained = f"in training {percent_of(absent, field.n)} of {field.n:,} were missing"
    yield _share(kinds.NOT_NULL, name, upper_limit(absent, field.n), trained)
    kind = kinds.NUMBER if field.layout.field.kind is Kind.NUMERIC else kinds.TEXT
    unlike = max(UNPARSEABLE, upper_limit(field.n_unparseable, field.n))
    yield _share(kinds.OF_TYPE, name, unlike, "", type_=kind)
    if isinstance(field.layout, NumericLayout):
        yield from _of_numbers(name, field, field.layout, baseline, rows)
    else:
        yield from _of_categories(name, field.layout)


def _of_numbers(
    name: str, field: FeatureSummary, layout: NumericLayout, baseline: Baseline, rows: int
) -> Iterator[Expectation]:
    if not layout.edges.size or not field.counted:
        return
    beyond = field.n_posinf + field.n_neginf
    # A new row is the largest or the smallest of all with a chance of one in their number, so two more may lie beyond.
    tolerated = max(LEAST_TOLERATED, upper_limit(beyond + 2, field.counted + beyond))
    low = _as_single(field.min, float(np.nextafter(layout.cuts[0], np.inf)))
    high = _as_single(field.max, float(layout.cuts[-1]))
    trained = f"in training {bounds({'min_value': field.min, 'max_value': field.max})}"
    yield _share(kinds.BETWEEN, name, tolerated, trained, min_value=low, max_value=high)
    yield from _moments(name, field, layout, baseline, rows)


def _as_single(value: float | None, end: float) -> float:
    """Return an extreme of the training; where float32 changes it, the `end` of what is the same there.

    Models and their clients pass numbers through float32: 9.99 must not be out of range for that.
    """
    with np.errstate(over="ignore"):
        is_same = value is not None and float(np.float32(value)) == value
    return float(value if is_same and value is not None else end)


def _moments(
    name: str, field: FeatureSummary, layout: NumericLayout, baseline: Baseline, rows: int
) -> Iterator[Expectation]:
    """Yield bands of mean and standard deviation: not of long tails, nor where hours of the day have their own."""
    sd, kurtosis, n = field.moments.sd, field.moments.kurtosis, field.moments.count
    apart = baseline.noise.seasons is not None
    if apart or not layout.light_tails or not sd or kurtosis is None or n < MIN_BASELINE or rows < MIN_WINDOW:
        return
    dispersion = baseline.noise.dispersion.get(name)
    location, scale = ((dispersion.factor(test, rows) if dispersion else 1.0) for test in ("location", "scale"))
    both, repeats = 1 / rows + 1 / n, baseline.noise.repeats
    wide = BAND * sd * math.sqrt(location * repeats * both)
    mean = field.moments.mean
    trained = f"in training {number(mean)}; windows of {rows:,} rows differ by chance"
    yield Expectation(
        kinds.MEAN, {"column": name, "min_value": mean - wide, "max_value": mean + wide}, DERIVED, notes=trained
    )
    wide = BAND * sd * math.sqrt(scale * repeats * both * max(kurtosis - 1, 0.0) / 4)
    trained = f"in training {number(sd)}; windows of {rows:,} rows differ by chance"
    band = {"column": name, "min_value": max(0.0, sd - wide), "max_value": sd + wide}
    yield Expectation(kinds.STDEV, band, DERIVED, notes=trained)


def _of_categories(name: str, layout: CategoricalLayout) -> Iterator[Expectation]:
    vocabulary = layout.vocabulary
    if vocabulary.is_open or not 0 < vocabulary.distinct <= LARGEST_DOMAIN:
        return
    tolerated = max(LEAST_TOLERATED, upper_limit(vocabulary.singletons, vocabulary.rows))
    yield _share(kinds.IN_SET, name, tolerated, "", value_set=sorted(vocabulary.texts))


def _share(kind: str, column: str, tolerated: float, notes: str, **arguments: object) -> Expectation:
    kwargs = {"column": column, **arguments, "mostly": max(0.0, 1 - tolerated)}
    return Expectation(kind, kwargs, DERIVED, notes=notes)
