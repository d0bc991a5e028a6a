"""Where the reader of findings stands, per monitor: one small row each, so that a doorbell looks at no finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.judge.findings import Finding
from pegel.store import tables
from pegel.store.row_codec import flat_finding
from pegel.store.statements import insert_into, of_monitor

Monitor = tuple[str, int]
"""Model and version."""


def lock_inboxes(connection: Connection, monitors: Iterable[Monitor]) -> None:
    """Hold the rows of `monitors` until the transaction ends; give them in order, so that two writers never deadlock.

    A finding's `seq` is given when it is inserted and visible when their transaction ends. Without the lock a
    reader could pass a number that becomes visible later.
    """
    for model, version in monitors:
        insert = insert_into(connection.dialect, tables.inboxes)
        row = {"model": model, "version": version, "newest": 0, "cursor": 0}
        touch = insert.values(row).on_conflict_do_update(
            index_elements=["model", "version"], set_={"newest": tables.inboxes.c.newest}
        )
        connection.execute(touch)


def insert_findings(connection: Connection, findings: Sequence[Finding]) -> None:
    """Insert findings, in whichever span; those that are there stay as they are. Raises no error for none."""
    if not findings:
        return
    monitors = sorted({(finding.model, finding.version) for finding in findings})
    lock_inboxes(connection, monitors)
    insert = insert_into(connection.dialect, tables.findings)
    flat = [flat_finding(finding) for finding in findings]
    connection.execute(insert.on_conflict_do_nothing(index_elements=["id"]), flat)
    note_newest(connection, monitors)


def note_newest(connection: Connection, monitors: Iterable[Monitor]) -> None:
    """Note the `seq` of each monitor's newest finding."""
    for model, version in monitors:
        newest = sa.select(sa.func.max(tables.findings.c.seq)).where(*of_monitor(tables.findings, model, version))
        here = sa.update(tables.inboxes).where(*of_monitor(tables.inboxes, model, version))
        connection.execute(here.values(newest=newest.scalar_subquery()))


def waiting(connection: Connection) -> list[Monitor]:
    """Return the monitors with findings beyond its cursor, ordered by model and version."""
    c = tables.inboxes.c
    statement = sa.select(c.model, c.version).where(c.newest > c.cursor).order_by(c.model, c.version)
    return [(row.model, row.version) for row in connection.execute(statement)]


def cursor(connection: Connection, model: str, version: int) -> int:
    """Return the `seq` up to which a monitor's findings were taken in; 0 before the first."""
    statement = sa.select(tables.inboxes.c.cursor).where(*of_monitor(tables.inboxes, model, version))
    return int(connection.execute(statement).scalar() or 0)


def move_cursor(connection: Connection, model: str, version: int, seq: int) -> None:
    """Note that a monitor's findings were taken in up to `seq`; a smaller one changes nothing."""
    c = tables.inboxes.c
    here = sa.update(tables.inboxes).where(*of_monitor(tables.inboxes, model, version), c.cursor < seq)
    connection.execute(here.values(cursor=seq))
