"""Predictions by the segments of their requests: row i of an answer belongs to row i of its request.

Most requests are answered in the batch that they are read in. Of the others both halves are kept, until they meet: the
segments of a request's rows as long as its pane is kept, the rows of an answer until they are counted. So the counts do
not depend on how records came in batches.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Role
from pegel.stats.layout import Layout
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import NOWHERE, Codes, Segments
from pegel.stats.summary import Summary
from pegel.stream import packing
from pegel.stream.partial import RESPONSE, Ids

_NOWHERE = 255
"""`NOWHERE` in one byte; there are no more than 20 segments of a column, and one of the others."""
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RequestSegments:
    """In which segments the rows of some requests lie.

    `events`: what a request and its answer share, shape (requests,); `rows`: how many rows each has; `codes`: of each
    row, one after the other, the segment of each column, shape (all rows, columns).
    """

    events: Ids
    rows: NDArray[np.int64]
    codes: Bytes

    @classmethod
    def of(cls, identities: Ids, rows: NDArray[np.int64], codes: Sequence[Codes]) -> RequestSegments:
        """Return those of requests with these identities, and `codes` as `Segments.rows` returns them."""
        table = np.stack(codes, axis=1) if codes else np.zeros((int(rows.sum()), 0), dtype=np.int64)
        return cls(identities >> RESPONSE, rows, np.where(table == NOWHERE, _NOWHERE, table).astype(np.uint8))

    @classmethod
    def together(cls, parts: Iterable[RequestSegments]) -> RequestSegments | None:
        """Return several as one; None without any."""
        some = list(parts)
        if len(some) <= 1:
            return some[0] if some else None
        return cls(
            np.concatenate([one.events for one in some]),
            np.concatenate([one.rows for one in some]),
            np.concatenate([one.codes for one in some]),
        )

    def chosen(self, which: NDArray[np.bool_]) -> RequestSegments:
        """Return those of some requests."""
        return RequestSegments(self.events[which], self.rows[which], self.codes[np.repeat(which, self.rows)])

    def without(self, answered: Ids) -> RequestSegments | None:
        """Return those of the requests that are not among some events; None if there is none."""
        waits = ~np.isin(self.events, answered)
        return self.chosen(waits) if waits.any() else None

    @property
    def size_bytes(self) -> int:
        """Return the memory that they take."""
        return self.events.nbytes + self.rows.nbytes + self.codes.nbytes

    def to_bytes(self) -> bytes:
        """Return them packed, the inverse of `from_bytes`."""
        blobs = (self.events.tobytes(), self.rows.tobytes(), self.codes.tobytes())
        return packing.pack(int(self.codes.shape[1]), blobs)

    @classmethod
    def from_bytes(cls, data: bytes) -> RequestSegments:
        """Read what `to_bytes` wrote. Raises ValueError for anything else."""
        columns, (events, rows, codes) = packing.unpack(data)
        counts = np.frombuffer(rows, dtype=np.int64)
        table = np.frombuffer(codes, dtype=np.uint8).reshape(int(counts.sum()), columns)
        return cls(np.frombuffer(events, dtype=np.uint64), counts, table)


@dataclass(frozen=True, slots=True)
class AnswerRows:
    """The rows of some answers. `events` and `rows` as of `RequestSegments`; `columns`: the predictions, row by row."""

    events: Ids
    rows: NDArray[np.int64]
    columns: Columns

    @classmethod
    def of(cls, identities: Ids, rows: NDArray[np.int64], columns: Columns) -> AnswerRows:
        """Return those of responses with these identities."""
        return cls(identities >> RESPONSE, rows, columns)

    def chosen(self, which: NDArray[np.bool_]) -> AnswerRows:
        """Return those of some answers."""
        return AnswerRows(self.events[which], self.rows[which], self.columns.take(np.repeat(which, self.rows)))

    @property
    def size_bytes(self) -> int:
        """Return about how much memory they take."""
        texts = sum(64 * column.size for column in self.columns.categorical)
        return self.events.nbytes + self.rows.nbytes + 2 * self.columns.numeric.nbytes + texts

    def to_bytes(self) -> bytes:
        """Return them packed, the inverse of `from_bytes`."""
        columns = self.columns
        missing = b"" if columns.missing is None else columns.missing.tobytes()
        texts = [[column.tolist(), None if bad is None else bad.tolist()] for column, bad in _pairs(columns)]
        blobs = (self.events.tobytes(), self.rows.tobytes(), columns.numeric.tobytes(), missing)
        # Texts may hold half pairs of characters, which not every JSON can.
        return packing.pack(list(columns.numeric.shape), (*blobs, json.dumps(texts).encode()))

    @classmethod
    def from_bytes(cls, data: bytes) -> AnswerRows:
        """Read what `to_bytes` wrote. Raises ValueError for anything else."""
        shape, (events, rows, numeric, missing, texts) = packing.unpack(data)
        pairs = json.loads(texts)
        columns = Columns(
            n=shape[0],
            numeric=np.frombuffer(numeric, dtype=np.float64).reshape(shape),
            missing=np.frombuffer(missing, dtype=np.uint8).reshape(shape) if missing else None,
            categorical=tuple(_texts(column) for column, _ in pairs),
            unparseable=tuple(None if bad is None else np.array(bad, dtype=np.bool_) for _, bad in pairs),
        )
        return cls(np.frombuffer(events, dtype=np.uint64), np.frombuffer(rows, dtype=np.int64), columns)


@dataclass(slots=True)
class WaitingRows:
    """Rows of one pane, by one baseline, whose other half was not seen with them."""

    asked: list[RequestSegments] = field(default_factory=list)
    answered: list[AnswerRows] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Return about how much memory they take."""
        return sum(one.size_bytes for one in self.asked) + sum(one.size_bytes for one in self.answered)

    def add(self, other: WaitingRows) -> None:
        """Add what another part of the pane left."""
        self.asked += other.asked
        self.answered += other.answered

    def __bool__(self) -> bool:
        return bool(self.asked or self.answered)

    def to_bytes(self) -> bytes:
        """Return them packed, the inverse of `from_bytes`."""
        blobs = [*(one.to_bytes() for one in self.asked), *(one.to_bytes() for one in self.answered)]
        return packing.pack(len(self.asked), blobs)

    @classmethod
    def from_bytes(cls, data: bytes) -> WaitingRows:
        """Read what `to_bytes` wrote. Raises ValueError for anything else."""
        asked, blobs = packing.unpack(data)
        return cls(
            [RequestSegments.from_bytes(one) for one in blobs[:asked]],
            [AnswerRows.from_bytes(one) for one in blobs[asked:]],
        )


