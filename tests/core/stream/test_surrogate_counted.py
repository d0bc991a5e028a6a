"""Residuals of a surrogate in the stream: judged as attributions are, and what they say is whose answers come."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pegel.alerts.alert_kind import AlertKind
from pegel.cli.explain import explained as recomputed
from pegel.data.attribution_event import Attributions, Match, Method, encode
from pegel.data.wire import ATTRIBUTION_TYPE
from pegel.judge.attribution.attribution_judgement import CountedAttributions
from pegel.judge.attribution.learned_baseline import RowsToLearn, learned_baseline
from pegel.judge.attribution.surrogate_identity import explain_residual, is_of_surrogate
from pegel.judge.findings import Finding, Verdict
from pegel.spec.names import RESIDUAL, explained_key
from pegel.spec.settings import Settings
from pegel.stats.attribution_sums import STEPS
from pegel.stats.summary import Summary
from pegel.store.attribution_store import AttributionStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.stream.attribution_rows import AttributionRow
from pegel.testing.stream_fakes import LoggedRecord

KEY = "delays/1"
SECTION = {"via": "endpoint", "window": "60s", "identity": "surrogate"}
FEATURES = ("distance", "carrier")
NAME, OTHER = "ab" * 8, "cd" * 8
ROWS = 5
"""Of one request."""
OFF = 0.1
"""By how much a surrogate is off, in standard deviations."""


def reference(group: Any) -> str:
    """Watch attributions and residuals by a baseline of 4,000 rows; return its id."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, [1.0, 0.5], (4_000, 2))
    rows = RowsToLearn(
        attributions=np.column_stack([values, rng.normal(0, OFF, 4_000)]),
        raw=values.sum(axis=1),
        times_us=None,
        method=Method.PERMUTATION,
        artefact=None,
        surrogate=NAME,
    )
    baseline_id = group.baselines.put(learned_baseline(group.models.specs[KEY], FEATURES, rows))
    group.models.baselines[explained_key(KEY)] = baseline_id
    return str(baseline_id)


def explained(
    group: Any, first: int, last: int, *, further: float = 0.0, moved: float = 0.0, surrogate: str | None = NAME
) -> list[LoggedRecord]:
    """Return attributions of requests; answers are `further` off the surrogate, and a feature has `moved`."""
    records = []
    for number in range(first, last):
        rng = np.random.default_rng(10_000 + number)
        values = rng.normal([moved, 0], [1.0, 0.5], (ROWS, 2))
        given = Attributions(
            values=values,
            base=np.zeros(ROWS),
            raw=values.sum(axis=1),
            matches=(Match.UNKNOWN,) * ROWS,
            method=Method.PERMUTATION,
            artefact=None,
            rate=0.5,
            residuals=None if surrogate is None else rng.normal(further, OFF, ROWS),
            surrogate=surrogate,
        )
        records.append(LoggedRecord(f"e{number}", ATTRIBUTION_TYPE, "delays-v1", encode(given), group.begin))
    return records


@pytest.fixture
def asking(group: Any) -> Any:
    """A group whose model is explained by its endpoint, with a surrogate of its answers."""
    group.watch(model={"name": "delays", "uri": "/models/delays"}, attribution=SECTION)
    reference(group)
    return group


def window(group: Any, *records: LoggedRecord) -> AttributionRow:
    """Return the final window of explained rows, once these records are counted."""
    state = group.start()
    group.send(state, [*records])
    group.clock.advance(timedelta(minutes=10))
    group.tick(state, idle_s=600)
    (row,) = AttributionStore(connect(group.url)).list("delays", 1)
    return row


def findings(group: Any) -> list[Finding]:
    """Return the findings of the model."""
    return [finding for _, finding in group.results.findings("delays", 1)]


def test_answers_as_the_surrogate_expects_are_those_of_the_version(asking: Any) -> None:
    """All explained rows were looked at; the residual is no feature, and no part of the order of importance."""
    row = window(asking, *explained(asking, 0, 100))

    assert (Verdict.OK, Verdict.OK, 500, 500, 0) == (row.verdict, row.identity, row.rows, row.replayed, row.differing)
    assert 1.0 == row.facts["ndcg"]
    names = {"attribution:distance", "attribution:carrier"}
    assert names == row.facts["ranks"].keys() == row.facts["ranks_before"].keys()
    assert names | {"output"} == row.facts["parts"].keys()
    assert 2 == len(row.features)
    assert [] == findings(asking)


