"""Which class an answer is of, as one number of 64 bits, and what the classes of such numbers are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from pegel.data.columns import Columns, Role
from pegel.stats.fingerprints.fingerprint_tables import FEW_VALUES
from pegel.stats.fingerprints.row_hashes import Hashes
from pegel.stats.layout import Layout
from pegel.stats.vocabulary import digest

_ALL = np.uint64(2**64 - 1)
UNKNOWN = 0
"""Stands for no answer, and for one without a class."""


@dataclass(frozen=True, slots=True)
class AnswerClasses:
    """Looks up classes in one prediction: the first of text, else the first number of at most 16 values in training.

    `field`: its name. `place`: of it among the predictions of its kind. `texts`: the classes that have a cell of their
    own by hash; None for numbers, whose classes are their 64 bits.
    """

    field: str
    place: int
    texts: dict[int, str] | None

    @classmethod
    def of(cls, layout: Layout) -> Self | None:
        """Return what looks classes up; None for answers without classes."""
        for place, (_, text) in enumerate(layout.categorical(Role.PREDICTION)):
            return cls(text.field.name, place, {digest(name): name for name in text.vocabulary.top})
        for place, (_, number) in enumerate(layout.numeric(Role.PREDICTION)):
            if number.discrete and np.count_nonzero(number.points) <= FEW_VALUES:
                return cls(number.field.name, place, None)
        return None

    def of_rows(self, columns: Columns) -> Hashes:
        """Return the class of each row of answers, shape (rows,)."""
        if self.texts is None:
            values = np.ascontiguousarray(columns.numeric[:, self.place]) + 0.0
            # Complements, because the bits of the number zero are those of no answer.
            return np.where(np.isfinite(values), values.view(np.uint64) ^ _ALL, np.uint64(UNKNOWN))
        told = columns.categorical[self.place].tolist()
        known = {text: UNKNOWN if text is None else digest(text) for text in set(told)}
        return np.fromiter(map(known.__getitem__, told), dtype=np.uint64, count=columns.n)

    def name(self, label: int) -> str:
        """Return what a class is called; of one that training hardly had, that it is another one."""
        if self.texts is None:
            return f"{float((np.array([label], dtype=np.uint64) ^ _ALL).view(np.float64)[0]):g}"
        return self.texts.get(label, "another class")
