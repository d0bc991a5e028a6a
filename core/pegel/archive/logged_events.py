"""Events of the models that are archived, as they come from the broker: of these their rows are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa

from pegel.data.compact_headers import Headers, expanded
from pegel.data.events import EventAttributes, EventType
from pegel.data.wire import ENTITIES_HEADER, HEADER_METADATA, PREDICTOR
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.positions import OffsetRange
from pegel.stream.read_events import events_of
from pegel.stream.wire_records import Records

EVENTS: Final = pa.schema(
    [
        ("key", pa.string()),
        ("event_id", pa.string()),
        ("is_answer", pa.bool_()),
        ("time_us", pa.int64()),
        ("replaced", pa.string()),
        # The parts of each row's entity key, JSON; null where none is told.
        ("entities", pa.string()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("body", pa.large_binary()),
    ]
)
"""An event each; `key` is that of its model."""


@dataclass(frozen=True, slots=True)
class ArchivedModel:
    """Which events of a model are taken: those within its ranges. `has_keys`: whether entities are told with them."""

    key: str
    ranges: tuple[OffsetRange, ...]
    has_keys: bool = False


def logged_events(records: Records, models: Mapping[str, ArchivedModel], now: datetime) -> pa.RecordBatch:
    """Return the requests and responses among records that are to be archived; `models` are by endpoint.

    They are those that the stream counts: neither probes nor notices nor attributions, and times as it believes them at
    `now`.
    """
    events, said = events_of(records)
    times = CountingPlan.at(now, {}).believed(events.times_us)
    columns: dict[str, list[Any]] = {name: [] for name in EVENTS.names}
    for attributes, places in said.by_attributes():
        if not isinstance(attributes, EventAttributes) or attributes.is_probe:
            continue
        model = models.get(attributes.endpoint)
        if model is None or attributes.type not in {EventType.REQUEST, EventType.RESPONSE}:
            continue
        own, is_answer = places[_taken(records, events.offsets[places], model)], attributes.type is EventType.RESPONSE
        told = own.tolist()
        suffix = "" if attributes.component == PREDICTOR else f" ({attributes.component})"
        columns["event_id"] += [said.ids[at].decode(errors="replace") + suffix for at in told]
        columns["time_us"] += times[own].tolist()
        columns["offset"] += events.offsets[own].tolist()
        columns["body"] += [events.bodies[at] for at in told]
        columns["entities"] += (
            [_entities(events.keys[at], events.headers[at]) for at in told]
            if model.has_keys and not is_answer
            else [None] * len(told)
        )
        alike = {
            "key": model.key,
            "is_answer": is_answer,
            "replaced": None if attributes.look_up is None else attributes.look_up.value,
            "topic": records.address[0],
            "partition": records.address[1],
        }
        for name, value in alike.items():
            columns[name] += [value] * len(told)
    # Column by column: dictionaries of rows would be made and taken apart one by one.
    return pa.RecordBatch.from_arrays([pa.array(columns[one.name], one.type) for one in EVENTS], schema=EVENTS)


def _taken(records: Records, offsets: np.ndarray[Any, Any], model: ArchivedModel) -> np.ndarray[Any, Any]:
    taken = np.zeros(offsets.size, dtype=np.bool_)
    for own in model.ranges:
        if own.address == records.address:
            taken |= (offsets >= own.start) & (offsets < own.end)
    return taken


def _entities(key: bytes, headers: Headers) -> str | None:
    """Return what a transformer of ours tells of the entities of a request; None if nothing, or nothing readable."""
    try:
        metadata = dict(expanded(key, headers)).get(HEADER_METADATA)
        (told,) = orjson.loads(metadata or b"{}")[ENTITIES_HEADER]
    except (ValueError, TypeError, KeyError):
        return None
    return str(told)
