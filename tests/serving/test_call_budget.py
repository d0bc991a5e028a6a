"""An endpoint is asked about no more rows in a minute than the spec allows, whoever asks and how often they begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from paint_model import SCHEMA
from pyarrow import parquet

from pegel.data.attribution_event import Method
from pegel_serving.attribution.call_budget import CallBudget, rows_at_once
from pegel_serving.attribution.explained import EndpointAway
from pegel_serving.attribution.explainer import Explainer, GivenEvent
from pegel_serving.attribution.explainer_process import bound_of, prepared
from pegel_serving.attribution.permutation_method import PermutationMethod
from pegel_serving.attribution.rows_budget import OVER_BUDGET
from pegel_serving.attribution.unprepared import NO_ENDPOINT, Unprepared
from pegel_serving.model_columns import Rows

TOLD = {
    "address": "http://127.0.0.1:9/v1/models/m:predict",
    "token": "",
    "schema": SCHEMA.to_json(),
    "features": ["colour", "size", "weight"],
    "background": None,
    "rate": 1.0,
}


@given(
    st.integers(2, 10_000),
    st.lists(st.tuples(st.floats(0.0, 90.0), st.floats(0.01, 1.0), st.booleans()), min_size=1, max_size=80),
)
def test_no_minute_has_more_rows_than_it_may(per_minute: int, steps: list[tuple[float, float, bool]]) -> None:
    """Of any 60 s, wherever they begin, with pauses, parts of calls and processes that begin anew in between."""
    now: list[float] = [0.0]
    asked: list[tuple[float, int]] = []

    def wait(seconds: float) -> None:
        now[0] += seconds

    budget = CallBudget(per_minute, lambda: now[0], wait)
    for pause, part, begins_anew in steps:
        now[0] += pause if begins_anew else 0.0
        if begins_anew:
            budget = CallBudget(per_minute, lambda: now[0], wait)
        for _ in range(3):
            rows = max(1, int(part * budget.at_once))
            budget.spend(rows)
            asked.append((now[0], rows))

    most = max(sum(rows for at, rows in asked if begin <= at < begin + 60.0) for begin, _ in asked)
    assert most <= per_minute


@pytest.mark.parametrize("per_minute", [2, 60, 61, 6_000, 1_000_000])
def test_what_is_allowed_is_used(per_minute: int) -> None:
    """Whoever asks all the time is kept at the rate of the spec, within two hundredths or one row."""
    now: list[float] = [0.0]
    budget = CallBudget(per_minute, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    asked = 0
    while now[0] < 600.0:
        budget.spend(budget.at_once)
        asked += budget.at_once

    assert asked >= 0.98 * 10 * per_minute - 1


def test_events_beyond_the_calls_are_refused_at_once() -> None:
    """What half a minute's calls are not enough for is not waited for: a process that hangs would be ended."""
    events = [GivenEvent(1, b'{"instances": [["red", 1, 2], ["red", 1, 2]]}', None)] * 3
    background = np.array([["red", 1.0, 2.0]], dtype=object)
    method = PermutationMethod(lambda rows: rows[:, 1:2].astype(float), background)
    explainer = Explainer(SCHEMA, method, None, None, 1.0, replays=False, rows_at_once=rows_at_once(32, 3))

    told = explainer.tell(events)

    assert Method.PERMUTATION is method.method
    assert ["", "", OVER_BUDGET] == [one.reason for one in told]
    assert "calls of the endpoint are left for 0" in told[2].why


def test_events_of_an_endpoint_that_is_away_are_refused_together() -> None:
    """It is not waited for once for each event; the reason is the endpoint's and not the model's."""
    asked: list[int] = []

    def away(rows: Rows) -> NDArray[np.float64]:
        asked.append(len(rows))
        raise EndpointAway("no answer")

    method = PermutationMethod(away, np.array([["red", 1.0, 2.0]], dtype=object))
    explainer = Explainer(SCHEMA, method, None, None, 1.0, replays=False)

    told = explainer.tell([GivenEvent(1, b'{"instances": [["red", 1, 2]]}', None)] * 3)

    assert [NO_ENDPOINT] * 3 == [one.reason for one in told]
    assert [12] == asked


def test_a_minute_without_a_whole_row_explains_nothing() -> None:
    """Fewer calls than a row takes are told with both numbers; else the process says what a minute is enough for."""
    with pytest.raises(Unprepared, match="one row takes 4 calls of the endpoint"):
        prepared(TOLD | {"calls_per_minute": 3})

    assert {"rows_per_minute": 25} == bound_of(TOLD | {"calls_per_minute": 100})
    assert {} == bound_of({"folder": "/models"})


def test_an_endpoint_that_is_away_is_no_lack_of_a_method(tmp_path: Path) -> None:
    """Where it would have to be asked about rows with missing values, it is tried again later."""
    rows = pa.table({"colour": ["red", "blue"], "size": [1.0, None], "weight": [1.0, 2.0]})
    parquet.write_table(rows, tmp_path / "rows.parquet")

    with pytest.raises(Unprepared) as refusal:
        prepared(TOLD | {"calls_per_minute": 100_000, "background": str(tmp_path / "rows.parquet")})

    assert NO_ENDPOINT == refusal.value.reason
