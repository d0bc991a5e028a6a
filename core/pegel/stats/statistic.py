"""What a statistic is: something that rows are added to, that merges, and that says what it found."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, TypeGuard

import numpy as np
from numpy.typing import NDArray


class Statistic(Protocol):
    """A mergeable summary of rows: of fixed size, and blind to the order of the rows.

    `merge` is associative and commutative, a statistic of no rows is its identity, and any split of the rows gives what
    all rows give at once: integers bit by bit, floats to their last digits, sketches within their published error.
    `pegel.testing.statistic_checks` checks these laws on any class.

    `name`: what it is registered and packed as; short, lower case, without blanks.
    """

    name: ClassVar[str]

    def update(self, values: Any, /) -> None:
        """Add rows, one per entry of the first axis of `values`; each class says which shape and type. Keep no rows."""
        ...

    def merge(self, other: Self) -> None:
        """Add the rows of `other`, which stays as it is.

        Raises LayoutMismatch, and changes nothing, if the two count in different cells.
        """
        ...

    def get(self) -> Any:
        """Return what was found as plain JSON; None where it is undefined, never 0 or NaN."""
        ...

    def to_bytes(self) -> bytes:
        """Return a compact packed form that carries its own cells: the inverse of `from_bytes`. Little-endian."""
        ...

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        ...


class ColumnStatistic(Statistic, Protocol):
    """A statistic that can be kept for each numeric field, beside the fixed ones.

    Its `update` is given float64 values of shape (n,), all of them finite, in any order: NaN, the infinities and what
    is missing were counted elsewhere.
    """

    @classmethod
    def start(cls, edges: NDArray[np.float64], /) -> Self:
        """Return the statistic of no rows for a field whose baseline froze `edges`; most kinds do not look at them."""
        ...


def keeps_columns(kind: type[Statistic]) -> TypeGuard[type[ColumnStatistic]]:
    """Say whether a kind of statistic is a ColumnStatistic."""
    return hasattr(kind, "start")
