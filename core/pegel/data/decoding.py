"""From bodies to columns: whole batches at once, without Python work per value where all values are clean numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.alike_heads import rows_of_alike
from pegel.data.binary_tensors import MARK
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.conversions import category_of, number_of
from pegel.data.joint_parsing import documents, joint_runs, plain_rows, tensor_rows
from pegel.data.payloads import Row, load, rows_of
from pegel.errors import InvalidPayload

FEW = 8
"""Bodies among which one that is no strict JSON is looked for one by one."""
_CLEAN = {float, int}
_NUMBERS = {float, int, bool}


@dataclass(frozen=True, slots=True)
class Decoded:
    """The rows of a batch of bodies, one after the other.

    `columns` holds the rows of every readable body in order; `rows[i]` is how many of them body `i` gave (0 when it is
    in `errors`, which maps the position of an unreadable body to the reason).
    """

    columns: Columns
    rows: NDArray[np.int64]
    errors: dict[int, InvalidPayload]

    @property
    def body_of_row(self) -> NDArray[np.int64]:
        """Return for each row the position of its body."""
        return np.repeat(np.arange(self.rows.size), self.rows)

    @property
    def index_in_body(self) -> NDArray[np.int64]:
        """Return for each row its index within its body."""
        starts = np.cumsum(self.rows) - self.rows
        return np.arange(self.columns.n) - np.repeat(starts, self.rows)


def decode_batch(bodies: Sequence[bytes], schema: Schema, role: Role) -> Decoded:
    """Decode the rows of one role from many bodies. An unreadable body becomes an entry of `errors`, no exception."""
    fields = schema.of_role(role)
    names = tuple(field.name for field in fields)
    rows: list[Row] = []
    counts = np.zeros(len(bodies), dtype=np.int64)
    errors: dict[int, InvalidPayload] = {}
    for first, last in joint_runs(bodies):
        own_rows, counts[first:last] = _rows(bodies[first:last], role, names, first, errors)
        rows += own_rows
    return Decoded(_columns(rows, fields), counts, errors)


def _rows(
    bodies: Sequence[bytes], role: Role, names: tuple[str, ...], first: int, errors: dict[int, InvalidPayload]
) -> tuple[list[Row], list[int]]:
    """Return the rows of bodies and how many each has; unreadable ones become entries of `errors`, from `first` on."""
    parsed = documents(bodies)
    if parsed is None and len(bodies) > FEW and MARK not in bodies[0]:
        # One of them is no strict JSON: it is not to cost the others their speed.
        middle = len(bodies) // 2
        halves = (
            _rows(bodies[:middle], role, names, first, errors),
            _rows(bodies[middle:], role, names, first + middle, errors),
        )
        return halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]
    plain = _plain(parsed, role, names) if parsed else None
    if plain is not None:
        return plain
    rows: list[Row] = []
    counts = []
    known = rows_of_alike(bodies, role, names) if parsed is None else {}
    for position, body in enumerate(bodies):
        try:
            own_rows = known.get(position)
            if own_rows is None:
                own_rows = _of_one(load(body) if parsed is None else parsed[position], role, names)
        except InvalidPayload as error:
            errors[first + position] = error
            own_rows = []
        counts.append(len(own_rows))
        rows += own_rows
    return rows, counts


def _plain(parsed: Sequence[Any], role: Role, names: tuple[str, ...]) -> tuple[list[Row], list[int]] | None:
    """Return all rows and how many each document has, if all are written in the same plain way."""
    if not names:
        return None
    return plain_rows(parsed, role, len(names)) or tensor_rows(parsed, role, names)


def _of_one(document: Any, role: Role, names: tuple[str, ...]) -> list[Row]:
    """Return the rows of one document, however it is written. Raises InvalidPayload."""
    plain = tensor_rows([document], role, names) if names else None
    return rows_of(document, role, names) if plain is None else plain[0]


def count_rows(body: bytes, role: Role) -> int:
    """Count the rows of a body without knowing its fields. Raises InvalidPayload."""
    return len(rows_of(load(body), role, ()))


def _columns(rows: list[Row], fields: tuple[Field, ...]) -> Columns:
    values: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows and fields else [()] * len(fields)
    numeric = [value for value, field in zip(values, fields, strict=True) if field.kind is Kind.NUMERIC]
    texts = [value for value, field in zip(values, fields, strict=True) if field.kind is Kind.CATEGORICAL]
    matrix = np.empty((len(rows), len(numeric)), dtype=np.float64)
    codes: NDArray[np.uint8] | None = None
    for at, column in enumerate(numeric):
        if set(map(type, column)) <= _CLEAN:
            matrix[:, at] = column
            continue
        codes = np.zeros(matrix.shape, dtype=np.uint8) if codes is None else codes
        matrix[:, at], codes[:, at] = _numbers(column)
    codes = codes if codes is not None and codes.any() else None
    pairs = [_categories(column) for column in texts]
    return Columns(len(rows), matrix, codes, tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))


def _numbers(column: Sequence[Any]) -> tuple[list[float], NDArray[np.uint8]]:
    """Return values and codes; only what is not a number already is looked at one by one."""
    values, codes = list(column), np.zeros(len(column), dtype=np.uint8)
    for at, value in enumerate(column):
        if type(value) not in _CLEAN:
            values[at], codes[at] = number_of(value)
    return values, codes


def _categories(column: Sequence[Any]) -> tuple[NDArray[np.object_], NDArray[np.bool_] | None]:
    array = np.empty(len(column), dtype=np.object_)
    if set(map(type, column)) <= {str, type(None)}:
        array[:] = column
        return array, None
    pairs = [_of_number(value) if type(value) in _NUMBERS else category_of(value) for value in column]
    array[:] = [text for text, _ in pairs]
    strange = np.array([bad for _, bad in pairs], dtype=np.bool_)
    return array, strange if strange.any() else None


@lru_cache(maxsize=4_096, typed=True)
def _of_number(value: float) -> tuple[str | None, bool]:
    """Return a number or a truth value as a category: labels are few, so their texts are kept."""
    return category_of(value)
