"""What of an expectation never reaches Great Expectations, because the library would run it as code.

A `row_condition` is handed to `DataFrame.query` of pandas, which runs any Python, or to a filter of Spark in SQL, which
calls any method of Java. A column's name becomes SQL where numbers of several columns are added. So only kinds and
arguments that are known are handed over, and of those none that could be more than a value. Asked when a spec is
checked, and again before each run: a spec that is stored already was not checked by this release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.known_types import KNOWN_TYPES
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, quoted, shown

CONDITIONS = ("row_condition", "condition_parser")
"""Arguments that Great Expectations has and Pegel never takes."""
SUM = "expect_multicolumn_sum_to_equal"
_TYPES = ("type_", "type_list")
_RANGES = "quantile_ranges"
_PLAIN = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def refusal(expectation: Expectation) -> str:
    """Return why an expectation is not handed to Great Expectations; empty where it may be."""
    kind, kwargs = expectation.type, expectation.kwargs
    if given := sorted(kwargs.keys() & set(CONDITIONS)):
        return f"{shown(kind, NAME_LIMIT)}: {' and '.join(given)} would be run as code, and so is refused; remove it"
    known = KNOWN_TYPES.get(kind)
    if known is None:
        return f"{shown(kind, NAME_LIMIT)} is no kind that Pegel hands to Great Expectations"
    if unknown := sorted(kwargs.keys() - {*known.must, *known.may}):
        return shown(f"{kind} takes no {', '.join(map(quoted, unknown))}", LONGEST_SENTENCE)
    return next(_odd_arguments(kind, kwargs), "")


def _odd_arguments(kind: str, kwargs: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is more than a value."""
    for name, value in kwargs.items():
        if _has_mapping(value) and not (kind == kinds.QUANTILES and name == _RANGES and _is_plain_mapping(value)):
            yield f"{kind} expects `{name}` without mappings; given {quoted(value)}"
    if kind == SUM and (odd := _odd(kwargs.get("column_list"))):
        yield f"{kind} expects columns whose names are letters, digits and _ alone; given {quoted(odd)}"
    for name in _TYPES:
        if name in kwargs and (odd := _odd(kwargs[name])):
            yield f"{kind} expects `{name}` to be names of types; given {quoted(odd)}"


def _odd(value: Any) -> Any:
    """Return the first of one or several names that is more than a name; nothing where all are names."""
    names: Iterable[Any] = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return next((name for name in names if not isinstance(name, str) or not _PLAIN.fullmatch(name)), None)


def _has_mapping(value: Any) -> bool:
    """Say whether there is a mapping in a value: the library reads some as references to what is elsewhere."""
    if isinstance(value, list | tuple):
        return any(map(_has_mapping, value))
    return isinstance(value, Mapping)


def _is_plain_mapping(value: Any) -> bool:
    """Say whether a value is quantiles and their ranges, with nothing but values in them."""
    return (
        isinstance(value, Mapping)
        and value.keys() <= {"quantiles", "value_ranges"}
        and not any(map(_has_mapping, value.values()))
    )
