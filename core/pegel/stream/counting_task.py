"""What runs on the executors: records in, what they hold by monitor and pane out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pegel.data.events import EventAttributes, EventType
from pegel.data.private_fields import UNKNOWN, PrivateFields
from pegel.data.wire import HEADER_TRUNCATED, TELLS_NO_VALUE
from pegel.errors import InvalidPayload
from pegel.stream.arrivals import arrived, minute_us
from pegel.stream.counting_plan import CountingPlan, LoadedBaseline, MonitorPlan, Times
from pegel.stream.event_group import EventGroup, Place, by_pane
from pegel.stream.explained_pane import ExplainedPane
from pegel.stream.outcomes import Outcomes
from pegel.stream.pane_counting import UNJUDGED, PaneCounting, count_invalid, count_notice
from pegel.stream.partial import KEY_OF_NOBODY, Ids, Partial, no_ids
from pegel.stream.read_events import events_of
from pegel.stream.task_output import DeadLetter, TaskOutput
from pegel.stream.traced_records import traced_records
from pegel.stream.wire_records import RecordAttributes, Records

MAX_LETTERS = 500
"""Unreadable records kept aside per monitor, pane and task. All of them are counted."""
MAX_LETTER_BYTES = 4 * 1024 * 1024
"""Memory that all records kept aside by one task may take; what does not fit is counted, not kept."""
MAX_PANE_BYTES = 64 * 1024 * 1024
"""Memory that the summaries of one task's panes may take; beyond it the oldest panes are handed on as they are."""

LoadBaseline = Callable[[str], LoadedBaseline]
"""Returns a baseline by id, or raises whatever is wrong with it."""


