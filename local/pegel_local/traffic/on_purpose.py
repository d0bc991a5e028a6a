"""What is put into traffic on purpose, and from when on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pegel.errors import InvalidSpec
from pegel_local.traffic.changes import Begins, Changes, with_outliers
from pegel_local.traffic.loops import Loop, OpenLoop
from pegel_local.traffic.requests import Body, Request, requests_of, with_copies
from pegel_local.traffic.table_to_send import TableToSend


@dataclass(frozen=True)
class OnPurpose:
    """What is put into rows and requests, as parts of all, from so many seconds after the first request."""

    changes: Changes
    outliers: float = 0.0
    duplicates: float = 0.0
    after_s: float = 0.0

    def requests(self, table: TableToSend, body: Body, loop: Loop, *, batch: int, skip: int) -> Iterator[Request]:
        """Return requests of the rows of a table without end, but for the first `skip`.

        Raises InvalidSpec for changes that do not fit the table.
        """
        self.changes.refuse_unfit(table.columns, table.numeric)
        spreads = table.spreads(table.numeric if self.outliers else self.changes.by_deviations)
        self.changes.refuse_constant(spreads)
        if self.outliers and not spreads:
            raise InvalidSpec("--outliers: expected a column whose numbers vary, given none. Nothing was sent.")
        # The table begins again, so whole rounds of it are nothing to leave out.
        rows, begins = islice(table.rows(), skip % table.table.rows, None), self._begins(loop, batch)
        changed = self.changes.applied(rows, table.numeric, spreads, begins)
        requests = requests_of(with_outliers(changed, self.outliers, spreads, begins), body, batch=batch)
        return with_copies(requests, self.duplicates, self._begins(loop, 1))

    def _begins(self, loop: Loop, batch: int) -> Begins:
        """Return what says of the number of something, `batch` of which are in a request, whether changes have begun.

        In an open loop they begin with the same row each time; in a closed one the clock says when.
        """
        if isinstance(loop, OpenLoop):
            first = math.ceil(self.after_s * loop.rate) * batch
            return lambda number: number >= first
        return _Clock(self.after_s)


class _Clock:
    """Says whether so many seconds have passed since it was asked first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: float | None = None

    def __call__(self, _number: int) -> bool:
        now = time.monotonic()
        if self._ends is None:
            self._ends = now + self._seconds
        return now >= self._ends
