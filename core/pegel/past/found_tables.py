"""Findings, outliers, and where each minute's events went, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pegel.data.spans import Span
from pegel.past.past_table import INSTANT, TableSource, Values
from pegel.past.window_tables import touching
from pegel.store import tables
from pegel.store.row_codec import finding_from_json
from pegel.store.statements import of_monitor
from pegel.stream.outcomes import COUNTERS

_FINDING = {
    "id": pa.string(),
    "segment": pa.string(),
    "start": INSTANT,
    "end": INSTANT,
    "revision": pa.int32(),
    "origin": pa.string(),
    "feature": pa.string(),
    "detector": pa.string(),
    "test": pa.string(),
    "verdict": pa.string(),
    "statistic": pa.float64(),
    "p_value": pa.float64(),
    "p_relevant": pa.float64(),
    "threshold": pa.float64(),
    "budget_share": pa.float64(),
    "effect": pa.float64(),
    "effect_unit": pa.string(),
    "n": pa.int64(),
    "m": pa.int64(),
    "season": pa.string(),
    "baseline_id": pa.string(),
    "what": pa.string(),
}
_OUTLIER = {
    "event_id": pa.string(),
    "row": pa.int32(),
    "event_time": INSTANT,
    "score": pa.float64(),
    "cutoff": pa.float64(),
    "p_value": pa.float64(),
    "reasons": pa.string(),
    "made": pa.string(),
    "origin": pa.string(),
}
_LEDGER = {"minute": INSTANT, "group": pa.string()} | {name: pa.int64() for name in COUNTERS}
FINDINGS_AT_ONCE, MINUTES_AT_ONCE = 1_000, 5_000


def findings(model: str, version: int, within: Span) -> TableSource:
    """Return the findings about spans that touch an interval, in the order in which they became visible."""
    c = tables.findings.c
    return TableSource(
        what=f"a finding of {model}/{version}",
        statement=sa.select(c.seq, c.finding).where(*touching(tables.findings, model, version, within)),
        place=(c.seq,),
        columns=_FINDING,
        rows=_finding,
        at_once=FINDINGS_AT_ONCE,
    )


def outliers(model: str, version: int, within: Span) -> TableSource:
    """Return the outlying rows of an interval, in order of time; `reasons` and `made` (null: not known) are JSON."""
    c = tables.outliers.c
    own = of_monitor(tables.outliers, model, version)
    columns = [c.event_id, c.row, c.event_time, c.score, c.cutoff, c.p_value, c.reasons, c.made, c.origin]
    return TableSource(
        what=f"an outlier of {model}/{version}",
        statement=sa.select(*columns).where(*own, c.event_time >= within.start, c.event_time < within.end),
        place=(c.event_time, c.event_id, c.row),
        columns=_OUTLIER,
        rows=_outlier,
        at_once=MINUTES_AT_ONCE,
    )


def ledger(model: str, version: int, within: Span) -> TableSource:
    """Return where the events of each minute of an interval went, a row per minute and group that counted them."""
    c = tables.ledger.c
    own = of_monitor(tables.ledger, model, version)
    return TableSource(
        what=f"a minute of the ledger of {model}/{version}",
        statement=sa.select(*(c[name] for name in _LEDGER)).where(
            *own, c.minute >= within.start, c.minute < within.end
        ),
        place=(c.minute, c.group),
        columns=_LEDGER,
        rows=_minute,
        at_once=MINUTES_AT_ONCE,
    )


def _finding(row: RowMapping) -> Iterator[Values]:
    found = finding_from_json(row["finding"])
    span = {"start": found.span.start, "end": found.span.end, "verdict": found.verdict.value}
    yield tuple(span[name] if name in span else getattr(found, name) for name in _FINDING)


def _outlier(row: RowMapping) -> Iterator[Values]:
    documents = {name: None if row[name] is None else json.dumps(row[name]) for name in ("reasons", "made")}
    yield tuple(documents[name] if name in documents else row[name] for name in _OUTLIER)


def _minute(row: RowMapping) -> Iterator[Values]:
    yield tuple(row[name] for name in _LEDGER)
