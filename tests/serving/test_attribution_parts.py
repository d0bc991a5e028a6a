"""The small parts of the attribution worker: samples, joins, offsets, budgets, replayed answers, an explainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explained_models import as_served, numbers, objects, outcome
from hypothesis import given
from hypothesis import strategies as st
from paint_model import SCHEMA, write_paint_model
from sklearn.linear_model import LinearRegression, LogisticRegression

from pegel.data.attribution_event import Match, Method, decode
from pegel.data.columns import Columns, Field, Kind, Role
from pegel.spec.monitor_spec import MonitorSpec
from pegel_local.backends import model_copy
from pegel_serving.attribution.artefact_digest import artefact_digest
from pegel_serving.attribution.choose_method import method_for
from pegel_serving.attribution.event_sample import event_hash, is_kept, rate_of
from pegel_serving.attribution.explained import ExplainedRows
from pegel_serving.attribution.explainer import BAD_BODY, REFUSED_ROWS, STRUCTURE, TOO_LARGE, Explainer, GivenEvent
from pegel_serving.attribution.joined_halves import REMEMBERED, WAITS_S, EventHalf, HalfJoin, WholeEvent
from pegel_serving.attribution.replayed_answers import margins_of, matches
from pegel_serving.attribution.rows_budget import MINUTES_KEPT, RowsBudget
from pegel_serving.attribution.safe_offsets import SafeOffsets
from pegel_serving.fitted_model import FittedModel
from pegel_serving.model_columns import Rows

TOPIC = ("pegel.default.inference", 0)


def half(event_id: str, *, request: bool = True, offset: int = 0, time_ms: int = 0, body: bytes = b"") -> EventHalf:
    """Return a half of an event."""
    return EventHalf(
        endpoint="m-v1",
        event_id=event_id.encode(),
        hashed=1,
        is_request=request,
        address=TOPIC,
        offset=offset,
        time_ms=time_ms,
        body=body,
    )


def test_samples_are_nested_and_of_their_size() -> None:
    """A sample holds about its share of the ids, and every smaller sample is a part of it, whoever draws it when."""
    hashes = [event_hash(f"e{at}".encode()) for at in range(20_000)]
    small, large = ({hashed for hashed in hashes if is_kept(hashed, rate)} for rate in (0.01, 0.1))

    assert small < large
    assert 2_000 == pytest.approx(len(large), abs=5 * np.sqrt(1_800))
    assert set(hashes) == {hashed for hashed in hashes if is_kept(hashed, 1.0)}
    assert not any(is_kept(hashed, 0.0) for hashed in hashes)
    assert 5515482010142110782 == event_hash(b"e0")


@pytest.mark.parametrize(("per_day", "rate"), [(1_000, 1.0), (720_000, 1.0), (7_200_000, 0.1)])
def test_the_rate_follows_the_spec(per_day: int, rate: float) -> None:
    """Of the expected traffic about `rows_per_minute` are explained, all of it where there is less."""
    spec = MonitorSpec.parse(
        {
            "model": {"name": "m", "uri": "file:///m"},
            "baseline": {"source": "local://m"},
            "attribution": {"via": "artefact"},
            "watch": {"rows_per_day": per_day},
            "windowing": {"length": "1m", "lateness": "0s"},
        }
    )

    assert rate == pytest.approx(rate_of(spec))


def test_more_traffic_than_expected_is_capped() -> None:
    """In each minute twice the expected rows are explained, one event always; old minutes are forgotten."""
    budget = RowsBudget(10)
    bounded = RowsBudget(10)
    bounded.bound(15)

    assert [True, True, False] == [bounded.take(0, rows) for rows in (10, 5, 1)]
    assert [True, True, False, True] == [budget.take(at, 10) for at in (0, 59_999, 59_999, 60_000)]
    assert budget.take(120_000, 1_000)
    for minute in range(3, 3 + 2 * MINUTES_KEPT):
        budget.take(minute * 60_000, 1)
    assert MINUTES_KEPT == len(budget._taken)


def test_halves_are_joined_whichever_comes_first() -> None:
    """A request and its answer are one event; a copy of either, later, is none."""
    join = HalfJoin(1 << 20)
    for request_first in (True, False):
        name = str(request_first)
        first, second = half(name, request=request_first, offset=1), half(name, request=not request_first, offset=2)

        assert (None, []) == join.take(first, 0.0)
        assert (None, [first]) == join.take(first, 0.0)
        whole, dropped = join.take(second, 0.0)
        assert [] == dropped
        assert whole is not None
        assert whole.request.is_request
        assert whole.answer is not None
        assert not whole.answer.is_request
        assert (None, [second]) == join.take(second, 0.0)
    assert 4 == join.late
    assert 0 == join.size


def test_what_has_no_other_half() -> None:
    """After 60 s of reading a request is explained without its answer, and an answer is let go."""
    join = HalfJoin(1 << 20)
    asked, alone = half("r"), half("a", request=False)
    join.take(asked, 0.0)
    join.take(alone, 0.0)

    assert [] == list(join.overdue(WAITS_S))
    assert [WholeEvent(asked, None), alone] == list(join.overdue(WAITS_S + 0.1))
    assert (1, 0) == (join.alone, join.size)
    assert (None, [alone]) == join.take(alone, 61.0)


def test_long_ids_are_waited_with_by_their_bytes_and_not_remembered() -> None:
    """Clients say how long an id is: it counts as what it takes, and of events that are done a digest is kept."""
    join, long = HalfJoin(10_000), "x" * 60_000
    join.take(half(f"{long}1"), 0.0)

    assert 60_000 < join.size
    assert [f"{long}1".encode()] == [one.request.event_id for one in join.overdue(0.0) if isinstance(one, WholeEvent)]
    assert 0 == join.size
    assert 100 > max(len(event_id) for _, event_id in join._done)
    assert (None, 1) == (join.take(half(f"{long}1", request=False), 0.0)[0], join.late)


def test_what_waits_is_bounded_by_bytes() -> None:
    """Beyond its bytes a join gives up the oldest halves first, and remembers a bounded number of events."""
    join = HalfJoin(10_000)
    for at in range(8):
        join.take(half(f"e{at}", body=b"x" * 1_000), 0.0)

    given_up = [one.request.event_id for one in join.overdue(0.0) if isinstance(one, WholeEvent)]

    assert [b"e0", b"e1", b"e2", b"e3"] == given_up
    assert join.size <= 10_000
    for at in range(REMEMBERED + 10):
        join.take(half(f"f{at}"), 0.0)
        join.take(half(f"f{at}", request=False), 0.0)
    assert REMEMBERED == len(join._done)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_nothing_held_is_committed(steps: list[tuple[bool, bool]]) -> None:
    """The safe offset is the first one that is held, and what comes next where none is."""
    offsets, held = SafeOffsets(), set()
    for offset, (holds, releases) in enumerate(steps):
        offsets.read(TOPIC, offset)
        if holds:
            offsets.hold(TOPIC, offset)
            held.add(offset)
        if releases and held:
            gone = max(held)
            offsets.release(TOPIC, gone)
            held.remove(gone)

        assert {TOPIC: min(held, default=offset + 1)} == offsets.safe()
    offsets.forget(TOPIC)
    assert {} == offsets.safe()


def test_answers_are_compared_with_the_artefact() -> None:
    """A number may be off by a rounding, a class only where two were as good as equal."""
    fields = (Field("label", Kind.CATEGORICAL, Role.PREDICTION), Field("p", Kind.NUMERIC, Role.PREDICTION))
    labels = np.array(["a", "b", "b", "a", "a"], dtype=object)
    shares = np.array([[0.5], [0.5], [0.5], [0.5000049], [0.51]])
    logged = Columns(5, shares, None, (labels,), (None,))
    computed: dict[str, Any] = {"label": ["a", "a", "a", "a", "a"], "p": [0.5] * 5}

    told = matches(logged, fields, computed, np.array([1.0, 1.0, 1e-6, 1.0, 1.0]))

    assert [Match.SAME, Match.OTHER, Match.SAME, Match.SAME, Match.OTHER] == told
    assert [Match.UNKNOWN] * 5 == matches(logged, fields, {"other": [1] * 5}, np.zeros(5))
    nothing: dict[str, Any] = {"label": ["a"] * 5, "p": [None] * 5}
    missing = Columns(5, np.full((5, 1), np.nan), None, (np.array(["a"] * 5, dtype=object),), (None,))
    assert [Match.SAME] * 5 == matches(missing, fields, nothing, np.ones(5))
    assert [Match.OTHER] * 5 == matches(logged, fields, nothing, np.ones(5))


def test_margins() -> None:
    """A margin is the distance of the two largest classes; a regression has none that would excuse anything."""
    x = numbers(60, 2)
    classifier = LogisticRegression().fit(x, (outcome(np.c_[x, x]) > 0).astype(int))
    line = LinearRegression().fit(x, x[:, 0])
    shares = classifier.predict_proba(x)

    assert np.allclose(np.abs(shares[:, 0] - shares[:, 1]), margins_of(classifier, x, 60))
    assert np.isinf(margins_of(line, x, 60)).all()


@pytest.fixture
def paint(tmp_path: Path) -> FittedModel:
    """Return the model price = 2 size + 3 weight, plus 10 when red."""
    write_paint_model(tmp_path)
    return FittedModel.load(tmp_path)


BACKGROUND = np.array([["red", 1.0, 2.0], ["blue", 3.0, 4.0]], dtype=object)


def explainer(model: FittedModel, *, replays: bool = True) -> Explainer:
    """Return an explainer of the paint model."""
    return Explainer(SCHEMA, method_for(model, BACKGROUND), model, "0" * 64, 0.5, replays)


def event(rows: Any, answer: Any = None) -> GivenEvent:
    """Return an event with rows and predictions."""
    told = None if answer is None else json.dumps({"predictions": answer}).encode()
    return GivenEvent(3, json.dumps({"instances": rows}).encode(), told)


def test_events_are_explained_and_replayed(paint: FittedModel) -> None:
    """Each event has its own rows, sums that come out, and says of each row whether its answer was the model's."""
    told = explainer(paint).tell(
        [event([["red", 5, 1]], [23]), event([["blue", 0, 1], ["red", 0, 0]], [3, 11]), event([["red", 5, 1]], [1, 2])]
    )
    read = [decode(one.body, 3) for one in told]

    assert [1, 2, 1] == [one.rows for one in told]
    assert [(Match.SAME,), (Match.SAME, Match.OTHER), (Match.UNKNOWN,)] == [one.matches for one in read]
    assert [Method.LINEAR] * 3 == [one.method for one in read]
    assert np.allclose([3, 10], read[1].raw)
    assert np.allclose(read[1].raw, read[1].base + read[1].values.sum(axis=1))
    assert np.allclose([-5, 2 * (0 - 2), 3 * (1 - 3)], read[1].values[0])
    unreplayed = explainer(paint, replays=False).tell([event([["red", 5, 1]], [1])])
    assert (Match.UNKNOWN,) == decode(unreplayed[0].body, 3).matches


