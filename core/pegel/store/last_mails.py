"""When each address was sent its last message, and what waits for company, kept from one pass to the next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.gathering import Addressee
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

    def of(self, addresses: Iterable[str]) -> dict[str, Addressee]:
        """Return what is known of these addresses; nothing of one that was never written to.

        A row that cannot be read holds back no mail: it is left out.
        """
        c, found = tables.last_mails.c, dict[str, Addressee]()
        with reading(self._engine) as connection:
            for address in sorted(set(addresses)):
                statement = sa.select(c.sent_at, c.waiting_since).where(c.address == address)
                for row in fetched(connection, statement, "when an address was sent its last mail"):
                    if not isinstance(row, DamagedRow):
                        found[address] = Addressee(row["sent_at"], row["waiting_since"])
        return found

    def sent(self, address: str, at: datetime) -> None:
        """Note that an address was sent a message: nothing waits any more."""
        self._note(address, at, None)

    def waits(self, address: str, known: Addressee, since: datetime) -> None:
        """Note since when something waits for company that is due to an address."""
        self._note(address, known.sent_at, since)

    def _note(self, address: str, sent_at: datetime | None, waiting_since: datetime | None) -> None:
        row = {"address": address, "sent_at": sent_at, "waiting_since": waiting_since}
        with writing(self._engine) as connection:
            upsert(connection, tables.last_mails, [row])
