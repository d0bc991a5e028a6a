"""How far labels are read and joined, and what became of those that are none: in the results database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.data.instants import DAY, EPOCH
from pegel.errors import Conflict
from pegel.labels.kept_labels import NO_KEY, NO_PLACE, UNKNOWN_MODEL
from pegel.labels.label_arrays import LabelPartition
from pegel.spec.names import monitor_of
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.statements import add, of_monitor, upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDay:
    """Labels that came on one day (UTC): `received` without copies of records, about `subjects` predictions.

    `matched`: of those, the ones that an archived row is. The others wait for their rows; once `is_over`, the horizon
    has passed, they are orphans.
    """

    model: str
    version: int
    day: date
    received: int
    subjects: int
    matched: int
    is_over: bool

    @property
    def start(self) -> datetime:
        """Return when the day begins."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)

    @property
    def unmatched(self) -> int:
        """Return of how many predictions no row is known."""
        return self.subjects - self.matched


class LabelStore:
    """Keeps positions and counts of labels."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def positions(self, namespace: str) -> dict[LabelPartition, int]:
        """Return up to which offset (exclusive) the topic of a namespace is kept, and those that were before it."""
        c = tables.label_positions.c
        statement = sa.select(c.topic_id, c.partition, c.up_to).where(c.namespace == namespace)
        with reading(self._engine) as connection:
            return {LabelPartition(row[0], row[1]): row[2] for row in connection.execute(statement)}

    def take(
        self,
        namespace: str,
        before: Mapping[LabelPartition, int],
        after: Mapping[LabelPartition, int],
        aside: Mapping[tuple[str, str], int],
        *,
        now: datetime,
        held: Mapping[str, Mapping[LabelPartition, int]] | None = None,
        released: Collection[str] = (),
    ) -> None:
        """Move positions, and count what is no label by model and kind, in one transaction.

        `held`: by the keys of model versions whose labels were passed over, from where on that was; `released`: the
        keys of those whose labels have been read since. Raises Conflict, and keeps nothing, if another run was first.
        """
        with writing(self._engine) as connection:
            for partition, up_to in sorted(after.items()):
                _move(connection, namespace, partition, before.get(partition), up_to, now=now)
            rows = [
                {"namespace": namespace, "model": model, "kind": kind, "count": count}
                for (model, kind), count in sorted(aside.items())
            ]
            add(connection, tables.label_refusals, rows)
            for key in released:
                c = tables.held_labels.c
                model, version = monitor_of(key)
                connection.execute(sa.delete(tables.held_labels).where(c.model == model, c.version == version))
            for key, starts in sorted((held or {}).items()):
                _hold(connection, *monitor_of(key), starts)

    def note_table(self, namespace: str, model: str, refused: Mapping[str, int]) -> None:
        """Keep how many rows of a model's table are no labels, by kind, in place of what its last reading found.

        The table is read as a whole each time, so what stands in it would else be counted again and again.
        """
        c = tables.label_refusals.c
        rows = [{"namespace": namespace, "model": model, "kind": kind, "count": n} for kind, n in refused.items()]
        with writing(self._engine) as connection:
            connection.execute(
                sa.delete(tables.label_refusals).where(
                    c.namespace == namespace, c.model == model, c.kind.in_([NO_KEY, NO_PLACE])
                )
            )
            add(connection, tables.label_refusals, rows)

    def held(self, model: str, version: int) -> dict[LabelPartition, int]:
        """Return from which offset (inclusive) on the topic is to be read again for a model."""
        with reading(self._engine) as connection:
            return _positions(connection, tables.held_labels, tables.held_labels.c.from_offset, model, version)

    def refusals(self, namespace: str) -> dict[tuple[str, str], int]:
        """Return how much was no label, by the key of its model version and by kind."""
        c = tables.label_refusals.c
        statement = sa.select(c.model, c.kind, c.count).where(c.namespace == namespace)
        with reading(self._engine) as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(statement)}

    def refused(self, namespace: str, model: str) -> dict[str, int]:
        """Return how much of what came for a model version, by its key, was no label of it, by kind."""
        return self._refused(namespace, tables.label_refusals.c.model == model)

    def refused_of_nobody(self, namespace: str) -> dict[str, int]:
        """Return how much was no label of any watched model, by kind: whoever sends may name a thousand models."""
        c = tables.label_refusals.c
        return self._refused(namespace, sa.or_(c.model == "", c.kind == UNKNOWN_MODEL))

    def _refused(self, namespace: str, whose: sa.ColumnElement[bool]) -> dict[str, int]:
        c = tables.label_refusals.c
        statement = sa.select(c.kind, sa.func.sum(c.count)).where(c.namespace == namespace, whose).group_by(c.kind)
        with reading(self._engine) as connection:
            return {row[0]: int(row[1]) for row in connection.execute(statement)}

    def joined(self, model: str, version: int) -> dict[LabelPartition, int]:
        """Return up to which offset (exclusive) of each partition labels of a model are in its figures."""
        with reading(self._engine) as connection:
            return _positions(connection, tables.label_joins, tables.label_joins.c.up_to, model, version)

    def hours(self, model: str, version: int, since: datetime) -> dict[datetime, int]:
        """Return the number of the writer whose rows of an hour are in the figures, by begin of the hour."""
        c = tables.label_hours.c
        statement = sa.select(c.start, c.written).where(
            *of_monitor(tables.label_hours, model, version), c.start >= since
        )
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def newest_hour(self, model: str, version: int) -> datetime | None:
        """Return when the newest hour begins whose rows are in the figures; None where there is none."""
        statement = sa.select(sa.func.max(tables.label_hours.c.start)).where(
            *of_monitor(tables.label_hours, model, version)
        )
        with reading(self._engine) as connection:
            found: datetime | None = connection.execute(statement).scalar()
        return found

    def note_hour(self, model: str, version: int, start: datetime, written: int) -> None:
        """Keep that the rows of an hour, as this writer wrote them, are in the figures."""
        row = {"model": model, "version": version, "start": start, "written": written}
        with writing(self._engine) as connection:
            upsert(connection, tables.label_hours, [row])

    def note_joined(
        self, model: str, version: int, up_to: Mapping[LabelPartition, int], days: Sequence[LabelDay]
    ) -> None:
        """Keep up to where labels are in the figures, and the days on which they came. Written again, nothing changes.

        Positions in one topic never go back: of two runs at the same time the one that saw more counts.
        """
        with writing(self._engine) as connection:
            known = _positions(connection, tables.label_joins, tables.label_joins.c.up_to, model, version)
            rows = [
                {"model": model, "version": version, **each._asdict(), "up_to": max(at, known.get(each, at))}
                for each, at in sorted(up_to.items())
            ]
            upsert(connection, tables.label_joins, rows)
            upsert(connection, tables.label_days, [_flat(day) for day in days])

    def days(self, model: str, version: int, since: date | None = None) -> list[LabelDay]:
        """Return the days on which labels of a model came, the oldest first."""
        conditions = of_monitor(tables.label_days, model, version)
        if since is not None:
            conditions.append(tables.label_days.c.day >= (since - EPOCH.date()).days)
        statement = sa.select(tables.label_days).where(*conditions).order_by(tables.label_days.c.day)
        return self._days(statement)

    def newest_days(self, model: str, version: int, *, limit: int) -> list[LabelDay]:
        """Return the newest days on which labels of a model came, however long ago they are, the oldest first."""
        c = tables.label_days.c
        of_model = of_monitor(tables.label_days, model, version)
        return self._days(sa.select(tables.label_days).where(*of_model).order_by(c.day.desc()).limit(limit))[::-1]

    def _days(self, statement: sa.Select[Any]) -> list[LabelDay]:
        with reading(self._engine) as connection:
            found = connection.execute(statement).mappings().all()
        return [LabelDay(**{**row, "day": (EPOCH + row["day"] * DAY).date()}) for row in found]


def _hold(connection: Connection, model: str, version: int, starts: Mapping[LabelPartition, int]) -> None:
    """Note from where on labels of a model are passed over, where that is not noted yet."""
    known = _positions(connection, tables.held_labels, tables.held_labels.c.from_offset, model, version)
    rows = [
        {"model": model, "version": version, **where._asdict(), "from_offset": start}
        for where, start in sorted(starts.items())
        if where not in known
    ]
    upsert(connection, tables.held_labels, rows)


def _positions(
    connection: Connection, table: sa.Table, at: sa.ColumnElement[int], model: str, version: int
) -> dict[LabelPartition, int]:
    statement = sa.select(table.c.topic_id, table.c.partition, at).where(*of_monitor(table, model, version))
    return {LabelPartition(row[0], row[1]): row[2] for row in connection.execute(statement)}


def _move(
    connection: Connection,
    namespace: str,
    partition: LabelPartition,
    before: int | None,
    after: int,
    *,
    now: datetime,
) -> None:
    c = tables.label_positions.c
    own = [c.namespace == namespace, c.topic_id == partition.topic_id, c.partition == partition.partition]
    stands = connection.execute(sa.select(c.up_to).where(*own).with_for_update()).scalar()
    if stands != before:
        raise Conflict(
            f"expected labels of {namespace}, partition {partition.partition}, to be kept up to where they were when "
            f"this run began, found that another run went on: nothing was noted; the next run goes on from there."
        )
    row = {"namespace": namespace, **partition._asdict(), "up_to": after, "at": now}
    upsert(connection, tables.label_positions, [row])


def _flat(day: LabelDay) -> dict[str, object]:
    values = {name: getattr(day, name) for name in day.__dataclass_fields__}
    return values | {"day": (day.day - EPOCH.date()).days}
