"""Columns of Python values as Arrow arrays, also where Arrow would not take them as they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from pegel.data.conversions import ABSENT, MOST_NESTED, Plain, Strange, plain
from pegel.data.instants import to_us

_INSTANTS = (dt.date, np.datetime64)
_TIMES = (*_INSTANTS, dt.time, dt.timedelta, np.timedelta64)
_BEYOND = 2**62
"""Stands for an instant that no calendar has: microseconds since 1970 in a year six digits long."""
_PLAIN = {str, bytes, bool, int, float, Decimal, dt.date, dt.datetime, dt.time, dt.timedelta}
_LISTS = {list, tuple}
_NUMBERS = {"number": pa.float64(), "truth": pa.bool_(), "integer": pa.int64(), "unsigned": pa.uint64()}
_SORTS = {"text": pa.string(), "strange": pa.binary()} | _NUMBERS
"""The types that a column of several has room for. Nothing is a value of the first that is not there; of strange values
nothing is kept but that they are."""


def are_plain(values: Any, nested: int = MOST_NESTED) -> bool:
    """Say whether Arrow may be given these values, or lists of them: all of one type that it knows, or of NumPy.

    Whole numbers among floats, nulls and NaN do not count. Of other mixes Arrow would make numbers of truth values
    among floats, and bytes of text; one of NumPy's times with its numbers ends the process, in Arrow 25 and 26.
    Lists nested deeper than so many levels are not.
    """
    each = values.tolist() if hasattr(values, "tolist") else list(values)
    types = {one for one in set(map(type, each)) if one is not type(None) and one.__name__ not in ABSENT}
    if len(types) > 1 and float in types and all(value != value for value in each if type(value) is float):  # noqa: PLR0124
        types.discard(float)
    if len(types) > 1:
        return types == {int, float}
    if not types:
        return True
    if types <= _LISTS:
        # Each list once, because what contains itself twice would double with every level.
        lists = {id(one): one for one in each if type(one) in _LISTS}
        return nested > 0 and are_plain(chain.from_iterable(lists.values()), nested - 1)
    return types <= _PLAIN or issubclass(next(iter(types)), np.generic)


def array_of(values: Sequence[Any]) -> pa.Array:
    """Return values of any types as one column; NaN is null, as pandas has it.

    In a column of several types each value keeps its own: numbers and truth values together are numeric, anything mixed
    with text or with what is strange is a category. Times alone are times; what is none of these, alone, is a column of
    a type that is not measured.
    """
    plains = [_storable(value) for value in values]
    present = {_sort(one) for one in plains if one is not None}
    if present == {"strange"}:
        return _strange([value for value, one in zip(values, plains, strict=True) if one is not None], plains)
    if len(present) <= 1:
        return pa.array(plains, _SORTS[present.pop()] if present else pa.null())
    return _of_several_types(plains, _NUMBERS if present <= _NUMBERS.keys() else _SORTS)


def _of_several_types(plains: Sequence[Plain | bytes], types: Mapping[str, pa.DataType]) -> pa.Array:
    children: dict[str, list[Any]] = {sort: [] for sort in types}
    codes, places = [], []
    for one in plains:
        sort = next(iter(types)) if one is None else _sort(one)
        codes.append([*types].index(sort))
        places.append(len(children[sort]))
        children[sort].append(one)
    arrays = [pa.array(child, types[sort]) for sort, child in children.items()]
    return pa.UnionArray.from_dense(pa.array(codes, pa.int8()), pa.array(places, pa.int32()), arrays, [*types])


def _storable(value: Any) -> Plain | bytes:
    """Return what a value is taken for, as Arrow can hold it: bytes stand for what is strange."""
    taken = plain(value)
    if isinstance(taken, Strange):
        return b""
    if isinstance(taken, str):
        # Half a pair of surrogates is no text that could be stored.
        return taken.encode(errors="backslashreplace").decode()
    return None if taken != taken else taken  # noqa: PLR0124  NaN


def _sort(one: Plain | bytes) -> str:
    """Return the name in `_SORTS` of a value that is there."""
    match one:
        case bytes():
            return "strange"
        case bool():
            return "truth"
        case float():
            return "number"
        case int():
            return "integer" if one < 2**63 else "unsigned"
        case _:
            return "text"


def _strange(values: Sequence[Any], plains: Sequence[Any]) -> pa.Array:
    """Return a column of nothing but strange values and nulls, in a type that says what they are."""
    if all(isinstance(value, _INSTANTS) for value in values):
        instants = map(_instant, values)
        zoned = all(getattr(value, "tzinfo", None) is not None for value in values)
        given = pa.timestamp("us", tz="UTC" if zoned else None)
        return pa.array([None if one is None else next(instants) for one in plains], given)
    if all(isinstance(value, _TIMES) for value in values):
        # Of a time of day, or a length of time, all that is counted is that it is there.
        return pa.array([None if one is None else 0 for one in plains], pa.time32("s"))
    storage = pa.array(plains, pa.binary())
    return pa.ExtensionArray.from_storage(pa.opaque(pa.binary(), type(values[0]).__name__, "python"), storage)


def _instant(value: Any) -> int:
    """Return a date or a time as microseconds since 1970, in UTC where it has no zone."""
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[us]").astype(np.int64))
    if not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    try:
        return to_us(value if value.tzinfo else value.replace(tzinfo=dt.UTC))
    except (ValueError, OverflowError):  # pandas has instants that differ from 1970 by more than it can count
        return _BEYOND
