"""What is known of a new baseline before it replaces the current one, and what is to become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from pegel.baseline.baseline import Baseline
from pegel.judge.refresh.baseline_changes import BaselineChanges, compare_baselines
from pegel.judge.refresh.guard_rails import (
    GuardRail,
    Learned,
    MetSuite,
    State,
    fields_rail,
    interval_rail,
    replay_rails,
    rows_rail,
    suite_rail,
)
from pegel.judge.refresh.replayed_windows import ReplayedWindows
from pegel.spec.monitor_spec import MonitorSpec, RefreshMode


class Way(StrEnum):
    """What becomes of a new baseline."""

    PROMOTE = "promote"
    ASK = "ask"
    """A person says whether it is promoted."""
    LEAVE = "leave"
    """Nothing is promoted: the spec says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReview:
    """What is another in a new baseline, and whether its guard rails hold."""

    changes: BaselineChanges
    rails: tuple[GuardRail, ...]

    @classmethod
    def of(
        cls,
        spec: MonitorSpec,
        current: Baseline,
        new: Baseline,
        *,
        recount: Baseline | None,
        replayed: ReplayedWindows | None,
        learned: Learned,
        met: MetSuite,
        why_not: str = "",
    ) -> Self:
        """Look at a new baseline. `recount` and `replayed`: None where there are none, then `why_not` says why."""
        changes = compare_baselines(current, new, recount, margin=spec.watch.margin, why_not=why_not)
        alarms, step = spec.false_alarms, spec.windowing.step
        rails = (
            rows_rail(changes),
            fields_rail(changes),
            suite_rail(met),
            interval_rail(learned, alarms, step),
            *replay_rails(replayed, alarms, step, why_not),
        )
        return cls(changes=changes, rails=rails)

    @classmethod
    def of_unreadable(cls, new: Baseline, *, met: MetSuite, why_not: str) -> Self:
        """Say that there is nothing to compare with: the current baseline cannot be read, and judges nothing."""
        changes = BaselineChanges(rows_before=0, rows_now=new.rows, fields=(), why_not=why_not)
        return cls(changes=changes, rails=(suite_rail(met),))

    @property
    def broken(self) -> tuple[GuardRail, ...]:
        """Return the guard rails that do not hold."""
        return tuple(rail for rail in self.rails if rail.state is State.BROKEN)

    def way(self, mode: RefreshMode) -> Way:
        """Return what becomes of the new baseline: by itself it is promoted only where every guard rail holds."""
        if mode == "never":
            return Way.LEAVE
        return Way.ASK if mode == "approve" or self.broken else Way.PROMOTE

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"changes": self.changes.to_json(), "rails": [rail.to_json() for rail in self.rails]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            changes=BaselineChanges.from_json(data["changes"]),
            rails=tuple(GuardRail.from_json(rail) for rail in data["rails"]),
        )
