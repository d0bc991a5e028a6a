"""Groups that were seen to be watched by nobody, kept from one look to the next."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.unwatched import Unwatched
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import upsert


class UnwatchedGroups:
    """One row for each such group."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def all(self, *, damaged: dict[str, str]) -> dict[str, Unwatched]:
        """Return them by group. What cannot be read is left out, and its reason put into `damaged` by group."""
        c, groups = tables.unwatched_groups.c, dict[str, Unwatched]()
        columns = (c.group, c.since, c.mailed_at, c.told)
        with reading(self._engine) as connection:
            # One by one, so that a row that cannot be read at all is known by its group.
            for group in connection.execute(sa.select(c.group).order_by(c.group)).scalars().all():
                what, problems = f"what is known of the unwatched group {group}", list[str]()
                rows = fetched(connection, sa.select(*columns).where(c.group == group), what)
                groups |= {row.group: row for row in readable(partial(_unwatched, what), rows, problems)}
                damaged |= dict.fromkeys([group] if problems else [], "; ".join(problems))
        return groups

    def keep(self, unwatched: Unwatched) -> None:
        """Keep what is known of a group in place of what was."""
        row = {
            "group": unwatched.group,
            "since": unwatched.since,
            "mailed_at": unwatched.mailed_at,
            "told": list(unwatched.told),
        }
        with writing(self._engine) as connection:
            upsert(connection, tables.unwatched_groups, [row])

    def forget(self, group: str) -> None:
        """Keep nothing of a group."""
        with writing(self._engine) as connection:
            connection.execute(sa.delete(tables.unwatched_groups).where(tables.unwatched_groups.c.group == group))


def _unwatched(what: str, row: sa.RowMapping) -> Unwatched:
    return decoded(lambda columns: typed(Unwatched, dict(columns) | {"told": tuple(columns["told"])}), row, what)
