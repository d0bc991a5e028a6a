"""Arrow record batches of the stream as events: headers looked up for the whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pegel.data.events import Event, parse_event
from pegel.data.instants import from_us
from pegel.errors import InvalidPayload

HEADERS = ("ce_id", "ce_type", "ce_inferenceservicename", "ce_namespace")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its place in the batch, its time, and either the event it is or why it is none."""

    place: int
    time_us: int
    event: Event | InvalidPayload


def records(batch: pa.RecordBatch, *, latest_us: int) -> Iterator[Record]:
    """Read the events of a batch with columns `headers` and `timestamp`.

    A time after `latest_us` is replaced by it: a clock that runs ahead must not close everybody's windows. Where
    `Record.time_us` differs from the record's own time, it was clamped.
    """
    times = np.minimum(times_us(batch), latest_us).tolist()
    columns = [header(batch.column("headers"), name) for name in HEADERS]
    for place, (time_us, values) in enumerate(zip(times, zip(*columns, strict=True), strict=True)):
        try:
            event: Event | InvalidPayload = parse_event(dict(zip(HEADERS, values, strict=True)), from_us(time_us))
        except InvalidPayload as error:
            event = error
        yield Record(place, time_us, event)


def times_us(batch: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the records' timestamps in microseconds since the epoch."""
    micro = batch.column("timestamp").cast(pa.timestamp("us", tz="UTC"))
    return np.asarray(micro.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)


def header(headers: pa.Array, name: str) -> list[bytes | None]:
    """Return the value of one header per record; the last one if it is repeated, None if it is absent."""
    values: list[bytes | None] = [None] * len(headers)
    flat = headers.flatten()
    if not len(flat):
        return values
    chosen = pc.equal(flat.field("key"), name)
    owners = pc.list_parent_indices(headers).filter(chosen).to_pylist()
    for owner, value in zip(owners, flat.field("value").filter(chosen).to_pylist(), strict=True):
        values[owner] = value
    return values


def all_headers(batch: pa.RecordBatch, place: int) -> list[tuple[str, bytes]]:
    """Return every header of one record, for keeping it aside unchanged."""
    found = batch.column("headers")[place].as_py() or []
    return [(pair["key"], pair["value"] or b"") for pair in found]
