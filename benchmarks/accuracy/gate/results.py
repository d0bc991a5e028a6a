"""What the gate measured, as plain data: kept in a file, so that a later state of the library is shown beside it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
from benchmarks.accuracy.gate.doors import DOORS, Cell, Found
from benchmarks.accuracy.gate.halves import Halves

KEPT = (0.3, 1.2)
"""Realised over promised false alarms: more breaks the promise, less leaves changes unseen that could be found."""
TWICE = 2.0
UNLUCKY = 0.05
"""At most this part of single baselines may run at more than `TWICE` the promise, where that can be had."""
BLAMED = 6


@dataclass(frozen=True, slots=True)
class Rate:
    """False alarms of one door in one cell.

    `ratio`: findings over promised ones, the mean over baselines, with its standard error; `windows`: the same of
    windows with any finding; `unlucky`: the part of baselines above twice the promise. `blamed`: detector, feature and
    their part of the promise, the largest first.
    """

    m: int
    n: int
    door: str
    baselines: int
    judged: int
    promised: float
    findings: int
    ratio: float
    error: float
    windows: float
    unlucky: float
    blamed: tuple[tuple[str, str, float], ...]

    @classmethod
    def of(cls, cell: Cell, door: str, found: Sequence[Found]) -> Self:
        """Put the baselines of a cell together."""
        ratios = np.array([one.ratio(door) for one in found])
        promised = sum(one.promised[door] for one in found)
        total: Counter[tuple[str, str]] = Counter()
        for one in found:
            total.update({key[1:]: count for key, count in one.findings.items() if key[0] == door})
        return cls(
            m=cell.m,
            n=cell.n,
            door=door,
            baselines=len(found),
            judged=cell.windows,
            promised=round(promised, 3),
            findings=total.total(),
            ratio=float(ratios.mean()),
            error=float(ratios.std(ddof=1)) / math.sqrt(len(found)) if len(found) > 1 else math.nan,
            windows=sum(one.windows[door] for one in found) / promised,
            unlucky=float(np.mean(ratios > TWICE)),
            blamed=tuple((*key, count / promised) for key, count in total.most_common(BLAMED)),
        )

    @property
    def bounded(self) -> bool:
        """Say whether each single baseline has to keep near the promise, and enough was drawn to see it."""
        return self.n * 10 <= self.m and self.door == "stream"

    @property
    def kept(self) -> bool:
        """Say whether the promise is kept, by the point estimate; a sum over many cells is below it by its nature."""
        least = 0.0 if self.door == "adversarial" else KEPT[0]
        return least <= self.ratio <= KEPT[1] and not (self.bounded and self.unlucky > UNLUCKY)


@dataclass(frozen=True)
class Results:
    """Everything that was measured, and what was: `state` names the state of the library."""

    state: str
    rates: tuple[Rate, ...]
    halves: tuple[Halves, ...]

    @property
    def differing(self) -> tuple[int, float]:
        """Return how many parts of data sets differed, and how many were promised to."""
        return sum(one.differing for one in self.halves), sum(one.promised for one in self.halves)

    @property
    def kept(self) -> bool:
        """Say whether every promise is kept, by the point estimates."""
        differing, promised = self.differing
        return all(rate.kept for rate in self.rates) and differing <= promised

    def write(self, path: Path) -> None:
        """Write a file that `read` reads."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        rates = (Rate(**rate | {"blamed": tuple(map(tuple, rate["blamed"]))}) for rate in data["rates"])
        halves = (Halves(**one | {"blamed": tuple(one["blamed"])}) for one in data["halves"])
        return cls(data["state"], tuple(rates), tuple(halves))


def of_cell(cell: Cell, found: Sequence[Found]) -> tuple[Rate, ...]:
    """Return the rates of every door that was looked through; none is opened for fewer rows than it needs."""
    return tuple(Rate.of(cell, door, found) for door in DOORS if all(one.promised[door] for one in found))
