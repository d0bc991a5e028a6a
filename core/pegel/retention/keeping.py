"""How long each kind of result is kept, by default and as a setting says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pegel.errors import SetupError
from pegel.spec.durations import parse_duration
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted, shown

FOREVER = "forever"


class ResultKind(StrEnum):
    """What is kept apart; the value is its name in the setting."""

    WINDOWS = "windows"
    ROW_QUALITY = "row_quality"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    FINDINGS = "findings"
    OUTLIERS = "outliers"
    LEDGER = "ledger"
    INVALID = "invalid"
    NOT_TOLD = "not_told"
    """What could not be told to people, and why."""
    PERFORMANCE = "performance"
    LABEL_HOURS = "label_hours"
    """Which archived rows of an hour are in the figures."""
    SKEW = "skew"
    ATTRIBUTIONS = "attributions"
    """Windows of explained rows."""
    ARCHIVED = "archived"
    """Which records are archived."""
    BASELINES = "baselines"
    ROWS = "rows"
    """Archived rows."""
    UNREADABLE = "unreadable"
    """Archived bodies that nobody could read."""
    LABELS = "labels"
    NOT_LABELS = "not_labels"
    """What was sent as a label and is none, of all models of a namespace."""


DEFAULTS: Mapping[ResultKind, timedelta | None] = MappingProxyType(
    {
        ResultKind.WINDOWS: timedelta(days=90),
        ResultKind.ROW_QUALITY: timedelta(days=90),
        ResultKind.HOURS: timedelta(days=180),
        # A day of 50 fields is some 20 kB: ten years of it are 73 MB.
        ResultKind.DAYS: None,
        ResultKind.WEEKS: None,
        ResultKind.FINDINGS: timedelta(days=366),
        ResultKind.OUTLIERS: timedelta(days=90),
        ResultKind.LEDGER: timedelta(days=90),
        ResultKind.INVALID: timedelta(days=30),
        ResultKind.NOT_TOLD: timedelta(days=90),
        ResultKind.PERFORMANCE: None,
        ResultKind.LABEL_HOURS: timedelta(days=366),
        ResultKind.SKEW: timedelta(days=366),
        ResultKind.ATTRIBUTIONS: timedelta(days=366),
        ResultKind.ARCHIVED: timedelta(days=90),
        ResultKind.BASELINES: timedelta(days=366),
        ResultKind.ROWS: timedelta(days=90),
        ResultKind.UNREADABLE: timedelta(days=30),
        ResultKind.LABELS: timedelta(days=180),
        ResultKind.NOT_LABELS: timedelta(days=30),
    }
)
"""None: for ever."""
SHORTEST = timedelta(days=1)
LONGER: Mapping[ResultKind, timedelta] = MappingProxyType(
    {
        # Weeks are made of them, and late rows of a week ago are counted into them.
        ResultKind.WINDOWS: timedelta(days=15),
        # An hour that labels may still be of would be looked at in every run.
        ResultKind.LABEL_HOURS: timedelta(days=180),
    }
)
"""Kinds that are kept for longer than `SHORTEST` at least."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long each kind is kept; None: for ever."""

    lengths: Mapping[ResultKind, timedelta | None] = field(default_factory=lambda: DEFAULTS)

    @classmethod
    def parse(cls, text: str) -> Keeping:
        """Read what differs from the defaults: `windows=60d, days=forever`. Raises SetupError.

        >>> Keeping.parse("windows=60d").lengths[ResultKind.WINDOWS].days
        60
        """
        lengths = dict(DEFAULTS)
        for part in filter(None, (each.strip() for each in text.split(","))):
            name, sign, value = (each.strip() for each in part.partition("="))
            if not sign or name not in set(ResultKind):
                near = did_you_mean(name, [kind.value for kind in ResultKind], lead=" ")
                raise _refused(f"given {quoted(part)}; kinds: {', '.join(ResultKind)}.{near}")
            lengths[ResultKind(name)] = _length(ResultKind(name), value)
        return cls(MappingProxyType(lengths))

    def cutoff(self, kind: ResultKind, now: datetime) -> datetime | None:
        """Return the instant before which a kind is old; None where it is kept for ever."""
        length = self.lengths[kind]
        return None if length is None else now - length


def _length(kind: ResultKind, value: str) -> timedelta | None:
    if value == FOREVER:
        return None
    try:
        length = parse_duration(value)
    except ValueError as error:
        raise _refused(f"given {shown(value)} of {kind}, which {error}; or say `{FOREVER}`.") from error
    least = LONGER.get(kind, SHORTEST)
    if length is None or length < least:
        raise _refused(f"given {quoted(value)} of {kind}; expected `{FOREVER}` or at least {least.days}d.")
    return length


def _refused(given: str) -> SetupError:
    return SetupError(
        f"PEGEL_KEEP: expected lengths of time by kind, such as `windows=60d, days=forever`; {given} "
        "Nothing was removed."
    )
