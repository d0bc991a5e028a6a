"""Mails about single events: how many there may be, whatever comes.

Events are not independent: one broken client sends thousands of extreme ones. So the budget is kept by counting mails,
not by the level alone, and what comes while a mail waits, or after it within `repeat_after`, is told by it or shown.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from pegel.alerts.alert import Alert
from pegel.spec.monitor_spec import Alerting

WEEK = timedelta(days=7)


def may_page(paged: tuple[datetime, ...], alerts: Alerting, now: datetime) -> bool:
    """Say whether one more mail is within the budget, after those at the instants `paged`.

    Fewer than one a week are one in so many weeks; the part of a mail beyond a whole number is none. What a wrong clock
    dated ahead counts as if it lay as far behind.
    """
    asked = alerts.outlier_pages_per_week
    most, period = max(1, math.floor(asked)), WEEK * max(1.0, 1 / asked)
    ages = [abs(now - at) for at in paged]
    recent = [age for age in ages if age < period]
    return len(recent) < most and all(age >= alerts.repeat_after for age in recent)


def with_page(alert: Alert, now: datetime, *, most: int = 1_000) -> Alert:
    """Return an alert for whose single event a mail is due."""
    return replace(alert, paged=(*alert.paged, now)[-most:])
