"""A copy of the results database while others write to it, and the way back.

Offsets stand in the same transactions as what came of the records, so any copy is a state in which the stream once
stood: put back, it goes on from there, and reads what the broker still has. What must not go on is a driver from after
the copy: it would write behind a hole. So every claim ends with a restoration.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import PermanentError, Unavailable
from pegel.spec.outside_text import shown
from pegel.store import tables
from pegel.store.database import connect, migrate, writing
from pegel.store.schema_revision import schema_revisions

PAGES_AT_ONCE = 4_096
"""Of 2 KiB: writers have the file between two such parts."""
BUSY_S = 30.0
_HEAD, _LARGEST_PAGE = 32, 65_536
"""Bytes: the beginning of a file, with its page size and number of pages, of which 1 stands for the largest."""


def copy_sqlite(source: Path, target: Path, progress: Callable[[float], None] = lambda _part: None) -> None:
    """Copy a SQLite database as it is at one moment, whoever writes to it meanwhile; `target` must not be there.

    Raises PermanentError for a file that is no sound database, Unavailable where it stays locked or there is no room
    for `target`; then no `target` is left.
    """
    try:
        with closing(_opened(source)) as given, closing(sqlite3.connect(target)) as taken:
            given.backup(taken, pages=PAGES_AT_ONCE, progress=lambda _status, left, of: progress(1 - left / max(of, 1)))
            problem = taken.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise _explained(source, target, error) from error
    if problem != "ok":
        target.unlink(missing_ok=True)
        raise PermanentError(f"{shown(str(source))} is damaged: {shown(str(problem))}. No copy was kept.")


def restore_sqlite(copy: Path, target: Path, scratch: Path) -> None:
    """Put a copy in place of what `target` holds, at once, for whoever has it open, too. Every claim ends.

    `scratch`: a file that is not there, used on the way and left to the caller. `target` is made where it is not there.
    Raises what `copy_sqlite` and `migrate` raise, and PermanentError for a file that was cut off and for a database
    without tables of Pegel, before `target` is touched.
    """
    _refuse_cut(copy)
    copy_sqlite(copy, scratch)
    engine = connect(f"sqlite:///{scratch}")
    try:
        # Bringing these up to date would make empty ones: all that is stored would be replaced by nothing.
        if schema_revisions(engine)[0] is None:
            empty = f"{shown(str(copy))}, which has no tables of Pegel"
            raise PermanentError(f"expected a copy of a results database, given {empty}. Nothing was restored.")
        migrate(engine)
        end_claims(engine)
    finally:
        engine.dispose()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(_opened(scratch)) as given, closing(sqlite3.connect(target, timeout=BUSY_S)) as taken:
            # In one part: others see the old state or the new one. It goes through the log of the file that is there.
            given.backup(taken)
    except sqlite3.Error as error:
        raise _explained(target, target, error) from error


def end_claims(engine: Engine) -> int:
    """Take its group away from every driver that runs; return of how many groups.

    Its next commit is refused (Superseded) and it ends; the next driver goes on from the offsets that are stored.
    """
    with writing(engine) as connection:
        ended = connection.execute(sa.update(tables.claims).values(token="ended by a restoration"))  # noqa: S106
        return ended.rowcount


def _opened(file: Path) -> sqlite3.Connection:
    """Open a file that is there: opening another would make it."""
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)


def _refuse_cut(copy: Path) -> None:
    """Raise PermanentError for a file shorter than it says itself: SQLite takes what is missing of a page for zeros.

    Not for a database that is in use, whose first page may be written before the last ones are.
    """
    try:
        with copy.open("rb") as file:
            head, size = file.read(_HEAD), copy.stat().st_size
    except OSError as error:
        why = f"{shown(str(copy))}, which cannot be read: {error.strerror}"
        raise PermanentError(f"expected a copy of a results database, given {why}. Nothing was changed.") from error
    if not head.startswith(b"SQLite format 3\0") or len(head) < _HEAD:
        return  # what else it is, SQLite says
    page_size, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    whole = pages * (_LARGEST_PAGE if page_size == 1 else page_size)
    if size < whole:
        given = f"{shown(str(copy))}, which was cut off: {size:,} bytes of {whole:,}"
        raise PermanentError(f"expected a copy of a results database, given {given}. Nothing was changed.")


def _explained(file: Path, grows: Path, error: sqlite3.Error) -> Exception:
    """Return the error to raise about a database; `grows`: what there may be no room for."""
    said = f"{shown(str(file))}: {error}"
    if "not a database" in str(error) or "malformed" in str(error):
        return PermanentError(f"expected a results database, given {said}. Nothing was changed.")
    if "disk is full" in str(error):
        return Unavailable(f"there is no room: the disk of {shown(str(grows))} is full. Nothing was changed.")
    return Unavailable(f"the database did not answer: {said}. Nothing was changed.")
