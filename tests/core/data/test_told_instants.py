"""Instants as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pegel.data.instants import told_instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-29T10:00:00+01:00", datetime(2026, 11, 29, 9, tzinfo=UTC)),
        ("2026-11-29T10:00Z", datetime(2026, 11, 29, 10, tzinfo=UTC)),
        ("0001-01-01T00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("2026-11-29T10:00", None),
        ("0001-01-01T00:00+14:00", None),
        ("9999-12-31T23:00-01:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_an_instant_is_told_in_utc(text: str, instant: datetime | None) -> None:
    """What names no zone, or lies outside of the calendar in UTC, is no instant."""
    assert instant == told_instant(text)


def test_a_text_without_a_zone_may_be_of_a_known_one() -> None:
    """Where a zone is stated for it; one of its own wins."""
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)

    assert [noon, noon] == [told_instant(text, unzoned=UTC) for text in ("2026-11-29T12:00", "2026-11-29T13:00+01:00")]
