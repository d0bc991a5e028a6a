"""What will be judged is told before there is a window, and the windows are then judged so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pegel.baseline.baseline import Baseline
from pegel.cli.validate import summary
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.judge.layer import TrainingFacts
from pegel.judge.outlook import Line, Outlook
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import counted, sample_span, sample_spec, tabled, trained_on

pytestmark = pytest.mark.environments("pyarrow")

SCHEMA = Schema(
    (
        Field("age", Kind.NUMERIC),
        Field("seldom", Kind.NUMERIC),
        Field("one", Kind.NUMERIC),
        Field("ticket", Kind.CATEGORICAL),
        Field("fee", Kind.NUMERIC),
        Field("urgent", Kind.NUMERIC, Role.PREDICTION),
    )
)


def table(rows: int, seed: int = 0) -> pa.Table:
    """Return rows of numbers, one column with hardly any values, one with one, and one of identifiers."""
    rng = np.random.default_rng(seed)
    seldom = pa.array(rng.normal(size=rows), mask=rng.random(rows) > 0.01)
    tickets = [f"{seed}-{row}" for row in range(rows)]
    columns = [rng.normal(size=rows), seldom, np.ones(rows), tickets, rng.gamma(2, size=rows), rng.random(rows)]
    return pa.table(dict(zip([field.name for field in SCHEMA.fields], columns, strict=True)))


@pytest.fixture(scope="module")
def trained() -> Baseline:
    """A baseline of 20,000 rows."""
    return trained_on(table(20_000), SCHEMA, sample_spec())


@pytest.fixture(scope="module")
def short() -> Baseline:
    """A baseline of 442 rows."""
    return trained_on(table(442), SCHEMA, sample_spec())


def said(outlook: Outlook, about: str) -> list[str]:
    """Return what is said about one matter; a line without a word belongs to the one before."""
    words: dict[str, list[str]] = {}
    for line in outlook.brief():
        words.setdefault(line.about or list(words)[-1], []).append(line.words)
    return words.get(about, [])


def test_the_fields_are_then_judged_as_was_said(trained: Baseline) -> None:
    """A window of the expected size is not judged on exactly the fields that were named, for the same reasons."""
    spec = sample_spec()
    window = counted(trained.layout, table(spec.expected_rows * 8, seed=1))
    state = ChartState(trained.id)
    judged = judge(trained, window, spec=spec, span=sample_span(), revision=1, chart_state=state)
    reasons = {f.feature: f.what for f in judged.features if f.verdict is Verdict.INSUFFICIENT}
    foretold = {name: why for why, names in Outlook.of(spec, trained).not_judged.items() for name in names}

    assert {"seldom", "ticket"} == set(foretold)
    assert reasons == foretold


def test_a_short_baseline_is_said_with_the_number_that_is_needed(short: Baseline) -> None:
    """How many rows there are, how many are needed, and what is judged all the same."""
    outlook = Outlook.of(sample_spec(), short)
    drift, charts, correlations, dependence = said(outlook, "not judged")

    assert ["nulls, unseen values, exceeded ranges and odd events only"] == said(outlook, "judged")
    assert drift == (
        "drift of 6 fields (age, seldom, one and 3 more): fewer than 1,000 values in training (442 rows); judged once "
        "the training data has more"
    )
    assert "has 442 rows, and 2,484 (36 windows of 69) are needed" in charts
    assert correlations.startswith("correlations are not watched")
    assert dependence.startswith("dependence is not watched")


def test_training_data_without_a_baseline_are_said_alike(trained: Baseline, short: Baseline) -> None:
    """What is known before the baseline job has run gives the same layers, from rows and fields alone."""
    pairs = [
        (Outlook.of(sample_spec(), known), Outlook.of(sample_spec(), TrainingFacts(known.rows, SCHEMA)))
        for known in (trained, short)
    ]
    running = [[[layer.name for layer in each.division.running] for each in pair] for pair in pairs]

    assert [after for after, _ in running] == [before for _, before in running]


@pytest.mark.parametrize(
    ("watch", "expected"),
    [
        ({"features": ["age"]}, "correlations are not watched: they need 2 numeric features, and 1 can be"),
        ({"predictions": False}, "predictions: watch.predictions is off"),
    ],
)
def test_what_the_spec_rules_out_is_said(watch: dict[str, Any], expected: str) -> None:
    """One watched feature has no correlations; answers that are not watched are said not to be."""
    outlook = Outlook.of(sample_spec(watch=watch), TrainingFacts(20_000, SCHEMA))

    assert expected in said(outlook, "not judged")


def test_training_data_without_answers_are_told_apart_from_unwatched_ones() -> None:
    """A table without prediction columns leaves the model's answers unwatched, although the spec wants them."""
    features = Schema(SCHEMA.of_role(Role.FEATURE))

    assert "predictions: the training data names no column of them" in (
        said(Outlook.of(sample_spec(), TrainingFacts(20_000, features)), "not judged")
    )


@pytest.mark.parametrize(("rows_per_day", "few"), [(100_000, False), (1_440, True), (0.1, True)])
def test_the_first_verdict_and_small_windows_are_foretold(trained: Baseline, rows_per_day: float, few: bool) -> None:
    """When the first window is final, how large windows will be, and what becomes of those of fewer than 50 rows."""
    windowing = {"length": "1m", "lateness": "10s"}
    (first,) = said(
        Outlook.of(sample_spec(windowing=windowing, watch={"rows_per_day": rows_per_day}), trained), "verdicts"
    )

    assert first.startswith("the first at most 70 s after the first request: windows of 60 s, about ")
    assert ("fewer than 50 are judged with those of the next windows, 20 at most" in first) == few


