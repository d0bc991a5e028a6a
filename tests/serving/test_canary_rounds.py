"""Canaries: frozen when a version is new, asked about each hour by one worker, and told as an event each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from asked_server import AskedServer, asked_server
from held_out_place import HeldOutPlace, made_place, paint_rows
from waiting import wait_until

from pegel.baseline.replay_reference import ReplayReference
from pegel.data import wire
from pegel.data.attribution_event import Match
from pegel.data.canary_event import decode_canaries
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.store.identity_store import FirstAnswers, IdentityStore
from pegel_serving.attribution.canary_rounds import PREFIX, canary_rounds
from pegel_serving.attribution.frozen_canaries import answers_of, chosen, compared, tells_numbers
from pegel_serving.attribution.model_works import ModelWorks
from pegel_serving.logger.kafka_record import KafkaRecord

pytestmark = pytest.mark.timeout(240)

CLASSES = Schema(
    (
        Field("a", Kind.NUMERIC),
        Field("kind", Kind.CATEGORICAL, Role.PREDICTION),
        Field("kind_probability_no", Kind.NUMERIC, Role.PREDICTION),
        Field("kind_probability_yes", Kind.NUMERIC, Role.PREDICTION),
    )
)
FEW = 130
"""Rows of which canaries are drawn."""
ANSWERED = CLASSES.of_role(Role.PREDICTION)


def price(row: dict[str, Any]) -> float:
    """Return what the paint model says."""
    return float(2 * row["size"] + 3 * row["weight"] + 10 * (row["colour"] == "red"))


@dataclass
class Rounds:
    """Rounds of one place as they are told."""

    place: HeldOutPlace
    endpoint: AskedServer
    records: list[KafkaRecord] = field(default_factory=list)

    def begin(self, every_s: float = 3_600.0) -> ModelWorks:
        """Ask about the canaries of the model, trying again soon."""
        place, spec = self.place, self.place.spec(via="endpoint", identity="canaries")
        works = canary_rounds(
            place.preparation,
            place.settings,
            place.engine,
            self.records.append,
            every=timedelta(seconds=every_s),
            first_wait_s=0.1,
        )
        place.running.append(works)
        works.watch([spec])
        return works

    def freeze(self) -> None:
        """Let canaries be frozen, and whoever did so end."""
        works = self.begin()
        assert wait_until(lambda: _is_frozen(self), within_s=30)
        works.end()

    @property
    def known(self) -> FirstAnswers | None:
        """Return what was answered when the version was new."""
        return IdentityStore(self.place.engine).get("paint", 1, "canaries")

    @property
    def why(self) -> str:
        """Return why nobody asks."""
        return "" if self.known is None else self.known.why

    @property
    def told(self) -> list[tuple[Match, ...]]:
        """Return what came of the rounds."""
        return [decode_canaries(record.value) for record in self.records]


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[Rounds]:
    """A model with an endpoint that answers as its folder does."""
    with asked_server(price) as server:
        place = made_place(tmp_path)
        place.register(paint_rows(FEW), "holdout")
        place.url = f"http://127.0.0.1:{server.server_port}"
        yield Rounds(place, server)
        for one in place.running:
            one.end()


@pytest.mark.slow
def test_rows_are_frozen_and_asked_about_once_an_hour(rounds: Rounds) -> None:
    """64 of the rows are kept, as their places alone; who starts within the hour asks about none again."""
    rounds.freeze()
    known = rounds.known
    assert known is not None
    asked = len(rounds.endpoint.headers)

    assert ReplayReference(0, 64, 1) == known.reference
    assert known.frozen is not None
    assert {"table", "drawn", "places", "answers"} == known.frozen.keys()
    assert FEW + 64 == asked
    assert {"a secret"} == {sent["pegel-probe"] for sent in rounds.endpoint.headers}

    IdentityStore(rounds.place.engine).break_off_round("paint", 1, "canaries")
    for _ in range(2):
        rounds.begin()
    assert wait_until(lambda: len(rounds.records) == 1, within_s=30)
    assert wait_until(lambda: all(not works.why("paint-v1") for works in rounds.place.running), within_s=5)
    assert asked + 64 == len(rounds.endpoint.headers)
    assert [(Match.SAME,) * 64] == rounds.told


@pytest.mark.slow
def test_another_model_answers_otherwise(rounds: Rounds) -> None:
    """Each row whose answer differs is told at its place; the event is the model's, under an id of its own."""
    rounds.freeze()
    IdentityStore(rounds.place.engine).break_off_round("paint", 1, "canaries")
    rounds.endpoint.predict = lambda row: price(row) + (row["colour"] == "red")
    rounds.begin()
    assert wait_until(lambda: len(rounds.records) == 1, within_s=30)

    (told,), (record,) = rounds.told, rounds.records
    headers = dict(record.headers)
    assert ({Match.SAME, Match.OTHER}, 64) == (set(told), len(told))
    assert 32 == pytest.approx(told.count(Match.OTHER), abs=20)
    assert record.key.decode().startswith(f"{PREFIX}paint-v1-")
    assert (b"paint-v1", wire.ATTRIBUTION_TYPE.encode()) == (headers[wire.HEADER_ENDPOINT], headers[wire.HEADER_TYPE])


