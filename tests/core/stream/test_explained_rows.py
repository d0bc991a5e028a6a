"""Explained rows in windows of their own: counted once, judged by their baseline, and nothing where nobody asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from pegel.archive.logged_events import ArchivedModel, logged_events
from pegel.baseline.replay_reference import ReplayReference
from pegel.data.attribution_event import Attributions, Match, Method, Unit, decode, encode
from pegel.data.wire import ATTRIBUTION_TYPE
from pegel.errors import InvalidSpec
from pegel.judge.attribution.attribution_judgement import CountedAttributions, explain_attribution
from pegel.judge.attribution.learned_baseline import RowsToLearn, learned_baseline
from pegel.judge.attribution.model_identity import explain_identity
from pegel.judge.findings import Finding, Verdict
from pegel.spec.names import explained_key
from pegel.stats.summary import Summary
from pegel.store import tables
from pegel.store.attribution_store import AttributionStore
from pegel.store.database import connect, reading
from pegel.store.stream_store import StreamStore
from pegel.stream.explained_counts import ExplainedCounts, LearnedRows
from pegel.stream.positions import OffsetRange
from pegel.testing.stream_fakes import LoggedRecord, as_read

DIGEST = "ab" * 32
KEY = "delays/1"
SECTION = {"via": "artefact", "window": "60s"}
FEATURES = ("distance", "carrier")
ROWS = 5
"""Of one request."""


def reference(group: Any, **changes: Any) -> str:
    """Watch attributions by a baseline of 4,000 held-out rows; return its id."""
    spec = group.models.specs[KEY]
    values = np.random.default_rng(1).normal(0, [1.0, 0.001], (4_000, 2))
    rows = RowsToLearn(
        attributions=values,
        raw=values.sum(axis=1),
        times_us=None,
        method=Method.TREE,
        artefact=DIGEST,
        **{"source": "explained rows of production"} | changes,
    )
    baseline_id = group.baselines.put(learned_baseline(spec, FEATURES, rows))
    group.models.baselines[explained_key(KEY)] = baseline_id
    return str(baseline_id)


def explained(
    group: Any,
    first: int,
    last: int,
    at: float = 0.0,
    *,
    moved: tuple[float, float] = (0, 0),
    differing: int = 0,
    **other: Any,
) -> list[LoggedRecord]:
    """Return attributions of requests `first` up to `last`, of five rows each; `differing` of them answer otherwise."""
    records = []
    known: dict[str, Any] = {"method": Method.TREE, "artefact": DIGEST, "rate": 0.5} | other
    for number in range(first, last):
        rng = np.random.default_rng(10_000 + number)
        values = (rng.normal(0, 1, (ROWS, 2)) + np.array(moved)) * [1.0, 0.001]
        is_other = number - first < differing
        given = Attributions(
            values=values,
            base=np.zeros(ROWS),
            raw=values.sum(axis=1),
            matches=(Match.OTHER if is_other else Match.SAME, *[Match.SAME] * (ROWS - 1)),
            **known,
        )
        instant = group.begin + timedelta(seconds=at)
        records.append(LoggedRecord(f"e{number}", ATTRIBUTION_TYPE, "delays-v1", encode(given), instant))
    return records


def store(group: Any) -> AttributionStore:
    """Return what is kept of explained rows."""
    return AttributionStore(connect(group.url))


def close(group: Any, state: Any) -> None:
    """Let everything become final."""
    group.clock.advance(timedelta(minutes=10))
    group.tick(state, idle_s=600)


@pytest.fixture
def asking(group: Any) -> Any:
    """A group whose model is explained, by a baseline of attributions."""
    group.watch(model={"name": "delays", "uri": "/models/delays"}, attribution=SECTION)
    reference(group)
    return group


def findings(group: Any) -> list[Finding]:
    """Return the findings of the model, in the order in which they came."""
    return [finding for _, finding in group.results.findings("delays", 1)]


def test_clean_rows_are_counted_and_found_ok(asking: Any) -> None:
    """Their window has all rows and no finding, and the answers are those of the registered version."""
    state = asking.start()
    asking.send(state, asking.pairs(0, 60), explained(asking, 0, 60))
    close(asking, state)
    (row,) = store(asking).list("delays", 1)

    assert (Verdict.OK, Verdict.OK, 300, 300, 0, "") == (
        row.verdict,
        row.identity,
        row.rows,
        row.replayed,
        row.differing,
        row.why,
    )
    assert timedelta(seconds=60) == row.span.end - row.span.start
    assert [] == findings(asking)


def test_the_account_of_requests_knows_nothing_of_them(asking: Any) -> None:
    """Requests and answers add up as without them; attributions have an account of their own, and all balances."""
    state = asking.start()
    asking.send(state, asking.pairs(0, 60), explained(asking, 0, 60))
    broken = LoggedRecord("bad", ATTRIBUTION_TYPE, "delays-v1", b"{}", asking.begin)
    asking.send(state, explained(asking, 50, 62), [broken, *explained(asking, 90, 91, artefact="cd" * 32)])
    close(asking, state)
    asking.send(state, explained(asking, 70, 73))
    total = store(asking).ledger("delays", 1, asking.begin - timedelta(days=1))
    minutes = asking.results.ledger("delays", 1)

    assert (60 + 12 + 2 + 3, 63, 1, 3, 10) == (
        total.sampled,
        total.explained,
        total.refused,
        total.late,
        total.copies,
    )
    assert (120, 0) == (sum(one.judged for one in minutes), sum(one.invalid for one in minutes))
    assert {0} == {row.difference for row in asking.results.ledger_balance("default")}


def test_a_feature_that_moves_the_output_is_a_finding(asking: Any) -> None:
    """It is found, the noise column that moved by a thousand of its own deviations is not, and it is found again."""
    state = asking.start()
    asking.send(state, explained(asking, 0, 100, moved=(0.8, 20.0)))
    close(asking, state)
    (found,) = findings(asking)
    row = store(asking).of_finding(found)
    baseline = asking.baselines.baseline(found.baseline_id)
    assert row.sums is not None
    rows = CountedAttributions(Summary.from_bytes(row.summary, baseline.layout), row.sums)

    assert ("attribution:distance", "attribution", Verdict.DRIFT) == (found.feature, found.detector, found.verdict)
    assert Verdict.DRIFT == row.verdict
    assert Verdict.BELOW_MARGIN.value == row.features[1]["verdict"]
    assert explain_attribution(found, rows, baseline).agrees


def test_of_log_odds_the_mean_probability_is_known(asking: Any) -> None:
    """It is the mean over the rows, of the baseline's and of the window's, not the probability of a mean."""
    reference(asking, unit=Unit.LOG_ODDS)
    state = asking.start()
    asking.send(state, explained(asking, 0, 100, moved=(0.8, 0), unit=Unit.LOG_ODDS))
    close(asking, state)
    (row,) = store(asking).list("delays", 1)
    raw = np.concatenate([decode(one.body, 2).raw for one in explained(asking, 0, 100, moved=(0.8, 0))])
    held_out = np.random.default_rng(1).normal(0, [1.0, 0.001], (4_000, 2)).sum(axis=1)

    assert "log-odds" == row.facts["unit"]
    assert row.facts["probabilities"] == pytest.approx([np.mean(1 / (1 + np.exp(-each))) for each in (held_out, raw)])


def test_rows_of_another_unit_are_not_compared(asking: Any) -> None:
    """Log-odds are no probabilities."""
    state = asking.start()
    asking.send(state, explained(asking, 0, 60, unit=Unit.LOG_ODDS))
    close(asking, state)
    (row,) = store(asking).list("delays", 1)

    assert (Verdict.INSUFFICIENT, None) == (row.verdict, row.sums)


def test_another_model_behind_the_endpoint_is_found_in_the_first_window(asking: Any) -> None:
    """Attributions are as ever, the answers of three different rows are not: that is another model."""
    state = asking.start()
    asking.send(state, explained(asking, 0, 60, differing=3))
    close(asking, state)
    (found,) = findings(asking)
    (row,) = store(asking).list("delays", 1)

    assert (Verdict.MODEL_CHANGED, "identity", "answers") == (found.verdict, found.detector, found.feature)
    assert (Verdict.OK, Verdict.MODEL_CHANGED, 3) == (row.verdict, row.identity, row.differing)
    assert "3 answers of 300 (1 %) are not those of version 1" == found.what
    assert ["e0", "e1", "e2"] == found.evidence["event_ids"]
    assert explain_identity(found).agrees


def test_a_row_scored_again_and_again_is_one_row(asking: Any) -> None:
    """One damaged record in many copies is no deployment, and no sign that all is as it was."""
    state, (one, *_) = asking.start(), explained(asking, 0, 1, differing=1)
    copies = [LoggedRecord(f"copy{at}", one.kind, one.endpoint, one.body, one.at) for at in range(50)]
    asking.send(state, [*copies, one, *explained(asking, 1, 60)])
    close(asking, state)

    (row,) = store(asking).list("delays", 1)

    assert {"attribution"} == {finding.detector for finding in findings(asking)}
    assert (Verdict.INSUFFICIENT, 51) == (row.identity, row.differing)


def test_answers_that_never_could_be_reproduced(asking: Any) -> None:
    """Where one in a hundred differed at onboarding, one in a hundred is no change."""
    asking.models.answers[KEY] = ReplayReference(differing=10, replayed=1_000)
    state = asking.start()
    asking.send(state, explained(asking, 0, 60, differing=4))
    close(asking, state)
    (row,) = store(asking).list("delays", 1)

    assert [] == findings(asking)
    assert (Verdict.OK, 4) == (row.identity, row.differing)


def test_few_rows_wait_for_the_next_windows(asking: Any) -> None:
    """100 rows say nothing, with the 100 of the next window they are judged, and restarts lose none."""
    asking.send(asking.start(), explained(asking, 0, 20, moved=(2, 0)))
    asking.send(asking.start(), explained(asking, 20, 40, 60, moved=(2, 0)))
    close(asking, asking.start())
    second, first = store(asking).list("delays", 1)

    assert (Verdict.INSUFFICIENT, 100) == (first.verdict, first.rows)
    assert (Verdict.DRIFT, 100, first.span.start) == (second.verdict, second.rows, second.since)
    assert second.sums is not None
    assert 200 == second.sums.n


def test_parts_and_restarts_change_no_bit(asking: Any, tmp_path_factory: Any) -> None:
    """Rows that come in six batches, a driver each, leave what they leave in one."""
    for step in range(6):
        asking.send(asking.start(), explained(asking, 10 * step, 10 * step + 10, step / 3))
    close(asking, asking.start())
    (parts,) = store(asking).list("delays", 1)
    other = type(asking)(f"sqlite:///{tmp_path_factory.mktemp('whole')}/pegel.db", type(asking.clock)(asking.begin))
    other.clock.advance(timedelta(minutes=1))
    other.watch(model={"name": "delays", "uri": "/models/delays"}, attribution=SECTION)
    reference(other)
    state = other.start()
    other.send(state, [one for step in range(6) for one in explained(other, 10 * step, 10 * step + 10, step / 3)])
    close(other, state)
    (whole,) = store(other).list("delays", 1)
    other.dispose()

    assert parts.sums is not None
    assert whole.sums is not None
    assert whole.sums.to_json() == parts.sums.to_json()
    assert (whole.verdict, whole.rows, whole.replayed) == (parts.verdict, parts.rows, parts.replayed)


def test_a_baseline_is_learned_of_the_first_rows(group: Any) -> None:
    """Until there are enough, the verdict is `insufficient`, and the rows are kept; then they are its baseline."""
    group.watch(model={"name": "delays", "uri": "/models/delays"}, attribution=SECTION)
    state = group.start()
    for window in range(3):
        group.send(state, explained(group, 100 * window, 100 * window + 100, 60 * window))
    close(group, state)
    rows, spec = store(group).list("delays", 1), group.models.specs[KEY]
    early = store(group).learn(spec, FEATURES, now=group.clock.now())
    learned = store(group).learn(spec, FEATURES, now=group.clock.now(), needed=1_200)
    assert learned is not None
    assert learned.attribution is not None

    assert {(Verdict.INSUFFICIENT, "learning its baseline")} == {(row.verdict, row.why) for row in rows}
    assert {Verdict.OK} == {row.identity for row in rows}
    assert early is None
    assert (1_200, DIGEST) == (learned.rows, learned.attribution.artefact)
    assert store(group).learn(spec, FEATURES, now=group.clock.now(), needed=1_200) is None


def kept(group: Any) -> list[int]:
    """Return how many rows each window keeps to learn from."""
    with reading(connect(group.url)) as connection:
        return list(connection.execute(sa.select(tables.learned_rows.c.rows).order_by("start")).scalars())


@pytest.fixture
def learning(group: Any) -> Any:
    """A group that has two windows to learn from, of 500 rows of an artefact that is gone, and of 750."""
    group.watch(model={"name": "delays", "uri": "/models/delays"}, attribution=SECTION)
    state = group.start()
    group.send(state, explained(group, 0, 100, artefact="cd" * 32))
    group.send(state, explained(group, 100, 250, 60))
    close(group, state)
    return group


def test_rows_of_an_artefact_that_is_gone_are_let_go(learning: Any) -> None:
    """With them there are enough, and without them not: nothing is learned, and they are not read again."""
    before = kept(learning)
    learned = store(learning).learn(learning.models.specs[KEY], FEATURES, now=learning.clock.now(), needed=1_000)

    assert ([500, 750], [750]) == (before, kept(learning))
    assert learned is None


def test_rows_that_are_no_baseline_are_let_go(learning: Any) -> None:
    """They would be read again with each window, and more of them each time."""
    with pytest.raises(InvalidSpec, match="explained rows"):
        store(learning).learn(learning.models.specs[KEY], FEATURES, now=learning.clock.now(), needed=600)

    assert [] == kept(learning)


def test_rows_to_learn_from_are_packed_in_few_parts() -> None:
    """Each event brings a part of its own; what follows each other and is of one kind is stored as one."""
    counts = ExplainedCounts()
    for at in range(40):
        counts.keep(LearnedRows(Method.TREE, DIGEST if at < 30 else None, np.full((3, 4), float(at))))
    read = ExplainedCounts.from_bytes(counts.to_bytes(), lambda *_: pytest.fail("there are no counts"))

    assert [(DIGEST, (90, 4)), (None, (30, 4))] == [(part.artefact, part.values.shape) for part in read.learned]
    assert 40 * 3 * 4 * 8 == counts.learned_bytes == read.learned_bytes
    assert [float(at) for at in range(40)] == np.concatenate([part.values for part in read.learned])[::3, 0].tolist()


def test_a_new_artefact_has_a_new_baseline(asking: Any) -> None:
    """What is explained by another folder than the baseline's is not compared with it: a new one is learned."""
    digest = "cd" * 32
    asking.watch(model={"name": "delays", "uri": "/models/delays", "digest": digest}, attribution=SECTION)
    reference_of_old = asking.models.baselines[explained_key(KEY)]
    state = asking.start()
    asking.send(state, explained(asking, 0, 60, artefact=digest))
    close(asking, state)
    (row,) = store(asking).list("delays", 1)

    assert reference_of_old is not None
    assert (Verdict.INSUFFICIENT, "learning its baseline", None) == (row.verdict, row.why, row.baseline_id)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"artefact": "cd" * 32}, "tree (folder cdcdcdcdcdcd)"),
        ({"method": Method.PERMUTATION}, "permutation (folder abababababab)"),
    ],
)
def test_rows_of_another_kind_than_the_baseline_get_a_baseline_of_their_own(
    asking: Any, kind: dict[str, Any], words: str
) -> None:
    """They are compared with nothing, and their windows say so; a new baseline is learned of them."""
    state = asking.start()
    asking.send(state, explained(asking, 0, 60, **kind))
    asking.send(state, explained(asking, 100, 300, 60, differing=3, **kind))
    close(asking, state)
    second, first = store(asking).list("delays", 1)
    learned = store(asking).learn(asking.models.specs[KEY], FEATURES, now=asking.clock.now(), needed=1_200)
    assert learned is not None
    assert learned.attribution is not None
    why = f"300 rows explained by {words}, its baseline by tree (folder abababababab): learning a new one, of 20,000"

    assert (Verdict.INSUFFICIENT, why) == (first.verdict, first.why[: len(why)])
    assert (300, 1_000) == (first.rows, second.rows)
    assert (Verdict.OK, Verdict.MODEL_CHANGED) == (first.identity, second.identity)
    assert (kind.get("method", Method.TREE), kind.get("artefact", DIGEST)) == (
        learned.attribution.method,
        learned.attribution.artefact,
    )


