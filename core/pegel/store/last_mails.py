"""When each address was sent its last message, kept from one pass to the next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import DamagedRow
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import fetched
from pegel.store.statements import upsert


class LastMails:
    """One row for each address."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def of(self, addresses: Iterable[str]) -> dict[str, datetime]:
        """Return when these addresses were sent their last message; none that never was.

        A row that cannot be read holds back no mail: it is left out.
        """
        c, found = tables.last_mails.c, dict[str, datetime]()
        with reading(self._engine) as connection:
            for address in sorted(set(addresses)):
                statement = sa.select(c.sent_at).where(c.address == address)
                for row in fetched(connection, statement, "when an address was sent its last mail"):
                    if not isinstance(row, DamagedRow):
                        found[address] = row["sent_at"]
        return found

    def sent(self, address: str, at: datetime) -> None:
        """Note that an address was sent a message."""
        with writing(self._engine) as connection:
            upsert(connection, tables.last_mails, [{"address": address, "sent_at": at}])
