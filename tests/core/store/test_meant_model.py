"""Which watched models names mean."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import InvalidSpec
from pegel.store.database import writing
from pegel.store.meant_model import watched_models
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


@pytest.fixture
def registry(engine: Engine) -> Registry:
    """A registry of two versions of one model, and another model."""
    registry = Registry(engine)
    for name, version in (("delays", 1), ("delays", 2), ("fraud", 1)):
        registry.put(sample_spec(name, version))
    return registry


def test_a_name_means_all_versions_and_a_key_means_one(registry: Registry) -> None:
    """Each entry is there once, however often it is named."""
    meant = [
        [f"{entry.model}/{entry.version}" for entry in watched_models(registry.entries(), names, otherwise="Done.")]
        for names in (["delays"], ["fraud/1", "delays/2", "delays/2"], [])
    ]

    assert [["delays/1", "delays/2"], ["delays/2", "fraud/1"], []] == meant


def test_names_of_nothing_are_told_together_with_the_nearest(registry: Registry) -> None:
    """One sentence names all that mean nothing and all that there is, and asks what was meant."""
    with pytest.raises(InvalidSpec) as refused:
        watched_models(registry.entries(), ["delasy", "delays", "frau"], otherwise="Nothing was started.")

    assert str(refused.value) == (
        "expected names of watched models; given 'delasy', 'frau'; watched: delays/1, delays/2, fraud/1. Nothing "
        "was started. Did you mean `delays`, `fraud`?"
    )


def test_whoever_names_a_model_that_cannot_be_read_is_told(engine: Engine, registry: Registry) -> None:
    """A stored spec that is none would be passed over; others are meant as before."""
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE monitors SET spec = '{' WHERE model = 'fraud'"))

    with pytest.raises(InvalidSpec, match=r"fraud/1: .* cannot be read.*; apply it again\. Nothing was started\."):
        watched_models(registry.entries(), ["fraud"], otherwise="Nothing was started.")
    assert 2 == len(watched_models(registry.entries(), ["delays"], otherwise=""))
