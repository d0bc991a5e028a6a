"""Counting one pane of one monitor: bodies become rows, rows become summaries and outliers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.baseline.outliers import top_features
from pegel.data.columns import Columns, Kind, Role
from pegel.data.decoding import Decoded, count_rows
from pegel.data.events import EventType, LoggedEvent
from pegel.data.wire import PREDICTOR
from pegel.errors import InvalidPayload
from pegel.spec.outside_text import cut
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.stream.arrivals import minute_us
from pegel.stream.counting_plan import LoadedBaseline
from pegel.stream.decoding_alone import decode
from pegel.stream.outcomes import Outcomes
from pegel.stream.partial import SAMPLE_LIMIT, OutlierReason, OutlyingEvent, Partial

MAX_OUTLIERS = 200
"""Outlying rows told one by one, per pane and task; the highest scores. All of them are counted."""
MAX_TEXT = 500
"""Characters that are told of an outlying event's id and values: a body may hold megabytes of them."""
MAX_NOTICE = 2**40
"""Largest number of dropped events that a notice is believed."""
SAMPLE_BYTES = 200
_SECOND_US = 1_000_000
ROLES = {EventType.REQUEST: Role.FEATURE, EventType.RESPONSE: Role.PREDICTION}
UNJUDGED = "monitor_failed"
"""Kind under which events are counted that their monitor could not count: nothing is wrong with them."""


