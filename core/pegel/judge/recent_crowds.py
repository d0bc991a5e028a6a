"""Rows of the windows before: what crowded then is no news now, and what never crowds in one window may in sixteen.

Sixteen windows, one after the other, are a horizon: its rows are judged together when its last window is final. Of all
that is remembered at most 8,192 rows are kept at a time, thrice: of windows, of horizons, and of the horizon at hand.

What is stored of it is a list of names; the rows of each window and horizon are stored once, under its own::

    w1 ... w16              windows: rows alone, those of the horizon at hand among them
    from w1 ... from w16    who sent the rows of windows of the horizon at hand
    16 w1                   a horizon that is over: rows alone
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from pegel.data.spans import Span
from pegel.detect.crowded_cells import RECENT_TIMES
from pegel.stats.fingerprints.kept_rows import MOST_ROWS, KeptRows

WINDOWS = 16
"""Windows that are remembered, and that make a horizon."""
SENDERS = "from "
"""Begins the name of what is stored of the senders of a window's rows, before that of the window."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last sixteen of some spans by name, the oldest first, all of them at one level."""

    spans: tuple[tuple[str, KeptRows], ...] = ()

    def plus(self, name: str, rows: KeptRows) -> Remembered:
        """Return it with one more span."""
        kept = [*self.spans[-(WINDOWS - 1) :], (name, rows.bare())]
        level = max(one.level for _, one in kept)
        while sum(one.raised(level).n for _, one in kept) > MOST_ROWS:
            level += 1
        return Remembered(tuple((each, one.raised(level)) for each, one in kept))

    def beside(self, rows: KeptRows) -> tuple[KeptRows, KeptRows] | None:
        """Return the rows of a span and those remembered, to be compared; None where these are too few.

        Of a span with many rows only a part is compared, so that four times as many are known of before.
        """
        known = KeptRows.total(one for _, one in self.spans)
        level = rows.level
        # Both at the level at which they are kept: of more rows than were kept, so many stand for all.
        if known.n * 2.0**known.level < RECENT_TIMES * rows.n * 2.0**rows.level or not known.n:
            return None
        while rows.raised(level).n * RECENT_TIMES > known.n:
            level += 1
        return rows.raised(level), known

    @property
    def level(self) -> int:
        """Return the level that all spans are kept at."""
        return max((one.level for _, one in self.spans), default=0)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The windows since a horizon began, before it is whole: their rows and names, and from when to when."""

    rows: KeptRows
    names: tuple[str, ...]
    since: datetime
    until: datetime

    def plus(self, rows: KeptRows, span: Span) -> Horizon:
        """Return it with one more window."""
        return Horizon(self.rows.merge(rows), (*self.names, name_of(span)), self.since, span.end)

    @property
    def is_whole(self) -> bool:
        """Say whether all of its windows are there."""
        return len(self.names) >= WINDOWS


@dataclass(frozen=True, slots=True)
class RecentCrowds:
    """What a monitor remembers of rows from one final window to the next."""

    windows: Remembered = Remembered()
    horizons: Remembered = Remembered()
    horizon: Horizon | None = None

    def with_window(self, rows: KeptRows, span: Span) -> Horizon:
        """Return the horizon at hand with one more window; it begins with it where none has begun."""
        if self.horizon is None:
            return Horizon(rows, (name_of(span),), span.start, span.end)
        return self.horizon.plus(rows, span)

    def after(self, rows: KeptRows, horizon: Horizon, *, window_told: bool, horizon_told: bool) -> RecentCrowds:
        """Return what is remembered after a window. What an alarm was about is not: it shall not excuse itself."""
        windows = self.windows if window_told else self.windows.plus(horizon.names[-1], rows)
        if not horizon.is_whole:
            return replace(self, windows=windows, horizon=horizon)
        known = f"{WINDOWS} {horizon.names[0]}"
        horizons = self.horizons if horizon_told else self.horizons.plus(known, horizon.rows)
        return RecentCrowds(windows, horizons, None)

    @property
    def names(self) -> frozenset[str]:
        """Return under which names rows have to be stored."""
        own = () if self.horizon is None else self.horizon.names
        kept = (name for name, _ in (*self.windows.spans, *self.horizons.spans))
        return frozenset([*kept, *own, *(f"{SENDERS}{name}" for name in own)])

    def packed(self, names: Collection[str], sent: Mapping[str, KeptRows]) -> dict[str, bytes]:
        """Return what is to be stored under some names; `sent`: the rows of windows, by name, with their senders."""
        found = dict(self.horizons.spans)
        found |= {name: rows.bare() for name, rows in sent.items()}
        found |= {f"{SENDERS}{name}": rows.senders() for name, rows in sent.items()}
        return {name: rows.to_bytes() for name, rows in found.items() if name in names}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, which names the rows and does not hold them."""
        one = self.horizon
        return {
            "windows": {"level": self.windows.level, "names": [name for name, _ in self.windows.spans]},
            "horizons": {"level": self.horizons.level, "names": [name for name, _ in self.horizons.spans]},
            "horizon": None
            if one is None
            else {"names": list(one.names), "since": one.since.isoformat(), "until": one.until.isoformat()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], stored: Mapping[str, bytes]) -> Self:
        """Read what `to_json` wrote, with the rows as they were packed, by name.

        Raises KeyError where rows are missing, LayoutMismatch where they cannot be read.
        """
        one, horizon = data["horizon"], None
        if one is not None:
            since, until = (datetime.fromisoformat(one[name]) for name in ("since", "until"))
            rows = KeptRows.total(
                _rows(stored, name).sent_by(_rows(stored, f"{SENDERS}{name}")) for name in one["names"]
            )
            horizon = Horizon(rows, tuple(one["names"]), since, until)
        windows, horizons = (
            Remembered(tuple((name, _rows(stored, name).raised(known["level"])) for name in known["names"]))
            for known in (data["windows"], data["horizons"])
        )
        return cls(windows, horizons, horizon)


def name_of(span: Span) -> str:
    """Return by what the rows of a window are known."""
    return f"{span.start.isoformat()}/{span.end.isoformat()}"


def _rows(stored: Mapping[str, bytes], name: str) -> KeptRows:
    return KeptRows.from_bytes(stored[name])
