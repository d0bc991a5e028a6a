"""The state of streaming drivers: who may write for a group, what was read, and everything that came of it.

One transaction per batch carries results, open panes, states and the offsets read up to. It begins by asking whether
its writer still holds the group, so two drivers of one group never both write, and a driver that is killed anywhere
leaves a whole batch or none of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.errors import Superseded
from pegel.store import tables, window_journal
from pegel.store.attribution_store import write_attributions
from pegel.store.database import reading, writing
from pegel.store.inboxes import insert_findings
from pegel.store.offsets import advance_offsets, forget_partitions, stored_offsets
from pegel.store.row_codec import flat
from pegel.store.statements import add, insert_into, upsert
from pegel.store.stream_state import (
    damaged_changes,
    restored_failures,
    restored_panes,
    restored_states,
    write_state,
)
from pegel.store.window_writes import add_late, write_single_findings, write_windows
from pegel.stream.commit import Claim, Commit, ReadRange, Restored
from pegel.stream.result_rows import Heartbeat

FORGET_PARTITIONS_AFTER = timedelta(days=28)
"""How long the offsets of a partition that is not there are kept: four times Kafka's usual retention, after which
nothing of what was read is left on the topic to be read twice."""


class StreamStore:
    """Keeps what the drivers of all groups know. Methods that write raise Unavailable and then left nothing behind."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def claim(self, group: str, generation: int, now: datetime) -> Claim:
        """Take the group over from whoever held it. Raises Superseded if a newer generation holds it."""
        token = secrets.token_hex(16)
        insert = insert_into(self._engine.dialect, tables.claims)
        first = {"group": group, "generation": generation, "token": token, "unfinished_reads": 0, "claimed_at": now}
        c, new = tables.claims.c, insert.excluded
        statement = insert.values(first).on_conflict_do_update(
            index_elements=[c.group],
            set_={
                "generation": new.generation,
                "token": new.token,
                "claimed_at": new.claimed_at,
            },
            where=c.generation <= new.generation,
        )
        with writing(self._engine) as connection:
            deaths = connection.execute(statement.returning(c.unfinished_reads)).scalar()
            if deaths is None:
                holder = connection.execute(sa.select(c.generation).where(c.group == group)).scalar()
                raise Superseded(
                    f"group {group}: expected to claim it for generation {generation}; generation {holder} holds it. "
                    f"This driver ends and writes nothing."
                )
        return Claim(group=group, generation=generation, token=token, deaths=deaths)

    def restore(self, claim: Claim) -> Restored:
        """Return what is known of the group: where to go on, and what was open. Raises Superseded."""
        with reading(self._engine) as connection:
            _check(connection, claim)
            changes = window_journal.read(connection, claim.group)
            states = restored_states(connection, claim.group, changes)
            damaged = damaged_changes(connection, claim.group, changes, states)
            return Restored(
                offsets=stored_offsets(connection, claim.group),
                states=states,
                pane_parts=restored_panes(connection, claim.group, changes, damaged),
                failures=restored_failures(connection, claim.group, damaged),
                damaged=damaged,
            )

    def begin_to_read(self, claim: Claim) -> None:
        """Note that a driver reads its first records: ending before it commits is a death from now on.

        Raises Superseded if another driver claimed the group.
        """
        with writing(self._engine) as connection:
            _fence(connection, claim, {"unfinished_reads": tables.claims.c.unfinished_reads + 1})

    def commit(self, claim: Claim, commit: Commit, now: datetime, *, mark: str | None = None) -> bool:
        """Write everything that a batch leaves, or nothing. Returns whether it was written now.

        `mark`: by what the commit is known again. Where the last one has the same, an earlier try brought it through
        although its answer was lost, and nothing is written. Raises Superseded if another driver claimed the group,
        Conflict if a range of offsets was read before (the batch is a repetition: restore, then go on), Unavailable if
        the database does not answer.
        """
        with writing(self._engine) as connection:
            # Asked by whoever holds the row: the earlier try may be on its way still.
            is_new = () if mark is None else (tables.claims.c.last_commit.is_distinct_from(mark),)
            values = {"unfinished_reads": 1, "committed_at": now, "last_commit": mark}
            if not _locks(connection, claim, values, *is_new):
                _check(connection, claim)
                return False
            advance_offsets(connection, claim.group, commit.read, now)
            upsert(connection, tables.gaps, [_of_group(claim, flat(gap)) for gap in commit.gaps])
            upsert(connection, tables.set_aside, [_of_group(claim, flat(record)) for record in commit.set_aside])
            add(connection, tables.arrivals, [_of_group(claim, flat(row)) for row in commit.arrivals])
            write_windows(connection, commit.windows, commit.findings)
            write_attributions(connection, commit.attributions, commit.learned)
            insert_findings(connection, commit.of_attributions)
            write_single_findings(connection, commit.extremes)
            add_late(connection, commit.late)
            upsert(connection, tables.outliers, [flat(row) for row in commit.outliers])
            add(connection, tables.ledger, [_of_group(claim, flat(row)) for row in commit.ledger])
            add(connection, tables.invalid, [flat(row) for row in commit.invalid], keep=("sample",))
            write_state(connection, claim.group, commit, now)
        return True

    def heartbeat(self, claim: Claim, beat: Heartbeat) -> None:
        """Store what a driver says of itself. Raises Superseded if another one claimed its group."""
        with writing(self._engine) as connection:
            _check(connection, claim)
            upsert(connection, tables.heartbeats, [flat(beat)])

    def release(self, claim: Claim) -> None:
        """Say that the driver ends cleanly: its end is no death. A claim that was lost meanwhile is left alone."""
        with writing(self._engine) as connection:
            statement = sa.update(tables.claims).where(*_is_held_by(claim)).values(unfinished_reads=0)
            connection.execute(statement)

    def partitions_present(self, claim: Claim, present: Iterable[tuple[str, int]], now: datetime) -> list[ReadRange]:
        """Note which partitions the group's topics have now; forget those missing for `FORGET_PARTITIONS_AFTER`.

        Returns the last ranges of those forgotten. One that comes back after that begins at its start.
        """
        with writing(self._engine) as connection:
            _fence(connection, claim, {})
            return forget_partitions(connection, claim.group, present, now=now, before=now - FORGET_PARTITIONS_AFTER)


