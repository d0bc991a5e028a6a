"""Charts over labelled events whose state cannot be read: kept aside, begun anew, and told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import DamagedRow
from pegel.judge.performance.concept_charts import require_readable
from pegel.judge.performance.performance_rows import ConceptChartRow
from pegel.store import tables
from pegel.store.concept_chart_store import ConceptCharts
from pegel.store.database import writing
from pegel.store.performance_store import PerformanceStore

pytestmark = pytest.mark.environments("sqlalchemy")
NOON = datetime(2015, 1, 5, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=5, minutes=20)
ERRORS = ConceptChartRow(
    model="delays",
    version=1,
    chart="errors",
    state={"level": 3, "events": 2, "errors": 1, "since": None},
    baseline_id="sha256:a",
    up_to=NOON,
)


def charts_of(engine: Engine) -> ConceptCharts:
    """Return the store of charts as the job of labels has it."""
    return ConceptCharts(engine, require_readable)


def damage(engine: Engine, chart: str, **columns: Any) -> None:
    """Write what no chart wrote, past the types of the columns."""
    told = ", ".join(f"{name} = :{name}" for name in columns)
    with writing(engine) as connection:
        statement = sa.text(f"UPDATE concept_charts SET {told} WHERE chart = :chart")  # noqa: S608  of a test
        connection.execute(statement, columns | {"chart": chart})


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("{half", "no JSON"),
        ("[1]", "expected a mapping"),
        ('{"level": "three"}', "expected finite numbers"),
        ('{"level": 1, "high": 2}', "unexpected keyword"),
        ('{"level": 1, "blocks": {"events": 1}}', "KeyError"),
    ],
)
def test_a_damaged_state_is_kept_aside(engine: Engine, state: str, why: str) -> None:
    """The chart goes on from where it stood, without what it knew; others stay. What stood there, and why, is kept."""
    other = replace(ERRORS, chart="residuals", state={})
    PerformanceStore(engine).write([], charts=[ERRORS, other, replace(ERRORS, version=2)])
    damage(engine, "errors", state=state)
    charts = charts_of(engine)
    with pytest.raises(DamagedRow):
        charts.of("delays", 1)
    (told,) = charts.begin_anew("delays", 1, NOW)
    anew, kept = charts.of("delays", 1)
    assert anew.aside is not None

    assert [True, True] == [why in each for each in (told, anew.aside["why"])]
    assert replace(ERRORS, state={}, aside=anew.aside) == anew
    assert (other, state, NOW.isoformat()) == (kept, anew.aside["state"], anew.aside["at"])
    assert [] == charts.begin_anew("delays", 1, NOW)


def test_where_a_chart_stood_may_be_damaged_too(engine: Engine) -> None:
    """It goes on from where the others stand; without any, from the full hour before now: no event enters it twice."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps nothing but an instant in a column of instants")
    ahead = replace(ERRORS, chart="river adwin", state={}, up_to=NOON + timedelta(hours=1))
    for charts, up_to in (([ERRORS, ahead], ahead.up_to), ([ERRORS], NOW.replace(minute=0))):
        with writing(engine) as connection:
            connection.execute(sa.delete(tables.concept_charts))
        PerformanceStore(engine).write([], charts=charts)
        damage(engine, "errors", up_to="yesterday")
        charts_of(engine).begin_anew("delays", 1, NOW)

        assert up_to == charts_of(engine).of("delays", 1)[0].up_to


def test_what_began_anew_is_told_for_a_while(engine: Engine) -> None:
    """By model, in words, since an instant; charts that nothing happened to are not among them."""
    PerformanceStore(engine).write([], charts=[ERRORS, replace(ERRORS, version=2)])
    assert {} == charts_of(engine).begun_anew(NOON)
    PerformanceStore(engine).write(
        [], charts=[moved := replace(ERRORS, aside={"at": NOW.isoformat(), "why": "burnt"})], gone_on_from=[ERRORS]
    )
    told = charts_of(engine).begun_anew(NOW)

    assert [moved] == charts_of(engine).of("delays", 1)
    assert [("delays", 1)] == list(told)
    assert told["delays", 1][0].startswith(f"the chart of labelled events errors began anew at {NOW.isoformat()}: ")
    assert {} == charts_of(engine).begun_anew(NOW + timedelta(seconds=1))