def test_a_model_in_a_table_has_no_request_and_no_event(trained: Baseline) -> None:
    """Its first verdict comes with a run of the job that reads the table, and odd events are none of what is judged."""
    outlook = Outlook.of(sample_spec(model=tabled(), windowing={"length": "1h", "lateness": "10m"}), trained)
    (first,), (judged,) = said(outlook, "verdicts"), said(outlook, "judged")

    assert first.startswith(
        "the first with the next run of batch_monitor, hourly, 600 s after a window's end or later: "
    )
    assert judged.endswith("; nulls, unseen values and exceeded ranges")


def test_what_is_brief_is_short_and_the_rest_is_counted(short: Baseline) -> None:
    """A dozen lines with endpoint, page and request: no more than nine come from here, however little is judged."""
    spec = sample_spec(watch={"predictions": False, "features": ["age", "ticket"]}, alerts={})
    outlook = Outlook.of(spec, short)
    brief, whole = outlook.brief(), outlook.whole()

    assert len(brief) <= 9
    assert ["nobody (alerts.emails is empty)"] == said(outlook, "mails")
    assert len(whole) > len(brief)


WATCH = {"outliers_per_day": 500, "rows_per_day": 1_000}
NEVER = "alerts.outliers is page, but no single event will ever be mailed: "


def test_what_is_asked_for_of_single_events_and_answers_is_said(trained: Baseline) -> None:
    """Real time, mails about one event with their number a week, and how long an answer may take; nothing unasked."""
    asked = sample_spec(
        watch={"outliers": "realtime"},
        alerts={"emails": ["a@b.org"], "outliers": "page", "outlier_pages_per_week": 3, "repeat_after": "1h"},
        events={"slow_after": "500ms", "slow": 0.05},
    )
    sentences = [
        "outliers stand on their topic in real time, before their batch is stored",
        "an event that is extremely far out is mailed by itself, 3 a week at most, 3600 s apart",
        "an answer after more than 500 ms is slow; 5 % of them may be",
    ]
    shown = [line.words for line in Outlook.of(asked, trained).brief()]

    assert sentences == [words for words in shown if words in sentences]
    assert [] == said(Outlook.of(sample_spec(), trained), "also")
    assert set(sentences) <= set(summary(asked))


def never(spec: MonitorSpec, known: Baseline | TrainingFacts) -> list[str]:
    """Return what is said of mails about single events that can never come."""
    return [line.words for line in Outlook.of(spec, known).whole() if "ever be mailed" in line.words]


def test_a_mail_that_can_never_come_is_said_with_what_would_do() -> None:
    """Where no event can be as rare as a mail asks for, the reason is said once, with a baseline and before."""
    spec = sample_spec(watch=WATCH, alerts={"outliers": "page"})
    few = trained_on(table(80), SCHEMA, spec)
    why = (
        "by these training rows none can be told to be rarer than 1 in 81, and alerts.outlier_pages_per_week 1 asks "
        "for 1 in 7e+03; it takes more training rows, or more than 86.4 a week"
    )

    assert [NEVER + why] == never(spec, few)
    assert [NEVER + why] == never(spec, TrainingFacts(80, SCHEMA))


def test_without_outliers_no_event_is_mailed(short: Baseline) -> None:
    """A baseline that affords no cut-off has no event that could be extreme."""
    spec = sample_spec(alerts={"outliers": "page"})

    assert [NEVER + "no event is called an outlier"] == never(spec, short)


def test_a_mail_that_can_come_is_not_doubted(short: Baseline) -> None:
    """With enough training rows, and where nobody asks for such mails, nothing is said."""
    asked, shown = (sample_spec(watch=WATCH, alerts={"outliers": outliers}) for outliers in ("page", "show"))
    enough = trained_on(table(442), SCHEMA, asked)

    assert ([], [], []) == (never(asked, enough), never(shown, short), never(asked, TrainingFacts(442, SCHEMA)))


@pytest.mark.parametrize("outliers", ["standard", "realtime"])
@pytest.mark.parametrize("has_baseline", [True, False])
def test_that_no_event_can_be_an_outlier_is_said_with_what_would_do(outliers: str, *, has_baseline: bool) -> None:
    """Once, in brief and in full, with a baseline and before: by default 100 of 100,000 a day take 10,000 rows."""
    spec = sample_spec(watch={"outliers": outliers})
    known = trained_on(table(6_000), SCHEMA, spec) if has_baseline else TrainingFacts(6_000, SCHEMA)
    outlook = Outlook.of(spec, known)
    ends = "; `watch.outliers: realtime` tells of none" if outliers == "realtime" else ""
    why = (
        "no event is called an outlier: `watch.outliers_per_day` 100, of `watch.rows_per_day` 100,000, puts 6 of 6,000 "
        "baseline rows beyond the cut-off, and 10 are needed; the least that they afford is 167, and 100 takes 10,000 "
        f"rows{ends}"
    )

    for lines in (outlook.brief(), outlook.whole()):
        assert [Line("outliers", why)] == [line for line in lines if "called an outlier" in line.words]


def test_where_outliers_can_come_nothing_is_said_of_them(trained: Baseline) -> None:
    """The line is there only where it says that something is missing."""
    spec = sample_spec(watch=WATCH)

    assert [] == said(Outlook.of(spec, trained), "outliers")
