"""The log of what reconciling did and why: read by people, and by the planner to notice crash loops."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.reconcile.actions import MOVES, Action, ActionKind, PastAction, Target
from pegel.store import tables
from pegel.store.database import in_turn, reading, writing
from pegel.store.row_codec import decoded, readable

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
            in_turn(connection, "actions")
            for action in actions:
                if action.kind is ActionKind.KEEP or _is_repetition(connection, action):
                    continue
                row = {
                    "target": str(action.target),
                    "kind": action.kind.value,
                    "reason": action.reason,
                    "generation": action.generation,
                    "at": now,
                }
                connection.execute(sa.insert(tables.actions).values(row))
                added += 1
        return added

    def history(self, now: datetime) -> list[PastAction]:
        """Return what the planner needs: the actions of the last `LOOK_BACK`, oldest first.

        A line that cannot be read is left out: it must not keep everything else from being reconciled.
        """
        return self._read(tables.actions.c.at > now - LOOK_BACK, limit=None)

    def recent(self, *targets: Target, limit: int = 50) -> list[PastAction]:
        """Return the newest actions about these targets, or about all if none is named, oldest first.

        Lines that cannot be read are left out.
        """
        names = [str(target) for target in targets]
        condition = tables.actions.c.target.in_(names) if names else sa.true()
        return self._read(condition, limit=limit)

    def _read(self, condition: sa.ColumnElement[bool], limit: int | None) -> list[PastAction]:
        c = tables.actions.c
        columns = (c.target, c.kind, c.reason, c.generation, c.at)
        statement = sa.select(*columns).where(condition).order_by(c.seq.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(statement).mappings().all()
        return readable(_past, reversed(rows), damaged=[])


def _past(row: sa.RowMapping) -> PastAction:
    return decoded(_past_action, row, "a line of the log of actions")


def _past_action(row: sa.RowMapping) -> PastAction:
    return PastAction(**(dict(row) | {"kind": ActionKind(row["kind"]), "target": Target.parse(row["target"])}))


def _is_repetition(connection: Connection, action: Action) -> bool:
    """Say whether the target's last line says the same already."""
    if action.kind in MOVES:
        return False
    c = tables.actions.c
    statement = sa.select(c.kind, c.reason).where(c.target == str(action.target)).order_by(c.seq.desc()).limit(1)
    last = connection.execute(statement).first()
    return last is not None and tuple(last) == (action.kind.value, action.reason)
