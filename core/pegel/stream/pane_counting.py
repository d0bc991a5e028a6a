"""Counting one pane of one monitor: bodies become rows, rows become summaries and outliers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson

from pegel.baseline.baseline import Baseline
from pegel.baseline.row_reference import Senders
from pegel.data import wire
from pegel.data.columns import Role
from pegel.data.decoding import Decoded, count_rows
from pegel.data.events import EventType
from pegel.data.private_fields import PrivateFields
from pegel.errors import InvalidPayload
from pegel.spec.outside_text import cut
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.summary import Summary
from pegel.stream.arrivals import minute_us, minutes_us
from pegel.stream.counting_plan import LoadedBaseline
from pegel.stream.decoding_alone import decode
from pegel.stream.event_group import EventGroup
from pegel.stream.outcomes import Outcomes
from pegel.stream.outlying import MAX_OUTLIERS, outlying
from pegel.stream.partial import (
    SAMPLE_LIMIT,
    Ids,
    Instants,
    Partial,
    RowCounts,
    no_counts,
    no_ids,
    no_instants,
)
from pegel.stream.row_sample import RowSample, priorities
from pegel.stream.segment_rows import AnswerRows, RequestSegments, WaitingRows, count_answers
from pegel.stream.wire_records import Numbers

MAX_NOTICE = 2**40
"""Largest number of dropped events that a notice is believed."""
SAMPLE_BYTES = 200
_MILLISECOND_US = 1_000
ROLES = {EventType.REQUEST: Role.FEATURE, EventType.RESPONSE: Role.PREDICTION}
UNJUDGED = "monitor_failed"
"""Kind under which events are counted that their monitor could not count: nothing is wrong with them."""


@dataclass(slots=True)
class PaneCounting:
    """One pane of one monitor while a task fills it.

    `baselines` are those it is counted by, the one that decides what is readable last: each either ready, or the id of
    one that could not be loaded; `partial.damaged` then says why. `oldest_us`: the ledger's oldest minute. Of a pane
    that `is_closed` every event is late: it is only looked at whether one can be read. `samples_rows`: keep a sample of
    the rows of requests. `private`: what of its rows may be told. `watches_rows`: count how rows are sent.
    """

    partial: Partial
    baselines: tuple[LoadedBaseline | str, ...]
    oldest_us: int
    is_closed: bool = False
    samples_rows: bool = False
    private: PrivateFields = field(default_factory=PrivateFields)
    watches_rows: bool = False
    summaries: dict[str, Summary] = field(default_factory=dict)
    """By baseline id, each from its first row on."""
    segments: dict[str, SegmentCounts] = field(default_factory=dict)
    """Likewise, of baselines with segments."""
    waiting: dict[str, WaitingRows] = field(default_factory=dict)
    """Likewise: rows of requests, and of answers that are to be counted by segment."""
    samples: dict[str, RowSample] = field(default_factory=dict)
    """Likewise."""
    ids: dict[EventType, list[Ids]] = field(default_factory=lambda: {kind: [] for kind in EventType})
    empty: list[Ids] = field(default_factory=list)
    """Events without a row, which are not in `ids`."""
    asked_at: list[Numbers] = field(default_factory=list)
    """When each of the requests in `ids` was made, in milliseconds since the epoch."""
    answered_at: list[Numbers] = field(default_factory=list)
    """When each of the responses in `ids` ended, likewise; 0 where its time is not its own, and so no latency."""
    rows: dict[EventType, list[Numbers]] = field(default_factory=lambda: {kind: [] for kind in ROLES})
    """How many rows each of the requests and responses in `ids` has; 0 where nobody looks at them."""
    rejected: list[tuple[int, InvalidPayload]] = field(default_factory=list)
    """Places of unreadable records among the records at hand, with the reason."""

    @property
    def size_bytes(self) -> int:
        """Return the memory that its summaries and samples take, and rows that wait."""
        summaries = sum(summary.size_bytes for summary in self.summaries.values())
        segments = sum(counts.size_bytes for counts in self.segments.values())
        waiting = sum(rows.size_bytes for rows in self.waiting.values())
        return summaries + segments + waiting + sum(sample.size_bytes for sample in self.samples.values())

    def add(self, events: EventGroup, now_us: int) -> None:
        """Count events, none of which is a copy. What is dated beyond `now_us` moves no head.

        Neither does a notice: it is dated when it was told, and passes what waited in a client's or logger's queue.
        """
        if events.type is EventType.DROPPED:
            self._notices(events)
            return
        self.partial.saw(events.times_us, now_us)
        role = ROLES[events.type]
        errors, rows = self._rows(events, role) if self.baselines else (self._uncounted(events.bodies, role), None)
        for at, error in errors.items():
            self._reject(events, at, error)
        readable = np.ones(events.places.size, dtype=np.bool_)
        readable[list(errors)] = False
        for minute, records in minutes_us(events.times_us[readable], self.oldest_us).items():
            self._outcomes(minute).judged += records
            if events.look_up is not None:
                self._outcomes(minute).add_replaced(events.look_up, records)
        has_rows = readable if rows is None else readable & (rows > 0)
        self.empty.append(events.identities[readable & ~has_rows])
        self.ids[events.type].append(events.identities[has_rows])
        self.rows[events.type].append((np.zeros_like(events.places) if rows is None else rows)[has_rows])
        if events.type is EventType.REQUEST:
            self.asked_at.append(np.maximum(events.times_us[has_rows], self.oldest_us) // _MILLISECOND_US)
        else:
            is_own = events.is_own & (events.times_us >= self.oldest_us)
            self.answered_at.append((np.where(is_own, events.times_us, 0) // _MILLISECOND_US)[has_rows])

    def copies(self, events: EventGroup, now_us: int) -> None:
        """Count events as copies of others; they tell as well as those how far the stream has come."""
        if events.type is not EventType.DROPPED:
            self.partial.saw(events.times_us, now_us)
        self.partial.duplicates += events.places.size
        for minute, records in minutes_us(events.times_us, self.oldest_us).items():
            self._outcomes(minute).duplicate += records

    def meet(self, others: Iterable[PaneCounting]) -> None:
        """Count answers by the segments of their requests, which may be in other panes of the monitor."""
        known = (self, *others)
        for name, counts in self.segments.items():
            asked = RequestSegments.together(
                one for each in known if name in each.waiting for one in each.waiting[name].asked
            )
            answered = self.waiting[name].answered
            if answered:
                left = (count_answers(one, asked, counts) for one in answered)
                self.waiting[name].answered = [one for one in left if one is not None]

    def finish(self, answered: Mapping[str, Ids] | None = None) -> Partial:
        """Return everything counted. `answered`: by baseline, the events of which answers have met their requests."""
        self.partial.requests = _ids(self.ids[EventType.REQUEST])
        self.partial.asked_at = _instants(self.asked_at)
        self.partial.asked_rows = _counts(self.rows[EventType.REQUEST])
        self.partial.responses = _ids(self.ids[EventType.RESPONSE])
        self.partial.answered_at = _instants(self.answered_at)
        self.partial.answered_rows = _counts(self.rows[EventType.RESPONSE])
        self.partial.empty = _ids(self.empty)
        self.partial.rejected = _ids(self.ids[EventType.DROPPED])
        for name, summary in self.summaries.items():
            if name not in self.partial.damaged:
                self.partial.summaries[name] = summary.to_bytes()
                self._finish_segments(name, answered or {})
        self.partial.outliers = sorted(self.partial.outliers, key=lambda row: -row.score)[:MAX_OUTLIERS]
        return self.partial

    def _finish_segments(self, name: str, answered: Mapping[str, Ids]) -> None:
        if name not in self.segments:
            return
        self.partial.segments[name] = self.segments[name].to_bytes()
        waiting = self.waiting[name]
        asked = RequestSegments.together(waiting.asked)
        waits = None if asked is None else asked.without(answered.get(name, no_ids()))
        left = WaitingRows([] if waits is None else [waits], waiting.answered)
        if left:
            self.partial.waiting[name] = left.to_bytes()

    def _outcomes(self, minute: int) -> Outcomes:
        return self.partial.minutes.setdefault(minute, Outcomes())

    def _reject(self, events: EventGroup, at: int, error: InvalidPayload) -> None:
        """Count an unreadable event and remember to keep it aside."""
        self.ids[EventType.DROPPED].append(events.identities[at : at + 1])
        if error.kind != UNJUDGED:
            self.rejected.append((int(events.places[at]), error))
        minute = minute_us(int(events.times_us[at]), self.oldest_us)
        count_invalid(self.partial, minute, error, events.bodies[at], self.private)

    def _rows(self, events: EventGroup, role: Role) -> tuple[dict[int, InvalidPayload], Numbers | None]:
        """Count rows by every baseline; return what the deciding one finds unreadable, and the rows of each body.

        These are None where no field of the role is watched: rows are not looked at.

        A baseline that makes an exception is done for in this pane: what its other rows would say is not known.
        """
        errors: dict[int, InvalidPayload] = {}
        rows: Numbers | None = None
        for at, loaded in enumerate(self.baselines):
            decisive = at == len(self.baselines) - 1
            name = loaded if isinstance(loaded, str) else loaded.baseline.id
            if not isinstance(loaded, str) and name not in self.partial.damaged:
                try:
                    decoded = self._count(loaded, events, role, decisive=decisive)
                except MemoryError:
                    # The record at hand is too much for this process: whoever reads it carefully finds it.
                    raise
                except Exception as error:  # noqa: BLE001 - a model's own parts run here; told as its failure
                    self.partial.damaged[name] = f"counting: {self.private.failure(error)}"
                else:
                    if decisive:
                        errors = decoded.errors
                        rows = decoded.rows if loaded.baseline.layout.schema.of_role(role) else None
            if decisive and name in self.partial.damaged:
                errors = dict.fromkeys(range(len(events.bodies)), InvalidPayload(UNJUDGED, self.partial.damaged[name]))
        return errors, rows

    def _count(self, loaded: LoadedBaseline, events: EventGroup, role: Role, *, decisive: bool) -> Decoded:
        decoded = decode(events.bodies, loaded.baseline.layout.schema, role)
        if self.is_closed or events.look_up is not None:
            # Defaults say nothing of the data: events with them are counted apart, see `Outcomes.replaced`.
            return decoded
        summary = self.summaries.get(loaded.baseline.id)
        if summary is None:
            summary = self.summaries[loaded.baseline.id] = Summary.empty(loaded.baseline.layout)
        summary.update(decoded.columns, role)
        summary.blur(self.private.ways)
        self._count_segments(loaded.baseline, decoded, events, role)
        counter = loaded.baseline.row_counter if self.watches_rows else None
        if role is Role.PREDICTION and counter is not None:
            senders = _senders(decoded, events)
            summary.add_behaviour(counter.count_answers(decoded.columns, senders, self.private.ways))
        if role is Role.FEATURE:
            rows = outlying(loaded, decoded, events, self.private, watches_rows=self.watches_rows)
            summary.n_scored += rows.scored
            summary.n_outliers += rows.outlying
            if counter is not None:
                summary.add_behaviour(counter.count(decoded.columns, _senders(decoded, events)))
            if self.samples_rows:
                self._sample(loaded.baseline.id, decoded, events)
            if decisive:
                self.partial.outliers += rows.worst
                self.partial.rows += decoded.columns.n
        return decoded

    def _count_segments(self, baseline: Baseline, decoded: Decoded, events: EventGroup, role: Role) -> None:
        """Count rows of requests by segment; those of answers wait until it is known where their requests lie."""
        segments = baseline.segments.segments
        if not segments.names or not decoded.columns.n:
            return
        counts = self.segments.setdefault(baseline.id, SegmentCounts(baseline.layout, segments))
        waiting = self.waiting.setdefault(baseline.id, WaitingRows())
        has_rows = decoded.rows > 0
        identities, rows = events.identities[has_rows], decoded.rows[has_rows]
        if role is Role.FEATURE:
            codes = segments.rows(baseline.layout, decoded.columns)
            counts.update(decoded.columns, role, codes)
            if baseline.layout.schema.of_role(Role.PREDICTION):
                waiting.asked.append(RequestSegments.of(identities, rows, codes))
        elif baseline.layout.schema.of_role(role):
            waiting.answered.append(AnswerRows.of(identities, rows, decoded.columns))

    def _sample(self, baseline_id: str, decoded: Decoded, events: EventGroup) -> None:
        """Add rows to the sample of those that are counted by a baseline."""
        drawn = priorities(events.identities[decoded.body_of_row], decoded.index_in_body)
        sample = self.samples.get(baseline_id)
        if sample is None:
            self.samples[baseline_id] = RowSample.of(decoded.columns, drawn)
        else:
            sample.add(decoded.columns, drawn)

    def _uncounted(self, bodies: list[bytes], role: Role) -> dict[int, InvalidPayload]:
        """Without a baseline nobody knows the fields; rows are counted all the same."""
        errors = {}
        for at, body in enumerate(bodies):
            try:
                rows = count_rows(body, role)
                self.partial.rows += rows if role is Role.FEATURE else 0
            except InvalidPayload as error:
                errors[at] = error
            except Exception as error:  # noqa: BLE001 - anybody's bytes: one that breaks the decoder is unreadable
                errors[at] = InvalidPayload("decoder_failed", f"the decoder failed on this body: {error!r:.200}")
        return errors

    def _notices(self, events: EventGroup) -> None:
        for at, (time_us, body) in enumerate(zip(events.times_us.tolist(), events.bodies, strict=True)):
            try:
                count_notice(self._outcomes(minute_us(time_us, self.oldest_us)), body)
                self.ids[EventType.DROPPED].append(events.identities[at : at + 1])
            except InvalidPayload as error:
                self._reject(events, at, error)


def _senders(decoded: Decoded, events: EventGroup) -> Senders:
    """Return who sent each of some rows."""
    of_row = decoded.body_of_row
    told = np.empty(len(events.ids), dtype=np.object_)
    told[:] = [events.told_id(at) for at in range(len(events.ids))]
    nobody = np.zeros(len(events.ids), dtype=np.uint64)
    clients = nobody if events.clients is None else events.clients
    return Senders(events.identities[of_row], decoded.index_in_body.astype(np.uint32), clients[of_row], told[of_row])


def count_notice(minute: Outcomes, body: bytes) -> None:
    """Count a notice of the logger, and the events that it says were dropped. Raises InvalidPayload."""
    try:
        notice = orjson.loads(body)
        dropped = notice["count"]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidPayload("wrong_shape", f"a drop notice is {{'count': n}}; given {body[:80]!r}") from error
    if not isinstance(dropped, int) or isinstance(dropped, bool) or not 0 <= dropped <= MAX_NOTICE:
        raise InvalidPayload("wrong_shape", f"a drop notice counts 0 to {MAX_NOTICE} events; given {dropped!r:.80}")
    minute.notice += 1
    minute.dropped += dropped
    # Anybody's JSON: a list is no member of anything.
    reason = str(notice.get("reason"))
    if reason in wire.AT_MOST:
        minute.dropped_at_most += dropped
    elif reason in wire.AT_LEAST:
        minute.dropped_at_least += dropped


def count_invalid(partial: Partial, minute: int, error: InvalidPayload, body: bytes, private: PrivateFields) -> None:
    """Count one unreadable event by minute and kind; the first one of a kind is kept to look at."""
    partial.minutes.setdefault(minute, Outcomes()).invalid += 1
    partial.unreadable += 1
    where = (minute, error.kind)
    count, sample = partial.invalid.get(where) or (0, _sample(private.error(error), len(body), private.body(body)))
    partial.invalid[where] = (count + 1, sample)


def _sample(error: InvalidPayload, size: int, body: bytes) -> str:
    """Return why a body cannot be read, how long it is and its beginning; a reason may quote any header."""
    told = cut(str(error), SAMPLE_LIMIT - SAMPLE_BYTES - 40)
    return f"{told} | {size:,} bytes: {body[:SAMPLE_BYTES].decode(errors='replace')}"[:SAMPLE_LIMIT]


def _ids(parts: list[Ids]) -> Ids:
    return np.concatenate(parts) if parts else no_ids()


def _counts(parts: list[Numbers]) -> RowCounts:
    return np.concatenate([no_counts(), *parts]).astype(np.uint32)


def _instants(parts: list[Numbers]) -> Instants:
    return np.concatenate([no_instants(), *parts])
