"""What a group sees of the registry, and what it holds of its baselines."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import NotFound
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import writing
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.testing.samples import sample_baseline, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


def test_a_spec_that_cannot_be_read_stays_where_it_belongs(engine: Engine) -> None:
    """Of its own group it is named with its reason; of another group its endpoint is known to be that group's."""
    registry = Registry(engine)
    for name, group in (("damaged", "default"), ("fraud", "default"), ("far", "other"), ("torn", "other")):
        registry.put(sample_spec(name, group=group))
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE monitors SET spec = '{' WHERE model IN ('damaged', 'torn')"))
    models = RegistryView(registry, BaselineStore(engine), "default").read()

    assert (["fraud/1"], ["damaged/1"]) == (sorted(models.specs), sorted(models.unreadable))
    assert "the stored spec cannot be read: no JSON" in models.unreadable["damaged/1"]
    assert {"far-v1", "torn-v1"} == models.elsewhere


def test_baselines_are_held_within_a_bound(engine: Engine) -> None:
    """The baseline that was not asked for longest gives way, as document and as what was made of it."""
    store = BaselineStore(engine)
    first, second = (store.put(sample_baseline(seed)) for seed in (0, 1))
    view = RegistryView(Registry(engine), store, "default", max_bytes=len(store.document(first)) * 3 // 2)
    for name in (first, second):
        view.baseline(name)
    with writing(engine) as connection:
        connection.execute(sa.delete(tables.baselines))

    assert second == view.baseline(second).id
    assert view.document(second)
    with pytest.raises(NotFound, match=first):
        view.document(first)
    with pytest.raises(NotFound, match=first):
        view.baseline(first)


def test_a_baseline_beyond_the_bound_is_read_each_time(engine: Engine) -> None:
    """It is no error, and nothing of it is held."""
    store = BaselineStore(engine)
    name = store.put(sample_baseline())
    view = RegistryView(Registry(engine), store, "default", max_bytes=10)

    assert name == view.baseline(name).id
    assert store.document(name) == view.document(name)
    with writing(engine) as connection:
        connection.execute(sa.delete(tables.baselines))
    with pytest.raises(NotFound, match=name):
        view.document(name)
