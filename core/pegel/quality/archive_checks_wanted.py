"""Which models have their archived rows looked at: known from the spec, before anything heavy is started for it."""

from __future__ import annotations

from pegel.quality.merged_suite import own_suites
from pegel.spec.monitor_spec import MonitorSpec


def wants_archive_checks(spec: MonitorSpec) -> bool:
    """Say whether a model keeps rows, and has a suite of its own or a table that they are to be held against."""
    return spec.archive.is_used and bool(own_suites(spec.watch) or spec.skew.is_used)
