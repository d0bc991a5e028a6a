"""What is wrong with the watching, and what was, as people query it: `v_health_alert`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pegel.alerts.health_event import HealthEventKind
from pegel.store import tables
from pegel.store.column_types import Instant


def health_alerts() -> sa.CompoundSelect[Any]:
    """Return what is wrong now beside what was and is over; of that nothing is known but the history."""
    now, past = tables.health_alerts.c, tables.health_events.c
    never = sa.cast(sa.null(), Instant())
    is_open = sa.select(*_told(now), never.label("over_at"), now.severity, now.reason, sa.true().label("is_open"))
    is_over = sa.select(*_told(past), past.at.label("over_at"), past.severity, past.reason, sa.false().label("is_open"))
    return sa.union_all(is_open, is_over.where(past.event == HealthEventKind.OVER.value))


def _told(c: Any) -> tuple[sa.ColumnElement[Any], ...]:
    # Keys of models have no quotation marks: the list is read as text, and one that is damaged hides no other row.
    listed = sa.func.trim(sa.type_coerce(c.models, sa.Text()), '[]"')
    models = sa.func.replace(listed, '","', ", ", type_=sa.Text())
    return c.kind, c.about, models.label("models"), c.since
