"""What is wrong with a suite before anything is held against it: kinds, arguments, columns."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

from pegel.data.columns import Kind, Schema
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_words import told_apart
from pegel.quality.known_types import KNOWN_TYPES
from pegel.quality.merged_suite import Suite
from pegel.quality.refused_arguments import CONDITIONS, refusal
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.suites import is_number

_NUMBERS = frozenset({kinds.BETWEEN, kinds.MEAN, kinds.STDEV, kinds.LEAST, kinds.MOST, kinds.QUANTILES})
_LISTS = frozenset({"value_set", "column_set", "column_list", "regex_list", "like_pattern_list", "type_list"})
"""Arguments that are lists, whatever the kind."""
_TEXTS = frozenset({"column", "column_A", "column_B", "regex", "strftime_format"})
"""Arguments that are one text, whatever the kind."""
_MATCH_ON = ("any", "all")
_WITH_LIMITS = (_NUMBERS - {kinds.QUANTILES}) | {kinds.ROW_COUNT}


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
    if expectation.kwargs.keys() & set(CONDITIONS):
        return refusal(expectation)
    return _wrong_arguments(expectation) or refusal(expectation)


def _wrong_arguments(expectation: Expectation) -> str:
    kind, kwargs = expectation.type, expectation.kwargs
    known = KNOWN_TYPES.get(kind)
    if known is None:
        guess = did_you_mean([kind], KNOWN_TYPES, lead=" ")
        return f"Great Expectations 1.24 knows no {shown(kind)} about rows in Spark.{guess}"
    taken = (*known.must, *known.may)
    if unknown := sorted(kwargs.keys() - set(taken)):
        guess = did_you_mean(unknown, taken, lead=" ")
        return f"{kind} takes no {', '.join(map(quoted, unknown))}, only {', '.join(taken)}.{guess}"
    if lacking := [name for name in known.must if kwargs.get(name) in (None, "")]:
        return f"{kind} expects {' and '.join(f'`{name}`' for name in lacking)}"
    if kind in _WITH_LIMITS and not {"min_value", "max_value"} & kwargs.keys():
        return f"{kind} expects `min_value`, `max_value` or both"
    if kwargs.get("min_value", -math.inf) > kwargs.get("max_value", math.inf):
        low, high = kwargs["min_value"], kwargs["max_value"]
        return f"{kind}: min_value {told_apart(low, [high])} is above max_value {told_apart(high, [low])}"
    return _wrong_texts(kind, kwargs) or _wrong_values(kind, kwargs)


def _wrong_texts(kind: str, kwargs: Mapping[str, Any]) -> str:
    for name in sorted(kwargs.keys() & _TEXTS):
        if isinstance(kwargs[name], list):
            return f"{kind} expects `{name}`, one text; given the list {quoted(kwargs[name])}"
    if kwargs.get("match_on", _MATCH_ON[0]) not in _MATCH_ON:
        return f"{kind} expects `match_on`, {' or '.join(_MATCH_ON)}; given {quoted(kwargs['match_on'])}"
    return ""


def _wrong_values(kind: str, kwargs: Mapping[str, Any]) -> str:
    lists = {*kwargs.keys() & _LISTS, *([kinds.LISTED[kind]] if kind in kinds.LISTED else [])}
    for name in sorted(lists):
        if not isinstance(kwargs.get(name), list):
            return f"{kind} expects `{name}`, a list"
        if nested := [value for value in kwargs[name] if isinstance(value, list | tuple)]:
            return f"{kind} expects `{name}`, a list of plain values; given the list {quoted(nested[0])} in it"
    if wrong := _wrong_pattern(kind, kwargs):
        return wrong
    if kind == kinds.OF_TYPE and kwargs["type_"] not in {kinds.NUMBER, kinds.TEXT}:
        return f"{kind} expects `type_`, {kinds.NUMBER} or {kinds.TEXT}; given {quoted(kwargs['type_'])}"
    if kind == kinds.QUANTILES and not _are_ranges(kwargs["quantile_ranges"]):
        return (
            f"{kind} expects `quantile_ranges` as in {{quantiles: [0.5, 0.9], value_ranges: [[1, 2], [null, 3]]}}; "
            f"given {quoted(kwargs['quantile_ranges'])}"
        )
    return ""


def _wrong_pattern(kind: str, kwargs: Mapping[str, Any]) -> str:
    """Return why a pattern is none, in the words of Python, which holds rows of windows against it."""
    for name in ("regex", "regex_list"):
        given = kwargs.get(name, [])
        for pattern in given if isinstance(given, list) else [given]:
            if pattern is None:
                return f"{kind} expects `{name}`, a regular expression; given nothing in its place"
            if not isinstance(pattern, str):
                continue  # a mapping, which is refused by `refusal`
            try:
                # What Python may read otherwise one day, such as `[[`, is a pattern today, and no matter of a spec.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FutureWarning)
                    re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                why = shown(str(error), NAME_LIMIT)
                return f"{kind} expects `{name}`, a regular expression; given {quoted(pattern)}: {why}"
    return ""


def _are_ranges(given: Any) -> bool:
    """Say whether there is a pair of limits in order for each quantile, a share; numbers or nothing."""
    if not isinstance(given, Mapping) or given.keys() != {"quantiles", "value_ranges"}:
        return False
    quantiles, ranges = given["quantiles"], given["value_ranges"]
    if not isinstance(quantiles, list) or not isinstance(ranges, list) or len(quantiles) != len(ranges):
        return False
    pairs = [pair for pair in ranges if isinstance(pair, list) and len(pair) == len(("least", "most"))]
    limits = [limit for pair in pairs for limit in pair if limit is not None]
    if not quantiles or len(pairs) != len(ranges) or not all(map(is_number, [*quantiles, *limits])):
        return False
    ordered = all(float(least) <= float(most) for least, most in pairs if least is not None and most is not None)
    return ordered and all(0 <= float(quantile) <= 1 for quantile in quantiles)


def _misplaced(expectation: Expectation, schema: Schema) -> str:
    """Return why an expectation cannot be of columns of the training data; empty if it can."""
    columns = {field.name: field.kind for field in schema.fields}
    if expectation.type in kinds.COLUMNS:
        return ""
    for name in _named(expectation):
        if name not in columns:
            guess = did_you_mean(name, columns, lead=" ")
            return f"the training data has no column {quoted(name, NAME_LIMIT)}{guess and f'.{guess}'}"
    if expectation.type in _NUMBERS and columns[expectation.column] is not Kind.NUMERIC:
        return f"{expectation.type} is about numbers; {quoted(expectation.column, NAME_LIMIT)} holds categories"
    return ""


def _named(expectation: Expectation) -> list[str]:
    """Return the columns that an expectation is about."""
    kwargs = expectation.kwargs
    single = [str(kwargs[name]) for name in ("column", "column_A", "column_B") if name in kwargs]
    return [*single, *map(str, kwargs.get("column_list", ()))]