@dataclass(slots=True)
class CountingTask:
    """Counts some partitions' records of a batch."""

    plan: CountingPlan
    load: LoadBaseline
    output: TaskOutput = field(default_factory=TaskOutput)
    counting: dict[Place, PaneCounting] = field(default_factory=dict)
    unwatched: dict[Place, Partial] = field(default_factory=dict)
    """What belongs to no monitor of this group, or to one whose spec cannot be read, by minute."""
    letters: dict[Place, int] = field(default_factory=dict)
    letter_bytes: int = 0
    pane_bytes: int = 0
    """What the summaries and samples in `counting` take."""
    handed_on_bytes: int = 0
    """What those took that were handed on already."""
    seen: dict[Place, set[int]] = field(default_factory=dict)

    def run(self, records: Iterable[Records]) -> Iterator[TaskOutput]:
        """Count all records; yield what was counted: once, if memory allows."""
        for some in records:
            events, said = events_of(some)
            times = self.plan.believed(events.times_us)
            # By the times by which their outcomes are booked: otherwise the ledger of a minute would not close.
            read = arrived(some, times, self.plan.oldest_minute_us)
            read.heads = self._heads(said, times)
            self.output.took(read)
            if self.plan.traced:
                self._note_traced(some, said, times)
            yield from self._take(events, said, times)
        _finish(self.counting, self.output)
        self.output.partials += self.unwatched.values()
        yield self.output

    def _heads(self, said: RecordAttributes, times: Times) -> dict[str, int]:
        """Return the newest event time by monitor; what is dated beyond the present tells nobody how far it is.

        A notice of what was dropped says nothing of it either.
        """
        heads: dict[str, int] = {}
        for attributes, places in said.by_attributes():
            key = KEY_OF_NOBODY
            if isinstance(attributes, EventAttributes) and attributes.type is EventType.DROPPED:
                continue
            if isinstance(attributes, EventAttributes) and not attributes.is_probe:
                monitor = self._monitor(attributes)
                key = KEY_OF_NOBODY if monitor is None else monitor.key
            own = times[places]
            present = own[own <= self.plan.now_us]
            if present.size:
                head_us = int(present.max())
                heads[key] = max(head_us, heads.get(key, head_us))
        return heads

    def _note_traced(self, records: Records, said: RecordAttributes, times: Times) -> None:
        """Tell of records that ask for spans."""

        def key_of(attributes: EventAttributes) -> str:
            monitor = None if attributes.is_probe else self._monitor(attributes)
            return "" if monitor is None else monitor.key

        found, more = traced_records(records, said, times, key_of, most=self.plan.traced - len(self.output.traced))
        self.output.traced += found
        self.output.untraced += more

    def _take(self, records: Records, said: RecordAttributes, times: Times) -> Iterator[TaskOutput]:
        groups: list[tuple[Place, MonitorPlan, EventGroup]] = []
        for attributes, places in said.by_attributes():
            if not isinstance(attributes, EventAttributes):
                for at in places.tolist():
                    self._unreadable(records, times, at, attributes)
            elif (monitor := self._monitor(attributes)) is not None and not attributes.is_probe:
                groups += by_pane(records, times, said.ids, attributes, places, monitor=monitor)
            else:
                self._of_others(records, times, attributes, places.tolist())
        # Requests and responses of one pane follow each other, the oldest panes of a monitor come first.
        for place, monitor, group in sorted(groups, key=lambda each: (each[0], each[2].type)):
            counting = self._counting(place, monitor)
            before = counting.size_bytes
            fresh = self._without_copies(place, counting, group)
            counting.partial.clamped += int((records.times_us[fresh.places] > fresh.times_us).sum())
            if fresh.bodies:
                counting.add(fresh, self.plan.now_us)
            self.pane_bytes += counting.size_bytes - before
            if self.pane_bytes > MAX_PANE_BYTES:
                self._keep_rejected(records)
                yield self._oldest_panes()
        self._keep_rejected(records)

    def _monitor(self, attributes: EventAttributes) -> MonitorPlan | None:
        """Return by which plan events are counted; None where no monitor of this group asks for them."""
        monitor = self.plan.monitors.get(attributes.endpoint)
        is_explained = attributes.type is EventType.ATTRIBUTION
        return monitor.explained if is_explained and monitor is not None else monitor

    def _of_others(self, records: Records, times: Times, attributes: EventAttributes, places: list[int]) -> None:
        """Book events that no monitor of this group counts."""
        waiting = self.plan.waiting.get(attributes.endpoint)
        for at in places:
            time_us = int(times[at])
            if attributes.is_probe:
                self._probe(time_us, attributes)
            elif attributes.endpoint in self.plan.elsewhere:
                self._of_nobody(time_us).elsewhere += 1
            elif waiting is not None:
                self._waits(waiting, time_us, attributes.type, records.bodies[at])
            else:
                self._unwatched(records, times, at, attributes)

    def _probe(self, time_us: int, attributes: EventAttributes) -> None:
        """Count one of our own events; an answer to one tells that the endpoint logs answers."""
        self._of_nobody(time_us).probe += 1
        monitor = self.plan.monitors.get(attributes.endpoint)
        if monitor is not None and attributes.type is EventType.RESPONSE:
            self.output.answering.add(monitor.key)

    def _oldest_panes(self) -> TaskOutput:
        """Return the oldest panes, and let go of them, so that the others take half of what is allowed."""
        oldest: dict[Place, PaneCounting] = {}
        for place in sorted(self.counting, key=lambda place: place[1]):
            if self.pane_bytes <= MAX_PANE_BYTES // 2:
                break
            oldest[place] = self.counting.pop(place)
            self.pane_bytes -= oldest[place].size_bytes
            self.handed_on_bytes += oldest[place].size_bytes
        output = TaskOutput()
        _finish(oldest, output)
        return output

    def _without_copies(self, place: Place, counting: PaneCounting, group: EventGroup) -> EventGroup:
        """Remember events and return those that are no copies; the others are counted as such."""
        seen, known = self.seen.setdefault(place, set()), self.plan.known.get(place, frozenset())
        marks = group.identities.tolist()
        added = set(marks)
        if len(added) == len(marks) and seen.isdisjoint(added) and known.isdisjoint(added):
            seen |= added
            return group
        is_new = np.ones(len(marks), dtype=np.bool_)
        for at, mark in enumerate(marks):
            is_new[at] = mark not in seen and mark not in known
            seen.add(mark)
        counting.copies(group.chosen(~is_new), self.plan.now_us)
        return group.chosen(is_new)

    def _counting(self, place: Place, monitor: MonitorPlan) -> PaneCounting:
        """Return a pane as it is being counted."""
        if place not in self.counting:
            self.counting[place] = self._begin(place, monitor)
        return self.counting[place]

    def _begin(self, place: Place, monitor: MonitorPlan) -> PaneCounting:
        partial = Partial(key=place[0], pane_us=place[1])
        baselines: list[LoadedBaseline | str] = []
        for name in monitor.baselines(place[1]):
            try:
                baselines.append(self.load(name))
            except Exception as error:  # noqa: BLE001 - a damaged document is its model's failure, told with its reason
                baselines.append(name)
                partial.damaged[name] = f"loading its baseline: {error!r:.300}"
        is_closed = monitor.is_closed(place[1])
        if monitor.explaining is not None:
            return ExplainedPane(
                partial,
                tuple(baselines),
                self.plan.oldest_minute_us,
                is_closed,
                private=monitor.private,
                explaining=monitor.explaining,
            )
        return PaneCounting(
            partial,
            tuple(baselines),
            self.plan.oldest_minute_us,
            is_closed,
            samples_rows=monitor.samples_rows,
            private=monitor.private,
            watches_rows=monitor.watches_rows,
        )

    def _waits(self, key: str, time_us: int, kind: EventType, body: bytes) -> None:
        """Count an event of a monitor whose spec cannot be read: nothing is wrong with the event."""
        partial = self._partial(key, time_us)
        minute = partial.pane_us
        if kind is EventType.DROPPED:
            try:
                count_notice(partial.minutes.setdefault(minute, Outcomes()), body)
            except InvalidPayload as error:
                count_invalid(partial, minute, error, body, UNKNOWN)
        else:
            partial.saw(np.array([time_us], dtype=np.int64), self.plan.now_us)
            unread = InvalidPayload(UNJUDGED, f"the stored spec of {key} cannot be read")
            count_invalid(partial, minute, unread, body, UNKNOWN)

    def _unwatched(self, records: Records, times: Times, at: int, attributes: EventAttributes) -> None:
        if attributes.type is EventType.DROPPED:
            # A notice of the logger about no model in particular.
            try:
                count_notice(self._of_nobody(int(times[at])), records.bodies[at])
            except InvalidPayload as error:
                self._unreadable(records, times, at, error)
            return
        if attributes.type is EventType.ATTRIBUTION and attributes.endpoint in self.plan.monitors:
            unasked = (
                f"attributions of {attributes.endpoint[:200]!r}, whose spec asks for none; the event is kept aside"
            )
            self._unreadable(records, times, at, InvalidPayload("unknown_type", unasked))
            return
        reason = f"no monitor answers to endpoint {attributes.endpoint[:200]!r}; the event is kept aside"
        self._unreadable(records, times, at, InvalidPayload("unknown_model", reason))

    def _unreadable(self, records: Records, times: Times, at: int, error: InvalidPayload) -> None:
        partial = self._partial(KEY_OF_NOBODY, int(times[at]))
        count_invalid(partial, partial.pane_us, error, records.bodies[at], self.plan.private)
        self._keep((KEY_OF_NOBODY, partial.pane_us), at, error, records, self.plan.private)

    def _of_nobody(self, time_us: int) -> Outcomes:
        partial = self._partial(KEY_OF_NOBODY, time_us)
        return partial.minutes.setdefault(partial.pane_us, Outcomes())

    def _partial(self, key: str, time_us: int) -> Partial:
        """Return what is booked on a record's minute without being watched."""
        minute = minute_us(time_us, self.plan.oldest_minute_us)
        return self.unwatched.setdefault((key, minute), Partial(key=key, pane_us=minute))

    def _keep_rejected(self, records: Records) -> None:
        for place, counting in self.counting.items():
            for at, error in counting.rejected:
                self._keep(place, at, error, records, counting.private)
            counting.rejected.clear()

    def _keep(self, place: Place, at: int, error: InvalidPayload, records: Records, private: PrivateFields) -> None:
        kept = self.letters.get(place, 0)
        if kept >= MAX_LETTERS or self.letter_bytes >= MAX_LETTER_BYTES:
            return
        letter = _letter(records, at, error, private)
        if self.letter_bytes + letter.size_bytes <= MAX_LETTER_BYTES:
            self.letters[place] = kept + 1
            self.letter_bytes += letter.size_bytes
            self.output.letters.append(letter)


