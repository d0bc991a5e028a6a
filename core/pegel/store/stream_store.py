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
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.offsets import advance_offsets, forget_partitions, stored_offsets
from pegel.store.row_codec import flat
from pegel.store.statements import add, insert_into, upsert
from pegel.store.stream_state import restored_failures, restored_panes, restored_states, write_state
from pegel.store.window_writes import add_late, write_windows
from pegel.stream.commit import Claim, Commit, DamagedState, ReadRange, Restored
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
        first = {"group": group, "generation": generation, "token": token, "open_claims": 1, "claimed_at": now}
        c, new = tables.claims.c, insert.excluded
        statement = insert.values(first).on_conflict_do_update(
            index_elements=[c.group],
            set_={
                "generation": new.generation,
                "token": new.token,
                "open_claims": c.open_claims + 1,
                "claimed_at": new.claimed_at,
            },
            where=c.generation <= new.generation,
        )
        with writing(self._engine) as connection:
            open_claims = connection.execute(statement.returning(c.open_claims)).scalar()
            if open_claims is None:
                holder = connection.execute(sa.select(c.generation).where(c.group == group)).scalar()
                raise Superseded(
                    f"group {group}: expected to claim it for generation {generation}; generation {holder} holds it. "
                    f"This driver ends and writes nothing."
                )
        return Claim(group=group, generation=generation, token=token, deaths=open_claims - 1)

    def restore(self, claim: Claim) -> Restored:
        """Return what is known of the group: where to go on, and what was open. Raises Superseded."""
        with reading(self._engine) as connection:
            _check(connection, claim)
            damaged: list[DamagedState] = []
            return Restored(
                offsets=stored_offsets(connection, claim.group),
                states=restored_states(connection, claim.group),
                pane_parts=restored_panes(connection, claim.group, damaged),
                failures=restored_failures(connection, claim.group, damaged),
                damaged=damaged,
            )

    def commit(self, claim: Claim, commit: Commit, now: datetime) -> None:
        """Write everything that a batch leaves, or nothing.

        Raises Superseded if another driver claimed the group, Conflict if a range of offsets was read before (the
        batch is a repetition: restore, then go on), Unavailable if the database does not answer.
        """
        with writing(self._engine) as connection:
            _fence(connection, claim, {"open_claims": 1, "committed_at": now})
            advance_offsets(connection, claim.group, commit.read, now)
            upsert(connection, tables.gaps, [_of_group(claim, flat(gap)) for gap in commit.gaps])
            upsert(connection, tables.set_aside, [_of_group(claim, flat(record)) for record in commit.set_aside])
            add(connection, tables.arrivals, [_of_group(claim, flat(row)) for row in commit.arrivals])
            write_windows(connection, commit.windows, commit.findings)
            add_late(connection, commit.late)
            upsert(connection, tables.outliers, [flat(row) for row in commit.outliers])
            add(connection, tables.ledger, [_of_group(claim, flat(row)) for row in commit.ledger])
            add(connection, tables.invalid, [flat(row) for row in commit.invalid], keep=("sample",))
            write_state(connection, claim.group, commit, now)

    def heartbeat(self, claim: Claim, beat: Heartbeat) -> None:
        """Store what a driver says of itself. Raises Superseded if another one claimed its group."""
        with writing(self._engine) as connection:
            _check(connection, claim)
            upsert(connection, tables.heartbeats, [flat(beat)])

    def release(self, claim: Claim) -> None:
        """Say that the driver ends cleanly: its end is no death. A claim that was lost meanwhile is left alone."""
        with writing(self._engine) as connection:
            statement = sa.update(tables.claims).where(*_is_held_by(claim)).values(open_claims=0)
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
    statement = sa.update(tables.claims).where(*_is_held_by(claim)).values(values or {"token": claim.token})
    if connection.execute(statement).rowcount == 0:
        raise _superseded(claim)


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
