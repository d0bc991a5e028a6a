"""A row that cannot be read is known by its key, whatever of it is damaged, and hides no other row of its table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.data.spans import Span
from pegel.errors import DamagedRow
from pegel.store.database import writing
from pegel.store.health_alerts import KEPT, HealthAlerts
from pegel.store.worker_beats import WorkerBeat, WorkerBeats
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")

BEAT = WorkerBeat(namespace="default", at=START, started_at=START - timedelta(hours=1), pid=7)
ALERT = HealthAlert(
    kind=HealthKind.NOT_WATCHED, about="default", group="default", models=("a/1",), since=START, reason="dead"
)


def damage(engine: Engine, change: str) -> None:
    """Write into a row past everything that looks at what is written."""
    with writing(engine) as connection:
        connection.execute(sa.text(change))


def test_of_two_alerts_about_the_watching_the_readable_one_is_read(engine: Engine) -> None:
    """The other one is told by its kind and by what it is about."""
    health, damaged = HealthAlerts(engine), dict[tuple[str, str], str]()
    health.keep(ALERT, START)
    health.keep(replace(ALERT, kind=HealthKind.BEHIND), START)
    damage(engine, "UPDATE health_alerts SET models = '7' WHERE kind = 'behind'")

    assert {ALERT.key: ALERT} == health.all(damaged=damaged)
    assert [("behind", "default")] == list(damaged)
    assert damaged["behind", "default"].startswith("what is known of default, behind, cannot be read: ")


def test_the_watching_has_a_history(engine: Engine) -> None:
    """What opened, concerns further models and is over stands there once each, whatever else is kept of it."""
    health, hour = HealthAlerts(engine), timedelta(hours=1)
    other = replace(ALERT, kind=HealthKind.BEHIND, models=("b/1",))
    health.keep(ALERT, START)
    health.keep(replace(ALERT, mailed_at=START), START + hour)
    health.keep(replace(ALERT, models=("a/1", "b/1")), START + 2 * hour)
    health.keep(other, START + 2 * hour)
    health.forget(*ALERT.key, START + 3 * hour)
    health.forget(*ALERT.key, START + 4 * hour)

    told = [(one.event.value, one.kind.value, one.models, one.at - START) for one in health.events()]
    assert [
        ("opened", "not watched", ("a/1",), 0 * hour),
        ("grown", "not watched", ("a/1", "b/1"), 2 * hour),
        ("opened", "behind", ("b/1",), 2 * hour),
        ("over", "not watched", ("a/1", "b/1"), 3 * hour),
    ] == told
    assert ["over"] == [one.event.value for one in health.events(span=Span(START + 2 * hour, START + 4 * hour))]
    health.forget(*other.key, START + KEPT + 2.5 * hour)
    assert ["over", "over"] == [one.event.value for one in health.events()]


def test_a_row_that_is_refused_whole_is_known_by_its_key(engine: Engine) -> None:
    """A time that is none is refused before the row is seen: by SQLite, which keeps any text in any column."""
    if engine.dialect.name != "sqlite":
        pytest.skip("another database refuses to keep such a time")
    beats, damaged = WorkerBeats(engine), dict[str, str]()
    beats.put(BEAT)
    beats.put(replace(BEAT, namespace="other"))
    damage(engine, "UPDATE worker_beats SET at = 'noon' WHERE namespace = 'default'")

    assert ["other"] == [beat.namespace for beat in beats.list(damaged=damaged)]
    assert ["default"] == list(damaged)
    with pytest.raises(DamagedRow, match="the beat of the worker of default cannot be read"):
        beats.list()
