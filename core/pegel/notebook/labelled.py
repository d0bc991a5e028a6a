"""Answers of a classifier beside their labels: how often it erred, then and now."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pegel.data.arrow_columns import categories, kind_of, numbers
from pegel.data.columns import Kind
from pegel.detect import cbpe
from pegel.detect.error_rate import Labelled, measure
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook.table_reading import Table
from pegel.stats.performance import Performance

CLASSES = 1_000
"""Labels of more values than this are numbers, not classes."""
_TRUE = frozenset({"1", "true", "True", "yes"})


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The columns of labels, of answers, and of scores of the positive class, from 0 to 1, if there are any."""

    label: str
    prediction: str
    score: str | None = None


def learn(table: Table, columns: LabelColumns) -> Performance:
    """Return how a classifier did on the rows whose label and answer are known, in the order of the table.

    Raises PermanentError if a column is not there, InvalidSpec if the labels are no classes.
    """
    wanted = [name for name in (columns.label, columns.prediction, columns.score) if name is not None]
    if absent := [name for name in wanted if name not in table.schema.names]:
        raise PermanentError(f"expected columns {absent}, given a table without them: no baseline was made.")
    labels, answers = _values(table, columns.label), _values(table, columns.prediction)
    known = _known(labels, answers)
    classes = np.unique(labels[known].astype(str)).size
    if classes > CLASSES:
        raise InvalidSpec(
            f"label: expected classes, given {columns.label} with {classes:,} values; watch errors of numbers as a "
            "column of their own, |prediction - label|. No baseline was made."
        )
    wrong = labels[known] != answers[known]
    scores = None if columns.score is None else _scores(table, columns.score)[known]
    made = measure(wrong, scores, None if scores is None else _positive(labels[known]))
    return replace(made, label=columns.label, prediction=columns.prediction, score=columns.score)


def count(table: Table, performance: Performance) -> Labelled | None:
    """Return how often a classifier erred on the rows of a table whose labels are known; None without labels."""
    if not {performance.label, performance.prediction} <= set(table.schema.names):
        return None
    labels, answers = _values(table, performance.label), _values(table, performance.prediction)
    known = _known(labels, answers)
    return Labelled(int(known.sum()), int((labels[known] != answers[known]).sum()))


def estimate(table: Table, performance: Performance) -> cbpe.Estimate | None:
    """Estimate performance from scores alone; None without calibration or without the column of scores."""
    if performance.calibration is None or performance.score is None or performance.score not in table.schema.names:
        return None
    scores = _scores(table, performance.score)
    answers = _positive(_values(table, performance.prediction))
    return cbpe.estimate(cbpe.count(scores, answers), np.array(performance.calibration))


def _values(table: Table, name: str) -> NDArray[np.object_]:
    """Return a column as numbers or texts, None where there is nothing: 1 and 1.0 are the same class."""
    blocks = []
    for block in table.column(name):
        if kind_of(block.type) is Kind.NUMERIC:
            values = numbers(block)[0]
            known = values.astype(object)
            known[np.isnan(values)] = None
            blocks.append(known)
        else:
            blocks.append(categories(block)[0])
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=object)


def _scores(table: Table, name: str) -> NDArray[np.float64]:
    values = np.concatenate([numbers(block)[0] for block in table.column(name)])
    if not ((values >= 0) & (values <= 1)).all():
        raise InvalidSpec(
            f"score: expected numbers from 0 to 1 without gaps in {name}, given others: nothing was made."
        )
    return values


def _known(labels: NDArray[np.object_], answers: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.array(
        [one is not None and other is not None for one, other in zip(labels, answers, strict=True)], dtype=np.bool_
    )


def _positive(labels: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Say which labels are of the positive class: 1, or a word for true."""
    return np.array([one == 1 or str(one) in _TRUE for one in labels], dtype=np.bool_)
