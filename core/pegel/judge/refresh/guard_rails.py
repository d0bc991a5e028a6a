"""What a new baseline must not do, rail by rail: each says what was expected and what was given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from scipy.special import pdtr

from pegel.judge.refresh.baseline_changes import BaselineChanges, KindOfChange
from pegel.judge.refresh.replayed_windows import ReplayedWindows
from pegel.spec.monitor_spec import FalseAlarms
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many

LEAST_ROWS = 0.5
"""Part of the current baseline's rows that the new one has at least."""
CHANCE = 0.99
"""So often chance alone raises no more alarms than are allowed."""
NAMED = 5
"""Fields that are named of many."""


class State(StrEnum):
    """Whether a guard rail holds."""

    HELD = "held"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """There is nothing to tell it by. It is said, and stops nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRail:
    """One guard rail: its name, whether it holds, what was expected and what was given, in words."""

    name: str
    state: State
    expected: str
    given: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.name}: {self.state} - expected {self.expected}; given {self.given}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return asdict(self) | {"state": self.state.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{**data, "state": State(data["state"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The time that the new training data is of, and what windows said of it.

    `since`, `until`: of its rows, both inclusive; None where the spec names no column of times. `windows`: final ones
    that end in it; `alarming`: those of them with an alarming verdict.
    """

    since: datetime | None = None
    until: datetime | None = None
    windows: int = 0
    alarming: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetSuite:
    """How the new training data meets the suite of its model: what was asked, and what of it is not met, in words.

    Training data that misses a critical expectation gives no baseline at all. `asked` is 0 where there is no suite.
    """

    asked: int = 0
    unmet: tuple[str, ...] = ()


def rows_rail(changes: BaselineChanges) -> GuardRail:
    """Return whether there are enough rows: half of the current ones at least."""
    least = math.ceil(LEAST_ROWS * changes.rows_before)
    return GuardRail(
        name="rows",
        state=State.HELD if changes.rows_now >= least else State.BROKEN,
        expected=f"{how_many(least, 'row')} or more, half of the current {changes.rows_before:,}",
        given=how_many(changes.rows_now, "row"),
    )


def fields_rail(changes: BaselineChanges) -> GuardRail:
    """Return whether every field of the current baseline is still there, as what it was."""
    gone = [one for one in changes.fields if one.change in {KindOfChange.LOST, KindOfChange.OTHER}]
    before = sum(one.change is not KindOfChange.NEW for one in changes.fields)
    return GuardRail(
        name="fields",
        state=State.BROKEN if gone else State.HELD,
        expected=f"each of {how_many(before, 'field')}, of the same kind and role",
        given=_listed([f"{shown(one.name, NAME_LIMIT)} ({one.what})" for one in gone]) if gone else "all of them",
    )


def suite_rail(met: MetSuite) -> GuardRail:
    """Return how the training data meets its suite: what is critical is met, or there were no new baseline."""
    expected = "training data that meets what is critical in its suite"
    if not met.asked:
        given = "no suite: the spec states none (watch.expectations)"
        return GuardRail(name="suite", state=State.UNKNOWN, expected=expected, given=given)
    of = f"{met.asked - len(met.unmet):,} of {how_many(met.asked, 'expectation')} met"
    given = f"{of}; not met, and not critical: {_listed(list(met.unmet))}" if met.unmet else of
    return GuardRail(name="suite", state=State.HELD, expected=expected, given=given)


def interval_rail(learned: Learned, alarms: FalseAlarms, step: timedelta) -> GuardRail:
    """Return whether the time that is learned was a calm one: what was an alarm must not become the zero mark."""
    if learned.since is None or learned.until is None:
        given = "an unknown time: the spec names no baseline.time_column"
        return GuardRail(name="interval", state=State.UNKNOWN, expected="a calm time", given=given)
    allowed = most_by_chance(learned.windows, alarms, step)
    when = f"{learned.since:%Y-%m-%d %H:%M} to {learned.until:%Y-%m-%d %H:%M} UTC"
    expected = f"a calm time: at most {how_many(allowed, 'alarming window')}, as {alarms} allows"
    if not learned.windows:
        given = f"{when}, of which no window is kept"
        return GuardRail(name="interval", state=State.UNKNOWN, expected="a calm time", given=given)
    return GuardRail(
        name="interval",
        state=State.HELD if learned.alarming <= allowed else State.BROKEN,
        expected=expected,
        given=f"{learned.alarming:,} of {how_many(learned.windows, 'window')} from {when}",
    )


def replay_rails(
    replayed: ReplayedWindows | None, alarms: FalseAlarms, step: timedelta, why_not: str = ""
) -> list[GuardRail]:
    """Return whether the new baseline alarms where the current one does not, and whether it silences what alarmed.

    Chance is allowed for: each side raises false alarms as often as a person accepted, and no more is forgiven.
    `replayed`: None where there was nothing to replay with, `why_not` says why.
    """
    names = {"woken": "calm windows that would alarm", "silenced": "alarming windows that would fall silent"}
    if replayed is None or not replayed.windows:
        given = why_not or f"no window of the last week in the cells of the current baseline{_passed_over(replayed)}"
        return [
            GuardRail(name=name, state=State.UNKNOWN, expected=f"hardly any {words}", given=given)
            for name, words in names.items()
        ]
    allowed = most_by_chance(replayed.windows, alarms, step)
    counts = {
        "woken": (replayed.woken, replayed.woken_examples),
        "silenced": (replayed.silenced, replayed.silenced_examples),
    }
    rails = []
    for name, words in names.items():
        count, examples = counts[name]
        first = (
            f", first at {examples[0].start:%Y-%m-%d %H:%M} UTC ({_listed(list(examples[0].features))})"
            if examples
            else ""
        )
        rails.append(
            GuardRail(
                name=name,
                state=State.HELD if count <= allowed else State.BROKEN,
                expected=f"at most {allowed:,} {words}, as chance may at {alarms}",
                given=f"{count:,} of {how_many(replayed.windows, 'window')}{first}{_passed_over(replayed)}",
            )
        )
    return rails


def most_by_chance(windows: int, alarms: FalseAlarms, step: timedelta) -> int:
    """Return how many alarms so many windows raise at most in 99 of 100 cases, although nothing changes.

    >>> week, hour = timedelta(weeks=1), timedelta(hours=1)
    >>> [most_by_chance(n, FalseAlarms(), hour) for n in (0, 24, week // hour)]
    [0, 1, 4]
    """
    expected = float(alarms.count) * (windows * step / alarms.period)
    most = 0
    while most < windows and pdtr(most, expected) < CHANCE:
        most += 1
    return most


def _passed_over(replayed: ReplayedWindows | None) -> str:
    if replayed is None:
        return ""
    parts = []
    if replayed.other_cells:
        parts.append(f"{replayed.other_cells:,} counted by an earlier baseline")
    if replayed.unreadable:
        parts.append(f"{replayed.unreadable:,} that cannot be read")
    return f"; without {' and '.join(parts)}" if parts else ""


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - NAMED
    return ", ".join(shown(part) for part in parts[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