def _letter(records: Records, at: int, error: InvalidPayload, private: PrivateFields) -> DeadLetter:
    """Return an unreadable record to be kept aside; without body and metadata where these may hold what is private."""
    headers = tuple(records.all_headers(at))
    if private.are_any:
        headers = (*(pair for pair in headers if pair[0] in TELLS_NO_VALUE), (HEADER_TRUNCATED, b"true"))
    return DeadLetter(private.body(records.bodies[at]), headers, error.kind, records.address[0])


def _finish(panes: Mapping[Place, PaneCounting], output: TaskOutput) -> None:
    """Put all that was counted of some panes into an output, with answers in the segments of their requests."""
    by_key: dict[str, list[PaneCounting]] = {}
    for (key, _), counting in sorted(panes.items()):
        by_key.setdefault(key, []).append(counting)
    answered = {key: _answered(own) for key, own in by_key.items()}
    for own in by_key.values():
        for counting in own:
            counting.meet(other for other in own if other is not counting)
    for place, counting in panes.items():
        output.partials.append(counting.finish(answered[place[0]]))
        for baseline_id, sample in counting.samples.items():
            output.sampled((*place, baseline_id), sample)


def _answered(panes: Sequence[PaneCounting]) -> dict[str, Ids]:
    """Return the events of all answers at hand, by baseline."""
    parts: dict[str, list[Ids]] = {}
    for pane in panes:
        for name, waiting in pane.waiting.items():
            parts.setdefault(name, []).extend(one.events for one in waiting.answered)
    return {name: np.concatenate([no_ids(), *each]) for name, each in parts.items()}
