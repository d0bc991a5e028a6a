"""As what a model takes a feature: checked values of a request -> a column of a pandas frame, or of an object matrix.

The monitor knows numbers and categories; a model may have been fitted on more: times, truth values, pandas categories.

===============  ====================  =============================================  ==========================
type             kinds                 in a frame                                     in a matrix
===============  ====================  =============================================  ==========================
`number`         numeric, categorical  float64, missing NaN                           float, missing NaN
`text`           categorical           object, missing NaN or None, see `frame_of`    str or None
`truth`          numeric, categorical  bool; float64 with NaN where one is missing    bool or None
`time`           categorical           datetime64[ns] in UTC, without a zone          Timestamp or NaT
`time ZONE`      categorical           datetime64[ns, ZONE]                           the same, in that zone
list of values   numeric, categorical  category with these categories                 the category, as listed
===============  ====================  =============================================  ==========================

A time is written as ISO 8601, and is UTC where it names no offset. A category that is not listed is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pegel.data.columns import TIME, Field, Kind, Missing
from pegel.data.conversions import TRUTH, category_of, number_of

ColumnType: TypeAlias = str | list[Any]
"""`number`, `text`, `truth`, `time`, `time` and a zone (of the IANA database, or `+01:00`), or a list of categories."""

Rows: TypeAlias = NDArray[np.object_]
"""Checked values, shape (rows, features): float or NaN where the feature is numeric, else str or None."""

_OF_JSON: dict[type, str] = {
    str: "text",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_OF_BOTH_KINDS = ("number", "truth")


class WrongValue(ValueError):
    """A value that the column's type cannot take. The message names row, feature and what was expected."""


def usual_type(kind: Kind) -> ColumnType:
    """Return the type of a feature of which nothing else is said."""
    return "number" if kind is Kind.NUMERIC else "text"


def is_time(column_type: ColumnType) -> bool:
    """Say whether a model takes a feature as a time, in whichever zone."""
    return isinstance(column_type, str) and column_type.partition(" ")[0] == TIME


def refuse_unfit(types: Mapping[str, ColumnType], features: Sequence[Field]) -> None:
    """Raise ValueError for a type of no feature, one that does not exist, or one that the feature's kind rules out.

    A zone that does not exist is a KeyError.
    """
    kinds = {feature.name: feature.kind for feature in features}
    for name, column_type in types.items():
        if name not in kinds:
            raise ValueError(f"types: {name} is no feature of the schema")
        if isinstance(column_type, list):
            pd.CategoricalDtype(column_type)  # raises ValueError where one stands twice or is null
            continue
        if column_type in {*_OF_BOTH_KINDS, usual_type(kinds[name])}:
            continue
        if kinds[name] is not Kind.CATEGORICAL or not is_time(column_type):
            raise ValueError(f"types: {name} is {kinds[name].value} and cannot be taken as {column_type!r}")
        if zone := column_type.partition(" ")[2]:
            pd.DatetimeTZDtype("ns", zone)  # raises UnknownTimeZoneError, a KeyError, for a zone that does not exist


def frame_of(
    rows: Rows, features: Sequence[Field], types: Sequence[ColumnType], *, missing_text: float | None
) -> pd.DataFrame:
    """Return the rows as a frame with one column per feature, in their order. Raises WrongValue.

    `missing_text` stands where a text is missing: NaN, as in frames that pandas reads from CSV, or None.
    """
    columns = {}
    for at, (feature, column_type) in enumerate(zip(features, types, strict=True)):
        values = _taken(rows[:, at], feature, column_type)
        columns[feature.name] = _in_frame(values, column_type, missing_text)
    return pd.DataFrame(columns, columns=[feature.name for feature in features])


def matrix_of(rows: Rows, features: Sequence[Field], types: Sequence[ColumnType]) -> Rows:
    """Return the rows as an object matrix of shape (rows, features), in their order. Raises WrongValue."""
    if all(column_type == usual_type(feature.kind) for feature, column_type in zip(features, types, strict=True)):
        return rows
    matrix = np.empty(rows.shape, dtype=object)
    for at, (feature, column_type) in enumerate(zip(features, types, strict=True)):
        matrix[:, at] = _taken(rows[:, at], feature, column_type)
    return matrix


def kind_of_json(value: Any) -> str:
    """Return what a value of a request is, in the words of JSON and not of Python; never the value itself."""
    return _OF_JSON.get(type(value), type(value).__name__)


def _in_frame(values: list[Any], column_type: ColumnType, missing_text: float | None) -> Any:
    """Return one column of a frame, of the type that the table above says."""
    if isinstance(column_type, list):
        return pd.Categorical(values, categories=column_type)
    if column_type == "number":
        return np.array(values, dtype=np.float64)
    if column_type == "truth":
        whole = None not in values
        return np.array(values, dtype=np.bool_ if whole else np.float64)
    if column_type == "text":
        return pd.Series([missing_text if value is None else value for value in values], dtype=object)
    zone = column_type.partition(" ")[2]
    return pd.Series(values, dtype=f"datetime64[ns, {zone}]" if zone else "datetime64[ns]")


def _taken(values: NDArray[np.object_], feature: Field, column_type: ColumnType) -> list[Any]:
    """Return the values of one feature as the model takes them. Raises WrongValue."""
    if column_type == usual_type(feature.kind):
        return list(values.tolist())  # checked already
    take, expected = _taking(column_type)
    taken = []
    for row, value in enumerate(values.tolist()):
        try:
            taken.append(take(value))
        except ValueError as error:
            raise WrongValue(
                f"instances[{row}].{feature.name}: expected {expected} or null; given: {kind_of_json(value)}"
            ) from error
    return taken


def _taking(column_type: ColumnType) -> tuple[Callable[[Any], Any], str]:
    """Return what turns one checked value into what the model takes, and what is expected, for people.

    It raises ValueError for a value that it cannot turn.
    """
    if isinstance(column_type, list):
        listed = {category_of(category)[0]: category for category in column_type}
        return lambda value: listed.get(category_of(value)[0]), "a category"
    if column_type == "number":
        return _number, "a number"
    if column_type == "truth":
        return _truth, "a truth value"
    zone = column_type.partition(" ")[2]
    return lambda value: _time(value, zone), "a time in ISO 8601, such as 2026-11-28T09:30:00Z,"


def _number(value: Any) -> float:
    number, missing = number_of(value)
    if missing is Missing.UNPARSEABLE:
        raise ValueError(value)
    return number


def _truth(value: Any) -> bool | None:
    text = category_of(value)[0]
    if text is None:
        return None
    if text not in TRUTH:
        raise ValueError(text)
    return TRUTH[text]


def _time(value: str | None, zone: str) -> Any:
    """Return a Timestamp in UTC without a zone, or in `zone`; NaT for None."""
    if value is None:
        return pd.NaT
    written = datetime.fromisoformat(value.strip())
    instant = pd.Timestamp(written if written.tzinfo else written.replace(tzinfo=UTC)).as_unit("ns")
    return instant.tz_convert(zone) if zone else instant.tz_convert("UTC").tz_localize(None)
