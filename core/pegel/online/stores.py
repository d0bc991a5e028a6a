"""Which store answers for a reference: those of this package, and those that installed packages add."""

from __future__ import annotations

from typing import cast

from pegel.errors import InvalidSpec, SetupError
from pegel.online.online_store import LoadableStore, OnlineStore
from pegel.spec.extensions import Extensions
from pegel.spec.online_reference import OnlineRef
from pegel.spec.settings import Settings

ONLINE_STORES = Extensions(
    "store of features",
    "pegel.online_stores",
    {
        "local": "pegel.online.local_store:LocalOnlineStore",
        "redis": "pegel.online.redis_store:RedisOnlineStore",
        "hopsworks": "pegel.online.hopsworks_store:HopsworksOnlineStore",
    },
)
"""Each store by its scheme. An installed package adds one by an entry point of the group `pegel.online_stores`: a class
with `of_settings(settings, view)`."""


def online_store(source: str, settings: Settings) -> OnlineStore:
    """Return the view that a reference means. Raises InvalidSpec, NotFound for a store that is not there, SetupError.

    Nothing is opened, and only that store's client is imported.
    """
    ref = OnlineRef.parse(source)
    try:
        kind = ONLINE_STORES.one(ref.store)
    except ImportError as error:
        raise SetupError(
            f"{ref}: the client of this store is not installed here ({error.name}); install the extra `{ref.store}`. "
            "Nothing was looked up."
        ) from error
    return cast("OnlineStore", kind.of_settings(settings, ref.view))


def loadable_store(source: str, settings: Settings) -> LoadableStore:
    """Return a view that is filled from here. Raises what `online_store` raises, InvalidSpec where another fills it."""
    store = online_store(source, settings)
    if not hasattr(store, "load"):
        raise InvalidSpec(f"{source}: this store is filled by its own system. Nothing was loaded.")
    return cast("LoadableStore", store)
