"""How the newest refresh of each model ended: whether its baseline is settled, or since when one was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import typed
from pegel.store.rows_by_key import keyed_rows
from pegel.store.statements import of_monitor, upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTry:
    """What the newest refresh of a model version came to."""

    model: str
    version: int
    tried_at: datetime
    settled_at: datetime | None
    """When the baseline in force was last found to be that of its training data, was promoted, or a person decided."""
    refused_since: datetime | None
    """When the first refresh was refused, failed or left to a person since then; None: the newest one was settled."""
    tells_from: datetime | None
    """From when on that is worth an alert; None as above."""
    reason: str
    """Why the newest one was not settled; empty if it was."""


class RefreshTries:
    """One row for each model version that was ever refreshed."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def all(self, *, damaged: dict[tuple[str, int], str]) -> dict[tuple[str, int], RefreshTry]:
        """Return them by model version. What cannot be read is left out, its reason put into `damaged`."""
        what = "how the newest refresh of {model}/{version} ended"
        rows = keyed_rows(self._engine, tables.refresh_tries, _try, what, damaged)
        return {(row.model, row.version): row for row in rows}

    def settled(self, model: str, version: int, now: datetime) -> None:
        """Note that a refresh found nothing to change, or changed it, or that a person decided."""
        with writing(self._engine) as connection:
            settle(connection, model, version, now)

    def refused(self, model: str, version: int, now: datetime, reason: str, *, after: timedelta) -> None:
        """Note that a refresh was not settled and why; it is worth an alert `after` so long, if none was before."""
        with writing(self._engine) as connection:
            of_model = sa.select(tables.refresh_tries).where(*of_monitor(tables.refresh_tries, model, version))
            known = connection.execute(of_model).mappings().first()
            before = {} if known is None else dict(known)
            since, tells_from = before.get("refused_since") or now, before.get("tells_from") or now + after
            row = {"model": model, "version": version, "tried_at": now, "settled_at": before.get("settled_at")}
            row |= {"refused_since": since, "tells_from": min(tells_from, now + after), "reason": reason}
            upsert(connection, tables.refresh_tries, [row])


def settle(connection: Connection, model: str, version: int, now: datetime) -> None:
    """Do what `RefreshTries.settled` does, in a transaction that is open."""
    row: dict[str, Any] = {"model": model, "version": version, "tried_at": now, "settled_at": now}
    upsert(connection, tables.refresh_tries, [row | {"refused_since": None, "tells_from": None, "reason": ""}])


def in_force_since(engine: Engine) -> dict[tuple[str, int], datetime]:
    """Return when the baseline in force of every model version took its place, in one query."""
    c, current = tables.promotions.c, tables.current_baselines.c
    newest = sa.select(sa.func.max(c.seq).label("seq")).group_by(c.model, c.version).subquery()
    found = sa.select(c.model, c.version, c.at).join(newest, newest.c.seq == c.seq)
    of_current = found.join(tables.current_baselines, (current.model == c.model) & (current.version == c.version))
    with reading(engine) as connection:
        return {(row.model, row.version): row.at for row in connection.execute(of_current)}


def _try(row: RowMapping) -> RefreshTry:
    return typed(RefreshTry, dict(row))
