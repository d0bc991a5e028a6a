"""Expectations about which columns there are: of training data, where all is known, and of a window, where little is.

A window is read for the columns of the training data, so what else was sent, and in which order, nobody knows. A
request that sends null for a column is no other than one that does not send it: a column without a single value is
absent, where that is no chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Role, Schema
from pegel.quality import expectation as kinds
from pegel.quality.derived import upper_limit
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import NEEDS_ROWS, NO_ROWS, ExpectationOutcome
from pegel.stats.summary import Summary

BY_CHANCE = 1e-6
"""A column may be without a value by chance down to this probability: what is said of columns is a rule."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of a table, in order. `there`: None where nobody knows. `whole`: whether there are certainly no others.

    Predictions may be named, and need not be.
    """

    features: tuple[str, ...]
    there: Mapping[str, bool | None]
    whole: bool
    n: int

    def of(self, name: str) -> bool | None:
        return self.there.get(name, False if self.whole else None)

    def outcome(self, expectation: Expectation, met: bool | None, why: Iterable[str] = ()) -> ExpectationOutcome:
        told = "; ".join(filter(None, why))
        return ExpectationOutcome(expectation=expectation, met=met, n=self.n, why="" if met else told)

    def untold(self, names: Iterable[str]) -> str:
        """Return why it cannot be told whether columns are there."""
        listed = sorted(names)
        if not set(listed) <= self.there.keys():
            return NEEDS_ROWS
        return f"no value of {', '.join(listed)} in {self.n:,} rows, which may be chance" if self.n else NO_ROWS


def of_training(expectation: Expectation, schema: Schema, rows: int) -> ExpectationOutcome:
    """Return what the columns that are read of training data say of an expectation about columns."""
    there: dict[str, bool | None] = dict.fromkeys((field.name for field in schema.fields), True)
    return _told(expectation, _Columns(_features(schema), there, whole=True, n=rows))


def of_window(expectation: Expectation, summary: Summary, baseline: Baseline | None) -> ExpectationOutcome:
    """Return what the counts of a window say of an expectation about columns.

    `baseline`: tells which columns may be without a value by chance; without one, none may.
    """
    schema = summary.layout.schema
    there = {name: _is_there(name, field.n, field.n_null, baseline) for name, field in summary.features.items()}
    return _told(expectation, _Columns(_features(schema), there, whole=False, n=summary.most_rows))


def _features(schema: Schema) -> tuple[str, ...]:
    return tuple(field.name for field in schema.of_role(Role.FEATURE))


def _is_there(name: str, n: int, nulls: int, baseline: Baseline | None) -> bool | None:
    if nulls < n:
        return True
    if not n:
        return None
    if baseline is None:
        return False
    trained, noise = baseline.features[name], baseline.noise
    dispersion = noise.dispersion.get(name)
    factor = max(noise.repeats, 1.0 if dispersion is None else dispersion.factor("nulls", n))
    by_chance = upper_limit(trained.n_null, trained.n) ** (n / factor)
    return None if by_chance > BY_CHANCE else False


def _told(expectation: Expectation, columns: _Columns) -> ExpectationOutcome:
    if expectation.type == kinds.EXISTS:
        return _exists(expectation, columns)
    asked = [str(name) for name in expectation.kwargs[kinds.LISTED[expectation.type]]]
    in_order = expectation.type == kinds.COLUMN_ORDER
    # As Great Expectations takes it: an exact match unless another is asked for.
    exact = in_order or bool(expectation.kwargs.get("exact_match", True))
    lacking = sorted({name for name in asked if columns.of(name) is False})
    more = [name for name in columns.features if columns.of(name) and name not in asked] if exact else []
    if lacking or more:
        parts = ((lacking, "lacking"), (more, "not expected"))
        return columns.outcome(expectation, False, [f"{', '.join(names)} {what}" for names, what in parts if names])
    if exact and not columns.whole:
        return columns.outcome(expectation, None, [NEEDS_ROWS])
    if unsure := [name for name in asked if columns.of(name) is None]:
        return columns.outcome(expectation, None, [columns.untold(unsure)])
    met = not in_order or asked in (list(columns.features), list(columns.there))
    return columns.outcome(expectation, met, [f"they are {', '.join(columns.features)}"])


def _exists(expectation: Expectation, columns: _Columns) -> ExpectationOutcome:
    met, place = columns.of(expectation.column), expectation.kwargs.get("column_index")
    why = "it is not there" if met is False else columns.untold([expectation.column])
    if met and place is not None:
        places = {name: at for at, name in enumerate(columns.there)}
        met = places[expectation.column] == place if columns.whole else None
        why = f"it is column {places[expectation.column]}" if columns.whole else NEEDS_ROWS
    return columns.outcome(expectation, met, [why])
