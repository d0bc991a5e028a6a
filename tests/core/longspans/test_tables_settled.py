"""A long span of a table waits until its windows are judged, and not for ever."""

from __future__ import annotations

from datetime import timedelta

from pegel.data.spans import Span
from pegel.longspans.settled import PATIENCE, why_not_read
from pegel.spec.monitor_spec import Windowing
from pegel.testing.manual_clock import START

HOUR = timedelta(hours=1)


def test_a_span_waits_until_its_table_is_read() -> None:
    """First for rows that may still come, then for whoever reads them, and then no longer."""
    span, windowing, end = Span(START, START + HOUR), Windowing(length=HOUR / 6, lateness=HOUR / 2), START + HOUR
    due = end + HOUR / 2
    said = [
        why_not_read(span, windowing, up_to, now=now)
        for up_to, now in (
            (end, due - HOUR / 60),
            (None, due),
            (end - HOUR / 6, due),
            (end, due),
            (None, due + PATIENCE),
        )
    ]
    waits = "its table is not read to the end of it yet"

    assert [f"its last window is final at {due:%H:%M:%S} UTC", waits, waits, None, None] == said
