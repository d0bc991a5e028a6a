"""Answers of a model beside their labels, in a table: how it did, then and now."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.data.arrow_columns import categories, numbers
from pegel.detect import cbpe
from pegel.detect.direct_loss import ErrorEstimate, estimate_errors
from pegel.detect.error_rate import measure
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook.naming import listed
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many
from pegel.stats.class_counts import NEGATIVE, POSITIVE
from pegel.stats.labelled_rows import LabelledRows, class_name
from pegel.stats.performance import Performance
from pegel.stats.performance_counts import PerformanceCounts

CLASSES = 1_000
"""Labels of more values than this are numbers, not classes."""
Objects = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The columns of labels, of answers, and of scores of the class `1`, from 0 to 1, if there are any."""

    label: str
    prediction: str
    score: str | None = None


class LabelledTable(Protocol):
    """What is read of a table: which columns it has, and each of them block by block."""

    @property
    def schema(self) -> pa.Schema:
        """Return the columns that can be read."""
        ...

    def column(self, name: str, /) -> Iterator[pa.Array]:
        """Yield one column, block by block."""
        ...


def learn(table: LabelledTable, columns: LabelColumns, *, in_order: bool = True) -> Performance:
    """Return how a model did on the rows whose label and answer are known.

    `in_order`: whether the rows are in the order of time, which tells whether errors come in bursts.

    Labels and answers are numbers where both columns are of numbers, and one of them has a value that is not whole, or
    the labels have more than 1,000 values; else they are classes.

    Raises:
        PermanentError: If a column is not there.
        InvalidSpec: If no row has both a label and an answer, if classes of labels and answers have none in common or
            are too many, or if there are scores and the labels do not say which class is the positive one.
    """
    wanted = [name for name in (columns.label, columns.prediction, columns.score) if name is not None]
    if absent := [name for name in wanted if name not in table.schema.names]:
        raise PermanentError(f"expected columns {listed(absent)}, given a table without them: no baseline was made.")
    if _are_numbers(table, columns):
        if columns.score is not None:
            raise InvalidSpec(
                f"score: expected classes in {shown(columns.label)}, given numbers: scores are of classes. No baseline "
                "was made."
            )
        rows = _of_numbers(table, columns.label, columns.prediction)
    else:
        rows = _of_classes(table, columns)
        _refuse_strange(table, columns, rows)
    if not rows.is_labelled.any():
        labels, answers = (_present(table, name) for name in (columns.label, columns.prediction))
        raise InvalidSpec(
            f"label: expected rows with a label in {shown(columns.label)} and an answer in "
            f"{shown(columns.prediction)}, given {how_many(len(rows), 'row')} without any such: {labels} have a label, "
            f"{answers} an answer. No baseline was made; name another column, or no label, and nothing is said of how "
            "well the model did in training."
        )
    performance = measure(rows, in_order=in_order)
    return replace(performance, label=columns.label, prediction=columns.prediction, score=columns.score)


def count(table: LabelledTable, performance: Performance) -> PerformanceCounts | None:
    """Return how a model did on the rows of a table whose labels are known; None without labels."""
    if not {performance.label, performance.prediction} <= set(table.schema.names):
        return None
    if not performance.counts.is_of_classes:
        return PerformanceCounts.of(_of_numbers(table, performance.label, performance.prediction))
    score = performance.score if performance.score in table.schema.names else None
    return PerformanceCounts.of(_of_classes(table, LabelColumns(performance.label, performance.prediction, score)))


def estimate(table: LabelledTable, performance: Performance) -> cbpe.Estimate | ErrorEstimate | None:
    """Estimate performance without labels; None where nothing is known to do it by.

    Rows without a score from 0 to 1, or without an answer that says whether it is the class `1`, are left out.
    """
    names = set(table.schema.names)
    if performance.by_answer is not None and performance.prediction in names:
        answers = numbers_of(table, performance.prediction)
        nothing = np.full(answers.size, np.nan)
        return estimate_errors(PerformanceCounts.of(_untimed(answers, nothing)).sizes, performance.by_answer)
    if performance.calibration is None or performance.score is None or performance.score not in names:
        return None
    answers_of = _classes(table, performance.prediction)
    named = np.array([None if text is None else class_name(text) for text in answers_of], dtype=object)
    named[~np.isin(named, [NEGATIVE, POSITIVE])] = None
    counts = PerformanceCounts.of(
        _untimed_classes(named, np.full(named.size, None), numbers_of(table, performance.score))
    )
    return cbpe.estimate(counts.answers, np.array(performance.calibration))


