"""How far a regressor's answers lie from labels, in counts and exact sums that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from pegel.stats.exact_sums import NamedSums
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.relative_cells import RelativeCells

SUMS = ("residual", "absolute", "square", "fourth", "label", "label_square")


class ResidualCounts:
    """Labelled rows of a regressor. A residual is the answer less the label.

    `cells`: residuals by size. `sums`: of residuals, their distances from 0, squares and fourth powers, and of labels
    and their squares.
    """

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self) -> None:
        """Start from no rows."""
        self.cells = RelativeCells()
        self.sums = NamedSums(SUMS)

    def __eq__(self, other: object) -> bool:
        """Say whether both count the same."""
        return isinstance(other, ResidualCounts) and (self.cells, self.sums) == (other.cells, other.sums)

    @property
    def rows(self) -> int:
        """Return how many labelled rows there are."""
        return self.cells.n

    def update(self, rows: LabelledRows) -> None:
        """Count the labelled ones of some rows. Raises ValueError for rows of classes.

        A residual beyond the range of the floats counts as the largest float; sums of it are then not defined.
        """
        if rows.classes is not None:
            raise ValueError("expected rows of numbers, given classes: nothing was counted.")
        known = rows.where(rows.is_labelled)
        with np.errstate(over="ignore"):
            residual = known.predicted - known.label
            size = np.abs(residual)
            self.cells.update(np.nan_to_num(residual))
            columns = (residual, size, size**2, size**4, known.label, known.label**2)
        for name, values in zip(SUMS, columns, strict=True):
            self.sums.add(name, values)

    def merge(self, other: Self) -> None:
        """Add the rows of `other`."""
        self.cells.merge(other.cells)
        self.sums.merge(other.sums)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"cells": self.cells.to_json(), "sums": self.sums.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        found = cls()
        found.cells = RelativeCells.from_json(data["cells"])
        found.sums = NamedSums.from_json(data["sums"])
        return found
