"""The requests of chosen hours are read of all models at once, of each hour the revision that a reader sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from pegel.data.spans import Span
from pegel.longspans.long_span_row import LongSpanRow
from pegel.spec.rhythms import Rhythm
from pegel.store.long_span_store import LongSpanStore
from pegel.stream.result_rows import Origin
from pegel.testing.samples import sample_window

pytestmark = pytest.mark.environments("sqlalchemy")

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def hour(start: datetime, requests: int, **fields: Any) -> LongSpanRow:
    """Return one hour of a model with so many requests."""
    rhythm = fields.pop("rhythm", Rhythm.HOUR)
    span = Span(start, start + rhythm.length)
    part = fields.pop("part", span)
    row = sample_window(span=span, origin=Origin.BATCH, requests=requests, **fields)
    return LongSpanRow(rhythm=rhythm, row=row, part=part, windows=60, inputs="")


def test_the_chosen_hours_of_all_models_are_read(engine: Engine) -> None:
    """Neither other hours nor days, nor segments; of two revisions the later one, of two parts both."""
    store, half = LongSpanStore(engine), Span(NOON + HOUR, NOON + 1.5 * HOUR)
    for row in (
        hour(NOON, 600),
        hour(NOON, 650, revision=2),
        hour(NOON, 9, model="aaa", version=3),
        hour(NOON, 5, segment="airline=WN"),
        hour(NOON - HOUR, 70),
        hour(NOON.replace(hour=0), 9_999, rhythm=Rhythm.DAY),
    ):
        store.write([row])
    rest = Span(half.end, NOON + 2 * HOUR)
    store.write([hour(NOON + HOUR, 100, part=half), hour(NOON + HOUR, 20, part=rest, baseline_id="sha256:" + "1" * 64)])

    assert store.requests_of_hours([NOON, NOON + HOUR, NOON + 5 * HOUR]) == {
        ("delays", 1): {NOON: 650, NOON + HOUR: 120},
        ("aaa", 3): {NOON: 9},
    }
    assert store.requests_of_hours([]) == {}
