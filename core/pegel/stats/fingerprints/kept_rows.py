"""What is kept of the rows of a window to see which crowd together: each distinct row once, and its cells.

Of many rows those of small hashes are kept, so that two parts of a window keep the same ones: whatever the split, the
same rows come out, bit by bit. Source of keeping what hashes small: P. Gibbons, S. Tirthapura, "Estimating simple
functions on the union of data streams" (2001).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.stats.fingerprints.fingerprint_tables import TABLES
from pegel.stats.fingerprints.kept_answers import KeptAnswers
from pegel.stats.fingerprints.row_hashes import Hashes
from pegel.stats.framing import seal, unseal

MOST_ROWS = 8_192
"""Rows that are kept of one window, inclusive."""
ID_LETTERS = 64
"""Letters of an event's id that are kept."""
_BITS = 64


@dataclass(frozen=True, eq=False)
class KeptRows:
    """Distinct rows, by rising hash.

    `rows`: uint64, shape (n,), hashes below 2**(64 - level). `cells`: uint64, shape (n, tables). `events`: uint64,
    identities of the events, 0 where they are not known; `places`: uint32, which row of its event each is; `clients`:
    uint64, hash of the client, 0 where nobody says; `labels`: uint64, class of the answer, 0 where it is not known;
    `ids`: the ids of the events, at most 64 letters of each. Of rows that are equal the one of the smallest identity
    stands for all.

    >>> KeptRows.none().n
    0
    """

    name: ClassVar[str] = "kept_rows"
    level: int
    rows: Hashes
    cells: Hashes
    events: Hashes
    places: NDArray[np.uint32]
    clients: Hashes
    labels: Hashes
    ids: NDArray[np.object_]

    @property
    def n(self) -> int:
        """Return how many rows are kept."""
        return len(self.rows)

    @property
    def size_bytes(self) -> int:
        """Return about the memory that they take."""
        return self.n * (8 * (4 + TABLES) + 4 + 2 * ID_LETTERS)

    @classmethod
    def none(cls) -> KeptRows:
        """Return no rows."""
        nothing = np.zeros(0, dtype=np.uint64)
        cells = np.zeros((0, TABLES), dtype=np.uint64)
        places, ids = np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.object_)
        return cls(0, nothing, cells, nothing, places, nothing, nothing, ids)

    @classmethod
    def of(
        cls,
        rows: Hashes,
        cells: Hashes,
        *,
        events: Hashes | None = None,
        places: NDArray[np.uint32] | None = None,
        clients: Hashes | None = None,
        ids: NDArray[np.object_] | None = None,
    ) -> KeptRows:
        """Keep rows: hashes of shape (n,), cells of shape (n, tables); what is not given is not known."""
        unknown = np.zeros(rows.size, dtype=np.uint64)
        texts = [""] * rows.size if ids is None else [text[:ID_LETTERS] for text in ids.tolist()]
        return _distinct(
            cls(
                0,
                rows,
                cells,
                unknown if events is None else events,
                unknown.astype(np.uint32) if places is None else places,
                unknown if clients is None else clients,
                unknown,
                _texts(texts),
            )
        )

    def merge(self, other: KeptRows) -> KeptRows:
        """Return the rows of both: associative and commutative, whatever the split the same."""
        return self.total([self, other])

    @classmethod
    def total(cls, some: Iterable[KeptRows]) -> KeptRows:
        """Return the rows of all."""
        given = [one for one in some if one.n or one.level]
        if not given:
            return cls.none()
        level = max(one.level for one in given)
        parts = [one.raised(level) for one in given]
        return _distinct(
            cls(level, *(np.concatenate(arrays) for arrays in zip(*(one.arrays for one in parts), strict=True)))
        )

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return everything that is known of the rows, in the order of the fields."""
        return self.rows, self.cells, self.events, self.places, self.clients, self.labels, self.ids

    def raised(self, level: int) -> KeptRows:
        """Return those that are kept at a level, if it is above their own."""
        if level <= self.level:
            return self
        limit = np.uint64(1 << (_BITS - level))
        return self.taken(np.arange(int(np.searchsorted(self.rows, limit))), level)

    def at_most(self, most: int) -> KeptRows:
        """Return them at the smallest level at which there are at most so many."""
        level, n = self.level, self.n
        while n > most:
            level += 1
            n = int(np.searchsorted(self.rows, np.uint64(1 << (_BITS - level))))
        return self.raised(level)

    def bare(self) -> KeptRows:
        """Return them without a word on events, clients and answers: enough to compare later windows with."""
        nothing, ids = np.zeros(self.n, dtype=np.uint64), _texts([""] * self.n)
        places = nothing.astype(np.uint32)
        return replace(self, events=nothing, places=places, clients=nothing, labels=nothing, ids=ids)

    def without_senders(self, event_ids: Collection[str]) -> KeptRows:
        """Return them, those of some events without a word on these; the same where there is none."""
        short = {name[:ID_LETTERS] for name in event_ids if name}
        gone = np.array([name in short for name in self.ids.tolist()], dtype=np.bool_)
        if not gone.any():
            return self
        ids = _texts(["" if is_gone else name for name, is_gone in zip(self.ids.tolist(), gone, strict=True)])
        known = np.where(gone, np.uint64(0), np.uint64(1))
        return replace(
            self,
            events=self.events * known,
            places=(self.places * known).astype(np.uint32),
            clients=self.clients * known,
            labels=self.labels * known,
            ids=ids,
        )

    def senders(self) -> KeptRows:
        """Return what `bare` leaves out, in the same order: rows without hash and cells."""
        return replace(self, rows=np.zeros_like(self.rows), cells=np.zeros_like(self.cells))

    def sent_by(self, senders: KeptRows) -> KeptRows:
        """Return bare rows with the senders that were parted from them."""
        known = {name: getattr(senders, name) for name in ("events", "places", "clients", "labels", "ids")}
        return replace(self, **known)

    def answered(self, answers: KeptAnswers) -> KeptRows:
        """Return them with the classes of their answers."""
        return replace(self, labels=answers.labels_of(self.events, self.places))

    def in_cell(self, table: int, cell: int) -> NDArray[np.intp]:
        """Return which rows stand in one cell of one table."""
        return np.flatnonzero(self.cells[:, table] == np.uint64(cell))

    def taken(self, chosen: NDArray[np.intp], level: int) -> KeptRows:
        """Return some rows by their places, as those of a level."""
        return type(self)(level, *(array[chosen] for array in self.arrays))

    def to_bytes(self) -> bytes:
        """Return them packed, the inverse of `from_bytes`."""
        head = orjson.dumps([self.level, self.n, self.cells.shape[1], self.ids.tolist()])
        arrays = (self.rows, self.cells, self.events, self.clients, self.labels)
        body = b"".join(array.astype("<u8").tobytes() for array in arrays) + self.places.astype("<u4").tobytes()
        return seal(self.name, len(head).to_bytes(8, "little") + head + body)

    @classmethod
    def from_bytes(cls, data: bytes) -> KeptRows:
        """Read what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        body = unseal(cls.name, data)
        start = 8 + int.from_bytes(body[:8], "little")
        level, n, tables, ids = orjson.loads(body[8:start])

        def numbers(count: int, kind: str) -> NDArray[Any]:
            nonlocal start
            found = np.frombuffer(body, dtype=kind, count=count, offset=start)
            start += found.nbytes
            return found.astype(kind[1:])

        rows, cells = numbers(n, "<u8"), numbers(n * tables, "<u8").reshape(n, tables)
        events, clients, labels = (numbers(n, "<u8") for _ in range(3))
        return cls(level, rows, cells, events, numbers(n, "<u4"), clients, labels, _texts(ids))


def _distinct(given: KeptRows) -> KeptRows:
    """Return each row once, by rising hash, at the smallest level at which they fit."""
    order = np.lexsort((given.clients, given.places, given.events, given.rows))
    rows = given.rows[order]
    first = np.ones(rows.size, dtype=np.bool_)
    first[1:] = rows[1:] != rows[:-1]
    return given.taken(order[first], given.level).at_most(MOST_ROWS)


def _texts(texts: Sequence[str]) -> NDArray[np.object_]:
    found = np.empty(len(texts), dtype=np.object_)
    found[:] = texts
    return found
