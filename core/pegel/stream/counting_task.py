"""What runs on the executors: record batches in, what they hold by monitor and pane out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from pegel.data.events import EventType, LoggedEvent
from pegel.errors import InvalidPayload
from pegel.stream.arrivals import arrived, minute_us, unread
from pegel.stream.counting_plan import CountingPlan, LoadedBaseline, MonitorPlan, Times
from pegel.stream.outcomes import Outcomes
from pegel.stream.pane_counting import UNJUDGED, PaneCounting, count_invalid, count_notice
from pegel.stream.partial import KEY_OF_NOBODY, Partial
from pegel.stream.task_output import DeadLetter, TaskOutput, encode
from pegel.stream.wire_records import WireRecord, all_headers, records, times_us

MAX_LETTERS = 500
"""Unreadable records kept aside per monitor, pane and task. All of them are counted."""
MAX_LETTER_BYTES = 4 * 1024 * 1024
"""Memory that all records kept aside by one task may take; what does not fit is counted, not kept."""
MAX_PANE_BYTES = 64 * 1024 * 1024
"""Memory that the summaries of one task's panes may take; beyond it the oldest panes are handed on as they are."""

LoadBaseline = Callable[[str], LoadedBaseline]
"""Returns a baseline by id, or raises whatever is wrong with it."""
_Place = tuple[str, int]


