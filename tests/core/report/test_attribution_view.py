"""What the model makes of its inputs: on its page, in the report, and where a finding is explained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from explained_windows import drawn, explained_baseline, explained_window, keep

from pegel.baseline.baseline import Baseline
from pegel.baseline.replay_reference import ReplayReference
from pegel.cli.command_line import run
from pegel.judge.findings import Finding, Verdict
from pegel.report.attribution_view import AttributionView
from pegel.report.html import render
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.store.attribution_store import AttributionStore
from pegel.store.database import writing
from pegel.store.identity_store import FirstAnswers, IdentityStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_spec

pytestmark = pytest.mark.environments("pandas", "pyarrow", "sqlalchemy")

NOW = START + 35 * MINUTE
SPEC = sample_spec(attribution={"via": "artefact"})
AT = START + 20 * MINUTE


@pytest.fixture
def reference(sources: Sources) -> Baseline:
    """The model that drifts, with an open alert, whose predictions are explained; and the baseline of these."""
    Registry(sources.engine).put(SPEC)
    return explained_baseline(sources.engine, SPEC)


def finding(sources: Sources) -> Finding:
    """Return the newest finding about a number."""
    found = Results(sources.engine).recent_findings("delays", 1, limit=10)
    return next(one for one in found if one.feature == "departure_delay")


def ranked(view: AttributionView) -> list[tuple[str, int, int]]:
    """Return each feature with its rank before and now."""
    return [(one.name, one.before, one.now) for one in view.lines]


def test_the_page_says_whether_the_open_drift_matters(sources: Sources, reference: Baseline) -> None:
    """Beside the alert's features stands the sentence of its mail; below, ranks, parts with errors and answers."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 1, (0.36, -0.05, 0)), differing=2))
    view = model_view(sources, "delays", 1, NOW)
    text, known = render(view), view.attributions
    assert "The worker that explains predictions has not spoken yet." in text
    (row,) = AttributionStore(sources.engine).list("delays", 1)

    assert known is not None
    (sentence,) = known.matters
    assert sentence.startswith("departure_delay and arrival_delay: The prediction rose by 0.3")
    assert f"<strong>Does it matter?</strong> {sentence}" in text
    assert [("amount", 1, 1), ("age", 2, 2), ("noise", 3, 3)] == ranked(known)
    assert known.lines[0].part.startswith("+0.3")
    assert known.lines[0].part.endswith(" ± 0.02")
    assert "nDCG 1.00000 (1 is the same order); 99 % of windows of that size without a change have at least " in text
    assert f"{row.facts['clean_ndcg']:.5f}" in known.order
    assert "those of the registered version; 2 of 2,000 replayed answers differ" in known.identity
    assert [] == view.problems


def test_the_page_says_what_is_known_of_onboarding(sources: Sources, reference: Baseline) -> None:
    """Nobody looked, some answers differed even then, or why nobody can look; where all were found again, nothing."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 1)))
    store, told = IdentityStore(sources.engine), []
    for differing, replayed, why in ((0, 0, ""), (5, 1_000, ""), (0, 0, "it does not answer"), (0, 1_000, "")):
        known = ReplayReference(differing, replayed)
        answers = FirstAnswers(model="delays", version=1, identity="replay", reference=known, why=why, at=NOW)
        store.put(answers)
        view = model_view(sources, "delays", 1, NOW).attributions
        assert view is not None
        told.append(view.identity)

    assert told[0].endswith("No answers were looked at when it was onboarded.")
    assert "cannot be reproduced exactly: 5 of 1,000 differed at onboarding." in told[1]
    assert told[2].endswith("Nobody can look now: it does not answer.")
    assert told[3].endswith(" UTC.")


def test_the_page_says_what_a_surrogate_knows(sources: Sources, reference: Baseline) -> None:
    """How far answers are from what it expects and how well it knows them; or why there is none."""
    by_endpoint = sample_spec(attribution={"via": "endpoint", "identity": "surrogate"})
    Registry(sources.engine).put(by_endpoint)
    window = explained_window(by_endpoint, reference, AT, drawn(2_000, 1))
    change = {"mean": 0.01, "mean_error": 0.004, "size": 0.02, "size_error": 0.006}
    keep(sources.engine, replace(window, identity=Verdict.BELOW_MARGIN, facts={**window.facts, "residual": change}))
    store, told = IdentityStore(sources.engine), []
    good: dict[str, Any] = {"name": "ab" * 8, "explained": 0.97812, "checked": 10_000}
    for frozen, why in ((good, ""), (None, "a model of the answers explains 71.0% of how they vary")):
        known = FirstAnswers(model="delays", version=1, identity="surrogate", source="local://delays", at=NOW)
        store.put(replace(known, frozen=frozen, why=why))
        view = model_view(sources, "delays", 1, NOW).attributions
        assert view is not None
        told.append(view.identity)

    assert "as far as a model of the answers tells; 2,000 answers differ from it by +0.01 ± <0.01" in told[0]
    assert told[0].endswith(
        "explains 97.8% of how they vary in 10,000 rows of local://delays that it was not fitted to."
    )
    assert told[1].endswith("Nobody can look: a model of the answers explains 71.0% of how they vary.")
    keep(sources.engine, window)
    view = model_view(sources, "delays", 1, NOW).attributions
    assert view is not None
    assert view.identity.startswith("Whose answers: not looked at yet.")


def test_order_that_changed_is_shown(sources: Sources, reference: Baseline) -> None:
    """A feature that becomes the most important one has another rank, and nDCG says how much of the order is left."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 2, (0, 9.0, 0))))
    known = model_view(sources, "delays", 1, NOW).attributions

    assert known is not None
    assert [("amount", 1, 2), ("age", 2, 1), ("noise", 3, 3)] == ranked(known)
    assert "nDCG 0.78" in known.order