def test_a_few_rows_of_another_kind_are_told_beside_the_verdict(asking: Any) -> None:
    """A worker that is replaced meanwhile is no reason to learn anew: the rows of the baseline's kind are judged."""
    state = asking.start()
    asking.send(state, [*explained(asking, 0, 60), *explained(asking, 60, 70, method=Method.PERMUTATION)])
    close(asking, state)
    (row,) = store(asking).list("delays", 1)

    assert (Verdict.OK, 350, 300, "") == (row.verdict, row.rows, row.facts["n"], row.why)
    assert row.facts["others"].startswith(
        "50 rows explained by permutation (folder abababababab), its baseline by tree"
    )
    assert [] == kept(asking)


def test_rows_of_another_folder_than_the_spec_names_are_refused_aloud(asking: Any) -> None:
    """They are no reason for another baseline; the window says whose they are and what is to be done."""
    asking.watch(model={"name": "delays", "uri": "/models/delays", "digest": DIGEST}, attribution=SECTION)
    state = asking.start()
    asking.send(state, explained(asking, 0, 60, artefact="cd" * 32))
    close(asking, state)
    (row,) = store(asking).list("delays", 1)
    total = store(asking).ledger("delays", 1, asking.begin - timedelta(days=1))

    assert (60, 0, 60) == (total.sampled, total.explained, total.refused)
    assert (Verdict.INSUFFICIENT, 0) == (row.verdict, row.rows)
    assert row.why == (
        "300 rows explained by tree (folder cdcdcdcdcdcd), while model.digest names abababababab: put that folder "
        "back, or register the model that is served (pegel apply)"
    )
    assert [] == kept(asking)


