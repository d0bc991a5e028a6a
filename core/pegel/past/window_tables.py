"""Windows, what each of their fields looked like, and windows in whose place another row of the same span stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pegel.data.spans import Span
from pegel.past.past_table import INSTANT, TableSource, Values
from pegel.stats.answer_latencies import RANKS, Latencies
from pegel.store import tables
from pegel.store.seen_windows import is_seen
from pegel.store.statements import of_monitor

_SPAN = {
    "segment": pa.string(),
    "start": INSTANT,
    "end": INSTANT,
    "revision": pa.int32(),
    "origin": pa.string(),
}
_COUNTS = ("requests", "responses", "joined", "rows", "late", "duplicates", "invalid", "clamped", "orphans")
_WINDOW = (
    _SPAN
    | {"final": pa.bool_(), "verdict": pa.string()}
    | {name: pa.int64() for name in _COUNTS}
    | {f"p{100 * rank:g}_ms": pa.int64() for rank in RANKS}
    | {"baseline_id": pa.string(), "emitted_at": INSTANT}
)
_FEATURE = _SPAN | {
    "feature": pa.string(),
    "detector": pa.string(),
    "test": pa.string(),
    "verdict": pa.string(),
    "statistic": pa.float64(),
    "p_value": pa.float64(),
    "p_relevant": pa.float64(),
    "threshold": pa.float64(),
    "effect": pa.float64(),
    "effect_unit": pa.string(),
    "n": pa.int64(),
    "m": pa.int64(),
    "what": pa.string(),
}
_TOLD = list(_FEATURE)[len(_SPAN) :]
WINDOWS_AT_ONCE, JUDGEMENTS_AT_ONCE = 2_000, 200
"""With 50 fields a judgement is some 20 kB, a window without it 1 kB."""


def windows(model: str, version: int, within: Span) -> TableSource:
    """Return the windows that touch an interval, final or not, of each the row that a reader sees."""
    return _windows(model, version, within, is_seen(final_only=False))


def superseded(model: str, version: int, within: Span) -> TableSource:
    """Return the final windows in whose place a later revision, or a batch job's row, stands now."""
    return _windows(model, version, within, tables.windows.c.final & ~is_seen(final_only=False))


def features(model: str, version: int, within: Span) -> TableSource:
    """Return what each final window says of each field, in the long form: a row per window and field."""
    c = tables.windows.c
    return TableSource(
        what=f"a judgement of {model}/{version}",
        statement=sa.select(*_place(), c.judgement).where(
            *touching(tables.windows, model, version, within), c.final, is_seen(final_only=True)
        ),
        place=_place(),
        columns=_FEATURE,
        rows=_features,
        at_once=JUDGEMENTS_AT_ONCE,
    )


def touching(table: sa.Table, model: str, version: int, within: Span) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on spans of a monitor that share an instant with an interval."""
    spans = (table.c.span_end > within.start, table.c.span_start < within.end)
    return [*of_monitor(table, model, version), *spans]


def _windows(model: str, version: int, within: Span, chosen: sa.ColumnElement[bool]) -> TableSource:
    c = tables.windows.c
    read = (*_place(), c.final, c.verdict, *(c[name] for name in _COUNTS), c.latencies, c.baseline_id, c.emitted_at)
    return TableSource(
        what=f"a window of {model}/{version}",
        statement=sa.select(*read).where(*touching(tables.windows, model, version, within), chosen),
        place=_place(),
        columns=_WINDOW,
        rows=_window,
        at_once=WINDOWS_AT_ONCE,
    )


def _place() -> tuple[sa.ColumnElement[Any], ...]:
    c = tables.windows.c
    return (c.segment, c.span_start, c.span_end, c.revision, c.origin)


def _span(row: RowMapping) -> Values:
    return (row["segment"], row["span_start"], row["span_end"], row["revision"], row["origin"])


def _window(row: RowMapping) -> Iterator[Values]:
    latencies = Latencies.from_bytes(row["latencies"]) if row["latencies"] else Latencies()
    yield (
        *_span(row),
        row["final"],
        row["verdict"],
        *(row[name] for name in _COUNTS),
        *(latencies.quantile(rank) for rank in RANKS),
        row["baseline_id"],
        row["emitted_at"],
    )


def _features(row: RowMapping) -> Iterator[Values]:
    judgement = row["judgement"]
    for told in (*judgement.get("features", ()), *judgement.get("further", ())):
        yield (*_span(row), *(told[name] for name in _TOLD))
