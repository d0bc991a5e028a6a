"""What models are served by and fed from: their endpoints, training data, Hopsworks, the store of online features."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta

import httpx

from pegel.errors import Unavailable
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.reconcile.look_at_endpoints import look_at_endpoints
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.spec.settings import Settings
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.doctor.diagnosis import Diagnosis, bad, ok, warning

ANSWERS_WITHIN = timedelta(seconds=5)


def endpoints(settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether every model that is served on this machine is ready."""
    if not settings.serves_on_this_machine:
        sentence = "those of a cluster are looked at by monitoring_reconcile, with rights of its own"
        yield warning("endpoints", sentence, "pegel plan, or kubectl get inferenceservice -A")
        return
    serving = LocalServingBackend(settings)
    seen = look_at_endpoints(serving, serving.names())
    ready = [each for each in seen if each.state is EndpointState.READY]
    for each in seen:
        if each.state is not EndpointState.READY:
            at, why = f" at {each.url}" if each.url else "", f": {each.detail.splitlines()[0]}" if each.detail else ""
            sentence = shown(f"that of {each.name}{at} is {each.state}{why}", LONGEST_SENTENCE)
            yield bad("endpoints", sentence, "pegel plan says what reconciling does about it")
    if len(ready) == len(seen):
        yield ok("endpoints", _ready(len(seen)))


def _ready(count: int) -> str:
    return {0: "no model is served here", 1: "the one that is served here is ready"}.get(
        count, f"all {count} are ready"
    )


def features(settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether training data can be read, and whether Hopsworks and the online store that are set answer."""
    yield from _training_data(settings)
    yield from _hopsworks(settings)
    if settings.online_redis is not None:
        yield _online(settings)


def _training_data(settings: Settings) -> Iterator[Diagnosis]:
    if settings.features_address:
        told = f"{settings.features_address} is an address that jobs of Spark read; it was not looked at from here"
        yield warning("features", told)
        return
    folder = settings.features
    if not folder.exists():
        yield ok("features", f"{folder} is not there yet: no training data is registered")
        return
    try:
        names = sum(1 for _ in folder.iterdir())
    except OSError as error:
        remedy = f"make {folder} readable for this account, or name another in PEGEL_FEATURE_STORE"
        yield bad("features", f"{folder} cannot be read: {error.strerror}", remedy)
        return
    yield ok("features", f"training data is read from {folder}, with {how_many(names, 'name')}")


def _hopsworks(settings: Settings) -> Iterator[Diagnosis]:
    if settings.hopsworks is None:
        return
    connection = HopsworksConnection.of(settings)
    address = f"https://{connection.host}:{connection.port}/"
    try:
        trusted = ssl.create_default_context(cafile=None if connection.ca is None else str(connection.ca))
        httpx.head(address, verify=trusted, timeout=ANSWERS_WITHIN.total_seconds())
    except (httpx.HTTPError, OSError) as error:
        said = shown(str(error) or type(error).__name__, LONGEST_SENTENCE)
        yield bad("features", f"Hopsworks does not answer at {address}: {said}", "mend it, or PEGEL_HOPSWORKS")
        return
    connection.key()
    yield ok("features", f"Hopsworks answers at {address}; whether it takes the key, jobs find out")


def _online(settings: Settings) -> Diagnosis:
    try:
        from pegel.online.redis_store import RedisOnlineStore  # noqa: PLC0415  an extra
    except ImportError:
        return warning("features", "the online store was not looked at: redis is not installed here")
    try:
        RedisOnlineStore.of_settings(settings, "doctor").ping(within=ANSWERS_WITHIN)
    except Unavailable as error:
        return bad("features", str(error), "bring it back, or mend PEGEL_ONLINE_REDIS")
    return ok("features", "the server of online features answers")
