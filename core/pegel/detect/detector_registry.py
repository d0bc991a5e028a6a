"""Every detector by name: those of this package, and those that installed packages add.

A package adds one by an entry point of the group `pegel.detectors`; see docs/extending.md. The tests of location,
scale, shape and counts are always made; these are made besides when a spec names them in `watch.detectors`.
"""

from __future__ import annotations

from pegel.detect.detector import Detector
from pegel.spec.extensions import Extensions

DETECTORS = Extensions(
    "detector",
    "pegel.detectors",
    {
        "median": "pegel.detect.median:Median",
        "tails": "pegel.detect.exceeded:Tails",
    },
)


def detectors() -> dict[str, Detector]:
    """Return every detector by name, in the order of names. Raises SetupError when two have the same name."""
    return {name: made() for name, made in DETECTORS.all().items()}


def detector(name: str) -> Detector:
    """Return the detector of that name. Raises NotFound with the names that exist."""
    made: Detector = DETECTORS.one(name)()
    return made
