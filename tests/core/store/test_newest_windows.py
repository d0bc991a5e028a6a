"""The newest windows of many monitors, read at once: the same as of each alone, and found through an index."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.data.spans import Span
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_spec, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
KEYS = [("a", 1), ("b", 1), ("idle", 1)]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Three monitors: one has a revision of its newest window, one fewer windows than are asked for, one has none."""
    for model, _ in KEYS:
        Registry(engine).put(sample_spec(model))
    spans = [Span(START + back * MINUTE, START + (back + 1) * MINUTE) for back in range(20)]
    windows = [sample_window(model="a", span=span, requests=100 + at) for at, span in enumerate(spans)]
    again = sample_window(model="a", span=spans[-1], revision=2, requests=7)
    few = [sample_window(model="b", span=span, requests=50) for span in spans[:3]]
    Results(engine).write([*windows, again, *few])
    return engine


def test_many_monitors_are_read_as_each_alone(filled: Engine) -> None:
    """Newest window and requests are the same; a revision stands for what it revises."""
    results = Results(filled)
    found = results.newest(KEYS, limit=5)

    assert found == {key: results.newest([key], limit=5)[key] for key in KEYS}
    assert [118, 7] == [requests for _, requests in found["a", 1].requests][-2:]
    assert [5, 3, 0] == [len(found[key].requests) for key in KEYS]


def test_no_question_reads_all_windows(filled: Engine) -> None:
    """SQLite goes from monitors to their newest windows by the index, however many windows there are."""
    if filled.dialect.name != "sqlite":
        pytest.skip("another database tells its plans in other words")
    asked = list[tuple[str, Any]]()
    sa.event.listen(filled, "before_cursor_execute", lambda _c, _u, text, values, *_: asked.append((text, values)))
    Results(filled).newest(KEYS, limit=5)
    questions = [(text, values) for text, values in asked if "FROM monitors JOIN windows" in text]
    with filled.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in questions]

    assert 2 == len(plans)
    assert not [step for plan in plans for step in plan if str(step[3]).startswith("SCAN windows")]


def test_the_newest_of_a_time_are_read_without_the_others(filled: Engine) -> None:
    """SQLite walks back from the end of the time and sorts no windows but those that end together."""
    if filled.dialect.name != "sqlite":
        pytest.skip("another database tells its plans in other words")
    asked = list[tuple[str, Any]]()
    sa.event.listen(filled, "before_cursor_execute", lambda _c, _u, text, values, *_: asked.append((text, values)))
    found = Results(filled).windows("a", 1, START, START + 10 * MINUTE, final_only=True, limit=2)
    ((text, values),) = [one for one in asked if "FROM windows" in one[0]]
    with filled.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()

    assert [8, 9] == [(row.span.start - START) // MINUTE for row in found]
    assert "USE TEMP B-TREE FOR ORDER BY" not in [step[3] for step in plan]


def test_a_server_asks_for_each_monitor_by_itself(filled: Engine) -> None:
    """PostgreSQL takes so many windows of each monitor; it looks for nothing anew at each window that there is."""
    if filled.dialect.name != "postgresql":
        pytest.skip("another database tells its plans in other words")
    asked = list[tuple[str, Any]]()
    sa.event.listen(filled, "before_cursor_execute", lambda _c, _u, text, values, *_: asked.append((text, values)))
    Results(filled).newest(KEYS, limit=5)
    questions = [(text, values) for text, values in asked if "LATERAL" in text]
    with filled.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN {text}", values).scalars().all() for text, values in questions]

    assert 2 == len(plans)
    assert [True, True] == [any("Limit" in step for step in plan) for plan in plans]
    assert not [step for plan in plans for step in plan if "SubPlan" in step]
