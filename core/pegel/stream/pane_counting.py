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
from pegel.data.decoding import Decoded, count_rows, decode_batch
from pegel.data.events import Event, EventType, identity
from pegel.data.instants import MINUTE, from_us, to_us
from pegel.data.spans import floor_us
from pegel.errors import InvalidPayload
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.stream.counting_plan import Measure
from pegel.stream.partial import MinuteCount, Partial

MAX_OUTLIERS = 200
"""Outlying rows told one by one, per pane and task; the highest scores. All of them are counted."""
SAMPLE_BYTES = 300
ROLES = {EventType.REQUEST: Role.FEATURE, EventType.RESPONSE: Role.PREDICTION}


@dataclass(slots=True)
class Counting:
    """One pane of one monitor while a task fills it. `measures` are its baselines, the one that decides last."""

    partial: Partial
    measures: tuple[Measure, ...]
    summaries: list[Summary] = field(default_factory=list)
    ids: dict[EventType, list[int]] = field(default_factory=lambda: {kind: [] for kind in EventType})
    rejected: list[tuple[int, InvalidPayload]] = field(default_factory=list)
    """Places of unreadable records within the record batch at hand, with the reason."""

    def __post_init__(self) -> None:
        """Start with empty summaries."""
        self.summaries = [Summary.empty(measure.baseline.layout) for measure in self.measures]

    def add(self, places: list[int], events: list[Event], bodies: list[bytes]) -> None:
        """Count events of one type; none of them is a copy."""
        kind = events[0].type
        self.partial.head = max(self.partial.head, *(event.time for event in events))
        if kind is EventType.DROPPED:
            self._notices(places, events, bodies)
            return
        errors = self._rows(events, bodies, ROLES[kind]) if self.measures else self._unmeasured(bodies, ROLES[kind])
        for at, event in enumerate(events):
            if at in errors:
                self.reject(places[at], event, errors[at], bodies[at])
            else:
                self.minute(event).valid += 1
                self.ids[kind].append(identity(event.id, kind))

    def reject(self, place: int, event: Event, error: InvalidPayload, body: bytes) -> None:
        """Count an unreadable event and remember to keep it aside."""
        self.ids[EventType.DROPPED].append(identity(event.id, event.type))
        self.rejected.append((place, error))
        count_invalid(self.partial, to_us(event.time), error, body)

    def minute(self, event: Event) -> MinuteCount:
        """Return the counters of an event's minute."""
        return minute_of(self.partial, to_us(event.time))

    def finish(self) -> Partial:
        """Return everything counted."""
        self.partial.requests = _ids(self.ids[EventType.REQUEST])
        self.partial.responses = _ids(self.ids[EventType.RESPONSE])
        self.partial.rejected = _ids(self.ids[EventType.DROPPED])
        for measure, summary in zip(self.measures, self.summaries, strict=True):
            self.partial.summaries[measure.baseline.id] = summary.to_bytes()
        self.partial.outliers = sorted(self.partial.outliers, key=lambda row: -row["score"])[:MAX_OUTLIERS]
        return self.partial

    def _rows(self, events: list[Event], bodies: list[bytes], role: Role) -> dict[int, InvalidPayload]:
        errors: dict[int, InvalidPayload] = {}
        for measure, summary in zip(self.measures, self.summaries, strict=True):
            decisive = measure is self.measures[-1]
            decoded = decode_batch(bodies, measure.baseline.layout.schema, role)
            summary.update(decoded.columns, role)
            if role is Role.FEATURE:
                outliers = score(measure, summary, decoded, events)
                self.partial.outliers += outliers if decisive else []
            if decisive:
                errors = decoded.errors
                self.partial.rows += decoded.columns.n if role is Role.FEATURE else 0
        return errors

    def _unmeasured(self, bodies: list[bytes], role: Role) -> dict[int, InvalidPayload]:
        """Without a baseline nobody knows the fields; rows are counted all the same."""
        errors = {}
        for at, body in enumerate(bodies):
            try:
                rows = count_rows(body, role)
                self.partial.rows += rows if role is Role.FEATURE else 0
            except InvalidPayload as error:
                errors[at] = error
        return errors

    def _notices(self, places: list[int], events: list[Event], bodies: list[bytes]) -> None:
        for place, event, body in zip(places, events, bodies, strict=True):
            try:
                self.minute(event).dropped += dropped(body)
                self.ids[EventType.DROPPED].append(identity(event.id, event.type))
            except InvalidPayload as error:
                self.reject(place, event, error, body)


def dropped(body: bytes) -> int:
    """Return how many events a notice of the logger says were dropped. Raises InvalidPayload."""
    try:
        return int(orjson.loads(body)["count"])
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidPayload("wrong_shape", f"a drop notice is {{'count': n}}; given {body[:80]!r}") from error


def minute_of(partial: Partial, time_us: int) -> MinuteCount:
    """Return the counters of the minute of an instant."""
    minute = floor_us(time_us, MINUTE)
    return partial.minutes.setdefault(minute, MinuteCount())


def count_invalid(partial: Partial, time_us: int, error: InvalidPayload, body: bytes) -> None:
    """Count one unreadable event by minute and kind; the first one of a kind is kept to look at."""
    minute_of(partial, time_us).invalid += 1
    where = (floor_us(time_us, MINUTE), error.kind)
    count, sample = partial.invalid.get(where, (0, f"{error} | {body[:SAMPLE_BYTES].decode(errors='replace')}"))
    partial.invalid[where] = (count + 1, sample)


def score(measure: Measure, summary: Summary, decoded: Decoded, events: list[Event]) -> list[dict[str, Any]]:
    """Score feature rows, count them in `summary` and return the outlying ones with what made them so."""
    cutoff = measure.baseline.outlier_cutoff
    if cutoff is None:
        return []
    scores, parts = measure.tables.score(decoded.columns)
    outlying = np.flatnonzero(scores > cutoff.score)
    summary.n_scored += decoded.columns.n
    summary.n_outliers += outlying.size
    worst = outlying[np.argsort(-scores[outlying], kind="stable")][:MAX_OUTLIERS]
    bodies, indices = decoded.body_of_row, decoded.index_in_body
    values = _values(measure.baseline.layout, decoded.columns)
    return [
        {
            "event_id": events[bodies[row]].id,
            "row": int(indices[row]),
            "event_time_us": to_us(events[bodies[row]].time),
            "score": float(scores[row]),
            "cutoff": cutoff.score,
            "reasons": [
                {"feature": name, "value": _plain(values[name][row]), "part": part}
                for name, part in top_features(parts[row], measure.tables.names)
            ],
        }
        for row in worst.tolist()
    ]


def _values(layout: Layout, columns: Columns) -> dict[str, NDArray[Any]]:
    fields = layout.schema.of_role(Role.FEATURE)
    numeric = [field.name for field in fields if field.kind is Kind.NUMERIC]
    texts = [field.name for field in fields if field.kind is Kind.CATEGORICAL]
    found: dict[str, NDArray[Any]] = {name: columns.numeric[:, at] for at, name in enumerate(numeric)}
    found.update(zip(texts, columns.categorical, strict=True))
    return found


def _plain(value: Any) -> float | str | None:
    """Return a value as JSON can hold it."""
    if value is None or isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else str(float(value))


def _ids(found: list[int]) -> NDArray[np.uint64]:
    return np.array(found, dtype=np.uint64)


def new_partial(key: str, pane_us: int, head_us: int) -> Partial:
    """Return an empty partial."""
    return Partial(key=key, pane=from_us(pane_us), head=from_us(head_us))
