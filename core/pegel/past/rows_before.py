"""Rows that those of a finding are compared with: the training data, or what was archived in the days before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pegel.archive.opened_archive import OpenedArchive, spread_over
from pegel.archive.row_columns import EVENT_ID, EVENT_TIME, REPLACED, field_column
from pegel.data.arrow_columns import categories, numbers
from pegel.data.columns import Field, Kind, Role
from pegel.errors import PegelError
from pegel.featurestore import LocalFeatureStore, SourceRef
from pegel.past.sampled_rows import MOST_READ, Keys, SampledRows, event_keys, numbered_keys
from pegel.past.wrong_answers import WrongAnswers

if TYPE_CHECKING:
    from pyarrow import dataset


@dataclass(frozen=True, slots=True, eq=False)
class RowsOfSide:
    """Rows of one side, with the hash of each one's event, and what they are in words.

    `read`: of how many rows they are chosen; `is_cut`: whether there are more, which were not looked at.
    """

    table: pa.Table
    keys: Keys
    what: str
    read: int = 0
    is_cut: bool = False


def archived_side(
    archive: OpenedArchive,
    columns: Sequence[str],
    errors: WrongAnswers | None,
    name: str,
    *,
    most_read: int = MOST_READ,
) -> RowsOfSide:
    """Return archived rows. `errors`: adds a column of that `name` with how wrong answers were.

    Rows whose features an online store did not have are left out: windows do not count them either. Of more rows than
    are read some hours are, spread over the whole time.
    """
    wanted = dict.fromkeys([EVENT_ID, *columns, *(errors.columns(archive.schema.names) if errors else ())])
    sampled, schema = SampledRows(), pa.schema([(each, pa.null()) for each in wanted])
    for batch in archive.spread().batches(list(wanted), pc.field(REPLACED).is_null()):
        if batch.num_rows:
            rows = pa.Table.from_batches([batch])
            sampled.add(rows, event_keys(rows.column(EVENT_ID)))
        if sampled.read >= most_read:
            break
    table, keys = sampled.table(schema)
    what = f"archived rows from {archive.start:%Y-%m-%d %H:%M} to {archive.end:%Y-%m-%d %H:%M} UTC"
    if errors is None or not table.num_rows:
        return RowsOfSide(table, keys, what, sampled.read, sampled.read >= most_read)
    sizes = errors.sizes(table)
    known = np.isfinite(sizes)
    labelled = table.append_column(name, pa.array(sizes)).filter(pa.array(known))
    rows = labelled.drop_columns([each for each in (EVENT_TIME,) if each not in columns])
    return RowsOfSide(rows, keys[known], what, sampled.read, sampled.read >= most_read)


def training_side(
    store: LocalFeatureStore, source: SourceRef | str, fields: Sequence[Field], *, most_read: int = MOST_READ
) -> RowsOfSide | None:
    """Return rows of training data, their columns called as archived ones; None where that is not read from here.

    `fields`: those looked at, the one that changed first; without it nothing is compared.
    """
    from pyarrow import dataset  # noqa: PLC0415  a quarter of a second, as pandas comes with it

    try:
        data = dataset.dataset(store.read_training_data(source), format="parquet", partitioning="hive")
    except (PegelError, OSError, pa.ArrowException):
        return None
    there = [each for each in fields if data.schema.names.count(each.name) == 1]
    # A prediction and a feature of one name have one column in training: whose it is nobody knows.
    there = [each for each in there if sum(one.name == each.name for one in there) == 1]
    if not there or there[0] != fields[0]:
        return None
    sampled = SampledRows()
    for batch in _spread(data, [each.name for each in there]):
        if batch.num_rows:
            sampled.add(_as_archived(batch, there), numbered_keys(sampled.read, batch.num_rows))
        if sampled.read >= most_read:
            break
    table, keys = sampled.table(pa.schema([(field_column(each), pa.null()) for each in there]))
    return RowsOfSide(table, keys, f"the training data {source}")


def _spread(data: dataset.FileSystemDataset, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield rows group by group of the files, in an order of which each beginning is spread over all of them."""
    groups = [group for fragment in data.get_fragments() for group in fragment.split_by_row_group()]
    for at in spread_over(len(groups)):
        yield from groups[at].to_batches(schema=data.schema, columns=list(names), batch_readahead=2)


def _as_archived(batch: pa.RecordBatch, fields: Sequence[Field]) -> pa.Table:
    columns = {}
    for each in fields:
        column = batch.column(each.name)
        if each.kind is Kind.NUMERIC:
            columns[field_column(each)] = pa.array(numbers(column)[0], pa.float64(), from_pandas=True)
        else:
            columns[field_column(each)] = pa.array(categories(column)[0], pa.string())
    return pa.table(columns)


def conditions_of(fields: Sequence[Field]) -> list[str]:
    """Return the columns of which conditions are made: those of features, which are known before the model answers."""
    return [field_column(each) for each in fields if each.role is Role.FEATURE]
