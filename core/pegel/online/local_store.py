"""The online store of one machine: a file of SQLite, which endpoints read while somebody loads it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from pegel.data.instants import to_us
from pegel.errors import Unavailable
from pegel.online.online_store import FeatureVector, Loaded, overdue
from pegel.online.stored_values import packed, stored_vector
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings

_CREATE = """
CREATE TABLE IF NOT EXISTS vectors (
    view TEXT NOT NULL, entity TEXT NOT NULL, event_us INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (view, entity)
) WITHOUT ROWID
"""
_WRITE = """
INSERT INTO vectors VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET event_us = excluded.event_us, content = excluded.content
WHERE excluded.event_us >= event_us
"""
_AT_ONCE = 100
"""Entities of one statement, some milliseconds with vectors of twenty features. Then others have their turn."""
_LOAD_WAITS_S = 30.0
"""How long a load waits for another one."""


_Place: TypeAlias = tuple[int, int]
"""Where a file is, whatever it is called: its device and its number there."""


class LocalOnlineStore:
    """A view of the store in one file. Any number of processes may read it and load it.

    A look-up is made in the loop of whoever asks: a page that is in memory takes 20 µs to read, a thread takes longer
    to be woken. It waits for nothing: readers are not held up by a load, and a file that is locked otherwise is one
    that does not answer. One of many entities makes room for others, and is given up when its time is over.
    """

    def __init__(self, path: Path, view: str) -> None:
        """Open nothing yet."""
        self._path, self._view = path, view
        self._connection: sqlite3.Connection | None = None
        self._opened: _Place | None = None

    def __del__(self) -> None:
        """Close the file of a store that nobody has any more."""
        self._forget()

    @classmethod
    def of_settings(cls, settings: Settings, view: str) -> LocalOnlineStore:
        """Return a view of the store in the settings' home."""
        return cls(settings.home.resolve() / "online.db", view)

    def views(self) -> list[str]:
        """Return the names of all views in the same file. Raises Unavailable."""
        if not self._path.exists():
            return []
        try:
            with self._writing() as connection:
                return [row[0] for row in connection.execute("SELECT DISTINCT view FROM vectors ORDER BY view")]
        except (sqlite3.Error, OSError) as error:
            raise self._away(error, "Nothing was looked up") from error

    async def get(self, entities: Sequence[str], *, within: timedelta) -> list[FeatureVector | None]:
        """Look the entities up, see `OnlineStore`. The time is looked at after each hundred of them but the last."""
        rows: dict[str, FeatureVector] = {}
        ends_at = time.monotonic() + within.total_seconds()
        try:
            for at in range(0, len(entities), _AT_ONCE):
                if at:
                    await asyncio.sleep(0)
                    if time.monotonic() > ends_at:
                        raise overdue(self._view, within)
                rows.update(self._rows(entities[at : at + _AT_ONCE]))
        except (sqlite3.Error, ValueError, OSError) as error:
            self._forget()
            raise self._away(error, "Nothing was looked up") from error
        return [rows.get(entity) for entity in entities]

    async def close(self) -> None:
        """Close the file."""
        self._forget()

    def load(self, vectors: Iterable[tuple[str, FeatureVector]]) -> Loaded:
        """Write vectors, see `LoadableStore`; all of them or, if something goes wrong, none."""
        count = 0

        def rows() -> Iterator[tuple[str, str, int, bytes]]:
            nonlocal count
            for entity, vector in vectors:
                count += 1
                yield self._view, entity, to_us(vector.event_time), packed(vector.values)

        try:
            with self._writing() as connection:
                before = connection.total_changes
                connection.executemany(_WRITE, rows())
                written = connection.total_changes - before
        except (sqlite3.Error, OSError) as error:
            raise self._away(error, "Nothing was loaded", shown(str(error))) from error
        return Loaded(written, count - written)

    def forget(self, entity: str) -> bool:
        """Remove the vector of an entity, see `LoadableStore`."""
        if not self._path.exists():
            return False
        try:
            with self._writing() as connection:
                gone = connection.execute("DELETE FROM vectors WHERE view = ? AND entity = ?", (self._view, entity))
                return gone.rowcount > 0
        except (sqlite3.Error, OSError) as error:
            raise self._away(error, "Nothing was removed") from error

    def _rows(self, entities: Sequence[str]) -> Iterator[tuple[str, FeatureVector]]:
        marks = ",".join("?" * len(entities))
        asked = f"SELECT entity, event_us, content FROM vectors WHERE view = ? AND entity IN ({marks})"  # noqa: S608
        for entity, event_us, content in self._reading().execute(asked, (self._view, *entities)):
            yield entity, stored_vector(content, event_us)

    def _reading(self) -> sqlite3.Connection:
        status = self._path.stat()
        place = status.st_dev, status.st_ino
        if place != self._opened:  # another file has been put there, and the one that is open nobody writes any more
            self._forget()
        if self._connection is None:
            # Not `mode=ro`: a reader, too, takes part in the index of what was written last.
            # One thread reads at a time; whichever notices that nobody has the store any more closes its file.
            address = f"{self._path.as_uri()}?mode=rw"
            self._connection = sqlite3.connect(address, uri=True, timeout=0, check_same_thread=False)
            self._connection.execute("PRAGMA query_only = ON")
            self._opened = place
        return self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_LOAD_WAITS_S)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_CREATE)
            with connection:
                yield connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _away(self, error: Exception, consequence: str, why: str = "") -> Unavailable:
        """Return what is raised. `why`: of a load, which would have made the file; else that there may be none."""
        why = why or ("there is none" if not self._path.exists() else shown(str(error)))
        return Unavailable(
            f"expected a store of features in {self._path}, which `pegel features load` fills: {why}. {consequence}."
        )
