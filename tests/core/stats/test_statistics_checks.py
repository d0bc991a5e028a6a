"""The checks of `pegel.testing.statistic_checks` catch what they are there for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.errors import NotFound
from pegel.stats.counters import Counters
from pegel.stats.extremes import Extremes
from pegel.stats.histogram import Histogram
from pegel.stats.statistic import Statistic
from pegel.testing.statistic_checks import STATISTIC_CHECKS, StatisticCheck, sample_of


class Largest(Extremes):
    """A statistic that keeps every promise; each class below breaks one."""


class Unnamed(Largest):
    """Has no word for a name."""

    name: ClassVar[str] = "two words"


class Latest(Largest):
    """Remembers the last batch only."""

    def update(self, values: NDArray[np.float64]) -> None:
        """Forget what came before."""
        if values.size:
            self.low, self.high = values.min(), values.max()


class Forgetful(Largest):
    """Merges nothing."""

    def merge(self, other: Self) -> None:
        """Forget the other."""


class Counting(Largest):
    """Counts merges as if they were values."""

    def merge(self, other: Self) -> None:
        """Stretch a little each time."""
        super().merge(other)
        self.high += 1


class Draining(Largest):
    """Takes away what it merges."""

    def merge(self, other: Self) -> None:
        """Empty the other."""
        super().merge(other)
        if other.high > self.low:
            other.low, other.high = np.inf, -np.inf


class Hoarding(Largest):
    """Keeps the rows."""

    kept: NDArray[np.float64] = np.empty(0)

    def update(self, values: NDArray[np.float64]) -> None:
        """Keep the rows as they are."""
        super().update(values)
        self.kept = values

    def get(self) -> Any:
        """Look at them late."""
        return super().get() | {"median": float(np.median(self.kept)) if self.kept.size else None}


class Raw(Largest):
    """Hands out infinities where nothing is known."""

    def get(self) -> Any:
        """Leave it to the reader."""
        return {"min": self.low, "max": self.high}


class Halved(Largest):
    """Packs half of what it knows."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Forget the minimum."""
        found = super().from_bytes(data)
        found.low = found.high
        return found


class Trusting(Largest):
    """Reads any bytes."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Believe anything."""
        return super().from_bytes(data) if data.startswith(b"PGST1") and len(data) > 30 else cls()


class Careless(Histogram):
    """Adds counts of any cells."""

    def merge(self, other: Self) -> None:
        """Do not compare edges."""
        self.counts += other.counts


class Growing(Largest):
    """Grows with the rows."""

    rows = 0

    def update(self, values: NDArray[np.float64]) -> None:
        """Remember how many there were."""
        super().update(values)
        self.rows += values.size

    def to_bytes(self) -> bytes:
        """Take a byte for each."""
        return super().to_bytes() + bytes(self.rows)


BROKEN: dict[str, type[Statistic]] = {
    "it_has_a_name": Unnamed,
    "the_order_of_rows_does_not_matter": Latest,
    "any_split_gives_the_whole": Forgetful,
    "no_rows_are_the_identity": Counting,
    "merging_leaves_the_other_alone": Draining,
    "its_input_is_left_alone": Hoarding,
    "what_it_found_is_plain": Raw,
    "bytes_carry_everything": Halved,
    "other_bytes_are_refused": Trusting,
    "other_cells_are_refused": Careless,
    "its_size_does_not_follow_the_rows": Growing,
}


@pytest.mark.parametrize("check", STATISTIC_CHECKS, ids=lambda check: check.__name__)
def test_a_check_notices_a_broken_promise(check: StatisticCheck) -> None:
    """Each check catches a statistic that breaks its promise, and lets one pass that keeps all."""
    sample = sample_of(BROKEN[check.__name__])
    if check.__name__ == "other_cells_are_refused":
        sample = replace(sample, other=lambda: Careless(np.arange(5.0)))
    check(sample_of(Largest), 0)

    with pytest.raises(AssertionError):
        check(sample, 0)


def test_a_statistic_that_nobody_can_feed() -> None:
    """A class with input of its own and without a sample is refused: nothing was checked is never read as checked."""

    class Pairs(Counters):
        """Takes pairs."""

    with pytest.raises(NotFound, match="write a Sample for it; nothing was checked"):
        sample_of(Pairs)