def numbers_of(table: LabelledTable, name: str) -> NDArray[np.float64]:
    """Return a column as numbers, NaN where there is none."""
    blocks = [numbers(block)[0] for block in table.column(name)]
    return np.concatenate(blocks) if blocks else np.empty(0)


def _are_numbers(table: LabelledTable, columns: LabelColumns) -> bool:
    for name in (columns.label, columns.prediction):
        kind = table.schema.field(name).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            return False
    found = [numbers_of(table, name) for name in (columns.label, columns.prediction)]
    finite = [column[np.isfinite(column)] for column in found]
    return any((column != np.round(column)).any() for column in finite) or np.unique(finite[0]).size > CLASSES


def _of_numbers(table: LabelledTable, label: str, prediction: str) -> LabelledRows:
    return _untimed(numbers_of(table, prediction), numbers_of(table, label))


def _of_classes(table: LabelledTable, columns: LabelColumns) -> LabelledRows:
    score = None if columns.score is None else numbers_of(table, columns.score)
    return _untimed_classes(_classes(table, columns.prediction), _classes(table, columns.label), score)


def _untimed(predicted: NDArray[np.float64], label: NDArray[np.float64]) -> LabelledRows:
    """Return rows of a table, in its order: they have no times."""
    times = np.full(predicted.size, "NaT", dtype="datetime64[us]")
    return LabelledRows.of_numbers(predicted, label, event_time=times, arrived_at=times)


def _untimed_classes(predicted: Objects, label: Objects, score: NDArray[np.float64] | None) -> LabelledRows:
    times = np.full(predicted.size, "NaT", dtype="datetime64[us]")
    return LabelledRows.of_classes(predicted, label, event_time=times, arrived_at=times, score=score)


def _refuse_strange(table: LabelledTable, columns: LabelColumns, rows: LabelledRows) -> None:
    known, names = rows.where(rows.is_labelled), np.array([*(rows.classes or ()), None], dtype=object)
    labels, answers = (set(names[np.unique(column)].tolist()) for column in (known.label, known.predicted))
    if len(labels) > CLASSES:
        raise InvalidSpec(
            f"label: expected classes, given {shown(columns.label)} with {len(labels):,} values beside answers that "
            "are no numbers. No baseline was made."
        )
    if labels and not labels & answers:
        raise InvalidSpec(
            f"label, answer: expected the same classes in both, given {shown(columns.label)} with "
            f"{_some(_written(table, columns.label))} and {shown(columns.prediction)} with "
            f"{_some(_written(table, columns.prediction))}, which have none in common. No baseline was made."
        )
    if columns.score is None:
        return
    if known.score is not None and not ((known.score >= 0) & (known.score <= 1)).all():
        raise InvalidSpec(
            f"score: expected numbers from 0 to 1 without gaps in {shown(columns.score)}, given others. No "
            f"baseline was made."
        )
    if strange := labels - {NEGATIVE, POSITIVE}:
        raise InvalidSpec(
            f"score: expected truth values, or 1 and 0, in {shown(columns.label)}, so that 1 is the positive class; "
            f"given {_some(strange)}. No baseline was made."
        )


def _classes(table: LabelledTable, name: str) -> Objects:
    """Return a column as categories, None where there is none."""
    blocks = [categories(block)[0] for block in table.column(name)]
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=object)


def _written(table: LabelledTable, name: str) -> AbstractSet[str]:
    return {text for text in _classes(table, name).tolist() if text is not None}


def _present(table: LabelledTable, name: str) -> str:
    """Return how many rows have a value that is a number or a category."""
    texts = _classes(table, name).tolist()
    return f"{len(texts) - texts.count(None):,}"


def _scores(table: LabelledTable, name: str) -> NDArray[np.float64]:
    return numbers_of(table, name)


def _some(classes: AbstractSet[str]) -> str:
    """Return a few classes, for people."""
    first = sorted(classes)[:3]
    return ", ".join(shown(text) for text in first) + (", ..." if len(classes) > len(first) else "")
