"""How a model is asked: crowds of nearly equal rows, odd combinations, finer values; what is told and what is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sent_rows import Watched, counted, near, trained, usual, watching

from pegel.baseline.baseline import Baseline
from pegel.judge.division import Division
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import Judgement
from pegel.judge.layer import Setting, TrainingFacts
from pegel.judge.recent_crowds import WINDOWS
from pegel.judge.recomputation import explain
from pegel.stats.fingerprints.row_hashes import key_of
from pegel.stats.summary import Summary


def about(judgement: Judgement, detector: str) -> list[Finding]:
    """Return the findings of one kind of tests."""
    return [finding for finding in judgement.findings if finding.detector == detector]


def test_rows_near_each_other_are_suspected_as_probing() -> None:
    """Thirty of a thousand rows are small changes of one: told with their number, ids and the part of one client."""
    rng = np.random.default_rng(2)
    summary = counted(near(rng, usual(rng, 1_000), 30), client=0xABC)
    judged = Watched().see(summary)
    (finding,) = about(judged, "probing")
    crowd = finding.evidence["crowd"]

    assert (Verdict.PROBING, "probing", "crowd") == (finding.verdict, finding.feature, finding.test)
    assert Verdict.PROBING is judged.verdict
    assert 20 <= finding.statistic <= 32
    assert finding.effect == finding.statistic / 1_000
    assert 20 == len(crowd["events"])
    assert {f"e{number}" for number in range(1, 31)} >= {*crowd["events"]}
    assert "0000000000000abc" == crowd["clients"][0][0]
    assert json.loads(json.dumps(finding.evidence)) == finding.evidence


def test_evidence_names_the_salt_and_does_not_tell_it() -> None:
    """Whoever reads a finding, a mail or its JSON cannot make rows of small hashes: the key is in none of them."""
    rng, layout = np.random.default_rng(2), trained().layout
    (finding,) = about(Watched().see(counted(near(rng, usual(rng, 1_000), 30))), "probing")
    told = json.dumps(finding.evidence)

    assert layout.salt_id == finding.evidence["crowd"]["salt_id"]
    assert {"layout_hash": layout.layout_hash} == {k: v for k, v in finding.evidence.items() if k == "layout_hash"}
    assert [] == [each for each in (layout.salt.hex(), f"{key_of(layout):016x}", f"{key_of(layout)}") if each in told]
    assert key_of(layout) not in {int(layout.layout_hash[at : at + 16], 16) for at in range(0, 64, 16)}


def test_a_finding_is_found_again_from_what_was_stored() -> None:
    """Against training by the rows that were kept, against the windows before by the counts in the evidence."""
    rng = np.random.default_rng(3)
    watched = Watched()
    for _ in range(5):
        watched.see(counted(usual(rng, 1_000)))
    summary = counted(near(rng, usual(rng, 1_000), 30))
    (finding,) = about(watched.see(summary), "probing")
    stored = Summary.from_bytes(summary.to_bytes(), trained().layout)
    explained = explain(finding, stored, trained())

    assert finding.evidence["crowd"]["recent"] is not None
    assert explained.agrees
    assert explained.numbers["p_recent"] < 1e-3


def test_equal_rows_and_clean_windows_are_not_suspected() -> None:
    """Retries are one row, and seventeen clean windows with the horizon among them are as in training."""
    rng = np.random.default_rng(4)
    watched = Watched()
    rows = usual(rng, 1_000)
    rows[:500] = np.repeat(rows[:5], 100, axis=0)
    found = [watched.see(counted(rows)), *(watched.see(counted(usual(rng, 400))) for _ in range(16))]

    assert [] == [finding for judged in found for finding in about(judged, "probing")]


def test_a_slow_client_is_seen_over_sixteen_windows() -> None:
    """Two rows of 200 in each window are no crowd; those of sixteen windows together are one, since the first."""
    rng = np.random.default_rng(5)
    watched, aim = Watched(), usual(rng, 1)[0]
    found = []
    for _ in range(WINDOWS):
        rows = usual(rng, 200)
        rows[:2] = (aim + 0.01 * rng.normal(size=(2, 6))).round(3)
        found.append(about(watched.see(counted(rows)), "probing"))
    *before, last = found

    assert [[]] * (WINDOWS - 1) == before
    assert ["crowd of 16 windows"] == [finding.test for finding in last]
    assert last[0].evidence["since"] < last[0].span.start.isoformat()
    assert explain(last[0], counted(usual(rng, 200)), trained()).agrees


def stuck(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Draw rows of which three columns are stuck at a new default: they crowd the same few cells."""
    drawn = usual(rng, rows)
    drawn[:, 3:] = 0.0
    return drawn


def test_new_defaults_are_drift_and_no_probing() -> None:
    """At first they are told with the drift, then they are no news; so it is of sixteen windows together, too."""
    rng = np.random.default_rng(6)
    watched = Watched()
    found = [watched.see(counted(stuck(rng, 400))) for _ in range(WINDOWS)]

    assert [] == [finding for judged in found for finding in about(judged, "probing")]
    assert {Verdict.DRIFT} == {judged.verdict for judged in found}
    assert ("crowd of 16 windows", Verdict.BELOW_MARGIN) in [(one.test, one.verdict) for one in found[-1].beyond]


