"""Baselines in the database: kept once under their address, one current per model version, swapped by comparison."""

from __future__ import annotations

import threading
import zlib
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import Conflict, LayoutMismatch, NotFound
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore, Promotion
from pegel.store.database import connect, writing
from pegel.store.registry import Registry
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline

pytestmark = pytest.mark.environments("sqlalchemy")

DAY = timedelta(days=1)


def promote(store: BaselineStore, baseline_id: str, expected: str | None) -> bool:
    """Promote for `delays/1` at the start of time."""
    return store.promote("delays", 1, baseline_id, expected, by="test", now=START)


def damage(engine: Engine, baseline_id: str, document: bytes) -> None:
    """Replace the stored bytes of a baseline."""
    here = tables.baselines.c.id == baseline_id
    with writing(engine) as connection:
        connection.execute(sa.update(tables.baselines).where(here).values(document=document))


def test_a_baseline_comes_back_as_it_was_kept(engine: Engine) -> None:
    """The first copy under a content address stays, also when one made on another day comes with it."""
    store, first = BaselineStore(engine), sample_baseline()
    ids = [store.put(one) for one in (first, sample_baseline(created_at=START + DAY))]

    assert [first.id, first.id] == ids
    assert first.to_json() == store.get(first.id).to_json()


def test_promotion_is_compare_and_swap(engine: Engine) -> None:
    """A baseline is promoted over the one that was expected, and refused over any other."""
    store = BaselineStore(engine)
    a, b = (store.put(sample_baseline(seed)) for seed in (0, 1))
    outcomes = [promote(store, a, None), promote(store, a, None), promote(store, a, a)]

    assert [True, False, False] == outcomes
    with pytest.raises(Conflict, match=f"expected None to be current; found {a}"):
        promote(store, b, None)
    assert promote(store, b, a)
    assert (b, None) == (store.current("delays", 1), store.current("delays", 2))
    assert {("delays", 1): b} == store.currents()


def test_promotions_leave_a_history(engine: Engine) -> None:
    """Each change of the pointer says what it replaced, when and by what."""
    store = BaselineStore(engine)
    a, b = (store.put(sample_baseline(seed)) for seed in (0, 1))
    promote(store, a, None)
    store.promote("delays", 1, b, a, by="baseline job", now=START + DAY)

    assert [
        Promotion(baseline_id=a, previous=None, at=START, by="test"),
        Promotion(baseline_id=b, previous=a, at=START + DAY, by="baseline job"),
    ] == store.history("delays", 1)


def test_what_is_promoted_while_a_history_is_read_is_not_replaced(engine: Engine) -> None:
    """One step back is meant from what the person saw: over a promotion that came in between nothing is restored."""
    store = BaselineStore(engine)
    a, b, c = (store.put(sample_baseline(seed)) for seed in range(3))
    promote(store, a, None)
    promote(store, b, a)
    left = [c]

    def promote_in_between(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if "FROM promotions" in statement and left:
            promote(BaselineStore(other), left.pop(), b)

    other = connect(engine.url.render_as_string(hide_password=False))
    sa.event.listen(engine, "after_cursor_execute", promote_in_between)
    try:
        with pytest.raises(Conflict, match=f"expected {b} to be current; found {c}"):
            store.restore("delays", 1, "previous", by="ada", now=START, why="bad data")
    finally:
        other.dispose()
    assert [] == left
    assert c == store.current("delays", 1)


def test_whoever_polls_the_registry_notices_a_promotion(engine: Engine) -> None:
    """A promotion counts as a change of what is wished for; promoting what is current does not."""
    store, registry = BaselineStore(engine), Registry(engine)
    a = store.put(sample_baseline())
    versions = [registry.version()]
    for _ in range(2):
        promote(store, a, None)
        versions.append(registry.version())

    assert [0, 1, 1] == versions


def test_only_a_kept_baseline_is_promoted(engine: Engine) -> None:
    """The pointer never leads to a baseline that is not there."""
    store = BaselineStore(engine)

    with pytest.raises(NotFound, match="nothing was promoted"):
        promote(store, "sha256:0", None)
    with pytest.raises(NotFound, match="keeps no baseline sha256:0"):
        store.get("sha256:0")
    assert store.current("delays", 1) is None


@pytest.mark.parametrize(
    "document",
    [b"", b"\x00", zlib.compress(b"{"), zlib.compress(b"{}"), zlib.compress(b"[]")],
    ids=["empty", "no zlib", "no JSON", "no baseline", "a list"],
)
def test_a_damaged_baseline_is_refused_by_name(engine: Engine, document: bytes) -> None:
    """Bytes that are no baseline raise the error of one unusable document, which callers pass over."""
    store = BaselineStore(engine)
    kept = store.put(sample_baseline())
    damage(engine, kept, document)

    with pytest.raises(LayoutMismatch, match=r"profile the training data again"):
        store.get(kept)


def test_of_many_promotions_at_once_one_wins(engine: Engine, url: str) -> None:
    """Six writers that all expect nothing: one promotes, five are told of the conflict."""
    ids = [BaselineStore(engine).put(sample_baseline(seed)) for seed in range(6)]
    outcomes: list[str] = []

    def run(baseline_id: str) -> None:
        own = connect(url)
        try:
            promote(BaselineStore(own), baseline_id, None)
        except Conflict:
            outcomes.append("conflict")
        else:
            outcomes.append("promoted")
        finally:
            own.dispose()

    writers = [threading.Thread(daemon=True, target=run, args=(baseline_id,)) for baseline_id in ids]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert ["conflict"] * 5 + ["promoted"] == sorted(outcomes)
