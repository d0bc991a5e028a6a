"""The log of what reconciling did and why: read by people, and by the planner to notice crash loops."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.reconcile.actions import MOVES, Action, ActionKind, PastAction, Target
from pegel.store import tables
from pegel.store.database import in_turn, reading, writing
from pegel.store.row_codec import decoded, fetched, readable, typed

LOOK_BACK = timedelta(days=1)
"""How far back the planner looks; far beyond the longest wait of a crash loop."""
LINE = "a line of the log of actions"


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

    def history(self, now: datetime, damaged: list[str] | None = None) -> list[PastAction]:
        """Return what the planner needs: the actions of the last `LOOK_BACK`, oldest first.

        Raises DamagedRow; with a list `damaged`, lines that cannot be read are left out and named there.
        """
        return self._read(tables.actions.c.at > now - LOOK_BACK, None, damaged)

    def recent(self, *targets: Target, limit: int = 50, damaged: list[str] | None = None) -> list[PastAction]:
        """Return the newest actions about these targets, or about all if none is named, oldest first.

        Raises DamagedRow; with a list `damaged`, lines that cannot be read are left out and named there.
        """
        names = [str(target) for target in targets]
        condition = tables.actions.c.target.in_(names) if names else sa.true()
        return self._read(condition, limit, damaged)

    def _read(
        self, condition: sa.ColumnElement[bool], limit: int | None, damaged: list[str] | None
    ) -> list[PastAction]:
        c = tables.actions.c
        columns = (c.target, c.kind, c.reason, c.generation, c.at)
        statement = sa.select(*columns).where(condition).order_by(c.seq.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, LINE)
        return readable(_past, reversed(rows), damaged)


def _past(row: sa.RowMapping) -> PastAction:
    return decoded(_past_action, row, LINE)


def _past_action(row: sa.RowMapping) -> PastAction:
    parsed = {"kind": ActionKind(row["kind"]), "target": Target.parse(row["target"])}
    return typed(PastAction, dict(row) | parsed)


def _is_repetition(connection: Connection, action: Action) -> bool:
    """Say whether the target's last line says the same already."""
    if action.kind in MOVES:
        return False
    c = tables.actions.c
    statement = sa.select(c.kind, c.reason).where(c.target == str(action.target)).order_by(c.seq.desc()).limit(1)
    last = connection.execute(statement).first()
    return last is not None and tuple(last) == (action.kind.value, action.reason)
