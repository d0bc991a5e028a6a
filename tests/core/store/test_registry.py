"""The registry of specs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import reading, writing
from pegel.store.registry import Registry
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Commit, MonitorState, PanePart, ReadRange
from pegel.testing.manual_clock import START, ManualClock
from pegel.testing.samples import sample_baseline, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


def test_an_empty_registry_is_at_version_zero(engine: Engine) -> None:
    """Before the first spec there is nothing, at version 0."""
    registry = Registry(engine)

    assert ([], 0, None) == (registry.list(), registry.version(), registry.get("delays", 1))


def test_one_model_version_is_found_alone(engine: Engine) -> None:
    """It is the same as among all, also where its spec cannot be read; another version is none."""
    registry = Registry(engine)
    before = registry.is_empty()
    registry.put(sample_spec())
    with writing(engine) as connection:
        connection.execute(sa.update(tables.monitors).values(spec={}))

    assert registry.entries() == [registry.entry("delays", 1)]
    assert (True, False, None) == (before, registry.is_empty(), registry.entry("delays", 2))


def test_a_spec_comes_back_as_it_went_in(engine: Engine) -> None:
    """A stored spec is read back equal, with the same fingerprint."""
    spec = sample_spec(windowing={"length": "5s", "lateness": "2s"})
    Registry(engine).put(spec)
    found = Registry(engine).get("delays", 1)

    assert found is not None
    assert (spec, spec.fingerprint()) == (found, found.fingerprint())


def test_a_change_is_noted_at_the_instant_given(engine: Engine) -> None:
    """When a spec changed is told by the clock or by whoever registers it, not by the machine."""
    store = BaselineStore(engine)
    Registry(engine, ManualClock(START)).put(sample_spec("early"))
    baseline_id = store.put(sample_baseline())
    store.register(sample_spec(), baseline_id, by="test", now=START + timedelta(hours=1))
    with reading(engine) as connection:
        rows = connection.execute(sa.select(tables.monitors.c.model, tables.monitors.c.changed_at)).all()

    assert {"early": START, "delays": START + timedelta(hours=1)} == {row.model: row.changed_at for row in rows}


def test_the_newest_are_those_whose_specs_changed_last(engine: Engine) -> None:
    """In the order of their last change; putting the same again is none."""
    clock = ManualClock(START)
    registry = Registry(engine, clock)
    for name in ("first", "second", "third"):
        registry.put(sample_spec(name))
        clock.advance(timedelta(minutes=1))
    registry.put(sample_spec("first", group="own"))
    registry.put(sample_spec("second"))

    assert ["first", "third"] == [entry.model for entry in registry.newest(2)]


def test_version_grows_with_each_change_only(engine: Engine) -> None:
    """Putting, changing and removing raise the version; repeating any of them does not."""
    registry = Registry(engine)
    steps: list[Callable[[], bool]] = [
        lambda: registry.put(sample_spec()),
        lambda: registry.put(sample_spec()),
        lambda: registry.put(sample_spec(group="own")),
        lambda: registry.remove("delays", 1),
        lambda: registry.remove("delays", 1),
    ]
    seen = [(step(), registry.version()) for step in steps]

    assert [(True, 1), (False, 1), (True, 2), (True, 3), (False, 3)] == seen


def test_an_invalid_spec_holds_up_nobody(engine: Engine) -> None:
    """A stored spec that is refused, or is no JSON, is an entry with its reason; the other models are listed."""
    registry = Registry(engine)
    for name in ("damaged", "fraud", "refused"):
        registry.put(sample_spec(name))
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE monitors SET spec = '{' WHERE model = 'damaged'"))
        connection.execute(sa.text("UPDATE monitors SET spec = '{\"model\": 7}' WHERE model = 'refused'"))
    problems = {entry.model: entry.problem for entry in registry.entries() if entry.spec is None}

    assert ["fraud/1"] == [spec.key for spec in registry.list()]
    assert ["damaged", "refused"] == sorted(problems)
    assert problems["damaged"].startswith("spec: the stored spec cannot be read: no JSON")
    assert problems["refused"].startswith("spec: model: given 7")


def test_specs_are_listed_by_model_and_version(engine: Engine) -> None:
    """The list is ordered by model, then by version as a number."""
    registry = Registry(engine)
    for name, version in (("fraud", 1), ("delays", 10), ("delays", 9)):
        registry.put(sample_spec(name, version))

    assert ["delays/9", "delays/10", "fraud/1"] == [spec.key for spec in registry.list()]


TOPIC = "pegel.default.inference"


def read_by(engine: Engine, group: str, end: int, commit: Commit | None = None) -> None:
    """Let a group have read a partition of the topic up to `end`."""
    store = StreamStore(engine)
    full = commit or Commit()
    full.read = [ReadRange(topic=TOPIC, partition=0, start=0, end=end, records=end, topic_id="t")]
    store.commit(store.claim(group, 1, START), full, START)


def begins_at(engine: Engine, group: str) -> int | None:
    """Return where a group would go on in the partition; None if it does not know it."""
    store = StreamStore(engine)
    read = store.restore(store.claim(group, 2, START)).offsets.get((TOPIC, 0))
    return None if read is None else read.end


def test_a_model_moves_to_another_group_with_its_open_windows(engine: Engine) -> None:
    """The new group goes on where the old one stood, with what was open: nothing is counted twice."""
    registry, spec = Registry(engine), sample_spec()
    registry.put(spec)
    commit = Commit(
        pane_parts=[PanePart(model="delays", version=1, pane=START, data=b"x")],
        states=[MonitorState(model="delays", version=1, windows={"a": 1})],
    )
    read_by(engine, "default", 40, commit)
    registry.put(spec.model_copy(update={"group": "other"}))
    store = StreamStore(engine)
    here, there = (store.restore(store.claim(group, 3, START)) for group in ("default", "other"))

    assert (40, 40) == (here.offsets[TOPIC, 0].end, there.offsets[TOPIC, 0].end)
    assert ([], [{"a": 1}]) == ([state.windows for state in here.states], [state.windows for state in there.states])
    assert ([], [b"x"]) == ([part.data for part in here.pane_parts], [part.data for part in there.pane_parts])


def test_a_new_group_begins_where_the_slowest_of_the_others_stands(engine: Engine) -> None:
    """A model that is new has no records before that, and nobody's history is read again."""
    read_by(engine, "one", 40)
    read_by(engine, "two", 30)
    Registry(engine).put(sample_spec().model_copy(update={"group": "new"}))

    assert 30 == begins_at(engine, "new")


def test_a_group_that_reads_the_topic_keeps_its_place(engine: Engine) -> None:
    """Another model of the same namespace moves nothing; a topic that nobody reads is not known."""
    read_by(engine, "one", 40)
    read_by(engine, "new", 10)
    Registry(engine).put(sample_spec().model_copy(update={"group": "new"}))
    Registry(engine).put(sample_spec(version=2).model_copy(update={"group": "third", "namespace": "elsewhere"}))

    assert (10, None) == (begins_at(engine, "new"), begins_at(engine, "third"))
