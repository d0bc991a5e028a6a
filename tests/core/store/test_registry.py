"""The registry of specs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.store.baseline_store import BaselineStore
from pegel.store.database import writing
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


def test_an_empty_registry_is_at_version_zero(engine: Engine) -> None:
    """Before the first spec there is nothing, at version 0."""
    registry = Registry(engine)

    assert ([], 0, None) == (registry.list(), registry.version(), registry.get("delays", 1))


def test_a_spec_comes_back_as_it_went_in(engine: Engine) -> None:
    """A stored spec is read back equal, with the same fingerprint."""
    spec = sample_spec(windowing={"length": "5s", "lateness": "2s"})
    Registry(engine).put(spec)
    found = Registry(engine).get("delays", 1)

    assert found is not None
    assert (spec, spec.fingerprint()) == (found, found.fingerprint())


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


def test_a_group_knows_which_specs_it_cannot_read(engine: Engine) -> None:
    """They are no part of what it watches, and named, so that what is open of them is not taken for gone."""
    registry = Registry(engine)
    for name in ("damaged", "fraud"):
        registry.put(sample_spec(name))
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE monitors SET spec = '{' WHERE model = 'damaged'"))
    models = RegistryView(registry, BaselineStore(engine), "default").read()

    assert (["fraud/1"], ["damaged/1"]) == (sorted(models.specs), sorted(models.unreadable))


def test_specs_are_listed_by_model_and_version(engine: Engine) -> None:
    """The list is ordered by model, then by version as a number."""
    registry = Registry(engine)
    for name, version in (("fraud", 1), ("delays", 10), ("delays", 9)):
        registry.put(sample_spec(name, version))

    assert ["delays/9", "delays/10", "fraud/1"] == [spec.key for spec in registry.list()]
