"""Outlying rows of requests: found by the baseline's tables and cut-off, and as they are told."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import top_features
from pegel.data.columns import Columns, Kind, Role
from pegel.data.decoding import Decoded
from pegel.data.instants import from_us, to_us
from pegel.data.private_fields import PrivateFields
from pegel.spec.names import monitor_of
from pegel.spec.outside_text import cut
from pegel.stats.decimal_grids import off_grid
from pegel.stats.layout import Layout
from pegel.stream.counting_plan import LoadedBaseline
from pegel.stream.event_group import EventGroup
from pegel.stream.partial import OutlierReason, OutlyingEvent
from pegel.stream.result_rows import OutlierRow

MAX_OUTLIERS = 200
"""Outlying rows told one by one, per pane and task; the highest scores. All of them are counted."""
MAX_FINER = 20
"""Rows told at a time for values finer than any of training alone: another unit makes every row one."""
REASONS = 3
MAX_TEXT = 500
"""Characters that are told of an outlying event's id and values: a body may hold megabytes of them."""


@dataclass(frozen=True, slots=True)
class OutlyingRows:
    """Rows that were scored, those among them that score above the cut-off, and at most `MAX_OUTLIERS` to be told.

    Rows that are told for finer values alone are not among the outlying ones, whose rate is that of training.
    """

    scored: int = 0
    outlying: int = 0
    worst: tuple[OutlyingEvent, ...] = ()


Tell: TypeAlias = Callable[[int], tuple[str, int, int, tuple[str, int, int] | None]]
"""Returns of a row, by its place, the id of its event, its number in it, its time in microseconds, and its record."""


def outlying(
    loaded: LoadedBaseline,
    decoded: Decoded,
    events: EventGroup,
    private: PrivateFields,
    *,
    watches_rows: bool = False,
) -> OutlyingRows:
    """Score the feature rows of events; `decoded` are their bodies. Without a cut-off none is scored.

    Of `private` fields it is told what may be. `watches_rows`: tell rows with values finer than any of training, too.
    """
    bodies, indices = decoded.body_of_row, decoded.index_in_body

    def tell(row: int) -> tuple[str, int, int, tuple[str, int, int]]:
        at = bodies[row]
        record = (*events.address, int(events.offsets[at]))
        return events.told_id(at), int(indices[row]), int(events.times_us[at]), record

    return outlying_rows(loaded, decoded.columns, tell, private, watches_rows=watches_rows)


def outlying_rows(
    loaded: LoadedBaseline, columns: Columns, tell: Tell, private: PrivateFields, *, watches_rows: bool = False
) -> OutlyingRows:
    """Score rows of features, whatever they come from: see `outlying`."""
    cutoff = loaded.baseline.outlier_cutoff
    if cutoff is None:
        return OutlyingRows()
    scores, parts = loaded.tables.score(columns)
    beyond = np.flatnonzero(scores > cutoff.score)
    finer = _finer(loaded.baseline, columns) if watches_rows else {}
    beside = np.flatnonzero(np.any([*finer.values()], axis=0) & (scores <= cutoff.score)) if finer else beyond[:0]
    if not beyond.size and not beside.size:
        return OutlyingRows(scored=columns.n)
    worst = np.concatenate([beyond[np.argsort(-scores[beyond], kind="stable")], beside[:MAX_FINER]])[:MAX_OUTLIERS]
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
                OutlierReason(name, _plain(private.told(name, values[name][row])), part, is_finer)
                for name, part, is_finer in _named(row, parts[row], loaded.tables.names, finer)
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
        reasons=[reason.to_json() for reason in event.reasons],
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


def _finer(baseline: Baseline, columns: Columns) -> dict[str, NDArray[np.bool_]]:
    """Return which rows have a value beside every step of training, by name of the features where any has."""
    grids = (None if baseline.rows_sent is None else baseline.rows_sent.grids) or {}
    names = [feature.field.name for _, feature in baseline.layout.numeric(Role.FEATURE)]
    found = {name: off_grid(columns.numeric[:, at], grids[name]) for at, name in enumerate(names) if name in grids}
    return {name: rows for name, rows in found.items() if rows.any()}


def _named(
    row: int, parts: NDArray[np.float64], names: Sequence[str], finer: Mapping[str, NDArray[np.bool_]]
) -> list[tuple[str, float, bool]]:
    """Return the features that are told of a row, their parts, and whether their values are finer: those first."""
    own = [(name, float(parts[list(names).index(name)]), True) for name, rows in finer.items() if rows[row]]
    known = {name for name, _, _ in own}
    others = [(name, part, False) for name, part in top_features(parts, names) if name not in known]
    return [*own, *others][:REASONS]


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
