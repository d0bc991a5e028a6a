"""Does a classifier err more often than in training? A chart over labelled events, one after the other.

Levels are integers on a lattice, so the average run length is exact: it solves one banded linear system. The error rate
of training is itself an estimate, so the limit is solved for the rate of alarms averaged over what that may be.

Source: M. R. Reynolds and Z. G. Stoumbos, "A CUSUM chart for monitoring a proportion when inspecting continuously",
Journal of Quality Technology 31 (1999).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

WORSE = 1.5
"""The chart is made for an error rate this many times that of training."""
LEAST_ROWS, LEAST_ERRORS, ENOUGH_ERRORS = 1_000, 100, 400
"""Of training: fewer labelled rows, or errors, give no chart; fewer errors than enough give a chart that says so."""
FINE = 0.02
"""From this error rate on, a right answer takes 10 steps of the lattice down instead of one."""
QUANTILES = 41
"""Error rates of training that are averaged over: equally likely ones."""
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


@dataclass(frozen=True, slots=True)
class BernoulliLimits:
    """Steps and limit of a chart. `message`: what it costs that training has few errors; None where it has enough."""

    lattice: Lattice
    limit: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class BernoulliState:
    """A chart after some events: its `level`, and how many events and errors there were since it was last 0.

    `since`: the time of the first of these, ISO 8601; None where there are none, or times are not known.
    """

    level: int = 0
    events: int = 0
    errors: int = 0
    since: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `BernoulliState(**data)`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BernoulliAlarm:
    """The event `at` which a chart alarmed, by its position, and the chart then: the run that led there."""

    at: int
    before: BernoulliState
    run: BernoulliState


def follow(
    state: BernoulliState,
    wrong: NDArray[np.bool_],
    limits: BernoulliLimits,
    times: NDArray[np.datetime64] | None = None,
) -> tuple[BernoulliState, list[BernoulliAlarm]]:
    """Return the chart after further events, in their order, and its alarms; after each it goes on from 0.

    `times`: of the events, shape as `wrong`, UTC; None where nobody asks since when a run has been going.

    >>> state, alarms = follow(BernoulliState(), np.ones(20, dtype=bool), BernoulliLimits(Lattice(71, 10), 1_227))
    >>> [alarm.at for alarm in alarms], state.level
    ([17], 142)
    """
    steps = np.where(wrong, limits.lattice.up, -limits.lattice.down).astype(np.int64)
    alarms: list[BernoulliAlarm] = []
    start = 0
    while start < steps.size:
        levels, since = _levels(state.level, steps[start:])
        (beyond,) = np.nonzero(levels >= limits.limit)
        end = steps.size if not beyond.size else start + int(beyond[0]) + 1
        part = slice(start, end)
        last = end - start - 1
        after = _after(state, wrong[part], int(levels[last]), int(since[last]), None if times is None else times[part])
        if beyond.size:
            alarms.append(BernoulliAlarm(end - 1, state, after))
            after = BernoulliState()
        state, start = after, end
    return state, alarms


def _levels(level: int, steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the level after each step, and the position of the step after which it was last 0; -1 for none."""
    walk = level + np.cumsum(steps)
    lowest = np.minimum(np.minimum.accumulate(walk), 0)
    levels = walk - lowest
    since = np.maximum.accumulate(np.where(levels == 0, np.arange(steps.size), -1))
    return levels, since


def _after(
    state: BernoulliState, wrong: NDArray[np.bool_], level: int, since: int, times: NDArray[np.datetime64] | None
) -> BernoulliState:
    """Return the chart at `level`, which was last 0 after the event `since`; -1: before the first of these."""
    run = wrong[since + 1 :]
    before = state if since < 0 else BernoulliState()
    begun = before.since
    if begun is None and run.size and times is not None:
        begun = f"{np.datetime_as_string(times[since + 1], unit='us')}+00:00"
    return BernoulliState(level, before.events + run.size, before.errors + int(np.count_nonzero(run)), begun)


def average_run_length(rate: float, lattice: Lattice, limit: int) -> float:
    """Return the events until a chart alarms, on average, if answers are wrong independently at `rate`."""
    return float(_run_lengths((rate,), lattice, limit)[0])


def alarm_rate(limit: int, lattice: Lattice, rates: tuple[float, ...]) -> float:
    """Return the alarms per event, averaged over equally likely error rates."""
    return math.fsum((1 / _run_lengths(rates, lattice, limit)).tolist()) / len(rates)


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


def likely_rates(errors: int, rows: int) -> tuple[float, ...]:
    """Return equally likely error rates of a model that erred in `errors` of `rows` (Jeffreys' posterior law)."""
    from scipy.special import betaincinv  # noqa: PLC0415

    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return tuple(betaincinv(errors + 0.5, rows - errors + 0.5, places).tolist())


def why_no_chart(errors: int, rows: int) -> str | None:
    """Return why a chart cannot be made of what is known of training; None where it can."""
    if rows < LEAST_ROWS or errors < LEAST_ERRORS:
        return (
            f"labelled events are not charted: training has {errors:,} wrong answers among {rows:,} labelled rows, and "
            f"{LEAST_ERRORS} among {LEAST_ROWS:,} are needed"
        )
    if WORSE * errors >= rows:
        return f"labelled events are not charted: {errors:,} of {rows:,} answers are wrong in training already"
    return None


def limits(errors: int, rows: int, rate: float, *, factor: float = 1.0) -> BernoulliLimits | None:
    """Return the limit at which a chart alarms `rate` times per event; None where `why_no_chart` says why.

    Args:
        errors: Wrong answers among the labelled rows of training.
        rows: Labelled rows of training.
        rate: Alarms per labelled event, on average over what the error rate of training may be.
        factor: By how much errors come in bursts, see `pegel.detect.error_rate`; the limit is so many times higher.
    """
    if why_no_chart(errors, rows) is not None or rate <= 0:
        return None
    lattice = Lattice.of(errors / rows)
    limit = _limit(lattice, likely_rates(errors, rows), rate)
    few = None
    if errors < ENOUGH_ERRORS:
        few = (
            f"training has {errors} wrong answers only: the limit of the chart over labelled events is widened by what "
            f"their rate may be by chance; from {ENOUGH_ERRORS} on that costs little"
        )
    return BernoulliLimits(lattice, math.ceil(factor * limit), few)


@lru_cache(maxsize=64)
def _limit(lattice: Lattice, rates: tuple[float, ...], rate: float) -> int:
    """Return the smallest limit; the logarithm of the rate is nearly a line in it, so a secant comes close at once."""

    def excess(limit: int) -> float:
        return math.log(alarm_rate(limit, lattice, rates) / rate)

    low, high = lattice.up + lattice.down, 4 * (lattice.up + lattice.down)
    at_low, at_high = excess(low), excess(high)
    for _ in range(20):
        slope = (at_high - at_low) / (high - low)
        step = math.ceil(high - at_high / slope) if slope < 0 else 2 * high
        step = max(lattice.down + 1, min(step, 2 * high))
        if abs(step - high) <= 1:
            break
        low, at_low, high, at_high = high, at_high, step, excess(step)
    while excess(high) > 0:
        high += 1
    while high > lattice.down + 1 and excess(high - 1) <= 0:
        high -= 1
    return high
