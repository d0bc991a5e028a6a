"""Every question of a dashboard has an answer of the columns that its panel shows, on both databases."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from filled_results import fill
from monitoring.grafana.dashboards import CHOICES, DASHBOARDS, dashboard
from sqlalchemy.engine import Engine

from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")
FROM, TO = START - timedelta(hours=1), START + timedelta(hours=2)
CHOSEN = {
    "${model:sqlstring}": "'delays'",
    "${version}": "1",
    "${feature:sqlstring}": "'departure_delay'",
    "$__from": str(int(FROM.timestamp() * 1_000)),
    "$__to": str(int(TO.timestamp() * 1_000)),
}


def filled_in(question: str) -> str:
    """Return a question as Grafana sends it, with what was chosen."""
    for name, value in CHOSEN.items():
        question = question.replace(name, value)
    within = rf"\1 BETWEEN '{FROM:%Y-%m-%dT%H:%M:%SZ}' AND '{TO:%Y-%m-%dT%H:%M:%SZ}'"
    return re.sub(r"\$__timeFilter\((\w+)\)", within, question)


def answer(engine: Engine, question: str) -> list[dict[str, Any]]:
    """Return what a database answers."""
    asked = filled_in(question)

    assert "$" not in asked
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(asked.replace(":", r"\:"))).mappings()]


def panels(engine: Engine, name: str) -> dict[str, dict[str, Any]]:
    """Return the panels of a dashboard by title and kind."""
    own = dashboard(name, engine.dialect.name)["panels"]
    return {f"{panel['title']} ({panel['type']})": panel for panel in own}


def question_of(panel: dict[str, Any]) -> str:
    """Return what a panel asks, by the word that its source has for it."""
    (target,) = panel["targets"]
    return str(target["rawSql"] if "rawSql" in target else target["queryText"])


@pytest.mark.parametrize("name", list(DASHBOARDS))
def test_every_panel_is_answered(engine: Engine, name: str) -> None:
    """Each shows something of a database that has something of everything; series have a time and a number."""
    fill(engine)
    answers = {}
    for title, panel in panels(engine, name).items():
        answers[title] = answer(engine, question_of(panel))
    series = {title: rows for title, rows in answers.items() if "(timeseries)" in title}

    assert [] == [title for title, rows in answers.items() if not rows]
    assert [] == [title for title, rows in series.items() if rows[0]["time"] is None]
    assert [] == [title for title, rows in series.items() if not any(numbers(row) for row in rows)]


def numbers(row: dict[str, Any]) -> list[float]:
    """Return the numbers of a row that are drawn."""
    return [float(value) for name, value in row.items() if name not in {"time", "metric"} and value is not None]


def test_what_is_chosen_is_asked_of_the_views(engine: Engine) -> None:
    """Models, versions and the features of the newest window."""
    fill(engine)
    found = {name: [*answer(engine, sql)[0].values()] for name, (sql, _) in CHOICES.items()}

    assert {"model": ["delays"], "version": [1], "feature": ["departure_delay"]} == found


def test_the_fleet_says_what_is_there(engine: Engine) -> None:
    """One model, one open alert, no window that alarms now."""
    fill(engine)
    shown = {title: answer(engine, question_of(panel)) for title, panel in panels(engine, "fleet").items()}

    assert [{"models": 1}] == shown["Models (stat)"]
    assert [{"alerts": 1}] == shown["Open alerts (stat)"]
    assert [{"alarming": 0}] == shown["Models whose newest window alarms (stat)"]
