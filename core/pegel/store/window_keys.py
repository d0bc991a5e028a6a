"""Which final windows there are, and what came late for them, without what they counted: thousands in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.data.spans import Span
from pegel.longspans.window_sums import window_key
from pegel.store import tables
from pegel.store.database import reading
from pegel.store.seen_windows import is_seen
from pegel.store.statements import of_monitor


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A window as readers see it, without its counts.

    `final`: False for one that still takes rows. `key`: what tells it from others, `pegel.longspans.window_sums`.
    """

    span: Span
    segment: str
    final: bool
    key: str


class WindowKeys:
    """Reads what long spans are made of."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def windows(self, model: str, version: int, start: datetime, end: datetime) -> list[StoredWindow]:
        """Return the windows of all segments that lie in [start, end), in order of time."""
        c = tables.windows.c
        columns = (c.span_start, c.span_end, c.segment, c.final, c.revision, c.baseline_id, c.rows)
        statement = (
            sa.select(*columns)
            .where(
                *of_monitor(tables.windows, model, version),
                c.span_start >= start,
                c.span_end > start,
                c.span_end <= end,
                is_seen(final_only=False),
            )
            .order_by(c.span_start, c.span_end)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement)
            return [
                StoredWindow(span := Span(start, end), segment, final, window_key(span, *counted))
                for start, end, segment, final, *counted in rows
            ]

    def first(self, model: str, version: int) -> datetime | None:
        """Return when the oldest stored window of a monitor begins; None where it has none."""
        c = tables.windows.c
        statement = sa.select(c.span_start).where(*of_monitor(tables.windows, model, version), c.segment == "")
        with reading(self._engine) as connection:
            found: datetime | None = connection.execute(statement.order_by(c.span_end).limit(1)).scalar()
        return found

    def first_since(self, model: str, version: int, judged_since: datetime) -> datetime | None:
        """Return when the oldest window begins that was judged at an instant or later; None where none was."""
        c = tables.windows.c
        own = (*of_monitor(tables.windows, model, version), c.segment == "", c.emitted_at >= judged_since)
        statement = sa.select(c.span_start).where(*own).order_by(c.span_start).limit(1)
        with reading(self._engine) as connection:
            found: datetime | None = connection.execute(statement).scalar()
        return found

    def late(self, model: str, version: int, start: datetime, end: datetime) -> dict[datetime, int]:
        """Return the minutes of [start, end) for which events came late, and how many."""
        c = tables.ledger.c
        statement = (
            sa.select(c.minute, sa.func.sum(c.late))
            .where(*of_monitor(tables.ledger, model, version), c.minute >= start, c.minute < end, c.late > 0)
            .group_by(c.minute)
        )
        with reading(self._engine) as connection:
            return {minute: int(count) for minute, count in connection.execute(statement)}

    def read(self, model: str, version: int, start: datetime, end: datetime) -> int:
        """Return how many records of events in [start, end), whole minutes, were read and could be; late ones too."""
        c = tables.ledger.c
        statement = sa.select(sa.func.sum(c.judged + c.late)).where(
            *of_monitor(tables.ledger, model, version), c.minute >= start, c.minute < end
        )
        with reading(self._engine) as connection:
            return int(connection.execute(statement).scalar() or 0)
