"""What entered the charts of late: the deviations of the newest windows, kept to say when a change began.

A deviation is a standard normal value if nothing has changed. It is kept as a whole number of sixteenths of one, in a
byte: rounding adds a thirtieth of a percent to its variance. Charts of both directions see the same deviation with two
signs, so it is kept once, as it is upwards.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import EPOCH, MICROSECOND
from pegel.data.spans import Span

MOST_KEPT = 128
"""Newest windows that are kept."""
STEPS = 16
"""Steps of one standard deviation."""
LARGEST = 127
"""Of a deviation in steps, to both sides: 7.9 standard deviations."""
_NOTHING = -128
_TIME = np.dtype("<i8")

Place = tuple[str, str]
"""Field and test whose deviations are kept."""


@dataclass(frozen=True, slots=True)
class DeviationSeries:
    """The deviations that one chart saw, oldest first: in steps, and from when to when each is about.

    `times`: microseconds since the epoch, UTC; shape (windows, 2), start inclusive and end exclusive. Windows without a
    deviation are left out, so that there may be time between one and the next.
    """

    steps: tuple[int, ...]
    times: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        """Return how many deviations there are."""
        return len(self.steps)

    @property
    def z(self) -> NDArray[np.float64]:
        """Return the deviations, shape (windows,)."""
        return np.array(self.steps, dtype=np.float64) / STEPS

    def start(self, at: int) -> datetime:
        """Return when a window began."""
        return EPOCH + timedelta(microseconds=self.times[at][0])

    def end(self, at: int) -> datetime:
        """Return when a window ended."""
        return EPOCH + timedelta(microseconds=self.times[at][1])

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        packed = np.array(self.times, dtype=_TIME).reshape(-1, 2).tobytes()
        return {"sixteenths": list(self.steps), "times": packed_times(packed)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        times = np.frombuffer(unpacked_times(data["times"]), dtype=_TIME).reshape(-1, 2)
        return cls(tuple(data["sixteenths"]), tuple((start, end) for start, end in times.tolist()))


@dataclass(frozen=True, slots=True)
class RecentDeviations:
    """Deviations of the newest windows by field and test: `times` as packed integers, a byte for each in `kept`."""

    times: bytes = b""
    kept: Mapping[Place, bytes] = field(default_factory=dict)

    def plus(self, span: Span, deviations: Mapping[Place, float]) -> RecentDeviations:
        """Return these with one more window; without any deviation it is none."""
        if not deviations:
            return self
        pair = np.array([(instant - EPOCH) // MICROSECOND for instant in (span.start, span.end)], dtype=_TIME)
        times = (self.times + pair.tobytes())[-MOST_KEPT * pair.nbytes :]
        windows = len(times) // pair.nbytes
        before = windows - 1 if windows < MOST_KEPT else MOST_KEPT
        missing = _byte(_NOTHING)
        kept = {}
        for place in {**self.kept, **deviations}:
            z = deviations.get(place, math.nan)
            series = (self.kept.get(place, missing * before) + _byte(_steps(z)))[-windows:]
            if series.strip(missing):
                kept[place] = series
        return RecentDeviations(times, kept)

    def forgetting(self, places: Collection[Place], windows: int) -> RecentDeviations:
        """Return these with all but the newest `windows` windows of some fields and tests forgotten."""
        if not places:
            return self
        kept = {
            place: _byte(_NOTHING) * (len(series) - windows) + series[-windows:] if place in places else series
            for place, series in self.kept.items()
        }
        return RecentDeviations(self.times, kept)

    def of(self, place: Place, *, falling: bool = False) -> DeviationSeries:
        """Return what the charts of a field and test saw; `falling`: the chart downwards, with the other sign."""
        values = np.frombuffer(self.kept.get(place, b""), dtype=np.int8)
        times = np.frombuffer(self.times, dtype=_TIME).reshape(-1, 2)
        there = values != _NOTHING
        steps: Iterable[int] = (-values[there] if falling else values[there]).tolist()
        pairs = times[there].tolist() if values.size else []
        return DeviationSeries(tuple(steps), tuple((start, end) for start, end in pairs))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "times": packed_times(self.times),
            "kept": [[*place, base64.b64encode(series).decode()] for place, series in sorted(self.kept.items())],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        kept = {(name, test): base64.b64decode(series) for name, test, series in data["kept"]}
        return cls(unpacked_times(data["times"]), kept)


def packed_times(times: bytes) -> str:
    """Return 64-bit integers as text: windows of equal length, one after the other, take little.

    >>> len(packed_times(np.arange(256, dtype="<i8").tobytes())) < 60
    True
    """
    differences = np.diff(np.frombuffer(times, dtype=_TIME), prepend=np.zeros(1, dtype=_TIME))
    return base64.b64encode(zlib.compress(differences.astype(_TIME).tobytes())).decode()


def unpacked_times(text: str) -> bytes:
    """Return what was given to `packed_times`."""
    differences = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=_TIME)
    return bytes(np.cumsum(differences, dtype=_TIME).tobytes())


def _steps(z: float) -> int:
    return _NOTHING if math.isnan(z) else round(max(-LARGEST, min(LARGEST, z * STEPS)))


def _byte(value: int) -> bytes:
    return value.to_bytes(1, "little", signed=True)
