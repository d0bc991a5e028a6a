"""Until when each digest has told, kept from one pass to the next."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.digest import Subscription
from pegel.errors import DamagedRow
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import fetched
from pegel.store.statements import upsert


class DigestTimes:
    """One row for each addressee and time of a week."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def last(self, of: Subscription) -> datetime | None:
        """Return until when its digests have told; None where there was none, or that cannot be read."""
        c = tables.digests.c
        statement = sa.select(c.until).where(c.address == of.address, c.every == of.every)
        with reading(self._engine) as connection:
            rows = list(fetched(connection, statement, "until when a digest has told"))
        return next((row["until"] for row in rows if not isinstance(row, DamagedRow)), None)

    def told(self, of: Subscription, until: datetime) -> None:
        """Note until when its digests have told."""
        with writing(self._engine) as connection:
            upsert(connection, tables.digests, [{"address": of.address, "every": of.every, "until": until}])
