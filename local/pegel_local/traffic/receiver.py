"""Where rows are sent: an endpoint of this system by its model's name, or any address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pegel.cli.watched_model import opened
from pegel.data import example_request
from pegel.data.columns import Kind, Role
from pegel.data.server_answers import NoAnswer, exchange, json_of
from pegel.errors import InvalidSpec, PegelError, Unavailable
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import quoted
from pegel.spec.server_addresses import names_a_server
from pegel.spec.settings import Settings
from pegel.store.meant_model import watched_model
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.airflow.told_endpoints import told_endpoints
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.cli.login import airflow_login

Protocol: TypeAlias = Literal["v1", "v2"]
ENDINGS: Mapping[str, Protocol] = {":predict": "v1", "/infer": "v2"}
"""How addresses end at which models answer, by protocol."""
ANSWERS_WITHIN = timedelta(seconds=5)
NAME_IT = "Name its address: --to http://... Nothing was sent."


@dataclass(frozen=True)
class Receiver:
    """An address that takes requests, and the kinds of the columns that the model takes; none if they are not known.

    `source` is the training data of a model that is watched, "" of an address.
    """

    address: str
    protocol: Protocol
    kinds: Mapping[str, Kind]
    source: str = ""


def receiver_of(to: str, protocol: Protocol | None, settings: Settings) -> Receiver:
    """Return what a person means: `delays`, `delays/1`, or an address such as `http://.../v1/models/delays:predict`.

    Raises InvalidSpec for an address whose protocol is not clear, and for a model that is not watched; Unavailable for
    one whose address is not known here.
    """
    if "://" in to:
        if not names_a_server(to):
            raise InvalidSpec(
                f"--to: expected the address of a server, as in http://127.0.0.1:8080/v1/models/delays-v1:predict, "
                f"given {quoted(to)}. Nothing was sent."
            )
        ending = next((protocol for end, protocol in ENDINGS.items() if urlsplit(to).path.endswith(end)), None)
        known = protocol or ending
        if known is None:
            raise InvalidSpec(
                f"--to: expected an address that ends with {' or '.join(ENDINGS)}, or --protocol v1 or v2 beside it, "
                f"given {quoted(to)}. Nothing was sent."
            )
        return Receiver(to, known, _inputs(to))
    return _of_model(to, settings)


def _of_model(name: str, settings: Settings) -> Receiver:
    spec, url = _on_this_machine(name, settings) if settings.serves_on_this_machine else _in_cluster(name, settings)
    address = example_request.address(spec, url)
    inputs, registered = _inputs(address), _registered(spec.baseline.source, settings)
    # A server may list one matrix without names, which is no column.
    kinds = inputs if registered.keys() & inputs.keys() else registered
    return Receiver(address, spec.model.protocol, kinds or inputs, spec.baseline.source)


def _on_this_machine(name: str, settings: Settings) -> tuple[MonitorSpec, str]:
    with opened(settings) as engine:
        entry = watched_model(engine, name, otherwise="Nothing was sent.")
    key = monitor_key(entry.model, entry.version)
    if entry.spec is None:
        raise Unavailable(f"{key}: {entry.problem}. Nothing was sent.")
    seen = LocalServingBackend(settings).observe(entry.spec.endpoint)
    if seen.url is None:
        raise Unavailable(
            f"expected an endpoint of {key} on this machine, given one that is {seen.state}, without an address. "
            f"{NAME_IT}"
        )
    return entry.spec, seen.url


def _in_cluster(name: str, settings: Settings) -> tuple[MonitorSpec, str]:
    """Return what the newest onboarding of a model has found: its results database may be out of reach."""
    try:
        with AirflowApi(settings.airflow_url, *airflow_login(settings.home)) as airflow:
            for told in told_endpoints(airflow, {name}):
                return told.spec, told.url
    except PegelError as error:
        raise Unavailable(f"where {quoted(name)} is, Airflow was not to be asked: {error} {NAME_IT}") from error
    raise InvalidSpec(
        f"expected a model that Airflow has onboarded, of whose run it still has the results; given {quoted(name)}. "
        f"{NAME_IT}"
    )


def _registered(source: str, settings: Settings) -> dict[str, Kind]:
    """Return the features that are registered for a model; none where that cannot be read here."""
    try:
        features = LocalFeatureStore(settings.features).describe(source).of_role(Role.FEATURE)
    except (PegelError, ValueError, KeyError, TypeError):
        return {}
    return {field.name: field.kind for field in features}


def _inputs(address: str) -> dict[str, Kind]:
    """Return the columns that a model lists as its inputs; none where it lists none."""
    described = address.replace("/v1/models/", "/v2/models/")
    for ending in ENDINGS:
        described = described.removesuffix(ending)
    answer = exchange("GET", described, within=ANSWERS_WITHIN)
    metadata = None if isinstance(answer, NoAnswer) or answer.status != HTTPStatus.OK else json_of(answer.body)
    try:
        return {str(tensor["name"]): _kind(tensor["datatype"]) for tensor in metadata["inputs"]} if metadata else {}
    except (KeyError, TypeError):
        return {}


def _kind(datatype: Any) -> Kind:
    return Kind.CATEGORICAL if datatype in {"BYTES", "BOOL"} else Kind.NUMERIC
