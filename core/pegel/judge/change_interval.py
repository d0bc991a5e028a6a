"""From when to when a change began, as a finding holds it: instants, what they rest on, and how sure they are.

::

    windows   |--0--|--1--|--2--|     |--3--|--4--|     the change may have begun with windows 2 to 3:
                          ^ earliest        ^ latest    between the two instants

"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pegel.detect.change_point import CONFIDENCE, change_points
from pegel.detect.recent_deviations import DeviationSeries
from pegel.errors import NotFound

BEGAN, SERIES, SHARE, SQUARES = "began", "deviations", "baseline_share", "of_squares"
"""Where the evidence of a chart's finding keeps the interval, and what it is computed from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeInterval:
    """Between which instants a change began, at `confidence`.

    `earliest`: the end of the last window that was not yet changed; None where the change may be older than what is
    kept, that is than `known_from`. `latest`: the end of the last window that the change may have begun with.
    `windows`: how many windows are between. `is_sudden`: whether it looks like a change at once, of which `earliest`
    holds; if it came gradually all the same, it began at `gradual_earliest` or later; None as of `earliest`.
    """

    earliest: datetime | None
    latest: datetime
    gradual_earliest: datetime | None
    known_from: datetime
    windows: int
    is_sudden: bool
    confidence: float = CONFIDENCE

    @classmethod
    def of(cls, series: DeviationSeries, baseline_share: float, *, squares: bool = False) -> Self | None:
        """Return the interval for the deviations up to an alarm; None where none are kept.

        `baseline_share`, `squares`: as of `change_points`.
        """
        if not len(series):
            return None
        found = change_points(series.z, baseline_share, squares=squares)
        first, last = found.sudden if found.is_sudden else found.any_way
        return cls(
            earliest=_not_before(series, first),
            latest=series.end(last),
            gradual_earliest=_not_before(series, found.any_way[0]),
            known_from=series.start(0),
            windows=last - first + 1,
            is_sudden=found.is_sudden,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`; instants in ISO 8601, UTC."""
        return {
            "earliest": _text(self.earliest),
            "latest": _text(self.latest),
            "gradual_earliest": _text(self.gradual_earliest),
            "known_from": _text(self.known_from),
            "windows": self.windows,
            "is_sudden": self.is_sudden,
            "confidence": self.confidence,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        earliest, gradual = data["earliest"], data["gradual_earliest"]
        return cls(
            earliest=None if earliest is None else datetime.fromisoformat(earliest),
            latest=datetime.fromisoformat(data["latest"]),
            gradual_earliest=None if gradual is None else datetime.fromisoformat(gradual),
            known_from=datetime.fromisoformat(data["known_from"]),
            windows=data["windows"],
            is_sudden=data["is_sudden"],
            confidence=data["confidence"],
        )


def interval_evidence(series: DeviationSeries, baseline_share: float, *, squares: bool = False) -> dict[str, Any]:
    """Return what the evidence of a chart's finding keeps of when the change began; nothing where nothing is known."""
    interval = ChangeInterval.of(series, baseline_share, squares=squares)
    if interval is None:
        return {}
    return {BEGAN: interval.to_json(), SERIES: series.to_json(), SHARE: baseline_share, SQUARES: squares}


def interval_of(evidence: Mapping[str, Any]) -> ChangeInterval | None:
    """Return the interval that the evidence of a finding holds; None where it is of no chart, or nothing is known.

    One that is damaged is not known: what else the finding says is told all the same.
    """
    chart = evidence.get("chart")
    stored = chart.get(BEGAN) if isinstance(chart, Mapping) else None
    try:
        return None if stored is None else ChangeInterval.from_json(stored)
    except (KeyError, TypeError, ValueError):
        return None


def recomputed(evidence: Mapping[str, Any]) -> ChangeInterval | None:
    """Return the interval once more from the deviations in the evidence of a finding; None where there are none.

    Raises NotFound where they are damaged.
    """
    chart = evidence.get("chart")
    if not isinstance(chart, Mapping) or SERIES not in chart:
        return None
    try:
        return ChangeInterval.of(DeviationSeries.from_json(chart[SERIES]), chart[SHARE], squares=chart[SQUARES])
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise NotFound(
            "expected the deviations that a chart saw in the evidence of the finding, found what cannot be read "
            f"({error!r}): nothing was recomputed."
        ) from error


def _not_before(series: DeviationSeries, first: int) -> datetime | None:
    """Return the end of the window before; a change may have begun since then, also where nothing was seen."""
    return None if first == 0 else series.end(first - 1)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
