"""Rows in crowds on the way of events: counted by tasks, kept in panes, judged once per window, told, found again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pegel.alerts.alert_kind import AlertKind
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.keyed_hash import KeyedHash
from pegel.data.wire import HEADER_METADATA, REQUEST_TYPE
from pegel.judge.findings import Finding, Verdict
from pegel.judge.recomputation import explain
from pegel.stats.summary import Summary
from pegel.testing.samples import brief_spec, trained_on
from pegel.testing.stream_fakes import LoggedRecord

NAMES = [f"x{at}" for at in range(6)]
SCHEMA = Schema((*(Field(name, Kind.NUMERIC) for name in NAMES), Field("y", Kind.NUMERIC, Role.PREDICTION)))
ASKED = {"probing": True, "combinations": True, "off_grid": True, "client_header": "X-Client-Id"}
ROWS, NEAR = 400, 24


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
    assert 1 == crowds.horizon.windows


def test_where_nobody_asks_nothing_is_counted(group: Any) -> None:
    """With the section left out, the same baseline counts no row's cells, and no finding is made."""
    baseline = watched(group)
    group.models.watch(brief_spec(), baseline.id)
    state = group.start()

    assert finding_of(group, state, requests(group.begin, NEAR)) is None
    (window,) = group.results.windows("delays", 1)
    assert Summary.from_bytes(window.summary, baseline.layout).behaviour is None
    assert state.charts["delays/1"].crowds is None


def test_retries_are_one_row(group: Any) -> None:
    """Five rows that are sent a hundred times each, under ids of their own, are five rows."""
    watched(group)
    rows = requests(group.begin, 0)[:5]
    again = [replace(rows[at % 5], event_id=f"r{at}") for at in range(500)]

    assert finding_of(group, group.start(), again) is None