def test_bad_events_spoil_no_others(paint: FittedModel) -> None:
    """What cannot be read, is too large or makes the model fail is told as that, event by event."""
    good, bad = event([["red", 5, 1]]), GivenEvent(1, b"{", None)
    empty, wide = event([]), event([["red", 5, 1]] * 13_334)
    missing = event([["red", None, 1]])

    told = explainer(paint).tell([good, bad, missing, empty, wide, good])

    assert ["", BAD_BODY, REFUSED_ROWS, BAD_BODY, TOO_LARGE, ""] == [one.reason for one in told]
    assert told[0].body == told[5].body
    assert [] == explainer(paint).tell([])


class Crooked:
    """A method that does not add up."""

    method = Method.LINEAR
    precision = 1e-6

    def explain(self, rows: Rows, seeds: Any) -> ExplainedRows:
        """Return nothing but noughts."""
        del seeds
        return ExplainedRows(np.zeros(rows.shape), np.zeros(len(rows)), np.ones(len(rows)))


def test_a_structure_that_is_not_understood_ends_it(paint: FittedModel) -> None:
    """After one batch that does not add up nothing of the model is explained any more, and the reason stays."""
    crooked = Explainer(SCHEMA, Crooked(), paint, None, 1.0)

    for _ in range(2):
        assert [STRUCTURE] * 2 == [one.reason for one in crooked.tell([event([["red", 5, 1]])] * 2)]
    assert "not understood" in crooked.broken


def test_the_digest_is_the_one_that_is_pinned(tmp_path: Path) -> None:
    """The digest of a folder is that of the serving backend, so that a pinned artefact is known again."""
    write_paint_model(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "notes.txt").write_text("x")

    assert model_copy.digest(tmp_path) == artefact_digest(tmp_path)


def test_permuted_models_have_no_artefact_of_their_own() -> None:
    """Rows of a served model are explained by permuting where nothing exact is known, by the same seeds alike."""
    x = numbers(30, 3)
    served = as_served(LinearRegression().fit(x, x[:, 0]), 3)
    told = method_for(served, objects(x)).explain(objects(x[:2]), [(1, 0), (1, 1)])

    assert (2, 3) == told.values.shape
