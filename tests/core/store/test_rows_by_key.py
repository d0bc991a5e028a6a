"""A row that cannot be read is known by its key, whatever of it is damaged, and hides no other row of its table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.errors import DamagedRow
from pegel.store.database import writing
from pegel.store.health_alerts import HealthAlerts
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
    health.keep(ALERT)
    health.keep(replace(ALERT, kind=HealthKind.BEHIND))
    damage(engine, "UPDATE health_alerts SET models = '7' WHERE kind = 'behind'")

    assert {ALERT.key: ALERT} == health.all(damaged=damaged)
    assert [("behind", "default")] == list(damaged)
    assert damaged["behind", "default"].startswith("what is known of default, behind, cannot be read: ")


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
