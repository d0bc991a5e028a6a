"""Skew: does an online store serve what the offline table says of the same entity at the same time?

Training reads a table, a model server looks features up in a store that is filled from it. Where a load fails, a column
is computed in two ways or a unit differs between them, every window may look as in training, or none, and nobody sees
why. So each value that was served is compared with the one that the table had for its entity then.

A value that was valid in the table at any time of the last `behind` counts as the same: a store is filled a while after
its table. What was never in the table is not compared, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import MICROSECOND
from pegel.data.spans import Span
from pegel.detect.effect import Effect, percent, percent_of
from pegel.detect.tolerated import ToleratedShare
from pegel.judge.budget import sidak
from pegel.judge.decision import Criterion, FeatureVerdict, verdict_on
from pegel.judge.explanation import Explanation, explained_by
from pegel.judge.findings import Finding
from pegel.judge.judged import Judged
from pegel.spec.monitor_spec import MonitorSpec

DETECTOR = "skew"
LEVEL = 1e-6
"""Part of the spans without skew in which any feature of a model is told to have some."""
ALIKE = 1e-6
"""Relative difference up to which two numbers are one, inclusive: a store may keep 32 bits of a table's 64."""
Values: TypeAlias = NDArray[np.float64] | NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Features of entities at times. All arrays have one element per vector.

    `entities`: keys, see `pegel.data.entity_keys`. `times_us`: microseconds since 1970, UTC, int64: when a vector was
    served, or from when on a row of the table was so. `values`: by feature; numbers are float64 with NaN for none,
    texts are objects of str and None.
    """

    entities: NDArray[np.object_]
    times_us: NDArray[np.int64]
    values: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Skew:
    """How many of the served values differ from the table, by feature.

    `compared`: served vectors of which the table had a row then; `unknown`: those of which it had none.
    """

    compared: int
    unknown: int
    differing: Mapping[str, int]

    @classmethod
    def of(cls, served: Vectors, table: Vectors, behind: timedelta = timedelta(0)) -> Skew:
        """Compare what was served with the table as it was then, feature by feature, those that both have.

        A row of the table is valid from its time (inclusive) until the time of the entity's next row (exclusive); of
        rows of one time the one that stands last is. A value is the same where the row valid when it was served, or one
        that was valid at most `behind` before, has it; two that are missing are the same.
        """
        order, first, last = _valid(served, table, behind // MICROSECOND)
        known = last >= 0
        at, until = first[known], last[known]
        names = [name for name in served.values if name in table.values]
        same = {name: np.zeros(at.size, dtype=np.bool_) for name in names}
        # One row after the other, as far as any vector has one more: a step is a load, and few are as late as several.
        for step in range(int((until - at).max(initial=-1)) + 1):
            there = at + step <= until
            rows = order[(at + step)[there]]
            for name in names:
                same[name][there] |= _alike(served.values[name][known][there], table.values[name][rows])
        return cls(int(at.size), int(known.size - at.size), {name: int(np.sum(~same[name])) for name in names})

    def __add__(self, other: Skew) -> Skew:
        """Return what both have seen together."""
        differing = Counter(self.differing) + Counter(other.differing)
        names = [*self.differing, *(name for name in other.differing if name not in self.differing)]
        return Skew(
            self.compared + other.compared,
            self.unknown + other.unknown,
            {name: differing[name] for name in names},
        )

    def verdicts(self, *, alpha: float, budget_share: float, tolerated: float) -> list[FeatureVerdict]:
        """Return a verdict on each feature of which certainly more than a part of `tolerated` differs; none on others.

        `alpha`: level of all features together, `budget_share`: the part of the false-alarm budget that they have.
        Certain is what an exact binomial tail at the tolerated share says, at an equal part (Šidák) of the level.
        """
        number = max(1, len(self.differing))
        criterion = Criterion(DETECTOR, sidak(alpha, number), budget_share / number, 0.0)
        tests = {
            name: ToleratedShare(DETECTOR, count, self.compared, tolerated) for name, count in self.differing.items()
        }
        return [
            verdict_on(name, [test], criterion, _effect)
            for name, test in tests.items()
            if test.p_value < criterion.level
        ]


def skew_findings(skew: Skew, spec: MonitorSpec, span: Span) -> tuple[Finding, ...]:
    """Return a finding for each feature of which certainly more was served otherwise than `skew.tolerated`.

    They are told as a rule is, outside the budget of false alarms: no baseline and no window is compared, and of stores
    that serve what they should one in a million spans has one, by `LEVEL`.
    """
    verdicts = skew.verdicts(alpha=LEVEL, budget_share=0.0, tolerated=spec.skew.tolerated)
    judged, facts = Judged(spec, span, revision=1, origin="batch"), {"unknown": skew.unknown}
    return tuple(judged.finding(verdict, facts) for verdict in verdicts)


def explain_skew(finding: Finding) -> Explanation:
    """Recompute a finding about skew of the counts that it holds: neither rows nor a baseline are needed."""
    numbers = finding.evidence["tests"][finding.test]
    test = ToleratedShare(finding.test, int(numbers["seen"]), int(numbers["n"]), float(numbers["tolerated"]))
    explanation = explained_by(finding, [test], "P(K >= seen), K binomial of n served values at the tolerated share")
    return replace(explanation, budget=f"outside the budget: {LEVEL:g} in each span, of all features together")


def _effect(test: ToleratedShare) -> Effect:
    return Effect(test.share - test.tolerated, "share", sentence(test))


def sentence(test: ToleratedShare) -> str:
    """Return how many served values differ: `12 % of 1,204 served values differ from the table (tolerated 1 %)`."""
    part = percent_of(test.seen, test.n)
    return f"{part} of {test.n:,} served values differ from the table (tolerated {percent(test.tolerated)})"


def _valid(
    served: Vectors, table: Vectors, behind_us: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the table by entity and time, and of each vector the first and last of them that count.

    The last is -1 where the table had no row of the entity then.
    """
    _, codes = np.unique(np.concatenate([table.entities, served.entities]).astype(str), return_inverse=True)
    owner, asker = codes[: table.entities.size], codes[table.entities.size :]
    order = np.lexsort((np.arange(owner.size), table.times_us, owner))
    # Of rows of one time only the last was ever valid.
    replaced = (np.diff(owner[order]) == 0) & (np.diff(table.times_us[order]) == 0)
    order = order[~np.append(replaced, np.zeros(min(1, order.size), dtype=np.bool_))]
    begins = np.searchsorted(owner[order], asker, side="left")
    last = _latest(owner[order], table.times_us[order], asker, served.times_us)
    # Valid at that time, but no longer `behind` later, or from when on the entity is known.
    first = np.maximum(_latest(owner[order], table.times_us[order], asker, served.times_us - behind_us), begins)
    return order, first, np.where(last >= begins, last, -1)


