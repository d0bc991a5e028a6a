"""Windows counted again from the archive, as the stream would have counted all their rows, the late ones too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.archive.opened_archive import OpenedArchive, open_archive
from pegel.archive.row_columns import (
    ANSWER_OFFSET,
    REPLACED,
    ROW,
    UNPARSEABLE,
    field_column,
)
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Missing, Role
from pegel.data.instants import MICROSECOND, MINUTE
from pegel.data.spans import Span, floor
from pegel.errors import PegelError, TemporaryError
from pegel.longspans.late_windows import CountedAgain
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.store.window_keys import WindowKeys

_IS_FIRST = pc.field(ROW) == 0


class ArchiveRecount:
    """Counts windows from the archive below a root; those of which something is not there are left out.

    One that cannot be read keeps no other from being counted.
    """

    def __init__(self, root: str, keys: WindowKeys) -> None:
        """`root`: the folder or address of the archive. `keys`: tell how many records the stream read of a minute."""
        self._root = root
        self._keys = keys

    def __call__(
        self, spec: MonitorSpec, baseline: Baseline, windows: Sequence[Span], /
    ) -> Mapping[Span, CountedAgain | str]:
        """Return the counts of windows in the cells of a baseline, or why the archive cannot be read.

        Raises Unavailable where the database is away.
        """
        if not spec.archive.is_used or _hidden(spec, baseline):
            return {}
        found: dict[Span, CountedAgain | str] = {}
        for window in windows:
            try:
                if self.has_all(spec, window):
                    found[window] = self._count(spec, baseline, window)
            except TemporaryError:
                raise
            except (PegelError, OSError, pa.ArrowException) as error:
                why = str(error).partition("\n")[0][:200]
                found[window] = f"the archive from {window.start:%Y-%m-%d %H:%M} on cannot be read: {why}"
        return found

    def has_all(self, spec: MonitorSpec, window: Span) -> bool:
        """Say whether as many events are archived of the minutes of a window as the stream has read of them.

        Raises PegelError, OSError or pyarrow's errors where the archive cannot be read.
        """
        model, version = spec.model.name, spec.model.version
        start, end = floor(window.start, MINUTE), floor(window.end - MICROSECOND, MINUTE) + MINUTE
        minutes = self._opened(spec, Span(start, end))
        # Each event has a first row, one for each pane that counts it; no table of ids is held for that.
        archived = minutes.count(_IS_FIRST) + minutes.by_answers().count(_IS_FIRST)
        return archived >= self._keys.read(model, version, start, end)

    def _count(self, spec: MonitorSpec, baseline: Baseline, window: Span) -> CountedAgain:
        summary, tables, cutoff = Summary.empty(baseline.layout), baseline.outlier_tables, baseline.outlier_cutoff
        opened, rows, events = self._opened(spec, window), 0, 0
        features = baseline.layout.schema.of_role(Role.FEATURE)
        for batch in opened.batches([ROW, REPLACED, UNPARSEABLE, *map(field_column, features)]):
            events += pc.sum(pc.equal(batch.column(ROW), 0)).as_py() or 0
            columns = archived_columns(_as_sent(batch), features)
            rows += columns.n
            summary.update(columns, Role.FEATURE)
            if cutoff is not None:
                summary.n_scored += columns.n
                summary.n_outliers += int((tables.score(columns)[0] > cutoff.score).sum())
        predictions = baseline.layout.schema.of_role(Role.PREDICTION)
        names = [ANSWER_OFFSET, REPLACED, UNPARSEABLE, *map(field_column, predictions)]
        for batch in opened.by_answers().batches(names) if predictions else ():
            summary.update(archived_columns(_as_sent(batch), predictions), Role.PREDICTION)
        return CountedAgain(summary, rows, events)

    def _opened(self, spec: MonitorSpec, span: Span) -> OpenedArchive:
        return open_archive(self._root, spec.model.name, spec.model.version, start=span.start, end=span.end)


def archived_columns(batch: pa.RecordBatch, fields: Sequence[Field]) -> Columns:
    """Return archived rows as they were counted; the columns of these fields, which have one role, must be there."""
    bad = _unparseable(batch, fields)
    numeric = [field for field in fields if field.kind is Kind.NUMERIC]
    values, missing = np.empty((batch.num_rows, len(numeric))), np.zeros((batch.num_rows, len(numeric)), dtype=np.uint8)
    for at, field in enumerate(numeric):
        column = batch.column(field_column(field)).cast(pa.float64())
        absent = np.asarray(column.is_null(nan_is_null=False))
        values[:, at] = column.to_numpy(zero_copy_only=False)
        missing[absent, at] = Missing.NULL
        missing[bad[field.name], at] = Missing.UNPARSEABLE
    texts = [field for field in fields if field.kind is Kind.CATEGORICAL]
    return Columns(
        batch.num_rows,
        values,
        missing,
        tuple(np.array(batch.column(field_column(field)).to_pylist(), dtype=object) for field in texts),
        tuple(bad[field.name] if bad[field.name].any() else None for field in texts),
    )


def _unparseable(batch: pa.RecordBatch, fields: Sequence[Field]) -> dict[str, NDArray[np.bool_]]:
    told = batch.column(UNPARSEABLE).to_pylist()
    bad = {field.name: np.zeros(batch.num_rows, dtype=np.bool_) for field in fields}
    by_column = {field_column(field): field.name for field in fields}
    for row, columns in enumerate(told):
        for column in columns or ():
            if column in by_column:
                bad[by_column[column]][row] = True
    return bad


def _as_sent(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out rows whose features an online store did not have: the stream does not count them."""
    return batch.filter(batch.column(REPLACED).is_null())


def _hidden(spec: MonitorSpec, baseline: Baseline) -> bool:
    """Say whether a field that is counted is private: the archive has it hashed, or not at all."""
    return any(field.name in spec.archive.private for field in baseline.layout.schema.fields)