@pytest.mark.slow
def test_an_endpoint_that_answers_as_it_likes_has_none(rounds: Rounds) -> None:
    """Where the same rows are answered otherwise at once, nothing is frozen, and it is known why."""
    numbers = itertools.count()
    rounds.endpoint.predict = lambda row: price(row) + next(numbers)
    rounds.begin()

    assert wait_until(lambda: "answers 64 of 64 rows otherwise when it is asked twice" in rounds.why, within_s=30)
    assert not _is_frozen(rounds)


@pytest.mark.slow
def test_a_round_that_comes_to_nothing_is_tried_again(rounds: Rounds) -> None:
    """While the endpoint is away that is known; once it answers, the round of the hour is told."""
    rounds.freeze()
    IdentityStore(rounds.place.engine).break_off_round("paint", 1, "canaries")
    rounds.endpoint.status = 503
    rounds.begin()
    assert wait_until(lambda: "does not answer" in rounds.why, within_s=30)
    assert [] == rounds.records

    rounds.endpoint.status = 200
    assert wait_until(lambda: len(rounds.records) == 1, within_s=30)
    assert wait_until(lambda: not rounds.why, within_s=10)


@pytest.mark.slow
def test_other_rows_under_the_same_name_are_no_canaries(rounds: Rounds) -> None:
    """What was answered is of the rows of then: others are asked about by nobody, and that is told."""
    rounds.freeze()
    store = IdentityStore(rounds.place.engine)
    known = rounds.known
    assert known is not None
    store.put(FirstAnswers(**{name: getattr(known, name) for name in known.__slots__} | _of_other_rows(known)))
    rounds.begin()

    assert wait_until(lambda: "holds other rows than those that canaries are of" in rounds.why, within_s=30)
    assert [] == rounds.records


def test_half_of_them_lie_near_the_boundary() -> None:
    """32 are of the tenth of smallest margin, the rest of the others; without probabilities all are drawn."""
    chances = np.linspace(0, 1, 1_000)
    answers = answers_of([_answer("yes", 1 - chance, chance) for chance in chances.tolist()], CLASSES)
    places = chosen(answers, ANSWERED)
    near = set(np.argsort(np.abs(2 * chances - 1), kind="stable")[:100].tolist())

    assert (64, 64) == (len(places), len(set(places)))
    assert 32 <= len(near & set(places)) <= 40
    assert places == chosen(answers, ANSWERED)
    labels = Schema(tuple(one for one in CLASSES.fields if one.kind is Kind.CATEGORICAL))
    of_labels = answers_of([orjson.dumps({"predictions": ["yes"]})] * 70, labels)
    assert 64 == len(set(chosen(of_labels, labels.of_role(Role.PREDICTION))))
    assert (True, False) == (tells_numbers(ANSWERED), tells_numbers(labels.of_role(Role.PREDICTION)))


def test_answers_are_compared_as_replayed_ones_are() -> None:
    """A number may be off by 1e-5, a class by nothing; what is no answer to one row says nothing."""
    frozen = [["yes", 0.4, 0.6]] * 5 + [["yes", None, None]]
    bodies = [
        _answer("yes", 0.4, 0.600005),
        _answer("yes", 0.4, 0.601),
        _answer("no", 0.4, 0.6),
        b"",
        b"not json",
        _answer("yes", None, None),
    ]

    assert [Match.SAME, Match.OTHER, Match.OTHER, Match.UNKNOWN, Match.UNKNOWN, Match.SAME] == compared(
        frozen, bodies, CLASSES
    )


def _answer(kind: str, no: float | None, yes: float | None) -> bytes:
    names = [one.name for one in ANSWERED]
    return orjson.dumps({"predictions": [dict(zip(names, (kind, no, yes), strict=True))]})


def _is_frozen(rounds: Rounds) -> bool:
    return rounds.known is not None and rounds.known.frozen is not None


def _of_other_rows(known: FirstAnswers) -> dict[str, Any]:
    assert known.frozen is not None
    return {"frozen": known.frozen | {"table": "another"}, "asked_at": None}
