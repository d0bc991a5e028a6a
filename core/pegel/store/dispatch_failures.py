"""What could not be told to people, and why: kept, so that it is seen where a mail is missed."""

from __future__ import annotations

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.alert import DispatchFailure
from pegel.store import tables
from pegel.store.database import in_turn, reading, writing
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import of_monitor

OBJECT_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+\b")
"""In the words of an error that names an object: another one in each process, of the same failure."""


class DispatchFailures:
    """The failures of the dispatcher, by monitor."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def record(self, model: str, version: int, reason: str, now: datetime) -> bool:
        """Write down what went wrong at `now`; a reason it had before is counted. Say whether it is new.

        Addresses of objects are left out of the reason, so that the same failure reads the same each time.
        """
        reason = OBJECT_ADDRESS.sub("0x...", reason)
        c = tables.dispatch_failures.c
        same = sa.select(c.seq).where(*of_monitor(tables.dispatch_failures, model, version), c.reason == reason)
        with writing(self._engine) as connection:
            in_turn(connection, "dispatch failures")
            known = connection.execute(same).scalar()
            if known is not None:
                again = sa.update(tables.dispatch_failures).where(c.seq == known)
                connection.execute(again.values(at=now, times=c.times + 1))
                return False
            row = {"model": model, "version": version, "reason": reason, "first_at": now, "at": now, "times": 1}
            connection.execute(sa.insert(tables.dispatch_failures).values(row))
        return True

    def recent(
        self,
        model: str | None = None,
        version: int | None = None,
        since: datetime | None = None,
        *,
        limit: int = 50,
        damaged: list[str] | None = None,
    ) -> list[DispatchFailure]:
        """Return the newest failures, of those after `since`, newest first.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        c = tables.dispatch_failures.c
        conditions = of_monitor(tables.dispatch_failures, model, version) + ([] if since is None else [c.at > since])
        columns = (c.model, c.version, c.reason, c.first_at, c.at, c.times)
        statement = sa.select(*columns).where(*conditions).order_by(c.at.desc(), c.seq.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, "a record of what was not told")
        return readable(_failure, rows, damaged)


def _failure(row: sa.RowMapping) -> DispatchFailure:
    what = f"a record of what was not told of {row['model']}/{row['version']}"
    return decoded(lambda columns: typed(DispatchFailure, columns), row, what)
