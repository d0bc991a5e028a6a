"""Does a classifier err more often than in training? A chart over labelled events, one after the other.

Levels are integers on a lattice, see `pegel.detect.bernoulli_run_length`. The error rate of training is itself an
estimate, so the limit is solved for the rate of alarms averaged over what that may be.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.detect.bernoulli_run_length import WORSE, Lattice, smallest_limit

LEAST_ROWS, LEAST_ERRORS, ENOUGH_ERRORS = 1_000, 100, 400
"""Of training: fewer labelled rows, or errors, give no chart; fewer errors than enough give a chart that says so."""
QUANTILES = 41
"""Error rates of training that are averaged over: equally likely ones."""


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
    limit = smallest_limit(lattice, likely_rates(errors, rows), rate)
    few = None
    if errors < ENOUGH_ERRORS:
        few = (
            f"training has {errors} wrong answers only: the limit of the chart over labelled events is widened by what "
            f"their rate may be by chance; from {ENOUGH_ERRORS} on that costs little"
        )
    return BernoulliLimits(lattice, math.ceil(factor * limit), few)
