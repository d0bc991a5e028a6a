"""What arrived, counted by Arrow at the entrance of a task before anything looks into a record.

Because nothing here decodes, the ledger of outcomes can be held against it, and can fail to close.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.data.instants import MICROSECOND, MINUTE
from pegel.data.spans import floor_us
from pegel.stream.task_output import PartitionRead

Address = tuple[str, int]
"""Topic and partition."""
_MINUTE_US = MINUTE // MICROSECOND


def minute_us(time_us: int, oldest_us: int) -> int:
    """Return the minute on which a record is booked: its own, but none before `oldest_us`, a whole minute."""
    return max(floor_us(time_us, MINUTE), oldest_us)


def unread(batch: pa.RecordBatch, ends: Mapping[Address, int]) -> Iterator[tuple[Address, pa.RecordBatch]]:
    """Yield the records of a batch by partition, without those at offsets before `ends`: they were counted before."""
    topics, partitions = (pc.unique(batch.column(name)).to_pylist() for name in ("topic", "partition"))
    for topic, partition in product(topics, partitions):
        chosen = pc.and_(pc.equal(batch.column("topic"), topic), pc.equal(batch.column("partition"), partition))
        chosen = pc.and_(chosen, pc.greater_equal(batch.column("offset"), ends.get((topic, partition), 0)))
        if pc.all(chosen).as_py():
            yield (topic, partition), batch
        elif pc.any(chosen).as_py():
            yield (topic, partition), batch.filter(chosen)


def arrived(address: Address, batch: pa.RecordBatch, times: NDArray[np.int64], oldest_us: int) -> PartitionRead:
    """Count the records of one partition's batch by minute; `times` in microseconds, one per record."""
    offsets = pc.min_max(batch.column("offset")).as_py()
    minutes, counts = np.unique(np.maximum(times - times % _MINUTE_US, oldest_us), return_counts=True)
    return PartitionRead(
        *address,
        start=offsets["min"],
        end=offsets["max"] + 1,
        records=batch.num_rows,
        size_bytes=pc.sum(pc.binary_length(batch.column("value"))).as_py() or 0,
        minutes=dict(zip(minutes.tolist(), counts.tolist(), strict=True)),
    )
