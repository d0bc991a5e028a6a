"""Whether a drift matters to the model, from windows of explained rows in a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from explained_windows import drawn, explained_baseline, explained_window, keep

from pegel.alerts.alert import AlertFeature
from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.report.moved_prediction import OF_SEGMENTS, matters, moved_meanwhile, moved_prediction
from pegel.report.prediction_words import NO_ROWS, NOT_EXPLAINED, PredictionMove, matter_words
from pegel.report.reading import Sources
from pegel.report.words import SIGMA
from pegel.store import tables
from pegel.store.alert_store import AlertStore
from pegel.store.attribution_store import AttributionStore
from pegel.store.database import writing
from pegel.store.explained_span import explained_span
from pegel.store.registry import Registry
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_spec

pytestmark = pytest.mark.environments("pandas", "pyarrow", "sqlalchemy")

NOW = START + 30 * MINUTE
SPEC = sample_spec(attribution={"via": "artefact"})
DRIFT = sample_finding(0, span=Span(START + 20 * MINUTE, START + 21 * MINUTE))
AT = START + 20 * MINUTE


@pytest.fixture
def reference(sources: Sources) -> Baseline:
    """The model of the judged windows, whose predictions are explained, and the baseline of these."""
    Registry(sources.engine).put(SPEC)
    return explained_baseline(sources.engine, SPEC)


def test_a_drift_that_matters_is_told_with_the_numbers_of_its_window(sources: Sources, reference: Baseline) -> None:
    """One window of that time: what is told is what that window's facts say, by the name of the feature."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 1, (0.36, -0.05, 0))))
    move = moved_prediction(sources.engine, SPEC, [DRIFT])
    (row,) = AttributionStore(sources.engine).list("delays", 1)
    facts = row.facts["parts"]
    words = matter_words(move)

    assert move == PredictionMove.of_facts(row.facts, 0.05)
    assert words.startswith(f"The prediction rose by {facts['output']['mean']:.2f} {SIGMA} (")
    amount = facts["attribution:amount"]
    assert f": amount {amount['mean']:+.2f} ± {amount['mean_error']:.2f}; other features together -0.0" in words


def test_what_moves_no_prediction_is_said_not_to_matter(sources: Sources, reference: Baseline) -> None:
    """A column of noise that moved by three of its own deviations does not move the output."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 2, (0, 0, 3.0))))
    move = moved_prediction(sources.engine, SPEC, [DRIFT])

    assert f"The model's output does not move noticeably by it (below 0.05 {SIGMA})." == matter_words(move)


def test_windows_are_added_up_as_if_they_were_one(sources: Sources, reference: Baseline) -> None:
    """Three windows of a day's finding give the numbers that one window of all their rows has, to the last bit."""
    parts = [drawn(500, seed, (0.3, 0, 0)) for seed in (3, 4, 5)]
    rows = [explained_window(SPEC, reference, AT + at * 10 * MINUTE, part) for at, part in enumerate(parts)]
    elsewhere = explained_window(SPEC, reference, AT - 10 * MINUTE, drawn(500, 6, (9, 0, 0)))
    keep(sources.engine, *rows, elsewhere)
    day = replace(DRIFT, span=Span(AT, AT + 30 * MINUTE))
    whole = explained_window(SPEC, reference, AT, np.concatenate(parts))

    assert PredictionMove.of_facts(whole.facts, 0.05) == moved_prediction(sources.engine, SPEC, [day])


def test_rows_that_wait_for_more_count_once(sources: Sources, reference: Baseline) -> None:
    """A window of too few rows is in the next one's sums; of a window that was made anew only the newest counts."""
    few, more = drawn(100, 7), drawn(150, 8)
    first = explained_window(SPEC, reference, AT, few)
    both = explained_window(SPEC, reference, AT + 10 * MINUTE, np.concatenate([few, more]), since=AT)
    keep(sources.engine, first, replace(both, sums=first.sums), replace(both, revision=2))
    found = explained_span(sources.engine, "delays", 1, Span(AT, AT + 20 * MINUTE))

    assert found.sums is not None
    assert (250, Span(AT, AT + 20 * MINUTE)) == (found.sums.n, found.covered)


@pytest.mark.parametrize("count", [7, 8, 17])
def test_more_windows_than_fit_into_memory_at_once(sources: Sources, reference: Baseline, count: int) -> None:
    """Windows are read some at a time, and each is added once."""
    row = explained_window(SPEC, reference, AT, drawn(30, 9))
    spans = [Span(AT + at * MINUTE, AT + (at + 1) * MINUTE) for at in range(count)]
    keep(sources.engine, *(replace(row, span=each, since=each.start) for each in spans))
    found = explained_span(sources.engine, "delays", 1, Span(AT, AT + timedelta(hours=1)))

    assert found.sums is not None
    assert count * 30 == found.sums.n


def because(move: Any) -> str:
    """Return why something is not known."""
    assert isinstance(move, str)
    return move