def test_held_out_rows_of_another_kind_are_waited_for(asking: Any) -> None:
    """Where the spec names held-out rows, none of production are learned from; who makes the baseline is said."""
    source = "local://delays?version=1&split=holdout"
    asking.watch(model={"name": "delays", "uri": "/models/delays"}, attribution={**SECTION, "baseline": source})
    reference(asking, source=source)
    state = asking.start()
    asking.send(state, explained(asking, 0, 60, method=Method.PERMUTATION))
    close(asking, state)
    (row,) = store(asking).list("delays", 1)

    assert Verdict.INSUFFICIENT == row.verdict
    assert f"the attribution worker explains {source} anew" in row.why
    assert [] == kept(asking)


def test_a_damaged_baseline_is_the_failure_of_attributions_alone(asking: Any) -> None:
    """Requests are judged as ever; explained rows are counted as not judged, and why."""
    name = asking.models.baselines[explained_key(KEY)]
    asking.baselines.documents[name] = b"{}"
    state = asking.start()
    asking.send(state, asking.pairs(0, 60), explained(asking, 0, 60))
    close(asking, state)
    total = store(asking).ledger("delays", 1, asking.begin - timedelta(days=1))

    assert (60, 0, 60) == (total.sampled, total.explained, total.refused)
    assert (60, 60, 60, 0) == asking.totals()


