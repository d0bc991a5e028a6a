"""What is counted of a model's answers and labels in one span: it adds up, so that a day is the sum of its hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.answer_latencies import Latencies
from pegel.stats.class_counts import POSITIVE, ClassCounts
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.relative_cells import RelativeCells
from pegel.stats.residual_counts import ResidualCounts
from pegel.stats.scores import BINS, bin_of

_SECOND = np.timedelta64(1, "s")


class PerformanceCounts:
    """Answered rows of one span, with labels and without: of a classifier, or of a regressor.

    `answered`: rows whose answer could be read; `unanswered`: the others. `labelled`: answered rows whose label is
    known; `unreadable`: answered rows whose label came and could not be read. `delays`: seconds from the event to its
    label. `answers`: answered rows by bin of their score and whether the answer is the class `1`, shape (1000, 2), with
    labels and without; `sizes`: answered rows of a regressor by their answer: what an estimate without labels needs.
    `compared`: what labelled rows say.
    """

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self, *, classes: bool) -> None:
        """Start from no rows of a classifier, or else of a regressor."""
        self.answered = 0
        self.unanswered = 0
        self.labelled = 0
        self.unreadable = 0
        self.delays = Latencies()
        self.answers: NDArray[np.int64] = np.zeros((BINS, 2), dtype=np.int64)
        self.sizes = RelativeCells()
        self.compared: ClassCounts | ResidualCounts = ClassCounts() if classes else ResidualCounts()

    @classmethod
    def of(cls, rows: LabelledRows) -> Self:
        """Count rows."""
        found = cls(classes=rows.classes is not None)
        found.update(rows)
        return found

    def __eq__(self, other: object) -> bool:
        """Say whether both count the same."""
        return isinstance(other, PerformanceCounts) and self.to_json() == other.to_json()

    @property
    def is_of_classes(self) -> bool:
        """Say whether the model is a classifier."""
        return isinstance(self.compared, ClassCounts)

    @property
    def coverage(self) -> float | None:
        """Return which part of the answered rows have a label, from 0 to 1; None without any rows."""
        return self.labelled / self.answered if self.answered else None

    def update(self, rows: LabelledRows) -> None:
        """Count more rows. Raises ValueError, and counts nothing, if they are of the other kind."""
        self.compared.update(rows)
        answered, labelled = rows.is_answered, rows.is_labelled
        self.answered += int(np.count_nonzero(answered))
        self.unanswered += int(np.count_nonzero(~answered))
        self.labelled += int(np.count_nonzero(labelled))
        self.unreadable += int(np.count_nonzero(answered & ~labelled & ~np.isnat(rows.arrived_at)))
        came = labelled & ~np.isnat(rows.arrived_at)
        self.delays.update((rows.arrived_at[came] - rows.event_time[came]) // _SECOND)
        if rows.classes is None:
            self.sizes.update(rows.predicted[answered])
        elif rows.score is not None:
            usable = answered & (rows.score >= 0) & (rows.score <= 1)
            names = np.array([name == POSITIVE for name in rows.classes], dtype=np.intp)
            np.add.at(self.answers, (bin_of(rows.score[usable]), names[rows.predicted[usable]]), 1)

    def merge(self, other: Self) -> None:
        """Add the rows of `other`. Raises LayoutMismatch, and adds nothing, if it is of the other kind of model."""
        if self.is_of_classes is not other.is_of_classes:
            raise LayoutMismatch("expected counts of the same kind of model, given classes and numbers: none added.")
        self.compared.merge(other.compared)  # type: ignore[arg-type]  # both are of one kind
        self.answered += other.answered
        self.unanswered += other.unanswered
        self.labelled += other.labelled
        self.unreadable += other.unreadable
        self.delays.merge(other.delays)
        self.answers += other.answers
        self.sizes.merge(other.sizes)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        seen = np.flatnonzero(self.answers.any(axis=1))
        return {
            "kind": "classes" if self.is_of_classes else "numbers",
            "answered": self.answered,
            "unanswered": self.unanswered,
            "labelled": self.labelled,
            "unreadable": self.unreadable,
            "delays": self.delays.to_json(),
            "answers": [[place, *self.answers[place].tolist()] for place in seen.tolist()],
            "sizes": self.sizes.to_json(),
            "compared": self.compared.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        found = cls(classes=data["kind"] == "classes")
        for name in ("answered", "unanswered", "labelled", "unreadable"):
            setattr(found, name, data[name])
        found.delays = Latencies.from_json(data["delays"])
        for place, other, positive in data["answers"]:
            found.answers[place] = other, positive
        found.sizes = RelativeCells.from_json(data["sizes"])
        found.compared = type(found.compared).from_json(data["compared"])
        return found
