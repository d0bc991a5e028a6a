"""How windows and findings enter the database.

A provisional row replaces the provisional rows of its span before it and never a final one; it is written without its
summary and judgement, which nobody reads before they are final. A final row stays, and brings exactly its findings:
written again it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.errors import DamagedRow
from pegel.judge.findings import Finding
from pegel.store import tables
from pegel.store.inboxes import lock_inboxes, note_newest
from pegel.store.row_codec import finding_from_json, flat, flat_finding
from pegel.store.statements import insert_into
from pegel.stream.commit import LateCount
from pegel.stream.extreme_events import together
from pegel.stream.result_rows import Origin, WindowRow

_PROVISIONAL: dict[str, Any] = {"summary": b"", "judgement": {}, "feature_verdicts": None}
_SPAN = ("model", "version", "segment", "span_start", "span_end")
_WINDOW = (*_SPAN, "revision", "origin")


def write_windows(connection: Connection, windows: Sequence[WindowRow], findings: Iterable[Finding]) -> None:
    """Write judged windows and their findings.

    Raises ValueError when a finding's window is not among `windows`, or is not final: what may change is no fact yet.
    """
    windows = _last_of_each(windows)
    by_window: dict[tuple[Any, ...], list[Finding]] = {_key(window): [] for window in windows if window.final}
    for finding in findings:
        if _key(finding) not in by_window:
            raise ValueError(
                f"expected each finding beside its final window; given a finding of {finding.model}/{finding.version} "
                f"{finding.feature} for {finding.span} revision {finding.revision} without it; nothing was written"
            )
        by_window[_key(finding)].append(finding)
    if not windows:
        return
    rows = [flat(window) | ({} if window.final else _PROVISIONAL) for window in windows]
    _drop_provisional(connection, rows)
    _upsert_windows(connection, rows)
    replace_findings(connection, [row for row in rows if row["final"]], list(by_window.values()))


def write_single_findings(connection: Connection, findings: Sequence[Finding]) -> None:
    """Write findings about single events, which belong to no window.

    Of one span there is one, about the most extreme event; it keeps its `seq`, so that readers are not told again.
    """
    if not findings:
        return
    monitors = sorted({(finding.model, finding.version) for finding in findings})
    lock_inboxes(connection, monitors)
    table = tables.findings
    ids = [finding.id for finding in findings]
    rows = connection.execute(sa.select(table.c.id, table.c.finding).where(table.c.id.in_(ids)))
    stored = {row.id: row.finding for row in rows}
    merged = [_with_stored(finding, stored.get(finding.id)) for finding in findings]
    insert = insert_into(connection.dialect, table)
    connection.execute(
        insert.on_conflict_do_update(index_elements=["id"], set_=_told(insert)),
        [flat_finding(finding) for finding in merged],
    )
    note_newest(connection, monitors)


def _with_stored(finding: Finding, stored: Any) -> Finding:
    """Return a finding together with what is stored of its span; what cannot be read is written anew."""
    if stored is None:
        return finding
    try:
        return together(finding_from_json(stored), finding)
    except DamagedRow:
        return finding


def add_late(connection: Connection, counts: Sequence[LateCount]) -> None:
    """Add to the late events of final spans; everything else about them stays as it was judged."""
    if not counts:
        return
    table = tables.windows
    rows = [
        {
            "of_model": count.model,
            "of_version": count.version,
            "of_segment": "",
            "of_span_start": count.span.start,
            "of_span_end": count.span.end,
            "more": count.late,
        }
        for count in counts
    ]
    streamed = (table.c.origin == Origin.STREAM.value, table.c.final)
    statement = sa.update(table).where(*_bound(table, _SPAN), *streamed)
    connection.execute(statement.values(late=table.c.late + sa.bindparam("more")), rows)


def _last_of_each(windows: Sequence[WindowRow]) -> list[WindowRow]:
    """Return the final rows, and of each span its newest provisional one if no row of a higher revision is given."""
    newest: dict[tuple[Any, ...], int] = {}
    for row in windows:
        newest[_span(row)] = max(row.revision, newest.get(_span(row), 0))
    kept = {_key(row): row for row in windows if row.final or row.revision == newest[_span(row)]}
    return list(kept.values())


def _drop_provisional(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    table = tables.windows
    statement = sa.delete(table).where(*_bound(table, _SPAN), sa.not_(table.c.final))
    connection.execute(statement, [_binding(row, _SPAN) for row in rows])


def _upsert_windows(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    table = tables.windows
    insert = insert_into(connection.dialect, table)
    new = insert.excluded
    values = {name: new[name] for name in rows[0] if name not in _WINDOW}
    unless_final = sa.or_(new.final, sa.not_(table.c.final))
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(_WINDOW), set_=values, where=unless_final), list(rows)
    )


def replace_findings(
    connection: Connection, windows: Sequence[dict[str, Any]], findings: Sequence[Sequence[Finding]]
) -> None:
    """Leave exactly the findings given of each window; of a window its key is read, as columns.

    One that is there already keeps its `seq`: readers are not told again.
    """
    table = tables.findings
    silent = [_binding(row, _WINDOW) for row, found in zip(windows, findings, strict=True) if not found]
    if silent:
        connection.execute(sa.delete(table).where(*_bound(table, _WINDOW)), silent)
    rows = [flat_finding(finding) for found in findings for finding in found]
    if not rows:
        return
    for row, found in zip(windows, findings, strict=True):
        here = (*_bound(table, _WINDOW), table.c.id.not_in([finding.id for finding in found]))
        if found:
            connection.execute(sa.delete(table).where(*here), _binding(row, _WINDOW))
    monitors = sorted({(row["model"], row["version"]) for row in rows})
    lock_inboxes(connection, monitors)
    insert = insert_into(connection.dialect, table)
    connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=_told(insert)), rows)
    note_newest(connection, monitors)


def _told(insert: Any) -> dict[str, Any]:
    """Return what is replaced of a finding that is there: all but its `seq`."""
    return {column.name: insert.excluded[column.name] for column in tables.findings.columns if column.name != "seq"}


def _bound(table: sa.Table, names: Iterable[str]) -> list[sa.ColumnElement[bool]]:
    """Return conditions on columns, to be bound to `of_<name>` row by row."""
    return [table.c[name] == sa.bindparam(f"of_{name}") for name in names]


def _binding(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {f"of_{name}": row[name] for name in names}


def _span(row: WindowRow) -> tuple[Any, ...]:
    return (row.model, row.version, row.segment, row.span, row.origin)


def _key(row: WindowRow | Finding) -> tuple[Any, ...]:
    return (row.model, row.version, row.segment, row.span, row.revision, str(row.origin))
