"""Outlying rows of requests: found by the baseline's tables and cut-off, and as they are told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.baseline.outliers import top_features
from pegel.data.columns import Columns, Kind, Role
from pegel.data.decoding import Decoded
from pegel.data.instants import from_us, to_us
from pegel.data.private_fields import PrivateFields
from pegel.spec.names import monitor_of
from pegel.spec.outside_text import cut
from pegel.stats.layout import Layout
from pegel.stream.counting_plan import LoadedBaseline
from pegel.stream.event_group import EventGroup
from pegel.stream.partial import OutlierReason, OutlyingEvent
from pegel.stream.result_rows import OutlierRow

MAX_OUTLIERS = 200
"""Outlying rows told one by one, per pane and task; the highest scores. All of them are counted."""
MAX_TEXT = 500
"""Characters that are told of an outlying event's id and values: a body may hold megabytes of them."""


@dataclass(frozen=True, slots=True)
class OutlyingRows:
    """Rows that were scored, those among them that score above the cut-off, and at most `MAX_OUTLIERS` to be told."""

    scored: int = 0
    outlying: int = 0
    worst: tuple[OutlyingEvent, ...] = ()


Tell: TypeAlias = Callable[[int], tuple[str, int, int, tuple[str, int, int] | None]]
"""Returns of a row, by its place, the id of its event, its number in it, its time in microseconds, and its record."""


def outlying(loaded: LoadedBaseline, decoded: Decoded, events: EventGroup, private: PrivateFields) -> OutlyingRows:
    """Score the feature rows of events; `decoded` are their bodies. Without a cut-off none is scored.

    Of `private` fields it is told what may be.
    """
    bodies, indices = decoded.body_of_row, decoded.index_in_body

    def tell(row: int) -> tuple[str, int, int, tuple[str, int, int]]:
        at = bodies[row]
        record = (*events.address, int(events.offsets[at]))
        return events.told_id(at), int(indices[row]), int(events.times_us[at]), record

    return outlying_rows(loaded, decoded.columns, tell, private)


def outlying_rows(loaded: LoadedBaseline, columns: Columns, tell: Tell, private: PrivateFields) -> OutlyingRows:
    """Score rows of features, whatever they come from: see `outlying`."""
    cutoff = loaded.baseline.outlier_cutoff
    if cutoff is None:
        return OutlyingRows()
    scores, parts = loaded.tables.score(columns)
    beyond = np.flatnonzero(scores > cutoff.score)
    if not beyond.size:
        return OutlyingRows(scored=columns.n)
    worst = beyond[np.argsort(-scores[beyond], kind="stable")][:MAX_OUTLIERS]
    values = _values(loaded.baseline.layout, columns)
    told = (
        OutlyingEvent(
            event_id=cut(event_id, MAX_TEXT),
            row=number,
            event_time_us=time_us,
            score=float(scores[row]),
            cutoff=cutoff.score,
            p_value=cutoff.p_value(float(scores[row])),
            baseline_id=loaded.baseline.id,
            reasons=tuple(
                OutlierReason(name, _plain(private.told(name, values[name][row])), float(part))
                for name, part in top_features(parts[row], loaded.tables.names)
            ),
            record=record,
        )
        for row in worst.tolist()
        for event_id, number, time_us, record in [tell(row)]
    )
    return OutlyingRows(columns.n, beyond.size, tuple(told))


def outlier_row(key: str, event: OutlyingEvent) -> OutlierRow:
    """Return an outlying row of a monitor as it is stored."""
    model, version = monitor_of(key)
    return OutlierRow(
        model=model,
        version=version,
        event_id=event.event_id,
        row=event.row,
        event_time=from_us(event.event_time_us),
        score=event.score,
        cutoff=event.cutoff,
        p_value=event.p_value,
        reasons=[{"feature": reason.feature, "value": reason.value, "part": reason.part} for reason in event.reasons],
        record=None if event.record is None else list(event.record),
    )


def published(row: OutlierRow) -> bytes:
    """Return an outlying row as it is published, in JSON; its time in microseconds, as everywhere on the wire."""
    return orjson.dumps(
        {
            "model": row.model,
            "version": row.version,
            "event_id": row.event_id,
            "row": row.row,
            "event_time_us": to_us(row.event_time),
            "score": row.score,
            "cutoff": row.cutoff,
            "p_value": row.p_value,
            "reasons": row.reasons,
        }
    )


def _values(layout: Layout, columns: Columns) -> dict[str, NDArray[Any]]:
    fields = layout.schema.of_role(Role.FEATURE)
    numeric = [field.name for field in fields if field.kind is Kind.NUMERIC]
    texts = [field.name for field in fields if field.kind is Kind.CATEGORICAL]
    by_name: dict[str, NDArray[Any]] = {name: columns.numeric[:, at] for at, name in enumerate(numeric)}
    by_name.update(zip(texts, columns.categorical, strict=True))
    return by_name


def _plain(value: Any) -> float | str | None:
    """Return a value as JSON can hold it, of a long text the beginning with its length and hash."""
    if value is None:
        return None
    if isinstance(value, str):
        return cut(value, MAX_TEXT)
    return float(value) if math.isfinite(value) else str(float(value))
