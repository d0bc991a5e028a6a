"""How wrong the answer to each of some archived rows was, by the labels that are kept beside the archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.folders import Kept, day_folders
from pegel.archive.row_columns import EVENT_ID, EVENT_TIME, ROW, feature_column, hashed_column, key_column
from pegel.data.entity_key_columns import keys_of
from pegel.data.instants import MICROSECOND
from pegel.labels.label_arrays import SCHEMA, LabelArrays, Objects
from pegel.labels.labelled_table import EVENT_US, KEY, PREDICTED, Matching, answers, with_labels
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.labelled_rows import class_name


@dataclass(frozen=True, slots=True)
class WrongAnswers:
    """Labels of a model version. `prediction`: the column of the answers they are about.

    `classes`: whether answers are classes, as the labels of training say; None: as the archive has them, which has all
    but numbers as texts.
    """

    address: ArchiveAddress
    spec: MonitorSpec
    prediction: str
    classes: bool | None = None

    def columns(self, there: list[str]) -> list[str]:
        """Return the columns of rows, of those there are, by which labels are found."""
        parts = [(key_column(name), feature_column(name)) for name in self.spec.label_keys]
        keys = [each for pair in parts for plain in pair for each in (plain, hashed_column(plain))]
        return [EVENT_TIME, ROW, self.prediction, *(name for name in keys if name in there)]

    def sizes(self, rows: pa.Table) -> NDArray[np.float64]:
        """Return the error of each row: of a class 0 or 1, of a number how far off it was; NaN without a label."""
        predicted, number = answers(rows.column(self.prediction).combine_chunks())
        keys = self._keys(rows)
        times = rows.column(EVENT_TIME).cast(pa.int64()).fill_null(0)
        table = pa.table({KEY: keys, EVENT_US: times, ROW: rows.column(ROW), PREDICTED: predicted, "said": number})
        labels = self._labels(keys, rows.column(EVENT_TIME))
        if labels is None:
            return np.full(rows.num_rows, np.nan)
        found = with_labels(table, labels, self._matching)
        classes = pa.types.is_string(rows.column(self.prediction).type) if self.classes is None else self.classes
        if not classes:
            off = np.abs(found.column("said").to_numpy() - found.column("number").to_numpy())
            return np.asarray(off, dtype=np.float64)
        said, known = (_class_names(found.column(name)) for name in (PREDICTED, "category"))
        is_told = np.array([one is not None and other is not None for one, other in zip(said, known, strict=True)])
        return np.where(is_told, np.not_equal(said, known), np.nan)

    @property
    def _matching(self) -> Matching:
        labels = self.spec.labels
        by_entity = labels.match == "entity"
        tolerance = labels.tolerance // MICROSECOND if by_entity else 0
        return Matching(by_entity, labels.horizon // MICROSECOND, tolerance)

    def _keys(self, rows: pa.Table) -> pa.Array:
        if not self.spec.label_keys:
            return rows.column(EVENT_ID).combine_chunks()
        parts = []
        for name in self.spec.label_keys:
            plain = (key_column(name), feature_column(name))
            there = [each for each in (*plain, *map(hashed_column, plain)) if each in rows.column_names]
            if not there:
                return pa.nulls(rows.num_rows, pa.string())
            parts.append([rows.column(each).combine_chunks() for each in there])
        return keys_of(parts)

    def _labels(self, keys: pa.Array, times: pa.ChunkedArray) -> LabelArrays | None:
        """Return the labels of these keys; which of them came too late for a row, joining them tells."""
        first = pc.min(times).as_py()
        if first is None:
            return None
        # A folder is of the day on which labels were read, which may be long after they came.
        since, ever = first - self.spec.labels.horizon, datetime.max.replace(tzinfo=UTC)
        model = self.spec.model
        spaces = self.address.files_below(f"{self.address.root}/{Kept.LABELS}", recursive=False)
        folders = (f"{space}/model={model.name}/version={model.version}" for space in spaces)
        files = [
            path
            for folder in folders
            for day in day_folders(folder, since, ever, lambda each: self.address.files_below(each, recursive=False))
            for path in self.address.files_below(day)
            if path.endswith(".parquet")
        ]
        if not files:
            return None
        from pyarrow import dataset  # noqa: PLC0415  a quarter of a second, as pandas comes with it

        kept = dataset.dataset(files, schema=SCHEMA, format="parquet", filesystem=self.address.files)
        found = kept.to_table(filter=pc.field(KEY).isin(keys.unique()))
        return LabelArrays.of_arrow(found.combine_chunks()) if found.num_rows else None


def _class_names(column: pa.ChunkedArray) -> Objects:
    """Return the one form of each class, None where there is none."""
    texts = column.to_pylist()
    names = {text: class_name(text) for text in set(texts) if text is not None}
    found = np.empty(len(texts), dtype=np.object_)
    found[:] = [names.get(text) for text in texts]
    return found