def _latest(
    owner: NDArray[np.int64], times: NDArray[np.int64], asker: NDArray[np.int64], until: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where each asker's entity has its last row up to a time, inclusive; before its first where it has none."""
    both = np.concatenate([owner, asker]), np.concatenate([times, until])
    is_asker = np.concatenate([np.zeros(owner.size, dtype=np.int8), np.ones(asker.size, dtype=np.int8)])
    order = np.lexsort((is_asker, both[1], both[0]))
    rows_before = np.cumsum(is_asker[order] == 0)
    found = np.empty(order.size, dtype=np.int64)
    found[order] = rows_before - 1
    return found[owner.size :]


def _alike(some: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which values are the same; numbers and texts never are."""
    if "O" in {some.dtype.kind, others.dtype.kind}:
        return np.fromiter(map(_is_same, some.tolist(), others.tolist()), dtype=np.bool_, count=some.size)
    missing = np.isnan(some) & np.isnan(others)
    with np.errstate(invalid="ignore"):
        near = np.abs(some - others) <= ALIKE * np.maximum(np.abs(some), np.abs(others))
    return np.asarray(missing | near | (some == others))


def _is_same(one: object, other: object) -> bool:
    return _plain(one) == _plain(other)


def _plain(value: object) -> object:
    """Return a value with one way to be missing."""
    return None if isinstance(value, float) and np.isnan(value) else value
