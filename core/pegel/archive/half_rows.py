"""Rows of requests, and rows of answers, as they are before one is put beside the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pegel.archive.row_columns import (
    ANSWER_OFFSET,
    ANSWER_PARTITION,
    ANSWERED_AT,
    EVENT_ID,
    EVENT_TIME,
    INSTANT,
    OFFSET,
    PARTITION,
    REPLACED,
    ROW,
    TOPIC,
    UNPARSEABLE,
    archive_schema,
    field_column,
    hashed_column,
    key_column,
)
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.data.decoding import Decoded
from pegel.data.entity_keys import key_text
from pegel.data.private_fields import HASH, PrivateFields
from pegel.stream.decoding_alone import decode


@dataclass(frozen=True, slots=True)
class RowMaking:
    """How rows of one model are made: its fields, the names of its entity's keys, and what of them is private."""

    schema: Schema
    keys: tuple[str, ...]
    private: PrivateFields

    @property
    def columns(self) -> pa.Schema:
        """Return the columns of the model's rows."""
        return archive_schema(self.schema, self.keys, self.private.ways)

    def requests(self, events: pa.Table) -> tuple[pa.Table, dict[int, str]]:
        """Return the rows of requests in `EVENTS`, and by place why another one cannot be read."""
        return self._halves(events, Role.FEATURE)

    def answers(self, events: pa.Table) -> tuple[pa.Table, dict[int, str]]:
        """Return the rows of responses, likewise."""
        return self._halves(events, Role.PREDICTION)

    def _halves(self, events: pa.Table, role: Role) -> tuple[pa.Table, dict[int, str]]:
        bodies = events.column("body").to_pylist()
        decoded = decode(bodies, self.schema, role)
        of_row = pa.array(decoded.body_of_row)
        # Not their bodies: a row each would take as much again as all of the rows beside it.
        own = events.drop_columns(["body"]).take(of_row)
        is_answer = role is Role.PREDICTION
        columns: dict[str, Any] = {
            EVENT_ID: own.column("event_id"),
            ROW: pa.array(decoded.index_in_body, pa.int32()),
            ANSWERED_AT if is_answer else EVENT_TIME: own.column("time_us").cast(pa.timestamp("us")).cast(INSTANT),
            TOPIC: own.column("topic"),
            ANSWER_PARTITION if is_answer else PARTITION: own.column("partition"),
            ANSWER_OFFSET if is_answer else OFFSET: own.column("offset"),
        }
        columns[REPLACED] = own.column("replaced")
        if not is_answer:
            columns |= self._entities(events, decoded)
        values, odd = self.values(decoded.columns, self.schema.of_role(role))
        columns |= values | {UNPARSEABLE: odd}
        names = [name for name in self.columns.names if name in columns]
        table = pa.table([columns[name] for name in names], schema=pa.schema([self.columns.field(n) for n in names]))
        errors = {at: self.private.error(error) for at, error in decoded.errors.items()}
        return table, {at: f"{error.kind}: {error}" for at, error in errors.items()}

    def values(self, columns: Columns, fields: Sequence[Field]) -> tuple[dict[str, pa.Array], pa.Array]:
        """Return the columns of fields, and of each row which of them had values that are not what they hold."""
        numbers = (
            (columns.numeric[:, at], None if columns.missing is None else columns.missing[:, at])
            for at in range(columns.numeric.shape[1])
        )
        texts = iter(zip(columns.categorical, columns.unparseable, strict=True))
        made: dict[str, pa.Array] = {}
        odd: dict[str, NDArray[np.bool_]] = {}
        values: NDArray[Any]
        for field in fields:
            name = field_column(field)
            if field.kind is Kind.NUMERIC:
                values, codes = next(numbers)
                absent = None if codes is None else codes != Missing.PRESENT
                strange = None if codes is None else codes == Missing.UNPARSEABLE
                array = pa.array(values, pa.float64(), mask=absent)
            else:
                values, strange = next(texts)
                array = pa.array(values, pa.string(), from_pandas=False)
            if strange is not None and strange.any():
                odd[name] = strange
            match self.private.ways.get(field.name):
                case None:
                    made[name] = array
                case way if way == HASH:
                    made[hashed_column(name)] = pa.array(self.private.hashes(field.name, values), pa.string())
        return made, _listed(odd, columns.n)

    def _entities(self, events: pa.Table, decoded: Decoded) -> dict[str, pa.Array]:
        """Return the parts of each row's entity key, by column; null where none is told."""
        parts: list[Sequence[str | None]] = []
        for text, rows in zip(events.column("entities").to_pylist(), decoded.rows.tolist(), strict=True):
            parts += _parts_of_rows(text, rows, len(self.keys))
        return self.key_columns([[part[at] for part in parts] for at in range(len(self.keys))])

    def key_columns(self, parts: Sequence[Sequence[str | None]]) -> dict[str, pa.Array]:
        """Return the columns of the parts of keys, of which each has a text, or null, for each row."""
        made = {}
        for key, values in zip(self.keys, parts, strict=True):
            match self.private.ways.get(key):
                case None:
                    made[key_column(key)] = pa.array(values, pa.string())
                case way if way == HASH:
                    hashed = [self.private.told(key, value) for value in values]
                    made[hashed_column(key_column(key))] = pa.array(hashed, pa.string())
        return made


def _parts_of_rows(text: str | None, rows: int, parts: int) -> list[Sequence[str | None]]:
    nothing: list[Sequence[str | None]] = [(None,) * parts] * rows
    if text is None:
        return nothing
    try:
        told = orjson.loads(text)
    except ValueError:
        return nothing
    if not isinstance(told, list) or len(told) != rows:
        return nothing
    is_key = [isinstance(one, list) and len(one) == parts for one in told]
    return [tuple(map(key_text, one)) if fits else (None,) * parts for one, fits in zip(told, is_key, strict=True)]


def _listed(odd: Mapping[str, NDArray[np.bool_]], rows: int) -> pa.Array:
    kind = pa.list_(pa.string())
    if not odd:
        return pa.nulls(rows, kind)
    lists: list[list[str] | None] = [None] * rows
    for name, mask in odd.items():
        for at in np.flatnonzero(mask).tolist():
            lists[at] = [*(lists[at] or []), name]
    return pa.array(lists, kind)
