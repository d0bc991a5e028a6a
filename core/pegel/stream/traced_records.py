"""Records whose events are traced: found by their header, told with where they lay and whose windows they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pegel.data.events import EventAttributes
from pegel.data.wire import TRACEPARENT
from pegel.stream.counting_plan import Times
from pegel.stream.wire_records import Address, RecordAttributes, Records

MOST_BYTES = 128
"""Of a header that is told; a longer one asks for nothing, see `pegel.data.otlp_tracing`."""
_COMPACT = 2
"""Headers of an event that is not traced, as our logger writes it."""
KeyOf = Callable[[EventAttributes], str]
"""Returns the key of the monitor that counts an event; empty: none does."""


@dataclass(frozen=True, slots=True)
class TracedRecord:
    """One record that asks for spans. `key`: of the monitor that counts it, empty where none does.

    `time_us` is the time of its event as it is counted, microseconds since the epoch. `began_ns` and `ended_ns` are
    when the task that counted it began and ended, nanoseconds since the epoch by the clock of its machine; 0: unknown.
    """

    traceparent: str
    address: Address
    offset: int
    event_id: str
    key: str
    time_us: int
    began_ns: int = 0
    ended_ns: int = 0


def traced_records(
    records: Records, said: RecordAttributes, times: Times, key_of: KeyOf, *, most: int
) -> tuple[list[TracedRecord], int]:
    """Return records that ask for spans, `most` at most, and how many more do. Nothing is judged of what they ask."""
    places = [
        (at, value)
        for at, headers in enumerate(records.headers)
        if len(headers) != _COMPACT
        and (value := next((told for name, told in headers if name == TRACEPARENT), None))
        and len(value) <= MOST_BYTES
    ]
    found = []
    for at, value in places[:most]:
        attributes = said.attributes[said.codes[at]]
        found.append(
            TracedRecord(
                value.decode("latin-1"),
                records.address,
                int(records.offsets[at]),
                said.ids[at].decode("utf-8", "replace"),
                key_of(attributes) if isinstance(attributes, EventAttributes) else "",
                int(times[at]),
            )
        )
    return found, len(places) - len(found)
