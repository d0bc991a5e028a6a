"""Parts of entity keys by the column: `pegel.data.entity_keys`, without Python work per clean value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.data.arrow_columns import Column, categories
from pegel.data.entity_keys import entity_key
from pegel.data.plain_types import plain_array


def key_texts(column: Column) -> NDArray[np.object_]:
    """Return the text of each part, see `pegel.data.entity_keys.key_text`; None where there is none."""
    column = plain_array(column)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return categories(column)[0]


def keys_of(parts: Sequence[Sequence[Column]]) -> pa.Array:
    """Return the key of each row as texts; null where a part of it has none, or it is too long.

    `parts`: of each part the Arrow arrays in which it may stand, one or more, all of one length; the first that has a
    text counts.
    """
    known: dict[tuple[str | None, ...], str | None] = {}
    keys: list[str | None] = []
    for row in zip(*map(_first_texts, parts), strict=True):
        if row not in known:
            known[row] = _key(row)
        keys.append(known[row])
    return pa.array(keys, pa.string())


def _first_texts(columns: Sequence[Column]) -> NDArray[np.object_]:
    texts = key_texts(columns[0])
    for column in columns[1:]:
        absent = np.array([text is None for text in texts], dtype=np.bool_)
        if not absent.any():
            break
        texts = np.where(absent, key_texts(column), texts)
    return texts


def _key(row: tuple[str | None, ...]) -> str | None:
    try:
        return entity_key(row)
    except ValueError:
        return None