def test_what_is_not_known_says_why(sources: Sources, reference: Baseline) -> None:
    """Nobody asked, a segment, no window yet, a baseline that is learned, too few rows: each has its own reason."""
    engine = sources.engine
    nobody = moved_prediction(engine, sample_spec(), [DRIFT])
    segment = moved_prediction(engine, SPEC, [replace(DRIFT, segment="airline=AA")])
    none = moved_prediction(engine, SPEC, [DRIFT])
    learning = explained_window(
        SPEC, reference, AT, drawn(300, 1), sums=None, baseline_id=None, facts={}, why="learning its baseline"
    )
    keep(engine, learning)
    learns = moved_prediction(engine, SPEC, [DRIFT])
    keep(engine, explained_window(SPEC, reference, AT, drawn(120, 1), revision=2))
    few = moved_prediction(engine, SPEC, [DRIFT])

    assert (NOT_EXPLAINED, OF_SEGMENTS, "learning its baseline") == (nobody, segment, learns)
    assert f"{NO_ROWS}: windows of explained rows take 10 min, the one of this time may be open" == none
    assert "only 120 rows of this time were explained; 200 are needed" == few


@pytest.mark.parametrize("damage", ["sums", "baseline"])
def test_what_cannot_be_read_is_a_reason(sources: Sources, reference: Baseline, damage: str) -> None:
    """A damaged window, or a baseline that is gone, fails nothing: it is said."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(300, 1)))
    statement: sa.Executable = sa.text("UPDATE attributions SET sums = '{'")
    if damage == "baseline":
        statement = sa.delete(tables.baselines).where(tables.baselines.c.id == reference.id)
    with writing(sources.engine) as connection:
        connection.execute(statement)

    assert "cannot be read" in because(moved_prediction(sources.engine, SPEC, [DRIFT]))


def test_what_drifts_for_long_is_told_by_the_windows_since_then(sources: Sources, reference: Baseline) -> None:
    """Of the newest minute no window of explained rows is final; of an alert those count that are, since it began."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 2, (0, 0, 3.0))))
    newest = replace(DRIFT, span=Span(AT + 15 * MINUTE, AT + 16 * MINUTE))
    alone = moved_prediction(sources.engine, SPEC, [newest])
    goes_on = AlertFeature(feature=newest.about, since=AT, unbroken_since=AT, finding=newest, windows=16)

    assert because(alone).startswith(NO_ROWS)
    assert "does not move noticeably" in matter_words(moved_meanwhile(sources.engine, SPEC, [goes_on]))


def test_a_finding_whose_own_time_says_nothing_is_told_by_that_of_its_alert(
    sources: Sources, reference: Baseline
) -> None:
    """`pegel explain` of the finding that a mail names gives the mail's answer, not that nothing is known."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 2, (0.4, 0, 0))))
    found = [replace(DRIFT, span=Span(AT + at * MINUTE, AT + (at + 1) * MINUTE)) for at in (0, 15)]
    alone = matters(sources.engine, found[1])
    AlertStore(sources.engine).save(*update([], list(enumerate(found)), [], AT + 17 * MINUTE, [SPEC]))

    assert because(alone).startswith(NO_ROWS)
    assert moved_prediction(sources.engine, SPEC, found[:1]) == matters(sources.engine, found[1])


def test_what_began_last_is_told_of_first(sources: Sources, reference: Baseline) -> None:
    """Two features drift, the second one since later: told is the time of both, and before it is known that of one."""
    before = explained_window(SPEC, reference, AT, drawn(500, 3))
    both = explained_window(SPEC, reference, AT + 10 * MINUTE, drawn(500, 4, (0.4, 0, 0)))
    keep(sources.engine, before)
    newest = replace(DRIFT, span=Span(AT + 21 * MINUTE, AT + 22 * MINUTE))
    first = AlertFeature(feature="first", since=AT, unbroken_since=AT, finding=newest)
    later = AT + 10 * MINUTE
    second = AlertFeature(feature="second", since=later, unbroken_since=later, finding=newest)
    only_first = moved_meanwhile(sources.engine, SPEC, [first, second])
    keep(sources.engine, both)
    known = moved_meanwhile(sources.engine, SPEC, [first, second])

    assert PredictionMove.of_facts(before.facts, 0.05) == only_first
    assert PredictionMove.of_facts(both.facts, 0.05) == known


def test_rows_from_before_hide_nothing(sources: Sources, reference: Baseline) -> None:
    """Nine minutes of unchanged rows and one of a drift move no mean: nothing is said of the drift by that."""
    diluted = np.concatenate([drawn(1_800, 5), drawn(200, 6, (0.33, 0, 0))])
    keep(sources.engine, explained_window(SPEC, reference, AT, diluted))
    last_minute = replace(DRIFT, span=Span(AT + 9 * MINUTE, AT + 10 * MINUTE))

    assert "most explained rows are from before this time: windows of them take 10 min" == because(
        moved_prediction(sources.engine, SPEC, [last_minute])
    )


def test_only_a_drift_is_asked_about(sources: Sources, reference: Baseline) -> None:
    """Findings about events, or of a model whose predictions nobody explains, have no such sentence."""
    events = replace(DRIFT, detector="events")
    other = sample_finding(0, model="other")

    assert (None, None) == (matters(sources.engine, events), matters(sources.engine, other))
