"""What arrived, counted at the entrance of a task before anything decides about a record.

Because nothing here knows what becomes of one, the ledger of outcomes can be held against it, and can fail to close.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import MICROSECOND, MINUTE
from pegel.data.spans import floor_us
from pegel.stream.task_output import PartitionRead
from pegel.stream.wire_records import Records

_MINUTE_US = MINUTE // MICROSECOND


def minute_us(time_us: int, oldest_us: int) -> int:
    """Return the minute on which a record is booked: its own, but none before `oldest_us`, a whole minute."""
    return max(floor_us(time_us, MINUTE), oldest_us)


def minutes_us(times: NDArray[np.int64], oldest_us: int) -> dict[int, int]:
    """Count records by the minute on which they are booked; `times` in microseconds, one per record."""
    minutes, counts = np.unique(np.maximum(times - times % _MINUTE_US, oldest_us), return_counts=True)
    return dict(zip(minutes.tolist(), counts.tolist(), strict=True))


def arrived(records: Records, times: NDArray[np.int64], oldest_us: int) -> PartitionRead:
    """Count what is in records, one or more, by minute; `times`: those to go by, in microseconds, one per event.

    A record is one event; or two, a request and its response that were written together; or none, of a request that
    failed: no other writer logs that.
    """
    return PartitionRead(
        *records.address,
        start=int(records.offsets[0]),
        end=int(records.offsets[-1]) + 1,
        records=len(times),
        size_bytes=sum(map(len, records.bodies)),
        minutes=minutes_us(times, oldest_us),
    )
