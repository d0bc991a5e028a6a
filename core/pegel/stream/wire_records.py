"""Arrow record batches of the stream as events: headers looked up for the whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.data.events import LoggedEvent, parse_event
from pegel.data.wire import (
    HEADER_COMPONENT,
    HEADER_ENDPOINT,
    HEADER_ID,
    HEADER_NAMESPACE,
    HEADER_PROBE,
    HEADER_TYPE,
)
from pegel.errors import InvalidPayload

HEADERS = (HEADER_ID, HEADER_TYPE, HEADER_ENDPOINT, HEADER_NAMESPACE, HEADER_COMPONENT, HEADER_PROBE)
SCHEMA = pa.schema(
    [
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)
"""What is handed to the tasks: the body untouched, the CloudEvents attributes, the event time, the address."""


@dataclass(frozen=True, slots=True)
class WireRecord:
    """One record: its place in the batch, its time, and either the event it is or why it is none."""

    place: int
    time_us: int
    event: LoggedEvent | InvalidPayload


def records(batch: pa.RecordBatch, times: NDArray[np.int64]) -> Iterator[WireRecord]:
    """Read the events of a batch with the column `headers`; `times` are the event times to go by, in microseconds."""
    columns = [header(batch.column("headers"), name) for name in HEADERS]
    for place, (time_us, values) in enumerate(zip(times.tolist(), zip(*columns, strict=True), strict=True)):
        try:
            event: LoggedEvent | InvalidPayload = parse_event(dict(zip(HEADERS, values, strict=True)), time_us)
        except InvalidPayload as error:
            event = error
        yield WireRecord(place, time_us, event)


def times_us(batch: pa.RecordBatch) -> NDArray[np.int64]:
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
    pairs: list[dict[str, Any]] = batch.column("headers")[place].as_py() or []
    return [(pair["key"], pair["value"] or b"") for pair in pairs]
