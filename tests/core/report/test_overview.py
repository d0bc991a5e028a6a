"""The list of all models: what is asked of the database for it, how it is searched and sorted, Pegel in its row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.matcher import Matcher
from pegel.alerts.severity import Severity
from pegel.alerts.silencing import Silence
from pegel.data.spans import Span
from pegel.report.alerts_page import AlertsAsked, alerts_view
from pegel.report.fleet_health import read_fleet_health
from pegel.report.model_list import model_rows
from pegel.report.overview import SORTS, Asked, overview
from pegel.report.reading import Sources
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.health_alerts import HealthAlerts
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.silence_store import SilenceStore
from pegel.testing.samples import MINUTE, sample_baseline, sample_finding, sample_spec, sample_window

from .conftest import NOW

pytestmark = pytest.mark.environments("sqlalchemy")


def add(engine: Engine, names: list[str]) -> None:
    """Register models that have all that the list tells something of: baseline, windows, an alert, a sign."""
    for place, name in enumerate(names):
        Registry(engine).put(sample_spec(name, alerts={"emails": [f"team-{place % 2}@example.org"]}))
        made = sample_baseline(model=name, version=1)
        BaselineStore(engine).put(made)
        BaselineStore(engine).promote(name, 1, made.id, None, by="tests", now=NOW)
        spans = [Span(NOW - (back + 1 + place) * MINUTE, NOW - (back + place) * MINUTE) for back in range(40)]
        windows = [sample_window(model=name, span=span, requests=600 + back) for back, span in enumerate(spans)]
        again = sample_window(model=name, span=spans[2], revision=2, requests=7)
        Results(engine).write([*windows, again])
        alerted(engine, name, spans[0])
        HealthAlerts(engine).keep(
            HealthAlert(
                kind=HealthKind.NO_TRAFFIC, about=f"{name}/1", group="default", models=(f"{name}/1",), since=NOW,
                reason="no request since 12:00 UTC",
            ),
            NOW,
        )  # fmt: skip


def alerted(engine: Engine, name: str, span: Span) -> None:
    """Open an alert about a model."""
    finding = sample_finding(model=name, span=span)
    about = AlertFeature(feature=finding.feature, since=span.start, unbroken_since=span.start, finding=finding)
    own: dict[str, Any] = {"model": name, "version": 1, "opened_at": NOW, "since": span.start, "last_end": span.end}
    alert = Alert(id=finding.id, features=(about,), **own)
    AlertStore(engine).save(Change(key=alert.key, alert=alert, mail=None, cursor=None, at=NOW))


@pytest.fixture
def engine(empty: Sources) -> Engine:
    """An empty database."""
    return empty.engine


def test_two_hundred_models_are_as_many_questions_as_two(engine: Engine) -> None:
    """Overview, alerts and health ask the database as often for many models as for a few."""
    asked = list[str]()
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))

    def questions() -> list[int]:
        counts, sources = [], Sources(engine)
        specs = Registry(engine).list()
        for read in (
            lambda: overview(sources, Asked(), NOW),
            lambda: alerts_view(sources, AlertsAsked(), NOW),
            lambda: read_fleet_health(sources, specs, NOW),
        ):
            asked.clear()
            read()
            counts.append(len(asked))
        return counts

    add(engine, ["a", "b"])
    few = questions()
    add(engine, [f"c{number}" for number in range(30)])

    assert (few, True) == (questions(), max(few) < 60)


def test_many_models_are_read_as_one_is(engine: Engine) -> None:
    """The row of a model is the same whether it is read with others or alone, also with several revisions of a span."""
    add(engine, ["a"])
    (alone,) = model_rows(Sources(engine), NOW, days=False)
    add(engine, ["b", "c"])
    rows = {row.name: row for row in model_rows(Sources(engine), NOW, days=False)}

    assert alone == rows["a"]
    assert rows["a"].last_end == rows["b"].last_end != rows["c"].last_end


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (Asked(), ["a", "b", "c"]),
        (Asked(text="B v1"), ["b"]),
        (Asked(text="team-0"), ["a", "c"]),
        (Asked(owner="team-1@example.org"), ["b"]),
        (Asked(owner="team"), []),
        (Asked(state="ok"), []),
        (Asked(state="bad", text="team-1"), ["b"]),
        (Asked(sort="window"), ["c", "b", "a"]),
        (Asked(sort="nonsense"), ["a", "b", "c"]),
    ],
)
def test_a_person_finds_a_model(engine: Engine, asked: Asked, names: list[str]) -> None:
    """By parts of name, state and owner, by the level of its state, by whose it is; in the order asked for."""
    add(engine, ["a", "b", "c"])
    view = overview(Sources(engine), asked, NOW)

    assert names == [row.name for row in view.rows]
    assert (3, 3, ["default", "team-0@example.org", "team-1@example.org"]) == (
        view.known, view.counts["bad"], view.owners,
    )  # fmt: skip


def test_what_nobody_knows_of_yet_comes_first(engine: Engine) -> None:
    """Of models that are equally bad the worst alert leads, and one that is acknowledged or silenced does not count."""
    add(engine, ["a", "b", "c", "d"])
    store = AlertStore(engine)
    by_model = {alert.model: alert for alert in store.open_alerts()}
    worse = replace(by_model["c"], severity=Severity.CRITICAL)
    store.save(Change(key=worse.key, alert=worse, mail=None, cursor=None, at=NOW))
    store.acknowledge(by_model["a"].id, NOW + 60 * MINUTE, "known", by="ada", now=NOW)
    about = Matcher(model="b")
    SilenceStore(engine).say(
        Silence(about=about, why="moved", by="ada", said_at=NOW, since=NOW, until=NOW + 60 * MINUTE, every=None)
    )
    rows = overview(Sources(engine), Asked(), NOW).rows

    assert [("c", "critical"), ("d", "warning"), ("a", None), ("b", None)] == [(row.name, row.worst) for row in rows]


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_can_be_asked_for(engine: Engine, sort: str) -> None:
    """No order leaves a model out."""
    add(engine, ["a", "b"])

    assert 2 == len(overview(Sources(engine), Asked(sort=sort), NOW).rows)


def test_the_budget_is_counted_in_its_own_time(engine: Engine) -> None:
    """Of a budget for a week the alerts of a week are counted."""
    add(engine, ["a"])
    (now,) = overview(Sources(engine), Asked(), NOW).rows
    (later,) = overview(Sources(engine), Asked(), NOW + timedelta(days=8)).rows

    allowed = "in the last week · 1 per week may be false"
    assert [f"1 alert {allowed}", f"0 alerts {allowed}"] == [now.budget, later.budget]
