"""Named sums of floats that add up bit by bit, whatever the grouping."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.stats.exact import LOWEST, exact_sum


class NamedSums:
    """Exact sums by name. One that leaves the range of the floats is None from then on."""

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self, names: tuple[str, ...]) -> None:
        """Start from no rows."""
        self._sums: dict[str, int | None] = dict.fromkeys(names, 0)

    def __eq__(self, other: object) -> bool:
        """Say whether both are the same sums."""
        return isinstance(other, NamedSums) and self._sums == other._sums

    def add(self, name: str, values: NDArray[np.float64]) -> None:
        """Add values, shape (n,), to one sum."""
        self._grow(name, exact_sum(values))

    def merge(self, other: Self) -> None:
        """Add the sums of `other`, which has the same names."""
        for name, value in other._sums.items():
            self._grow(name, value)

    def __getitem__(self, name: str) -> Fraction | None:
        """Return a sum without any rounding; None if it left the range of the floats."""
        found = self._sums[name]
        return None if found is None else Fraction(found, 1 << LOWEST)

    def to_json(self) -> dict[str, str | None]:
        """Return plain JSON, the inverse of `from_json`: numbers in units of 2**-1126, hexadecimal, zeros cut off."""
        return {name: None if value is None else _short(value) for name, value in self._sums.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        found = cls(tuple(data))
        for name, value in data.items():
            found._sums[name] = None if value is None else _long(value)
        return found

    def _grow(self, name: str, value: int | None) -> None:
        sum_ = self._sums[name]
        self._sums[name] = None if sum_ is None or value is None else sum_ + value


def _short(value: int) -> str:
    zeros = (value & -value).bit_length() - 1 if value else 0
    return f"{value >> zeros:x}p{zeros}"


def _long(text: str) -> int:
    digits, _, zeros = text.partition("p")
    return int(digits, 16) << int(zeros)
