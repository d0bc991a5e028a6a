"""Refreshes in the results database: what was known of a new baseline, and what became of it, by whom and why.

A refresh is opened when a new baseline was compared with the current one, and ends once. To promote is compare and
swap: what was compared is what is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from pegel.errors import Conflict, NotFound
from pegel.judge.refresh.review import RefreshReview
from pegel.store import tables
from pegel.store.baseline_store import current_baseline, promote
from pegel.store.database import in_turn, reading, writing
from pegel.store.refresh_tries import settle
from pegel.store.row_codec import decoded, readable
from pegel.store.statements import of_monitor

LISTED = 20
"""Refreshes that are listed, unless another limit is asked for."""
TURN = "refreshes"
"""One after the other opens and ends refreshes: of a yes and a no that come at once, only the first is heard."""


class RefreshEnd(StrEnum):
    """What became of a new baseline."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    """A person said no."""
    TIMED_OUT = "timed_out"
    """Nobody said anything in time."""
    CONFLICT = "conflict"
    """Another baseline was promoted meanwhile, so what was compared is not what would have been replaced."""
    LEFT = "left"
    """The spec, or what a person did before, says that it is not promoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """A new baseline, and the one that it was compared with. `end`: None while a person is asked.

    `recount`: the baseline of the new rows in the cells of the current one, which is kept as long as the refresh is
    open; None where there is none.
    """

    seq: int
    model: str
    version: int
    baseline_id: str
    compared_with: str
    review: RefreshReview
    at: datetime
    recount: str | None = None
    end: RefreshEnd | None = None
    ended_at: datetime | None = None
    by: str = ""
    why: str = ""


class RefreshStore:
    """Keeps refreshes of all models."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def open(
        self,
        model: str,
        version: int,
        baseline_id: str,
        compared_with: str,
        review: RefreshReview,
        *,
        now: datetime,
        recount: str | None = None,
        old: timedelta = timedelta.max,
    ) -> tuple[int, bool]:
        """Keep what is known of a new baseline; return its number, and whether it is news.

        While the same question is open, it is that one: nobody is asked twice. One that is open for longer than `old`
        is ended as TIMED_OUT, and asked anew.
        """
        pair = _Pair(model, version, baseline_id, compared_with)
        with writing(self._engine) as connection:
            in_turn(connection, TURN)
            asked = _open_question(connection, pair, now, old)
            if asked is not None:
                return asked, False
            return _opened(connection, pair, review, now=now, recount=recount), True

    def promote(
        self,
        model: str,
        version: int,
        baseline_id: str,
        compared_with: str,
        review: RefreshReview,
        *,
        by: str,
        why: str,
        now: datetime,
        old: timedelta = timedelta.max,
    ) -> tuple[RefreshEnd, str] | None:
        """Open a refresh that nobody is asked about and promote it, both or neither; return what became of it, and why.

        A process that dies meanwhile leaves nothing behind, and of two at once the second finds it promoted, and keeps
        no refresh of its own. None while the same question is open, for `old` at most: a person is asked.
        """
        pair = _Pair(model, version, baseline_id, compared_with)
        with writing(self._engine) as connection:
            in_turn(connection, TURN)
            if _open_question(connection, pair, now, old) is not None:
                return None
            if current_baseline(connection, model, version) == baseline_id:
                return RefreshEnd.PROMOTED, "it is the current one already"
            seq = _opened(connection, pair, review, now=now)
            ended = _ended(connection, _get(connection, seq), RefreshEnd.PROMOTED, by=by, why=why, now=now)
            return RefreshEnd(ended.end or RefreshEnd.PROMOTED), ended.why

    def get(self, seq: int) -> Refresh:
        """Return a refresh. Raises NotFound, DamagedRow."""
        with reading(self._engine) as connection:
            return _get(connection, seq)

    def end(self, seq: int, end: RefreshEnd, *, by: str, why: str, now: datetime) -> Refresh:
        """End a refresh, once: PROMOTED promotes its baseline in the same transaction, and is CONFLICT where it cannot.

        Returns what became of it, which is what another one said if that came first. Raises NotFound, DamagedRow.
        """
        with writing(self._engine) as connection:
            in_turn(connection, TURN)
            found = _get(connection, seq)
            if found.end is not None:
                return found
            return _ended(connection, found, end, by=by, why=why, now=now)

    def list(self, model: str, version: int, *, limit: int = LISTED, damaged: list[str] | None = None) -> list[Refresh]:
        """Return the newest refreshes of a model version, newest first.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        t = tables.refreshes
        statement = sa.select(t).where(*of_monitor(t, model, version)).order_by(t.c.seq.desc()).limit(limit)
        with reading(self._engine) as connection:
            return readable(_refresh, connection.execute(statement).mappings().all(), damaged)


