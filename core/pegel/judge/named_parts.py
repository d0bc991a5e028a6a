"""The parts that a spec names: known only where the packages that bring them are installed."""

from __future__ import annotations

from pegel.detect.detector_registry import DETECTORS
from pegel.errors import InvalidSpec
from pegel.quality.merged_suite import own_suites
from pegel.quality.suite_problems import suite_problems
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.spec.nearest import did_you_mean
from pegel.stats.statistic_registry import STATISTICS


def refuse_unknown_parts(spec: MonitorSpec) -> None:
    """Raise InvalidSpec, one line a field, if the spec names a detector or a statistic that is not installed here.

    Or an expectation of a kind that there is not, or without its arguments. Not part of `MonitorSpec` itself: a spec is
    also read where nothing is judged and no such package is installed.
    """
    if problems := unknown_parts(spec.watch):
        raise InvalidSpec("\n".join(problems))


def unknown_parts(watch: Watch) -> list[str]:
    """Return what `refuse_unknown_parts` refuses, one line a field; empty if everything is installed."""
    of_suites = [problem for suite in own_suites(watch) for problem in suite_problems(suite)]
    return of_suites + [
        f"{field}: given {', '.join(map(repr, unknown))}: no such {parts.kind} is installed here; there are "
        f"{', '.join(parts.names())}.{did_you_mean(unknown, parts.names(), lead=' ')} Correct the name, or install its "
        f"package in each environment"
        for field, named, parts in (
            ("watch.detectors", watch.detectors, DETECTORS),
            ("watch.statistics", watch.statistics, STATISTICS),
        )
        if (unknown := [name for name in named if name not in parts.names()])
    ]
