"""A table and the same rows as logged requests: one verdict, the same p-values, the same counts."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.conversions import Strange, plain
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.judge.findings import Finding
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.stream.commit import Commit, Restored
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.group_state import GroupState
from pegel.stream.task_output import TaskOutput, together
from pegel.testing.stream_fakes import FixedBaselines, FixedModels, LoggedRecord, as_read

BEGIN = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
TRAINED = 1_200
"""Rows of training data: enough to judge by, too few for charts, which a single table has not either."""
ABSENT = object()
"""A field that a row of a request lacks."""
LAWS: dict[str, Callable[[np.random.Generator, int], Sequence[Any]]] = {
    "normal": lambda rng, n: rng.normal(size=n).tolist(),
    "prices": lambda rng, n: rng.choice([9.99, 19.95, 0.1, 1 / 3], n).tolist(),
    "float32": lambda rng, n: rng.choice([9.99, 19.95, 0.1], n).astype(np.float32).tolist(),
    "counts": lambda rng, n: rng.poisson(0.3, n).tolist(),
    "codes": lambda rng, n: (10**15 + rng.integers(0, 5, n)).tolist(),
    "sparse": lambda rng, n: [None if rng.random() < 0.7 else rng.normal() for _ in range(n)],
    "truths": lambda rng, n: (rng.random(n) < 0.3).tolist(),
    "words": lambda rng, n: rng.choice(["a", "b", "A", "", "1", "1.0", "true"], n).tolist(),
    "labels": lambda rng, n: rng.integers(0, 3, n).tolist(),
    "mixed": lambda rng, n: [(1, "a", 2.5, True, None)[i] for i in rng.integers(0, 5, n)],
    "keys": lambda rng, n: [f"key {i}" for i in rng.integers(0, 3_000, n)],
}
AS_CATEGORIES = {"codes", "labels"}
ODD = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 1.0, -0.0, 2**53 + 1, 2**70, math.inf, -math.inf, 9.99, math.nan]),
    st.sampled_from(["", " ", "1", "1.0", "true", "True", "n/a", "1,000", " 7 ", "nan", "-inf", "\u00e4"]),
    st.sampled_from([ABSENT, [1.5], [1, 2], [], {}, {"a": 1}]),
    st.floats(),
    st.integers(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)


@dataclass(frozen=True)
class Column:
    """One field of a drawn table: a law, a seed, and odd values by place among the rows that are checked."""

    law: str
    seed: int
    odd: dict[int, Any]
    shift: bool

    def trained(self) -> list[Any]:
        """Return the values of the training data."""
        return list(LAWS[self.law](np.random.default_rng(self.seed), TRAINED))

    def now(self, rows: int) -> list[Any]:
        """Return the values of the rows that are checked; shifted ones are the first half of the values only."""
        rng = np.random.default_rng(self.seed + 1)
        values = list(LAWS[self.law](rng, rows))
        if self.shift:
            values = sorted(values, key=lambda value: (str(type(value)), str(value)))[: rows // 2] * 2 + values[:1]
        values = values[:rows]
        for place, value in self.odd.items():
            values[place % rows] = value
        return values


COLUMNS = st.builds(
    Column,
    law=st.sampled_from(sorted(LAWS)),
    seed=st.integers(0, 10_000),
    odd=st.dictionaries(st.integers(0, 200), ODD, max_size=6),
    shift=st.booleans(),
)


def stream(baseline: Baseline, spec: MonitorSpec, records: list[LoggedRecord]) -> Commit:
    """Let the stream count, close and judge one window of records; return what it leaves."""
    models, baselines = FixedModels(), FixedBaselines()
    models.watch(spec, baselines.put(baseline))
    state = GroupState.restored(Restored(offsets={}, states=[], pane_parts=[], failures=[]), baselines, BEGIN)
    now = BEGIN + timedelta(minutes=30)

    def run(plan: CountingPlan, alone: bool) -> TaskOutput:
        return together(CountingTask(plan, baselines.load).run(as_read(records)))

    state.take(state.count(state.plan(models, now), run), models, now)
    later = now + timedelta(hours=2)
    closed = state.close_idle(models, later, later)
    assert closed is not None
    return closed


def objects(rows: list[dict[str, Any]], names: list[str]) -> Any:
    """Return rows by name, without the fields that they lack."""
    return [{name: row[name] for name in names if row[name] is not ABSENT} for row in rows]


def lists(rows: list[dict[str, Any]], names: list[str]) -> Any:
    """Return rows in order; what a row lacks is null."""
    return [[None if row[name] is ABSENT else row[name] for name in names] for row in rows]


def tensors(rows: list[dict[str, Any]], names: list[str]) -> Any:
    """Return rows as one tensor per field; what cannot stand in a tensor is an object, which is as strange."""
    return [
        {
            "name": name,
            "shape": [len(rows)],
            "datatype": "BYTES",
            "data": [_in_tensor(row[name]) for row in rows],
        }
        for name in names
    ]


def _in_tensor(value: Any) -> Any:
    taken = None if value is ABSENT else plain(value)
    return {} if isinstance(taken, Strange) else taken


SHAPES = {"objects": objects, "lists": lists, "tensors": tensors}


def logged(
    shape: str, rows: list[dict[str, Any]], schema: dict[str, list[str]], per_request: int
) -> list[LoggedRecord]:
    """Return rows as requests and responses of so many rows each, in one of the shapes of the protocols."""
    keys = ("inputs", "outputs") if shape == "tensors" else ("instances", "predictions")
    records = []
    for first in range(0, len(rows), per_request):
        part = rows[first : first + per_request]
        for kind, key, names in zip((REQUEST_TYPE, RESPONSE_TYPE), keys, schema.values(), strict=True):
            body = json.dumps({key: SHAPES[shape](part, names)}).encode()
            records.append(LoggedRecord(f"e{first}", kind, "table-v1", body, BEGIN + timedelta(minutes=1)))
    return [record.moved("pegel.default.inference", 0, place) for place, record in enumerate(records)]


def counts(summary: Summary) -> dict[str, Any]:
    """Return everything that is counted; nulls and NaN together, because pandas and Python know no difference."""
    return {
        name: (one.n, one.n_null + one.n_nan, one.n_posinf, one.n_neginf, one.n_unparseable, one.cells.tolist())
        for name, one in summary.features.items()
    }


def differences(columns: list[Column], answer: Column, rows: int, per_request: int) -> list[tuple[str, Any, Any]]:
    """Return in what a check of a table and a stream of its rows differ, by shape of the stream."""
    named = {f"f{place}": column for place, column in enumerate(columns)} | {"answer": answer}
    trained = {name: column.trained() for name, column in named.items()}
    as_categories = [name for name, column in named.items() if column.law in AS_CATEGORIES]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        baseline = pegel.profile(trained, predictions=["answer"], categorical=as_categories)
    now = {name: column.now(rows) for name, column in named.items()}
    # A request in which nothing at all is known is no row, so one field is there in every row.
    now["f0"] = [None if value is ABSENT else value for value in now["f0"]]
    now["answer"] = [None if value is ABSENT else value for value in now["answer"]]
    report = pegel.check(
        {name: [None if value is ABSENT else value for value in values] for name, values in now.items()}, baseline
    )
    listed = [dict(zip(now, values, strict=True)) for values in zip(*now.values(), strict=True)]
    schema = {"feature": [name for name in named if name != "answer"], "prediction": ["answer"]}
    found: list[tuple[str, Any, Any]] = []
    for shape in SHAPES:
        commit = stream(baseline, report.spec, logged(shape, listed, schema, per_request))
        (window,) = commit.windows
        pairs = (
            (counts(report.summary), counts(Summary.from_bytes(window.summary, baseline.layout))),
            (report.verdict, window.verdict),
            ([one.to_json() for one in report.judgement.features], window.judgement["features"]),
            (named_p_values(report.findings), named_p_values(commit.findings)),
        )
        found += [(shape, *pair) for pair in pairs if pair[0] != pair[1]]
    return found


def named_p_values(findings: Sequence[Finding]) -> list[tuple[Any, ...]]:
    """Return what findings say, without when they were made."""
    return [(one.feature, one.test, one.p_value, one.threshold) for one in findings]


TABLES = {
    "columns": st.lists(COLUMNS, min_size=1, max_size=4),
    "answer": COLUMNS,
    "rows": st.integers(40, 90),
    "per_request": st.integers(1, 50),
}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], report_multiple_bugs=False)
@given(**TABLES)
def test_a_table_and_its_requests_are_judged_alike(
    columns: list[Column], answer: Column, rows: int, per_request: int
) -> None:
    """Whatever schema and values, a check and a stream of the same rows agree in verdict, p-values and counts."""
    assert [] == differences(columns, answer, rows, per_request)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_field_that_requests_lack_is_found_as_nulls(shape: str) -> None:
    """Requests that cease to send a field are judged: its nulls are the finding, and no event is invalid."""
    rng = np.random.default_rng(1)
    drawn = {name: LAWS[law](rng, TRAINED) for name, law in (("f0", "normal"), ("f1", "prices"), ("answer", "labels"))}
    baseline = pegel.profile(drawn, predictions=["answer"], categorical=["answer"])
    report = pegel.check(drawn, baseline)
    rows = [{"f0": drawn["f0"][i], "f1": ABSENT, "answer": drawn["answer"][i]} for i in range(60)]
    schema = {"feature": ["f0"] if shape == "tensors" else ["f0", "f1"], "prediction": ["answer"]}
    commit = stream(baseline, report.spec, logged(shape, rows, schema, 10))

    assert [("f1", "nulls")] == [(finding.feature, finding.test) for finding in commit.findings]
    assert (60, 0) == (commit.windows[0].rows, commit.windows[0].invalid)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow], report_multiple_bugs=False)
@given(**TABLES)
def test_many_tables_and_their_requests_are_judged_alike(
    columns: list[Column], answer: Column, rows: int, per_request: int
) -> None:
    """The same for many more tables."""
    assert [] == differences(columns, answer, rows, per_request)
