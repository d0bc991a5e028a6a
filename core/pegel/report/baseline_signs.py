"""The signs of a baseline that is old and of a refresh that was refused, read from the database in two statements.

What cannot be read is named and shows no sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from pegel.alerts.health import Sign
from pegel.alerts.health_kind import HealthKind
from pegel.report.health_signs import Signs, sign_of_model
from pegel.report.reading import PartReader
from pegel.report.words import moment
from pegel.spec.limits import REFRESH_LATE_BY, REFRESHED_EVERY, UNREFRESHED_FOR
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.store.baseline_store import BaselineStore
from pegel.store.refresh_tries import RefreshTries, RefreshTry

NEVER = "never"


class BaselineSources(Protocol):
    """What is kept of baselines and of their refreshes."""

    @property
    def baselines(self) -> BaselineStore:
        """Return which baseline is in force since when."""
        ...

    @property
    def refresh_tries(self) -> RefreshTries:
        """Return how the newest refreshes ended."""
        ...


def with_baseline_signs(found: Signs, kept: BaselineSources, specs: Sequence[MonitorSpec], now: datetime) -> Signs:
    """Return what was found, and with it what is wrong with baselines in force. Raises TemporaryError."""
    reader, damaged = PartReader(), dict[tuple[str, int], str]()
    since = reader.part("baselines in force", kept.baselines.in_force_since, dict[tuple[str, int], datetime]())
    tries = reader.part(
        "how refreshes ended", lambda: kept.refresh_tries.all(damaged=damaged), dict[tuple[str, int], RefreshTry]()
    )
    signs = list[Sign]()
    for spec in specs:
        key = (spec.model.name, spec.model.version)
        if key not in since or key in damaged:
            continue
        if (why := refused_refresh(spec, since[key], tries.get(key), now)) is not None:
            signs.append(sign_of_model(HealthKind.REFRESH_REFUSED, spec, why))
        if (why := old_baseline(spec, since[key], tries.get(key), now)) is not None:
            signs.append(sign_of_model(HealthKind.BASELINE_OLD, spec, why))
    problems = [*found.problems, *reader.problems, *damaged.values()]
    return replace(found, signs=[*found.signs, *signs], problems=problems)


def refused_refresh(spec: MonitorSpec, in_force: datetime, tried: RefreshTry | None, now: datetime) -> str | None:
    """Return why no refresh was settled, if that is worth an alert by now; `in_force`: since when the baseline is.

    What was put in force after the newest try is no longer the baseline that it was about.
    """
    if tried is None or tried.refused_since is None or tried.tells_from is None or spec.baseline.refresh == NEVER:
        return None
    if now < tried.tells_from or in_force > tried.tried_at:
        return None
    since = moment(tried.refused_since, now)
    return f"no refresh came through since {since} UTC: {shown(tried.reason, LONGEST_SENTENCE)}"


def old_baseline(spec: MonitorSpec, in_force: datetime, tried: RefreshTry | None, now: datetime) -> str | None:
    """Return since when nobody has looked whether a baseline is still that of its training data, if that is too long.

    A refresh that finds equal training data makes no other baseline, and this one no older.
    """
    settled = in_force if tried is None or tried.settled_at is None else max(in_force, tried.settled_at)
    is_left_out = spec.baseline.refresh == NEVER
    allowed = UNREFRESHED_FOR if is_left_out else REFRESHED_EVERY + REFRESH_LATE_BY
    if now - settled <= allowed:
        return None
    usual = f"`baseline.refresh` is never, and {allowed.days} days are long" if is_left_out else "each night one does"
    return f"no refresh has compared it with its training data since {moment(settled, now)} UTC; {usual}"
