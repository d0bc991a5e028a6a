"""What a report says in words: no more, and no less, than what was judged."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.detect.scale import spread_ratio
from pegel.judge.findings import Verdict

ROWS = 5_000


def columns(seed: int, rows: int = ROWS, **changed: Any) -> dict[str, Any]:
    """Draw a number, a key of an open end, and answers of a classifier with its scores."""
    rng = np.random.default_rng(seed)
    score = rng.random(rows)
    table = {
        "x": rng.lognormal(size=rows),
        "key": rng.zipf(1.5, rows).astype(str).tolist(),
        "answer": (score > 0.5).astype(int),
        "score": score,
    }
    return table | changed


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """What such a table looks like, with labels."""
    table = columns(0)
    labels = (np.random.default_rng(1).random(ROWS) < table["score"]).astype(int)
    return pegel.profile(table | {"label": labels}, label="label", answer="answer", score="score")


def test_notes_are_printed(baseline: Baseline) -> None:
    """What is not looked for, and why, stands in the report for a terminal."""
    report = pegel.check(columns(2, 500), baseline)
    told = [line.removeprefix("  note: ") for line in str(report).splitlines() if line.startswith("  note: ")]

    assert list(report.notes) == told
    assert any("hours" in note or "vary by themselves" in note for note in told)


def test_an_estimate_says_what_its_spread_is_of(baseline: Baseline) -> None:
    """Give or take is the chance of labels alone, and the report says that this is not all."""
    estimated = pegel.check(columns(3, 500), baseline).estimated

    assert estimated is not None
    assert re.search(r"\d\d\.\d % right answers, give or take \d\.\d by the chance of labels alone", estimated)
    assert "how far scores have come to mean something else is not in it" in estimated


def test_a_rise_of_unseen_values_says_what_was_expected(baseline: Baseline) -> None:
    """A key of an open end is often new; what is told is how many were, and how many would have been."""
    new = [f"new {i}" for i in range(150)] + columns(4, 350)["key"]
    report = pegel.check(columns(4, 500, key=new), baseline)
    whats = [finding.what for finding in report.findings if finding.feature == "key"]

    assert any(re.search(r"never seen in training: 1\d\d of 500 rows, where \d+ were to be expected", w) for w in whats)


def test_a_spread_is_told_as_it_was_tested() -> None:
    """A sample that is drawn together is told a ratio below 1, however far its few extremes reach."""
    rng = np.random.default_rng(0)
    table = {"x": rng.normal(size=ROWS)}
    narrow = rng.normal(0, 0.8, 2_000)
    narrow[:3] = 60.0
    report = pegel.check({"x": narrow}, pegel.profile(table))
    told = next(one for one in report.features if one.test == "scale")

    assert "drawn together" == told.what
    assert re.fullmatch(r"0\.\d+ times the spread", report.much(told))
    assert 0.8 == pytest.approx(told.effect, abs=0.05)


def test_spreads_of_normal_values() -> None:
    """The ratio of spreads is that of standard deviations where values are normal, and 1 for the same values."""
    rng = np.random.default_rng(0)
    edges = np.linspace(-3, 3, 61)
    before, now = (np.histogram(rng.normal(0, sd, 20_000), np.r_[-np.inf, edges, np.inf])[0] for sd in (1, 1.2))

    assert 1.2 == pytest.approx(spread_ratio(before, now), abs=0.03)
    assert 1.0 == spread_ratio(before, before)


def test_the_category_that_changed_is_the_one_that_is_named() -> None:
    """Whatever other fields are judged beside a field, its words and its effect are about the category that changed."""
    rng = np.random.default_rng(0)
    table = {"country": rng.choice(["AT", "DE", "FR"], ROWS), "key": [f"k{i}" for i in rng.integers(0, 9_000, ROWS)]}
    now = {"country": rng.choice(["AT", "DE", "FR"], 1_000), "key": ["k1"] * 1_000}
    alone, beside = (
        next(one for one in pegel.check(now, pegel.profile(part)).features if one.feature == "key")
        for part in ({"key": table["key"]}, table)
    )

    assert (alone.what, alone.effect) == (beside.what, beside.effect)
    assert re.fullmatch(r"one or more of about \d+ rarer keys 0\.\d+ % -> 100 %", beside.what)
    assert 1.0 == pytest.approx(beside.effect, abs=0.01)


def test_a_baseline_is_told_in_four_lines(baseline: Baseline) -> None:
    """Printed, a baseline says what it is of, how large it is, when it was made and what it promises."""
    first, size, made, promise = repr(baseline).splitlines()

    assert f"Baseline of table v1, {baseline.id[:19]}" == first
    assert "5,000 rows · features: 4, predictions: 0 · columns of numbers: 3, of categories: 1" == size.strip()
    assert made.strip().startswith(f"made {baseline.created_at:%Y-%m-%d %H:%M} UTC by pegel ")
    assert promise.strip().endswith("in windows of up to 500 rows, on average over baselines in larger ones")


def test_a_check_says_nothing_of_outliers_per_day() -> None:
    """Rows of a table are no events, so no check speaks of a budget for outlying ones."""
    rng = np.random.default_rng(0)
    report = pegel.check({"x": rng.normal(size=300)}, pegel.profile({"x": rng.normal(size=1_500)}))

    assert not any("outlier" in note for note in report.notes)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "one false alarm per week of 168 such checks (windows_per_week)"),
        ({"windows_per_week": 7}, "one false alarm per week of 7 such checks (windows_per_week)"),
        ({"false_alarms": "2 per day"}, "2 false alarms per day at 168 such checks a week (windows_per_week)"),
    ],
)
def test_the_promise_names_how_many_checks_it_is_of(baseline: Baseline, settings: dict[str, Any], words: str) -> None:
    """How often a false alarm comes depends on how often one checks, so the headline says both."""
    assert pegel.check(columns(5, 200), baseline, **settings).headline.endswith(words)


def test_notes_name_what_would_mend_it(baseline: Baseline) -> None:
    """A note names the argument of this door by which things are told, and what it says is accepted as it stands."""
    report = pegel.check(columns(6, 2_000), baseline)
    spread = next(note for note in report.notes if "on average over baselines" in note)
    phrase = re.search("`(.+)`, stated as false_alarms", spread)

    assert any("`window_rows` was not stated" in note for note in report.notes)
    assert phrase is not None
    assert any(
        "the promise holds for 95 % of baselines" in note
        for note in pegel.check(columns(6, 2_000), baseline, false_alarms=phrase[1]).notes
    )


@pytest.mark.parametrize(("first", "said"), [(ROWS, True), (ROWS + 0.5, False)], ids=["whole", "fractions"])
def test_a_running_id_is_told(first: float, said: bool) -> None:
    """A whole number that rises with every row drifts in every table: the report says that it looks like an id."""
    table = {"id": np.arange(ROWS), "x": np.random.default_rng(0).normal(size=ROWS)}
    now = {"id": first + np.arange(500), "x": table["x"][:500]}
    report = pegel.check(now, pegel.profile(table))

    assert Verdict.DRIFT is report.verdict
    assert said == any(note.startswith("column id looks like a running id") for note in report.notes)
    assert Verdict.OK is pegel.check(now, pegel.profile(table, categorical=["id"])).verdict


def test_what_rises_and_does_not_drift_is_no_id() -> None:
    """A table that is sorted, within the range of training, is worth no words."""
    table = {"id": np.arange(ROWS)}
    report = pegel.check({"id": np.arange(0, ROWS, 5)}, pegel.profile(table))

    assert (Verdict.OK, ()) == (report.verdict, report.running_ids)


def test_both_changes_of_a_feature_are_told() -> None:
    """A feature whose values shift while more of them are missing is told with both, its name once."""
    rng = np.random.default_rng(0)
    baseline = pegel.profile({"x": rng.normal(size=ROWS)})
    now = np.where(np.arange(2_000) % 2, np.nan, rng.normal(2, 1, 2_000))
    report = pegel.check({"x": now}, baseline)
    lines = [re.split("  +", line.rstrip())[1:3] for line in str(report).splitlines()[3:5]]

    assert ["x", "shifted up", "nulls 0 % -> 50 %"] == [*lines[0], lines[1][0]]
    assert all(what in report._repr_html_() for what in ("nulls 0 %", "shifted up"))


def test_fields_that_are_not_judged_stand_in_one_line() -> None:
    """Thirty columns that are too short are one line, which names the first and counts the others."""
    table = {f"x{i}": np.arange(100.0) for i in range(30)}
    lines = [line for line in str(pegel.check(table, pegel.profile(table))).splitlines() if "not judged:" in line]

    assert [
        "  not judged: x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 and 20 more (fewer than 1,000 values in training)"
    ] == lines


def test_sizes_have_no_powers_of_ten() -> None:
    """How large a change is, is written as people write it, however large."""
    rng = np.random.default_rng(0)
    baseline = pegel.profile({"x": rng.normal(size=ROWS), "y": rng.normal(size=ROWS)}, units={"x": "EUR"})
    report = pegel.check({"x": rng.normal(3e7, 1, 500), "y": [None] * 500}, baseline)
    sizes = {part.what: report.much(part) for one in report.features for part in report.changes(one)}

    assert "+100 points" == sizes["nulls 0 % -> 100 %"]
    assert sizes["shifted up"].endswith("(median +30,000,000 EUR)")
