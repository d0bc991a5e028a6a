"""Columns of Python values as Arrow arrays, also where Arrow would not take them as they are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from numbers import Real
from typing import Any

import numpy as np
import pyarrow as pa

_TIMES = (dt.date, dt.time, dt.timedelta, np.datetime64, np.timedelta64)
_NOTHING = {"NAType", "NaTType", "MaskedConstant"}
"""Types of what pandas and NumPy put where nothing is, by name: neither has to be installed, and none equals itself."""


class Sort(Enum):
    """What a value is for a column."""

    NOTHING = auto()
    TRUTH = auto()
    NUMBER = auto()
    TEXT = auto()
    TIME = auto()
    OTHER = auto()


def sort_of(value: Any) -> Sort:
    """Return what a value is, without calling anything of its own that could fail."""
    if value is None or type(value).__name__ in _NOTHING:
        return Sort.NOTHING
    if isinstance(value, bool | np.bool_):
        return Sort.TRUTH
    if isinstance(value, _TIMES):
        return Sort.NOTHING if isinstance(value, np.datetime64 | np.timedelta64) and np.isnat(value) else Sort.TIME
    if isinstance(value, Real | Decimal):
        return Sort.NOTHING if math.isnan(number_of(value)) else Sort.NUMBER
    return Sort.TEXT if isinstance(value, str) else Sort.OTHER


def number_of(value: Any) -> float:
    """Return the nearest float; beyond the largest, infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (ValueError, InvalidOperation):
        return math.nan  # a Decimal that signals NaN


def text_of(value: Any) -> str:
    """Return the text of a value; for what is neither text, number, time nor truth value, only its type in brackets."""
    sort = sort_of(value)
    if sort is Sort.TRUTH:
        return "true" if value else "false"
    if sort is Sort.OTHER:
        return f"<{type(value).__name__}>"
    # Half a pair of surrogates is no text that could be stored.
    return str(value).encode(errors="backslashreplace").decode()


def array_of(values: Sequence[Any]) -> pa.Array:
    """Return values of any types as one column.

    Numbers and truth values are numbers, times alone are times, anything mixed with text is text. What is none of
    these, alone, is a column of a type that is not measured.
    """
    sorts = [sort_of(value) for value in values]
    kinds = set(sorts) - {Sort.NOTHING}
    here = [sort is not Sort.NOTHING for sort in sorts]
    if kinds == {Sort.TRUTH}:
        return pa.array([bool(value) if known else None for value, known in zip(values, here, strict=True)])
    if kinds and kinds <= {Sort.TRUTH, Sort.NUMBER}:
        numbers = [number_of(value) if known else None for value, known in zip(values, here, strict=True)]
        return pa.array(numbers, pa.float64())
    if kinds == {Sort.TIME}:
        # That there is a time is all that is counted of it.
        return pa.array([0 if known else None for known in here], pa.timestamp("s"))
    if kinds == {Sort.OTHER}:
        name = next(type(value).__name__ for value, known in zip(values, here, strict=True) if known)
        storage = pa.array([b"" if known else None for known in here], pa.binary())
        return pa.ExtensionArray.from_storage(pa.opaque(pa.binary(), name, "python"), storage)
    return pa.array([text_of(value) if known else None for value, known in zip(values, here, strict=True)], pa.string())
