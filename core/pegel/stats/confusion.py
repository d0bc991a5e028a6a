"""Labels against predictions, once labels come: how often which class was taken for which."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.framing import seal, unseal


class Confusion:
    """Counts of (label, predicted class). A class is its exact string; classes may be named early or met later.

    `pairs`: rows per (label, predicted). `incomplete`: rows without a label or without a prediction. `classes`: names.

    >>> confusion = Confusion(["late", "on time"])
    >>> confusion.update(np.array([["late", "late"], ["late", "on time"], [None, "late"]], dtype=object))
    >>> found = confusion.get()
    >>> found["n"], found["errors"], found["accuracy"], found["incomplete"]
    (2, 1, 0.5, 1)
    >>> found["classes"]["on time"]
    {'precision': 0.0, 'recall': None}
    """

    name: ClassVar[str] = "confusion"

    def __init__(self, classes: Iterable[str] = ()) -> None:
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.classes = set(classes)
        self.incomplete = 0

    def update(self, values: NDArray[np.object_]) -> None:
        """Count rows of (label, predicted class), each str or None (not known), shape (n, 2).

        Raises ValueError, and counts nothing, for anything else: 1, 1.0 and True would be three names of one class.
        """
        if values.shape[1:] != (2,):
            raise ValueError(f"expected rows of shape (n, 2), given {values.shape}: nothing was counted.")
        found = Counter(map(tuple, values.tolist()))
        met = {one for pair in found for one in pair} - {None}
        if strange := [one for one in met if not isinstance(one, str)]:
            raise ValueError(f"expected classes as text, given {strange[0]!r}: nothing was counted.")
        for pair, count in found.items():
            if None in pair:
                self.incomplete += count
            else:
                self.pairs[pair] += count
        self.classes |= met

    def merge(self, other: Self) -> None:
        """Add the counts of `other`; its classes need not be the same."""
        self.pairs.update(other.pairs)
        self.classes |= other.classes
        self.incomplete += other.incomplete

    def get(self) -> dict[str, Any]:
        """Return the complete rows, the errors among them, and rates in [0, 1]; None where nothing was divided by.

        `precision` of a class: the share of its predictions that were right; `recall`: the share of its labels found.
        """
        labels: Counter[str] = Counter()
        predictions: Counter[str] = Counter()
        for (label, predicted), count in self.pairs.items():
            labels[label] += count
            predictions[predicted] += count
        right = {one: self.pairs[one, one] for one in sorted(self.classes)}
        n, hits = self.pairs.total(), sum(right.values())
        rates = {
            one: {"precision": _ratio(count, predictions[one]), "recall": _ratio(count, labels[one])}
            for one, count in right.items()
        }
        return {
            "n": n,
            "incomplete": self.incomplete,
            "errors": n - hits,
            "accuracy": _ratio(hits, n),
            "classes": rates,
            "pairs": self._rows(),
        }

    def _rows(self) -> list[list[Any]]:
        return [[*pair, count] for pair, count in sorted(self.pairs.items())]

    def to_bytes(self) -> bytes:
        """Return classes and counts, packed."""
        state = {"classes": sorted(self.classes), "pairs": self._rows(), "incomplete": self.incomplete}
        return seal(self.name, json.dumps(state).encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        state = json.loads(unseal(cls.name, data))
        found = cls(state["classes"])
        found.pairs.update({(label, predicted): count for label, predicted, count in state["pairs"]})
        found.incomplete = state["incomplete"]
        return found


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
