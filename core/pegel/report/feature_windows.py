"""Which windows the page of one feature reads: all of a short time, of a long one the worst of each bucket."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy.engine import Engine

from pegel.judge.findings import Finding
from pegel.report.page_time import PageTime
from pegel.report.words import length
from pegel.store.results import Results
from pegel.store.window_buckets import WindowBuckets, bucket_width
from pegel.stream.result_rows import WindowRow

MOST_POINTS: Final = 120
"""Windows that are read for the pictures over time: each is read whole, with what it says of every feature."""
PICTURED: Final = 12
"""Newest windows of the time that are added up to the distribution now."""


@dataclass(frozen=True, slots=True)
class ReadWindows:
    """Final windows in order of time: those of the pictures over time, and those of the distribution."""

    rows: list[WindowRow]
    newest: list[WindowRow]
    width: timedelta | None
    """Of the buckets, of each of which `rows` has one window; None where `rows` are all."""
    findings: list[Finding] = field(default_factory=list)
    """About the feature, the worst of each bucket."""

    @property
    def thinned(self) -> str:
        """Return what a point stands for, in a sentence without its end; empty where each is a window."""
        if self.width is None:
            return ""
        return (
            f"One point for each {length(self.width)} in which windows end: the worst finding about this feature among "
            "them, or where there is none, what that window says of it whose own verdict is the worst. A press on a "
            "point, or its link in the numbers, shows all of them"
        )


def read_windows(
    engine: Engine, monitor: tuple[str, int, str], feature: str, time: PageTime | None, damaged: list[str]
) -> ReadWindows:
    """Return the windows of a time, of the newest where none is asked for; `monitor`: model, version and segment.

    What cannot be read is left out and named in `damaged`.
    """
    results, (model, version, segment) = Results(engine), monitor
    if time is None:
        rows = results.windows(model, version, segment=segment, final_only=True, limit=MOST_POINTS, damaged=damaged)
        return ReadWindows(rows, rows[-PICTURED:], None)
    buckets, ends = WindowBuckets(engine, model, version, time.span, segment=segment), (time.start, time.end)
    if buckets.count(MOST_POINTS) <= MOST_POINTS:
        rows = results.windows(model, version, *ends, segment=segment, final_only=True, damaged=damaged)
        return ReadWindows(rows, rows[-PICTURED:], None)
    width = bucket_width(time.length, MOST_POINTS)
    newest = results.windows(model, version, *ends, segment=segment, final_only=True, limit=PICTURED, damaged=damaged)
    return ReadWindows(buckets.worst(width, damaged), newest, width, buckets.worst_findings(feature, width, damaged))
