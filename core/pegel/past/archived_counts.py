"""The counts of an interval, counted again from archived rows: of any interval, whatever windows there were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pegel.archive.opened_archive import OpenedArchive, open_archive
from pegel.archive.row_columns import UNPARSEABLE, field_column
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Columns, Field, Kind, Missing, Role
from pegel.data.spans import Span
from pegel.past.stored_counts import Counts
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary


def archived_counts(root: str, model: str, version: int, within: Span, layout: Layout) -> Counts | str:
    """Return the counts of archived rows in an interval, or why the archive does not tell them, in words.

    As the stream counts: features by the time of their request, predictions by that of their answer. A few batches of
    rows are in memory at a time.
    """
    archive = open_archive(root, model, version, start=within.start, end=within.end)
    if not archive.hours:
        return "the archive has no hour of it"
    if lacking := [field.name for field in _fields(layout) if field_column(field) not in archive.schema.names]:
        names = ", ".join(shown(name, NAME_LIMIT) for name in lacking[:5])
        return f"the archive has no column of {names}{' and others' if lacking[5:] else ''}"
    summary = Summary.empty(layout)
    for role, rows in ((Role.FEATURE, archive), (Role.PREDICTION, archive.by_answers())):
        _count(summary, rows, layout.schema.of_role(role), role)
    return Counts(summary, (f"counted again from the archive, which has {how_many(len(archive.hours), 'hour')} of it",))


def _fields(layout: Layout) -> list[Field]:
    return [field for field in layout.schema.fields if field.role in {Role.FEATURE, Role.PREDICTION}]


def _count(summary: Summary, rows: OpenedArchive, fields: tuple[Field, ...], role: Role) -> None:
    if not fields:
        return
    columns = [field_column(field) for field in fields]
    for batch in rows.batches([*columns, UNPARSEABLE]):
        named = batch.select(columns).rename_columns([field.name for field in fields])
        summary.update(_with_unparseable(columns_of(fields, named), batch.column(UNPARSEABLE), fields), role)


def _with_unparseable(counted: Columns, lists: pa.Array, fields: Sequence[Field]) -> Columns:
    """Return columns in which values that could not be read are told apart from those that were not there."""
    rows = np.flatnonzero(np.asarray(lists.is_valid()))
    if not rows.size:
        return counted
    numeric = [field for field in fields if field.kind is Kind.NUMERIC]
    texts = [field for field in fields if field.kind is Kind.CATEGORICAL]
    codes = np.zeros(counted.numeric.shape, dtype=np.uint8) if counted.missing is None else counted.missing.copy()
    masks = [np.zeros(counted.n, dtype=np.bool_) for _ in texts]
    places: dict[str, tuple[Any, Any]] = {field_column(field): (codes[:, j], None) for j, field in enumerate(numeric)}
    places |= {field_column(field): (None, mask) for field, mask in zip(texts, masks, strict=True)}
    for row, names in zip(rows.tolist(), lists.take(pa.array(rows)).to_pylist(), strict=True):
        for code, mask in (places[name] for name in names if name in places):
            if code is not None:
                code[row] = Missing.UNPARSEABLE
            else:
                mask[row] = True
    unparseable = tuple(mask if mask.any() else None for mask in masks)
    return Columns(counted.n, counted.numeric, codes, counted.categorical, unparseable)