@dataclass(slots=True)
class CountingTask:
    """Counts the records of one partition of a batch."""

    plan: CountingPlan
    load: LoadBaseline
    output: TaskOutput = field(default_factory=TaskOutput)
    counting: dict[_Place, PaneCounting] = field(default_factory=dict)
    unwatched: dict[_Place, Partial] = field(default_factory=dict)
    """What belongs to no monitor of this group, or to one whose spec cannot be read, by minute."""
    letters: dict[_Place, int] = field(default_factory=dict)
    letter_bytes: int = 0
    pane_bytes: int = 0
    """What the summaries in `counting` take."""
    seen: dict[_Place, set[int]] = field(default_factory=dict)

    def run(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Count all batches; yield what was counted as record batches, see `task_output`: one, if memory allows."""
        for batch in batches:
            for address, own in unread(batch, self.plan.ends):
                times = self.plan.believed(times_us(own))
                self.output.took(arrived(address, own, times, self.plan.oldest_minute_us))
                yield from self._take(own, times)
        self.output.partials += [counting.finish() for counting in self.counting.values()]
        self.output.partials += self.unwatched.values()
        yield encode(self.output)

    def _take(self, batch: pa.RecordBatch, times: Times) -> Iterator[pa.RecordBatch]:
        own_times, bodies = times_us(batch), batch.column("value")
        groups: dict[tuple[_Place, EventType], list[tuple[WireRecord, LoggedEvent]]] = {}
        for record in records(batch, times):
            event = record.event
            if isinstance(event, InvalidPayload):
                self._unreadable(record, event, batch)
            elif event.is_probe:
                self._probe(record, event)
            elif (monitor := self.plan.monitors.get(event.endpoint)) is not None:
                place = (monitor.key, monitor.pane_us(record.time_us))
                if self._is_new(place, monitor, event):
                    groups.setdefault((place, event.type), []).append((record, event))
                    self.counting[place].partial.clamped += int(own_times[record.place] > record.time_us)
            elif event.endpoint in self.plan.elsewhere:
                self._of_nobody(record).elsewhere += 1
            elif (key := self.plan.waiting.get(event.endpoint)) is not None:
                self._waits(key, record, event, batch)
            else:
                self._unwatched(record, event, batch)
        # Requests and responses of one place follow each other, the oldest panes of a monitor come first.
        for (place, _), members in sorted(groups.items(), key=lambda group: group[0]):
            chosen = [record.place for record, _ in members]
            values = [bodies[at].as_py() or b"" for at in chosen]
            counting = self._counting(place, self.plan.monitors[members[0][1].endpoint])
            before = counting.size_bytes
            counting.add(chosen, [event for _, event in members], values, self.plan.now_us)
            self.pane_bytes += counting.size_bytes - before
            if self.pane_bytes > MAX_PANE_BYTES:
                self._keep_rejected(batch)
                yield self._oldest_panes()
        self._keep_rejected(batch)

    def _probe(self, record: WireRecord, event: LoggedEvent) -> None:
        """Count one of our own events; an answer to one tells that the endpoint logs answers."""
        self._of_nobody(record).probe += 1
        monitor = self.plan.monitors.get(event.endpoint)
        if monitor is not None and event.type is EventType.RESPONSE:
            self.output.answering.add(monitor.key)

    def _oldest_panes(self) -> pa.RecordBatch:
        """Return the oldest panes, and let go of them, so that the others take half of what is allowed."""
        partials = []
        for place in sorted(self.counting, key=lambda place: place[1]):
            if self.pane_bytes <= MAX_PANE_BYTES // 2:
                break
            counting = self.counting.pop(place)
            self.pane_bytes -= counting.size_bytes
            partials.append(counting.finish())
        return encode(TaskOutput(partials=partials))

    def _is_new(self, place: _Place, monitor: MonitorPlan, event: LoggedEvent) -> bool:
        """Remember an event and say whether it is no copy; a copy is counted as such."""
        counting, seen = self._counting(place, monitor), self.seen.setdefault(place, set())
        mark = event.identity
        if mark in seen or mark in self.plan.known.get(place, ()):
            counting.partial.duplicates += 1
            counting.minute(event).duplicate += 1
            return False
        seen.add(mark)
        return True

    def _counting(self, place: _Place, monitor: MonitorPlan) -> PaneCounting:
        """Return a pane as it is being counted."""
        if place not in self.counting:
            self.counting[place] = self._begin(place, monitor)
        return self.counting[place]

    def _begin(self, place: _Place, monitor: MonitorPlan) -> PaneCounting:
        partial = Partial(key=place[0], pane_us=place[1])
        baselines: list[LoadedBaseline | str] = []
        for name in monitor.baselines(place[1]):
            try:
                baselines.append(self.load(name))
            except Exception as error:  # noqa: BLE001 - a damaged document is its model's failure, told with its reason
                baselines.append(name)
                partial.damaged[name] = f"loading its baseline: {error!r:.300}"
        is_closed = monitor.is_closed(place[1])
        return PaneCounting(partial, tuple(baselines), self.plan.oldest_minute_us, is_closed)

    def _waits(self, key: str, record: WireRecord, event: LoggedEvent, batch: pa.RecordBatch) -> None:
        """Count an event of a monitor whose spec cannot be read: nothing is wrong with the event."""
        partial, body = self._partial(key, record), batch.column("value")[record.place].as_py() or b""
        minute = partial.pane_us
        if event.type is EventType.DROPPED:
            try:
                count_notice(partial.minutes.setdefault(minute, Outcomes()), body)
            except InvalidPayload as error:
                count_invalid(partial, minute, error, body)
        else:
            count_invalid(partial, minute, InvalidPayload(UNJUDGED, f"the stored spec of {key} cannot be read"), body)

    def _unwatched(self, record: WireRecord, event: LoggedEvent, batch: pa.RecordBatch) -> None:
        if event.type is EventType.DROPPED:
            # A notice of the logger about no model in particular.
            try:
                count_notice(self._of_nobody(record), batch.column("value")[record.place].as_py() or b"")
            except InvalidPayload as error:
                self._unreadable(record, error, batch)
            return
        reason = f"no monitor answers to endpoint {event.endpoint[:200]!r}; the event is kept aside"
        self._unreadable(record, InvalidPayload("unknown_model", reason), batch)

    def _unreadable(self, record: WireRecord, error: InvalidPayload, batch: pa.RecordBatch) -> None:
        body = batch.column("value")[record.place].as_py() or b""
        partial = self._partial(KEY_OF_NOBODY, record)
        count_invalid(partial, partial.pane_us, error, body)
        self._keep((KEY_OF_NOBODY, partial.pane_us), record.place, error, batch)

    def _of_nobody(self, record: WireRecord) -> Outcomes:
        partial = self._partial(KEY_OF_NOBODY, record)
        return partial.minutes.setdefault(partial.pane_us, Outcomes())

    def _partial(self, key: str, record: WireRecord) -> Partial:
        """Return what is booked on a record's minute without being watched."""
        minute = minute_us(record.time_us, self.plan.oldest_minute_us)
        return self.unwatched.setdefault((key, minute), Partial(key=key, pane_us=minute))

    def _keep_rejected(self, batch: pa.RecordBatch) -> None:
        for place, counting in self.counting.items():
            for at, error in counting.rejected:
                self._keep(place, at, error, batch)
            counting.rejected.clear()

    def _keep(self, place: _Place, at: int, error: InvalidPayload, batch: pa.RecordBatch) -> None:
        kept = self.letters.get(place, 0)
        if kept >= MAX_LETTERS or self.letter_bytes >= MAX_LETTER_BYTES:
            return
        body = batch.column("value")[at].as_py() or b""
        letter = DeadLetter(body, tuple(all_headers(batch, at)), error.kind)
        if self.letter_bytes + letter.size_bytes <= MAX_LETTER_BYTES:
            self.letters[place] = kept + 1
            self.letter_bytes += letter.size_bytes
            self.output.letters.append(letter)
