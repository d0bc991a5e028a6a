"""Is everything in that a span is made of? A driver may lag, windows wait for late rows, and nobody may be reading."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.data.spans import Span
from pegel.spec.monitor_spec import Windowing
from pegel.stream.result_rows import Heartbeat

SLACK = timedelta(seconds=30)
"""From the moment when a window may become final until its row is certainly written."""
PATIENCE = timedelta(hours=6)
"""Then a span is judged by what there is, whatever becomes of its driver: a day must not wait for a dead one."""


def why_not_settled(
    span: Span, windowing: Windowing, beat: Heartbeat | None, *, is_open: bool, now: datetime
) -> str | None:
    """Return why a span that has ended has to wait, in words; None where it is to be judged.

    `beat`: the last one of the driver that reads for the model; None where there never was one. `is_open`: whether a
    window in the span is known that is not final.
    """
    due = span.end + windowing.lateness + SLACK
    if now < due:
        return f"its last window is final at {due:%H:%M:%S} UTC"
    if now >= due + PATIENCE:
        return None
    if is_open:
        return "a window in it still takes rows"
    if beat is None:
        return "nobody reads its records yet"
    return None if is_read_past(span, windowing, beat) else "its records are not read to the end of it yet"


def is_read_past(span: Span, windowing: Windowing, beat: Heartbeat) -> bool:
    """Say whether a driver has read every record that windows of a span may still take."""
    due = span.end + windowing.lateness + SLACK
    read_to_the_end = beat.lag == 0 and beat.progressed_at is not None and beat.progressed_at >= due
    read_past = beat.event_time_head is not None and beat.event_time_head >= due
    return read_to_the_end or read_past


def why_not_read(span: Span, windowing: Windowing, up_to: datetime | None, *, now: datetime) -> str | None:
    """Return why a span of a model in a table has to wait, likewise. `up_to`: until when its windows are judged."""
    due = span.end + windowing.lateness
    if now < due:
        return f"its last window is final at {due:%H:%M:%S} UTC"
    is_read = up_to is not None and up_to >= span.end
    return None if is_read or now >= due + PATIENCE else "its table is not read to the end of it yet"
