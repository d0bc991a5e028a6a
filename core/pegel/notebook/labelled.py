"""Answers of a classifier beside their labels: how often it erred, then and now."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pegel.data.arrow_columns import categories, numbers
from pegel.data.conversions import TRUTH, meaning
from pegel.detect import cbpe
from pegel.detect.error_rate import Labelled, measure
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook.naming import listed
from pegel.notebook.table_reading import Table
from pegel.spec.outside_text import shown
from pegel.stats.performance import Performance

CLASSES = 1_000
"""Labels of more values than this are numbers, not classes."""


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The columns of labels, of answers, and of scores of the positive class, from 0 to 1, if there are any."""

    label: str
    prediction: str
    score: str | None = None


def learn(table: Table, columns: LabelColumns) -> Performance:
    """Return how a classifier did on the rows whose label and answer are known, in the order of the table.

    Raises:
        PermanentError: If a column is not there.
        InvalidSpec: If the labels are no classes, or have none in common with the answers, or if there are scores and
            the labels do not say which class is the positive one.
    """
    wanted = [name for name in (columns.label, columns.prediction, columns.score) if name is not None]
    if absent := [name for name in wanted if name not in table.schema.names]:
        raise PermanentError(f"expected columns {listed(absent)}, given a table without them: no baseline was made.")
    labels, answers, classes = _known(table, columns.label, columns.prediction)
    if len(classes.labels) > CLASSES:
        raise InvalidSpec(
            f"label: expected classes, given {shown(columns.label)} with {len(classes.labels):,} values; "
            f"watch errors of "
            "numbers as a column of their own, |prediction - label|. No baseline was made."
        )
    if classes.labels and not classes.labels & classes.answers:
        raise InvalidSpec(
            f"label, answer: expected the same classes in both, given {shown(columns.label)} with "
            f"{_some(classes.labels)} and {shown(columns.prediction)} with {_some(classes.answers)}, which "
            f"have none in common. No baseline was made."
        )
    performance = measure(labels != answers, *_scored(table, columns))
    return replace(performance, label=columns.label, prediction=columns.prediction, score=columns.score)


def count(table: Table, performance: Performance) -> Labelled | None:
    """Return how often a classifier erred on the rows of a table whose labels are known; None without labels."""
    if not {performance.label, performance.prediction} <= set(table.schema.names):
        return None
    labels, answers, _ = _known(table, performance.label, performance.prediction)
    return Labelled(labels.size, int((labels != answers).sum()))


def estimate(table: Table, performance: Performance) -> cbpe.Estimate | None:
    """Estimate performance from scores alone; None without calibration or without the column of scores.

    Rows without a score from 0 to 1, or without an answer that says whether it is the positive class, are left out.
    """
    if performance.calibration is None or performance.score is None or performance.score not in table.schema.names:
        return None
    scores, answers = _scores(table, performance.score), _truths(_classes(table, performance.prediction))
    usable = (scores >= 0) & (scores <= 1) & _there(answers)
    counts = cbpe.count(scores[usable], answers[usable].astype(np.bool_))
    return cbpe.estimate(counts, np.array(performance.calibration))


class _Classes(NamedTuple):
    labels: AbstractSet[str]
    answers: AbstractSet[str]


def _known(table: Table, label: str, prediction: str) -> tuple[NDArray[np.object_], NDArray[np.object_], _Classes]:
    """Return labels and answers of the rows that have both, and which there are, by what they mean: 1 is 1.0 and true.

    Truth values are told from classes that happen to be called 1 by all classes of both columns.
    """
    columns = [_classes(table, name) for name in (label, prediction)]
    both = _there(columns[0]) & _there(columns[1])
    labels, answers = (column[both] for column in columns)
    written = set(labels) | set(answers)
    truth = all(meaning(text, truth=False) in TRUTH for text in written)
    means = {text: meaning(text, truth=truth) for text in written}
    labels, answers = (np.array([means[text] for text in column], dtype=object) for column in (labels, answers))
    return labels, answers, _Classes(set(labels), set(answers))


def _classes(table: Table, name: str) -> NDArray[np.object_]:
    """Return a column as categories, None where there is none."""
    blocks = [categories(block)[0] for block in table.column(name)]
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=object)


def _there(column: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.array([value is not None for value in column], dtype=np.bool_)


def _scored(table: Table, columns: LabelColumns) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | tuple[None, None]:
    """Return scores and whether the class is the positive one, of the rows that have a label and an answer."""
    if columns.score is None:
        return None, None
    labels, answers = (_classes(table, name) for name in (columns.label, columns.prediction))
    both = _there(labels) & _there(answers)
    labels, scores = labels[both], _scores(table, columns.score)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise InvalidSpec(
            f"score: expected numbers from 0 to 1 without gaps in {shown(columns.score)}, given others. No "
            f"baseline was made."
        )
    positive = _truths(labels)
    if strange := set(labels[~_there(positive)]):
        raise InvalidSpec(
            f"score: expected truth values, or 1 and 0, in {shown(columns.label)}, so that 1 is the "
            f"positive class; given "
            f"{_some(strange)}. No baseline was made."
        )
    return scores[both], positive.astype(np.bool_)


def _scores(table: Table, name: str) -> NDArray[np.float64]:
    blocks = [numbers(block)[0] for block in table.column(name)]
    return np.concatenate(blocks) if blocks else np.empty(0)


def _truths(classes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return whether each class is true, or 1; None for what is neither that nor false, or 0."""
    truths = {text: None if text is None else TRUTH.get(meaning(text, truth=False)) for text in set(classes)}
    return np.array([truths[text] for text in classes], dtype=object)


def _some(classes: AbstractSet[str]) -> str:
    """Return a few classes, for people."""
    first = sorted(classes)[:3]
    return ", ".join(shown(text) for text in first) + (", ..." if len(classes) > len(first) else "")
