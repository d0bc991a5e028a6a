"""What runs on the executors: record batches in, one small row per monitor and pane out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from pegel.data.events import Event, EventType, identity
from pegel.data.instants import MINUTE
from pegel.data.spans import floor_us
from pegel.errors import InvalidPayload
from pegel.stream.counting_plan import Measure, Plan, Watch
from pegel.stream.pane_counting import Counting, count_invalid, dropped, minute_of, new_partial
from pegel.stream.partial import MinuteCount, Partial
from pegel.stream.partial_arrow import Letter, encode
from pegel.stream.wire_records import Record, all_headers, records, times_us

MAX_LETTERS = 500
"""Unreadable records kept aside per monitor, pane and task. All of them are counted."""

Measures = Callable[[str], Measure]
_Place = tuple[str, int]


@dataclass(slots=True)
class Task:
    """Counts the records of one Spark partition."""

    plan: Plan
    measures: Measures
    counting: dict[_Place, Counting] = field(default_factory=dict)
    nobody: dict[int, Partial] = field(default_factory=dict)
    letters: dict[_Place, list[Letter]] = field(default_factory=dict)
    seen: dict[_Place, set[int]] = field(default_factory=dict)

    def run(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Count all batches, then return one record batch of partials."""
        for batch in batches:
            if batch.num_rows:
                self._take(batch)
        done = [(counting.finish(), place) for place, counting in self.counting.items()]
        done += [(partial, ("", minute)) for minute, partial in self.nobody.items()]
        if done:
            yield encode((partial, self.letters.get(place, [])) for partial, place in done)

    def _take(self, batch: pa.RecordBatch) -> None:
        own_times, bodies = times_us(batch), batch.column("value")
        groups: dict[tuple[_Place, EventType], list[tuple[Record, Event]]] = {}
        for record in records(batch, latest_us=self.plan.latest_us):
            event = record.event
            if isinstance(event, InvalidPayload):
                self._unreadable(record, event, batch)
            elif event.is_probe:
                continue
            elif (watch := self.plan.watches.get(event.endpoint)) is not None:
                place = (watch.key, watch.pane_us(record.time_us))
                if self._is_new(place, watch, record, event):
                    groups.setdefault((place, event.type), []).append((record, event))
                    self.counting[place].partial.clamped += int(own_times[record.place] != record.time_us)
            elif event.endpoint not in self.plan.elsewhere:
                self._unwatched(record, event, batch)
        for (place, _), members in groups.items():
            chosen = [record.place for record, _ in members]
            values = [bodies[at].as_py() or b"" for at in chosen]
            self.counting[place].add(chosen, [event for _, event in members], values)
        self._keep_rejected(batch)

    def _is_new(self, place: _Place, watch: Watch, record: Record, event: Event) -> bool:
        """Remember an event and say whether it is no copy; a copy is counted as such."""
        if place not in self.counting:
            measures = tuple(self.measures(name) for name in watch.baselines(place[1]))
            self.counting[place] = Counting(new_partial(*place, record.time_us), measures)
        partial, seen = self.counting[place].partial, self.seen.setdefault(place, set())
        mark = identity(event.id, event.type)
        if mark in seen or mark in self.plan.known.get(place, ()):
            partial.duplicates += 1
            minute_of(partial, record.time_us).duplicate += 1
            return False
        seen.add(mark)
        return True

    def _unwatched(self, record: Record, event: Event, batch: pa.RecordBatch) -> None:
        if event.type is EventType.DROPPED:
            # A notice of the logger about no model in particular.
            try:
                self._nobodys(record).dropped += dropped(batch.column("value")[record.place].as_py() or b"")
            except InvalidPayload as error:
                self._unreadable(record, error, batch)
            return
        reason = f"no monitor answers to endpoint {event.endpoint!r}; the event is kept aside"
        self._unreadable(record, InvalidPayload("unknown_model", reason), batch)

    def _unreadable(self, record: Record, error: InvalidPayload, batch: pa.RecordBatch) -> None:
        body = batch.column("value")[record.place].as_py() or b""
        self._nobodys(record)
        minute = _minute(record)
        count_invalid(self.nobody[minute], record.time_us, error, body)
        self._keep(("", minute), record.place, error, batch)

    def _nobodys(self, record: Record) -> MinuteCount:
        minute = _minute(record)
        partial = self.nobody.setdefault(minute, new_partial("", minute, record.time_us))
        return minute_of(partial, record.time_us)

    def _keep_rejected(self, batch: pa.RecordBatch) -> None:
        for place, counting in self.counting.items():
            for at, error in counting.rejected:
                self._keep(place, at, error, batch)
            counting.rejected.clear()

    def _keep(self, place: _Place, at: int, error: InvalidPayload, batch: pa.RecordBatch) -> None:
        kept = self.letters.setdefault(place, [])
        if len(kept) < MAX_LETTERS:
            body = batch.column("value")[at].as_py() or b""
            kept.append(Letter(body, tuple(all_headers(batch, at)), error.kind))


def _minute(record: Record) -> int:
    return floor_us(record.time_us, MINUTE)