def test_other_answers_are_another_model(asking: Any, tmp_path: Path) -> None:
    """It has the alert of another model, is none of a feature, and is recomputed from what is stored."""
    row = window(asking, *explained(asking, 0, 100, further=0.3))
    (found,) = findings(asking)
    baseline = asking.baselines.baseline(found.baseline_id)
    assert row.sums is not None
    rows = CountedAttributions(Summary.from_bytes(row.summary, baseline.layout), row.sums)

    assert (Verdict.OK, Verdict.MODEL_CHANGED) == (row.verdict, row.identity)
    assert (Verdict.MODEL_CHANGED, "identity", "answers") == (found.verdict, found.detector, found.feature)
    assert AlertKind.MODEL == AlertKind.of(found)
    assert is_of_surrogate(found)
    assert "higher than expected by a model of the answers of version 1" in found.what
    assert explain_residual(found, rows, baseline).agrees
    BaselineStore(connect(asking.url)).put(baseline)
    assert recomputed(Settings(home=tmp_path), found.id).agrees


def test_what_is_certain_and_not_relevant_is_no_other_model(asking: Any) -> None:
    """Answers that are a little off what is expected, as where inputs drift, are below the margin, and end an alert."""
    row = window(asking, *explained(asking, 0, 100, further=0.05))

    assert Verdict.BELOW_MARGIN == row.identity
    assert [] == findings(asking)


def test_a_feature_that_moves_the_output_is_no_other_model(asking: Any) -> None:
    """What the surrogate expects has moved as well."""
    row = window(asking, *explained(asking, 0, 100, moved=0.8))

    assert (Verdict.DRIFT, Verdict.OK) == (row.verdict, row.identity)
    assert ["attribution"] == [finding.detector for finding in findings(asking)]


@pytest.mark.parametrize(("surrogate", "by"), [(OTHER, f"permutation (surrogate {OTHER[:12]})"), (None, "permutation")])
def test_rows_beside_another_surrogate_are_not_compared(asking: Any, surrogate: str | None, by: str) -> None:
    """Nobody says whose answers they are, and the window says why; a new baseline is learned of them."""
    row = window(asking, *explained(asking, 0, 100, surrogate=surrogate, further=5))

    assert (Verdict.INSUFFICIENT, Verdict.INSUFFICIENT, 0) == (row.verdict, row.identity, row.replayed)
    assert f"500 rows explained by {by}, its baseline by permutation (surrogate {NAME[:12]})" in row.why
    assert [] == findings(asking)


def test_few_rows_say_nothing_of_answers(asking: Any) -> None:
    """Fewer than 200 are judged with those of the next window."""
    row = window(asking, *explained(asking, 0, 30, further=5))

    assert (Verdict.INSUFFICIENT, Verdict.INSUFFICIENT) == (row.verdict, row.identity)


def test_its_baseline_is_learned_of_the_first_rows(group: Any) -> None:
    """Rows are kept with their residuals; those beside another surrogate make no baseline with them."""
    group.watch(model={"name": "delays", "uri": "/models/delays"}, attribution=SECTION)
    row = window(group, *explained(group, 0, 60, surrogate=None), *explained(group, 60, 300))
    store, spec = AttributionStore(connect(group.url)), group.models.specs[KEY]
    learned = store.learn(spec, FEATURES, now=group.clock.now(), needed=1_100)
    assert learned is not None
    assert learned.attribution is not None

    assert (Verdict.INSUFFICIENT, "learning its baseline") == (row.verdict, row.why)
    assert (1_100, NAME, 2) == (learned.rows, learned.attribution.surrogate, learned.attribution.features)
    assert RESIDUAL == learned.layout.schema.fields[-1].name
    steps = float(np.sqrt(learned.attribution.sums.variances[-2]))
    assert OFF == pytest.approx(steps / STEPS * learned.attribution.scale.sigma, rel=0.1)
