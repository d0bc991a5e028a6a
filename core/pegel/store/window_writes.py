"""How results enter the database: a merge in which a replay, in any order, changes nothing.

A span's state is its highest revision, and a final revision is never taken back. So a provisional revision replaces
those before it and is ignored once a later one, or a final one of the same number, is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.judge.findings import Finding
from pegel.store import tables
from pegel.store.row_codec import flat, flat_finding
from pegel.store.statements import insert_into, of_monitor, upsert
from pegel.stream.commit import LateCount
from pegel.stream.result_rows import WindowRow

_Key = tuple[Any, ...]


def merge_windows(connection: Connection, windows: Sequence[WindowRow], findings: Iterable[Finding]) -> None:
    """Merge judged windows and their findings.

    Raises ValueError when a finding's window is not among `windows`: its finality would be unknown.
    """
    by_window: dict[_Key, list[Finding]] = {_key(window): [] for window in windows}
    for finding in findings:
        if _key(finding) not in by_window:
            raise ValueError(
                f"expected each finding beside its window; given a finding of {finding.model}/{finding.version} "
                f"{finding.feature} for {finding.span} revision {finding.revision} without it; nothing was written"
            )
        by_window[_key(finding)].append(finding)
    for window in sorted(windows, key=lambda window: window.revision):
        if _is_news(connection, window):
            _replace(connection, window, by_window[_key(window)])


def add_late(connection: Connection, counts: Sequence[LateCount]) -> None:
    """Add to the late events of final spans; everything else about them stays as it was judged."""
    c = tables.windows.c
    for count in counts:
        statement = sa.update(tables.windows).where(*_of_span(tables.windows, count), c.final)
        connection.execute(statement.values(late=c.late + count.late))


def _is_news(connection: Connection, window: WindowRow) -> bool:
    """Say whether `window` adds to what is stored: anything final does, a provisional one only beyond the newest."""
    if window.final:
        return True
    c = tables.windows.c
    newer = sa.or_(c.revision > window.revision, sa.and_(c.revision == window.revision, c.final))
    found = connection.execute(sa.select(sa.literal(1)).where(*_of_span(tables.windows, window), newer).limit(1))
    return found.first() is None


def _replace(connection: Connection, window: WindowRow, findings: Sequence[Finding]) -> None:
    """Write one window and exactly its findings, and drop the provisional revisions that it supersedes.

    A finding that turns final gets a new `seq`: a reader that waits for final ones may have passed the old number.
    """
    for table in (tables.windows, tables.findings):
        provisional = sa.and_(table.c.revision <= window.revision, sa.not_(table.c.final))
        connection.execute(sa.delete(table).where(*_of_span(table, window), provisional))
    upsert(connection, tables.windows, [flat(window)])
    c = tables.findings.c
    stale = (c.revision == window.revision, c.id.not_in([finding.id for finding in findings]))
    connection.execute(sa.delete(tables.findings).where(*_of_span(tables.findings, window), *stale))
    _upsert_findings(connection, [flat_finding(finding, final=window.final) for finding in findings])


def _upsert_findings(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert findings, or replace the content of those whose id exists; these keep their `seq`."""
    if not rows:
        return
    statement = insert_into(connection.dialect, tables.findings)
    values = {name: statement.excluded[name] for name in ("final", "finding")}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values), list(rows))


def _of_span(table: sa.Table, window: WindowRow | LateCount) -> list[sa.ColumnElement[bool]]:
    return [
        *of_monitor(table, window.model, window.version),
        table.c.span_start == window.span.start,
        table.c.span_end == window.span.end,
    ]


def _key(row: WindowRow | Finding) -> _Key:
    return (row.model, row.version, row.span, row.revision)