def test_where_nobody_asks_there_is_no_such_section(sources: Sources) -> None:
    """A model whose predictions are not explained has no word of it."""
    view = model_view(sources, "delays", 1, NOW)

    assert view.attributions is None
    assert "What the model makes of it" not in render(view)


def test_what_is_not_judged_says_why(sources: Sources, reference: Baseline) -> None:
    """Without a window, while a baseline is learned, and of another model's answers, the section has its words."""
    none = model_view(sources, "delays", 1, NOW).attributions
    learning: dict[str, Any] = {
        "sums": None,
        "facts": {},
        "features": [],
        "why": "learning its baseline",
        "baseline_id": None,
    }
    changed: dict[str, Any] = {"identity": Verdict.MODEL_CHANGED, "differing": 100, "verdict": Verdict.INSUFFICIENT}
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(300, 1), **learning, **changed))
    view = model_view(sources, "delays", 1, NOW)
    known = view.attributions

    assert none is not None
    assert "No window of explained rows yet." == none.window
    assert none.matters[0].endswith("the one of this time may be open.")
    assert known is not None
    assert "300 explained rows: not judged, because learning its baseline." in known.window
    assert known.matters[0].endswith(": Not known, because learning its baseline.")
    assert "not those of version 1; 100 of 300 replayed answers differ" in known.identity
    assert "100 of 300 replayed answers differ" in render(view)


@pytest.mark.parametrize("column", ["facts", "features", "sums"])
def test_a_damaged_window_leaves_the_rest_of_the_page(sources: Sources, reference: Baseline, column: str) -> None:
    """A window that is no JSON any more is named, and findings are shown as ever."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(300, 1)))
    with writing(sources.engine) as connection:
        connection.execute(sa.text(f"UPDATE attributions SET {column} = '{{'"))  # noqa: S608  names of this test
    view = model_view(sources, "delays", 1, NOW)

    assert 1 == len(view.problems)
    assert view.findings.groups


def test_explaining_a_finding_says_whether_it_matters(
    sources: Sources, reference: Baseline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pegel explain` ends with the sentence of the mail; as JSON the parts have every digit."""
    keep(sources.engine, explained_window(SPEC, reference, AT, drawn(2_000, 1, (0.36, -0.05, 0))))
    one, home = finding(sources), str(tmp_path / "copy")
    codes = [run(["explain", one.id, "--home", home])]
    text = capsys.readouterr().out
    codes.append(run(["explain", one.id, "--json", "--home", home]))
    told = json.loads(capsys.readouterr().out)["matters"]
    (row,) = AttributionStore(sources.engine).list("delays", 1)

    assert [0, 0] == codes
    assert "matters     The prediction rose by 0.3" in text
    assert row.facts["parts"]["output"]["mean"] == told["output"]
    assert "amount" == told["parts"][0]["feature"]
    assert told["words"] in text


def test_explaining_a_finding_without_explained_rows(
    sources: Sources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody asks for explanations nothing is said of it; where somebody does, why nothing is known."""
    one, home = finding(sources), str(tmp_path / "copy")
    codes = [run(["explain", one.id, "--home", home])]
    silent = capsys.readouterr().out
    Registry(sources.engine).put(SPEC)
    codes.append(run(["explain", one.id, "--json", "--home", home]))
    told = json.loads(capsys.readouterr().out)["matters"]

    assert [0, 0] == codes
    assert "matters" not in silent
    assert told["not_known_because"].startswith("no explained rows of these windows are known: ")
