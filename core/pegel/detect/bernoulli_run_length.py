"""How many events a chart over right and wrong answers goes on without an alarm, and at which limit that is enough.

Levels are integers on a lattice, so the average run length is exact: it solves one banded linear system.

Source: M. R. Reynolds and Z. G. Stoumbos, "A CUSUM chart for monitoring a proportion when inspecting continuously",
Journal of Quality Technology 31 (1999).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

WORSE = 1.5
"""The chart is made for an error rate this many times that of training."""
FINE = 0.02
"""From this error rate on, a right answer takes 10 steps of the lattice down instead of one."""
COARSEST = 1_600
"""More steps up than this, as of errors rarer than 1 in 2,000, are computed as if they were so many: see `_coarse`."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lattice:
    """A wrong answer raises the level by `up`, a right one lowers it by `down`, not below 0."""

    up: int
    down: int

    @classmethod
    def of(cls, rate: float) -> Self:
        """Return the steps for an error rate in training between 0 and 2/3, both exclusive.

        >>> Lattice.of(0.1)
        Lattice(up=71, down=10)
        """
        worse = WORSE * rate
        right = -math.log((1 - worse) / (1 - rate))
        ratio = math.log(worse * (1 - rate) / (rate * (1 - worse)))
        down = 10 if rate >= FINE else 1
        return cls(round(down * ratio / right) - down, down)


def average_run_length(rate: float, lattice: Lattice, limit: int) -> float:
    """Return the events until a chart alarms, on average, if answers are wrong independently at `rate`."""
    return float(_run_lengths((rate,), lattice, limit)[0])


def alarm_rate(limit: int, lattice: Lattice, rates: tuple[float, ...]) -> float:
    """Return the alarms per event, averaged over equally likely error rates.

    Exact, but of very rare errors: 0 to 2 % more than there are, see `_coarse`.
    """
    coarse, together = _coarse(lattice)
    level = max(1, limit * coarse.up // lattice.up)
    lengths = together * _run_lengths(tuple(rate * together for rate in rates), coarse, level)
    return math.fsum((1 / lengths).tolist()) / len(rates)


def _coarse(lattice: Lattice) -> tuple[Lattice, float]:
    """Return a lattice with at most `COARSEST` steps up that stands for one, and how many of its events are one there.

    A chart of errors half as frequent goes the same ways, only in twice as many events. What is lost is that several of
    the events taken together may be wrong, so the computed chart wanders a little more and alarms earlier: a limit by
    it errs towards fewer false alarms. By how much is tested against the exact one.
    """
    if lattice.up <= COARSEST or lattice.down != 1:
        return lattice, 1.0
    return Lattice(COARSEST, 1), lattice.up / COARSEST


def _run_lengths(rates: tuple[float, ...], lattice: Lattice, limit: int) -> Floats:
    """Return the average run length of each rate."""
    # Of rare errors the band is as wide as they are rare: its memory would grow with the square of that.
    return _by_steps_of_one(rates, lattice.up, limit) if lattice.down == 1 else _by_band(rates, lattice, limit)


def _by_band(rates: tuple[float, ...], lattice: Lattice, limit: int) -> Floats:
    from scipy.linalg import solve_banded  # noqa: PLC0415  heavy, and needed only where labels are charted

    up, down = lattice.up, lattice.down
    found = []
    for rate in rates:
        # A row for each diagonal, as LAPACK keeps them: level i leads to i + up and to max(0, i - down).
        system = np.zeros((down + up + 1, limit))
        system[up] = 1
        if limit > up:
            system[0, up:] -= rate
        system[up + down, : limit - down] -= 1 - rate
        first = np.arange(min(down, limit))
        system[up + first, 0] -= 1 - rate
        ones = np.ones(limit)
        found.append(float(solve_banded((down, up), system, ones, overwrite_ab=True, check_finite=False)[0]))
    return np.array(found)


class _Way(NamedTuple):
    """From one level down to another: events on the way on average, and how often the run ends before; of each rate."""

    mean: Floats
    end: Floats

    def then(self, lower: _Way) -> _Way:
        """Return the way on from where this one ends."""
        stays = 1 - self.end
        return _Way(self.mean + stays * lower.mean, self.end + stays * lower.end)


def _by_steps_of_one(rates: tuple[float, ...], up: int, limit: int) -> Floats:
    """Return the same where a right answer takes one step down: level by level from the highest, all rates at once.

    The run length of a level is `mean + (1 - end) E`, E that of the level below. It leads there, or `up` levels higher,
    from where the levels between lead back. Nothing is subtracted from what is nearly as large, so nothing cancels.
    """
    wrong = np.array(rates)
    if limit <= up:
        return np.asarray(1 / wrong)
    none = np.zeros_like(wrong)
    # From the highest levels an error ends the run. Of a block of levels the lowest is first.
    block, top = [_Way(np.ones_like(wrong), wrong)] * up, limit - up - 1
    while True:
        from_block = list(accumulate(block, lambda lower, upper: upper.then(lower)))
        within, own = _Way(none, none), list[_Way]()
        for place in range(min(up, top + 1)):
            back = from_block[up - 1 - place].then(within)
            if place == top:
                return np.asarray((1 + wrong * back.mean) / (wrong * back.end))
            whole = 1 - wrong + wrong * back.end
            own.append(_Way((1 + wrong * back.mean) / whole, wrong * back.end / whole))
            within = within.then(own[-1])
        block, top = own[::-1], top - up


@lru_cache(maxsize=64)
def smallest_limit(lattice: Lattice, rates: tuple[float, ...], rate: float) -> int:
    """Return the smallest limit; of very rare errors the smallest one on a coarser lattice."""
    coarse, together = _coarse(lattice)
    level = _smallest(coarse, tuple(each * together for each in rates), rate * together)
    return -(-level * lattice.up // coarse.up)


def _smallest(lattice: Lattice, rates: tuple[float, ...], rate: float) -> int:
    """Return the smallest limit; the logarithm of the rate is nearly a line in it, so a secant comes close at once."""

    @cache
    def excess(limit: int) -> float:
        return math.log(alarm_rate(limit, lattice, rates) / rate)

    least = lattice.down + 1
    low, high = lattice.up + lattice.down, 4 * (lattice.up + lattice.down)
    at_low, at_high = excess(low), excess(high)
    for _ in range(20):
        slope = (at_high - at_low) / (high - low)
        step = math.ceil(high - at_high / slope) if slope < 0 else 2 * high
        step = max(least, min(step, 2 * high))
        if abs(step - high) <= 1:
            break
        low, at_low, high, at_high = high, at_high, step, excess(step)
    # Where a limit takes one more error the rate jumps: from there in strides that double, and back by halves.
    stride = 1
    if excess(high) > 0:
        low = high
        while excess(high := high + stride) > 0:
            low, stride = high, 2 * stride
    else:
        low = high
        while low > least and excess(low := max(least, low - stride)) <= 0:
            high, stride = low, 2 * stride
        if low == least and excess(least) <= 0:
            return least
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return high
