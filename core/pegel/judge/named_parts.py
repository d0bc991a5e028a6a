"""The parts that a spec names: known only where the packages that bring them are installed."""

from __future__ import annotations

from collections.abc import Sequence

from pegel.detect.detector_registry import DETECTORS
from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.spec.nearest import did_you_mean
from pegel.stats.statistic_registry import STATISTICS


def refuse_unknown_parts(spec: MonitorSpec) -> None:
    """Raise InvalidSpec, one line a field, if the spec names a detector or a statistic that is not installed here.

    Not part of `MonitorSpec` itself: a spec is also read where nothing is judged and no such package is installed.
    """
    if problems := unknown_parts(spec.watch):
        raise InvalidSpec("\n".join(problems))


def unknown_parts(watch: Watch) -> list[str]:
    """Return what `refuse_unknown_parts` refuses, one line a field; empty if everything is installed."""
    return [
        f"{field}: given {', '.join(map(repr, unknown))}: no such {parts.kind} is installed here; there are "
        f"{', '.join(parts.names())}. {_guesses(unknown, parts.names())}Correct the name, or install its package in "
        f"each environment"
        for field, named, parts in (
            ("watch.detectors", watch.detectors, DETECTORS),
            ("watch.statistics", watch.statistics, STATISTICS),
        )
        if (unknown := [name for name in named if name not in parts.names()])
    ]


def _guesses(unknown: Sequence[str], known: Sequence[str]) -> str:
    guesses = dict.fromkeys(guess for name in unknown if (guess := did_you_mean(name, known)))
    return "".join(f"{guess[0].upper()}{guess[1:]} " for guess in guesses)
