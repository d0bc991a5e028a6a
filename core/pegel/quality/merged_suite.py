"""Suites: expectations with a name and a day, and how several become the one that a model's rows are held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Kind, Schema
from pegel.quality import expectation as kinds
from pegel.quality.derived import derived
from pegel.quality.expectation import Expectation
from pegel.quality.known_types import KNOWN_TYPES
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.suites import DERIVED, suite_name

_NUMBERS = frozenset({kinds.BETWEEN, kinds.MEAN, kinds.STDEV, kinds.LEAST, kinds.MOST})
_WITH_LIMITS = _NUMBERS | {kinds.ROW_COUNT}
_OF_TABLE = kinds.ROWS | (kinds.COLUMNS - {kinds.EXISTS})


@dataclass(frozen=True, slots=True)
class Suite:
    """Expectations with a name. `made`: the day of the suite, or the id of the baseline that it follows from."""

    name: str
    made: str
    expectations: tuple[Expectation, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one of a spec, see `pegel.spec.suites`."""
        name = data["name"]
        return cls(name, data["made"], tuple(Expectation.from_json(item, name) for item in data["expectations"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON: what a spec takes, and Great Expectations reads but for `made`."""
        expectations = [expectation.to_json() for expectation in self.expectations]
        return {"name": self.name, "made": self.made, "expectations": expectations}


def own_suites(watch: Watch) -> tuple[Suite, ...]:
    """Return the suites that a spec states itself."""
    return tuple(Suite.from_json(item) for item in watch.expectations if item != DERIVED)


def suite_for(spec: MonitorSpec, baseline: Baseline) -> Suite:
    """Return the one suite that a model's rows are held to; without expectations where the spec asks for none.

    Suites count in the order of the spec: of two expectations about the same the later suite's holds.
    """
    whole = [
        derived(baseline, spec.expected_rows) if item == DERIVED else Suite.from_json(item).expectations
        for item in spec.watch.expectations
    ]
    names = ", ".join(suite_name(item) for item in spec.watch.expectations)
    return Suite(names, baseline.id, merged(whole))


def merged(suites: Iterable[Sequence[Expectation]]) -> tuple[Expectation, ...]:
    """Return expectations of several suites, in order; of two about the same the later one, in the earlier's place."""
    by_key = {expectation.key: expectation for suite in suites for expectation in suite}
    return tuple(by_key.values())


def suite_problems(suite: Suite, schema: Schema | None = None) -> list[str]:
    """Return what is wrong with a suite, a line each; with `schema`, also columns that are not there."""
    seen: set[tuple[str, ...]] = set()
    lines = []
    for at, expectation in enumerate(suite.expectations, start=1):
        where = f"watch.expectations: suite {quoted(suite.name)}, expectation {at}"
        problem = _problem(expectation) or ("" if schema is None else _misplaced(expectation, schema))
        if not problem and expectation.key in seen:
            problem = f"{expectation.type} of {expectation.feature} stands twice; keep one"
        seen.add(expectation.key)
        if problem:
            lines.append(f"{where}: {problem}")
    return lines


def _problem(expectation: Expectation) -> str:
    kind, kwargs = expectation.type, expectation.kwargs
    if kind not in KNOWN_TYPES:
        guess = did_you_mean(kind, KNOWN_TYPES)
        return f"Great Expectations 1.24 knows no {shown(kind)} about rows. {guess[:1].upper()}{guess[1:]}".rstrip()
    if kind in kinds.ON_COUNTS and kind not in _OF_TABLE and not expectation.column:
        return f"{kind} expects `column`, the name of one"
    if kind in _WITH_LIMITS and not {"min_value", "max_value"} & kwargs.keys():
        return f"{kind} expects `min_value`, `max_value` or both"
    if kind == kinds.ROWS_EQUAL and "value" not in kwargs:
        return f"{kind} expects `value`, a number"
    if kwargs.get("min_value", 0.0) > kwargs.get("max_value", float("inf")):
        return f"{kind}: min_value {kwargs['min_value']:g} is above max_value {kwargs['max_value']:g}"
    return _wrong_values(kind, kwargs)


def _wrong_values(kind: str, kwargs: Mapping[str, Any]) -> str:
    if kind in kinds.LISTED and not isinstance(kwargs.get(kinds.LISTED[kind]), list):
        return f"{kind} expects `{kinds.LISTED[kind]}`, a list"
    if kind == kinds.OF_TYPE and kwargs.get("type_") not in {kinds.NUMBER, kinds.TEXT}:
        return f"{kind} expects `type_`, {kinds.NUMBER} or {kinds.TEXT}; given {quoted(kwargs.get('type_'))}"
    return ""


def _misplaced(expectation: Expectation, schema: Schema) -> str:
    """Return why an expectation cannot be of a column of the training data; empty if it can."""
    columns = {field.name: field.kind for field in schema.fields}
    if expectation.type in {kinds.EXISTS, *_OF_TABLE} or not expectation.column:
        return ""
    kind = columns.get(expectation.column)
    if kind is None:
        guess = did_you_mean(expectation.column, columns)
        lacking = f"the training data has no column {quoted(expectation.column, NAME_LIMIT)}"
        return f"{lacking}. {guess[:1].upper()}{guess[1:]}" if guess else lacking
    if expectation.type in _NUMBERS and kind is not Kind.NUMERIC:
        return f"{expectation.type} is about numbers; {quoted(expectation.column, NAME_LIMIT)} holds categories"
    return ""
