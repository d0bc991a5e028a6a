"""Drift detectors of the `river` library behind one door: `update(error)` says whether it alarms.

They are not mergeable: one ordered stream of labels, one detector. Polarity is settled here: all of river's detectors
of binary streams take 1 for an error, except FHDDM, which takes 1 for a right answer and would otherwise never alarm.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from pegel.errors import NotFound, SetupError

_PLACES = {
    "ADWIN": ("river.drift", {"delta": 0.002, "clock": 32}),
    "PageHinkley": ("river.drift", {"min_instances": 30, "delta": 0.005, "threshold": 50.0}),
    "KSWIN": ("river.drift", {}),
    "HDDMA": ("river.drift.binary", {}),
    "HDDMW": ("river.drift.binary", {}),
    "DDM": ("river.drift.binary", {}),
    "EDDM": ("river.drift.binary", {}),
    "FHDDM": ("river.drift.binary", {}),
}
NAMES = tuple(_PLACES)
_ONE_IS_RIGHT = frozenset({"FHDDM"})


class _River(Protocol):
    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float) -> object: ...


class RiverDetector:
    """A detector of river by its name. Raises NotFound for other names, SetupError if river is not installed."""

    def __init__(self, name: str, **settings: Any) -> None:
        """Make a fresh detector; settings beyond the defaults are river's own."""
        if name not in _PLACES:
            raise NotFound(f"expected one of {', '.join(NAMES)}, given {name!r}: no detector was made.")
        module, defaults = _PLACES[name]
        try:
            made = getattr(import_module(module), name)
        except ImportError as error:
            raise SetupError(f"expected the package river for {name}; install pegel[river]. No detector.") from error
        self._detector: _River = made(**(defaults | settings))
        self._flip = name in _ONE_IS_RIGHT

    def update(self, error: float) -> bool:
        """Add one event and say whether it alarms: 1 for an error; any number for ADWIN, PageHinkley and KSWIN."""
        self._detector.update(1 - error if self._flip else error)
        return bool(self._detector.drift_detected)

    @property
    def warning(self) -> bool:
        """Say whether the detector is close to an alarm; always False for those that do not know warnings."""
        return bool(getattr(self._detector, "warning_detected", False))
