"""How a classifier's answers and scores compare with labels, in counts that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.exact_sums import NamedSums
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.scores import BINS, bin_of

MAX_CLASSES = 50
"""Classes that are told apart; beyond, those last in the order of their names are counted together, as None."""
POSITIVE, NEGATIVE = "1", "0"
"""The class that scores are of, and the other one."""
LEAST_SCORE = 2.0**-52
"""For the log loss, a score is taken to be at least this far from 0 and 1, as scikit-learn does for float64."""
SUMS = ("log_loss", "log_loss_square", "brier", "brier_square", "surplus")
Pair = tuple[str | None, str | None]


class ClassCounts:
    """Labelled rows of a classifier.

    `errors`: rows with another answer than their label, however many classes there are. `confusion`: rows by label and
    answer; of the classes that are not told apart, by None. `scores`: rows by bin of the score and label `0` or `1`,
    shape (1000, 2); only of rows that have both. Of these are the exact `sums` of the log loss and of the squared error
    (Brier), of their squares, and of what the label is more than the score.
    """

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self) -> None:
        """Start from no rows."""
        self.errors = 0
        self.confusion: dict[Pair, int] = {}
        self.scores: NDArray[np.int64] = np.zeros((BINS, 2), dtype=np.int64)
        self.sums = NamedSums(SUMS)

    def __eq__(self, other: object) -> bool:
        """Say whether both count the same."""
        return isinstance(other, ClassCounts) and self.to_json() == other.to_json()

    @property
    def rows(self) -> int:
        """Return how many labelled rows there are."""
        return sum(self.confusion.values())

    @property
    def scored(self) -> int:
        """Return how many of them have a score, and a label that it is of."""
        return int(self.scores.sum())

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the classes that are told apart, in the order of their names."""
        return tuple(sorted({name for pair in self.confusion for name in pair if name is not None}))

    @property
    def is_binary(self) -> bool:
        """Say whether the only classes are `0` and `1`."""
        return set(self.classes) <= {NEGATIVE, POSITIVE} and (None, None) not in self.confusion

    def update(self, rows: LabelledRows) -> None:
        """Count the labelled ones of some rows. Raises ValueError for rows of numbers."""
        if rows.classes is None:
            raise ValueError("expected rows of classes, given numbers: nothing was counted.")
        known = rows.where(rows.is_labelled)
        self.errors += int(np.count_nonzero(known.predicted != known.label))
        # Each pair of classes as one number: rows are many, and so may be classes.
        pairs, counts = np.unique(known.label * np.int64(len(rows.classes)) + known.predicted, return_counts=True)
        named = [(rows.classes[at // len(rows.classes)], rows.classes[at % len(rows.classes)]) for at in pairs.tolist()]
        self._add(dict(zip(named, counts.tolist(), strict=True)))
        if known.score is not None:
            self._update_scores(known)

    def _update_scores(self, known: LabelledRows) -> None:
        names = known.classes or ()
        truth = np.array([{NEGATIVE: 0, POSITIVE: 1}.get(name, -1) for name in names] or [-1])[known.label]
        score = known.score if known.score is not None else np.empty(0)
        usable = (score >= 0) & (score <= 1) & (truth >= 0)
        score, truth = score[usable], truth[usable]
        np.add.at(self.scores, (bin_of(score), truth), 1)
        right = np.clip(np.where(truth == 1, score, 1 - score), LEAST_SCORE, 1 - LEAST_SCORE)
        loss, square = -np.log(right), (score - truth) ** 2
        columns = (loss, loss**2, square, square**2, truth - score)
        for name, values in zip(SUMS, columns, strict=True):
            self.sums.add(name, values)

    def merge(self, other: Self) -> None:
        """Add the rows of `other`."""
        self.errors += other.errors
        self._add(other.confusion)
        self.scores += other.scores
        self.sums.merge(other.sums)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        seen = np.flatnonzero(self.scores.any(axis=1))
        cells = [[label, answer, n] for (label, answer), n in self.confusion.items()]
        return {
            "errors": self.errors,
            "confusion": sorted(cells, key=lambda cell: [(name is None, name or "") for name in cell[:2]]),
            "scores": [[place, *self.scores[place].tolist()] for place in seen.tolist()],
            "sums": self.sums.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        found = cls()
        found.errors = data["errors"]
        found.confusion = {(label, answer): n for label, answer, n in data["confusion"]}
        for place, negative, positive in data["scores"]:
            found.scores[place] = negative, positive
        found.sums = NamedSums.from_json(data["sums"])
        return found

    def _add(self, confusion: Mapping[Pair, int]) -> None:
        """Add rows by label and answer, and count classes beyond the most together.

        Which ones are kept goes by their names alone: a class among the first of all rows is among the first of each
        part of them, too, so that its counts are whole however the rows were split.
        """
        for pair, n in confusion.items():
            self.confusion[pair] = self.confusion.get(pair, 0) + n
        if len(names := self.classes) <= MAX_CLASSES:
            return
        kept = set(names[:MAX_CLASSES])
        found: dict[Pair, int] = {}
        for (label, answer), n in self.confusion.items():
            pair = (label if label in kept else None, answer if answer in kept else None)
            found[pair] = found.get(pair, 0) + n
        self.confusion = found
