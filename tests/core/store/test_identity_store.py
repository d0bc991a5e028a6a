"""What endpoints answered when their versions were new: kept by the worker that asks, seen by whoever judges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine

from pegel.baseline.replay_reference import ReplayReference
from pegel.store.baseline_store import BaselineStore
from pegel.store.identity_store import FirstAnswers, IdentityStore
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")

HOUR = timedelta(hours=1)
ANSWERS = FirstAnswers(
    model="delays",
    version=1,
    identity="canaries",
    source="local://delays",
    reference=ReplayReference(0, 64, 2),
    frozen={"places": [3, 1], "answers": [[1.5], ["red"]]},
    at=START,
)


def test_what_is_kept_is_seen_by_the_stream(engine: Engine) -> None:
    """It is read as it was written, and a group that reads its models again judges by it."""
    registry, store = Registry(engine), IdentityStore(engine)
    registry.put(sample_spec(attribution={"via": "artefact"}))
    view = RegistryView(registry, BaselineStore(engine), "default")
    assert {} == view.read().answers

    replayed = FirstAnswers(
        model="delays", version=1, identity="replay", artefact="ab" * 32, reference=ReplayReference(2, 1_000), at=START
    )
    store.put(ANSWERS)
    store.put(replayed)

    assert (ANSWERS, replayed) == (store.get("delays", 1, "canaries"), store.get("delays", 1, "replay"))
    assert {"delays/1": ReplayReference(2, 1_000)} == view.read().answers
    Results(engine).forget("delays", 1)
    assert store.get("delays", 1, "replay") is None


def test_of_several_that_ask_one_does(engine: Engine) -> None:
    """A round begins once within an hour, whoever is started meanwhile; without frozen rows none begins."""
    store = IdentityStore(engine)
    times = (START, START + timedelta(minutes=59), START + HOUR, START + HOUR)
    assert not store.begin_round("delays", 1, "canaries", every=HOUR, now=START)
    store.put(ANSWERS)

    assert [True, False, True, False] == [
        store.begin_round("delays", 1, "canaries", every=HOUR, now=now) for now in times
    ]


def test_why_nobody_can_look_is_kept_beside_what_is_known(engine: Engine) -> None:
    """A reason changes no counts, and goes once somebody can look again; nobody looked is known as that."""
    store = IdentityStore(engine)
    store.tell("delays", 1, "canaries", "nobody answers", START)
    unknown = store.get("delays", 1, "canaries")
    store.put(ANSWERS)
    store.tell("delays", 1, "canaries", "nobody answers", START)
    known = store.get("delays", 1, "canaries")
    assert {("delays", 1, "canaries"): "nobody answers"} == store.unknown()
    store.tell("delays", 1, "canaries", "", START)

    assert unknown is not None
    assert known is not None
    assert (0, "nobody answers") == (unknown.reference.replayed, unknown.why)
    assert (64, "nobody answers") == (known.reference.replayed, known.why)
    assert ANSWERS == store.get("delays", 1, "canaries")