def test_nothing_where_nobody_asks(group: Any) -> None:
    """Attributions of a model whose spec asks for none are set aside as events of an unknown type."""
    state = group.start()
    group.send(state, group.pairs(0, 10), explained(group, 0, 3))
    close(group, state)

    assert {KEY} == set(state.manager.monitors)
    assert [] == store(group).list("delays", 1)
    assert ["unknown_type"] * 3 == [letter.reason for letter in group.output.letters]
    assert (10, 10, 10, 0) == group.totals()


def test_the_archive_takes_requests_and_answers_alone(asking: Any) -> None:
    """An attribution has the id of its request, and would be taken for it."""
    (records,) = as_read([*asking.pairs(0, 2), *explained(asking, 0, 2)])
    ranges = (OffsetRange(records.address, 0, 10),)
    archived = logged_events(records, {"delays-v1": ArchivedModel(KEY, ranges)}, asking.clock.now())

    assert [False, False, True, True] == sorted(archived.column("is_answer").to_pylist())


def test_switching_it_off_leaves_nothing_open(asking: Any) -> None:
    """Open windows of explained rows go with the section; those of requests stay."""
    state = asking.start()
    asking.send(state, asking.pairs(0, 10), explained(asking, 0, 10))
    asking.watch()
    asking.send(state, asking.pairs(10, 20))

    assert {KEY} == set(state.manager.monitors)
    assert {KEY} == set(asking.start().manager.monitors)
    assert {"delays"} == {part.model for part in StreamStore(connect(asking.url)).restore(asking.claim).pane_parts}
