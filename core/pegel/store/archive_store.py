"""What of each model is archived, and what the stream has counted beyond that. The newest writer is believed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.archive.unarchived import Unarchived, unread
from pegel.errors import Superseded
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store import tables
from pegel.store.archived_ranges import ArchivedRange, range_of, row_of
from pegel.store.database import reading, writing
from pegel.store.offsets import stored_offsets
from pegel.store.registry import Registry
from pegel.store.statements import add, counter, of_monitor, upsert
from pegel.stream.positions import MADE_AGAIN, OffsetRange
from pegel.stream.wire_records import Address


class ArchiveStore:
    """The ranges of offsets that are archived, and the numbers of writes."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def unarchived(self, models: Collection[str] = ()) -> list[Unarchived]:
        """Return what is to be archived: of each watched model whose rows are kept, or of some, what is not yet.

        `models`: `name/version` each; none: all.
        """
        specs = [spec for spec in Registry(self._engine).list() if spec.archive.is_used and not spec.model.is_table]
        chosen = [spec for spec in specs if not models or spec.key in models]
        with reading(self._engine) as connection:
            return [found for spec in chosen if (found := _unarchived(connection, spec)).ranges]

    def archived(self, model: str, version: int) -> list[ArchivedRange]:
        """Return the ranges that are archived of a model, by topic, partition and offset."""
        c = tables.archived.c
        statement = sa.select(tables.archived).where(*of_monitor(tables.archived, model, version))
        with reading(self._engine) as connection:
            rows = connection.execute(statement.order_by(c.topic, c.partition, c.from_offset)).mappings()
            return [range_of(row) for row in rows]

    def next_number(self, model: str, version: int, *, above: int = 0, after: int | None = None) -> int:
        """Return the number of a new write of a model's files, higher than `above` and than all before it.

        `after`: the number that the writer had before; None: a new writer, and what others have not recorded by then
        does not count any more. Raises Superseded if another writer has come since `after`.
        """
        name = _numbers(model, version)
        with writing(self._engine) as connection:
            # Whoever writes locks the row, so that no two writes have one number.
            add(connection, tables.counters, [{"name": name, "value": 1}])
            number = counter(connection, name)
            if after is not None and number != after + 1:
                raise _superseded(model, version, after, number - 1)
            if number <= above:
                number = above + 1
                upsert(connection, tables.counters, [{"name": name, "value": number}])
            return number

    def require_newest(self, model: str, version: int, number: int) -> None:
        """Raise Superseded if another writer of a model's files has come since."""
        with reading(self._engine) as connection:
            _refuse_overtaken(connection, model, version, number)

    def record(self, number: int, ranges: Sequence[ArchivedRange]) -> None:
        """Note that ranges of one model are archived. Raises Superseded if another writer has come since."""
        if not ranges:
            return
        first = ranges[0]
        with writing(self._engine) as connection:
            refuse_overtaken(connection, first.model, first.version, number)
            upsert(connection, tables.archived, [row_of(each) for each in ranges])


def _unarchived(connection: Connection, spec: MonitorSpec) -> Unarchived:
    topic, name, version = spec.inference_topic, spec.model.name, spec.model.version
    c = tables.archived.c
    own = sa.select(c.partition, c.topic_id, sa.func.max(c.up_to_offset).label("end"))
    own = own.where(*of_monitor(tables.archived, name, version), c.topic == topic).group_by(c.partition, c.topic_id)
    ends = {(row.partition, row.topic_id): row.end for row in connection.execute(own)}
    counted = {where: read for where, read in stored_offsets(connection, spec.group).items() if where[0] == topic}
    holes = _holes(connection, spec.group, topic)
    ranges: list[OffsetRange] = []
    for where, read in sorted(counted.items()):
        # A topic that was made again has other records under old numbers.
        up_to = ends.get((where[1], read.topic_id), ends.get((where[1], None), 0))
        ranges += unread(read, up_to, holes.get(where, ()))
    return Unarchived(spec, tuple(ranges), {where: read.topic_id for where, read in counted.items()})


def _holes(connection: Connection, group: str, topic: str) -> dict[Address, list[tuple[int, int]]]:
    holes: dict[Address, list[tuple[int, int]]] = {}
    g, s = tables.gaps.c, tables.set_aside.c
    gaps = sa.select(g.partition, g.start, g.end, g.reason).where(g.group == group, g.topic == topic)
    aside = sa.select(s.partition, s.offset).where(s.group == group, s.topic == topic)
    for row in connection.execute(gaps):
        if row.reason.startswith(MADE_AGAIN):
            continue  # of the former topic: these are other records under old numbers
        holes.setdefault((topic, row.partition), []).append((row.start, row.end))
    for one in connection.execute(aside):
        holes.setdefault((topic, one.partition), []).append((one.offset, one.offset + 1))
    return holes


def refuse_overtaken(connection: Connection, model: str, version: int, number: int) -> None:
    """Raise Superseded if another writer of a model's files has come since; none comes until the transaction ends."""
    # Whoever writes locks the row, so that two writers cannot both be the newest.
    add(connection, tables.counters, [{"name": _numbers(model, version), "value": 0}])
    _refuse_overtaken(connection, model, version, number)


def _numbers(model: str, version: int) -> str:
    return f"archive {model}/{version}"


def _refuse_overtaken(connection: Connection, model: str, version: int, number: int) -> None:
    newest = counter(connection, _numbers(model, version))
    if newest != number:
        raise _superseded(model, version, number, newest)


def _superseded(model: str, version: int, number: int, newest: int) -> Superseded:
    return Superseded(
        f"archive of {model}/{version}: expected the write {number} to be the newest; {newest} has come since, of "
        "another writer. What this one has not recorded is not read, and is written again."
    )
