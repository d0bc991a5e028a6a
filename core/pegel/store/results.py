"""What the watching found: windows, findings, outliers, ledger, invalid input, heartbeats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import DamagedRow, NotFound
from pegel.judge.findings import ALARMING, Finding
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import finding_from_json, flat, readable, window
from pegel.store.statements import of_monitor, upsert
from pegel.store.window_writes import merge_windows
from pegel.stream.result_rows import Heartbeat, InvalidRow, LedgerRow, OutlierRow, Tally, WindowRow

__all__ = ["Heartbeat", "InvalidRow", "LedgerRow", "OutlierRow", "Results", "WindowRow"]


class Results:
    """Reads and writes results. Every write is an upsert by key, so that a replay changes nothing."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def write(
        self,
        windows: Sequence[WindowRow] = (),
        findings: Iterable[Finding] = (),
        outliers: Sequence[OutlierRow] = (),
        ledger: Sequence[LedgerRow] = (),
        invalid: Sequence[InvalidRow] = (),
    ) -> None:
        """Write everything in one transaction. A finding travels with its window; ledger and invalid are absolute."""
        with writing(self._engine) as connection:
            merge_windows(connection, windows, findings)
            upsert(connection, tables.outliers, [flat(row) for row in outliers])
            upsert(connection, tables.ledger, [flat(row) for row in ledger])
            upsert(connection, tables.invalid, [flat(row) for row in invalid])

    def windows(
        self,
        model: str,
        version: int,
        since: datetime | None = None,
        *,
        final_only: bool = False,
        latest_revision: bool = True,
        limit: int | None = None,
        damaged: list[str] | None = None,
    ) -> list[WindowRow]:
        """Return windows in order of time, of those that end after `since` at most the newest `limit`.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        c = tables.windows.c
        conditions = of_monitor(tables.windows, model, version)
        if since is not None:
            conditions.append(c.span_end > since)
        if final_only:
            conditions.append(c.final)
        if latest_revision:
            conditions.append(c.revision == _latest_revision(final_only=final_only))
        statement = sa.select(tables.windows).where(*conditions)
        newest = statement.order_by(c.span_start.desc(), c.span_end.desc(), c.revision.desc()).limit(limit)
        return readable(window, reversed(self._rows(newest)), damaged)

    def tally(self, model: str, version: int, since: datetime, until: datetime) -> Tally:
        """Count the final windows that end after `since` and not after `until`."""
        c = tables.windows.c
        drifted = sa.func.sum(sa.case((c.verdict.in_([verdict.value for verdict in ALARMING]), 1), else_=0))
        statement = sa.select(drifted, sa.func.count(), sa.func.sum(c.rows)).where(
            *of_monitor(tables.windows, model, version),
            c.final,
            c.span_end > since,
            c.span_end <= until,
            c.revision == _latest_revision(final_only=True),
        )
        with reading(self._engine) as connection:
            drifting, windows, rows = connection.execute(statement).one()
        return Tally(drifting=int(drifting or 0), windows=windows, rows=int(rows or 0))

    def last_final(self, model: str, version: int, before: datetime) -> WindowRow | None:
        """Return the newest final window that starts before an instant, in its newest revision; None without any."""
        c = tables.windows.c
        conditions = [*of_monitor(tables.windows, model, version), c.final, c.span_start < before]
        newest = (c.span_start.desc(), c.span_end.desc(), c.revision.desc())
        rows = self._rows(sa.select(tables.windows).where(*conditions).order_by(*newest).limit(1))
        return window(rows[0]) if rows else None

    def findings(
        self,
        model: str | None = None,
        version: int | None = None,
        after_seq: int = 0,
        *,
        final_only: bool = False,
        limit: int | None = None,
        damaged: list[tuple[int, str]] | None = None,
    ) -> list[tuple[int, Finding]]:
        """Return findings beyond `after_seq` with their place, in that order, at most the first `limit`.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its place and reason added there.
        """
        c = tables.findings.c
        conditions = [*of_monitor(tables.findings, model, version), c.seq > after_seq]
        if final_only:
            conditions.append(c.final)
        statement = sa.select(c.seq, c.id, c.finding).where(*conditions).order_by(c.seq).limit(limit)
        found = []
        for row in self._rows(statement):
            try:
                found.append((row["seq"], finding_from_json(row["finding"])))
            except DamagedRow as error:
                if damaged is None:
                    raise
                damaged.append((row["seq"], f"finding {row['id'][:8]}: {error}"))
        return found

    def recent_findings(
        self,
        model: str | None = None,
        version: int | None = None,
        *,
        final_only: bool = False,
        limit: int = 100,
        damaged: list[str] | None = None,
    ) -> list[Finding]:
        """Return the newest findings, newest first.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        c = tables.findings.c
        conditions = of_monitor(tables.findings, model, version) + ([c.final] if final_only else [])
        order = (c.span_end.desc(), c.seq.desc())
        rows = self._rows(sa.select(c.finding).where(*conditions).order_by(*order).limit(limit))
        return readable(lambda row: finding_from_json(row["finding"]), rows, damaged)

    def finding(self, id_prefix: str) -> Finding:
        """Return the one finding whose id starts so. Raises NotFound when none or several do."""
        c = tables.findings.c
        rows = self._rows(sa.select(c.finding).where(c.id.startswith(id_prefix, autoescape=True)).limit(2))
        if len(rows) != 1:
            count = "several findings start" if rows else "no finding starts"
            raise NotFound(f"{count} with {id_prefix!r}; give more of an id that a mail or the page shows.")
        return finding_from_json(rows[0]["finding"])

    def outliers(
        self, model: str, version: int, since: datetime | None = None, *, limit: int | None = 100
    ) -> list[OutlierRow]:
        """Return the newest outliers at or after `since`, newest first."""
        c = tables.outliers.c
        conditions = of_monitor(tables.outliers, model, version) + ([] if since is None else [c.event_time >= since])
        order = (c.event_time.desc(), c.event_id, c.row)
        statement = sa.select(tables.outliers).where(*conditions).order_by(*order).limit(limit)
        return [OutlierRow(**row) for row in self._rows(statement)]

    def ledger(self, model: str, version: int, since: datetime | None = None) -> list[LedgerRow]:
        """Return the ledger's minutes from `since` on, in order of time."""
        c = tables.ledger.c
        conditions = of_monitor(tables.ledger, model, version) + ([] if since is None else [c.minute >= since])
        rows = self._rows(sa.select(tables.ledger).where(*conditions).order_by(c.minute))
        return [LedgerRow(**row) for row in rows]

    def invalid(self, model: str, version: int, since: datetime | None = None) -> list[InvalidRow]:
        """Return invalid input by minute and kind from `since` on, in order of time."""
        c = tables.invalid.c
        conditions = of_monitor(tables.invalid, model, version) + ([] if since is None else [c.minute >= since])
        rows = self._rows(sa.select(tables.invalid).where(*conditions).order_by(c.minute, c.kind))
        return [InvalidRow(**row) for row in rows]

    def heartbeat(self, beat: Heartbeat) -> bool:
        """Store a driver's heartbeat unless a newer generation of its group has spoken; say whether it was stored."""
        c = tables.heartbeats.c
        with writing(self._engine) as connection:
            known = connection.execute(sa.select(c.generation).where(c.group == beat.group)).scalar()
            if known is not None and known > beat.generation:
                return False
            upsert(connection, tables.heartbeats, [flat(beat)])
        return True

    def heartbeats(self) -> list[Heartbeat]:
        """Return the last heartbeat of each group, ordered by group."""
        rows = self._rows(sa.select(tables.heartbeats).order_by(tables.heartbeats.c.group))
        return [Heartbeat(**row) for row in rows]

    def forget(self, model: str, version: int) -> None:
        """Delete every result, alert and silence of a model version. Its spec is the registry's affair."""
        kept = (tables.windows, tables.findings, tables.outliers, tables.ledger, tables.invalid)
        with writing(self._engine) as connection:
            for table in (*kept, tables.alerts, tables.silences, tables.dispatch_failures):
                connection.execute(sa.delete(table).where(*of_monitor(table, model, version)))

    def _rows(self, statement: sa.Select[Any]) -> Sequence[Any]:
        with reading(self._engine) as connection:
            return connection.execute(statement).mappings().all()


def _latest_revision(*, final_only: bool) -> sa.ScalarSelect[int]:
    """Return the newest revision of the span of the row in the enclosing query."""
    other, outer = tables.windows.alias(), tables.windows
    same = [other.c[name] == outer.c[name] for name in ("model", "version", "span_start", "span_end")]
    if final_only:
        same.append(other.c.final)
    return sa.select(sa.func.max(other.c.revision)).where(*same).correlate(outer).scalar_subquery()
