"""The log of what reconciling did and why: read by people, and by the planner to notice crash loops."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.reconcile.actions import MOVES, Action, Kind, PastAction
from pegel.store import tables
from pegel.store.database import reading, writing

LOOK_BACK = timedelta(days=1)
"""How far back the planner looks; far beyond the longest wait of a crash loop."""


class ActionLog:
    """Keeps every move, and each reason for not moving once."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def record(self, actions: Iterable[Action], now: datetime) -> int:
        """Write down what was done at `now`; return how many lines were added.

        Keep is not news. Hold and Quarantine are written when they begin or change their reason, not each minute.
        """
        added = 0
        with writing(self._engine) as connection:
            for action in actions:
                if action.kind is Kind.KEEP or _is_repetition(connection, action):
                    continue
                row = {
                    "group": action.group,
                    "kind": action.kind.value,
                    "reason": action.reason,
                    "generation": action.generation,
                    "at": now,
                }
                connection.execute(sa.insert(tables.actions).values(row))
                added += 1
        return added

    def history(self, now: datetime) -> list[PastAction]:
        """Return what the planner needs: the actions of the last `LOOK_BACK`, oldest first."""
        return self._read(tables.actions.c.at > now - LOOK_BACK, limit=None)

    def recent(self, group: str | None = None, *, limit: int = 50) -> list[PastAction]:
        """Return the newest actions of one group, or of all, oldest first."""
        condition = sa.true() if group is None else tables.actions.c.group == group
        return self._read(condition, limit=limit)

    def _read(self, condition: sa.ColumnElement[bool], limit: int | None) -> list[PastAction]:
        c = tables.actions.c
        columns = (c.group, c.kind, c.reason, c.generation, c.at)
        statement = sa.select(*columns).where(condition).order_by(c.seq.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(statement).mappings().all()
        return [PastAction(**(dict(row) | {"kind": Kind(row["kind"])})) for row in reversed(rows)]


def _is_repetition(connection: Connection, action: Action) -> bool:
    """Say whether the group's last line says the same already."""
    if action.kind in MOVES:
        return False
    c = tables.actions.c
    statement = sa.select(c.kind, c.reason).where(c.group == action.group).order_by(c.seq.desc()).limit(1)
    last = connection.execute(statement).first()
    return last is not None and tuple(last) == (action.kind.value, action.reason)
