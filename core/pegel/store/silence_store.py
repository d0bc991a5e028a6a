"""Silences in the database: who wants no mails about what, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.alerts.any_kind import any_kind
from pegel.alerts.maintenance import Maintenance
from pegel.alerts.matcher import Matcher
from pegel.alerts.silencing import Silence, SilenceState
from pegel.errors import DamagedRow, NotFound
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import decoded, fetched, readable, typed

MOST_SILENCES = 500
"""The newest that are read: whoever has so many in force knows no more what is quiet, and the oldest hold back none."""
_ABOUT = ("model", "version", "segment", "feature", "kind")


class SilenceStore:
    """Keeps what was silenced; nothing is deleted, so that it can be seen later why no mail came."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def say(self, silence: Silence) -> Silence:
        """Keep a silence; return it with its number. Those that are in force stay so."""
        about = silence.about
        columns = {
            "model": about.model,
            "version": about.version,
            "segment": about.segment,
            "feature": about.feature,
            "kind": None if about.kind is None else about.kind.value,
            "since": silence.since,
            "until": silence.until,
            "every": None if silence.every is None else str(silence.every),
            "why": silence.why,
            "by": silence.by,
            "said_at": silence.said_at,
            "ended_at": silence.ended_at,
            "ended_by": silence.ended_by,
        }
        with writing(self._engine) as connection:
            added = connection.execute(sa.insert(tables.silences).values(columns))
            key = added.inserted_primary_key
        return replace(silence, id=0 if key is None else int(key[0]))

    def end(self, number: int, by: str, now: datetime, *, of: tuple[str, int] | None = None) -> Silence:
        """End a silence at once; return it as it was before. One that is over already stays as it is.

        `of`: name and version of a model that it has to be about. Raises NotFound when there is none of this number, or
        it is about others; one that cannot be read is ended, too, and then raised as DamagedRow.
        """
        c = tables.silences.c
        with writing(self._engine) as connection:
            # Locked first, so that of two persons the first is the one who ended it.
            there = connection.execute(sa.select(c.seq).where(c.seq == number).with_for_update()).first()
            silence = None if there is None else _one(connection, number)
            if silence is None or (of is not None and not _is_of(silence, of)):
                about = "" if of is None else f" about {monitor_key(*of)}"
                raise NotFound(f"no silence{about} has the number {number}: nothing was changed.")
            open_one = sa.update(tables.silences).where(c.seq == number, c.ended_at.is_(None))
            connection.execute(open_one.values(ended_at=now, ended_by=by))
        if isinstance(silence, DamagedRow):
            raise DamagedRow(f"{silence} It held back no mail, and is ended now.")
        return silence

    def in_force(
        self,
        now: datetime,
        model: str | None = None,
        version: int | None = None,
        *,
        damaged: list[str] | None = None,
    ) -> list[Silence]:
        """Return the silences that hold back mails now, of one model version only those that may be about it.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out, so that it holds back no mail, and
        its reason added there.
        """
        kept = self._read(_not_over(now), model, version, damaged)
        return [silence for silence in kept if silence.state(now) is SilenceState.IN_FORCE]

    def all(
        self,
        now: datetime,
        model: str | None = None,
        version: int | None = None,
        *,
        past: bool = False,
        damaged: list[str] | None = None,
    ) -> list[Silence]:
        """Return the silences in force and those that come, in the order in which they were said.

        With `past` the newest 500 of all that there were. The rest is as of `in_force`.
        """
        kept = self._read(sa.true() if past else _not_over(now), model, version, damaged)
        return [silence for silence in kept if past or silence.state(now) is not SilenceState.PAST]

    def _read(
        self, chosen: sa.ColumnElement[bool], model: str | None, version: int | None, damaged: list[str] | None
    ) -> list[Silence]:
        c = tables.silences.c
        # First what always can be read, so that a row of which nothing else can be is known by its number.
        keys = sa.select(c.seq, c.model, c.version).where(chosen).order_by(c.seq.desc()).limit(MOST_SILENCES)
        with reading(self._engine) as connection:
            own = {
                number: _what(number, of_model, of_version)
                for number, of_model, of_version in reversed(connection.execute(keys).all())
                if _may_be_about(of_model, of_version, model, version)
            }
            if not own:
                return []
            numbered = sa.select(tables.silences).where(c.seq.in_(own)).order_by(c.seq)
            rows = fetched(connection, numbered, "it")
        named = [
            DamagedRow(f"{what}: {row}") if isinstance(row, DamagedRow) else row
            for what, row in zip(own.values(), rows, strict=False)
        ]
        return readable(_silence, named, damaged)


def _not_over(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition for what nobody ended and whose end has not come. Text that is no instant sorts behind."""
    c = tables.silences.c
    return sa.and_(c.ended_at.is_(None), sa.or_(c.until.is_(None), c.until > now))


def _what(number: int, model: object, version: object) -> str:
    of = "" if model is None else f" about {shown(str(model), NAME_LIMIT)}"
    return f"silence {number}{of}{'' if model is None or version is None else f'/{version}'}"


def _one(connection: Connection, number: int) -> Silence | DamagedRow:
    (row,) = fetched(connection, sa.select(tables.silences).where(tables.silences.c.seq == number), f"silence {number}")
    try:
        return row if isinstance(row, DamagedRow) else _silence(row)
    except DamagedRow as error:
        return error


def _is_of(silence: Silence | DamagedRow, of: tuple[str, int]) -> bool:
    return isinstance(silence, DamagedRow) or silence.about.concerns(*of)


def _may_be_about(of_model: object, of_version: object, model: str | None, version: int | None) -> bool:
    """Say whether a row may be about a model version; of what is no name and no number that is not known."""
    if model is None or version is None or not isinstance(of_model, str | None):
        return True
    if not isinstance(of_version, int | None) or (of_model, of_version) == (None, None):
        return True
    return Matcher(model=of_model, version=of_version).concerns(model, version)


def _silence(row: sa.RowMapping) -> Silence:
    return decoded(_decoded, row, _what(row["seq"], row["model"], row["version"]))


def _decoded(row: sa.RowMapping) -> Silence:
    columns = dict(row)
    about = {name: columns.pop(name) for name in _ABOUT}
    about["kind"] = None if about["kind"] is None else any_kind(about["kind"])
    every = columns.pop("every")
    if not isinstance(every, str | None):
        raise TypeError(f"every: expected text, given {quoted(every)}")
    number, schedule = columns.pop("seq"), None if every is None else Maintenance.parse(every)
    return typed(Silence, columns | {"id": number, "about": typed(Matcher, about), "every": schedule})