def _fence(connection: Connection, claim: Claim, values: dict[str, Any]) -> None:
    """Lock the group's claim until the transaction ends. Raises Superseded if it is another's by now."""
    if not _locks(connection, claim, values):
        raise _superseded(claim)


def _locks(connection: Connection, claim: Claim, values: dict[str, Any], *where: sa.ColumnElement[bool]) -> bool:
    """Lock the group's claim where it is held and `where` is true of it, until the transaction ends; say if it is."""
    statement = sa.update(tables.claims).where(*_is_held_by(claim), *where).values(values or {"token": claim.token})
    return connection.execute(statement).rowcount > 0


def _check(connection: Connection, claim: Claim) -> None:
    """Raise Superseded if the group's claim is another's by now; nobody waits for it."""
    if connection.execute(sa.select(tables.claims.c.group).where(*_is_held_by(claim))).first() is None:
        raise _superseded(claim)


def _is_held_by(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    c = tables.claims.c
    return (c.group == claim.group, c.generation == claim.generation, c.token == claim.token)


def _superseded(claim: Claim) -> Superseded:
    return Superseded(
        f"group {claim.group}: expected the claim of generation {claim.generation} to hold; another driver claimed the "
        f"group. This driver ends; nothing was written."
    )


def _of_group(claim: Claim, columns: dict[str, Any]) -> dict[str, Any]:
    return {"group": claim.group} | columns
