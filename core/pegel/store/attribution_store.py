"""Windows of explained rows in the results database, and the rows of which a baseline of attributions is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.errors import DamagedRow, InvalidSpec, NotFound
from pegel.judge.attribution.learned_baseline import RowsToLearn, judged_fields, learned_baseline, rows_needed
from pegel.judge.findings import Finding, Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import ATTRIBUTIONS
from pegel.stats.attribution_sums import AttributionSums
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import reading, writing
from pegel.store.ledger_queries import ledger_total
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import newest_spans, of_monitor, upsert
from pegel.stream.attribution_rows import AttributionRow, RowsOfWindow
from pegel.stream.explained_counts import ExplainedCounts

LISTED = 144
"""Windows that are listed, unless another limit is asked for: a day of ten minutes."""


@dataclass(frozen=True, slots=True)
class ExplainedLedger:
    """Where attribution events went; they are outside the account of requests and answers.

    `sampled` are all that came: explained, refused, late, or copies of others.
    """

    sampled: int
    explained: int
    refused: int
    late: int
    copies: int


class AttributionStore:
    """Keeps what is known of explained rows."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def list(
        self,
        model: str,
        version: int,
        *,
        since: datetime | None = None,
        limit: int = LISTED,
        answered: bool = False,
        damaged: list[str] | None = None,
    ) -> list[AttributionRow]:
        """Return windows of a model version, the newest first.

        `since`: those that end after it; `answered`: those in which it was looked whose answers come.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        table = tables.attributions
        further = [table.c.replayed > 0] if answered else []
        statement = newest_spans(table, model, version, *further, since=since, limit=limit, then="revision")
        what = f"a window of explained rows of {model}/{version}"
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, what)
        return readable(lambda columns: decoded(_row, columns, what), rows, damaged)

    def of_finding(self, finding: Finding) -> AttributionRow:
        """Return the window that a finding is about. Raises NotFound when it is gone, DamagedRow."""
        c = tables.attributions.c
        span = (c.span_start == finding.span.start, c.span_end == finding.span.end, c.revision == finding.revision)
        own = of_monitor(tables.attributions, finding.model, finding.version)
        what = f"the window of explained rows of finding {finding.id}"
        with reading(self._engine) as connection:
            rows = fetched(connection, sa.select(tables.attributions).where(*own, *span), what)
        if not rows:
            raise NotFound(f"{what} is no longer stored; it cannot be recomputed.")
        return readable(lambda columns: decoded(_row, columns, what), rows, None)[0]

    def ledger(self, model: str, version: int, since: datetime) -> ExplainedLedger:
        """Return where attribution events of a model version went, of those from `since` on."""
        with reading(self._engine) as connection:
            total = ledger_total(connection, model + ATTRIBUTIONS, version, since)
        return ExplainedLedger(total.received, total.judged, total.invalid, total.late, total.duplicate)

    def put_held_out(
        self, spec: MonitorSpec, features: Sequence[str], rows: RowsToLearn, *, by: str, now: datetime
    ) -> Baseline:
        """Make the baseline of attributions of held-out rows current; the same rows again change nothing.

        Raises InvalidSpec for rows that are no baseline, see `learned_baseline`; Conflict if another was made current
        meanwhile.
        """
        baseline = learned_baseline(spec, tuple(features), rows, created_at=now)
        self._promote(baseline, by=by, now=now, why=f"explained rows of {rows.source}")
        return baseline

    def learn(
        self, spec: MonitorSpec, features: Sequence[str], *, now: datetime, needed: int | None = None
    ) -> Baseline | None:
        """Make a baseline of the first explained rows current, once there are enough; None: there are not.

        The newest artefact and method count; windows of others alone, and those that were learned from, are let go, and
        so is what is no baseline: it would be read again with each window, and more with each. `needed`: how many are
        enough; None: 20,000, or fewer of very many features.
        Raises InvalidSpec where the rows are no baseline, Conflict if another was made current meanwhile.
        """
        model, version = spec.model.name, spec.model.version
        table = tables.learned_rows
        own, enough = of_monitor(table, model, version), needed or rows_needed(len(features))
        with reading(self._engine) as connection:
            count = connection.execute(sa.select(sa.func.sum(table.c.rows)).where(*own)).scalar()
            if (count or 0) < enough:
                return None
            kept = connection.execute(sa.select(table.c.start, table.c.data).where(*own).order_by(table.c.start)).all()
        windows = {row.start: ExplainedCounts.from_bytes(row.data, _no_summary).learned for row in kept}
        newest = next(part for parts in reversed(windows.values()) for part in reversed(parts))
        kind = (*newest.kind[:-1], len(judged_fields(tuple(features), newest.surrogate)) + 2)
        fit = {start: [part.values for part in parts if part.kind == kind] for start, parts in windows.items()}
        values = np.concatenate([np.empty((0, kind[-1])), *(some for parts in fit.values() for some in parts)])
        if len(values) < enough:
            self._let_go(*own, table.c.start.in_([start for start, parts in fit.items() if not parts]))
            return None
        ordered = values[np.argsort(values[:, 0], kind="stable")][:enough]
        rows = RowsToLearn(
            attributions=np.ascontiguousarray(ordered[:, 2:]),
            raw=np.ascontiguousarray(ordered[:, 1]),
            times_us=ordered[:, 0].astype(np.int64),
            method=newest.method,
            artefact=newest.artefact,
            unit=newest.unit,
            surrogate=newest.surrogate,
        )
        try:
            baseline = learned_baseline(spec, tuple(features), rows, created_at=now)
        except InvalidSpec:
            self._let_go(*own)
            raise
        self._promote(baseline, by="stream", now=now, why=f"the first {len(ordered):,} explained rows")
        self._let_go(*own)
        return baseline

    def _let_go(self, *which: sa.ColumnElement[bool]) -> None:
        """Remove rows to learn from."""
        with writing(self._engine) as connection:
            connection.execute(sa.delete(tables.learned_rows).where(*which))

    def _promote(self, baseline: Baseline, *, by: str, now: datetime, why: str) -> None:
        store = BaselineStore(self._engine)
        store.put(baseline)
        current = store.current(baseline.model, baseline.version)
        store.promote(baseline.model, baseline.version, baseline.id, current, by=by, now=now, why=why)


def write_attributions(connection: Connection, rows: Sequence[AttributionRow], learned: Sequence[RowsOfWindow]) -> None:
    """Write final windows of explained rows, and rows to learn from; written again they change nothing."""
    upsert(connection, tables.attributions, [_flat(row) for row in rows])
    upsert(connection, tables.learned_rows, [_learned(row) for row in learned])


def _learned(window: RowsOfWindow) -> dict[str, Any]:
    counts = ExplainedCounts(learned=[*window.parts])
    return {
        "model": window.model,
        "version": window.version,
        "start": window.start,
        "rows": sum(len(part.values) for part in window.parts),
        "data": counts.to_bytes(),
    }


def _no_summary(baseline_id: str, _data: bytes) -> Any:
    raise DamagedRow(f"rows to learn from have counts by {baseline_id}: nothing was learned.")


def _flat(row: AttributionRow) -> dict[str, Any]:
    columns = {name: getattr(row, name) for name in row.__dataclass_fields__ if name != "span"}
    return columns | {
        "span_start": row.span.start,
        "span_end": row.span.end,
        "verdict": row.verdict.value,
        "identity": row.identity.value,
        "sums": None if row.sums is None else row.sums.to_json(),
    }


def _row(columns: RowMapping) -> AttributionRow:
    values = dict(columns)
    values["span"] = Span(values.pop("span_start"), values.pop("span_end"))
    values["verdict"], values["identity"] = Verdict(values["verdict"]), Verdict(values["identity"])
    values["sums"] = None if values["sums"] is None else AttributionSums.from_json(values["sums"])
    return typed(AttributionRow, values)
