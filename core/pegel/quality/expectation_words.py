"""What an expectation says, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, quoted, shown

SHOWN = 5
"""Values of a set that are listed; the others are counted."""
_EXACT = 1e15
"""Whole numbers below have all their digits."""


def in_words(expectation: Expectation) -> str:
    """Return what is expected.

    >>> in_words(Expectation(kinds.NOT_NULL, {"column": "age", "mostly": 0.99}))
    "'age' is there, in at least 99 % of rows"
    >>> in_words(Expectation(kinds.MEAN, {"column": "age", "min_value": 30.0, "max_value": 42.5}))
    "the mean of 'age' is from 30 to 42.5"
    >>> in_words(Expectation("expect_column_values_to_match_regex", {"column": "code", "regex": "^[A-Z]+$"}))
    "'code' values to match regex (regex '^[A-Z]+$')"
    """
    say = _WORDS.get(expectation.type)
    text = _by_type(expectation)
    if say is not None:
        text = say(quoted(expectation.column, NAME_LIMIT), expectation.kwargs)
    if expectation.mostly < 1:
        text += f", in at least {told_apart(100 * expectation.mostly, [100.0])} % of rows"
    if "row_condition" in expectation.kwargs:
        text += f", where {shown(str(expectation.kwargs['row_condition']), NAME_LIMIT)}"
    return shown(text, LONGEST_SENTENCE)


def number(value: float, digits: int = 6) -> str:
    """Return a number in words: a whole one with all its digits, another with so many, and never fewer than its whole.

    >>> [number(value) for value in (1_234_568.0, 1_234_567.5, 0.1, 1e-7, -5, 1e300)]
    ['1,234,568', '1,234,567.5', '0.1', '1e-07', '-5', '1e+300']
    """
    if not abs(value) < _EXACT:
        return f"{value:g}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{max(digits, len(str(int(abs(value)))) + 1)}g}"


def told_apart(value: float, others: Iterable[float]) -> str:
    """Return a number in words, with as many digits as tell it apart from others that it does not equal.

    >>> told_apart(9.9900000001, [9.99]), told_apart(9.99, [9.99]), told_apart(99.9999999, [100.0])
    ('9.9900000001', '9.99', '99.9999999')
    """
    texts = {number(other) for other in others if other != value}
    return next((text for digits in range(6, 17) if (text := number(value, digits)) not in texts), repr(value))


def bounds(kwargs: Mapping[str, Any]) -> str:
    """Return the limits of a number in words.

    >>> bounds({"min_value": 0.0}), bounds({"max_value": 9.5, "strict_max": True}), bounds({})
    ('at least 0', 'less than 9.5', 'anything')
    """
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None and high is not None and not (kwargs.get("strict_min") or kwargs.get("strict_max")):
        return f"from {number(low)} to {number(high)}"
    ends = []
    if low is not None:
        ends.append(f"{'more than' if kwargs.get('strict_min') else 'at least'} {number(low)}")
    if high is not None:
        ends.append(f"{'less than' if kwargs.get('strict_max') else 'at most'} {number(high)}")
    return " and ".join(ends) or "anything"


def _by_type(expectation: Expectation) -> str:
    """Return a kind that has no words here by its name in Great Expectations and its arguments."""
    name = expectation.type.removeprefix("expect_").removeprefix("column_").replace("_", " ")
    plain = {"column", "mostly", "row_condition"}
    rest = ", ".join(f"{key} {quoted(value)}" for key, value in expectation.kwargs.items() if key not in plain)
    about = f"{quoted(expectation.column, NAME_LIMIT)} " if expectation.column else ""
    return f"{about}{name}" + (f" ({rest})" if rest else "")


def _listed(values: Any) -> str:
    several = [str(value) for value in values if value is not None]
    text = ", ".join(shown(value, NAME_LIMIT) for value in several[:SHOWN])
    return f"{text} and {len(several) - SHOWN} more" if len(several) > SHOWN else text


def _of_number(what: str) -> Callable[[str, Mapping[str, Any]], str]:
    return lambda column, kwargs: f"{what} of {column} is {bounds(kwargs)}"


_WORDS: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    kinds.NOT_NULL: lambda column, _: f"{column} is there",
    kinds.NULL: lambda column, _: f"{column} is missing",
    kinds.BETWEEN: lambda column, kwargs: f"{column} is {bounds(kwargs)}",
    kinds.IN_SET: lambda column, kwargs: f"{column} is one of {_listed(kwargs.get('value_set', ()))}",
    kinds.NOT_IN_SET: lambda column, kwargs: f"{column} is none of {_listed(kwargs.get('value_set', ()))}",
    kinds.OF_TYPE: lambda column, kwargs: f"{column} is a {kwargs.get('type_')}",
    kinds.MEAN: _of_number("the mean"),
    kinds.STDEV: _of_number("the standard deviation"),
    kinds.LEAST: _of_number("the smallest value"),
    kinds.MOST: _of_number("the largest value"),
    kinds.EXISTS: lambda column, _: f"there is a column {column}",
    kinds.COLUMN_SET: lambda _, kwargs: f"there are the columns {_listed(kwargs.get('column_set', ()))}",
    kinds.COLUMN_ORDER: lambda _, kwargs: f"the columns are {_listed(kwargs.get('column_list', ()))}, in this order",
    kinds.ROW_COUNT: lambda _, kwargs: f"the number of rows is {bounds(kwargs)}",
    kinds.ROWS_EQUAL: lambda _, kwargs: f"the number of rows is {number(kwargs['value'])}",
}
