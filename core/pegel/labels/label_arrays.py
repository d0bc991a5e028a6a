"""Labels of one model version as columns: how they are kept, and what joining them with rows works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.labels.label import EventRow, Label
from pegel.labels.label_keys import EntityKeys

Objects = NDArray[np.object_]
Integers = NDArray[np.int64]

SCHEMA: Final = pa.schema(
    [
        ("key", pa.string()),
        ("place", pa.int64()),
        ("category", pa.string()),
        ("number", pa.float64()),
        ("at_us", pa.int64()),
        ("arrived_us", pa.int64()),
        ("topic_id", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("item", pa.int64()),
    ]
)
"""Of labels as they are kept: see `LabelArrays`."""
OF_TABLES: Final = -1
"""The partition of labels that a table had; their offset is when it was read, in milliseconds since 1970."""


class LabelPartition(NamedTuple):
    """A partition of one topic of labels: one that is made again has another id, and other records under old numbers.

    `topic_id`: as the broker tells it, empty where it tells none and for a table.
    """

    topic_id: str
    partition: int


THE_TABLE: Final = LabelPartition("", OF_TABLES)
"""What stands for the topic of labels that a table had."""


class Arrival(NamedTuple):
    """Where and when labels came: the partition and offset of their record, its time, and the id of its topic."""

    partition: int
    offset: int
    arrived_us: int
    topic_id: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LabelArrays:
    """Labels in any order, arrays of shape (labels,).

    `key` and `place` say what a label is about: the id of an event and the number of a row, or the key of an entity
    (`pegel.data.entity_keys`) and an instant. `category` and `number`: the outcome as a class and as a number, None and
    NaN where it is none. `at_us`: since when it is known, at most when it came. `arrived_us`: when it came.
    `topic_id`, `partition`, `offset`, `item`: where it was read, its place in its record last: no two labels share
    them. Instants are microseconds since 1970, UTC.
    """

    key: Objects
    place: Integers
    category: Objects
    number: NDArray[np.float64]
    at_us: Integers
    arrived_us: Integers
    topic_id: Objects
    partition: NDArray[np.int32]
    offset: Integers
    item: Integers

    @classmethod
    def of(
        cls,
        labels: Sequence[tuple[int, Label]],
        arrival: Arrival,
        keys: EntityKeys = EntityKeys(),  # noqa: B008  it cannot be changed
    ) -> Self:
        """Return what came in one record: labels with their places in it; `keys`: those of an entity, if there are.

        Raises ValueError for a label of other parts, or about something else.
        """
        subjects = [_subject(label, keys) for _, label in labels]
        known = [
            min(arrival.arrived_us if label.at_us is None else label.at_us, arrival.arrived_us) for _, label in labels
        ]
        count = len(labels)
        return cls(
            key=_objects([key for key, _ in subjects]),
            place=np.array([place for _, place in subjects], dtype=np.int64),
            category=_objects([label.category for _, label in labels]),
            number=np.array([label.number for _, label in labels], dtype=np.float64),
            at_us=np.array(known, dtype=np.int64),
            arrived_us=np.full(count, arrival.arrived_us, dtype=np.int64),
            topic_id=_objects([arrival.topic_id] * count),
            partition=np.full(count, arrival.partition, dtype=np.int32),
            offset=np.full(count, arrival.offset, dtype=np.int64),
            item=np.array([item for item, _ in labels], dtype=np.int64),
        )

    @classmethod
    def of_arrow(cls, table: Any) -> Self:
        """Return the labels of a table or a batch with the columns of `SCHEMA`, among others."""
        columns = {field.name: table.column(field.name).to_numpy(zero_copy_only=False) for field in SCHEMA}
        columns["number"] = columns["number"].astype(np.float64)
        return cls(**columns)

    def to_arrow(self) -> pa.RecordBatch:
        """Return them with the columns of `SCHEMA`."""
        columns = [pa.array(getattr(self, field.name), field.type, from_pandas=True) for field in SCHEMA]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    @classmethod
    def together(cls, parts: Sequence[LabelArrays]) -> Self:
        """Return the labels of several, at least one."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def __len__(self) -> int:
        """Return how many labels there are."""
        return len(self.key)

    def take(self, chosen: NDArray[Any]) -> LabelArrays:
        """Return those at these positions, or those that a mask chooses."""
        return LabelArrays(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def distinct(self) -> LabelArrays:
        """Return each once: a job that was ended halfway and began anew has kept some twice."""
        topic = self._topic()
        order = np.lexsort((self.item, self.offset, self.partition, topic))
        places = np.stack([topic[order], self.partition[order], self.offset[order], self.item[order]])
        is_new = np.ones(len(self), dtype=np.bool_)
        is_new[1:] = (places[:, 1:] != places[:, :-1]).any(axis=0)
        return self.take(order[is_new])

    def arrival_order(self) -> Integers:
        """Return positions, whatever came first first; at the same microsecond by topic, partition, offset and item."""
        return np.lexsort((self.item, self.offset, self.partition, self._topic(), self.arrived_us))

    def _topic(self) -> Integers:
        """Return a number for the topic of each label, in the order of ids."""
        return np.unique(self.topic_id.astype(str), return_inverse=True)[1].astype(np.int64)


def _subject(label: Label, keys: EntityKeys) -> tuple[str, int]:
    about, names = label.about, keys.names
    if isinstance(about, EventRow):
        if names:
            raise ValueError("given the id of an event: labels of this model are matched by entity")
        return about.event_id, about.row
    parts = dict(about.entity)
    if not names:
        raise ValueError("given an entity: labels of this model are matched by event")
    if parts.keys() != set(names):
        raise ValueError(f"expected an entity of {', '.join(names)}")
    return keys.key([parts[name] for name in names]), about.time_us


def _objects(values: Sequence[str]) -> Objects:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