class _Pair(NamedTuple):
    """A new baseline of a model version, and the one that it was compared with."""

    model: str
    version: int
    baseline_id: str
    compared_with: str


def _open_question(connection: Connection, pair: _Pair, now: datetime, old: timedelta) -> int | None:
    """Return the number of the same question while it is open; one that is older than `old` is ended."""
    t = tables.refreshes
    same = (t.c.baseline_id == pair.baseline_id, t.c.compared_with == pair.compared_with, t.c.end.is_(None))
    asked = sa.select(t.c.seq, t.c.at).where(*of_monitor(t, pair.model, pair.version), *same).order_by(t.c.seq.desc())
    found = connection.execute(asked).first()
    if found is None:
        return None
    if now - found.at <= old:
        return int(found.seq)
    forgotten = {"end": RefreshEnd.TIMED_OUT.value, "ended_at": now, "why": "nobody was asked any more"}
    connection.execute(sa.update(t).where(t.c.seq == found.seq).values(forgotten))
    return None


def _opened(
    connection: Connection, pair: _Pair, review: RefreshReview, *, now: datetime, recount: str | None = None
) -> int:
    t = tables.refreshes
    row = {**pair._asdict(), "recount": recount, "review": review.to_json(), "at": now}
    row |= {"end": None, "ended_at": None, "by": "", "why": ""}
    return int(connection.execute(sa.insert(t).values(row).returning(t.c.seq)).scalar_one())


def _ended(connection: Connection, found: Refresh, end: RefreshEnd, *, by: str, why: str, now: datetime) -> Refresh:
    if end is RefreshEnd.PROMOTED:
        end, why = _promoted(connection, found, by=by, why=why, now=now)
    t = tables.refreshes
    values: dict[str, Any] = {"end": end.value, "ended_at": now, "by": by, "why": why}
    connection.execute(sa.update(t).where(t.c.seq == found.seq).values(values))
    if end is not RefreshEnd.TIMED_OUT:
        # Where nobody answered, nothing is decided.
        settle(connection, found.model, found.version, now)
    return _get(connection, found.seq)


def _promoted(connection: Connection, found: Refresh, *, by: str, why: str, now: datetime) -> tuple[RefreshEnd, str]:
    names = (found.model, found.version, found.baseline_id, found.compared_with)
    try:
        promote(connection, *names, by=by, why=why, now=now)
    except Conflict as error:
        return RefreshEnd.CONFLICT, str(error)
    return RefreshEnd.PROMOTED, why


def _get(connection: Connection, seq: int) -> Refresh:
    row = connection.execute(sa.select(tables.refreshes).where(tables.refreshes.c.seq == seq)).mappings().first()
    if row is None:
        raise NotFound(f"the results database keeps no refresh {seq}; nothing was promoted.")
    return _refresh(row)


def _refresh(columns: RowMapping) -> Refresh:
    return decoded(_read, columns, f"refresh {columns['seq']} of {columns['model']}/{columns['version']}")


def _read(columns: RowMapping) -> Refresh:
    values: dict[str, Any] = dict(columns)
    values["review"] = RefreshReview.from_json(values["review"])
    values["end"] = None if values["end"] is None else RefreshEnd(values["end"])
    return Refresh(**values)