def test_crowds_are_told_with_the_drift_where_nothing_is_known_of_before() -> None:
    """More than a quarter of the fields drift in the first window of all: the crowd is below the margin, in words."""
    rng = np.random.default_rng(7)
    (verdict,) = [one for one in Watched().see(counted(stuck(rng, 1_000))).beyond if one.feature == "probing"]

    assert Verdict.BELOW_MARGIN is verdict.verdict
    assert "not told apart from the drift" in verdict.what


def test_finer_values_are_a_matter_of_quality() -> None:
    """Twelve values between the thousandths of training: finer than ever, in the words of what it is."""
    rng = np.random.default_rng(8)
    rows = usual(rng, 1_000)
    rows[:12, 2] += 0.0004
    summary = counted(rows)
    (finding,) = about(Watched().see(summary), "quality")

    assert ("x2", "off grid", 12.0) == (finding.feature, finding.test, finding.statistic)
    assert "values finer than ever in training: 12 of 1,000 rows" == finding.what
    assert explain(finding, summary, trained()).agrees


def test_odd_combinations_are_counted_although_no_single_number_is_odd() -> None:
    """Two numbers that always went together go against each other in a twentieth of the rows."""
    rng = np.random.default_rng(9)
    rows = usual(rng, 1_000)
    rows[:50, 0], rows[:50, 1] = 1.5, -1.5
    rows[:50] += (0.2 * rng.normal(size=(50, 6))).round(3)
    summary = counted(rows)
    (finding,) = about(Watched().see(summary), "adversarial")

    assert ("combinations", "unusual combinations") == (finding.feature, finding.test)
    assert "hardly go together in training" in finding.what
    assert explain(finding, summary, trained()).agrees


def test_the_budget_has_ten_parts_for_how_a_model_is_asked() -> None:
    """Probing has six hundredths, half of them for sixteen windows together, combinations have four."""
    division = Division.of(Setting(watching(), trained()))
    alpha = division.budget.alpha

    assert 0.06 == pytest.approx(division.budget.of("probing") / alpha)
    assert 0.04 == pytest.approx(division.budget.of("combinations") / alpha)
    assert "half of it for 16 windows together" in division.describe()
    assert any("honest sessions" in note and "not assessed" in note for note in division.notes())


TIMED = {"source": "local://delays?version=1", "time_column": "t"}
DATA = TrainingFacts(100_000, trained().layout.schema)


@pytest.mark.parametrize(
    ("given", "rows", "training", "why"),
    [
        ({"source": TIMED["source"]}, 100, DATA, "rows of training have no times (baseline.time_column)"),
        (TIMED, 8_739, None, "30 blocks of 8,739 rows, as windows have, and there is room for blocks of 8,738"),
        (TIMED, 4_000, DATA, "it needs 120,000 distinct rows of training, and there are 100,000"),
    ],
)
def test_that_sessions_will_not_be_told_is_said_before_there_is_a_baseline(
    given: dict[str, str], rows: int, training: TrainingFacts | None, why: str
) -> None:
    """Whoever validates a spec sees that no baseline of it will say what honest sessions look like."""
    spec = watching(baseline=given)
    notes = Division.of(Setting(spec, usual_rows=rows, training=training)).notes()

    assert [note for note in notes if "honest sessions" in note and why in note]


def test_of_windows_that_sessions_are_looked_at_in_nothing_is_said_before() -> None:
    """30 windows of 8,738 rows are looked at; how many rows a source has that nobody has seen is not known."""
    spec = watching(baseline=TIMED)
    notes = Division.of(Setting(spec, usual_rows=8_738)).notes()

    assert [] == [note for note in notes if "honest sessions" in note]


def test_nothing_is_spent_or_said_where_nobody_asks() -> None:
    """Without the section both layers are silent, whatever the baseline knows."""
    division = Division.of(Setting(watching(adversarial={}), trained()))

    assert (0.0, 0.0) == (division.budget.of("probing"), division.budget.of("combinations"))
    assert [] == [line for line in division.notes() if "probing" in line or "combination" in line]


def test_a_baseline_made_without_them_says_how_to_get_one() -> None:
    """Neither layer runs, and both say what to do."""
    plain = Baseline.from_json({**trained().to_json()})
    lacking = Baseline.build(
        layout=plain.layout,
        summary=_exact(plain),
        model="delays",
        version=1,
        source="test",
        scores=None,
        watch=watching().watch,
    )
    said = [line for line in Division.of(Setting(watching(), lacking)).notes() if "refresh it" in line]

    assert ["probing", "combinations"] == [line.split()[0] for line in said]
    assert lacking.row_counter is None


def _exact(baseline: Baseline) -> Summary:
    return Summary.empty(baseline.layout, exact=True)


def test_a_window_of_which_no_row_was_kept_is_not_healthy() -> None:
    """Where rows were not counted, the verdict on probing is that it was not judged."""
    summary = counted(usual(np.random.default_rng(10), 300))
    summary.behaviour = None
    (verdict,) = [one for one in Watched().see(summary).beyond if one.feature == "probing"]

    assert (Verdict.INSUFFICIENT, "no row was kept to be compared") == (verdict.verdict, verdict.what)
