"""As what a column of a table is given to a model, where its kind does not say it: times, truth values, categories.

The words are those of `types` in a model's `metadata.json`. A stored file keeps in the metadata of a field what its
Arrow type alone no longer says: the categories that pandas had, and the zone of times.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import pyarrow as pa

from pegel.data.arrow_columns import kind_of
from pegel.data.columns import TIME, Kind
from pegel.data.plain_types import plain_type

ColumnType: TypeAlias = str | list[Any]
"""`truth`, `time` (without a zone), `time` and a zone, or a list of categories in their order."""
MOST_CATEGORIES = 10_000
"""More are taken for texts like any others."""
MOST_CATEGORIES_CHARACTERS = 1_000_000
"""Characters of all categories of a file: they stand in its footer, which is read whole for every look."""
_KEY = b"pegel.type"


def is_instant(arrow: pa.DataType) -> bool:
    """Say whether a column of this type holds times or dates."""
    return bool(pa.types.is_timestamp(arrow) or pa.types.is_date(arrow))


def has_categories(arrow: pa.DataType) -> bool:
    """Say whether a column of this type holds categories that JSON has: texts, numbers or truth values."""
    return bool(
        pa.types.is_dictionary(arrow)
        and isinstance(kind_of(arrow), Kind)
        and not pa.types.is_decimal(plain_type(arrow))
    )


def type_of(arrow: pa.DataType, dictionaries: Iterable[Any] = ()) -> ColumnType | None:
    """Return as what a column of this type is given to a model; None where its kind says it.

    `dictionaries` are those of its parts, for a column that `has_categories`.
    """
    if has_categories(arrow):
        return _together(dictionaries)
    if is_instant(arrow):
        return f"{TIME} {zone}" if (zone := getattr(arrow, "tz", None)) else TIME
    return "truth" if pa.types.is_boolean(plain_type(arrow)) else None


def kept_type(field: pa.Field) -> ColumnType | None:
    """Return what a stored field says of its type; None if it says nothing."""
    told = (field.metadata or {}).get(_KEY)
    return None if told is None else json.loads(told)


def keeping(field: pa.Field, column_type: ColumnType | None) -> pa.Field:
    """Return a field that says its type, if there is one to be said."""
    return field if column_type is None else field.with_metadata({_KEY: json.dumps(column_type)})


def too_long(types: Mapping[str, ColumnType | None]) -> list[str]:
    """Return the columns whose categories do not fit into `MOST_CATEGORIES_CHARACTERS`; the others do, together.

    First come, first kept. The types of other columns are a word each, and always kept.
    """
    left, unfit = MOST_CATEGORIES_CHARACTERS, []
    for name, column_type in types.items():
        length = len(json.dumps(column_type)) if isinstance(column_type, list) else 0
        if length > left:
            unfit.append(name)
        else:
            left -= length
    return unfit


def _together(dictionaries: Iterable[Any]) -> list[Any] | None:
    """Return the categories of all parts, in order; None if there are too many."""
    categories: dict[Any, None] = {}
    last = None
    for dictionary in dictionaries:
        if last is not None and dictionary.equals(last):
            continue
        last = dictionary
        categories |= dict.fromkeys(dictionary.to_pylist())
        if len(categories) > MOST_CATEGORIES:
            return None
    categories.pop(None, None)
    return list(categories)
