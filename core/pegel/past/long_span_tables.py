"""Hours, days and weeks, and how the model did where labels are known, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pegel.data.spans import Span
from pegel.past.past_table import INSTANT, TableSource, Values
from pegel.past.window_tables import touching
from pegel.spec.rhythms import Rhythm
from pegel.store import tables
from pegel.store.long_span_store import is_seen_span

_COUNTS = ("windows", "recounted", "rows", "requests", "responses", "late", "late_missing", "invalid", "duplicates")
_LONG_SPAN = (
    {
        "segment": pa.string(),
        "rhythm": pa.string(),
        "start": INSTANT,
        "end": INSTANT,
        "part_start": INSTANT,
        "part_end": INSTANT,
        "revision": pa.int32(),
        "origin": pa.string(),
        "verdict": pa.string(),
    }
    | {name: pa.int64() for name in _COUNTS}
    | {"baseline_id": pa.string(), "emitted_at": INSTANT}
)
_PERFORMANCE = {
    "segment": pa.string(),
    "start": INSTANT,
    "end": INSTANT,
    "revision": pa.int32(),
    "answered": pa.int64(),
    "labelled": pa.int64(),
    "settled": pa.bool_(),
    "verdict": pa.string(),
    "baseline_id": pa.string(),
    "at": INSTANT,
    "counts": pa.string(),
    "coverage": pa.string(),
    "estimate": pa.string(),
    "judgement": pa.string(),
}
_DOCUMENTS = ("counts", "coverage", "estimate", "judgement")
SPANS_AT_ONCE, DOCUMENTS_AT_ONCE = 1_000, 200


def days(model: str, version: int, within: Span) -> TableSource:
    """Return the days that touch an interval, of each the revision that a reader sees; a row for each baseline."""
    return long_spans(model, version, within, Rhythm.DAY)


def long_spans(model: str, version: int, within: Span, rhythm: Rhythm) -> TableSource:
    """Return the spans of a rhythm likewise."""
    c = tables.long_spans.c
    own = [*touching(tables.long_spans, model, version, within), c.rhythm == rhythm.value, is_seen_span()]
    names = ("segment", "rhythm", "span_start", "span_end", "part_start", "part_end", "revision", "origin", "verdict")
    columns = [c[name] for name in (*names, *_COUNTS, "baseline_id", "emitted_at")]
    return TableSource(
        what=f"a {rhythm.value} of {model}/{version}",
        statement=sa.select(*columns).where(*own),
        place=(c.segment, c.span_start, c.span_end, c.part_start, c.baseline_id),
        columns=_LONG_SPAN,
        rows=_plain,
        at_once=SPANS_AT_ONCE,
    )


def performance(model: str, version: int, within: Span) -> TableSource:
    """Return how the model did in spans that touch an interval, of each the newest revision; documents are JSON."""
    table = tables.performance
    c, newer = table.c, table.alias().c
    same = [newer[name] == c[name] for name in ("model", "version", "segment", "span_start", "span_end")]
    stands = ~sa.exists().where(*same, newer.revision > c.revision).correlate(table)
    columns = [c[{"start": "span_start", "end": "span_end"}.get(name, name)] for name in _PERFORMANCE]
    return TableSource(
        what=f"the performance of {model}/{version}",
        statement=sa.select(*columns).where(*touching(table, model, version, within), stands),
        place=(c.segment, c.span_start, c.span_end, c.revision),
        columns=_PERFORMANCE,
        rows=_documented,
        at_once=DOCUMENTS_AT_ONCE,
    )


def _plain(row: RowMapping) -> Iterator[Values]:
    yield tuple(row.values())


def _documented(row: RowMapping) -> Iterator[Values]:
    yield tuple(json.dumps(value) if name in _DOCUMENTS and value is not None else value for name, value in row.items())
