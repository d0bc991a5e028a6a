"""Rows in crowds on the way of events: counted by tasks, kept in panes, judged once per window, told, found again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pegel.alerts.alert_kind import AlertKind
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.keyed_hash import KeyedHash
from pegel.data.wire import HEADER_METADATA, REQUEST_TYPE, RESPONSE_TYPE
from pegel.judge.findings import Finding, Verdict
from pegel.judge.recomputation import explain
from pegel.stats.summary import Summary
from pegel.stream.group_state import GroupState
from pegel.testing.samples import brief_spec, trained_on
from pegel.testing.stream_fakes import LoggedRecord

NAMES = [f"x{at}" for at in range(6)]
SCHEMA = Schema((*(Field(name, Kind.NUMERIC) for name in NAMES), Field("y", Kind.NUMERIC, Role.PREDICTION)))
ASKED = {"probing": True, "combinations": True, "off_grid": True, "client_header": "X-Client-Id"}
ROWS, NEAR = 400, 24
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class SentRecord(LoggedRecord):
    """A request of a client that says who it is."""

    client: str = ""

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers, with the client's own among them."""
        return [*super().headers, (HEADER_METADATA, json.dumps({"X-Client-Id": [self.client]}).encode())]


def drawn(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Draw rows in steps of hundredths."""
    return rng.normal(size=(rows, len(NAMES))).round(2)


def watched(group: Any, **changes: Any) -> Any:
    """Watch a model of six numbers by a baseline that knows how rows are sent; return the baseline."""
    group.hashed = KeyedHash("a secret of sixteen bytes")
    spec = brief_spec(**{"adversarial": ASKED} | changes)
    rows = drawn(np.random.default_rng(1), 6_000)
    table = pa.table({name: rows[:, at] for at, name in enumerate(NAMES)} | {"y": np.zeros(6_000)})
    baseline = trained_on(table, SCHEMA, spec)
    group.models.watch(spec, group.baselines.put(baseline))
    return baseline


def requests(begin: datetime, near: int, seed: int = 2) -> list[LoggedRecord]:
    """Return requests of one window, of which the first `near` are small changes of one row, by one client."""
    rng = np.random.default_rng(seed)
    rows = drawn(rng, ROWS)
    if near:
        rows[:near] = (rows[0] + 0.01 * rng.normal(size=(near, len(NAMES)))).round(2)
    return [
        SentRecord(
            f"e{at}",
            REQUEST_TYPE,
            "delays-v1",
            json.dumps({"instances": [row.tolist()]}).encode(),
            begin,
            client="one" if at < near else f"c{at}",
        )
        for at, row in enumerate(rows)
    ]


def finding_of(group: Any, state: Any, *partitions: list[LoggedRecord]) -> Finding | None:
    """Send a window in parts, let it become final, and return what is found of crowds."""
    for part in partitions:
        group.send(state, part)
    group.tick(state, idle_s=60)
    found = [one for _, one in group.results.findings("delays", 1) if one.detector == "probing"]
    return next(iter(found), None)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_crowd_is_told_with_its_client_however_its_rows_came(group: Any, parts: int) -> None:
    """In one batch or in three, over two partitions: one finding, of the same rows, most of them by one client."""
    watched(group)
    state = group.start()
    sent = requests(group.begin, NEAR)
    finding = finding_of(group, state, *(sent[at::parts] for at in range(parts)))

    assert finding is not None
    crowd = finding.evidence["crowd"]
    assert (Verdict.PROBING, AlertKind.PROBING) == (finding.verdict, AlertKind.of(finding))
    assert NEAR - 8 <= finding.statistic <= NEAR + 2
    assert ROWS == finding.n
    assert crowd["clients"][0][1] >= finding.statistic - 2
    assert {f"e{at}" for at in range(NEAR)} >= {*crowd["events"][:10]}


def test_the_window_keeps_its_rows_for_whoever_explains_it(group: Any) -> None:
    """The stored summary has the rows of a crowded window, not who sent them; the finding is found again in them."""
    baseline = watched(group)
    finding = finding_of(group, group.start(), requests(group.begin, NEAR))
    (window,) = group.results.windows("delays", 1)
    stored = Summary.from_bytes(window.summary, baseline.layout)

    assert finding is not None
    assert stored.behaviour is not None
    assert ROWS == stored.behaviour.rows.n
    assert {"", 0} == {*stored.behaviour.rows.ids.tolist(), *stored.behaviour.rows.clients.tolist()}
    assert explain(finding, stored, baseline).agrees


def answers_to(requests: list[LoggedRecord], classes: list[float]) -> list[LoggedRecord]:
    """Return the responses to requests of one row each."""
    return [
        LoggedRecord(one.event_id, RESPONSE_TYPE, one.endpoint, json.dumps({"predictions": [said]}).encode(), one.at)
        for one, said in zip(requests, classes, strict=True)
    ]


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([0.0, 1.0], r"answered by more than one class: [01] \(\d+ rows\) and [01] \(\d+ rows\)$"),
        ([1.0, 1.0], r"all answered 1 \(\d+ rows\)$"),
        ([], "how they were answered is not known$"),
    ],
)
def test_a_finding_says_how_the_crowd_was_answered(group: Any, classes: list[float], words: str) -> None:
    """By one class or by several, as far as answers came, in whatever partition and batch: in words and counts."""
    watched(group)
    state, asked = group.start(), requests(group.begin, NEAR)
    answered = answers_to(asked, (classes * ROWS)[:ROWS]) if classes else []
    group.send(state, asked[::2], answered[1::2])
    group.send(state, answered[::2])
    finding = finding_of(group, state, asked[1::2])

    assert finding is not None
    assert re.search(words, finding.what) is not None
    crowd = finding.evidence["crowd"]
    assert finding.statistic == sum(count for _, count in crowd["labels"]) + crowd["of_unknown_labels"]
    assert {f"{said:g}" for said in classes} == {name for name, _ in crowd["labels"]}


def test_a_window_without_a_crowd_keeps_no_row(group: Any) -> None:
    """Of most windows nobody asks for rows again: their counts are kept, and the state of the next one has its rows."""
    baseline = watched(group)
    state = group.start()
    assert finding_of(group, state, requests(group.begin, 0)) is None
    (window,) = group.results.windows("delays", 1)
    stored = Summary.from_bytes(window.summary, baseline.layout)

    assert stored.behaviour is not None
    assert (0, ROWS) == (stored.behaviour.rows.n, stored.behaviour.placed)
    assert "crowds" not in window.judgement["chart_state"]
    assert state.charts["delays/1"].crowds is not None


def test_open_windows_and_what_is_remembered_survive_a_restart(group: Any) -> None:
    """A driver that starts again between two batches finds the same crowd."""
    watched(group)
    sent = requests(group.begin, NEAR)
    group.send(group.start(), sent[::2])
    finding = finding_of(group, group.start(), sent[1::2])

    assert finding is not None
    assert NEAR - 8 <= finding.statistic
    crowds = group.start().charts["delays/1"].crowds
    assert crowds is not None
    assert crowds.horizon is not None
    assert 1 == len(crowds.horizon.names)
    assert ["e0", "e1"] == sorted(crowds.horizon.rows.ids.tolist())[:2]


def test_rows_of_a_window_are_written_with_it_and_never_again(group: Any) -> None:
    """What a commit writes of rows is that of its own window, however much is remembered; charts name it alone."""
    watched(group)
    state, written, charts = group.start(), list[list[str]](), list[int]()
    for window in range(5):
        begin = group.begin + 5 * window * SECOND
        commit = group.send(state, requests(begin, 0, seed=window))
        written += [sorted(each.remembered) for each in commit.states if each.charts is not None]
        charts += [len(json.dumps(each.charts["crowds"])) for each in commit.states if each.charts is not None]
    stored = group.stored().states

    assert [2, 2, 2] == list(map(len, written))
    assert 6 == len({name for names in written for name in names})
    assert {name for names in written for name in names} == {name for each in stored for name in each.remembered}
    assert 2_000 > max(charts)
    assert group.start().charts["delays/1"].crowds.to_json() == state.charts["delays/1"].crowds.to_json()


def test_rows_before_that_cannot_be_read_cost_nothing_else(group: Any) -> None:
    """What is known of crowds is learnt anew, and told as the model's failure; its charts go on."""
    watched(group)
    assert finding_of(group, group.start(), requests(group.begin, 0)) is None
    stored = group.stored()
    (name, *_) = stored.states[0].remembered
    stored.states[0].remembered[name] = b"torn"
    state = GroupState.restored(stored, group.baselines, group.clock.now(), group.hashed)
    (failure,) = state.failures.active.values()

    assert "its rows of the windows before, which are learnt anew" in failure.reason
    assert state.charts["delays/1"].crowds is None
    assert ROWS == state.charts["delays/1"].sizes.usual


def test_where_nobody_asks_nothing_is_counted(group: Any) -> None:
    """With the section left out, the same baseline counts no row's cells, and no finding is made."""
    baseline = watched(group)
    group.models.watch(brief_spec(), baseline.id)
    state = group.start()

    assert finding_of(group, state, requests(group.begin, NEAR)) is None
    (window,) = group.results.windows("delays", 1)
    assert Summary.from_bytes(window.summary, baseline.layout).behaviour is None
    assert state.charts["delays/1"].crowds is None


def test_rows_with_finer_values_are_told_among_the_outliers(group: Any) -> None:
    """Each is told with the values that are finer, although nothing else is odd; the rate of outliers stays."""
    baseline = watched(group)
    rows = (drawn(np.random.default_rng(3), 60) / 2).round(2)
    rows[:30, 1] += 0.001
    sent = [
        LoggedRecord(f"f{at}", REQUEST_TYPE, "delays-v1", body.encode(), group.begin)
        for at, body in enumerate(json.dumps({"instances": [row.tolist()]}) for row in rows)
    ]
    state = group.start()
    group.send(state, sent)
    group.tick(state, idle_s=60)
    told = group.results.outliers("delays", 1)
    finer = {row.event_id: row.reasons[0]["feature"] for row in told if row.reasons[0].get("finer")}
    (window,) = group.results.windows("delays", 1)

    assert dict.fromkeys((f"f{at}" for at in range(20)), "x1") == finer
    assert sum(row.score > row.cutoff for row in told) == Summary.from_bytes(window.summary, baseline.layout).n_outliers


def test_retries_are_one_row(group: Any) -> None:
    """Five rows that are sent a hundred times each, under ids of their own, are five rows."""
    watched(group)
    rows = requests(group.begin, 0)[:5]
    again = [replace(rows[at % 5], event_id=f"r{at}") for at in range(500)]

    assert finding_of(group, group.start(), again) is None
