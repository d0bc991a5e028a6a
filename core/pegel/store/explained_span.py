"""Explained rows of a time, whatever windows they were counted in: their sums, added up without rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine, RowMapping

from pegel.data.spans import Span
from pegel.stats.attribution_sums import AttributionSums
from pegel.store import tables
from pegel.store.database import reading
from pegel.store.row_codec import decoded, fetched, readable
from pegel.store.statements import of_monitor

MOST_WINDOWS: Final = 1_008
"""Windows that are added up, the newest ones of a time: a week of ten minutes."""
PAGE: Final = 8
"""Windows that are in memory at once, beside their total."""
_COLUMNS = ("span_start", "span_end", "since", "why", "baseline_id", "sums")


@dataclass(frozen=True, slots=True)
class ExplainedSpan:
    """Explained rows of all final windows that overlap a time.

    `sums`: of their rows, and of those that windows before them had left to be judged with; None where none is known,
    and `why`: what the newest window says of that, or what is damaged; empty where there is no window. `baseline_id`:
    in whose unit. `covered`: from the first row's window to the last one's; None without rows.
    """

    sums: AttributionSums | None
    baseline_id: str = ""
    covered: Span | None = None
    why: str = ""


def explained_span(engine: Engine, model: str, version: int, span: Span) -> ExplainedSpan:
    """Add up the newest windows that overlap `span`, each row once; those in the unit of another baseline are left out.

    Windows may hold rows that windows before had too few of, and were perhaps made anew: what a newer one covers is not
    added again. A window that cannot be read is left out.
    """
    sums: AttributionSums | None = None
    covered: Span | None = None
    baseline_id, why = "", ""
    for row in _windows(engine, model, version, span):
        if isinstance(row, str):
            why = why or row
            continue
        start, end = row["since"], row["span_end"]
        if covered is not None and end > covered.start:
            continue
        if row["sums"] is None or row["baseline_id"] is None:
            why = why or row["why"]
        elif sums is None or covered is None:
            sums, baseline_id, covered = row["sums"], row["baseline_id"], Span(start, end)
        elif row["baseline_id"] == baseline_id and row["sums"].first.shape == sums.first.shape:
            sums.merge(row["sums"])
            covered = Span(start, covered.end)
    return ExplainedSpan(sums, baseline_id, covered, "" if sums is not None else why)


def _windows(engine: Engine, model: str, version: int, span: Span) -> Iterator[dict[str, Any] | str]:
    """Yield windows, the newest first; for one that cannot be read, why."""
    c, what = tables.attributions.c, f"a window of explained rows of {model}/{version}"
    own = of_monitor(tables.attributions, model, version)
    chosen = sa.select(*(c[name] for name in _COLUMNS)).where(*own, c.span_start < span.end, c.span_end > span.start)
    ordered = chosen.order_by(c.span_end.desc(), c.span_start.desc(), c.revision.desc())
    for at in range(0, MOST_WINDOWS, PAGE):
        with reading(engine) as connection:
            rows = fetched(connection, ordered.limit(PAGE).offset(at), what)
        damaged: list[str] = []
        yield from readable(lambda columns: decoded(_read, columns, what), rows, damaged)
        yield from damaged
        if len(rows) < PAGE:
            return


def _read(columns: RowMapping) -> dict[str, Any]:
    values = dict(columns)
    for name in ("span_start", "span_end", "since"):
        if not isinstance(values[name], datetime):
            raise TypeError(f"{name}: expected an instant, given {values[name]!r}")
    return values | {"sums": None if values["sums"] is None else AttributionSums.from_json(values["sums"])}