def count_answers(answered: AnswerRows, asked: RequestSegments | None, counts: SegmentCounts) -> AnswerRows | None:
    """Count the predictions whose requests are known; return the answers that still wait, None if none does.

    An answer of more or fewer rows than its request is no answer: nobody can say whose they are, and it waits no more.
    """
    if asked is None or not asked.events.size:
        return answered if answered.events.size else None
    order = np.argsort(asked.events, kind="stable")
    places = np.minimum(np.searchsorted(asked.events[order], answered.events), order.size - 1)
    request = order[places]
    known = asked.events[request] == answered.events
    fits = known & (asked.rows[request] == answered.rows)
    if fits.any():
        rows = answered.chosen(fits)
        table = asked.codes[_rows_of(asked, request[fits])]
        codes = [np.where(column == _NOWHERE, NOWHERE, column.astype(np.int64)) for column in table.T]
        counts.update(rows.columns, Role.PREDICTION, codes)
    return answered.chosen(~known) if not known.all() else None


def meet(waiting: Sequence[WaitingRows], summaries: Sequence[dict[str, Summary]], layout: Layout, of: Segments) -> None:
    """Count what has met by now among all panes of one baseline, each answer in the summaries of its own pane."""
    if not any(each.answered for each in waiting):
        return
    asked = RequestSegments.together(one for each in waiting for one in each.asked)
    for each, own in zip(waiting, summaries, strict=True):
        counts = SegmentCounts(layout, of, own)
        left = [count_answers(one, asked, counts) for one in each.answered]
        each.answered = [one for one in left if one is not None]
        own.update(counts.summaries)


def _rows_of(asked: RequestSegments, requests: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the places of all rows of some requests, in the order of these."""
    starts = (np.cumsum(asked.rows) - asked.rows)[requests]
    counts = asked.rows[requests]
    first = np.cumsum(counts) - counts
    return np.repeat(starts - first, counts) + np.arange(int(counts.sum()))


def _pairs(columns: Columns) -> Iterable[tuple[NDArray[np.object_], NDArray[np.bool_] | None]]:
    return zip(columns.categorical, columns.unparseable, strict=True)


def _texts(column: Sequence[str | None]) -> NDArray[np.object_]:
    array = np.empty(len(column), dtype=np.object_)
    array[:] = column
    return array
