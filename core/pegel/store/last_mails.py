"""When each addressee was sent its last message, what waits for company, and who cannot be reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.gathering import Addressee
from pegel.errors import DamagedRow
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import fetched
from pegel.store.statements import upsert

_NOTHING: dict[str, Any] = {"sent_at": None, "waiting_since": None, "failing_since": None, "tries": 0, "why": ""}


@dataclass(frozen=True, slots=True)
class Unreached:
    """An addressee to which nothing gets since an instant: how often it was tried, and why that last failed."""

    address: str
    since: datetime
    tries: int
    why: str


class LastMails:
    """One row for each addressee."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def of(self, addresses: Iterable[str]) -> dict[str, Addressee]:
        """Return what is known of these addressees; nothing of one that was never written to.

        A row that cannot be read holds back no mail: it is left out.
        """
        wanted = set(addresses)
        rows = self._rows() if wanted else {}
        known = {address: row for address, row in rows.items() if address in wanted}
        return {address: Addressee(row["sent_at"], row["waiting_since"]) for address, row in known.items()}

    def unreached(self) -> list[Unreached]:
        """Return who cannot be reached now, by name; what cannot be read is left out."""
        rows = self._rows(tables.last_mails.c.failing_since.is_not(None))
        return [Unreached(at, row["failing_since"], row["tries"], row["why"]) for at, row in rows.items()]

    def waiting(self) -> dict[str, datetime]:
        """Return since when something waits for company, by address; what is no instant is left out."""
        c = tables.last_mails.c
        statement = sa.select(c.address, c.waiting_since).where(c.waiting_since.is_not(None)).order_by(c.address)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, "what waits for company")
        return {row["address"]: row["waiting_since"] for row in rows if not isinstance(row, DamagedRow)}

    def sent(self, address: str, at: datetime) -> None:
        """Note that an addressee was sent a message: nothing waits any more, and it can be reached."""
        self._note(address, {**_NOTHING, "sent_at": at})

    def waits(self, address: str, since: datetime) -> None:
        """Note since when something waits for company that is due to an addressee."""
        self._note(address, {**(self._row(address) or _NOTHING), "waiting_since": since})

    def failed(self, address: str, at: datetime, why: str) -> None:
        """Count a message that was not accepted, and may be later."""
        known = self._row(address) or _NOTHING
        since = known["failing_since"] or at
        self._note(address, {**known, "failing_since": since, "tries": known["tries"] + 1, "why": why})

    def answered(self, address: str) -> None:
        """Note that an addressee can be reached, whatever it makes of a message."""
        known = self._row(address)
        if known is not None and known["failing_since"] is not None:
            self._note(address, {**known, "failing_since": None, "tries": 0, "why": ""})

    def _row(self, address: str) -> dict[str, Any] | None:
        """Return what is kept of an addressee; None without anything that can be read."""
        return self._rows(tables.last_mails.c.address == address).get(address)

    def _rows(self, *conditions: sa.ColumnElement[bool]) -> dict[str, dict[str, Any]]:
        """Return what is kept by address, by name; what cannot be read is left out."""
        c = tables.last_mails.c
        statement = sa.select(c.address, *(c[name] for name in _NOTHING)).where(*conditions).order_by(c.address)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, "when an address was sent its last mail")
        known = [dict(row) for row in rows if not isinstance(row, DamagedRow)]
        return {row.pop("address"): row for row in known}

    def _note(self, address: str, row: dict[str, Any]) -> None:
        with writing(self._engine) as connection:
            upsert(connection, tables.last_mails, [{"address": address, **row}])
