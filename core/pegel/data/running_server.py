"""Whether a server that runs already is what a spec says of it: asked before anything is started."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from pegel.data.server_answers import NoAnswer, ServerAnswer, exchange, json_of, sentence_in
from pegel.data.wire import VIA
from pegel.spec.monitor_spec import Model
from pegel.spec.outside_text import LONGEST_NAME, quoted, shown
from pegel.spec.settings import Settings

ANSWERS_WITHIN = timedelta(seconds=5)
MOST_BYTES = 1 << 20
"""Of an answer; whatever sends more to these questions is no model server."""
_OWN = {
    "airflow_url": "Airflow",
    "page_url": "the monitoring page",
    "logger_url": "the inference logger",
    "kafka": "the broker",
    "smtp": "the mail server",
}
"""Settings that name what is no model server, and what it is."""
_PORTS = {"http": 80, "https": 443}


def problem_of_server(model: Model, served_name: str, settings: Settings) -> str:
    """Say in one line why what is at `model.url` cannot be watched: expected, given; "" if it can, or without an url.

    `served_name` is what the server calls the model. A server that is not ready yet can be watched: onboarding waits
    for it. Where models are served by another platform than this machine, nothing is asked: its network is not here.
    """
    url = model.url
    if url is None or settings.serving_backend != "local":
        return ""
    given = _own_part(url, settings) or _asked(model.protocol, served_name, url)
    if not given:
        return ""
    expected = f"a server of protocol {model.protocol} with the model {served_name}"
    return f"model.url: given {quoted(url)}: expected {expected}; {given}"


def readiness_address(protocol: str, served_name: str, url: str) -> str:
    """Return where a server below `url` says whether it is ready: by v1 its model, by v2 the server."""
    return f"{url.rstrip('/')}/v1/models/{served_name}" if protocol == "v1" else f"{url.rstrip('/')}/v2/health/ready"


def _own_part(url: str, settings: Settings) -> str:
    """Say which part of our own system listens at an address; "" if none that the settings name does."""
    places = _places(url)
    for field, name in _OWN.items():
        # What nobody stated is where it would be by default, not where it is.
        stated = getattr(settings, field) if field in settings.model_fields_set else None
        addresses = (stated or "").split(",") if field == "kafka" else [stated or ""]
        if any(places & _places(address if "://" in address else f"//{address}") for address in addresses):
            return f"that is the address of {name}"
    return ""


def _places(address: str) -> set[tuple[str, int]]:
    """Return the addresses and the port at which a server listens; none where that is not known."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM) if host and port else []
    except (OSError, ValueError):
        return set()
    return {(str(place[0]), int(place[1])) for *_, place in found}


def _asked(protocol: str, name: str, url: str) -> str:
    """Say what is wrong with what a server answers; "" if nothing is, or if it may pass by itself."""
    where = readiness_address(protocol, name, url)
    answer = exchange("GET", where, within=ANSWERS_WITHIN, most_bytes=MOST_BYTES)
    if isinstance(answer, NoAnswer):
        return answer.words
    if owner := _proxy_of(answer):
        return f"that is our own proxy of {owner}, and its requests would be logged twice or go in circles"
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    if answer.status != HTTPStatus.OK:
        return f"{_refusal(answer, where)}{_other_protocol(protocol, name, url)}"
    if protocol == "v1":
        return "" if isinstance(json_of(answer.body), dict) else f"{_path(where)} answers 200 without a JSON object"
    return _model_of_v2(name, url)


def _model_of_v2(name: str, url: str) -> str:
    """Say why a server of protocol v2 that is ready cannot have a model; "" where it does not say so.

    What a model takes not every server tells: one that knows no such path says so in words of its own, while one that
    knows the protocol and not the model answers with the protocol's `error`.
    """
    where = f"{url.rstrip('/')}/v2/models/{name}"
    answer = exchange("GET", where, within=ANSWERS_WITHIN, most_bytes=MOST_BYTES)
    if isinstance(answer, NoAnswer) or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    content = json_of(answer.body)
    if answer.status == HTTPStatus.OK:
        return "" if isinstance(content, dict) else f"{_path(where)} answers 200 without a JSON object"
    is_told = isinstance(content, dict) and isinstance(content.get("error"), str)
    return _refusal(answer, where) if is_told else ""


def _refusal(answer: ServerAnswer, where: str) -> str:
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{_path(where)} answers {answer.status}: it asks for credentials, and nobody here has any"
    if answer.leads_to:
        return f"{_path(where)} answers {answer.status} and leads to {shown(answer.leads_to)}: state the server itself"
    said = shown(sentence_in(answer.body)).rstrip(".")
    return f"{_path(where)} answers {answer.status}" + (f": {said}" if said else "")


def _other_protocol(protocol: str, name: str, url: str) -> str:
    """Return a hint where a server is ready by the other protocol; "" if it is not."""
    other = "v2" if protocol == "v1" else "v1"
    answer = exchange("GET", readiness_address(other, name, url), within=ANSWERS_WITHIN, most_bytes=MOST_BYTES)
    if isinstance(answer, NoAnswer) or answer.status != HTTPStatus.OK:
        return ""
    is_page = "html" in answer.headers.get("content-type", "")
    return "" if is_page else f"; by {other} it is ready: did you mean `protocol: {other}`?"


def _proxy_of(answer: ServerAnswer) -> str:
    """Return the endpoint of which the answer's server is our proxy; "" if it is none."""
    return next(_ours(answer.headers.get("via", "")), "")


def _ours(via: str) -> Iterator[str]:
    for step in via.split(","):
        _, _, by = step.strip().partition(" ")
        if by.startswith(VIA):
            yield shown(by.removeprefix(VIA), LONGEST_NAME)


def _path(where: str) -> str:
    return f"GET {shown(urlsplit(where).path)}"
