"""A subject's vectors in views of online stores: those that specs name, and those that a person names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pegel.errors import PegelError
from pegel.online.local_store import LocalOnlineStore
from pegel.online.stores import loadable_store
from pegel.spec.settings import Settings


def forget(settings: Settings, entities: Mapping[str, Sequence[str]], problems: list[str]) -> dict[str, int]:
    """Remove the vectors of an entity from each view; return by view how many there were.

    `entities`: the keys that the entity may have, by view. Of a view that does not answer, why stands in `problems`.
    """
    gone: dict[str, int] = {}
    for source, keys in entities.items():
        try:
            store = loadable_store(source, settings)
            gone[source] = sum(store.forget(key) for key in keys)
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
