"""What becomes of rows whose entities were looked up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pegel.data.look_up_faults import LookUpFault
from pegel.online.lookups import LookedUp, LookUpRefused, look_up_rows
from pegel.online.online_store import AHEAD, FeatureVector
from pegel.spec.online_section import Online
from pegel.testing.manual_clock import START

HOUR, SMALLEST = timedelta(hours=1), timedelta(microseconds=1)


def online(**changes: Any) -> Online:
    """Return a section that looks three features up: two with other policies, and one as given."""
    features = {"airline": "default", "gate": "null"} | changes.pop("features", {})
    stated = {"source": "local://flights", "keys": ["flight"], "features": features, "defaults": {"airline": "WN"}}
    return Online.model_validate(stated | {"age_limit": "1h"} | changes)


FRESH = FeatureVector({"gate": "A1", "airline": "AA", "unasked": 1}, START)
STALE = FeatureVector(FRESH.values, START - 2 * HOUR)
REPLACED = {"airline": "WN", "gate": None}


def test_fresh_vectors() -> None:
    """What the store has, and fresh, is handed on: the features of the spec, in its order, nothing else."""
    looked_up = look_up_rows([FRESH, FRESH], 2, online(), START + HOUR)

    assert LookedUp(({"airline": "AA", "gate": "A1"},) * 2, {}) == looked_up
    assert ["airline", "gate"] == list(looked_up.rows[0])


def test_a_null_of_the_store() -> None:
    """A feature that the store knows to be null is null, and no fault."""
    vector = FeatureVector({"airline": "AA", "gate": None}, START)

    assert LookedUp(({"airline": "AA", "gate": None},), {}) == look_up_rows([vector], 1, online(), START)


def test_vectors_of_the_future() -> None:
    """What is dated further ahead than clocks differ is not fresh for ever: nobody knows how old it is."""
    ahead = [FeatureVector(FRESH.values, START + AHEAD), FeatureVector(FRESH.values, START + AHEAD + SMALLEST)]
    looked_up = look_up_rows(ahead, 2, online(), START)

    assert LookedUp(({"airline": "AA", "gate": "A1"}, REPLACED), {LookUpFault.STALE: 1}) == looked_up
    assert {} == look_up_rows(ahead, 2, online(age_limit=None), START).faults


@pytest.mark.parametrize(
    ("vectors", "why"),
    [
        ([None], LookUpFault.UNKNOWN),
        ([FeatureVector(FRESH.values, START - HOUR - timedelta(microseconds=1))], LookUpFault.STALE),
        (None, LookUpFault.UNAVAILABLE),
    ],
)
def test_policies(vectors: list[FeatureVector | None] | None, why: LookUpFault) -> None:
    """Where nothing fresh is there each feature is replaced by its own policy, or the request is refused."""
    assert LookedUp((REPLACED,), {why: 1}) == look_up_rows(vectors, 1, online(), START)
    with pytest.raises(LookUpRefused) as refused:
        look_up_rows(vectors, 1, online(features={"origin": "refuse"}), START)
    assert why is refused.value.why
    assert "origin is needed" in str(refused.value)


def test_a_feature_that_was_never_loaded() -> None:
    """Of a vector that lacks a feature the others are kept, and that one is replaced."""
    partly = FeatureVector({"gate": "A1"}, START)

    assert LookedUp(({"airline": "WN", "gate": "A1"},), {LookUpFault.UNKNOWN: 1}) == look_up_rows(
        [partly], 1, online(), START
    )


def test_rows_are_counted_by_their_own_reasons() -> None:
    """Of several rows only those that are not fresh are replaced, each for its own reason; the gravest is told."""
    looked_up = look_up_rows([FRESH, STALE, None, STALE], 4, online(), START)

    assert LookUpFault.UNKNOWN is looked_up.why
    assert {LookUpFault.STALE: 2, LookUpFault.UNKNOWN: 1} == looked_up.faults
    assert ["AA", "WN", "WN", "WN"] == [row["airline"] for row in looked_up.rows]


EMPTY = FeatureVector({}, START)
PARTLY = FeatureVector({"airline": "AA", "gate": "A1", "stand": 7}, START)


@pytest.mark.parametrize(
    ("vectors", "why", "words"),
    [
        ([STALE, None], LookUpFault.UNKNOWN, "the store of features does not know this entity, and origin is needed"),
        ([STALE, PARTLY], LookUpFault.UNKNOWN, "the store of features has no origin of this entity, and it is needed"),
        ([PARTLY, None], LookUpFault.UNKNOWN, "the store of features does not know this entity, and origin is needed"),
        ([EMPTY, STALE], LookUpFault.UNKNOWN, "the store of features has no origin of this entity, and it is needed"),
        (
            [STALE, STALE],
            LookUpFault.STALE,
            "the features of this entity are too old, or dated ahead, and origin is needed",
        ),
    ],
)
def test_the_gravest_row_refuses(vectors: list[FeatureVector | None], why: LookUpFault, words: str) -> None:
    """A request is refused for its gravest row, wherever it stands; one that was never loaded is named."""
    for rows in (vectors, vectors[::-1]):
        with pytest.raises(LookUpRefused) as refused:
            look_up_rows(rows, 2, online(features={"origin": "refuse"}), START)
        assert (why, words) == (refused.value.why, str(refused.value))


def test_without_an_age_limit_nothing_is_stale() -> None:
    """A vector of any age is fresh where the spec states no limit."""
    old = FeatureVector(FRESH.values, START - 1_000 * HOUR)

    assert look_up_rows([old], 1, online(age_limit=None), START).why is None
