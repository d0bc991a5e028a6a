"""What is kept of a trouble with the watching itself from one look to the next."""

from __future__ import annotations

from datetime import timedelta

from pegel.alerts.health import PATIENCE, Sign, due, seen, told
from pegel.alerts.health_kind import HealthKind
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec

SIGN = Sign(kind=HealthKind.NOT_WATCHED, about="default", group="default", models=("delays/1",), reason="silent")
SPECS = [sample_spec("delays", alerts={"emails": ["ada@example.org"]})]
AHEAD = START + timedelta(days=400)


def test_a_clock_that_was_ahead_mutes_nobody() -> None:
    """After one look with a clock a year ahead, people are told as soon as ever, and again as often as ever."""
    kept = seen(seen(None, SIGN, AHEAD), SIGN, START)
    assert kept is not None
    mail = due(kept, SPECS, (), START + PATIENCE[SIGN.kind], is_over=False)
    assert mail is not None
    mailed = seen(told(kept, mail, mail.recipients, AHEAD), SIGN, START)
    assert mailed is not None

    assert (START, START) == (kept.since, mailed.mailed_at)
    assert due(mailed, SPECS, (), START + SPECS[0].alerts.repeat_after, is_over=False) is not None
