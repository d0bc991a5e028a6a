"""A baseline from a table."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.arrow_columns import categories, counts, numbers
from pegel.data.columns import Kind, Schema
from pegel.detect.noise_assessment import assess, with_repeats
from pegel.detect.repeated_rows import RepeatedRows, unseen_in_repeats
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook import arguments, labelled, table_reading
from pegel.notebook.learning import learn
from pegel.notebook.naming import few, listed
from pegel.notebook.stray_texts import stray_texts
from pegel.notebook.table_counting import summarise
from pegel.notebook.table_schema import schema_of
from pegel.spec.monitor_spec import Watch
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.stats.layout import CategoricalLayout, Layout, assemble
from pegel.stats.noise import Noise
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import Segments
from pegel.stats.summary import Summary

MEMORY = 256 << 20
"""Bytes that all columns whose cells are being learned may take together; beyond, a column is read several times."""

_NO_ORDER = Noise(why="not assessed: `window_rows` was not stated, as it can be where rows are in order of time")


def profile(
    data: Any,
    *,
    predictions: Collection[str] = (),
    categorical: Collection[str] = (),
    units: Mapping[str, str] | None = None,
    window_rows: int | None = None,
    label: str | None = None,
    answer: str | None = None,
    score: str | None = None,
    segments: Any = (),
    name: str = "table",
    version: int = 1,
    progress: table_reading.Progress | None = None,
    memory: int = MEMORY,
) -> Baseline:
    """Learn what a table looks like.

    Args:
        data: Any table: pandas, polars, pyarrow, a mapping of columns; or a path to a Parquet or CSV file or a folder
            of such files, a pattern of paths, or a list of paths. Files may be larger than memory. The index of a
            pandas frame is no column, in memory as in a file.
        predictions: Columns that a model has predicted.
        categorical: Numeric columns that are to be taken as categories, such as codes.
        units: Unit per numeric column, for people: `{"delay": "min"}`.
        window_rows: If the rows are in order of time: how many rows the tables have that will be checked. Windows of so
            many rows are then replayed, and where they vary more than independent rows would, checks allow for it. This
            needs each column in memory as a whole, one at a time.
        label: Column of true classes, if they are known, and
        answer: column of the classes that a model gave: checks of tables that have both say whether it errs more often.
        score: Column of scores of the positive class, from 0 to 1: checks then estimate performance without labels.
        segments: Columns that part the rows, as in `["airline", {"column": "distance", "cuts": [500, 1000]}]`: checks
            then judge each part by itself, too. Of categories the ten most frequent have a part of their own.
        name: Of the model, or whatever else the table belongs to.
        version: Of the same.
        progress: Called now and then with the share of the work that is done, from 0 to 1.
        memory: Bytes that the columns at work may take. Larger columns are read several times instead; the baseline
            is the same.

    Columns that are neither numbers nor categories (times, lists, ...) or have no name are left out with a warning that
    names them. Warnings name as well columns of numbers that a few texts among them make categories, and columns that
    have no value at all.

    Raises:
        PermanentError: If there is nothing to learn from, or a column that is named is not there.
        InvalidSpec: If an argument is of another type than stated here.
    """
    predictions, categorical = arguments.names("predictions", predictions), arguments.names("categorical", categorical)
    units = arguments.units(units)
    window_rows = None if window_rows is None else arguments.whole("window_rows", window_rows)
    name, version = arguments.text("name", name), arguments.whole("version", version)
    labels, wanted = _label_columns(label, answer, score), arguments.segments(segments)
    stages = table_reading.Stages(progress, 3)
    with table_reading.opened(data, text=categorical, progress=stages.stage(0)) as table:
        schema = _schema(table, predictions, categorical, units, without=label)
        _warn_of_strays(table, schema, categorical)
        performance = None if labels is None else labelled.learn(table, labels)
        layout = _layout(table, schema, memory, stages.stage(1))
        repeated = RepeatedRows(table.rows)
        parts = SegmentCounts(layout, Segments.of(layout, wanted))
        summary = summarise(table, layout, exact=True, repeated=repeated, segments=parts, progress=stages.stage(2))
        _warn_of_empty(summary)
        return Baseline.build(
            layout=layout,
            summary=summary,
            model=name,
            version=version,
            source=table.source,
            scores=None,
            watch=Watch(),
            performance=performance,
            segments=parts,
            noise=_noise(table, layout, window_rows, repeated.factor()),
        )


def _noise(table: table_reading.Table, layout: Layout, window_rows: int | None, repeats: float) -> Noise:
    """Return what clean windows do, as far as the order of rows and their repetition tell."""
    columns = _FullColumns(table, layout.schema)
    noise = _NO_ORDER if window_rows is None else assess(layout, columns, window_rows)
    unseen = {}
    if repeats > 1:
        for feature in layout.features:
            if isinstance(feature, CategoricalLayout) and not feature.open_vocabulary:
                times: Counter[str] = Counter()
                for block in table.column(feature.field.name):
                    times.update(counts(block))
                unseen[feature.field.name] = unseen_in_repeats(times.values(), repeats)
    return with_repeats(noise, layout, repeats, unseen)


def _label_columns(label: str | None, answer: str | None, score: str | None) -> labelled.LabelColumns | None:
    names = [arguments.name(*asked) for asked in (("label", label), ("answer", answer), ("score", score))]
    if names == [None] * 3:
        return None
    if names[0] is None or names[1] is None:
        raise InvalidSpec("label, answer: expected both columns, or neither; given only one. No baseline was made.")
    return labelled.LabelColumns(names[0], names[1], names[2])


class _FullColumns(Mapping[str, NDArray[Any]]):
    """Full columns of a table, each read when it is asked for."""

    def __init__(self, table: table_reading.Table, schema: Schema) -> None:
        self._table = table
        self._fields = {field.name: field for field in schema.fields}

    def __getitem__(self, name: str) -> NDArray[Any]:
        values = numbers if self._fields[name].kind is Kind.NUMERIC else categories
        return np.concatenate([values(block)[0] for block in self._table.column(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def _layout(table: table_reading.Table, schema: Schema, memory: int, progress: table_reading.Progress) -> Layout:
    """Freeze the cells column by column, so that only a few columns are in memory at a time."""
    workers = cpu_count() or 1
    features = []
    with ThreadPoolExecutor(workers) as pool:
        for feature in pool.map(lambda field: learn(table, field, memory // workers), schema.fields):
            features.append(feature)
            progress(len(features) / len(schema.fields))
    return assemble(schema, features)


def _schema(
    table: table_reading.Table,
    predictions: Collection[str],
    categorical: Collection[str],
    units: Mapping[str, str],
    *,
    without: str | None,
) -> Schema:
    columns = schema_of(
        table, predictions, categorical, units, without=filter(None, [without]), otherwise="no baseline was made"
    )
    schema, reasons = columns.schema, few(columns.left_out.values(), "; ")
    if table.rows == 0 or not schema.fields:
        raise PermanentError(
            f"expected rows of numbers or categories, given {table.rows:,} rows and {len(schema.fields)} such columns"
            f"{f' (not measured: {reasons})' if reasons else ''}: no baseline was made."
        )
    if reasons:
        warnings.warn(f"not measured: {reasons}", stacklevel=3)
    return schema


def _warn_of_strays(table: table_reading.Table, schema: Schema, categorical: Collection[str]) -> None:
    """Name the columns that a few values among numbers have made categories, and that nobody has called such."""
    strays = []
    for field in schema.fields:
        is_meant = field.kind is Kind.NUMERIC or field.name in categorical
        if is_meant or pa.types.is_boolean(table.schema.field(field.name).type):
            continue
        if stray := stray_texts(table.column(field.name), table.rows):
            strays.append(f"{shown(field.name, NAME_LIMIT)} ({stray})")
    if strays:
        warnings.warn(
            f"taken as categories, though nearly all values are numbers: {few(strays, '; ')}. Correct these values, or "
            "name a column of codes as categorical",
            stacklevel=3,
        )


def _warn_of_empty(summary: Summary) -> None:
    """Name the columns that have no value in any row."""
    empty = [name for name, feature in summary.features.items() if feature.n == feature.n_null + feature.n_nan]
    if empty:
        warnings.warn(
            f"without a value in any row, so checks have nothing to compare with: {listed(empty)}", stacklevel=3
        )
