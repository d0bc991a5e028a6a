"""How far each partition was read, in the transaction that carries what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.errors import Conflict
from pegel.store import tables
from pegel.store.statements import upsert
from pegel.stream.commit import ReadRange

Partition = tuple[str, int]
"""A topic and the number of its partition."""


def stored_offsets(connection: Connection, group: str) -> dict[Partition, ReadRange]:
    """Return the last range that was read of each partition of a group."""
    c = tables.offsets.c
    columns = (c.topic, c.partition, c.start, c.end, c.records, c.topic_id)
    rows = connection.execute(sa.select(*columns).where(c.group == group).order_by(c.topic, c.partition))
    return {(row["topic"], row["partition"]): ReadRange(**row) for row in rows.mappings()}


def inherit_offsets(connection: Connection, group: str, topic: str, former: str | None) -> None:
    """Let a group that has never read a topic begin where others stand, so that nothing is counted twice.

    `former` is the group that watched a model until now: its place is taken over; None for a model that is new, which
    has no records before the earliest place of any group. A group that reads the topic already keeps its own place,
    and a topic that nobody reads is begun at its beginning.
    """
    c = tables.offsets.c
    own = sa.select(c.partition).where(c.group == group, c.topic == topic).limit(1)
    if connection.execute(own).first() is not None:
        return
    columns = [column for column in tables.offsets.columns if column is not c.group]
    others = sa.select(*columns).where(c.topic == topic, *([] if former is None else [c.group == former]))
    earliest: dict[int, dict[str, Any]] = {}
    for row in connection.execute(others.order_by(c.partition, c.end)).mappings():
        earliest.setdefault(row["partition"], {"group": group} | dict(row) | {"start": row["end"], "records": 0})
    upsert(connection, tables.offsets, list(earliest.values()))


def advance_offsets(connection: Connection, group: str, read: Sequence[ReadRange], now: datetime) -> None:
    """Move on to the ends of the ranges read.

    Raises Conflict if a range begins before the end of what was read of its partition: its records were counted. A
    topic made again under its old name has another id and begins anew; an empty range sets where to go on.
    """
    if not read:
        return
    last = stored_offsets(connection, group)
    for given in read:
        known = last.get((given.topic, given.partition))
        anew = given.start == given.end or (known is not None and known.is_of_another(given.topic_id))
        if known is not None and not anew and given.start < known.end:
            raise Conflict(
                f"group {group}, topic {given.topic}, partition {given.partition}: expected offsets from {known.end} "
                f"on; given {given.start} to {given.end}, which were counted before. Nothing was written."
            )
        last[given.topic, given.partition] = given
    changed = {(given.topic, given.partition) for given in read}
    rows = [
        {name: getattr(last[where], name) for name in ReadRange.__dataclass_fields__} | {"group": group, "seen_at": now}
        for where in sorted(changed)
    ]
    upsert(connection, tables.offsets, rows)


def forget_partitions(
    connection: Connection, group: str, present: Iterable[Partition], *, now: datetime, before: datetime
) -> list[ReadRange]:
    """Note that `present` partitions are there; forget, and return, those that were last there before `before`."""
    c = tables.offsets.c
    there = set(present)
    seen = {
        (row.topic, row.partition): row.seen_at
        for row in connection.execute(sa.select(c.topic, c.partition, c.seen_at).where(c.group == group))
    }
    stored = stored_offsets(connection, group)
    for where in sorted(seen):
        its_row = (c.group == group, c.topic == where[0], c.partition == where[1])
        if where in there:
            connection.execute(sa.update(tables.offsets).where(*its_row).values(seen_at=now))
        elif seen[where] < before:
            connection.execute(sa.delete(tables.offsets).where(*its_row))
    return [stored[where] for where in sorted(seen) if where not in there and seen[where] < before]
