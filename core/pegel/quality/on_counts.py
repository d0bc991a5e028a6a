"""Expectations held against the counts of a window: they cost nothing, because the counts are there anyway.

Where counts cannot tell, it is said so (`met` is None): a limit within a cell, a category that has no cell of its own,
a kind of check that needs the rows. What they do tell is what Great Expectations says of the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Role
from pegel.data.private_fields import WITHHELD
from pegel.quality import expectation as kinds
from pegel.quality import on_columns
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import (
    NEEDS_ROWS,
    NO_ROWS,
    ExpectationOutcome,
    of_moment,
    of_rule,
    of_share,
    within,
)
from pegel.stats.layout import CategoricalLayout, NumericLayout
from pegel.stats.noise import Noise
from pegel.stats.summary import FeatureSummary, Summary

_BURSTS = {kinds.NOT_NULL: "nulls", kinds.IN_SET: "unseen", kinds.MEAN: "location", kinds.STDEV: "scale"}


def on_counts(expectation: Expectation, summary: Summary, baseline: Baseline | None = None) -> ExpectationOutcome:
    """Return what the counts of a window say of an expectation.

    `baseline`: how its windows vary although nothing changes, and what may be missing by chance; None for not at all.
    """
    if expectation.type in kinds.COLUMNS and expectation.on_counts:
        return on_columns.of_window(expectation, summary, baseline)
    if expectation.type in kinds.ROWS and expectation.on_counts:
        return row_count(expectation, summary.rows(Role.FEATURE))
    noise = None if baseline is None else baseline.noise
    field = summary.features.get(expectation.column)
    if field is None or not expectation.on_counts:
        return _untold(expectation, 0 if field is None else field.n)
    return _OF_FIELD[expectation.type](expectation, field, _burst_factor(expectation, field, noise))


def without_extremes(expectation: Expectation, summary: Summary) -> ExpectationOutcome:
    """Return what is said of the extremes of a private field, which nobody keeps: nothing."""
    n = summary.features[expectation.column].n if expectation.column in summary.features else 0
    return ExpectationOutcome(expectation=expectation, met=None, n=n, why=f"{WITHHELD}: no extremes are kept of it")


def _burst_factor(expectation: Expectation, field: FeatureSummary, noise: Noise | None) -> float:
    """Return by how much what is looked at varies more than of independent rows."""
    dispersion = None if noise is None else noise.dispersion.get(expectation.column)
    if noise is None or dispersion is None:
        return 1.0 if noise is None else noise.repeats
    names = (_BURSTS[expectation.type],) if expectation.type in _BURSTS else ("nulls", "infinite", "below", "above")
    return max(noise.repeats, *(dispersion.factor(name, field.n) for name in names))


def _untold(expectation: Expectation, n: int) -> ExpectationOutcome:
    return ExpectationOutcome(expectation=expectation, met=None, n=n, why=NEEDS_ROWS)


def _missing(field: FeatureSummary) -> int:
    return field.n_null + field.n_nan + field.n_unparseable


def _not_null(expectation: Expectation, field: FeatureSummary, factor: float) -> ExpectationOutcome:
    seen = _missing(field)
    return of_share(expectation, seen, seen, field.n, factor=factor)


def _null(expectation: Expectation, field: FeatureSummary, factor: float) -> ExpectationOutcome:
    seen = field.n - _missing(field)
    return of_share(expectation, seen, seen, field.n, factor=factor)


def _of_type(expectation: Expectation, field: FeatureSummary, factor: float) -> ExpectationOutcome:
    """Return how many values could not be read; of the other kind of column all are another type."""
    asked = kinds.NUMBER if isinstance(field.layout, NumericLayout) else kinds.TEXT
    seen = field.n_unparseable if expectation.kwargs["type_"] == asked else field.n
    return of_share(expectation, seen, seen, field.n, factor=factor)


def _between(expectation: Expectation, field: FeatureSummary, factor: float) -> ExpectationOutcome:
    if not isinstance(field.layout, NumericLayout):
        return _untold(expectation, field.n)
    kwargs = expectation.kwargs
    low, high = kwargs.get("min_value", -math.inf), kwargs.get("max_value", math.inf)
    low = np.nextafter(low, math.inf) if kwargs.get("strict_min") else low
    high = np.nextafter(high, -math.inf) if kwargs.get("strict_max") else high
    infinite = field.n_posinf * (not within(kwargs, math.inf)) + field.n_neginf * (not within(kwargs, -math.inf))
    least, most = _beyond(field, field.layout, float(low), float(high))
    n = field.counted + field.n_posinf + field.n_neginf
    return of_share(expectation, least + infinite, most + infinite, n, factor=factor)


def _beyond(field: FeatureSummary, layout: NumericLayout, low: float, high: float) -> tuple[int, int]:
    """Return how many finite values are beyond two limits that are allowed, at least and at most."""
    if field.min is None or field.max is None or (field.min >= low and field.max <= high):
        return 0, 0
    if low > high or field.max < low or field.min > high:
        return field.counted, field.counted
    # Each cell holds what is above its beginning and not above its end, and nothing beyond the window's own extremes.
    begins = np.maximum(np.nextafter(np.r_[-np.inf, layout.cuts], np.inf), field.min)
    ends = np.minimum(np.r_[layout.cuts, np.inf], field.max)
    outside = (ends < low) | (begins > high)
    inside = (begins >= low) & (ends <= high)
    least, most = int(field.cells[outside].sum()), int(field.cells[~inside].sum())
    known = (field.min < low) + (field.max > high)
    return max(least, known), max(most, known)


def _in_set(expectation: Expectation, field: FeatureSummary, factor: float) -> ExpectationOutcome:
    members = _members(expectation, field)
    if members is None:
        return _untold(expectation, field.n)
    least, most = members
    return of_share(expectation, field.counted - most, field.counted - least, field.counted, factor=factor)


def _not_in_set(expectation: Expectation, field: FeatureSummary, factor: float) -> ExpectationOutcome:
    members = _members(expectation, field)
    if members is None:
        return _untold(expectation, field.n)
    return of_share(expectation, *members, field.counted, factor=factor)


def _members(expectation: Expectation, field: FeatureSummary) -> tuple[int, int] | None:
    """Return how many values are in a set, at least and at most; None of numbers, which no cell holds exactly."""
    layout = field.layout
    if not isinstance(layout, CategoricalLayout):
        return None
    asked = {str(value) for value in expectation.kwargs["value_set"] if value is not None}
    known = layout.vocabulary.texts
    if asked == known and not layout.open_vocabulary and len(known) == layout.vocabulary.distinct:
        seen = field.counted - field.n_unseen
        return seen, seen
    named = [place for place, value in enumerate(layout.categories) if value in asked]
    inside = int(field.cells[named].sum())
    rest = int(field.cells[len(layout.categories) :].sum())
    return inside, inside if asked <= set(layout.categories) else inside + rest


def _moment(expectation: Expectation, field: FeatureSummary, factor: float) -> ExpectationOutcome:
    if not isinstance(field.layout, NumericLayout):
        return _untold(expectation, field.n)
    return of_moment(expectation, field.moments, (field.n_posinf, field.n_neginf), factor=factor)


def _extreme(expectation: Expectation, field: FeatureSummary, _factor: float) -> ExpectationOutcome:
    if not isinstance(field.layout, NumericLayout):
        return _untold(expectation, field.n)
    if not field.n:
        # A window of requests that nobody has answered yet breaks no rule about answers.
        return ExpectationOutcome(expectation=expectation, met=None, n=0, why=NO_ROWS)
    ends = {
        kinds.LEAST: -math.inf if field.n_neginf else field.min,
        kinds.MOST: math.inf if field.n_posinf else field.max,
    }
    value = ends[expectation.type]
    if value is None:
        # Of infinite values alone the other end is infinite, too.
        infinite = field.n_posinf + field.n_neginf
        value = math.nan if not infinite else (math.inf if field.n_posinf else -math.inf)
    n = field.counted + field.n_posinf + field.n_neginf
    met = within(expectation.kwargs, value)
    return of_rule(expectation, met=met, n=n, observed=value, why="" if n else "there are no values")


def row_count(expectation: Expectation, rows: int) -> ExpectationOutcome:
    """Return what so many rows say of an expectation about their number."""
    kwargs = expectation.kwargs
    met = rows == kwargs["value"] if expectation.type == kinds.ROWS_EQUAL else within(kwargs, rows)
    return of_rule(expectation, met=met, n=rows, observed=float(rows))


_OF_FIELD: dict[str, Callable[[Expectation, FeatureSummary, float], ExpectationOutcome]] = {
    kinds.NOT_NULL: _not_null,
    kinds.NULL: _null,
    kinds.OF_TYPE: _of_type,
    kinds.BETWEEN: _between,
    kinds.IN_SET: _in_set,
    kinds.NOT_IN_SET: _not_in_set,
    kinds.MEAN: _moment,
    kinds.STDEV: _moment,
    kinds.LEAST: _extreme,
    kinds.MOST: _extreme,
}
