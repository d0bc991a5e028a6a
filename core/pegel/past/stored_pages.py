"""Rows of a database read in pages: an interval of any length takes the memory of one page, and holds no lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, RowMapping

from pegel.errors import DamagedRow
from pegel.store.database import connect, reading
from pegel.store.database_file import refuse_missing
from pegel.store.row_codec import fetched


@contextmanager
def opened_to_read(url: str) -> Iterator[Engine]:
    """Open a results database for this block; nothing is made or migrated. Raises SetupError where there is none."""
    refuse_missing(url)
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


def stored_pages(
    url: str,
    statement: sa.Select[Any],
    place: Sequence[sa.ColumnElement[Any]],
    *,
    at_once: int,
    what: str,
    damaged: list[str],
) -> Iterator[list[RowMapping]]:
    """Yield the rows of a statement in the order of `place`, at most `at_once` at a time.

    `place` are columns of the statement that are unique together and never null. Each page is a transaction of its own,
    which begins behind the last row of the page before: rows that come or go meanwhile shift nothing. What cannot be
    read is left out and named in `damaged`.
    """
    ordered, behind, passed = statement.order_by(*place), list[sa.ColumnElement[bool]](), 0
    while True:
        with opened_to_read(url) as engine, reading(engine) as connection:
            rows = fetched(connection, ordered.where(*behind).limit(at_once).offset(passed), what)
        readable = [row for row in rows if not isinstance(row, DamagedRow)]
        damaged += [str(row) for row in rows if isinstance(row, DamagedRow)]
        if readable:
            last = readable[-1]
            behind = [sa.tuple_(*place) > sa.tuple_(*(last[column.name] for column in place))]
            # Behind the last row that says where it stands may be some that do not.
            passed = len(rows) - 1 - max(at for at, row in enumerate(rows) if row is last)
            yield readable
        else:
            passed += len(rows)
        if len(rows) < at_once:
            return
