"""Rows of the windows before: what crowded then is no news now, and what never crowds in one window may in sixteen.

Sixteen windows, one after the other, are a horizon: its rows are judged together when its last window is final. Of all
that is remembered at most 8,192 rows are kept at a time, thrice: of windows, of horizons, and of the horizon at hand.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from pegel.data.spans import Span
from pegel.detect.crowded_cells import RECENT_TIMES
from pegel.stats.fingerprints.kept_rows import MOST_ROWS, KeptRows

WINDOWS = 16
"""Windows that are remembered, and that make a horizon."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last sixteen of some spans, the oldest first, all of them at one level."""

    spans: tuple[KeptRows, ...] = ()

    def plus(self, rows: KeptRows) -> Remembered:
        """Return it with one more span."""
        kept = [*self.spans[-(WINDOWS - 1) :], rows.bare()]
        level = max(one.level for one in kept)
        while sum(one.raised(level).n for one in kept) > MOST_ROWS:
            level += 1
        return Remembered(tuple(one.raised(level) for one in kept))

    def beside(self, rows: KeptRows) -> tuple[KeptRows, KeptRows] | None:
        """Return the rows of a span and those remembered, to be compared; None where these are too few.

        Of a span with many rows only a part is compared, so that four times as many are known of before.
        """
        known = KeptRows.total(self.spans)
        level = rows.level
        # Both at the level at which they are kept: of more rows than were kept, so many stand for all.
        if known.n * 2.0**known.level < RECENT_TIMES * rows.n * 2.0**rows.level or not known.n:
            return None
        while rows.raised(level).n * RECENT_TIMES > known.n:
            level += 1
        return rows.raised(level), known

    def to_json(self) -> list[str]:
        """Return plain JSON, the inverse of `from_json`."""
        return [base64.b64encode(rows.to_bytes()).decode() for rows in self.spans]

    @classmethod
    def from_json(cls, data: list[str]) -> Self:
        """Read what `to_json` wrote."""
        return cls(tuple(KeptRows.from_bytes(base64.b64decode(text)) for text in data))


@dataclass(frozen=True, slots=True)
class Horizon:
    """The windows since a horizon began, before it is whole: their rows, how many they are, and from when to when."""

    rows: KeptRows
    windows: int
    since: datetime
    until: datetime

    def plus(self, rows: KeptRows, span: Span) -> Horizon:
        """Return it with one more window."""
        return Horizon(self.rows.merge(rows), self.windows + 1, self.since, span.end)

    @property
    def is_whole(self) -> bool:
        """Say whether all of its windows are there."""
        return self.windows >= WINDOWS


@dataclass(frozen=True, slots=True)
class RecentCrowds:
    """What a monitor remembers of rows from one final window to the next."""

    windows: Remembered = Remembered()
    horizons: Remembered = Remembered()
    horizon: Horizon | None = None

    def with_window(self, rows: KeptRows, span: Span) -> Horizon:
        """Return the horizon at hand with one more window; it begins with it where none has begun."""
        if self.horizon is None:
            return Horizon(rows, 1, span.start, span.end)
        return self.horizon.plus(rows, span)

    def after(self, rows: KeptRows, horizon: Horizon, *, window_told: bool, horizon_told: bool) -> RecentCrowds:
        """Return what is remembered after a window. What an alarm was about is not: it shall not excuse itself."""
        windows = self.windows if window_told else self.windows.plus(rows)
        if not horizon.is_whole:
            return replace(self, windows=windows, horizon=horizon)
        horizons = self.horizons if horizon_told else self.horizons.plus(horizon.rows)
        return RecentCrowds(windows, horizons, None)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        one = self.horizon
        return {
            "windows": self.windows.to_json(),
            "horizons": self.horizons.to_json(),
            "horizon": None
            if one is None
            else {
                "rows": base64.b64encode(one.rows.to_bytes()).decode(),
                "windows": one.windows,
                "since": one.since.isoformat(),
                "until": one.until.isoformat(),
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        one = data["horizon"]
        horizon = None
        if one is not None:
            since, until = (datetime.fromisoformat(one[name]) for name in ("since", "until"))
            horizon = Horizon(KeptRows.from_bytes(base64.b64decode(one["rows"])), one["windows"], since, until)
        return cls(Remembered.from_json(data["windows"]), Remembered.from_json(data["horizons"]), horizon)