@dataclass(slots=True)
class PaneCounting:
    """One pane of one monitor while a task fills it.

    `baselines` are those it is counted by, the one that decides what is readable last: each either ready, or the id of
    one that could not be loaded; `partial.damaged` then says why. `oldest_us`: the ledger's oldest minute. Of a pane
    that `is_closed` every event is late: it is only looked at whether one can be read.
    """

    partial: Partial
    baselines: tuple[LoadedBaseline | str, ...]
    oldest_us: int
    is_closed: bool = False
    summaries: dict[str, Summary] = field(default_factory=dict)
    """By baseline id, each from its first row on."""
    ids: dict[EventType, list[int]] = field(default_factory=lambda: {kind: [] for kind in EventType})
    empty: list[int] = field(default_factory=list)
    """Events without a row, which are not in `ids`."""
    asked_at: list[int] = field(default_factory=list)
    """When each of the requests in `ids` was made, in whole seconds since the epoch."""
    rows: dict[EventType, list[int]] = field(default_factory=lambda: {kind: [] for kind in ROLES})
    """How many rows each of the requests and responses in `ids` has; 0 where nobody looks at them."""
    rejected: list[tuple[int, InvalidPayload]] = field(default_factory=list)
    """Places of unreadable records within the record batch at hand, with the reason."""

    @property
    def size_bytes(self) -> int:
        """Return the memory that its summaries take."""
        return sum(summary.size_bytes for summary in self.summaries.values())

    def add(self, places: list[int], events: list[LoggedEvent], bodies: list[bytes], now_us: int) -> None:
        """Count events of one type; none of them is a copy. What is dated beyond `now_us` moves no head."""
        kind = events[0].type
        self.partial.saw(max((event.time_us for event in events if event.time_us <= now_us), default=None))
        if kind is EventType.DROPPED:
            self._notices(places, events, bodies)
            return
        role = ROLES[kind]
        errors, rows = self._rows(events, bodies, role) if self.baselines else (self._uncounted(bodies, role), None)
        for at, event in enumerate(events):
            if at in errors:
                self.reject(places[at], event, errors[at], bodies[at])
            else:
                self.minute(event).judged += 1
                if rows is not None and not rows[at]:
                    self.empty.append(event.identity)
                    continue
                self.ids[kind].append(event.identity)
                self.rows[kind].append(0 if rows is None else rows[at])
                if kind is EventType.REQUEST:
                    self.asked_at.append(max(event.time_us, self.oldest_us) // _SECOND_US)

    def reject(self, place: int, event: LoggedEvent, error: InvalidPayload, body: bytes) -> None:
        """Count an unreadable event and remember to keep it aside."""
        self.ids[EventType.DROPPED].append(event.identity)
        if error.kind != UNJUDGED:
            self.rejected.append((place, error))
        count_invalid(self.partial, self._minute_us(event), error, body)

    def minute(self, event: LoggedEvent) -> Outcomes:
        """Return the counters of an event's minute."""
        return self.partial.minutes.setdefault(self._minute_us(event), Outcomes())

    def finish(self) -> Partial:
        """Return everything counted."""
        self.partial.requests = _ids(self.ids[EventType.REQUEST])
        self.partial.asked_at = np.array(self.asked_at, dtype=np.uint32)
        self.partial.asked_rows = np.array(self.rows[EventType.REQUEST], dtype=np.uint32)
        self.partial.responses = _ids(self.ids[EventType.RESPONSE])
        self.partial.answered_rows = np.array(self.rows[EventType.RESPONSE], dtype=np.uint32)
        self.partial.empty = _ids(self.empty)
        self.partial.rejected = _ids(self.ids[EventType.DROPPED])
        for name, summary in self.summaries.items():
            if name not in self.partial.damaged:
                self.partial.summaries[name] = summary.to_bytes()
        self.partial.outliers = sorted(self.partial.outliers, key=lambda row: -row.score)[:MAX_OUTLIERS]
        return self.partial

    def _minute_us(self, event: LoggedEvent) -> int:
        return minute_us(event.time_us, self.oldest_us)

    def _rows(
        self, events: list[LoggedEvent], bodies: list[bytes], role: Role
    ) -> tuple[dict[int, InvalidPayload], list[int] | None]:
        """Count rows by every baseline; return what the deciding one finds unreadable, and the rows of each body.

        These are None where no field of the role is watched: rows are not looked at.

        A baseline that makes an exception is done for in this pane: what its other rows would say is not known.
        """
        errors: dict[int, InvalidPayload] = {}
        rows: list[int] | None = None
        for at, loaded in enumerate(self.baselines):
            decisive = at == len(self.baselines) - 1
            name = loaded if isinstance(loaded, str) else loaded.baseline.id
            if not isinstance(loaded, str) and name not in self.partial.damaged:
                try:
                    decoded = self._count(loaded, events, bodies, role, decisive=decisive)
                except MemoryError:
                    # The record at hand is too much for this process: whoever reads it carefully finds it.
                    raise
                except Exception as error:  # noqa: BLE001 - a model's own parts run here; told as its failure
                    self.partial.damaged[name] = f"counting: {error!r:.300}"
                else:
                    if decisive:
                        errors = decoded.errors
                        rows = decoded.rows.tolist() if loaded.baseline.layout.schema.of_role(role) else None
            if decisive and name in self.partial.damaged:
                errors = dict.fromkeys(range(len(events)), InvalidPayload(UNJUDGED, self.partial.damaged[name]))
        return errors, rows

    def _count(
        self, loaded: LoadedBaseline, events: list[LoggedEvent], bodies: list[bytes], role: Role, *, decisive: bool
    ) -> Decoded:
        decoded = decode(bodies, loaded.baseline.layout.schema, role)
        if self.is_closed:
            return decoded
        summary = self.summaries.get(loaded.baseline.id)
        if summary is None:
            summary = self.summaries[loaded.baseline.id] = Summary.empty(loaded.baseline.layout)
        summary.update(decoded.columns, role)
        outliers = score(loaded, summary, decoded, events) if role is Role.FEATURE else []
        if decisive:
            self.partial.outliers += outliers
            self.partial.rows += decoded.columns.n if role is Role.FEATURE else 0
        return decoded

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

    def _notices(self, places: list[int], events: list[LoggedEvent], bodies: list[bytes]) -> None:
        for place, event, body in zip(places, events, bodies, strict=True):
            try:
                count_notice(self.minute(event), body)
                self.ids[EventType.DROPPED].append(event.identity)
            except InvalidPayload as error:
                self.reject(place, event, error, body)


def count_notice(minute: Outcomes, body: bytes) -> None:
    """Count a notice of the logger, and the events that it says were dropped. Raises InvalidPayload."""
    try:
        dropped = orjson.loads(body)["count"]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidPayload("wrong_shape", f"a drop notice is {{'count': n}}; given {body[:80]!r}") from error
    if not isinstance(dropped, int) or isinstance(dropped, bool) or not 0 <= dropped <= MAX_NOTICE:
        raise InvalidPayload("wrong_shape", f"a drop notice counts 0 to {MAX_NOTICE} events; given {dropped!r:.80}")
    minute.notice += 1
    minute.dropped += dropped


def count_invalid(partial: Partial, minute: int, error: InvalidPayload, body: bytes) -> None:
    """Count one unreadable event by minute and kind; the first one of a kind is kept to look at."""
    partial.minutes.setdefault(minute, Outcomes()).invalid += 1
    partial.unreadable += 1
    where = (minute, error.kind)
    count, sample = partial.invalid.get(where) or (0, _sample(error, body))
    partial.invalid[where] = (count + 1, sample)


def _sample(error: InvalidPayload, body: bytes) -> str:
    """Return why a body cannot be read, how long it is and its beginning; a reason may quote any header."""
    told = cut(str(error), SAMPLE_LIMIT - SAMPLE_BYTES - 40)
    return f"{told} | {len(body):,} bytes: {body[:SAMPLE_BYTES].decode(errors='replace')}"[:SAMPLE_LIMIT]


def score(loaded: LoadedBaseline, summary: Summary, decoded: Decoded, events: list[LoggedEvent]) -> list[OutlyingEvent]:
    """Score feature rows, count them in `summary` and return the outlying ones with what made them so."""
    cutoff = loaded.baseline.outlier_cutoff
    if cutoff is None:
        return []
    scores, parts = loaded.tables.score(decoded.columns)
    outlying = np.flatnonzero(scores > cutoff.score)
    summary.n_scored += decoded.columns.n
    summary.n_outliers += outlying.size
    worst = outlying[np.argsort(-scores[outlying], kind="stable")][:MAX_OUTLIERS]
    bodies, indices = decoded.body_of_row, decoded.index_in_body
    values = _values(loaded.baseline.layout, decoded.columns)
    return [
        OutlyingEvent(
            event_id=cut(_told_id(events[bodies[row]]), MAX_TEXT),
            row=int(indices[row]),
            event_time_us=events[bodies[row]].time_us,
            score=float(scores[row]),
            cutoff=cutoff.score,
            reasons=tuple(
                OutlierReason(name, _plain(values[name][row]), float(part))
                for name, part in top_features(parts[row], loaded.tables.names)
            ),
        )
        for row in worst.tolist()
    ]


def _values(layout: Layout, columns: Columns) -> dict[str, NDArray[Any]]:
    fields = layout.schema.of_role(Role.FEATURE)
    numeric = [field.name for field in fields if field.kind is Kind.NUMERIC]
    texts = [field.name for field in fields if field.kind is Kind.CATEGORICAL]
    by_name: dict[str, NDArray[Any]] = {name: columns.numeric[:, at] for at, name in enumerate(numeric)}
    by_name.update(zip(texts, columns.categorical, strict=True))
    return by_name


def _told_id(event: LoggedEvent) -> str:
    """Return under which id an event is told: a transformer logs other rows under the id of its predictor's."""
    return event.id if event.component == PREDICTOR else f"{event.id} ({event.component})"


def _plain(value: Any) -> float | str | None:
    """Return a value as JSON can hold it, of a long text the beginning with its length and hash."""
    if value is None:
        return None
    if isinstance(value, str):
        return cut(value, MAX_TEXT)
    return float(value) if math.isfinite(value) else str(float(value))


def _ids(found: list[int]) -> NDArray[np.uint64]:
    return np.array(found, dtype=np.uint64)
