"""Partial summaries as Arrow: what tasks return, and what the journal keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pegel.stream.partial import Partial

RECORD = pa.schema(
    [
        ("key", pa.string()),
        ("pane_us", pa.int64()),
        ("head_us", pa.int64()),
        ("baseline_ids", pa.list_(pa.string())),
        ("summaries", pa.list_(pa.binary())),
        ("requests", pa.binary()),
        ("responses", pa.binary()),
        ("rejected", pa.binary()),
        ("detail", pa.binary()),
    ]
)
"""One row per monitor, pane and task: `Partial.to_record`."""
LETTER = pa.struct(
    [
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
        ("reason", pa.string()),
    ]
)
RESULT = RECORD.append(pa.field("letters", pa.list_(LETTER)))
"""What a task returns: partials, each with unreadable records to be kept aside."""
SQL_RESULT = (
    "key string, pane_us bigint, head_us bigint, baseline_ids array<string>, summaries array<binary>, requests binary, "
    "responses binary, rejected binary, detail binary, "
    "letters array<struct<value: binary, headers: array<struct<key: string, value: binary>>, reason: string>>"
)
"""The same in Spark's words."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An unreadable record to be kept aside as it came."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values in the shape of `LETTER`."""
        headers = [{"key": key, "value": value} for key, value in self.headers]
        return {"value": self.value, "headers": headers, "reason": self.reason}


def encode(pairs: Iterable[tuple[Partial, list[Letter]]]) -> pa.RecordBatch:
    """Return partials and their letters in the schema `RESULT`."""
    rows = [partial.to_record() | {"letters": [letter.to_json() for letter in letters]} for partial, letters in pairs]
    return pa.RecordBatch.from_pylist(rows, schema=RESULT)


def decode(table: pa.Table) -> tuple[list[Partial], list[Letter]]:
    """Return the partials and letters of what tasks returned."""
    rows = table.to_pylist()
    letters = [
        Letter(item["value"], tuple((pair["key"], pair["value"]) for pair in item["headers"]), item["reason"])
        for row in rows
        for item in row["letters"]
    ]
    return [Partial.from_record(row) for row in rows], letters


def to_table(partials: Iterable[Partial]) -> pa.Table:
    """Return partials in the schema `RECORD`."""
    return pa.Table.from_pylist([partial.to_record() for partial in partials], schema=RECORD)


def from_table(table: pa.Table) -> list[Partial]:
    """Return the partials of a table in the schema `RECORD`."""
    return [Partial.from_record(row) for row in table.to_pylist()]
