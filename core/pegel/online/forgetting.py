"""A subject's vectors in views of online stores: those that specs name, and those that a person names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pegel.errors import PegelError
from pegel.online.local_store import LocalOnlineStore
from pegel.online.stores import loadable_store
from pegel.spec.settings import Settings


def forget(settings: Settings, entities: Mapping[str, str], problems: list[str]) -> dict[str, int]:
    """Remove the vector of an entity from each view; return by view how many there were, 0 or 1.

    `entities`: the key of the entity, by view. Of a view that does not answer, why stands in `problems`.
    """
    gone: dict[str, int] = {}
    for source, entity in entities.items():
        try:
            gone[source] = int(loadable_store(source, settings).forget(entity))
        except PegelError as error:
            problems.append(f"{source}: {error}")
    return gone


def views_beyond(settings: Settings, looked_into: Iterable[str]) -> list[str]:
    """Return what views of stores there may be that nobody looked into, in words: what their keys are nobody knows."""
    there = {f"local://{view}" for view in LocalOnlineStore.of_settings(settings, "").views()} - {*looked_into}
    lines = [f"not looked into: {source}, which no spec names" for source in sorted(there)]
    if settings.online_redis is not None:
        lines.append("not looked into: views in Redis that no spec names")
    how = "; `--online VIEW` removes the vector there whose key is made of these values, in this order"
    return [line + how for line in lines]
