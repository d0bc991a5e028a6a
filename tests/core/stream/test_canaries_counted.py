"""Canaries in the stream: a round is counted once, judged in its window, and is no explained row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pegel.alerts.alert_kind import AlertKind
from pegel.baseline.replay_reference import ReplayReference
from pegel.data.attribution_event import Match
from pegel.data.canary_event import encode_canaries
from pegel.data.wire import ATTRIBUTION_TYPE
from pegel.judge.attribution.model_identity import explain_identity
from pegel.judge.findings import Verdict
from pegel.store.attribution_store import AttributionStore
from pegel.store.database import connect
from pegel.stream.attribution_rows import AttributionRow
from pegel.testing.stream_fakes import LoggedRecord

KEY = "delays/1"
SECTION = {"via": "endpoint", "window": "60s", "identity": "canaries"}


@pytest.fixture
def asking(group: Any) -> Any:
    """A group whose model is watched by canaries that were frozen at onboarding."""
    group.watch(model={"name": "delays", "uri": "/models/delays"}, attribution=SECTION)
    group.models.answers[KEY] = ReplayReference(0, 64, 1)
    return group


def told(group: Any, differing: int, unknown: int = 0, *, name: str = "round") -> LoggedRecord:
    """Return what came of one round of 64."""
    matches = [Match.OTHER] * differing + [Match.UNKNOWN] * unknown + [Match.SAME] * (64 - differing - unknown)
    return LoggedRecord(name, ATTRIBUTION_TYPE, "delays-v1", encode_canaries(matches), group.begin)


def rows(group: Any, *records: LoggedRecord) -> list[AttributionRow]:
    """Return the final windows of explained rows, once these records are counted."""
    state = group.start()
    for record in records:
        group.send(state, [record])
    group.clock.advance(timedelta(minutes=10))
    group.tick(state, idle_s=600)
    return AttributionStore(connect(group.url)).list("delays", 1)


def test_a_round_as_at_onboarding_is_ok(asking: Any) -> None:
    """Its rows are answers that were looked at, and none that were explained; a copy of it counts for nothing."""
    (row,) = rows(asking, told(asking, 0, unknown=4), told(asking, 0, unknown=4))

    assert (Verdict.INSUFFICIENT, Verdict.OK) == (row.verdict, row.identity)
    assert (0, 60, 0) == (row.rows, row.replayed, row.differing)
    assert [] == asking.results.findings("delays", 1)


def test_one_other_answer_is_another_model(asking: Any) -> None:
    """It is found in the window of its round, has the alert of another model, and is recomputed."""
    rows(asking, told(asking, 1))
    ((_, finding),) = asking.results.findings("delays", 1)

    assert (Verdict.MODEL_CHANGED, "canaries", AlertKind.MODEL) == (
        finding.verdict,
        finding.test,
        AlertKind.of(finding),
    )
    assert ["round"] == finding.evidence["event_ids"]
    assert explain_identity(finding).agrees


def test_of_classes_one_other_answer_is_not_enough(asking: Any) -> None:
    """One of 64 classes that differs is neither another model nor as of the registered one."""
    asking.models.answers[KEY] = ReplayReference(0, 64, 2)
    (row,) = rows(asking, told(asking, 1))

    assert Verdict.INSUFFICIENT == row.identity
    assert [] == asking.results.findings("delays", 1)
